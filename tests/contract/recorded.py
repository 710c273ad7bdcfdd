"""The folder of recorded replies, which is no part of this project."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_FOLDER: Final = os.environ.get("QWEN_RECORDINGS", "")

RECORDINGS: Final = Path(_FOLDER).resolve() if _FOLDER else None

NAMES: Final = sorted(
    path.name
    for path in (RECORDINGS.iterdir() if RECORDINGS else ())
    if path.suffix in {".json", ".jsonl", ".sse"} and not path.name.endswith(".request.json")
)
