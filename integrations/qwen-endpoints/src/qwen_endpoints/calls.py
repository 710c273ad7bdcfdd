"""One call: settings, messages and a call's overrides -> what is sent and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from qwen_endpoints.depth import refusing_depth
from qwen_endpoints.endpoint import Endpoint, resolve
from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.limits import check_limits, refuse_dropped
from qwen_endpoints.overrides import settle
from qwen_endpoints.settings import ARGUMENTS, PARAMETERS, QwenSettings
from qwen_endpoints.thinking import plan_thinking
from qwen_endpoints.types import ChatRequest

if TYPE_CHECKING:
    from qwen_endpoints.types import Message
    from qwen_endpoints.words import Json

DEFAULT_TIMEOUT: Final = 600.0
"""Seconds; reasoning models may think for minutes before they answer a whole call."""
DEFAULT_CONNECT_TIMEOUT: Final = 10.0
_LONGEST: Final = 1_000_000.0
"""Seconds: eleven days. What is longer, and infinity, is beyond what the system's clocks take."""


_MAPPINGS: Final = frozenset({"extra_body", "extra_headers", "extra_query"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """How one request travels."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    query: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    connect_timeout: float = DEFAULT_CONNECT_TIMEOUT
    timeout: float = DEFAULT_TIMEOUT
    idle_timeout: float = DEFAULT_TIMEOUT
    deadline: float | None = None
    max_retries: int = 2
    http_client: Any = None
    async_http_client: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Everything about one call, decided before anything is sent."""

    endpoint: Endpoint
    request: ChatRequest
    transport: Transport


def plan_call(
    settings: QwenSettings,
    messages: Sequence[Message],
    *,
    tools: Sequence[Json] = (),
    tool_choice: str | Json | None = None,
    response_format: Json | None = None,
    answer_schema: Json | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Call:
    """Join settings, messages and a call's overrides.

    Args:
        settings: The instance's configuration; it is not changed.
        messages: The conversation.
        tools: Function tools in the Chat Completions shape. None at all is the same as an empty list.
        tool_choice: See `ChatRequest.tool_choice`.
        response_format: See `ChatRequest.response_format`.
        answer_schema: See `ChatRequest.answer_schema`.
        overrides: Settings for this call by name (`temperature=...`, `model=...`, `enable_thinking=...`), and besides
            `extra_headers` and `extra_query`. Any other name goes into the body as it is. `None` is "not given".

    Raises:
        ConfigurationError: The configuration cannot be used; nothing has been sent.
    """
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    for name in _MAPPINGS.intersection(given):
        if not isinstance(given[name], Mapping):
            kind = type(given[name]).__name__
            raise ConfigurationError(f"{name} is a {kind}, not a mapping of names to values.", model=settings.model)
    headers = given.pop("extra_headers", None)
    if headers:  # as settings, so that a credential among them is judged with the address it goes to
        given["default_headers"] = {**(given.get("default_headers") or settings.default_headers or {}), **headers}
    query = given.pop("extra_query", None)
    if query:
        given["default_query"] = {**(given.get("default_query") or settings.default_query or {}), **query}
    with refusing_depth(partial(ConfigurationError, model=settings.model)):
        settled = settle(settings, given)
        endpoint = resolve(settled.settings)
        refuse_dropped({name: value for name, value in given.items() if name not in ARGUMENTS}, endpoint)
        extra = settled.extra_body(endpoint.dialect)
    request = request_of(
        settled.settings,
        messages,
        extra,
        tools=tools,
        tool_choice=tool_choice,
        response_format=response_format,
        answer_schema=answer_schema,
    )
    return Call(endpoint=endpoint, request=request, transport=_transport(settled.settings))


def check_settings(settings: QwenSettings, *, described: bool = False) -> Endpoint | None:
    """Check a new instance as far as can be told without a call, so that mistakes show where they are made.

    A missing key is not judged: it may be set later, and an instance may be built only to be dumped. `described` says
    that the caller has told what the model can do, so that an unknown id is no reason to warn. Returns the
    endpoint, or `None` where the provider cannot be told yet.

    Raises:
        ConfigurationError: The provider's name is unknown, a value is out of its documented range, or settings
            contradict each other.
    """
    try:
        endpoint = resolve(settings, need_key=False, described=described)
    except ConfigurationError:
        if settings.provider is None and settings.base_url is None:
            return None  # left to the environment, which may still change before the first call
        raise
    request = request_of(settings, (), dict(settings.extra_body or {}))
    check_limits(request, endpoint)
    plan_thinking(request, endpoint)
    return endpoint


def request_of(
    settings: QwenSettings,
    messages: Sequence[Message],
    extra_body: Json = MappingProxyType({}),
    *,
    tools: Sequence[Json] = (),
    tool_choice: str | Json | None = None,
    response_format: Json | None = None,
    answer_schema: Json | None = None,
) -> ChatRequest:
    """Say of a request what the settings say; nothing is checked. See `plan_call` for a request that is sent."""
    return ChatRequest(
        messages=messages,
        tools=tools,
        tool_choice=tool_choice,
        response_format=response_format,
        answer_schema=answer_schema,
        parameters={name: value for name in PARAMETERS if (value := getattr(settings, name)) is not None},
        video_fps=settings.video_fps,
        enable_thinking=settings.enable_thinking,
        thinking_budget=settings.thinking_budget,
        reasoning_effort=settings.reasoning_effort,
        preserve_thinking=settings.preserve_thinking,
        reasoning_replay=settings.reasoning_replay,
        stream_usage=settings.stream_usage,
        extra_body=extra_body,
    )


def _transport(settings: QwenSettings) -> Transport:
    timeout = _seconds(settings.timeout, DEFAULT_TIMEOUT)
    return Transport(
        headers=dict(settings.default_headers or {}),
        query=dict(settings.default_query or {}),
        connect_timeout=_seconds(settings.connect_timeout, min(DEFAULT_CONNECT_TIMEOUT, timeout)),
        timeout=timeout,
        idle_timeout=_seconds(settings.stream_idle_timeout, timeout),
        deadline=None if settings.deadline is None else min(settings.deadline, _LONGEST),
        max_retries=settings.max_retries,
        http_client=settings.http_client,
        async_http_client=settings.async_http_client,
    )


def _seconds(given: float | None, default: float) -> float:
    return default if given is None else min(given, _LONGEST)
