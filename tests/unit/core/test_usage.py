# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from typing import Any

import pytest
from qwen_endpoints import Usage

from .support import chunk, decode, decode_whole, whole

COUNTS = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
OTHER = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def usage_of(raw: Any) -> Usage | None:
    return decode_whole(whole(usage=raw)).usage


def counted(raw: Any) -> Usage:
    usage = usage_of(raw)
    assert usage is not None
    return usage


TEXT, END = chunk({"content": "Hi"}), chunk({}, "stop")


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param([TEXT, END, {"choices": [], "usage": COUNTS}], id="in a chunk without choices"),
        pytest.param([TEXT, END, {"usage": COUNTS}], id="in a chunk that has no choices key"),
        pytest.param([TEXT, END, {"choices": None, "usage": COUNTS}], id="in a chunk whose choices are null"),
        pytest.param([TEXT, chunk({}, "stop", usage=COUNTS)], id="in the last choice's chunk"),
        pytest.param([TEXT, END, chunk({}, "stop", usage=COUNTS)], id="in a repeated finish chunk"),
        pytest.param(
            [TEXT, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": COUNTS}]}],
            id="inside the choice",
        ),
        pytest.param(
            [
                chunk({"content": "H"}, usage=OTHER),
                chunk({"content": "i"}, usage=OTHER),
                chunk({}, "stop", usage=COUNTS),
            ],
            id="in every chunk, growing",
        ),
        pytest.param([TEXT, END, {"choices": [], "usage": COUNTS}, {"choices": [], "usage": COUNTS}], id="twice"),
        pytest.param(
            [chunk({"content": "Hi"}, usage=None), chunk({}, "stop", usage=COUNTS), {"choices": [], "usage": None}],
            id="null around it",
        ),
        pytest.param([TEXT, chunk({}, "stop", usage=COUNTS), {"choices": [], "usage": {}}], id="an empty one after it"),
        pytest.param([TEXT, chunk({}, "stop", usage=COUNTS), {"choices": [], "usage": "?"}], id="junk after it"),
        pytest.param([TEXT, chunk({}, "stop", x_groq={"usage": COUNTS})], id="under x_groq alone"),
        pytest.param([TEXT, chunk({}, "stop", usage=COUNTS, x_groq={"usage": COUNTS})], id="under x_groq as well"),
    ],
)
def test_usage_is_found_wherever_it_is_and_never_summed(stream: list[Any]) -> None:
    decoded = decode(*stream)
    usage = decoded.completion.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (10, 5, 15)
    assert usage.raw == COUNTS
    assert decoded.text() == "Hi"


def test_no_usage_is_none() -> None:
    assert decode(TEXT, END).completion.usage is None
    for raw in (None, {}, [], "x", 3, {"prompt_tokens": None}, {"prompt_tokens_details": {"cached_tokens": 1}}):
        assert usage_of(raw) is None


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (7, 7), (7.9, 7), ("7", 7), (" 7 ", 7), (-3, 0), (0, 0), (None, 0), ("x", 0), ("", 0), ("-1", 0), (True, 0),
        ([], 0), ({}, 0), (float("nan"), 0), (float("inf"), 0), (10**400, 0), (-(10**400), 0), ("9" * 5000, 0),
    ],
    ids=lambda value: repr(value)[:12],
)  # fmt: skip
def test_counts_are_whole_numbers_of_at_least_zero(value: Any, count: int) -> None:
    if value is not None:
        usage = counted({"prompt_tokens": value, "completion_tokens": 2, "total_tokens": 0})
        assert usage.input_tokens == count
        assert type(usage.input_tokens) is int
    details = counted({**COUNTS, "prompt_tokens_details": {"cached_tokens": value}})
    assert details.cached_tokens in (count, None)


def test_a_missing_total_is_the_sum() -> None:
    assert counted({"prompt_tokens": 4, "completion_tokens": 3}).total_tokens == 7
    assert counted({"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": None}).total_tokens == 7
    assert counted({"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 9}).total_tokens == 9


@pytest.mark.parametrize(("reasoning", "kept"), [(3, 3), (5, 5), (19, 5), (-1, 0), (None, None), ("4", 4)])
def test_reasoning_tokens_are_never_more_than_the_answers(reasoning: Any, kept: int | None) -> None:
    raw = {**COUNTS, "completion_tokens_details": {"reasoning_tokens": reasoning}}
    assert counted(raw).reasoning_tokens == kept
    assert counted({**COUNTS, "reasoning_tokens": reasoning}).reasoning_tokens == kept


@pytest.mark.parametrize("details", [None, [], "x", {}, {"cached_tokens": None}], ids=repr)
def test_details_that_are_null_or_junk_say_nothing(details: Any) -> None:
    usage = counted({**COUNTS, "prompt_tokens_details": details, "completion_tokens_details": details})
    assert usage == Usage(input_tokens=10, output_tokens=5, total_tokens=15, raw=usage.raw)


def test_every_documented_detail_is_read() -> None:
    details = {"cached_tokens": 1, "text_tokens": 2, "image_tokens": 3, "video_tokens": 4, "audio_tokens": 5}
    usage = counted({**COUNTS, "prompt_tokens_details": {**details, "cache_write_tokens": 6}, "cost": 0.25})
    assert usage.cached_tokens == 1
    assert (usage.text_tokens, usage.image_tokens, usage.video_tokens, usage.audio_tokens) == (2, 3, 4, 5)
    assert usage.cache_write_tokens == 6
    assert usage.reported_cost == 0.25


@pytest.mark.parametrize("key", ["cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens"])
def test_cache_writes_have_several_names(key: str) -> None:
    assert counted({**COUNTS, "prompt_tokens_details": {key: 6}}).cache_write_tokens == 6


def test_cache_hits_at_the_top_level() -> None:
    assert counted({**COUNTS, "prompt_cache_hit_tokens": 6}).cached_tokens == 6


@pytest.mark.parametrize("cost", [None, "0.1", True, float("nan"), [], 10**400], ids=lambda value: repr(value)[:12])
def test_a_cost_that_is_no_number_is_none(cost: Any) -> None:
    assert counted({**COUNTS, "cost": cost}).reported_cost is None
