"""Values as endpoints send them, whatever they are: junk must not raise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from qwen_endpoints.words import FinishReason, Json

EMPTY: Final[Json] = {}
_ABSURD: Final = 2**63
"""No count and no cost comes near; beyond it arithmetic with floats and conversions of text may raise."""
_LONGEST_COUNT: Final = 20

_FINISH_REASONS: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "refusal": "content_filter",
}


def mapping(value: object) -> Json:
    """Return `value` if it is a parsed JSON object, else an empty one."""
    return cast("Json", value) if isinstance(value, dict) else EMPTY


def items_of(value: object) -> list[Any]:
    """Return `value` if it is a parsed JSON array, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def text_of(value: object) -> str:
    """Read a text field: a string, a list of text parts, or (null, absent, anything else) nothing."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return "".join(part if isinstance(part, str) else text_of(mapping(part).get("text")) for part in items_of(value))


def decode_finish_reason(raw: object) -> FinishReason | None:
    """Map an endpoint's word for why an answer ended; `None` where it said nothing."""
    if not isinstance(raw, str) or not raw:
        return None
    return _FINISH_REASONS.get(raw.lower(), "unknown")


def first_of(*values: object) -> object:
    """Return the first value that is not null."""
    for value in values:
        if value is not None:
            return value
    return None


def number_of(value: object) -> float | None:
    """Return a number that arithmetic can take; `None` for anything else."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not -_ABSURD < value < _ABSURD:
        return None  # NaN and infinity fail the comparison, too
    return value


def count_of(value: object) -> int | None:
    """A token count as a whole number of at least 0; `None` where there is none."""
    if value is None:  # as most of a dozen are
        return None
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < _LONGEST_COUNT:
        value = int(value)
    number = number_of(value)
    return None if number is None else max(0, int(number))
