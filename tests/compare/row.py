"""A row of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.compare.sides import Side
from tests.compare.verdicts import Found


@dataclass(frozen=True)
class Row:
    """What is asked (a statement that is true or not) and the probe that answers it for one side."""

    title: str
    probe: Callable[[Side], Found]
