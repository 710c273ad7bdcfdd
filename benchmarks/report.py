"""Says what was found: to the terminal, and as docs/benchmarks.md with its charts and the raw figures."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

from benchmarks.charts import CHARTS, drawn
from benchmarks.page import FOOT, HEAD, PROMISED, TESTS
from benchmarks.runs import Results
from benchmarks.sides import ROOT, SIDES
from benchmarks.tables import GROUPS, TABLES, Notes, of_figures, of_verdicts

PAGE: Final = ROOT / "docs" / "benchmarks.md"
RAW: Final = ROOT / "docs" / "benchmarks.json"
PICTURES: Final = ROOT / "docs" / "images"


def printed(results: Results) -> str:
    """Return the tables for a terminal."""
    return "\n".join([*_sections(results, Notes()), *_promised(results)])


def write(results: Results) -> None:
    """Write the page, its charts and the raw figures."""
    machine = this_machine()
    RAW.write_text(raw(results, machine), encoding="utf-8")
    for chart in CHARTS:
        (PICTURES / chart.file).write_text(drawn(chart, results), encoding="utf-8")
    PAGE.write_text(page(results, machine), encoding="utf-8")


def page(results: Results, machine: dict[str, str]) -> str:
    """Return the page."""
    notes = Notes()
    figures = list(_sections(results, notes, charts=True))
    promised = [PROMISED, *_promised(results)]
    parts = [HEAD, measured(results, machine), *figures, *promised, TESTS, FOOT, *_versions(results), *notes.lines()]
    return "\n".join(parts) + "\n"


def raw(results: Results, machine: dict[str, str]) -> str:
    """Return all figures of all rounds as JSON, for whoever wants to look closer."""
    told: dict[str, Any] = {
        "machine": machine,
        "versions": results.versions,
        "rounds": [
            {side: {figure: round(value, 3) for figure, value in found.items()} for side, found in of_round.items()}
            for of_round in results.rounds
        ],
        "reasons": results.reasons,
    }
    return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def this_machine() -> dict[str, str]:
    """Describe the machine, without its name."""
    kernel = re.match(r"[\d.]+", platform.release())
    return {
        "day": date.today().isoformat(),  # noqa: DTZ011 - the day where it ran
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {kernel.group() if kernel else ''} on {platform.machine()}",
    }


def _processor() -> str:
    """Return the processor's name (Linux)."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or "unknown"
    named = re.search(r"^model name\s*: (.+)$", told, re.MULTILINE)
    return named.group(1).strip() if named else "unknown"


def measured(results: Results, machine: dict[str, str]) -> str:
    """Say when, on what, and how far the rounds lay apart."""
    return (
        f"Measured on {machine['day']}: {machine['processor']}, {machine['cores']} cores, {machine['system']}.\n"
        f"{len(results.rounds)} rounds, between which the middle figure differed by {results.median_spread():.0%}.\n"
    )


def _versions(results: Results) -> Iterator[str]:
    """Say what was measured."""
    yield "| | with | environment |\n|---|---|---|"
    for side in SIDES:
        if versions := results.versions.get(side.name):
            told = ", ".join(f"{name} {version}" for name, version in versions.items())
            yield f"| {side.name} | {told} | `.venv-{side.environment}` |"
    yield ""


def _promised(results: Results) -> Iterator[str]:
    for group in GROUPS:
        if lines := of_verdicts(group, results):
            yield from (f"### {group}\n", *lines, "")


def _sections(results: Results, notes: Notes, *, charts: bool = False) -> Iterator[str]:
    for table in TABLES:
        if lines := of_figures(table, results, notes):
            yield f"## {table.title}\n\n{table.unit[0].upper()}{table.unit[1:]}.\n"
            for chart in CHARTS if charts else ():
                if chart.table == table.title:
                    yield f"![{chart.title}](images/{chart.file})\n"
            yield from (*lines, "")
