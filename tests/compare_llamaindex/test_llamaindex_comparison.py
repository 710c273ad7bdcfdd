"""Run the suite over every peer, hold `Qwen` to all of it, and keep docs/comparison-llamaindex.md true.

Not part of `make test`: the peers live in environments of their own, which `make compare-llamaindex` makes.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.compare.layout import undated
from tests.compare.processes import ROOT, printed_by
from tests.compare_llamaindex.cells import cell
from tests.compare_llamaindex.findings import read_rows
from tests.compare_llamaindex.page import Column, page
from tests.compare_llamaindex.peers import OURS, PEERS, Peer

PAGE = ROOT / "docs/comparison-llamaindex.md"

pytestmark = pytest.mark.timeout(3600)  # the first test waits for all of them


def _run(peer: Peer) -> Column:
    told = printed_by(peer.python, "tests.compare_llamaindex.one_side", peer.name)
    return Column(told["versions"], read_rows(told["rows"]))


@pytest.fixture(scope="module")
def columns() -> dict[str, Column]:
    """What the suite found for every peer, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip((peer.name for peer in PEERS), pool.map(_run, PEERS), strict=True))


def test_every_test_ran(columns: dict[str, Column]) -> None:
    ran = {name: [(test, len(row.cases)) for test, row in column.rows.items()] for name, column in columns.items()}
    assert ran[OURS.name]
    assert {name: tests for name, tests in ran.items() if tests != ran[OURS.name]} == {}


def test_qwen_passes(columns: dict[str, Column]) -> None:
    """What is skipped has its reason."""
    verdicts = {name: cell(row.cases) for name, row in columns[OURS.name].rows.items()}
    assert {name: said for name, said in verdicts.items() if said.word != "yes" and not said.note} == {}
    assert {name: said for name, said in verdicts.items() if said.word not in ("yes", "n/a")} == {}


def test_the_page_says_what_was_found(columns: dict[str, Column]) -> None:
    stored = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    new = page(columns, stored)
    if os.environ.get("UPDATE"):
        PAGE.write_text(new, encoding="utf-8")
    assert undated(PAGE.read_text(encoding="utf-8") if PAGE.exists() else "") == undated(new), (
        "run `make compare-llamaindex`"
    )
