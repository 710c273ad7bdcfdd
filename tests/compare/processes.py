"""A process for each class, because importing some of them changes the process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 1800
"""Seconds for one class."""


def printed_by(python: Path, module: str, name: str) -> Any:
    """Run a module for one class, with no network but loopback, and read the JSON at the end of what it prints."""
    command = [python, "scripts/offline/run.py", "-m", module, name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603
    if done.returncode:
        told = (done.stdout + done.stderr)[-3000:]
        raise RuntimeError(f"{name} could not be examined; `make compare` installs what is needed.\n{told}")
    return json.loads(done.stdout[done.stdout.rindex("\n{\n") :])
