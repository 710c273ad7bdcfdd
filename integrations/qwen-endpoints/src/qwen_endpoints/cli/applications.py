"""The table of applications: where each keeps its configuration and what stands in it, as the endpoints' pages say.

Sources, read 2026-11-21: https://wcode.net/model/qwen3-235b-a22b (both applications). Variables in values:
https://opencode.ai/docs/config and https://docs.openclaw.ai/gateway/configuration/environment-variables. `compat`:
docs/gateway/config-tools/custom-providers.md of openclaw 2026.9.6, read 2026-11-22. `limit`: opencode 1.18.33 was
seen to heed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from qwen_endpoints.dialects import Dialect
from qwen_endpoints.endpoint import Endpoint
from qwen_endpoints.models import ModelProfile

_CONTEXT: Final = 128_000
_OUTPUT: Final = 8192
"""What the pages put into openclaw's configuration; used where this package knows no better, or less is allowed."""
_LONG_WORD: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One application."""

    file: str
    """Where its configuration usually is."""
    variable: str
    """How a value names an environment variable."""
    write: Callable[[Endpoint, str | None], dict[str, Any]]
    """Endpoint and reference to the key (`None`: no key is needed) -> the configuration."""
    note: Callable[[Endpoint], str] = lambda _endpoint: ""
    """What no configuration can mend there."""


def display_name(model: str) -> str:
    """Return a model id as the pages write names: `qwen/qwen3-235b-a22b` is `Qwen3 235B A22B`."""
    words = model.rpartition("/")[2].replace(":", "-").split("-")
    return " ".join(word.upper() if len(word) <= _LONG_WORD else word.title() for word in words)


def _opencode(endpoint: Endpoint, key: str | None) -> dict[str, Any]:
    options = {"baseURL": endpoint.base_url} | ({"apiKey": key} if key else {})
    name = endpoint.provider.name
    return {
        "$schema": "https://opencode.ai/config.json",
        "provider": {
            name: {
                "npm": "@ai-sdk/openai-compatible",
                "name": name,
                "options": options,
                "models": {endpoint.model: {"name": display_name(endpoint.model)} | _opencode_limit(endpoint.profile)},
            }
        },
    }


def _opencode_limit(profile: ModelProfile) -> dict[str, Any]:
    """Not on the page. Left alone, opencode asks for up to 32,000 tokens, which is more than some endpoints allow."""
    if profile.context_window is None or profile.max_output_tokens is None:
        return {}
    return {"limit": {"context": profile.context_window, "output": profile.max_output_tokens}}


def _opencode_notes(endpoint: Endpoint) -> str:
    spelled = endpoint.provider.dialect.max_tokens
    if spelled == "max_tokens":
        return ""
    return (
        f"opencode sends `max_tokens`; the page of {endpoint.provider.name} knows `{spelled}` alone and may refuse it."
    )


def _openclaw(endpoint: Endpoint, key: str | None) -> dict[str, Any]:
    profile, name = endpoint.profile, endpoint.provider.name
    inputs = [kind for kind in ("text", "image") if kind in (profile.inputs or {"text"})]
    model = {
        "id": endpoint.model,
        "name": display_name(endpoint.model),
        # As the page has it, also for models that think: what it would send for thinking is not every endpoint's word.
        "reasoning": False,
        "input": inputs,
        "contextWindow": profile.context_window or _CONTEXT,
        "maxTokens": min(_OUTPUT, profile.max_output_tokens or _OUTPUT),
        "compat": _openclaw_spelling(endpoint.provider.dialect),
    }
    # A key has to be there; servers without one take any (https://docs.openclaw.ai/providers/vllm).
    row = {"baseUrl": endpoint.base_url, "apiKey": key or "none", "api": "openai-completions", "models": [model]}
    return {
        "models": {"mode": "merge", "providers": {name: row}},
        "agents": {"defaults": {"model": {"primary": f"{name}/{endpoint.model}"}}},
    }


def _openclaw_spelling(dialect: Dialect) -> dict[str, Any]:
    """Not on the page. Left alone, openclaw says `max_completion_tokens` and sends lists, which some refuse."""
    return {"maxTokensField": dialect.max_tokens} | ({} if dialect.content_parts else {"requiresStringContent": True})


APPLICATIONS: Final[Mapping[str, Application]] = MappingProxyType(
    {
        "opencode": Application(
            file="~/.config/opencode/opencode.json", variable="{{env:{name}}}", write=_opencode, note=_opencode_notes
        ),
        "openclaw": Application(file="~/.openclaw/openclaw.json", variable="${{{name}}}", write=_openclaw),
    }
)
