"""`sandbox`: start the local gateway, where it is installed."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Annotated, Final

import typer

from qwen_endpoints.cli.failures import UNUSABLE, plainly
from qwen_endpoints.cli.terminal import say

_COMMAND: Final = "qwen-sandbox"
"""A distribution of its own, found by the command it registers: the core does not import it."""


@plainly
def sandbox(
    *, port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on, 0 for a free one.")] = 8123
) -> None:
    """Run a local gateway, to try without a key.

    Its answers are scripted: there is no model inside.
    """
    found = entry_points(group="console_scripts", name=_COMMAND)
    if not found:
        say(f"error: the sandbox is a package of its own: pip install {_COMMAND}", "red")
        raise typer.Exit(UNUSABLE)
    main = next(iter(found)).load()
    raise typer.Exit(main(["serve", "--port", str(port)]))
