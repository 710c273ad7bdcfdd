"""What a call costs: whole answers, many at once, long histories."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.history import QUESTION, TOOL, history
from benchmarks.measuring import MICRO, cpu, least

WHOLE: Final = 10
BATCH: Final = 200
AT_ONCE: Final = 50
STREAMS: Final = 100
PIECES: Final = 50
"""Pieces of each of `STREAMS`."""
LENGTHS: Final = (10, 100, 1_000)
"""Messages of a history."""
RUNS: Final = 2
_SHORT_RUNS: Final = 6
"""Of a few calls, one after the other: the machine may do nothing else for that long."""


def calls(bench: Bench) -> None:
    """Measure microseconds of a whole answer, of one in a batch, and of one of many streams."""
    driver, prompt = bench.driver, bench.driver.prompt(QUESTION)
    whole, batch, streams = bench.some(WHOLE), bench.some(BATCH), bench.some(STREAMS)
    address = bench.url("whole")

    def one_by_one() -> float:
        before = cpu()
        for _ in range(whole):
            driver.call(model, prompt)
        return (cpu() - before) / whole * MICRO

    async def awaited_one_by_one() -> float:
        before = cpu()
        for _ in range(whole):
            await driver.acall(model, prompt)
        return (cpu() - before) / whole * MICRO

    async def batched() -> float:
        before = cpu()
        await driver.abatch(model, [prompt] * batch, AT_ONCE)
        return (cpu() - before) / batch * MICRO

    async def read() -> None:
        async for _ in driver.astream(streaming, prompt):
            pass

    async def streamed() -> float:
        before = cpu()
        await asyncio.gather(*(read() for _ in range(streams)))
        return (cpu() - before) / streams * MICRO

    found = bench.figures.found
    with bench.figures.trying("calls.sync"):
        model = driver.model(address)
        one_by_one()
        found["calls.sync"] = least(one_by_one, _SHORT_RUNS)
    with bench.figures.trying("calls.async"):
        model = driver.model(address)
        bench.awaited(awaited_one_by_one())
        found["calls.async"] = least(lambda: bench.awaited(awaited_one_by_one()), _SHORT_RUNS)
    with bench.figures.trying("calls.abatch"):
        bench.awaited(batched())
        found["calls.abatch"] = least(lambda: bench.awaited(batched()), RUNS)
    with bench.figures.trying("calls.astreams"):
        streaming = driver.model(bench.url("text", PIECES, "single"))
        bench.awaited(streamed())
        found["calls.astreams"] = least(lambda: bench.awaited(streamed()), RUNS)


def encode(bench: Bench) -> None:
    """Measure microseconds of a call that sends a long history with tools and pictures, and of one that is retried."""
    for length in LENGTHS:
        _sent(bench, f"encode.{length}", length, "whole")
    _sent(bench, f"encode.{LENGTHS[-1]}.refused", LENGTHS[-1], "refused")


def _sent(bench: Bench, name: str, length: int, framing: str) -> None:
    if not bench.figures.can(name):
        return
    driver = bench.driver
    with bench.figures.trying(name):
        model = driver.model(bench.url("whole", length, framing))
        prompt: Any = driver.prompt(history(length))

        def once() -> float:
            before = cpu()
            driver.call(model, prompt, [TOOL])
            return (cpu() - before) * MICRO

        once()
        bench.figures.found[name] = least(once, RUNS)
