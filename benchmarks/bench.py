"""One side on the bench: what every measurement of it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, TypeVar

from benchmarks.drivers import Driver
from benchmarks.measuring import Figures

T = TypeVar("T")

_FEWEST: Final = 16
"""With fewer pieces, parallel tool calls would not have an opener and an end each."""


@dataclass(frozen=True)
class Bench:
    """A side, the server it asks, and where its figures go."""

    driver: Driver
    figures: Figures
    address: str
    """The server's, without a path."""
    loop: asyncio.AbstractEventLoop
    """One for all that is awaited: some clients are bound to the first they see."""
    size: float
    """What part of the pieces and calls is done."""

    def some(self, count: int) -> int:
        """Return how many of so many are to be done."""
        return max(_FEWEST, round(count * self.size))

    def url(self, said: str, pieces: int = 0, framing: str = "joined") -> str:
        """Return the base URL at which the server says so."""
        return f"{self.address}/{said}/{pieces}/{framing}"

    def awaited(self, made: Awaitable[T]) -> T:
        """Run to the end what is awaited."""
        return self.loop.run_until_complete(made)
