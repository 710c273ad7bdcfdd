"""Run the suite over one class and print what it found, as JSON.

Each class has a process of its own, and some an environment of their own: `python -m tests.compare_llamaindex.one_side
NAME`, with pytest's arguments behind it. Pytest's own report is printed before the JSON.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.compare_llamaindex.findings import Findings
from tests.compare_llamaindex.peers import BY_NAME

_HERE = Path(__file__).parent


def main(name: str, *arguments: str) -> None:
    """Print the versions of a class and its rows."""
    peer = BY_NAME[name]
    os.environ.update({**peer.variables, "COMPARED": name})
    findings = Findings()
    pytest.main(["-c", str(_HERE / "sides.ini"), str(_HERE / "subject.py"), *arguments], plugins=[findings])
    versions = {distribution: version(distribution) for distribution in (peer.distribution, *peer.beneath)}
    sys.stdout.write("\n" + json.dumps({"versions": versions, "rows": findings.rows()}, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
