"""The options that several commands share, and the settings they amount to."""

from __future__ import annotations

import os
from typing import Annotated, Any, Final, get_args

import typer
from pydantic import SecretStr

from qwen_endpoints.cli.offers import all_ids, listed_ids, row_named
from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.providers import PROVIDERS
from qwen_endpoints.settings import QwenSettings
from qwen_endpoints.words import ReasoningEffort

_EFFORTS: Final = get_args(ReasoningEffort)


def _providers(incomplete: str) -> list[str]:
    return [name for name in PROVIDERS if name.startswith(incomplete)]


def _models(incomplete: str) -> list[str]:
    return [model for model in all_ids() if model.startswith(incomplete)]


def _efforts(incomplete: str) -> list[str]:
    return [word for word in _EFFORTS if word.startswith(incomplete)]


def _effort(word: str | None) -> str | None:
    if word is not None and word not in _EFFORTS:
        raise typer.BadParameter(f"{word!r} is none of {', '.join(_EFFORTS)}.")
    return word


ProviderName = Annotated[
    str | None,
    typer.Option("--provider", "-p", help="Whom to ask; `providers` lists them.", autocompletion=_providers),
]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", help="The model id as the endpoint spells it.", envvar="QWEN_MODEL", autocompletion=_models
    ),
]
BaseUrl = Annotated[str | None, typer.Option("--base-url", help="Where the endpoint is, if not where its row says.")]
KeyVariable = Annotated[
    str | None,
    typer.Option("--key-variable", metavar="NAME", help="The environment variable that holds the key."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Thinking = Annotated[bool | None, typer.Option("--thinking/--no-thinking", help="Reason before answering, or do not.")]
Effort = Annotated[
    str | None,
    typer.Option(help=f"How much to reason: {', '.join(_EFFORTS)}.", callback=_effort, autocompletion=_efforts),
]


def settings_for(
    model: str | None, provider: str | None, base_url: str | None, key_variable: str | None = None, **more: Any
) -> QwenSettings:
    """Return the settings that the options amount to. The key comes from a variable: arguments show in process lists.

    Raises:
        ConfigurationError: No model is named and none can be told, or the named variable is not set.
    """
    given = {name: value for name, value in more.items() if value is not None}
    return QwenSettings(
        model=model or _only_model(provider), provider=provider, base_url=base_url, api_key=_key(key_variable), **given
    )


def _key(variable: str | None) -> SecretStr | None:
    if variable is None:
        return None
    value = os.environ.get(variable, "").strip()
    if not value:
        raise ConfigurationError(f"--key-variable names {variable}, which is not set.")
    return SecretStr(value)


def _only_model(provider: str | None) -> str:
    """The model of a provider whose row lists one alone."""
    name = provider or os.environ.get("QWEN_PROVIDER")
    found = listed_ids(row_named(name)) if name else []
    if len(found) == 1:
        return found[0]
    there = f" {name} has {', '.join(found)}." if found else " `qwen-endpoints models` lists those that are known."
    raise ConfigurationError(f"Which model? Pass --model, or set QWEN_MODEL.{there}")
