"""The lines below an answer."""

from __future__ import annotations

import pytest
from qwen_endpoints.display import ShownSource
from qwen_endpoints.display.facts import label


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (ShownSource(label="a.md"), "a.md"),
        (ShownSource(label="a.md", score=0.12345), "a.md · score 0.123"),
        (ShownSource(label="a.md", text="Short,\n  on two lines."), "a.md · Short, on two lines."),
        (ShownSource(label="a.md", score=0.0, text="x" * 61), f"a.md · score 0 · {'x' * 60}…"),
        (ShownSource(label="", text="No name."), "No name."),
    ],
)
def test_sources_of_one_document_can_be_told_apart(source: ShownSource, line: str) -> None:
    assert label(source) == line
