"""What there is to show of a conversation: plain values that know no framework, no terminal and no notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from qwen_endpoints.pricing import Cost

ASSISTANT: Final = "assistant"
TOOL: Final = "tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCall:
    """A tool call, as far as it has come."""

    id: str = ""
    name: str = ""
    arguments: str = ""
    """JSON text; while the call grows, or where it is invalid, as the model wrote it."""
    error: str = ""
    """Why the call is invalid and must not be executed; empty for a valid one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMedia:
    """An image, a video, a sound or a file."""

    kind: str
    address: str = ""
    """A URL, a data URL, a path or an id; empty where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSource:
    """A passage that an answer was made from."""

    label: str
    text: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTokens:
    """Token counts of one call; `None` where nobody said."""

    input: int
    output: int
    reasoning: int | None = None
    """Part of `output`."""
    cached: int | None = None
    """Part of `input`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One turn of a conversation. Whatever is empty or `None` is not known, or was not there."""

    speaker: str = ASSISTANT
    """`assistant`, `tool`, `user`, `system`, or a framework's own word."""
    name: str = ""
    """An agent's, a tool's or a person's name."""
    reasoning: str = ""
    text: str = ""
    media: tuple[ShownMedia, ...] = ()
    calls: tuple[ShownCall, ...] = ()
    """Valid calls in the model's order, then invalid ones."""
    call_id: str = ""
    """The call that this turn answers (tool only)."""
    failed: bool = False
    """The call that this turn answers failed (tool only)."""
    sources: tuple[ShownSource, ...] = ()
    others: tuple[Shown, ...] = ()
    """Further answers to the same question (`n`)."""
    model: str = ""
    provider: str = ""
    finish_reason: str = ""
    native_finish_reason: str = ""
    """The endpoint's own word for it, where it differs."""
    refusal: str = ""
    tokens: ShownTokens | None = None
    cost: Cost | None = None
    notes: tuple[str, ...] = ()
    """What was changed about the request so that the endpoint would take it."""
    growing: bool = False
    """More of this turn may come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Everything that is to be seen at one moment."""

    turns: tuple[Shown, ...]
    failure: str = ""
    """Why no more comes, though more was to come."""

    def replies(self) -> dict[tuple[int, int], int]:
        """Return which turn answers which call: the places of a turn and of a call in it -> the place of the answer.

        Some endpoints use an id again in a later turn, so each answer belongs to the nearest call before it.
        """
        found: dict[tuple[int, int], int] = {}
        for place, turn in enumerate(self.turns):
            spots = (
                (earlier, number)
                for earlier in range(place - 1, -1, -1)
                for number, call in enumerate(self.turns[earlier].calls)
                if turn.call_id and call.id == turn.call_id
            )
            spot = next((spot for spot in spots if spot not in found), None)
            if spot is not None:
                found[spot] = place
        return found


def arguments_text(arguments: object) -> str:
    """Return a call's arguments as JSON text; text is taken as it is."""
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False, default=str)


def mapping_in(value: object) -> Mapping[str, Any]:
    """Return a mapping as it is, and an empty one for anything else: what a message carries beside it is anything."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def cost_from(stated: object) -> Cost | None:
    """Read what `Cost.as_json` wrote; `None` for anything else."""
    fields = mapping_in(stated)
    amount, currency = fields.get("amount"), fields.get("currency")
    if not isinstance(amount, (int, float)) or not isinstance(currency, str):
        return None
    return Cost(
        amount=amount, currency=currency, origin="reported" if fields.get("origin") == "reported" else "computed"
    )


def tokens_from(counts: Mapping[str, Any], **names: str) -> ShownTokens | None:
    """Read token counts by the names they have in `counts`; `None` without a count of input and output.

    Args:
        counts: A framework's own counts.
        names: Field of `ShownTokens` -> name in `counts`.
    """
    found = {field: counts.get(name) for field, name in names.items()}
    known = {field: count for field, count in found.items() if isinstance(count, int)}
    if not known.keys() >= {"input", "output"}:
        return None
    return ShownTokens(**known)
