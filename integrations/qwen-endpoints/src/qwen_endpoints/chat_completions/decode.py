"""Small decoders that need no state: usage, finish reasons, logprobs, and what is left over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from qwen_endpoints.types import FinishReason, Json, Usage

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
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
}


def mapping(value: object) -> Json:
    """Return `value` if it is an object, else an empty one: junk must not raise."""
    return cast("Json", value) if isinstance(value, Mapping) else EMPTY


def text_of(value: object) -> str:
    """Read a text field: a string, a list of text parts, or (null, absent, anything else) nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        parts = cast("list[Any]", value)
        return "".join(part if isinstance(part, str) else text_of(mapping(part).get("text")) for part in parts)
    return ""


def decode_finish_reason(raw: object) -> FinishReason | None:
    """Map an endpoint's word for why an answer ended; `None` where it said nothing."""
    if not isinstance(raw, str) or not raw:
        return None
    return _FINISH_REASONS.get(raw.lower(), "unknown")


def decode_usage(raw: object) -> Usage | None:
    """Read a usage object. Counts are made whole numbers of at least 0; `None` where nothing is counted."""
    usage = mapping(raw)
    known = [usage.get(key) for key in ("prompt_tokens", "completion_tokens", "total_tokens")]
    if all(value is None for value in known):
        return None
    prompt, completion, total = (_count(value) or 0 for value in known)
    inputs = mapping(usage.get("prompt_tokens_details"))
    outputs = mapping(usage.get("completion_tokens_details"))
    reasoning = _count(_first(outputs.get("reasoning_tokens"), usage.get("reasoning_tokens")))
    return Usage(
        input_tokens=prompt,
        output_tokens=completion,
        total_tokens=total or prompt + completion,
        reasoning_tokens=None if reasoning is None else min(reasoning, completion),
        cached_tokens=_count(_first(inputs.get("cached_tokens"), usage.get("prompt_cache_hit_tokens"))),
        cache_write_tokens=_count(
            _first(
                inputs.get("cache_write_tokens"),
                inputs.get("cache_creation_input_tokens"),
                inputs.get("cache_creation_tokens"),
            )
        ),
        text_tokens=_count(inputs.get("text_tokens")),
        image_tokens=_count(inputs.get("image_tokens")),
        video_tokens=_count(inputs.get("video_tokens")),
        audio_tokens=_count(inputs.get("audio_tokens")),
        reported_cost=_number(usage.get("cost")),
        raw=usage,
    )


def _first(*values: object) -> object:
    return next((value for value in values if value is not None), None)


def _number(value: object) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not -_ABSURD < value < _ABSURD:
        return None  # NaN and infinity fail the comparison, too
    return value


def _count(value: object) -> int | None:
    """A token count as a whole number of at least 0; `None` where there is none."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < _LONGEST_COUNT:
        value = int(value)
    number = _number(value)
    return None if number is None else max(0, int(number))


class LogprobCollector:
    """Joins the `logprobs` objects of one answer."""

    def __init__(self) -> None:
        self._joined: dict[str, Any] = {}

    def feed(self, raw: object) -> None:
        """Take one `logprobs` value; lists are joined, anything else replaces."""
        for key, value in mapping(raw).items():
            if isinstance(value, list):
                entries = cast("list[Any]", value)
                held = self._joined.get(key)
                self._joined[key] = [*held, *entries] if isinstance(held, list) else entries
            elif value is not None:
                self._joined[key] = value

    def finish(self) -> Json | None:
        """Return the joined object, or `None` if there was none."""
        return self._joined or None


def join_details(fragments: Iterable[Json]) -> tuple[Json, ...]:
    """Join streamed `reasoning_details` fragments of one block: those of equal type, index and id that follow a block
    of theirs. Text grows; anything else is set by the last fragment that has it. Unknown types pass through.
    """
    joined: list[dict[str, Any]] = []
    for fragment in fragments:
        held = next((block for block in joined if _continues(block, fragment)), None)
        if held is None:
            joined.append(dict(fragment))
            continue
        for key, value in fragment.items():
            if key in _GROWING and isinstance(value, str) and isinstance(held.get(key), str):
                held[key] += value
            elif value is not None:
                held[key] = value
    return tuple(joined)


_GROWING: Final = frozenset({"text", "summary", "data"})


def _continues(block: Json, fragment: Json) -> bool:
    if block.get("type") != fragment.get("type") or fragment.get("index") is None:
        return False
    same_id = block.get("id") is None or fragment.get("id") is None or block.get("id") == fragment.get("id")
    return block.get("index") == fragment.get("index") and same_id


def details_text(details: Iterable[Json]) -> str:
    """The readable text of `reasoning_details`."""
    return "".join(text_of(detail.get("text")) or text_of(detail.get("summary")) for detail in details)
