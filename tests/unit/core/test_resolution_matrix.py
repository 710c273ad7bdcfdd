"""What every provider makes of every model, as one text to read in reviews: only what differs from the default.

`UPDATE_SNAPSHOTS=1 pytest tests/unit/core/test_resolution_matrix.py` writes it anew.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import fields
from pathlib import Path
from typing import Any

from qwen_endpoints import PROVIDERS, Dialect, Endpoint, Provider, catalogue

from .support import endpoint

SNAPSHOT = Path(__file__).with_name("resolution_matrix.txt")
SILENT = {"source", "checked", "id"}


def plain(value: Any) -> str:
    """Text that does not depend on the order of sets."""
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(map(str, value))) + "}"  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {plain(value[key])}" for key in sorted(value)) + "}"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, tuple):
        return ".".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType]
    return str(value)


def deviations(value: Any, default: Any) -> list[str]:
    found: list[str] = []
    for field in fields(value):
        mine, other = getattr(value, field.name), getattr(default, field.name)
        if field.name in SILENT or mine == other:
            continue
        shown = f"{mine.input:g}/{mine.output:g} {mine.currency}" if field.name == "price" else plain(mine)
        found.append(f"{field.name}={shown}")
    return found


def row_lines(row: Provider) -> list[str]:
    ranges = [f"{name}: {parameter.range_text}" for name, parameter in sorted(row.parameters.items())]
    dropped = sorted(row.dialect.dropped)
    dialect = [text for text in deviations(row.dialect, Dialect()) if not text.startswith("dropped=")]
    return [
        f"[{row.name}] {row.base_url}",
        *(f"  dialect {text}" for text in dialect),
        *(f"  takes {text}" for text in ranges),
        *(f"  drops {name}" for name in dropped),
    ]


def model_facts(row: Provider, place: Endpoint, model: str) -> str:
    known = catalogue().find(model)
    assert known is not None
    own = {name: parameter for name, parameter in place.parameters.items() if row.parameters.get(name) != parameter}
    return "; ".join([
        *deviations(place.profile, known),
        *(f"takes {name}: {parameter.range_text}" for name, parameter in sorted(own.items())),
    ])  # fmt: skip


def model_lines(row: Provider) -> list[str]:
    """Models of a row, grouped by what is different there; models without a difference are not listed."""
    offered = [name for name in row.models if name != "*"]
    ids = offered + sorted({profile.id for profile in catalogue().profiles.values()} - set(offered))
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for model in ids:
        facts = model_facts(row, endpoint(row, model, base_url=row.base_url or "http://localhost/v1"), model)
        if facts:
            groups[facts].append(model)
    return [f"  {facts}\n    {' '.join(models)}" for facts, models in groups.items()]


def test_every_provider_resolves_every_model_as_written_down() -> None:
    lines = [line for row in PROVIDERS.values() for line in (*row_lines(row), *model_lines(row))]
    found = "\n".join(lines) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(found, encoding="utf-8")
    assert found.splitlines() == SNAPSHOT.read_text(encoding="utf-8").splitlines()
