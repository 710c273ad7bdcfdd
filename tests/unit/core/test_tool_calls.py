# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import json
from typing import Any

import pytest
from qwen_endpoints import StreamInterruptedError, ToolCall, parse_arguments

from .support import Decoded, call_piece, calls_chunk, chunk, decode, decode_whole, endpoint, whole

A, B = '{"city": "Oslo"}', '{"city": "Rome"}'


def calls(*pieces: dict[str, Any] | list[dict[str, Any]], finish: str = "tool_calls") -> tuple[ToolCall, ...]:
    """Decode a stream with one chunk for each piece (or list of pieces); deltas and completion must agree."""
    chunks = [calls_chunk(*(piece if isinstance(piece, list) else [piece])) for piece in pieces]
    decoded = decode(*chunks, chunk({}, finish))
    found = decoded.completion.first.tool_calls
    assert decoded.calls() == [(call.id, call.name or None, call.arguments) for call in found]
    return found


def read(*pieces: dict[str, Any] | list[dict[str, Any]]) -> list[tuple[str, str, Any]]:
    return [(call.id, call.name, call.parsed) for call in calls(*pieces)]


OSLO, ROME = {"city": "Oslo"}, {"city": "Rome"}
ONE = [("c1", "weather", OSLO)]
TWO = [("c1", "weather", OSLO), ("c2", "time", ROME)]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param([call_piece(A, id="c1", name="weather")], ONE, id="one piece"),
        pytest.param(
            [call_piece("", id="c1", name="weather"), call_piece(A[:5], id=""), call_piece(A[5:], id="")],
            ONE, id="empty id and no name on continuations",
        ),
        pytest.param(
            [call_piece("", id="c1", name="weather"), call_piece(A[:5], id="c1", name=""), call_piece(A[5:], id="")],
            ONE, id="repeated id and empty name on a continuation",
        ),
        pytest.param(
            [call_piece(A[:5], id="c1", name="weather"), call_piece(A[5:], id="c1", name="weather")],
            ONE, id="repeated id and name on a continuation",
        ),
        pytest.param(
            [call_piece(A[:5], id="c1", name="weather"), call_piece(A[5:], name="weather")],
            ONE, id="repeated name alone on a continuation",
        ),
        pytest.param(
            [call_piece(A, id="c1", name="weather"), call_piece("", id="c1", name="weather")],
            ONE, id="an empty last piece repeats id and name",
        ),
        pytest.param(
            [call_piece(A, id="c1", name="weather"), call_piece("\n", id="", name="weather")],
            ONE, id="white space after complete arguments opens nothing",
        ),
        pytest.param(
            [call_piece("", name="weather"), call_piece(A, id="c1")], [("*", "weather", OSLO)], id="the id comes late",
        ),
        pytest.param(
            [call_piece("", id="c1"), call_piece(A, name="weather")], ONE, id="the name comes late",
        ),
        pytest.param(
            [call_piece("", index=1, id="c1", name="weather"), call_piece(A, index=0)],
            ONE, id="the index drifts from 1 to 0",
        ),
        pytest.param(
            [call_piece("", index=1, id="c1", name="weather"), call_piece(A[:4], index=0, id="c1"),
             call_piece(A[4:], index=0)],
            ONE, id="the index drifts and the id is repeated",
        ),
        pytest.param(
            [call_piece("", index=None, id="c1", name="weather"), call_piece(A, index=None)], ONE, id="no index",
        ),
        pytest.param(
            [call_piece(A[:4], index=None, id="c1", name="weather"), call_piece(A[4:], index=None, id="c1"),
             call_piece(B, index=None, id="c2", name="time")],
            TWO, id="no index, two ids",
        ),
        pytest.param(
            [call_piece("", id="c1", name="weather"), call_piece("", index=1, id="c2", name="time"),
             call_piece(A[:4]), call_piece(B[:7], index=1), call_piece(A[4:]), call_piece(B[7:], index=1)],
            TWO, id="interleaved",
        ),
        pytest.param(
            [call_piece(A[:6], id="c1", name="weather"), call_piece(A[6:]), call_piece("", id="c2", name="time"),
             call_piece(B[:6], id=""), call_piece(B[6:], id="c2")],
            TWO, id="all index 0 with ids",
        ),
        pytest.param(
            [[call_piece(A, id="c1", name="weather"), call_piece(B, index=1, id="c2", name="time")]],
            TWO, id="several in one chunk",
        ),
        pytest.param(
            [[call_piece(A[:3], id="c1", name="weather"), call_piece("", index=1, id="c2", name="time")],
             [call_piece(B[:3], index=1), call_piece(A[3:])], [call_piece(B[3:], index=1)]],
            TWO, id="several in each of several chunks",
        ),
        pytest.param(
            [call_piece(A, index=7, id="c1", name="weather"), call_piece(B, index=3, id="c2", name="time")],
            TWO, id="indexes in no order: calls stay in the order they were opened",
        ),
        pytest.param([call_piece(OSLO, id="c1", name="weather")], ONE, id="arguments as an object"),
        pytest.param([call_piece("", id="c1", name="now")], [("c1", "now", {})], id="empty arguments"),
        pytest.param([call_piece(None, id="c1", name="now")], [("c1", "now", {})], id="no arguments"),
        pytest.param([call_piece(" \n", id="c1", name="now")], [("c1", "now", {})], id="blank arguments"),
        pytest.param(
            [{"index": 0, "id": "c1", "function": {"name": "now", "arguments": None}},
             {"index": 0, "id": None, "function": {"name": None, "arguments": "{}"}},
             {"index": 0, "id": 7, "type": None, "function": None}],
            [("c1", "now", {})], id="null in every field",
        ),
        pytest.param(
            [{"index": "0", "id": "c1", "function": {"name": "weather", "arguments": A[:5]}},
             {"index": "0", "function": {"arguments": A[5:]}}],
            ONE, id="an index that is no number",
        ),
    ],
)  # fmt: skip
def test_pieces_become_calls(pieces: list[Any], expected: list[tuple[str, str, Any]]) -> None:
    found = read(*pieces)
    assert [
        ("*", *rest) if want[0] == "*" else (id_, *rest) for (id_, *rest), want in zip(found, expected, strict=True)
    ] == expected


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([call_piece(A, name="weather"), call_piece(B, name="time")], id="in whole pieces"),
        pytest.param(
            [call_piece("", name="weather"), call_piece(A), call_piece("", name="time"), call_piece(B)], id="in parts"
        ),
        pytest.param(
            [call_piece(A, name="weather"), call_piece(B, id="c2", name="time")], id="only the second has an id"
        ),
        pytest.param(
            [call_piece(A, index=None, name="weather"), call_piece(B, index=None, name="time")], id="no index"
        ),
        pytest.param([call_piece(A, name="weather"), call_piece(B, index=1, name="time")], id="own indexes"),
    ],
)
def test_calls_without_ids_are_told_apart(pieces: list[Any]) -> None:
    found = calls(*pieces)
    assert [(call.name, call.parsed) for call in found] == [("weather", OSLO), ("time", ROME)]
    assert len({call.id for call in found} - {""}) == 2


