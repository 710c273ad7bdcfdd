"""The parts of a measurement, in one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from benchmarks.bench import Bench
from benchmarks.drivers import Driver
from benchmarks.measuring import Figures
from benchmarks.of_calls import calls, encode
from benchmarks.of_starts import DEPTHS, below, start
from benchmarks.of_streams import framed, growth, held, streams

_LATER: Final[Mapping[str, Callable[[Bench], None]]] = {
    "held": held,
    "streams": streams,
    "framed": framed,
    "calls": calls,
    "encode": encode,
    "growth": growth,
}


def measure(driver: Driver, figures: Figures, address: str, parts: Sequence[str], size: float, turn: int) -> None:  # noqa: PLR0917 - the client's arguments
    """Measure the named parts.

    `start` comes first, because it imports the side. `size` is as of `Bench`, `turn` as of the client.
    """
    bench = Bench(driver, figures, address, asyncio.new_event_loop(), size)
    if "start" in parts:
        below(DEPTHS[turn % len(DEPTHS)], partial(start, bench))
    else:
        driver.load()
    for part in parts:
        if part in _LATER and figures.can(part):
            _LATER[part](bench)
