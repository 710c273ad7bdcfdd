"""The commands, joined into one application."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from qwen_endpoints.cli.chat import chat
from qwen_endpoints.cli.check import check
from qwen_endpoints.cli.config import config
from qwen_endpoints.cli.cost import cost
from qwen_endpoints.cli.sandbox import sandbox
from qwen_endpoints.cli.tables import models, providers
from qwen_endpoints.cli.terminal import forgive_encodings

_NAME = "qwen-endpoints"

# Help without boxes: it stays as it is in a pipe, and whatever variables say about colour.
app = typer.Typer(
    name=_NAME,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (chat, models, providers, check, cost, config, sandbox):
    app.command()(command)


def _show_version(value: bool) -> None:
    if value:
        from qwen_endpoints import __version__  # noqa: PLC0415  # the package is being imported when this module is

        sys.stdout.write(f"{_NAME} {__version__}\n")
        raise typer.Exit


@app.callback()
def about(
    *,
    version: Annotated[  # acts by its callback
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Ask Qwen models at any endpoint, check endpoints, and see what models they have and what they cost.

    Keys come from each provider's own environment variable; `providers` lists them.

    Exit codes: 0 done, 1 the endpoint failed, 2 the input cannot be used, 130 Ctrl-C.
    """


def run() -> int:
    """Run the command that the arguments name; return the exit status."""
    forgive_encodings()
    try:
        app(prog_name=_NAME)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0