def test_two_identical_parallel_calls_stay_two() -> None:
    with_ids = calls(call_piece(A, id="c1", name="weather"), call_piece(A, index=1, id="c2", name="weather"))
    without = calls(call_piece(A, name="weather"), call_piece(A, name="weather"))
    indexed = calls(call_piece(A, name="weather"), call_piece(A, index=1, name="weather"))
    for found in (with_ids, without, indexed):
        assert [call.parsed for call in found] == [OSLO, OSLO]
        assert found[0].id != found[1].id


@pytest.mark.parametrize("in_parts", [False, True], ids=["whole pieces", "arguments in pieces of their own"])
def test_one_id_given_to_two_calls_does_not_join_them(in_parts: bool) -> None:
    second = (
        [call_piece("", index=1, id="c", name="weather"), call_piece(B, index=1)]
        if in_parts
        else [call_piece(B, index=1, id="c", name="weather")]
    )
    found = calls(call_piece(A, id="c", name="weather"), *second)
    assert [call.parsed for call in found] == [OSLO, ROME]
    assert found[0].id == "c"
    assert found[1].id not in ("", "c")


# Whole replies


def whole_calls(entries: Any, finish: str = "tool_calls", **fields: Any) -> tuple[ToolCall, ...]:
    return decode_whole(whole({"content": None, "tool_calls": entries}, finish, **fields)).first.tool_calls


def test_every_entry_of_a_whole_reply_is_a_call_of_its_own() -> None:
    entries = [call_piece(A, id="c", name="weather"), call_piece(A, id="c", name="weather"), call_piece(B)]
    found = whole_calls(entries)
    assert [call.arguments for call in found] == [A, A, B]
    assert len({call.id for call in found}) == 3
    assert found[0].id == "c"


@pytest.mark.parametrize("entries", [None, [], {}, "x", [None, 3, "x", []]], ids=repr)
def test_no_calls_are_no_calls(entries: Any) -> None:
    assert whole_calls(entries) == ()


# Ids that were made up


def test_made_up_ids_are_the_same_streamed_and_whole_and_again() -> None:
    pieces = [call_piece(A, name="weather"), call_piece(B, index=1, name="time")]
    streamed = [call.id for call in calls(pieces)]
    again = [call.id for call in calls(*pieces)]
    at_once = decode_whole(whole({"tool_calls": pieces}, "tool_calls"), stream=False).first.tool_calls
    assert streamed == again == [call.id for call in at_once]
    assert len(set(streamed)) == 2
    assert all(id_.startswith("call_") and len(id_) > 20 for id_ in streamed)


