"""`cost`: what a prompt would take, before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from qwen_endpoints.calls import request_of
from qwen_endpoints.cli.failures import plainly
from qwen_endpoints.cli.offers import ids_of, profile_at, row_named
from qwen_endpoints.cli.options import AsJson, ModelName, ProviderName, Thinking, settings_for
from qwen_endpoints.cli.prompts import conversation, read_text
from qwen_endpoints.cli.terminal import say, show_json, show_table
from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.models import ModelProfile
from qwen_endpoints.pricing import Cost, cost_of
from qwen_endpoints.prompt_tokens import count_prompt_tokens
from qwen_endpoints.providers import PROVIDERS, Provider
from qwen_endpoints.settings import QwenSettings
from qwen_endpoints.tokenizers import tokenizer_row
from qwen_endpoints.tokens import ENCODINGS
from qwen_endpoints.types import Message, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A prompt at one provider."""

    provider: Provider
    model: str
    profile: ModelProfile
    tokens: int
    exact: bool
    cost: Cost | None


@plainly
def cost(
    *,
    file: Annotated[str, typer.Argument(help="Text, or a JSON list of messages; - reads stdin.")],
    model: ModelName = None,
    provider: ProviderName = None,
    output_tokens: Annotated[int, typer.Option(min=0, help="Tokens to assume for the answer, thinking included.")] = 0,
    thinking: Thinking = None,
    as_json: AsJson = False,
) -> None:
    """Estimate a prompt's tokens and cost.

    At one provider, or at all that offer the model. Nothing is sent.
    """
    settings = settings_for(model, provider, None, enable_thinking=thinking)
    messages = conversation(read_text(file))
    found = [
        _estimate(row, name, settings, messages, output_tokens)
        for row in _rows(provider)
        for name in _ids(row, settings.model, asked=provider is not None)
    ]
    if not found:
        raise ConfigurationError(
            f"No provider is known to offer {settings.model!r}. Name one with --provider, or see "
            "`qwen-endpoints models`."
        )
    if as_json:
        show_json([_as_json(estimate, output_tokens) for estimate in found])
        return
    titles = ("provider", "model", "tokens in", "tokens out", "cost", "of the context")
    show_table(titles, [_cells(estimate, output_tokens) for estimate in found])
    say(_footnote(found, output_tokens), "dim")


def _rows(provider: str | None) -> list[Provider]:
    return list(PROVIDERS.values()) if provider is None else [row_named(provider)]


def _ids(row: Provider, model: str, *, asked: bool) -> list[str]:
    """The model's ids there; the one asked for counts even where the row does not list it, if its row is asked for."""
    found = ids_of(row, model)
    return [model] if asked and not found else found


def _estimate(row: Provider, model: str, settings: QwenSettings, messages: list[Message], answer: int) -> Estimate:
    profile = profile_at(row, model)
    tokens = count_prompt_tokens(request_of(settings, messages), profile)
    usage = Usage(input_tokens=tokens, output_tokens=answer, total_tokens=tokens + answer)
    return Estimate(
        provider=row,
        model=model,
        profile=profile,
        tokens=tokens,
        exact=profile.tokenizer is not None and ENCODINGS.get(tokenizer_row(profile.tokenizer).vocabulary) is not None,
        cost=cost_of(usage, profile.price),
    )


def _cells(estimate: Estimate, answer: int) -> tuple[str, ...]:
    money, window = estimate.cost, estimate.profile.context_window
    return (
        estimate.provider.name,
        estimate.model,
        f"{'' if estimate.exact else '~'}{estimate.tokens:,}",
        f"{answer:,}",
        f"{money.amount:.6f} {money.currency}" if money else "unknown",
        f"{(estimate.tokens + answer) / window:.1%} of {window:,}" if window else "unknown",
    )


def _footnote(found: list[Estimate], answer: int) -> str:
    said: list[str] = []
    if not all(estimate.exact for estimate in found):
        said.append("~ is an estimate; with qwen-endpoints[tokens], models whose vocabulary is known are counted.")
    if not answer:
        said.append("Without --output-tokens, the answer costs nothing here.")
    if any(estimate.cost is None for estimate in found):
        said.append("Unknown: the provider publishes no price that this version knows.")
    return " ".join(said)


def _as_json(estimate: Estimate, answer: int) -> dict[str, Any]:
    return {
        "provider": estimate.provider.name,
        "model": estimate.model,
        "input_tokens": estimate.tokens,
        "exact": estimate.exact,
        "output_tokens": answer,
        "context_window": estimate.profile.context_window,
        "cost": estimate.cost and estimate.cost.as_json(),
    }
