"""What a cell says of a test that was run in several ways."""

from __future__ import annotations

import pytest

from tests.compare.verdicts import Verdict
from tests.compare_llamaindex.cells import Case, cell

YES = Verdict("yes")
NO = Verdict("no")
RAISED = Verdict("no", "raises ValueError")
OTHER = Verdict("no", "raises KeyError")
SKIPPED = Verdict("n/a", "it has no such switch")
MODES = ("chat", "achat", "stream_chat", "astream_chat")


def cases(*verdicts: Verdict, variant: str = "") -> list[Case]:
    """One case for each mode."""
    return [Case(mode, variant, verdict) for mode, verdict in zip(MODES, verdicts, strict=True)]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([Case("", "", YES)], YES),
        ([Case("", "", RAISED)], RAISED),
        (cases(SKIPPED, SKIPPED, SKIPPED, SKIPPED), SKIPPED),
        (cases(YES, SKIPPED, YES, SKIPPED), YES),
        (cases(NO, NO, NO, NO), NO),
        (cases(NO, NO, NO, RAISED), Verdict("no", "astream_chat: raises ValueError")),
        (cases(RAISED, RAISED, RAISED, RAISED), RAISED),
        (cases(YES, YES, NO, NO), Verdict("partly", "only whole")),
        (cases(NO, NO, YES, YES), Verdict("partly", "not whole")),
        (cases(YES, NO, YES, RAISED), Verdict("partly", "only sync. Streamed: raises ValueError")),
        (cases(YES, NO, YES, YES), Verdict("partly", "not achat")),
        (cases(YES, OTHER, YES, RAISED), Verdict("partly", "only sync. Raises KeyError, raises ValueError")),
        (cases(OTHER, RAISED, RAISED, NO), Verdict("no", "raises KeyError, raises ValueError")),
        (
            [*cases(YES, YES, YES, YES, variant="png"), *cases(NO, NO, NO, NO, variant="jpeg")],
            Verdict("partly", "only png"),
        ),
        (
            [*cases(YES, YES, NO, NO, variant="png"), *cases(YES, YES, NO, NO, variant="jpeg")],
            Verdict("partly", "only whole"),
        ),
        (
            [*cases(YES, YES, YES, YES, variant="png"), *cases(YES, NO, YES, NO, variant="jpeg")],
            Verdict("partly", "not jpeg (async)"),
        ),
        (
            [*cases(YES, YES, NO, YES, variant="png"), *cases(NO, NO, NO, NO, variant="jpeg")],
            Verdict("partly", "not png (stream_chat); jpeg"),
        ),
        (
            [
                *cases(YES, YES, NO, YES, variant="png"),
                *cases(NO, NO, NO, NO, variant="jpeg"),
                *cases(NO, NO, NO, NO, variant="webp"),
            ],
            Verdict("partly", "only png (all but stream_chat)"),
        ),
    ],
)
def test_a_cell(found: list[Case], said: Verdict) -> None:
    assert cell(found) == said
