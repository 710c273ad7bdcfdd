"""Run every probe for one peer and print what they found, as JSON.

Each peer has a process of its own, because importing some of them changes the process (environment variables, caches,
loggers): `python -m tests.compare.one_side NAME [ROW]`, where ROW is a part of a row's title.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version

from qwen_sandbox import Sandbox

from tests.compare.peers import BY_NAME, Peer
from tests.compare.row import Row
from tests.compare.sides import Side
from tests.compare.table import THEMES
from tests.compare.verdicts import Verdict, verdict_of


def found_by(row: Row, peer: Peer) -> Verdict:
    """Run one probe at a gateway of its own."""
    with Sandbox() as gateway:
        side = Side(peer, gateway)
        return verdict_of(lambda: row.probe(side))


def main(name: str, wanted: str = "") -> None:
    """Print the version of a peer and its verdicts by theme and row."""
    peer = BY_NAME[name]
    os.environ.update(peer.environment)
    warnings.simplefilter("ignore")  # what they say is not what is compared
    logging.disable()
    import_module(peer.module)  # takes seconds, which are no probe's
    found = {
        theme: {row.title: asdict(found_by(row, peer)) for row in rows if wanted in row.title}
        for theme, rows in THEMES.items()
    }
    sys.stdout.write("\n" + json.dumps({"version": version(peer.distribution), "found": found}, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
