"""`show` and `ashow`: the loops around what is collected and drawn."""

from __future__ import annotations

import inspect
import time
from asyncio import CancelledError
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Final, cast

from qwen_endpoints.display.readers import Collector, Opened, collector_for, opened, shown_of
from qwen_endpoints.display.screens import Screen, screen
from qwen_endpoints.display.shown import Frame

_PAUSE: Final = 1 / 15
"""Seconds between two drawings of a growing answer, at least."""
_SHARE: Final = 5
"""How many times longer the pause is than drawing took: a long answer must not slow its own stream down."""
_STOPS: Final = (KeyboardInterrupt, CancelledError, GeneratorExit)


def show(thing: Any) -> Any:
    """Show an answer, or a stream while it comes.

    Args:
        thing: An answer, a list of messages, an agent's result, or an iterator of pieces, of either framework.

    Returns:
        What was shown, whole: an answer itself; the merged `AIMessageChunk` or the last frame of a stream; of an
        agent's stream its messages or events, in order; `None` of a stream without items.

    Raises:
        TypeError: It cannot be shown; the message says what can.
        Exception: Whatever a stream raises, after what had arrived is on screen. Its iterator is closed.
    """
    stream = _stream_in(thing)
    if stream is None:
        if inspect.isawaitable(thing):
            raise TypeError("show() was given something to await: await it first, or use `await ashow(...)`.")
        return _show_whole(thing)
    items, collector = stream
    if not isinstance(items, Iterator):
        raise TypeError("show() was given an async stream: use `await ashow(...)`.")
    live = _Live(collector)
    with ExitStack() as stack:
        _close_later(stack, items, "close")
        with live:
            for item in items:
                live.add(item)
    return live.whole()


async def ashow(thing: Any) -> Any:
    """As `show`, for async iterators; something to await is awaited first.

    In a notebook: `answer = await ashow(llm.astream(...))`.
    """
    stream = _stream_in(thing)
    if stream is None and inspect.isawaitable(thing):
        thing = await thing
        stream = _stream_in(thing)
    if stream is None:
        return _show_whole(thing)
    items, collector = stream
    if not isinstance(items, AsyncIterator):
        raise TypeError("ashow() was given a stream that would block the event loop: use `show(...)`.")
    live = _Live(collector)
    async with AsyncExitStack() as stack:
        _close_later(stack, items, "aclose")
        with live:
            async for item in items:
                live.add(item)
    return live.whole()


def _stream_in(thing: Any) -> tuple[Iterator[Any] | AsyncIterator[Any], Collector | None] | None:
    found = opened(thing)
    if isinstance(found, Opened):
        return found.items, found.collector
    if isinstance(thing, (Iterator, AsyncIterator)):
        return cast("Iterator[Any] | AsyncIterator[Any]", thing), None
    return None


def _show_whole(thing: Any) -> Any:
    turns = shown_of(thing)
    place = screen()
    place.draw(Frame(turns=turns))
    place.end()
    return thing


def _close_later(stack: ExitStack | AsyncExitStack, items: object, name: str) -> None:
    """Have a generator closed at the end, whatever ends it: that releases its connection."""
    close = getattr(items, name, None)
    if close is None:
        return
    if isinstance(stack, AsyncExitStack):
        stack.push_async_callback(close)
    else:
        stack.callback(close)


class _Live:
    """Collects items and draws now and then; what ends the stream is drawn as well."""

    def __init__(self, collector: Collector | None) -> None:
        self._collector = collector
        self._screen: Screen = screen()
        self._due = 0.0

    def add(self, item: Any) -> None:
        if self._collector is None:
            self._collector = collector_for(item)
        at_once = self._collector.add(item)
        began = time.monotonic()
        if at_once or began >= self._due:
            self._draw(growing=True)
            ended = time.monotonic()
            self._due = ended + max(_PAUSE, _SHARE * (ended - began))

    def whole(self) -> Any:
        return None if self._collector is None else self._collector.whole()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._collector is not None:
            self._draw(growing=False, failure="" if error is None else _words_for(error))
        self._screen.end()

    def _draw(self, *, growing: bool, failure: str = "") -> None:
        turns = () if self._collector is None else self._collector.turns(growing=growing)
        self._screen.draw(Frame(turns=turns, failure=failure))


def _words_for(error: BaseException) -> str:
    return "interrupted" if isinstance(error, _STOPS) else f"{type(error).__name__}: {error}"
