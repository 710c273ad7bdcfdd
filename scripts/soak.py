"""Asks for a thousand streams at the same time, in a loop and on threads, wave after wave, and shows what is left.

`make soak` runs it for five minutes; `python scripts/soak.py --seconds 60 --tasks 200 --threads 16 --chunks 100000` is
a small one. The sandbox runs in a process of its own; its answers are scripted. Each call carries a token that only its
own answer may hold; one in ten is left after a piece, one in ten of those in tasks is cancelled there. The exit code is
1 where a promise is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from qwen_endpoints import Message, QwenClient, QwenSettings, plan_call

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.contract.load.apart import Apart, Told, more_descriptors, sandbox_apart
from tests.contract.load.crowd import Crowd, Wave
from tests.contract.load.holdings import Holdings, held, memory, settled

CHUNK_DELAY: Final = 0.02
WARM: Final = 2
"""Waves after which what is held is what it may be at the end."""
POOLS: Final = 2
KEPT: Final = 100
"""Connections that a pool of an event loop keeps for the next call."""
MEGABYTES: Final = 30.0
"""What memory in RAM may differ by: the allocator gives it back in large parts."""
BYTES_A_CHUNK: Final = 200
"""What a long stream may hold for each chunk: its words, which the last piece gives again as a whole."""
RATIO: Final = 2.0
"""What a chunk of the longest stream may cost, as a multiple of one of the shortest."""
SHOWN: Final = 5


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table: what was seen, and whether it is what is promised."""

    what: str
    seen: str
    promised: str = ""
    kept: bool = True


@dataclass(frozen=True, kw_only=True)
class Soak:
    """What came of all waves."""

    waves: Sequence[Wave]
    told: Sequence[Told]
    first: Holdings
    warm: Holdings
    most_descriptors: int
    last: Holdings
    closed: Holdings
    threads: int
    seconds: float

    @property
    def calls(self) -> int:
        """How many there were."""
        return sum(wave.calls for wave in self.waves)

    def lines(self) -> Iterator[Line]:
        """Yield the table."""
        yield from self._about_calls()
        yield from self._about_time()
        yield from self._about_holdings()

    def _about_calls(self) -> Iterator[Line]:
        manners = sum((wave.manners for wave in self.waves), Counter[str]())
        problems = [problem for wave in self.waves for problem in wave.problems]
        requests, size = sum(told.requests for told in self.told), self.waves[0].calls
        ended = ", ".join(f"{number:,} {manner}" for manner, number in sorted(manners.items()))
        most = min(wave.most for wave in self.waves)
        yield Line(what="calls", seen=f"{self.calls:,} in {len(self.waves)} waves, {self.seconds:.0f} s")
        yield Line(what="how they ended", seen=ended)
        yield Line(what="not what was asked for", seen=f"{len(problems)}", promised="0", kept=not problems)
        for problem, number in Counter(problem[:120] for problem in problems).most_common(SHOWN):
            yield Line(what="", seen=f"{number} × {problem}")
        yield Line(what="requests that the server saw", seen=f"{requests:,}", promised=f"{self.calls:,}",
                   kept=requests == self.calls)  # fmt: skip
        yield Line(what="open here at the same time", seen=f"{most:,}", promised=f"{size:,}", kept=most == size)
        yield Line(what="being written there at the same time", seen=f"{max(told.most_open for told in self.told):,}")

    def _about_time(self) -> Iterator[Line]:
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            seconds = sorted(wave.within(share) for wave in self.waves)
            seen = f"{seconds[0]:.2f} to {seconds[-1]:.2f} s"
            yield Line(what=f"first piece after the wave began, {name}", seen=seen)

    def _about_holdings(self) -> Iterator[Line]:
        warm, last, closed, first = self.warm, self.last, self.closed, self.first
        most = first.descriptors + POOLS * (KEPT + self.threads)
        calls = sum(wave.calls for wave in self.waves[WARM:])
        grown, objects = last.megabytes - warm.megabytes, last.objects_since(warm)
        yield Line(what="memory, MB", seen=f"{warm.megabytes:.0f} warm, {last.megabytes:.0f} at the end",
                   promised=f"+{MEGABYTES:.0f} at most", kept=grown <= MEGABYTES)  # fmt: skip
        yield Line(what="Python's blocks", seen=f"{warm.blocks:,} warm, {last.blocks:,} at the end",
                   promised="less than one for each call, beside kept connections", kept=objects < calls)  # fmt: skip
        yield Line(what="descriptors", seen=f"{first.descriptors} before, {self.most_descriptors} between waves",
                   promised=f"{most} at most", kept=self.most_descriptors <= most)  # fmt: skip
        yield Line(what="descriptors, all closed", seen=f"{closed.descriptors}", promised=f"{first.descriptors}",
                   kept=closed.descriptors == first.descriptors)  # fmt: skip
        yield Line(what="threads", seen=f"{last.threads}, closed {closed.threads}",
                   promised=f"{first.threads + self.threads}, {first.threads}",
                   kept=(last.threads, closed.threads) == (first.threads + self.threads, first.threads))  # fmt: skip
        yield Line(what="tasks", seen=f"{last.tasks}", promised=f"{first.tasks}", kept=last.tasks == first.tasks)


