"""What the framework's instrumentation saw: events, and the spans around them."""

# The framework hands its handlers bare dicts and `Any`.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import inspect
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.instrumentation import (
    get_dispatcher,  # pyright: ignore[reportPrivateImportUsage] - documented there
)
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.span import BaseSpan
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from pydantic import PrivateAttr
from typing_extensions import override


@dataclass
class Seen:
    """What happened while somebody looked."""

    events: list[BaseEvent] = field(default_factory=list[BaseEvent])
    entered: list[str] = field(default_factory=list[str])
    """Spans by name, such as `Qwen.chat`, in the order in which they began."""
    ended: list[str] = field(default_factory=list[str])
    """Spans that ended well."""
    dropped: list[str] = field(default_factory=list[str])
    """Spans that ended with an exception."""

    @property
    def names(self) -> list[str]:
        """The events' names, in order. Those about spans are left out: core sends them itself."""
        return [event.class_name() for event in self.events if event.class_name() != "SpanDropEvent"]

    def of(self, name: str) -> list[Any]:
        """The events of that name."""
        return [event for event in self.events if event.class_name() == name]


@contextmanager
def observed() -> Generator[Seen]:
    """Watch every event and span of the framework."""
    seen = Seen()
    root = get_dispatcher()
    events, spans = _Events(seen), _Spans(seen)
    root.add_event_handler(events)
    root.add_span_handler(spans)
    try:
        yield seen
    finally:
        root.event_handlers.remove(events)
        root.span_handlers.remove(spans)


class _Events(BaseEventHandler):
    _seen: Seen = PrivateAttr()

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self._seen = seen

    @override
    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self._seen.events.append(event)


class _Spans(BaseSpanHandler[BaseSpan]):
    _seen: Seen = PrivateAttr()

    def __init__(self, seen: Seen) -> None:
        super().__init__(open_spans={}, completed_spans=[], dropped_spans=[], current_span_ids={})
        self._seen = seen

    @override
    def new_span(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any | None = None,
        parent_span_id: str | None = None,
        tags: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> BaseSpan | None:
        self._seen.entered.append(_name(id_))
        return BaseSpan(id_=id_, parent_id=parent_span_id, tags=tags or {})

    @override
    def prepare_to_exit_span(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any | None = None,
        result: Any | None = None,
        **kwargs: Any,
    ) -> BaseSpan | None:
        self._seen.ended.append(_name(id_))
        return self.open_spans.get(id_)

    @override
    def prepare_to_drop_span(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any | None = None,
        err: BaseException | None = None,
        **kwargs: Any,
    ) -> BaseSpan | None:
        self._seen.dropped.append(_name(id_))
        return self.open_spans.get(id_)


def _name(span: str) -> str:
    """A span's id is its name and a UUID, which holds four hyphens itself."""
    return span.rsplit("-", 5)[0]
