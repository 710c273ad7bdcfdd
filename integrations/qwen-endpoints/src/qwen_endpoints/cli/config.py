"""`config`: what to put into an application's configuration, with the variable of the key and never the key."""

from __future__ import annotations

import os
from typing import Annotated, Final

import typer

from qwen_endpoints.cli.applications import APPLICATIONS
from qwen_endpoints.cli.failures import plainly
from qwen_endpoints.cli.options import BaseUrl, KeyVariable, ModelName, ProviderName, settings_for
from qwen_endpoints.cli.terminal import say, show_json
from qwen_endpoints.endpoint import Endpoint, resolve
from qwen_endpoints.errors import ConfigurationError

_SPOKEN: Final = "chat_completions"
"""The protocol that the pages configure both applications for."""


def _applications(incomplete: str) -> list[str]:
    return [name for name in APPLICATIONS if name.startswith(incomplete)]


def _known(name: str) -> str:
    if name not in APPLICATIONS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(APPLICATIONS)}.")
    return name


@plainly
def config(
    *,
    application: Annotated[
        str, typer.Argument(help=" or ".join(APPLICATIONS), callback=_known, autocompletion=_applications)
    ],
    model: ModelName = None,
    provider: ProviderName = None,
    base_url: BaseUrl = None,
    key_variable: KeyVariable = None,
) -> None:
    """Print an application's configuration.

    The key stays in its environment variable, which the configuration names.
    """
    # The variable is only named, so it need not be set here.
    endpoint = resolve(settings_for(model, provider, base_url), need_key=False)
    if endpoint.provider.protocol != _SPOKEN:
        raise ConfigurationError(
            f"The pages configure {application} for Chat Completions alone, and {endpoint.provider.name} speaks "
            "another protocol: choose another --provider.",
        )
    variable = _variable(endpoint, key_variable)
    row = APPLICATIONS[application]
    show_json(row.write(endpoint, row.variable.format(name=variable) if variable else None))
    say(f"For {row.file}: put it in there, beside what else it holds.", "dim")
    if note := row.note(endpoint):
        say(f"note: {note}", "yellow")
    if variable and not os.environ.get(variable, "").strip():
        say(f"Set {variable} where {application} runs; here it is not set.", "yellow")


def _variable(endpoint: Endpoint, named: str | None) -> str | None:
    """The variable that holds the key: the one named, else the one that is set, else the provider's first."""
    if named:
        return named
    own = endpoint.provider.key_variables
    return next((name for name in own if os.environ.get(name, "").strip()), own[0] if own else None)
