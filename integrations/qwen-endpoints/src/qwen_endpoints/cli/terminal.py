"""What is written where: answers and data to stdout, everything about them to stderr, styles to terminals alone."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Final, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qwen_endpoints.display.terminal import harmless

_GAP: Final = 2
"""Blanks between columns."""
_PIPE_WIDTH: Final = 10_000
"""So wide that nothing of a table is wrapped or cut off where a program reads it."""


def forgive_encodings() -> None:
    """Let a terminal that cannot show a character show a question mark instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def console(stream: TextIO) -> Console:
    """Return a console that writes plain text unless `stream` is a terminal and NO_COLOR is unset."""
    # Variables such as FORCE_COLOR, which CI services set, are meant for other programs' logs.
    if not stream.isatty():
        return Console(file=stream, force_terminal=False, color_system=None, width=_PIPE_WIDTH, highlight=False)
    if os.environ.get("NO_COLOR"):
        return Console(file=stream, color_system=None, highlight=False)
    return Console(file=stream, highlight=False)


def say(text: str, style: str = "") -> None:
    """Write a line about what is going on, after what stands in stdout, should both end in one log."""
    sys.stdout.flush()
    console(sys.stderr).print(Text(harmless(text)), style=style or None, soft_wrap=True)


def show_json(value: object) -> None:
    """Write JSON as it is wherever it goes, so that it can be parsed."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def show_table(titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Write a table without lines, which programs can cut up as well; on a narrow terminal, one block for each row.

    Ids and addresses are there to be copied, so no cell is ever broken.
    """
    screen = console(sys.stdout)
    if _width(titles, rows) > screen.width:
        _show_blocks(screen, titles, rows)
        return
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for title in titles:
        table.add_column(title, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(harmless(cell)) for cell in row))
    with screen.capture() as drawn:
        screen.print(table)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in drawn.get().splitlines())


def _width(titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> int:
    columns = zip(titles, *rows, strict=True)
    return sum(max(map(cell_len, column)) + _GAP for column in columns) - _GAP


def _show_blocks(screen: Console, titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    margin = max(map(cell_len, titles)) + _GAP
    for row in rows:
        screen.print(Text(harmless(row[0])), style="bold", soft_wrap=True)
        for title, cell in zip(titles[1:], row[1:], strict=True):
            screen.print(Text(f"  {title:<{margin}}{harmless(cell)}"), soft_wrap=True)


class Answer:
    """An answer as it comes: text to stdout, thinking dimmed to stderr, so that a pipe gets the text alone."""

    def __init__(self) -> None:
        self._aside = console(sys.stderr)
        self._raw = not sys.stdout.isatty()
        self._thinks = False
        self._line = True

    def think(self, piece: str) -> None:
        """Write a piece of reasoning."""
        if not piece:
            return
        if not self._thinks and self._aside.color_system is None:
            self._aside.print("thinking: ", end="")
        self._thinks = True
        self._aside.print(Text(harmless(piece)), style="dim", end="", soft_wrap=True)
        self._line = piece.endswith("\n")

    def write(self, piece: str) -> None:
        """Write a piece of the answer."""
        if not piece:
            return
        self._rest()
        sys.stdout.write(piece if self._raw else harmless(piece))
        sys.stdout.flush()
        self._line = piece.endswith("\n")

    def end(self) -> None:
        """End the last line, whatever it is part of."""
        self._rest()
        if not self._line:
            sys.stdout.write("\n")
            sys.stdout.flush()
            self._line = True

    def _rest(self) -> None:
        """End the thinking, where there was some."""
        if self._thinks:
            self._aside.print("" if self._line else "\n", end="")
            self._thinks, self._line = False, True
