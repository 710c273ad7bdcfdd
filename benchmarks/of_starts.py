"""What comes before the first chunk: importing, making a model, connecting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.history import QUESTION
from benchmarks.measuring import MILLI, cpu

PIECES: Final = 10
MODELS: Final = 20
DEPTHS: Final = tuple(range(0, 240, 24))
"""How many calls below the client a process begins to import; each of a side's processes takes the next.

CPython 3.11 and later keep Python's frames in chunks of 16 KB, and give a chunk back to the system as soon as it is
empty. Where a function that an import calls over and over happens to begin at the end of a chunk, each call gets a
chunk from the system and gives it back: 20,000 times in one import, which took 80 ms more. Whether that happens depends
on nothing but the depth, so that of two sides one may be hit and the other not. 24 frames take a fifth of a chunk.
"""


def below(depth: int, measure: Callable[[], None]) -> None:
    """Measure from so many calls further down."""
    if depth:
        below(depth - 1, measure)
    else:
        measure()


def start(bench: Bench) -> None:
    """Measure milliseconds of each step to the first chunk, and how much of it a second equal model repeats.

    This has to be the first that a process does.
    """
    driver, found = bench.driver, bench.figures.found
    address = bench.url("text", PIECES)
    began = cpu()
    driver.load()
    imported = cpu()
    found["start.import"] = (imported - began) * MILLI
    with bench.figures.trying("start"):
        model = driver.model(address)
        made = cpu()
        stream = _begun(bench, model)
        first = cpu()
        found["start.first_model"] = (made - imported) * MILLI
        found["start.first_call"] = (first - made) * MILLI
        found["start.first_chunk"] = (first - began) * MILLI
        for _ in stream:
            pass
        _second(bench, address)


def _second(bench: Bench, address: str) -> None:
    """Make another model, and use it; then some more, which do nothing."""
    found = bench.figures.found
    contexts = _count_contexts()
    before = cpu()
    model = bench.driver.model(address)
    stream = _begun(bench, model)
    found["start.second_call"] = (cpu() - before) * MILLI
    if bench.figures.can("start.second_contexts"):
        found["start.second_contexts"] = float(len(contexts))
    for _ in stream:
        pass
    before = cpu()
    for _ in range(MODELS):
        bench.driver.model(address)
    found["start.model"] = (cpu() - before) / MODELS * MILLI


def _begun(bench: Bench, model: Any) -> Any:
    """Begin a stream."""
    stream = iter(bench.driver.stream(model, bench.driver.prompt(QUESTION)))
    next(stream)
    return stream


def _count_contexts() -> list[None]:
    """Return a list that grows with each TLS context that is made from now on."""
    import ssl  # noqa: PLC0415 - a side that does not need it shall not have it before

    made: list[None] = []
    plain: Any = ssl.SSLContext.__new__

    def counted(*args: Any, **kwargs: Any) -> Any:
        made.append(None)
        return plain(*args, **kwargs)

    setattr(ssl.SSLContext, "__new__", counted)  # noqa: B010 - assigning to it is refused by the type checker
    return made
