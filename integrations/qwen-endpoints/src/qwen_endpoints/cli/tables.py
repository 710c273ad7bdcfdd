"""`models` and `providers`: what the tables of this package say."""

from __future__ import annotations

import os
from typing import Any, Final, get_args

from qwen_endpoints.cli.failures import plainly
from qwen_endpoints.cli.offers import catalogue_ids, known_ids, listed_ids, profile_at, row_named
from qwen_endpoints.cli.options import AsJson, ProviderName
from qwen_endpoints.cli.terminal import say, show_json, show_table
from qwen_endpoints.models import Modality, ModelProfile, catalogue
from qwen_endpoints.pricing import Price
from qwen_endpoints.providers import PROVIDERS, Provider

_PROTOCOLS: Final = {"chat_completions": "Chat Completions", "messages": "Messages"}
_UNKNOWN: Final = "?"
_ORDER: Final = get_args(Modality)


@plainly
def models(*, provider: ProviderName = None, as_json: AsJson = False) -> None:
    """List models: context, modalities, thinking, price."""
    rows = _at(row_named(provider)) if provider else _everywhere()
    if as_json:
        show_json([{"model": model, "at": names, **_facts(profile)} for model, names, profile in rows])
        return
    facts = ("context", "output", "takes", "thinking", "tools", "price per million, in / out")
    if provider:
        show_table(("model", *facts), [(model, *_cells(profile)) for model, _, profile in rows])
    else:
        table = [(model, ", ".join(names), *_cells(profile)) for model, names, profile in rows]
        show_table(("model", "at", *facts), table)
    say(_footnote(row_named(provider)) if provider else _prefixes(), "dim")


@plainly
def providers(*, as_json: AsJson = False) -> None:
    """List providers, and whose key is set.

    Base URL, protocol, key variable, models.
    """
    if as_json:
        show_json([_provider(row) for row in PROVIDERS.values()])
        return
    titles = ("provider", "base URL", "protocol", "key variable", "models")
    show_table(titles, [_provider_cells(row) for row in PROVIDERS.values()])


Offered = tuple[str, list[str], ModelProfile]
"""A model id, the providers that have it, and what it can do there."""


def _at(row: Provider) -> list[Offered]:
    """What a provider has; a server of one's own may have anything that the catalogue knows."""
    return [(model, [row.name], profile_at(row, model)) for model in known_ids(row) or catalogue_ids()]


def _everywhere() -> list[Offered]:
    """What rows name themselves, with their own facts, then the catalogue, with those who serve the whole of it."""
    own = [(model, [row.name], profile_at(row, model)) for row in PROVIDERS.values() for model in listed_ids(row)]
    whole = [row.name for row in PROVIDERS.values() if row.id_prefix is not None]
    return own + [(model, whole, catalogue().profiles[model]) for model in catalogue_ids()]


def _prefixes() -> str:
    """How ids are spelled where it is otherwise."""
    told = [f"At {row.name}, ids begin with {row.id_prefix}" for row in PROVIDERS.values() if row.id_prefix]
    return f"{'; '.join(told)}. `?` is unknown. `--provider` shows one provider's own ids and facts."


def _footnote(row: Provider) -> str:
    if not known_ids(row):
        return f"{row.name} has whatever is served there; this is what the catalogue knows. `?` is unknown."
    return f"Read from {row.source}, {row.checked}. `?` is unknown."


def _facts(profile: ModelProfile) -> dict[str, Any]:
    return {
        "context_window": profile.context_window,
        "max_output_tokens": profile.max_output_tokens,
        "inputs": None if profile.inputs is None else sorted(profile.inputs),
        "thinking": profile.thinking,
        "thinking_default": profile.thinking_default,
        "tools": profile.tools,
        "json_schema": profile.json_schema,
        "price": _price_json(profile.price),
        "source": profile.source,
        "checked": None if profile.checked is None else profile.checked.isoformat(),
    }


def _price_json(price: Price | None) -> dict[str, Any] | None:
    if price is None:
        return None
    return {
        "input": price.input,
        "output": price.output,
        "cached_input": price.cached_input,
        "currency": price.currency,
        "source": price.source,
        "checked": None if price.checked is None else price.checked.isoformat(),
    }


def _cells(profile: ModelProfile) -> tuple[str, ...]:
    price = profile.price
    return (
        _number(profile.context_window),
        _number(profile.max_output_tokens),
        _UNKNOWN if profile.inputs is None else " ".join(sorted(profile.inputs, key=_ORDER.index)),
        _thinking(profile),
        {True: "yes", False: "no", None: _UNKNOWN}[profile.tools],
        _UNKNOWN if price is None else f"{price.input:g} / {price.output:g} {price.currency}",
    )


def _number(count: int | None) -> str:
    return _UNKNOWN if count is None else f"{count:,}"


def _thinking(profile: ModelProfile) -> str:
    if profile.thinking != "hybrid":
        return {"none": "no", "always": "always", None: _UNKNOWN}[profile.thinking]
    return {True: "on, can be off", False: "off, can be on", None: "can be switched"}[profile.thinking_default]


def _provider(row: Provider) -> dict[str, Any]:
    return {
        "provider": row.name,
        "base_url": row.base_url or None,
        "protocol": row.protocol,
        "key_variables": list(row.key_variables),
        "key_set": _key_is_set(row) if row.key_variables else None,
        "key_required": row.key_required,
        "models": listed_ids(row),
        "whole_catalogue": row.id_prefix is not None,
        "source": row.source,
        "checked": None if row.checked is None else row.checked.isoformat(),
    }


def _provider_cells(row: Provider) -> tuple[str, ...]:
    keys = " or ".join(row.key_variables)
    return (
        row.name,
        row.base_url or "pass --base-url",
        _PROTOCOLS[row.protocol],
        f"{keys} ({'set' if _key_is_set(row) else 'not set'})" if keys else "none needed",
        _has(row),
    )


def _has(row: Provider) -> str:
    if row.id_prefix is not None:
        return "the catalogue"
    return ", ".join(listed_ids(row)) or "your own"


def _key_is_set(row: Provider) -> bool:
    return any(os.environ.get(variable, "").strip() for variable in row.key_variables)
