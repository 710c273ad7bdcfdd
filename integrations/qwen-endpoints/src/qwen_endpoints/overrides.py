"""How the arguments of one call join the settings of an instance. The call wins; the instance is not changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.merging import leaf_paths, merge_deeply, remove
from qwen_endpoints.settings import ARGUMENTS, QwenSettings

if TYPE_CHECKING:
    from qwen_endpoints.dialects import Dialect
    from qwen_endpoints.words import Json

_SETTINGS: Final = tuple(QwenSettings.model_fields)
_THINKING: Final = ("enable_thinking", "thinking_budget", "reasoning_effort")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The settings of one call, and what goes into its body as it is."""

    settings: QwenSettings
    changed: frozenset[str]
    """The settings that the call gave."""
    given_body: Json
    """What the call itself puts into the body."""

    def extra_body(self, dialect: Dialect) -> dict[str, Any]:
        """Join the instance's `extra_body` with the call's. What the call set by name is taken out of the former."""
        joined: dict[str, Any] = deepcopy(dict(self.settings.extra_body or {}))
        for path in _spellings(self.changed, dialect):
            remove(joined, path)
        merge_deeply(joined, self.given_body)
        return joined


def settle(settings: QwenSettings, given: Mapping[str, Any]) -> Settled:
    """Join settings with the arguments of a call, of which unknown ones go into the body.

    Raises:
        ConfigurationError: An argument is not of its setting's type.
    """
    changes = {ARGUMENTS[name]: value for name, value in given.items() if name in ARGUMENTS}
    body: dict[str, Any] = {}
    merge_deeply(body, {name: value for name, value in given.items() if name not in ARGUMENTS})
    merge_deeply(body, changes.pop("extra_body", {}))
    changed = frozenset(changes)
    if not changes:
        return Settled(settings=settings, changed=changed, given_body=body)
    values = {name: getattr(settings, name) for name in _SETTINGS}
    _let_the_call_decide_about_thinking(values, changes)
    if changes.get("provider", settings.provider) != settings.provider:
        # Address and key belong to the provider that the instance was made for.
        values.update(base_url=None, api_key=None)
    try:
        return Settled(settings=QwenSettings(**{**values, **changes}), changed=changed, given_body=body)
    except ValidationError as error:
        reasons = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ConfigurationError(f"This call's settings cannot be used: {reasons}.", model=settings.model) from None


def _let_the_call_decide_about_thinking(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Drop what the instance says about reasoning where the call says the opposite in other words."""
    said = {_wants_thinking(name, changes[name]) for name in _THINKING if name in changes}
    for name in _THINKING if said else ():
        if values[name] is not None and _wants_thinking(name, values[name]) not in said:
            values[name] = None


def _wants_thinking(name: str, value: object) -> bool:
    return bool(value) if name == "enable_thinking" else value != "none"


def _spellings(changed: frozenset[str], dialect: Dialect) -> Iterator[tuple[str, ...]]:
    """Where in a body the settings that a call gave are written."""
    for name in changed:
        yield (dialect.max_tokens,) if name == "max_tokens" else (name,)
    if changed.intersection(_THINKING):
        yield from leaf_paths(dialect.thinking_on)
        yield from leaf_paths(dialect.thinking_off)
        yield from (path for path in (dialect.thinking_budget, dialect.reasoning_effort) if path is not None)
