"""What the tests of observability share: the eight ways to ask, and handlers that write down what they hear."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeArgument=false

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, CBEventType
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span import BaseSpan
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index_instrumentation import get_dispatcher
from pydantic import Field
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from llama_index.llms.qwen import Qwen

CHATS: Final = ("chat", "stream_chat", "achat", "astream_chat")
COMPLETIONS: Final = ("complete", "stream_complete", "acomplete", "astream_complete")
EIGHT: Final = (*CHATS, *COMPLETIONS)
STREAMS: Final = tuple(way for way in EIGHT if "stream" in way)
each_way = pytest.mark.parametrize("way", EIGHT)
each_stream = pytest.mark.parametrize("way", STREAMS)


async def begin(llm: Qwen, way: str, prompt: str | Sequence[ChatMessage], **kwargs: Any) -> Any:
    """Ask, and return what the endpoint gave: a response, or the frames of a stream, not begun."""
    subject: Any = [ChatMessage(prompt)] if way in CHATS and isinstance(prompt, str) else prompt
    given = getattr(llm, way)(subject, **kwargs)
    return await given if way.startswith("a") else given


async def ask(llm: Qwen, way: str, prompt: str | Sequence[ChatMessage], **kwargs: Any) -> list[Any]:
    """Ask, and return the response, or all frames of a stream."""
    given = await begin(llm, way, prompt, **kwargs)
    if way not in STREAMS:
        return [given]
    return [frame async for frame in given] if way.startswith("a") else list(given)


class EventLog(BaseEventHandler):
    """Keeps the events of the instrumentation."""

    seen: list[Any] = Field(default_factory=list[Any])

    @override
    def handle(self, event: Any, **kwargs: Any) -> None:
        self.seen.append(event)

    @property
    def names(self) -> list[str]:
        return [event.class_name() for event in self.seen]

    def of(self, name: str) -> list[Any]:
        return [event for event in self.seen if event.class_name() == name]


class SpanLog(BaseSpanHandler[BaseSpan]):
    """Keeps what spans are told, and how they end."""

    entered: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    ended: dict[str, str] = Field(default_factory=dict[str, str])

    @override
    def new_span(
        self,
        id_: str,
        bound_args: Any,
        instance: Any | None = None,
        parent_span_id: str | None = None,
        tags: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> BaseSpan:
        self.entered.append(
            {"id": id_, "parent": parent_span_id, "instance": instance, "arguments": dict(bound_args.arguments)}
        )
        return BaseSpan(id_=id_, parent_id=parent_span_id)

    @override
    def prepare_to_exit_span(
        self,
        id_: str,
        bound_args: Any,
        instance: Any | None = None,
        result: Any | None = None,
        **kwargs: Any,
    ) -> BaseSpan | None:
        self.ended[id_] = "exit"
        return self.open_spans[id_]

    @override
    def prepare_to_drop_span(
        self,
        id_: str,
        bound_args: Any,
        instance: Any | None = None,
        err: BaseException | None = None,
        **kwargs: Any,
    ) -> BaseSpan | None:
        self.ended[id_] = repr(err)
        return self.open_spans[id_]


class CallbackLog(BaseCallbackHandler):
    """Keeps what a handler of the callback manager is given."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.started: list[tuple[CBEventType, str, dict[str, Any]]] = []
        self.ended: list[tuple[CBEventType, str, dict[str, Any]]] = []

    @override
    def on_event_start(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        parent_id: str = "",
        **kwargs: Any,
    ) -> str:
        self.started.append((event_type, event_id, payload or {}))
        return event_id

    @override
    def on_event_end(
        self, event_type: CBEventType, payload: dict[str, Any] | None = None, event_id: str = "", **kwargs: Any
    ) -> None:
        self.ended.append((event_type, event_id, payload or {}))

    @override
    def start_trace(self, trace_id: str | None = None) -> None:
        pass

    @override
    def end_trace(self, trace_id: str | None = None, trace_map: Any = None) -> None:
        pass

    @property
    def pairs(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Start and end of each LLM event; every start has one end."""
        starts = {place: payload for kind, place, payload in self.started if kind == CBEventType.LLM}
        ends = [(place, payload) for kind, place, payload in self.ended if kind == CBEventType.LLM]
        assert sorted(starts) == sorted(place for place, _ in ends)
        return [(starts[place], payload) for place, payload in ends]


class Watch:
    """Everything that can be heard of a model's calls."""

    def __init__(self) -> None:
        self.events = EventLog()
        self.spans = SpanLog()
        self.callbacks = CallbackLog()

    def attach(self, llm: Qwen) -> Qwen:
        """Let the model's callback manager tell this watch as well."""
        llm.callback_manager = CallbackManager([self.callbacks])
        return llm

    @property
    def text(self) -> str:
        """All of it as text, and as the JSON that a tracing service would store."""
        heard = [str(self.spans.entered), str(self.spans.ended), str(self.callbacks.started), str(self.callbacks.ended)]
        for event in self.events.seen:
            heard.append(str(event))
            # These hold an exception and a class, which are no JSON.
            if event.class_name() not in ("ExceptionEvent", "LLMStructuredPredictStartEvent"):
                heard.append(event.model_dump_json())
        return "\n".join(heard)


@contextmanager
def listening() -> Generator[Watch, None, None]:
    """Listen to all events and spans for a while."""
    watch = Watch()
    root = get_dispatcher()
    root.add_event_handler(watch.events)
    root.add_span_handler(watch.spans)
    try:
        yield watch
    finally:
        root.event_handlers.remove(watch.events)
        root.span_handlers.remove(watch.spans)
