"""The tables of the page, in Markdown: a row for each side, and for what is missing the reason, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.answers import SAID
from benchmarks.promises import PROMISES, SHOWN, WAYS, Verdict, judge
from benchmarks.runs import Results
from benchmarks.sides import LLAMAINDEX, SIDES

_FULL: Final = 0.995
"""The share of a stream's characters that has to come out; the rest is rounding."""


@dataclass(frozen=True)
class Table:
    """What one table shows."""

    title: str
    unit: str
    columns: tuple[tuple[str, str], ...]
    """Headings and figures."""
    scale: float = 1.0
    """What each figure is multiplied by."""
    drivers: tuple[str, ...] = ()
    """Whose sides it shows; none for all."""


def _each_way(prefix: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"{SHOWN[said]}, {way}", f"{prefix}.{said}.{way}") for said in SAID for way in WAYS)


TABLES: Final = (
    Table("A streamed chunk", "microseconds of CPU for each chunk, many in one HTTP chunk", _each_way("streams")),
    Table(
        "A frame of LlamaIndex, looked at",
        "microseconds of CPU for each chunk of text, sync, where the whole message of each frame is looked at",
        (("every frame looked at", "streams.looked"), ("what is new alone", "streams.text.sync")),
        drivers=LLAMAINDEX,
    ),
    Table(
        "A streamed chunk in an HTTP chunk of its own",
        "microseconds of CPU for each chunk of text",
        (("sync", "framed.text.sync"), ("async", "framed.text.async")),
    ),
    Table(
        "Calls",
        "microseconds of CPU for each call",
        (
            ("whole, sync", "calls.sync"),
            ("whole, async", "calls.async"),
            ("batch of 200, 50 at a time", "calls.abatch"),
            ("100 streams of 50 chunks at once", "calls.astreams"),
        ),
    ),
    Table(
        "Histories with tools and pictures",
        "milliseconds of CPU for each call",
        (
            ("10 messages", "encode.10"),
            ("100 messages", "encode.100"),
            ("1,000 messages", "encode.1000"),
            ("1,000, refused once", "encode.1000.refused"),
        ),
        scale=1e-3,
    ),
    Table(
        "From nothing to the first chunk",
        "milliseconds of CPU in a new process; contexts: how many TLS contexts a second, equal model makes",
        (
            ("import", "start.import"),
            ("first model", "start.first_model"),
            ("first call", "start.first_call"),
            ("all to the first chunk", "start.first_chunk"),
            ("second model and call", "start.second_call"),
            ("a later model", "start.model"),
            ("contexts", "start.second_contexts"),
        ),
    ),
    Table(
        "Long streams",
        "microseconds of CPU for each chunk of text, sync",
        (("1,000 chunks", "growth.1000"), ("10,000", "growth.10000"), ("100,000", "growth.100000")),
    ),
    Table("Memory", "KiB of RAM for each stream that is held open", (("a held stream", "held.kilobytes"),)),
)


GROUPS: Final = tuple(dict.fromkeys(promise.group for promise in PROMISES))
"""The tables of promises."""


class Notes:
    """The notes of the page, each stated once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, note: str) -> str:
        """Return the mark of a note."""
        return f"[^{self._numbers.setdefault(note, len(self._numbers) + 1)}]"

    def lines(self) -> Iterator[str]:
        """Give the notes."""
        for note, number in self._numbers.items():
            yield f"[^{number}]: {note[0].upper()}{note[1:].rstrip('.')}."


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Give the lines of a table; the first column holds names, the others numbers."""
    yield f"| {' | '.join(head)} |".replace("|  |", "| |")
    yield "|---|" + "--:|" * (len(head) - 1)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def of_figures(table: Table, results: Results, notes: Notes) -> list[str]:
    """Return a table of figures, of the sides that were measured. A column that nobody has is left out."""
    columns = [
        (head, name) for head, name in table.columns if any(results.least(s.name, name) is not None for s in SIDES)
    ]
    sides = [
        side for side in SIDES if side.name in results.sides and (not table.drivers or side.driver in table.drivers)
    ]
    rows = [
        (_named(side.name, side.kind), *(_cell(results, side.name, name, table.scale, notes) for _, name in columns))
        for side in sides
    ]
    return list(markdown(("", *(head for head, _ in columns)), rows)) if columns else []


def _named(name: str, kind: str) -> str:
    return {"ours": f"**{name}**", "floor": f"*{name}*"}.get(kind, name)


def _cell(results: Results, side: str, figure: str, scale: float, notes: Notes) -> str:
    value = results.least(side, figure)
    if value is None:
        return f"-{notes.mark(results.reason(side, figure))}"
    share = results.least(side, f"{figure}.carried")
    lost = (
        notes.mark(f"only {share:.0%} of the characters sent came out") if share is not None and share < _FULL else ""
    )
    return number(value * scale) + lost


def number(value: float) -> str:
    """Write a number with as many digits as tell something."""
    if value == 0:
        return "0"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2  # noqa: PLR2004
    return f"{value:,.{digits}f}"


def verdicts(results: Results) -> list[Verdict]:
    """Judge all promises of which anything was measured."""
    judged = [judge(promise, results) for promise in PROMISES]
    return [verdict for verdict in judged if verdict.ratio is not None]


def of_verdicts(group: str, results: Results) -> list[str]:
    """Return the table of one group: a row for each title, a column for each kind of chunk where it has any."""
    found = [verdict for verdict in verdicts(results) if verdict.promise.group == group]
    columns = list(dict.fromkeys(verdict.promise.column for verdict in found))
    rows: list[tuple[str, ...]] = []
    for title in dict.fromkeys(verdict.promise.title for verdict in found):
        cells = {verdict.promise.column: verdict for verdict in found if verdict.promise.title == title}
        limit = next(iter(cells.values())).promise.limit
        rows.append((title, f"{limit:g}", *(ratio(cells[column]) if column in cells else "-" for column in columns)))
    heads = [column or "measured" for column in columns]
    return list(markdown(("", "promised, at most", *heads), rows)) if rows else []


def ratio(verdict: Verdict) -> str:
    """Write a ratio, its range over the rounds, and whether it is too large."""
    if verdict.ratio is None:
        return "-"
    digits = 2 if verdict.met or round(verdict.ratio, 2) > verdict.promise.limit else 3
    shown = f"{verdict.ratio:.{digits}f}"
    low, high = (f"{end:.{digits}f}" for end in verdict.range or (verdict.ratio, verdict.ratio))
    spread = f" ({low} to {high})" if low != high else ""
    return f"{shown}{spread}" if verdict.met else f"**{shown}{spread}, not met**"
