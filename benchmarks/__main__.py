"""`python -m benchmarks`: measures all sides, prints the tables, and writes docs/benchmarks.md.

`--short` measures few sides with few pieces, writes nothing, and exits with 1 where a ratio is beyond its guard.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks import report
from benchmarks.promises import PROMISES, Promise, judge
from benchmarks.runs import Results, run
from benchmarks.sides import BY_NAME, PARTS, SIDES, Side

ROUNDS: Final = 5
_SHORT: Final = (
    "null LangChain model",
    "null LlamaIndex model",
    "mapping transport",
    "openai SDK 3",
    "QwenClient",
    "ChatQwen",
    "ChatOpenAI",
    "Qwen",
)
_SHORT_SIZE: Final = 0.2
_SHORT_ROUNDS: Final = 2


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    sides: list[Side]
    parts: Sequence[str]
    rounds: int
    short: bool

    @property
    def whole(self) -> bool:
        """Whether it is everything, so that the page may be written."""
        return not self.short and len(self.sides) == len(SIDES) and set(self.parts) == set(PARTS)


def wanted(arguments: Sequence[str] | None = None) -> Wanted:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="few sides, few pieces; judge ratios with slack")
    parser.add_argument(
        "--rounds", type=int, help=f"how often each side is measured ({ROUNDS}, short: {_SHORT_ROUNDS})"
    )
    parser.add_argument("--only", metavar="PART", nargs="+", choices=PARTS, help=f"of {', '.join(PARTS)}")
    parser.add_argument("--sides", metavar="SIDE", nargs="+", choices=list(BY_NAME), help="their names")
    given = parser.parse_args(arguments)
    names: list[str] = given.sides or (list(_SHORT) if given.short else list(BY_NAME))
    rounds: int = given.rounds or (_SHORT_ROUNDS if given.short else ROUNDS)
    return Wanted([BY_NAME[name] for name in names], given.only or PARTS, rounds, given.short)


def main() -> int:
    """Measure and tell; return the exit code."""
    asked = wanted()
    size = _SHORT_SIZE if asked.short else 1.0
    results = run(asked.sides, asked.parts, asked.rounds, size, _say)
    broken = _broken(asked, results)
    if broken:  # on a machine that does other work, more rounds find what the first could not
        _say("beyond a guard: the same once more")
        results.rounds.extend(run(asked.sides, asked.parts, asked.rounds, size, _say).rounds)
        broken = _broken(asked, results)
    sys.stdout.write(report.printed(results) + "\n")
    if asked.whole:
        report.write(results)
    for line in broken:
        _say(line)
    return 1 if broken else 0


def _broken(asked: Wanted, results: Results) -> list[str]:
    return [line for promise in PROMISES if asked.short for line in beyond(promise, results, asked.parts)]


def beyond(promise: Promise, results: Results, parts: Sequence[str]) -> Iterator[str]:
    """Say what is wrong with a promise in a short run: it is beyond its guard, or a side has failed."""
    sides = {side for side, _ in promise.places}
    if promise.guard is None or promise.figure.partition(".")[0] not in parts or not sides <= results.sides:
        return
    name = f"{promise.title} {promise.column}".strip()
    verdict = judge(promise, results)
    if verdict.ratio is None:
        missing = [place for place in promise.places if results.least(*place) is None]
        yield from (
            f"guard: {name}: {side} has no {figure}: {results.reason(side, figure)}" for side, figure in missing
        )
    elif verdict.ratio > promise.guard:
        yield f"guard: {name} is {verdict.ratio:.2f}, more than {promise.guard:g}"


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
