# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# ruff: noqa: PLR0917 - parameters come from the table above each test
from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qwen_endpoints import Completion, Endpoint, QwenError

from .support import SSE, call_piece, calls_chunk, chunk, decode, decode_pieces, decode_whole, endpoint, sse_body, whole

GATEWAY = endpoint("wcode", "qwen/qwen3-235b-a22b")
TEMPLATE = endpoint("vllm", "qwen3.6-27b")
places = st.sampled_from([GATEWAY, TEMPLATE])

moderate = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
many = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

tokens = st.sampled_from([*'ab \n"\\{}<>/', "thi", "é", "你", "😀", "\u2028", "<think>", "</think>"])
words = st.lists(tokens, max_size=12).map("".join)
keys = st.text(alphabet="abé😀", min_size=1, max_size=3)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(keys, json_values, max_size=3)
names = st.sampled_from(["weather", "time", "auto"])
generated_calls = st.lists(st.tuples(names, objects), max_size=3)


def cut(data: Any, places_to_cut: Sequence[int]) -> list[Any]:
    """Cut text or bytes at the given places, whatever stands there."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places_to_cut), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


cuts = st.lists(st.integers(min_value=0, max_value=10_000), max_size=12)


def outcome(pieces: Sequence[bytes], place: Endpoint, label: str = SSE) -> tuple[str, object]:
    """What a reply amounts to: its completion and its deltas in sum, or the error."""
    try:
        decoded = decode_pieces(pieces, place, content_type=label)
    except QwenError as error:
        return type(error).__name__, repr(error.partial)
    completion = decoded.completion
    for position, choice in enumerate(completion.choices):
        assert decoded.text(position) == choice.text
        assert decoded.reasoning(position) == choice.reasoning
        told = [(call.id, call.name or None, call.arguments) for call in choice.tool_calls]
        assert decoded.calls(position) == told
    return "completion", repr(completion)


def stream_bytes(
    text: str, reasoning: str, calls: Sequence[tuple[str, Any]], *, ascii_only: bool, line_end: bytes
) -> bytes:
    payloads = [
        chunk({"role": "assistant", "content": None, "reasoning_content": reasoning}),
        chunk({"content": text}),
        *(
            calls_chunk(call_piece(json.dumps(arguments), index=index, id=f"c{index}", name=name))
            for index, (name, arguments) in enumerate(calls)
        ),
        chunk({}, "stop"),
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}},
    ]
    lines = [b"data: " + json.dumps(payload, ensure_ascii=ascii_only).encode() for payload in payloads]
    return (line_end * 2).join([b": PING", *lines, b"data: [DONE]", b""])


@many
@given(places, words, words, generated_calls, st.booleans(), st.sampled_from([b"\n", b"\r\n", b"\r"]), cuts)
def test_a_stream_cut_anywhere_gives_the_same(
    place: Endpoint, text: str, reasoning: str, calls: Any, ascii_only: bool, line_end: bytes, where: list[int]
) -> None:
    body = stream_bytes(text, reasoning, calls, ascii_only=ascii_only, line_end=line_end)
    at_once = outcome([body], place)
    assert at_once[0] == "completion"
    assert outcome(cut(body, where), place) == at_once


def test_a_stream_cut_at_every_single_byte_gives_the_same() -> None:
    body = stream_bytes(
        '<think>你\\😀</think>Hal\n"lo', "", [("weather", {"é": '"\\'})], ascii_only=False, line_end=b"\r\n"
    )
    for place in (GATEWAY, TEMPLATE):
        at_once = outcome([body], place)
        assert outcome([body[i : i + 1] for i in range(len(body))], place) == at_once
        for position in range(0, len(body), 3):
            assert outcome([body[:position], body[position:]], place) == at_once, position


@moderate
@given(places, words, words, generated_calls, st.sampled_from(["stop", "length", "tool_calls"]), cuts, cuts)
def test_whole_and_streamed_replies_are_the_same(
    place: Endpoint, text: str, reasoning: str, calls: Any, finish: str, text_cuts: list[int], call_cuts: list[int]
) -> None:
    entries = [
        call_piece(json.dumps(arguments), index=index, id=f"c{index}", name=name)
        for index, (name, arguments) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": text, "reasoning": reasoning, "tool_calls": entries}
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    at_once = decode_whole(whole(message, finish, usage=usage), place, stream=False)
    pieces = [
        *([chunk({"reasoning": piece}) for piece in cut(reasoning, text_cuts)] if reasoning else []),
        *(chunk({"content": piece}) for piece in cut(text, text_cuts)),
    ]
    for index, entry in enumerate(entries):
        first, *rest = cut(entry["function"]["arguments"], call_cuts)
        pieces.append(calls_chunk(call_piece(first, index=index, id=entry["id"], name=entry["function"]["name"])))
        pieces += [calls_chunk(call_piece(piece, index=index, id="")) for piece in rest]
    streamed = decode(*pieces, chunk({}, finish), {"choices": [], "usage": usage}, place=place)
    assert streamed.completion == at_once
    assert streamed.text() == at_once.first.text
    assert streamed.reasoning() == at_once.first.reasoning


@many
@given(st.lists(st.tuples(names, objects), min_size=1, max_size=3), cuts, st.booleans(), st.booleans(), st.booleans())
def test_tool_call_pieces_cut_anywhere_give_the_same_calls(
    calls: Any, where: list[int], with_id: bool, repeat: bool, same_index: bool
) -> None:
    pieces: list[dict[str, Any]] = []
    for number, (name, arguments) in enumerate(calls):
        index = 0 if same_index else number
        id_ = f"c{number}" if with_id or same_index else None
        first, *rest = cut(json.dumps(arguments), where)
        pieces.append(calls_chunk(call_piece(first, index=index, id=id_, name=name)))
        again = {"id": id_, "name": name} if repeat and id_ else {}
        pieces += [calls_chunk(call_piece(piece, index=index, **again)) for piece in rest]
    decoded = decode(*pieces, chunk({}, "tool_calls"))
    found = decoded.completion.first.tool_calls
    assert [(call.name, call.arguments) for call in found] == [
        (name, json.dumps(arguments)) for name, arguments in calls
    ]
    assert decoded.calls() == [(call.id, call.name, call.arguments) for call in found]
    assert len({call.id for call in found}) == len(calls)
    assert all(call.parsed is not None for call in found)


# Junk

FIELDS = (
    "role", "content", "reasoning_content", "reasoning", "reasoning_details", "tool_calls", "refusal", "index", "delta",
    "message", "finish_reason", "native_finish_reason", "logprobs", "usage", "id", "model", "created", "choices",
        "error",
    "x_groq", "function", "name", "arguments", "type", "text", "code", "metadata", "raw", "prompt_tokens", "cost",
    "completion_tokens", "prompt_tokens_details", "request_id",
)  # fmt: skip
odd_leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([10**400, "²", "٤٢", "9" * 5000, -1, "stop", "error", "{", "<think>", "\ud800"])
)  # fmt: skip
odd: st.SearchStrategy[Any] = st.recursive(
    odd_leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=20,
)
odd_entry = st.fixed_dictionaries(
    {}, optional={"index": odd, "id": odd, "function": st.fixed_dictionaries({}, optional={"name": odd,
        "arguments": odd}) | odd},
)  # fmt: skip
odd_delta = st.fixed_dictionaries(
    {},
    optional={
        "content": odd, "reasoning": odd, "reasoning_content": odd, "reasoning_details": odd,
        "tool_calls": st.lists(odd_entry | odd, max_size=3) | odd, "refusal": odd, "other": odd,
    },
)  # fmt: skip
odd_choice = st.fixed_dictionaries(
    {}, optional={"index": odd, "delta": odd_delta | odd, "message": odd_delta | odd, "finish_reason": odd,
        "logprobs": odd,
                  "usage": odd, "error": odd, "native_finish_reason": odd},
)  # fmt: skip
odd_payload = st.fixed_dictionaries(
    {},
    optional={
        "choices": st.lists(odd_choice | odd, max_size=3) | odd, "usage": odd, "id": odd, "model": odd, "created": odd,
        "error": odd, "x_groq": odd, "message": odd, "code": odd,
    },
)  # fmt: skip


def read_junk(body: bytes, place: Endpoint, label: str) -> None:
    """Nothing but a completion or an error of ours may come out, and it must be printable."""
    try:
        decoded = decode_pieces([body], place, content_type=label)
    except QwenError as error:
        str(error)
        return
    assert isinstance(decoded.completion, Completion)
    outcome([body], place, label)


@many
@given(places, st.lists(odd_payload | odd, max_size=4), st.booleans())
def test_junk_in_any_field_of_a_stream_raises_nothing_but_our_errors(
    place: Endpoint, junk: list[Any], done: bool
) -> None:
    read_junk(sse_body(*junk, done=done), place, SSE)


@many
@given(places, odd_payload | odd)
def test_junk_in_any_field_of_a_whole_reply_raises_nothing_but_our_errors(place: Endpoint, junk: Any) -> None:
    read_junk(json.dumps(junk).encode(), place, "application/json")


odd_text = st.text(st.characters() | st.characters(categories=["Cs"]) | st.sampled_from("\t\x00\x1f"), max_size=5)
odd_values: st.SearchStrategy[Any] = st.recursive(
    st.integers(-(10**40), 10**40) | st.floats() | odd_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_text, inner, max_size=3),
    max_leaves=6,
)


@many
@given(value=odd_values, ascii_only=st.booleans(), raw=st.booleans(), streamed=st.booleans())
def test_json_is_read_as_the_standard_library_reads_it_leniently(
    value: Any, ascii_only: bool, raw: bool, streamed: bool
) -> None:
    text = json.dumps(whole({"content": "Hi", "odd": [value]}), ensure_ascii=ascii_only)
    if raw:
        text = text.replace("\\t", "\t").replace("\\u001f", "\x1f")  # control characters as they are
    sent = text.encode("utf-8", "surrogatepass")
    expected = json.loads(sent.decode("utf-8", "replace"), strict=False)["choices"][0]["message"]["odd"]
    body, label = (b"data: " + sent + b"\n\n", SSE) if streamed else (sent, "application/json")
    read = decode_pieces([body], content_type=label).completion.first.extra["odd"]
    assert repr(read) == repr(expected)  # which tells -0.0 from 0, 1 from 1.0, and one NaN is as good as another


@many
@given(st.binary(max_size=80), st.sampled_from([SSE, "application/json", "", "text/html"]), st.booleans())
def test_random_bytes_raise_nothing_but_our_errors(noise: bytes, label: str, started: bool) -> None:
    start = sse_body(chunk({"content": "Hi"}), done=False) if started else b""
    read_junk(start + noise, TEMPLATE, label)
    read_junk(start + b"data: " + noise + b"\n\n", GATEWAY, label)


@many
@given(st.binary(max_size=60), cuts, st.sampled_from([SSE, "application/json", ""]))
def test_random_bytes_cut_anywhere_give_the_same_outcome(noise: bytes, where: list[int], label: str) -> None:
    body = sse_body(chunk({"content": "Hi"}, "stop"), done=False) + noise
    assert outcome(cut(body, where), GATEWAY, label) == outcome([body], GATEWAY, label)
    assert outcome(cut(noise, where), GATEWAY, label) == outcome([noise], GATEWAY, label)
