"""The charts of the page: horizontal bars in SVG, on a ground of their own that follows the reader's light or dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.runs import Results
from benchmarks.sides import SIDES


@dataclass(frozen=True)
class Chart:
    """One figure of all sides."""

    file: str
    table: str
    """The title of the table that it stands above."""
    title: str
    figure: str


CHARTS: Final = (
    Chart("bench-chunk.svg", "A streamed chunk", "CPU of a streamed chunk of text, sync, µs", "streams.text.sync"),
    Chart("bench-call.svg", "Calls", "CPU of a whole answer, sync, µs", "calls.sync"),
    Chart(
        "bench-start.svg",
        "From nothing to the first chunk",
        "CPU from import to the first chunk, ms",
        "start.first_chunk",
    ),
)

_WIDTH: Final = 760
_LABELS: Final = 190
_NUMBERS: Final = 70
_ROW: Final = 24
_TOP: Final = 48
_CUT: Final = 2
"""How many bars may be cut."""
_STYLE: Final = """\
<style>
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .ground { fill: #ffffff; } .floor { fill: #a0a8b0; } .ours { fill: #6d3fd1; } .peer { fill: #5b8fc9; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e3e6ea; }
    .ground { fill: #16181d; } .floor { fill: #6a737d; } .ours { fill: #a985ff; } .peer { fill: #4f83bd; }
  }
</style>"""


def drawn(chart: Chart, results: Results) -> str:
    """Return the SVG: a bar for each side that has the figure, the shortest on top.

    The longest may be cut, and end in an arrow: beside them all others would look alike.
    """
    found = ((results.least(side.name, chart.figure), side) for side in SIDES)
    bars = sorted(((value, side) for value, side in found if value is not None), key=lambda bar: bar[0])
    longest = _longest([value for value, _ in bars])
    height = _TOP + _ROW * len(bars) + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(chart.title)}</title>",
        _STYLE,
        f'<rect class="ground" width="{_WIDTH}" height="{height}" rx="8"/>',
        f'<text class="title" x="16" y="28">{escape(chart.title)}</text>',
    ]
    for row, (value, side) in enumerate(bars):
        y = _TOP + row * _ROW
        length = max(1.0, min(1.0, value / longest) * (_WIDTH - _LABELS - _NUMBERS))
        told = f"{value:,.0f}" if value <= longest else f"→ {value:,.0f}"
        lines += [
            f'<text x="{_LABELS - 10}" y="{y + 13}" text-anchor="end">{escape(side.name)}</text>',
            f'<rect class="{side.kind}" x="{_LABELS}" y="{y}" width="{length:.1f}" height="{_ROW - 7}" rx="3"/>',
            f'<text x="{_LABELS + length + 8:.1f}" y="{y + 13}">{told}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def _longest(values: list[float]) -> float:
    """Return the value of a whole bar, of values in order."""
    if len(values) <= _CUT:
        return max(values, default=1.0)
    return min(values[-1], 1.5 * values[-1 - _CUT])