async def soak(server: Apart, *, seconds: float, tasks: int, threads: int) -> Soak:
    """Ask in waves until the time is over, but at least for one wave after those that warm up."""
    began, first = time.monotonic(), held()
    crowd = Crowd(server.url, tasks=tasks, threads=threads)
    waves: list[Wave] = []
    told: list[Told] = []
    between: list[Holdings] = []
    while len(waves) <= WARM or time.monotonic() - began < seconds:
        waves.append(await crowd.wave())
        told.append(server.told())
        between.append(await settled(first.tasks))
        print(f"wave {len(waves)}: {waves[-1].calls} calls, {len(waves[-1].problems)} problems, {between[-1]}")
    await crowd.aclose()
    return Soak(
        waves=waves, told=told, first=first, warm=between[WARM - 1], last=between[-1],
        most_descriptors=max(one.descriptors for one in between), closed=await settled(first.tasks),
        threads=threads, seconds=time.monotonic() - began,
    )  # fmt: skip


def long_stream(url: str, chunks: int) -> tuple[float, float]:
    """Read a stream and keep none of it; return the microseconds of CPU and the bytes of memory for each chunk."""
    settings = QwenSettings(model="qwen3-32b", provider="generic", base_url=url, timeout=600)
    gc.collect()
    before, most, read = memory(), 0.0, 0
    pieces = QwenClient().stream(plan_call(settings, [Message(role="user", content="Speak")]))
    next(pieces)  # the connection and the request are not what is measured
    began = time.thread_time()
    for _ in pieces:
        read += 1
        if read % 1000 == 0:
            most = max(most, memory() - before)
    if read < chunks:
        raise RuntimeError(f"only {read} of {chunks} chunks came")
    return (time.thread_time() - began) / chunks * 1e6, most * 1e6 / chunks


def long_streams(server: Apart, longest: int) -> Iterator[Line]:
    """Yield what a chunk costs in ever longer streams, each read in a new process, which has no memory to spare."""

    def apart(chunks: int) -> tuple[float, float]:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            return process.submit(long_stream, server.long_stream(chunks), chunks).result()

    shortest = min(apart(1000)[0] for _ in range(3))
    yield Line(what="a chunk of 1,000", seen=f"{shortest:.0f} µs of CPU")
    for chunks in sorted({min(100_000, longest), longest}):
        spent, held_for_each = apart(chunks)
        seen = f"{spent:.0f} µs of CPU ({spent / shortest:.2f}), {held_for_each:.0f} bytes held"
        kept = spent <= RATIO * shortest and held_for_each <= BYTES_A_CHUNK
        promised = f"{RATIO:.0f} times at most, {BYTES_A_CHUNK} bytes"
        yield Line(what=f"a chunk of {chunks:,}", seen=seen, promised=promised, kept=kept)


def shown(lines: Sequence[Line]) -> str:
    """Return the table as text."""
    width = max(len(line.what) for line in lines)
    seen = max(len(line.seen) for line in lines if line.promised)
    rows = [f"  {line.what:<{width}}  {line.seen:<{seen}}  {_verdict(line)}".rstrip() for line in lines]
    return "\n".join(rows)


def _verdict(line: Line) -> str:
    return f"{'kept' if line.kept else 'BROKEN'}: {line.promised}" if line.promised else ""


def main() -> int:
    """Run it all; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=300.0, help="how long to ask, at least three waves (300)")
    parser.add_argument("--tasks", type=int, default=1000, help="streams at the same time in one event loop (1000)")
    parser.add_argument("--threads", type=int, default=64, help="threads with a stream each (64)")
    parser.add_argument("--chunks", type=int, default=1_000_000, help="of the longest stream (1000000)")
    options = parser.parse_args()
    more_descriptors()
    with sandbox_apart(chunk_delay=CHUNK_DELAY) as server:
        came = asyncio.run(soak(server, seconds=options.seconds, tasks=options.tasks, threads=options.threads))
    with sandbox_apart() as server:
        lines = [*came.lines(), *long_streams(server, options.chunks)]
    print(f"\nPython {sys.version.split()[0]}, {options.tasks} tasks, {options.threads} threads; scripted answers")
    print(shown(lines))
    return 0 if all(line.kept for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
