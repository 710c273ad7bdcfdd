"""How a command ends: 0 done, 1 the endpoint failed, 2 the input cannot be used. Never with a traceback.

Ctrl-C is Typer's: it ends a command with 130, without a word.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import wraps
from types import MappingProxyType
from typing import Final, ParamSpec, TypeVar

import typer
from pydantic import ValidationError

from qwen_endpoints.cli.terminal import say
from qwen_endpoints.errors import ConfigurationError, QwenError

FAILED: Final = 1
UNUSABLE: Final = 2

_OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "provider=...": "--provider",
        "base_url=...": "--base-url",
        "api_key=...": "--key-variable NAME.",
        "; or pass your own Provider(...)": "",
        "; tell what it can do with context_window=... (LlamaIndex) or profile=... (LangChain), or with a provider row "
        "whose `models` holds its profile": "",
    }
)
"""How messages name arguments in Python, and what they are called here."""

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

    return told


def say_error(error: QwenError) -> None:
    """Write an error, with whom it came from."""
    say(f"error: {_as_options(str(error))}", "red")


@contextmanager
def _warnings_said() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = _say_warning
        yield


def _say_warning(message: Warning | str, *_where: object, **_more: object) -> None:
    say(f"warning: {_as_options(str(message))}", "yellow")


def _as_options(text: str) -> str:
    for argument, option in _OPTIONS.items():
        text = text.replace(argument, option)
    return text
