"""The target as libFuzzer wants it; `campaign.py` runs this, with libFuzzer's own arguments."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from tests.fuzz.mutations import mutate

if __name__ == "__main__":
    atheris: Any = importlib.import_module("atheris")  # no part of the environment that types are checked in
    with atheris.instrument_imports(include=["qwen_endpoints"]):
        target = importlib.import_module("tests.fuzz.target")

    def change(data: bytes, longest: int, seed: int) -> bytes:
        """Change the JSON half of the time, and the bytes else."""
        changed = mutate(data, longest, seed) if seed % 2 else None
        return atheris.Mutate(data, longest) if changed is None else changed

    # libFuzzer calls itself again when it merges: its first argument is then what the shell gets.
    arguments = [f"{sys.executable} -m tests.fuzz.under_atheris", *sys.argv[1:]]
    atheris.Setup(arguments, target.examine, custom_mutator=change)
    atheris.Fuzz()
