"""What the pages of both comparisons share: the date, tables and footnotes."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

from tests.compare.verdicts import Verdict

_RAN: Final = re.compile(r"^Last change: .*$", re.MULTILINE)


def ran() -> str:
    """Say when and on what the page was made."""
    today = date.today()  # noqa: DTZ011 - the day where it ran
    major, minor, _ = platform.python_version_tuple()
    return f"Last change: {today.isoformat()}, on Python {major}.{minor}.\n"


def undated(text: str) -> str:
    """Return a page without what differs from run to run."""
    return _RAN.sub("", text)


def newest(new: str, stored: str) -> str:
    """Return the stored page unless something else than its date has changed."""
    return stored if undated(new) == undated(stored) else new


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """The lines of a table."""
    titles = list(head)
    yield _line(titles)
    yield "|" + "---|" * len(titles)
    yield from map(_line, rows)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")


class Footnotes:
    """The notes of a page, each stated once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def cell(self, verdict: Verdict) -> str:
        """The word of a verdict, with the mark of its note."""
        if not verdict.note:
            return verdict.word
        return f"{verdict.word}[^{self._numbers.setdefault(verdict.note, len(self._numbers) + 1)}]"

    def text(self) -> str:
        """The notes, to stand at the end of the page."""
        lines = (f"[^{number}]: {note[0].upper()}{note[1:]}." for note, number in self._numbers.items())
        return "\n".join(lines) + "\n"
