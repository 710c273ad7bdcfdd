"""How a command ends: 0 done, 1 the endpoint failed, 2 the input cannot be used, 130 by Ctrl-C. Never a traceback."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import Final, ParamSpec, TypeVar

import typer
from pydantic import ValidationError

from qwen_endpoints.cli.terminal import say
from qwen_endpoints.errors import ConfigurationError, QwenError

FAILED: Final = 1
UNUSABLE: Final = 2
INTERRUPTED: Final = 130

P = ParamSpec("P")
R = TypeVar("R")


def plainly(command: Callable[P, R]) -> Callable[P, R]:
    """Say in one message what went wrong, and warn likewise."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        with _warnings_said():
            try:
                return command(*args, **kwargs)
            except QwenError as error:
                say_error(error)
                raise typer.Exit(UNUSABLE if isinstance(error, ConfigurationError) else FAILED) from None
            except ValidationError as error:
                for flaw in error.errors():
                    say(f"error: {'.'.join(map(str, flaw['loc']))}: {flaw['msg']}", "red")
                raise typer.Exit(UNUSABLE) from None
            except KeyboardInterrupt:
                raise typer.Exit(INTERRUPTED) from None

    return told


def say_error(error: QwenError) -> None:
    """Write an error, with whom it came from."""
    say(f"error: {error}", "red")


@contextmanager
def _warnings_said() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_: say(f"warning: {message}", "yellow")
        yield
