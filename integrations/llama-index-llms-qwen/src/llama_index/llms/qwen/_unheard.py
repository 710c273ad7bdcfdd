"""Frames that the framework is not told of, because nobody would hear.

Its decorator makes an event of each frame, and checks all messages of the conversation for it: 5 us where there is one
message, 280 us where there are 1,000 (llama-index-core 0.14.25, 2026-11). Mostly no handler waits for these events.
Then the frames between the first and the last, of which it makes nothing else, go past the decorator.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing
from typing import Any

from llama_index.core.llms import callbacks
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.event_handlers import NullEventHandler

from llama_index.llms.qwen._tool_calls import PARTIAL


class Frames:
    """The frames of one call: what the framework is told of, and all of them."""

    def __init__(self, source: Generator[Any, None, None]) -> None:
        self._source = source
        self._ahead = _Ahead()

    def told(self) -> Generator[Any, None, None]:
        """Give what the framework is told of: this is what it decorates."""
        while (frame := self._ahead.take() or next(self._source, None)) is not None:
            yield frame

    def all(self, decorated: Generator[Any, None, None]) -> Generator[Any, None, None]:
        """Give all frames. When they are left, so is what they are made from.

        The framework leaves that to the garbage collector, which does not come while a recorded exception event holds
        on.
        """
        with closing(self._source), closing(decorated):
            for heard in decorated:
                yield heard
                while not _is_heard() and (frame := self._next()) is not None:
                    yield frame

    def _next(self) -> Any:
        try:
            return self._ahead.sort(next(self._source, None))
        except BaseException as failure:  # noqa: BLE001 - the decorator is told, and raises it
            return self._ahead.fail(failure)


class AsyncFrames:
    """As `Frames`, for `async for`."""

    def __init__(self, source: AsyncGenerator[Any, None]) -> None:
        self._source = source
        self._ahead = _Ahead()

    async def told(self) -> AsyncGenerator[Any, None]:
        """As `Frames.told`."""
        while (frame := self._ahead.take() or await anext(self._source, None)) is not None:
            yield frame

    async def all(self, decorated: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
        """As `Frames.all`."""
        async with aclosing(self._source), aclosing(decorated):
            async for heard in decorated:
                yield heard
                while not _is_heard() and (frame := await self._next()) is not None:
                    yield frame

    async def _next(self) -> Any:
        try:
            return self._ahead.sort(await anext(self._source, None))
        except BaseException as failure:  # noqa: BLE001 - as above
            return self._ahead.fail(failure)


class _Ahead:
    """What the framework is to be told of next: a frame, or a failure."""

    def __init__(self) -> None:
        self._frame: Any = None
        self._failure: BaseException | None = None

    def sort(self, frame: Any) -> Any:
        """Return a frame that needs not be told of. Any other is kept, and `None` returned; `None` is the end."""
        if frame is not None and frame.additional_kwargs.get(PARTIAL):
            return frame
        self._frame = frame
        return None

    def fail(self, failure: BaseException) -> None:
        """Keep a failure."""
        self._failure = failure

    def take(self) -> Any:
        """Return the frame that was kept, or raise the failure; `None` if there is neither."""
        if self._failure is not None:
            raise self._failure
        frame, self._frame = self._frame, None
        return frame


def _is_heard() -> bool:
    """Whether anybody hears of the framework's events; that may change at any frame."""
    dispatcher = get_dispatcher(callbacks.__name__)
    while all(type(handler) is NullEventHandler for handler in dispatcher.event_handlers):
        if not dispatcher.propagate:
            return False
        dispatcher = dispatcher.parent
    return True
