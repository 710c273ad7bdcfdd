"""Run the probes of every peer, hold ChatQwen to all of them, and keep docs/comparison.md true.

Not part of `make test`: the peers live in an environment of their own, which `make compare` makes.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.compare.layout import undated
from tests.compare.page import Column, page
from tests.compare.peers import BY_NAME, NOTHING, OURS, PEERS
from tests.compare.processes import ROOT, printed_by
from tests.compare.table import THEMES
from tests.compare.verdicts import Verdict

PAGE = ROOT / "docs/comparison.md"
ROWS = [(theme, row.title) for theme, rows in THEMES.items() for row in rows]

pytestmark = pytest.mark.timeout(1200)  # the first test waits for all probes


def _run(name: str) -> Column:
    """Probe one peer in a process of its own."""
    read = printed_by(Path(sys.executable), "tests.compare.one_side", name)
    found = {
        theme: {title: Verdict(**verdict) for title, verdict in rows.items()} for theme, rows in read["found"].items()
    }
    return Column(read["version"], found)


@pytest.fixture(scope="module")
def columns() -> dict[str, Column]:
    """What every peer's probes found. Two at a time: they measure, so they should not get in each other's way."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(BY_NAME, pool.map(_run, BY_NAME), strict=True))


def test_every_probe_ran(columns: dict[str, Column]) -> None:
    for name, column in columns.items():
        assert [(theme, title) for theme, rows in column.found.items() for title in rows] == ROWS, name


def test_no_probe_is_broken(columns: dict[str, Column]) -> None:
    """An exception from a line of a probe says nothing about the peer."""
    broken = [
        f"{name}: {theme}: {title}: {verdict.note}"
        for name, column in columns.items()
        for theme, rows in column.found.items()
        for title, verdict in rows.items()
        if verdict.word not in ("yes", "partly", "no", "n/a")
    ]
    assert broken == []


@pytest.mark.parametrize(("theme", "title"), ROWS)
def test_chat_qwen(columns: dict[str, Column], theme: str, title: str) -> None:
    assert columns[OURS.name].found[theme][title] == Verdict("yes")


@pytest.mark.parametrize(("theme", "title"), ROWS)
def test_a_probe_is_not_pleased_by_nothing(columns: dict[str, Column], theme: str, title: str) -> None:
    """A model that sends and returns nothing passes no probe, or the probe would look at nothing."""
    assert columns[NOTHING.name].found[theme][title].word == "no"


def test_the_page_says_what_was_found(columns: dict[str, Column]) -> None:
    stored = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    new = page({peer.name: columns[peer.name] for peer in PEERS}, stored)
    if os.environ.get("UPDATE"):
        PAGE.write_text(new, encoding="utf-8")
    assert undated(PAGE.read_text(encoding="utf-8") if PAGE.exists() else "") == undated(new), "run `make compare`"
