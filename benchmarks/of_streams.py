"""What a chunk of a stream costs, and what a stream holds that is kept open."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from benchmarks.answers import SAID, characters
from benchmarks.bench import Bench
from benchmarks.drivers import Driver
from benchmarks.history import QUESTION
from benchmarks.measuring import KILO, MICRO, cpu, least, memory
from benchmarks.sides import LLAMAINDEX

PIECES: Final = 1000
RUNS: Final = 3
LENGTHS: Final = (1_000, 10_000, 100_000)
HELD: Final = 100
"""Streams that are held open at the same time."""
_PATIENCE: Final = 30
"""Seconds; a client that looks ahead waits for ever for what a held stream does not send."""

Once = Callable[..., float]


def streams(bench: Bench) -> None:
    """Measure a chunk of each kind of stream."""
    for said in SAID:
        _both_ways(bench, f"streams.{said}", said, "joined")
    if bench.driver.side.driver in LLAMAINDEX:
        with bench.figures.trying("streams.looked"):
            pieces = bench.some(PIECES)
            model = bench.driver.model(bench.url("text", pieces))
            bench.figures.found["streams.looked"] = _least(partial(of_stream, looked=True), bench, model, pieces, RUNS)


def framed(bench: Bench) -> None:
    """Measure a chunk of text where each event is an HTTP chunk of its own, as servers send them."""
    _both_ways(bench, "framed.text", "text", "single")


def growth(bench: Bench) -> None:
    """Measure a chunk of text in streams of several lengths. Only the shortest is read more than once."""
    for length in LENGTHS:
        name, pieces = f"growth.{length}", bench.some(length)
        with bench.figures.trying(name):
            model = bench.driver.model(bench.url("text", pieces))
            runs = RUNS if length == LENGTHS[0] else 1
            bench.figures.found[name] = _least(of_stream, bench, model, pieces, runs)


def _both_ways(bench: Bench, name: str, said: str, framing: str) -> None:
    """Measure microseconds of a chunk, sync and awaited, after one stream to warm up, of which all pieces are kept."""
    pieces = bench.some(PIECES)
    ways: tuple[tuple[str, Once], ...] = (("sync", of_stream), ("async", of_astream))
    for way, once in ways:
        full = f"{name}.{way}"
        if bench.figures.can(full):
            with bench.figures.trying(full):
                model = bench.driver.model(bench.url(said, pieces, framing))
                share = once(bench, model, pieces, said)
                bench.figures.found[full] = _least(once, bench, model, pieces, RUNS)
                bench.figures.found[f"{full}.carried"] = share


def _least(once: Once, bench: Bench, model: Any, pieces: int, runs: int) -> float:
    return least(lambda: once(bench, model, pieces), runs)


def of_stream(bench: Bench, model: Any, pieces: int, said: str = "", *, looked: bool = False) -> float:
    """Read a stream and return the microseconds of a chunk, from the first one on.

    Connection and request are not what is measured. Where `said` is given, the share of the characters sent that came
    out is returned instead. `looked`: the message of each frame is looked at.
    """
    driver, prompt = bench.driver, bench.driver.prompt(QUESTION)
    if said:
        return _carried(driver, list(driver.stream(model, prompt)), said, pieces)
    stream = iter(driver.stream(model, prompt))
    next(stream)
    before = cpu()
    for _ in map(driver.look, stream) if looked else stream:
        pass
    return (cpu() - before) / pieces * MICRO


def of_astream(bench: Bench, model: Any, pieces: int, said: str = "") -> float:
    """As `of_stream`, awaited."""
    driver, prompt = bench.driver, bench.driver.prompt(QUESTION)

    async def read() -> float:
        stream = driver.astream(model, prompt)
        if said:
            return _carried(driver, [piece async for piece in stream], said, pieces)
        await anext(stream)
        before = cpu()
        async for _ in stream:
            pass
        return (cpu() - before) / pieces * MICRO

    return bench.awaited(read())


def _carried(driver: Driver, read: list[Any], said: str, pieces: int) -> float:
    """Return the share that came out.

    Raises:
        RuntimeError: Nothing came, so that there is nothing to be measured.
    """
    if not read:
        raise RuntimeError("the stream gave nothing")
    return driver.carried(read) / characters(said, pieces)


def held(bench: Bench) -> None:
    """Measure kilobytes of RAM for each of `HELD` streams that have begun and wait."""
    driver = bench.driver
    with bench.figures.trying("held.kilobytes"):
        model, prompt = driver.model(bench.url("text", 10, "held")), driver.prompt(QUESTION)

        async def begun() -> Any:
            stream = driver.astream(model, prompt)
            await anext(stream)
            return stream

        async def all_begun() -> float:
            kept = [await begun()]  # what the first brings with it is not a stream's
            gc.collect()
            before = memory()
            kept += await asyncio.gather(*(begun() for _ in range(HELD)))
            gc.collect()
            after = memory()
            await asyncio.gather(*(stream.aclose() for stream in kept), return_exceptions=True)
            return (after - before) / HELD / KILO

        try:
            bench.figures.found["held.kilobytes"] = bench.awaited(asyncio.wait_for(all_begun(), _PATIENCE))
        except asyncio.TimeoutError:
            raise RuntimeError("it gives nothing of a stream that stands still after its first events") from None
