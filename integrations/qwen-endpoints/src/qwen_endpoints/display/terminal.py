"""A terminal, a file or a pipe: text is written as it comes and never taken back, so nothing scrolls out of reach."""

from __future__ import annotations

import io
import os
from typing import Any, Final, TextIO

from qwen_endpoints.display.shown import Frame
from qwen_endpoints.display.transcript import Piece, failure, pieces

_UNSHOWN: Final = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}
"""Control characters: in an answer they would command the terminal."""


class Terminal:
    """Writes what a frame adds to the one before.

    Args:
        stream: Where to. A terminal gets styles if rich is installed and NO_COLOR is unset.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._console = _console(stream)
        self._place = 0
        self._written: list[Piece] = []
        """Of the turn at `_place`."""

    def draw(self, frame: Frame) -> None:
        """Write what is new. A turn that comes while another grows waits for the other's end."""
        for place, turn in enumerate(frame.turns[self._place :], self._place):
            self._go_on(pieces(turn, place, frame, styled=self._console is not None), growing=turn.growing)
            if turn.growing:
                break
            self._place, self._written = place + 1, []
        self._write(failure(frame))
        self._stream.flush()

    def end(self) -> None:
        """Nothing is left to do: the last frame has ended its lines."""

    def _go_on(self, now: list[Piece], *, growing: bool) -> None:
        news = added(self._written, now)
        if news is None and growing:
            return  # something grew that more has been written after; there will be an end
        if news is None:
            self._write([Piece("\n"), *now])
        else:
            self._write(news)
        self._written = now

    def _write(self, news: list[Piece]) -> None:
        for piece in news:
            if self._console is None:
                self._stream.write(_writable(piece.text, self._stream))
            else:
                self._console.print(harmless(piece.text), style=piece.style or None, end="", soft_wrap=True)


def added(before: list[Piece], now: list[Piece]) -> list[Piece] | None:
    """Return what makes `now` of `before` when it is written after it; `None` where nothing does."""
    if not before:
        return now
    last = len(before) - 1
    if now[:last] != before[:last] or len(now) <= last:
        return None
    old, new = before[last], now[last]
    if new.style != old.style or not new.text.startswith(old.text):
        return None
    return [Piece(new.text[len(old.text) :], new.style), *now[last + 1 :]]


def _console(stream: TextIO) -> Any:
    """Return rich's console where styles can be seen, else `None`."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return None
    try:
        from rich.console import Console  # noqa: PLC0415 - the extra `display`
    except ImportError:
        return None
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    return console if console.color_system else None


def harmless(text: str) -> str:
    """Return `text` without what a terminal would obey."""
    return text.translate(_UNSHOWN)


def _writable(text: str, stream: TextIO) -> str:
    """Return what a stream can take: no commands for a terminal, and `?` for what its encoding lacks."""
    encoding = stream.encoding if isinstance(stream, io.TextIOWrapper) else None
    shown = harmless(text) if stream.isatty() else text
    return shown.encode(encoding, "replace").decode(encoding) if encoding else shown
