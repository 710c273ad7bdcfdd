"""The model catalogue: what is known of each Qwen model, wherever it is served.

A profile is a default: hosts cut context windows and switch features off, so a provider's row may override any field
(see `Provider.models`) and a user may override both. Sizes are never enforced. What is known to be impossible (media,
reasoning, a JSON schema) is refused before it is sent; what is unknown is not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, Literal, cast

from qwen_endpoints.pricing import Price

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Modality = Literal["text", "image", "video", "audio", "file"]
Thinking = Literal["none", "hybrid", "always"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """What one model can do. `None` means unknown, and unknown is permissive: nothing is refused because of it."""

    id: str
    """The name the catalogue knows the model by, lower case and without an organisation prefix."""
    context_window: int | None = None
    """Tokens that prompt and answer share."""
    max_output_tokens: int | None = None
    """Most tokens one answer may have, reasoning included."""
    inputs: frozenset[Modality] | None = None
    """What a user message may carry."""
    thinking: Thinking | None = None
    """`none` never reasons, `hybrid` can be switched, `always` cannot be switched off."""
    thinking_default: bool | None = None
    """Whether a hybrid model reasons when a request does not say."""
    thinking_budget_max: int | None = None
    """Most tokens of reasoning that can be asked for."""
    thinking_streams_only: bool = False
    """A request that reasons is refused unless it streams; whole calls then stream under the hood."""
    think_opener: Literal["model", "template"] = "model"
    """Who writes `<think>`: with `template` it is part of the prompt, and raw output holds only `</think>`."""
    preserves_thinking: bool = False
    """The model was trained to see the reasoning of earlier turns."""
    tools: bool | None = None
    """Function calling."""
    forced_tool_choice: bool | None = None
    """Whether `tool_choice` may be `required` or name a function."""
    json_schema: bool | None = None
    """Whether `response_format` may hold a JSON schema."""
    price: Price | None = None
    """What tokens cost, where the host publishes it."""
    tokenizer: str | None = None
    """Which row of `TOKENIZERS` makes tokens of its prompts. Counts are exact only where this is known."""
    source: str = ""
    """Where these facts were read."""
    checked: date | None = None
    """When they were read."""

    @property
    def may_think(self) -> bool:
        """Whether reasoning is possible at all, as far as is known."""
        return self.thinking != "none"


def unknown_model(model: str) -> ModelProfile:
    """Return the permissive profile of a model id the catalogue does not hold."""
    return ModelProfile(id=model, source="not in the catalogue")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Profiles by normalised id."""

    profiles: Mapping[str, ModelProfile]
    """Every profile under its id and under each alias."""
    suffixes: tuple[str, ...]
    """Endings that name a packaging of the same model (a quantisation, a file format), longest first."""

    def find(self, model: str) -> ModelProfile | None:
        """Return the profile for a model id as any endpoint spells it, or `None`.

        Case, an organisation prefix (`Qwen/`) and packaging suffixes (`-AWQ`, `:free`) do not matter.
        """
        name = model.strip().lower().rsplit("/", 1)[-1]
        while True:
            if name in self.profiles:
                return self.profiles[name]
            suffix = next((s for s in self.suffixes if name.endswith(s) and len(s) < len(name)), None)
            if suffix is None:
                return None
            name = name[: -len(suffix)]


def profile_from_row(row: Mapping[str, Any]) -> ModelProfile:
    """Build a profile from one table of `models.toml`; an unknown key is a `TypeError`."""
    values = dict(row)
    values.pop("aliases", None)
    if "inputs" in values:
        values["inputs"] = frozenset(cast("Iterable[Modality]", values["inputs"]))
    return ModelProfile(**values)


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return the packaged catalogue, read once from `data/models.toml`."""
    text = resources.files("qwen_endpoints").joinpath("data/models.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    profiles: dict[str, ModelProfile] = {}
    for row in document["model"]:
        profile = profile_from_row(row)
        for name in (profile.id, *row.get("aliases", ())):
            if name in profiles:
                raise ValueError(f"data/models.toml names {name!r} twice")
            profiles[name] = profile
    suffixes = sorted(document["packaging_suffixes"], key=len, reverse=True)
    return Catalogue(profiles=MappingProxyType(profiles), suffixes=tuple(suffixes))


PROFILE_FIELDS: Final = frozenset(field.name for field in fields(ModelProfile))
