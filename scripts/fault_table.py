"""Writes the table of faults in `docs/reliability.md` from the rows that the tests run.

`python scripts/fault_table.py` writes it; `--check` exits with 1 if it is not up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from qwen_sandbox.hostile.table import WIRE_FAULTS  # noqa: E402 - the tests are no package that could be installed

from tests.contract.faults.rows import ALL, ROWS, TWO, Outcome, Row  # noqa: E402 - as above

PAGE: Final = ROOT / "docs" / "reliability.md"
_BEGIN: Final = "<!-- faults: written by scripts/fault_table.py -->\n"
_END: Final = "<!-- faults: end -->\n"
_LONG: Final = 30
_ARRIVED: Final = {TWO: "two words", ALL: "all three words"}


def table() -> str:
    """Return the lines of both tables."""
    due = [row for row in ROWS if "deadline" in row.limits]
    others = [row for row in ROWS if row not in due]
    return f"{_lines(others)}\nWith a `deadline` that is shorter than the fault:\n\n{_lines(due)}"


def _lines(rows: Sequence[Row]) -> str:
    titles = ["the server", "`fault(...)`", "a whole call", "a stream"]
    cells = [_cells(list(same)) for _, same in groupby(rows, _alike)]
    return "".join(f"| {' | '.join(line)} |\n" for line in (titles, ["---"] * len(titles), *cells))


def page() -> str:
    """Return the page with today's table in it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{table()}\n{_END}{after}"


def _alike(row: Row) -> object:
    """Rows of one fault that come to the same share a line."""
    return row.fault, _told(row)


def _cells(rows: list[Row]) -> list[str]:
    row = rows[0]
    parameters = [f"`{each.parameter}`" for each in rows if each.parameter is not None]
    whole, stream = _told(row)
    return [
        WIRE_FAULTS[row.fault].does,
        f"`{row.fault}`" + (f": {', '.join(parameters)}" if parameters else ""),
        whole,
        "the same" if stream == whole else stream,
    ]


def _told(row: Row) -> tuple[str, str]:
    return ", ".join(_facts(row.whole)), ", ".join(_facts(row.stream))


def _facts(outcome: Outcome) -> Iterator[str]:
    if outcome.error is None:
        yield "the answer" if outcome.text == ALL or len(outcome.text or "") > _LONG else f"{outcome.text!r}"
    else:
        yield f"`{outcome.error.__name__}`"
        if outcome.text is not None:
            yield f"`partial` has {_ARRIVED.get(outcome.text, 'what has come')}"
    if outcome.requests != 1:
        yield {0: "no request"}.get(outcome.requests, f"{outcome.requests} requests")


def main() -> int:
    """Write the table, or check it."""
    if "--check" in sys.argv:
        return 0 if PAGE.read_text(encoding="utf-8") == page() else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
