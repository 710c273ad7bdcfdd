"""Starts the server and the clients, one side after the other and round after round, and keeps what they print."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.sides import ROOT, Side

_KEPT: Final = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR")
"""The variables of the user's that a client sees; keys, proxies and switches are not among them."""
_PATIENCE: Final = 600
"""Seconds for one side in one round."""
Found = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Results:
    """What all rounds found."""

    rounds: list[dict[str, Found]] = field(default_factory=list[dict[str, Found]])
    """Of each round: by side, then by figure."""
    reasons: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """Why a side has no such figure."""
    versions: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    @property
    def sides(self) -> frozenset[str]:
        """The names of the sides that were measured, or were to be."""
        return frozenset(name for found in self.rounds for name in found)

    def all(self, side: str, figure: str) -> list[float]:
        """Return a figure of each round that has it."""
        return [found[side][figure] for found in self.rounds if figure in found.get(side, {})]

    def least(self, side: str, figure: str) -> float | None:
        """Return the least that any round found: what else the machine did can only have added."""
        return min(self.all(side, figure), default=None)

    def reason(self, side: str, figure: str) -> str:
        """Return why there is no such figure; what is said of a whole part is said of its figures."""
        said = self.reasons.get(side, {})
        parts = figure.split(".")
        names = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
        return next((said[name] for name in names if name in said), "not measured in this run")

    def spreads(self) -> list[float]:
        """Return for each figure of several rounds how far the largest is above the least, as a part of the least."""
        places = {(side, figure) for found in self.rounds for side in found for figure in found[side]}
        several = [values for place in sorted(places) if len(values := self.all(*place)) > 1 and min(values) > 0]
        return [max(values) / min(values) - 1 for values in several]

    def median_spread(self) -> float:
        """Return the middle one of the spreads, 0 without any."""
        return statistics.median(self.spreads() or [0.0])


def run(sides: Sequence[Side], parts: Sequence[str], rounds: int, size: float, say: Callable[[str], object]) -> Results:
    """Measure all sides in turn, then again, `rounds` times; each side in a new process.

    Args:
        sides: What is measured.
        parts: Some of `sides.PARTS`.
        rounds: How often.
        size: What part of the pieces and calls is done.
        say: Is told what goes on, a line at a time.
    """
    results = Results()
    with serving() as address:
        for number in range(rounds):
            results.rounds.append({})
            for side in sides:
                if number < side.turns:
                    say(f"round {number + 1} of {rounds}: {side.name}")
                    asked = [part for part in parts if number == 0 or part not in side.once]
                    first, *others = range(number * side.starts, (number + 1) * side.starts)
                    told = measured(side, address, asked, size, first)
                    again = [measured(side, address, ["start"], size, turn) for turn in others if "start" in asked]
                    results.rounds[-1][side.name] = _least(told["figures"], *(more["figures"] for more in again))
                    results.reasons.setdefault(side.name, {}).update(told["reasons"])
                    results.versions.setdefault(side.name, {}).update(told["versions"])
    return results


@contextmanager
def serving() -> Generator[str]:
    """Run the server in a process of its own, and give its address."""
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None  # noqa: S101 - tells the type checker what PIPE means
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.terminate()


def measured(side: Side, address: str, parts: Sequence[str], size: float, turn: int) -> dict[str, Any]:
    """Measure one side in its own environment, in its process number `turn`.

    What ends the whole process is said of all that was asked.
    """
    arguments = [side.name, address, ",".join(parts), str(size), str(turn)]
    command = [str(side.python), "-m", "benchmarks.client", *arguments]
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment.update(side.variables, PYTHONHASHSEED="0")
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=_PATIENCE
        )
    except FileNotFoundError:
        return _failed(parts, f".venv-{side.environment} is not installed")
    except subprocess.TimeoutExpired:
        return _failed(parts, f"it took more than {_PATIENCE} seconds")
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        return _failed(parts, last[:160])
    return json.loads(done.stdout.strip().splitlines()[-1])


def _least(*found: Found) -> Found:
    """Join figures, the least of each."""
    return {name: min(some[name] for some in found if name in some) for name in found[0]}


def _failed(parts: Sequence[str], reason: str) -> dict[str, Any]:
    return {"figures": {}, "reasons": dict.fromkeys(parts, reason), "versions": {}}
