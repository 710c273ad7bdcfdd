"""Measures one side in a process of its own: `python -m benchmarks.client SIDE ADDRESS PARTS SIZE TURN` prints JSON.

PARTS are separated by commas. SIZE is what part of the pieces and calls is done; 1 for the whole. TURN counts the
side's processes from 0: each begins to import at another depth, see `of_starts.DEPTHS`. What fails is said with its
reason in the place of a figure.
"""

from __future__ import annotations

import json
import os
import sys
import warnings

from benchmarks.drivers import driver_of
from benchmarks.measuring import Figures
from benchmarks.parts import measure
from benchmarks.sides import BY_NAME, Side


def main(name: str, address: str, parts: str, size: str, turn: str) -> None:
    """Measure and print."""
    side = BY_NAME[name]
    warnings.simplefilter("ignore")  # what they say is not what is measured
    figures = Figures(side.unable)
    measure(driver_of(side), figures, address, parts.split(","), side.share * float(size), int(turn))
    told = {"figures": figures.found, "reasons": figures.reasons, "versions": _versions(side)}
    sys.stdout.write("\n" + json.dumps(told) + "\n")
    sys.stdout.flush()
    os._exit(0)  # connections that are held open, and threads that wait for them, would make the end long


def _versions(side: Side) -> dict[str, str]:
    from importlib.metadata import version  # noqa: PLC0415 - what an import takes is measured

    return {"Python": sys.version.split()[0], **{name: version(name) for name in side.distributions}}


if __name__ == "__main__":
    main(*sys.argv[1:])
