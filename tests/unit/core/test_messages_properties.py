"""Replies over Messages however they are cut, strewn with the unknown, or broken."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# ruff: noqa: PLR0917 - parameters come from the table above each test
from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from qwen_endpoints import Completion, MalformedResponseError, QwenError, StreamInterruptedError

from .messages_support import (
    REDACTED,
    SIGNED,
    USAGE,
    closed,
    decode_pieces,
    decode_whole,
    ended,
    grown,
    message,
    opened,
    said,
    sse,
    start,
    text,
    use,
)
from .support import SSE, Decoded
from .test_properties import cut, cuts, json_values, keys, many, names, odd, words

inputs = st.dictionaries(keys, json_values, max_size=3)
ids = st.sampled_from(["toolu_1", "toolu_2", "x"])
a_block: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": words}),
    st.fixed_dictionaries(
        {"type": st.just("thinking"), "thinking": words, "signature": st.sampled_from(["", "s1g=="])}
    ),
    st.just(REDACTED),
    st.fixed_dictionaries({"type": st.just("tool_use"), "id": ids, "name": names, "input": inputs}),
    st.just({"type": "server_tool_use", "id": "s", "input": {"type": "text_delta"}}),
)
replies = st.lists(a_block, max_size=5)
stops = st.sampled_from(["end_turn", "max_tokens", "tool_use", "refusal", "pause_turn"])
strangers: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.sampled_from(
        [
            {"type": "ping"},
            {"type": "vendor_event", "index": 0, "delta": {"type": "text_delta", "text": "no"}},
            {"type": ["content_block_delta"]},
            {"type": "content_block_stop", "index": 99},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "vendor_delta", "text": "no"}},
            {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": None}},
        ]
    ),
    max_size=4,
)


def events_of(block: dict[str, Any], index: int, where: Sequence[int]) -> Iterator[dict[str, Any]]:
    """How a stream spells a block."""
    if block["type"] == "text":
        yield opened(index, text(""))
        yield from (said(piece, index) for piece in cut(block["text"], where))
    elif block["type"] == "thinking":
        yield opened(index, {**block, "thinking": "", "signature": ""})
        yield from (grown(index, "thinking_delta", thinking=piece) for piece in cut(block["thinking"], where))
        yield grown(index, "signature_delta", signature=block["signature"])
    elif block["type"] == "tool_use":
        arguments = json.dumps(block["input"], ensure_ascii=False) if block["input"] else ""
        yield opened(index, {**block, "input": {}})
        yield from (grown(index, "input_json_delta", partial_json=piece) for piece in cut(arguments, where))
    else:
        yield opened(index, block)
    yield closed(index)


def stream_of(blocks: Sequence[dict[str, Any]], stop: str, where: Sequence[int] = ()) -> list[dict[str, Any]]:
    spelled = [event for index, block in enumerate(blocks) for event in events_of(block, index, where)]
    return [start(), *spelled, *ended(stop)]


def strewn(events: list[dict[str, Any]], among: list[dict[str, Any]], where: Sequence[int]) -> list[dict[str, Any]]:
    """Put events in where they do no harm: behind the first and before the last."""
    events = list(events)
    for number, event in enumerate(among):
        place = where[number % len(where)] if where else number
        events.insert(1 + place % (len(events) - 1), event)
    return events


def check(decoded: Decoded) -> Completion:
    """What was told piece by piece is what the whole says."""
    first = decoded.completion.first
    assert (decoded.text(), decoded.reasoning()) == (first.text, first.reasoning)
    assert decoded.calls() == [(call.id, call.name or None, call.arguments) for call in first.tool_calls]
    return decoded.completion


@many
@given(replies, stops, strangers, st.sampled_from([b"\n", b"\r\n", b"\r"]), st.booleans(), cuts, cuts)
def test_a_stream_cut_anywhere_is_the_whole_reply(
    blocks: Any, stop: str, among: Any, line_end: bytes, ascii_only: bool, where: list[int], in_bytes: list[int]
) -> None:
    # Of a call that ends with the limit, a stream shows whether it is whole, and an object does not.
    assume(not (stop == "max_tokens" and blocks and blocks[-1].get("input")))
    whole = decode_whole({**message(stop=stop, usage=dict(USAGE)), "content": blocks})
    events = strewn(stream_of(blocks, stop, where), among, where)
    body = sse(*events, line_end=line_end, ascii_only=ascii_only)
    assert check(decode_pieces(cut(body, in_bytes))) == whole


def test_a_stream_cut_at_every_single_byte_is_the_whole_reply() -> None:
    blocks = [{**SIGNED, "thinking": "你\n😀"}, text('Hal\n"lo\u2028'), use("c", "weather", é='"\\')]
    body = sse(*stream_of(blocks, "tool_use", [1, 3]), line_end=b"\r\n", ascii_only=False)
    whole = decode_whole(message(*blocks, stop="tool_use"))
    assert check(decode_pieces([body[place : place + 1] for place in range(len(body))])) == whole
    for place in range(0, len(body), 3):
        assert decode_pieces([body[:place], body[place:]]).completion == whole, place


def is_beginning(partial: Completion, whole: Completion) -> bool:
    had, has = partial.first, whole.first
    calls = list(zip(had.tool_calls, has.tool_calls, strict=False))
    return (
        has.text.startswith(had.text)
        and has.reasoning.startswith(had.reasoning)
        and len(calls) == len(had.tool_calls)
        and all(part.id == full.id and full.arguments.startswith(part.arguments) for part, full in calls)
    )


def outcome(body: bytes) -> Completion | QwenError:
    try:
        return decode_pieces([body]).completion
    except (StreamInterruptedError, MalformedResponseError) as error:
        return error


def check_broken_off(body: bytes, whole: Completion) -> None:
    """Only a stream whose reason has come is taken for complete; before the first whole event nothing is known."""
    found = outcome(body)
    if isinstance(found, Completion):
        assert b'"stop_reason": "' in body
        assert found == whole
        return
    assert b'"stop_reason": "' not in body.rpartition(b"\n")[0]
    if found.partial is None:
        assert b"\n\n" not in body
    else:
        assert isinstance(found, StreamInterruptedError)
        assert is_beginning(found.partial, whole)


@many
@given(replies, stops, cuts, st.integers(min_value=0, max_value=10_000))
def test_a_stream_that_breaks_off_anywhere_says_so_and_keeps_what_came(
    blocks: Any, stop: str, where: list[int], length: int
) -> None:
    body = sse(*stream_of(blocks, stop, where), ascii_only=False)
    whole = decode_whole({**message(stop=stop), "content": blocks})
    check_broken_off(body[: length % len(body)], whole)


def test_a_stream_that_breaks_off_at_any_byte_says_so() -> None:
    blocks = [{**SIGNED, "thinking": "你😀"}, text("Hallo"), use("c", "weather", é="ü"), use("d", "now")]
    body = sse(*stream_of(blocks, "tool_use", [1, 3]), ascii_only=False)
    whole = decode_whole(message(*blocks, stop="tool_use"))
    for length in range(len(body)):
        check_broken_off(body[:length], whole)


# Junk

REPLY = message(
    SIGNED, REDACTED, text(), {"type": "vendor", "x": 1}, use(city="Ulm"), stop="tool_use",
    usage={**USAGE, "cache_read_input_tokens": 1, "cache_creation_input_tokens": 2,
           "output_tokens_details": {"thinking_tokens": 1}},
)  # fmt: skip
FAILURE = {"type": "error", "error": {"type": "api_error", "message": "x"}, "request_id": "r"}
EVENTS = [*stream_of(REPLY["content"], "tool_use", [2])[:-1], FAILURE]
DEEP: Any = json.loads("[" * 300 + "]" * 300)
JUNK: list[Any] = [
    None, True, 0, -1, 1.5, 10**400, float("nan"), float("inf"), "", "x", "\ud800", "²", "9" * 5000, [], [None], ["x"],
    [[]], [{}], {}, {"type": "text", "text": "x"}, {"x": {"y": 1}}, DEEP,
]  # fmt: skip


def places_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, the value itself first."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places_in(child, (*path, key))


def changed(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    result = deepcopy(value)
    node = result
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = junk
    return result


def read(body: bytes, label: str) -> None:
    """Nothing but a completion or an error of ours may come out, and it must be printable."""
    try:
        check(decode_pieces([body], content_type=label))
    except QwenError as error:
        repr(error)
        str(error)
        repr(error.partial)


@pytest.mark.parametrize("path", list(places_in(REPLY)), ids=str)
def test_junk_in_any_field_of_a_whole_reply_raises_nothing_but_our_errors(path: tuple[Any, ...]) -> None:
    for junk in JUNK:
        read(json.dumps(changed(REPLY, path, junk)).encode(), "application/json")


@pytest.mark.parametrize("number", range(len(EVENTS)))
def test_junk_in_any_field_of_any_event_raises_nothing_but_our_errors(number: int) -> None:
    for path in places_in(EVENTS[number]):
        for junk in JUNK:
            event = changed(EVENTS[number], path, junk)
            read(_lines([*EVENTS[:number], event, *EVENTS[number + 1 :]]), SSE)


def _lines(payloads: Sequence[Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(payload).encode() + b"\n\n" for payload in payloads)


odd_event = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["message_start", "content_block_start", "content_block_delta", "content_block_stop",
                                 "message_delta", "message_stop", "message", "ping", "error"]) | odd,
        "index": st.integers(min_value=-1, max_value=3) | odd,
        "message": odd,
        "content_block": st.fixed_dictionaries({}, optional={
            "type": st.sampled_from(["text", "thinking", "redacted_thinking", "tool_use"]) | odd, "text": odd,
            "thinking": odd, "signature": odd, "data": odd, "id": odd, "name": odd, "input": odd}) | odd,
        "delta": st.fixed_dictionaries({}, optional={
            "type": st.sampled_from(["text_delta", "thinking_delta", "signature_delta", "input_json_delta"]) | odd,
            "text": odd, "thinking": odd, "signature": odd, "partial_json": odd, "stop_reason": odd}) | odd,
        "usage": st.fixed_dictionaries({}, optional={"input_tokens": odd, "output_tokens": odd,
                                                     "output_tokens_details": odd}) | odd,
        "content": odd, "id": odd, "model": odd, "stop_reason": odd, "error": odd,
    },
)  # fmt: skip


@many
@given(st.lists(odd_event | odd, max_size=6), st.booleans())
def test_streams_of_junk_raise_nothing_but_our_errors(junk: list[Any], started: bool) -> None:
    read(_lines([*([start()] if started else []), *junk]), SSE)


@many
@given(odd_event | odd)
def test_bodies_of_junk_raise_nothing_but_our_errors(junk: Any) -> None:
    read(json.dumps(junk).encode(), "application/json")
