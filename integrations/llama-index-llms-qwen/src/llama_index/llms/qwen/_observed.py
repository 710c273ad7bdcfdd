"""What stands around the eight endpoints: the framework's spans, events, callbacks and rate limit.

From the outside in: what may be shown of the arguments, the span, an event for a failure, the framework's decorator,
and then the method with the arguments as they were given. The framework writes whatever it sees into events, spans and
callback payloads, so what is inside the first layer must not see a credential.
"""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import update_wrapper, wraps
from typing import Any, Final, TypeVar, cast

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.instrumentation.events.exception import ExceptionEvent
from llama_index.core.llms.callbacks import (
    llm_chat_callback,  # pyright: ignore[reportUnknownVariableType] - a bare `Callable`, typed below
    llm_completion_callback,  # pyright: ignore[reportUnknownVariableType] - as above
)
from llama_index.core.tools import BaseTool
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.dispatcher import DISPATCHER_SPAN_DECORATED_ATTR
from pydantic_core import to_jsonable_python
from qwen_endpoints import ConfigurationError

from llama_index.llms.qwen._unheard import AsyncFrames, Frames

_Method = TypeVar("_Method", bound=Callable[..., Any])
_Layer = Callable[..., Any]

_MASKED: Final = frozenset({"api_key", "default_headers", "default_query", "extra_headers", "extra_query"})
"""Arguments that may hold a credential: whether they were given is shown, what they are is not."""
_OBJECTS: Final = frozenset({"http_client", "async_http_client"})
"""Objects that say nothing of an answer."""


def observed_chat(method: _Method) -> _Method:
    """Put a chat method where the framework can observe it.

    What is no list of messages is refused before anybody hears of the call, a `ConfigurationError`.
    """
    return _observed(method, cast("_Layer", llm_chat_callback()), _check_messages)


def observed_completion(method: _Method) -> _Method:
    """As `observed_chat`, for a completion method."""
    return _observed(method, cast("_Layer", llm_completion_callback()), _check_prompt)


@dataclass(slots=True)
class _Running:
    """One call on its way through the layers."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    frames: Any = None
    """The method's `Frames` or `AsyncFrames`, where it gave some."""


_RUNNING: Final[ContextVar[_Running]] = ContextVar("llama_index_llms_qwen_running")


def _observed(method: _Method, decorate: _Layer, check: Callable[[object], None]) -> _Method:
    asynchronous = inspect.iscoroutinefunction(method)
    signature = inspect.signature(method)
    subject = list(signature.parameters)[1]

    def check_subject(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        check(args[0] if args else kwargs.get(subject))

    inner = _with_given_arguments_async(method) if asynchronous else _with_given_arguments(method)
    told = _failure_told_async(decorate(inner)) if asynchronous else _failure_told(decorate(inner))
    update_wrapper(told, method)
    # Span handlers read arguments by name. Unless it is stated, each span works the signature out again.
    told.__signature__ = signature
    traced = get_dispatcher(method.__module__).span(told)
    outer = (_showing_async if asynchronous else _showing)(method, traced, check_subject)
    # The framework would put a span around this as well.
    setattr(outer, DISPATCHER_SPAN_DECORATED_ATTR, True)
    return cast("_Method", outer)


# What may be shown


def _showing(method: _Layer, traced: Any, check: Callable[..., None]) -> _Layer:
    @wraps(method)
    def outer(self: object, *args: Any, **kwargs: Any) -> Any:
        check(args, kwargs)
        running = _Running(args, kwargs)
        token = _RUNNING.set(running)
        try:
            result = traced.__get__(self, type(self))(*args, **shown(kwargs))
        finally:
            _RUNNING.reset(token)
        return result if running.frames is None else running.frames.all(result)

    return outer


def _showing_async(method: _Layer, traced: Any, check: Callable[..., None]) -> _Layer:
    @wraps(method)
    async def outer(self: object, *args: Any, **kwargs: Any) -> Any:
        check(args, kwargs)
        running = _Running(args, kwargs)
        token = _RUNNING.set(running)
        try:
            result = await traced.__get__(self, type(self))(*args, **shown(kwargs))
        finally:
            _RUNNING.reset(token)
        return result if running.frames is None else running.frames.all(result)

    return outer


def shown(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments fit to be shown and to be written as JSON. Messages and plain values are themselves."""
    return {
        name: "***" if name in _MASKED and value else _as_json(value)
        for name, value in arguments.items()
        if name not in _OBJECTS
    }


def _as_json(value: object) -> object:
    if _is_conversation(value):
        return value
    try:
        return to_jsonable_python(value, bytes_mode="base64", fallback=_described)
    except ValueError:  # it contains itself, or is nested beyond what can be written
        return _outlined(value)


def _outlined(value: object) -> str:
    try:
        return repr(value)
    except RecursionError:
        return reprlib.repr(value)


def _is_conversation(value: object) -> bool:
    return isinstance(value, Sequence) and any(
        isinstance(item, ChatMessage) for item in cast("Sequence[object]", value[:1])
    )


def _described(value: object) -> object:
    return value.metadata.to_openai_tool(skip_length_check=True) if isinstance(value, BaseTool) else repr(value)


# The inner layers


def _failure_told(layer: _Layer) -> _Layer:
    def told(*args: Any, **kwargs: Any) -> Any:
        with _exception_event():
            return layer(*args, **kwargs)

    return told


def _failure_told_async(layer: _Layer) -> _Layer:
    async def told(*args: Any, **kwargs: Any) -> Any:
        with _exception_event():
            return await layer(*args, **kwargs)

    return told


@contextmanager
def _exception_event() -> Generator[None, None, None]:
    """Give each start event an end: the framework says nothing of a call that fails before its first frame."""
    try:
        yield
    except BaseException as error:
        get_dispatcher(__name__).event(ExceptionEvent(exception=error))
        raise


def _with_given_arguments(method: _Layer) -> _Layer:
    def inner(self: object, *_shown: Any, **_also_shown: Any) -> Any:
        running = _RUNNING.get()
        result = method(self, *running.args, **running.kwargs)
        if not isinstance(result, Generator):
            return result
        running.frames = Frames(cast("Generator[Any, None, None]", result))
        return running.frames.told()

    return _like(inner, method)


def _with_given_arguments_async(method: _Layer) -> _Layer:
    async def inner(self: object, *_shown: Any, **_also_shown: Any) -> Any:
        running = _RUNNING.get()
        result = await method(self, *running.args, **running.kwargs)
        if not isinstance(result, AsyncGenerator):
            return result
        running.frames = AsyncFrames(cast("AsyncGenerator[Any, None]", result))
        return running.frames.told()

    return _like(inner, method)


def _like(inner: _Layer, method: _Layer) -> _Layer:
    update_wrapper(inner, method)
    # The framework takes this mark for its own and would add nothing.
    del cast("Any", inner).__wrapped__
    return inner


# What is no conversation


def _check_messages(given: object) -> None:
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        wrong = next((item for item in cast("Sequence[object]", given) if not isinstance(item, ChatMessage)), None)
        if wrong is None:
            return
        what = f"a list that holds a {type(wrong).__name__}"
    else:
        what = f"a {type(given).__name__}"
    raise ConfigurationError(f"A chat takes a list of ChatMessage, not {what}. For a plain text there is complete().")


def _check_prompt(given: object) -> None:
    if not isinstance(given, str):
        kind = type(given).__name__
        raise ConfigurationError(f"A completion takes a text, not a {kind}. For messages there is chat().")