def test_made_up_ids_differ_between_replies_requests_and_choices() -> None:
    body = {"tool_calls": [call_piece(A, name="weather")]}
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {}),
        ({"id": "other"}, {}),
        ({"created": 99}, {}),
        ({}, {"parameters": {"seed": 2}}),
    ]
    ids = {decode_whole(whole(body, **fields), **request).first.tool_calls[0].id for fields, request in cases}
    assert len(ids) == 4
    both = [{"index": index, "message": body, "finish_reason": "stop"} for index in (0, 1)]
    choices = decode_whole({"id": "r-1", "choices": both}).choices
    assert choices[0].tool_calls[0].id != choices[1].tool_calls[0].id


# Invalid calls


def deep(levels: int) -> str:
    return '{"a":' + "[" * levels + "]" * levels + "}"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param('{"city": "Oslo"}}', id="one brace too many"),
        pytest.param('{"city": "Os', id="cut"),
        pytest.param("[1]", id="an array"),
        pytest.param('"text"', id="a string"),
        pytest.param("7", id="a number"),
        pytest.param("null", id="null"),
        pytest.param("{'city': 'Oslo'}", id="Python, not JSON"),
        pytest.param('{"a": NaN}', id="NaN"),
        pytest.param('{"a": -Infinity}', id="Infinity"),
        pytest.param('{"a": 1}{"a": 1}', id="two objects"),
        pytest.param("```json\n{}\n```", id="fenced"),
        pytest.param(deep(100_000), id="nested too deeply"),
    ],
)
def test_bad_arguments_are_reported_as_they_came_and_never_repaired(arguments: str) -> None:
    for found in (
        calls(call_piece(arguments, id="c1", name="weather")),
        whole_calls([call_piece(arguments, id="c1", name="weather")]),
    ):
        (call,) = found
        assert (call.id, call.name, call.arguments, call.parsed) == ("c1", "weather", arguments, None)
        assert call.error


@pytest.mark.parametrize("text", ["", "  ", "{}", ' {"a": [1, {"b": null}]} '])
def test_objects_and_nothing_are_valid_arguments(text: str) -> None:
    assert parse_arguments(text) == (json.loads(text or "{}") if text.strip() else {}, None)


def test_a_call_without_a_name_is_invalid() -> None:
    (call,) = calls(call_piece(A, id="c1"))
    assert (call.name, call.parsed) == ("", None)
    assert call.error
    assert "name" in call.error


@pytest.mark.parametrize("arguments", ['{"note": "The', "", None], ids=["mid-way", "empty", "absent"])
def test_the_token_limit_makes_an_incomplete_last_call_invalid(arguments: str | None) -> None:
    first, last = calls(
        call_piece("", id="c1", name="now"), call_piece(arguments, index=1, id="c2", name="note"), finish="length"
    )
    assert first.parsed == {}
    assert last.parsed is None
    assert last.error
    assert "cut off" in last.error


def test_a_call_that_was_complete_at_the_token_limit_is_valid() -> None:
    (call,) = calls(call_piece(A, id="c1", name="weather"), finish="length")
    assert call.parsed == OSLO


@pytest.mark.parametrize("arguments", ["", '{"city"'])
def test_a_call_in_a_broken_stream_is_invalid(arguments: str) -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        decode(calls_chunk(call_piece(arguments, id="c1", name="weather")), done=False)
    partial = caught.value.partial
    assert partial is not None
    (call,) = partial.first.tool_calls
    assert (call.name, call.parsed) == ("weather", None)


def test_invalid_and_valid_calls_stand_side_by_side_in_order() -> None:
    found = calls(call_piece("[", id="c1", name="weather"), call_piece(B, index=1, id="c2", name="time"))
    assert [(call.id, call.parsed) for call in found] == [("c1", None), ("c2", ROME)]


# Text around calls


@pytest.mark.parametrize("before", ["", "\n\n", " "])
def test_blank_text_before_a_call_is_dropped(before: str) -> None:
    decoded: Decoded = decode(
        chunk({"content": before}), calls_chunk(call_piece(A, id="c1", name="weather")), chunk({}, "tool_calls")
    )
    assert decoded.text() == decoded.completion.first.text == ""
    message = {"content": before, "tool_calls": [call_piece(A, id="c1", name="weather")]}
    assert decode_whole(whole(message, "tool_calls")).first.text == ""


def test_words_before_a_call_are_kept() -> None:
    decoded = decode(
        chunk({"content": "Let me look."}), calls_chunk(call_piece(A, id="c1", name="weather")), chunk({}, "tool_calls")
    )
    assert decoded.text() == "Let me look."
    assert len(decoded.completion.first.tool_calls) == 1


def test_calls_that_leak_as_text_stay_text() -> None:
    leaked = '<tool_call>{"name": "weather", "arguments": {}}</tool_call>'
    choice = decode_whole(whole({"content": leaked}), endpoint("vllm", "qwen3-32b")).first
    assert (choice.text, choice.tool_calls) == (leaked, ())
