"""The command `qwen-endpoints`. It needs the extra `cli`; nothing else of the package imports it."""

from __future__ import annotations

import sys
from typing import Final

_EXTRA: Final = ("typer", "rich")
"""What the extra brings."""


def main() -> int:
    """Run the command line; return the exit status."""
    try:
        from qwen_endpoints.cli.app import run  # noqa: PLC0415  # an extra, which may be missing
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        sys.stderr.write(
            f"qwen-endpoints: the command line needs the package {missing}: pip install 'qwen-endpoints[cli]'\n"
        )
        return 2
    return run()
