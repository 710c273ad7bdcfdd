"""The conformance suite is not pleased by an LLM that does nothing, and its rows can be published."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.compare.processes import printed_by
from tests.compare_llamaindex.cells import cell
from tests.compare_llamaindex.findings import Row, read_rows
from tests.compare_llamaindex.nothing import CONSTRUCTION_ONLY
from tests.compare_llamaindex.peers import NOTHING

pytestmark = pytest.mark.timeout(600)  # it is the whole suite


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    told = printed_by(Path(sys.executable), "tests.compare_llamaindex.one_side", NOTHING.name)
    return read_rows(told["rows"])


def test_doing_nothing_passes_no_test_but_those_of_construction(rows: dict[str, Row]) -> None:
    words = {name: cell(row.cases).word for name, row in rows.items()}
    assert words
    assert words.keys() >= set(CONSTRUCTION_ONLY)
    # What is not applicable here, for older versions of the framework say, passes nothing either.
    assert {name for name, word in words.items() if word in ("yes", "partly")} <= set(CONSTRUCTION_ONLY)


def test_titles_are_statements_that_fit_a_table(rows: dict[str, Row]) -> None:
    titles = Counter(row.title for row in rows.values())
    assert [title for title, times in titles.items() if times > 1] == []
    assert [title for title in titles if not title.endswith(".") or len(title) >= 90] == []
