"""What replies over Messages carry besides words: signed thinking and token counts."""

from __future__ import annotations

from typing import Any

import pytest
from qwen_endpoints import Usage

from .messages_support import HELLO, REDACTED, SIGNED, decode, decode_whole, ended, message, start, text

THINKING = {"type": "thinking", "thinking": "", "signature": ""}

# Signatures


@pytest.mark.parametrize(
    ("blocks", "details"),
    [
        ([SIGNED], (SIGNED,)),
        ([REDACTED], (REDACTED,)),
        ([SIGNED, text(), REDACTED], (SIGNED, REDACTED)),
        ([{**SIGNED, "vendor": {"x": 1}}], ({**SIGNED, "vendor": {"x": 1}},)),
        ([THINKING | {"thinking": "why"}], ()),
        ([{"type": "thinking", "thinking": "why"}], ()),
        ([{"type": "thinking", "thinking": "why", "signature": None}], ()),
        ([SIGNED, {**SIGNED, "signature": ""}], (SIGNED, {**SIGNED, "signature": ""})),
        ([{**SIGNED, "thinking": ""}], ({**SIGNED, "thinking": ""},)),
    ],
)
def test_thinking_that_is_signed_is_kept_as_it_came(blocks: list[Any], details: Any) -> None:
    assert decode_whole(message(*blocks)).first.reasoning_details == details


# Token counts


def usage_of(**counts: Any) -> Usage | None:
    return decode_whole(message(usage=counts)).usage


def test_input_counts_what_a_cache_was_read_for_and_written_to() -> None:
    usage = usage_of(input_tokens=3, cache_read_input_tokens=50, cache_creation_input_tokens=7, output_tokens=4)
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (60, 4, 64)
    assert (usage.cached_tokens, usage.cache_write_tokens, usage.reasoning_tokens) == (50, 7, None)


@pytest.mark.parametrize(("thought_tokens", "counted"), [(0, 0), (3, 3), (9, 4), (None, None), ("x", None)])
def test_reasoning_is_part_of_the_output(thought_tokens: Any, counted: int | None) -> None:
    usage = usage_of(input_tokens=3, output_tokens=4, output_tokens_details={"thinking_tokens": thought_tokens})
    assert usage is not None
    assert (usage.output_tokens, usage.reasoning_tokens) == (4, counted)


def test_later_counts_complete_and_correct_earlier_ones() -> None:
    begun = start(usage={"input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": 5})
    delta = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 2, "input_tokens": None}}
    usage = decode(begun, *HELLO[1:-2], delta, *ended(output_tokens=9, cache_creation_input_tokens=2)).completion.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.cache_write_tokens) == (10, 9, 5, 2)
    assert usage.raw == {
        "input_tokens": 3,
        "output_tokens": 9,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 2,
    }


@pytest.mark.parametrize("junk", [None, {}, [], 5, "x", True])
def test_usage_that_is_none_is_none(junk: Any) -> None:
    assert decode_whole(message(usage=junk)).usage is None


@pytest.mark.parametrize("junk", ["x", [], {}, -5, True, float("inf"), 10**400, float("nan")])
@pytest.mark.parametrize("field", ["input_tokens", "output_tokens", "cache_read_input_tokens"])
def test_counts_that_are_none_count_as_nothing(field: str, junk: Any) -> None:
    usage = usage_of(**{"input_tokens": 3, "output_tokens": 4, field: junk})
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (3 * (field != "input_tokens"), 4 * (field != "output_tokens"))
