"""Run this Python with nothing of the user's: no key, no provider choice, no proxy, no network beyond loopback.

`python scripts/offline/run.py -m pytest` runs `python -m pytest` like that.
"""

from __future__ import annotations

import os
import sys
from fnmatch import fnmatchcase
from pathlib import Path

_FOREIGN = (
    "*_API_KEY",
    "*_AUTH_TOKEN",
    "OPENAI_*",
    "LANGSMITH_*",
    "LANGCHAIN_*",
    "QWEN_PROVIDER",
    "*_PROXY",
    "*_proxy",
)


def _is_foreign(variable: str) -> bool:
    return any(fnmatchcase(variable, pattern) for pattern in _FOREIGN)


if __name__ == "__main__":
    environment = {name: value for name, value in os.environ.items() if not _is_foreign(name)}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parent)  # sitecustomize.py is there
    os.execve(sys.executable, [sys.executable, *sys.argv[1:]], environment)  # noqa: S606 - no shell is wanted
