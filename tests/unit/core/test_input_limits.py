"""Input beyond reason: a clear error before anything is sent, or the request in bounded time.

Time is the processor's, with bounds far above what was seen, so that only another order of growth fails.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from qwen_endpoints import (
    Completion,
    ConfigurationError,
    InvalidRequestError,
    Message,
    QwenClient,
    ToolCall,
    count_tokens,
)
from qwen_endpoints.chat_completions.stream import StreamDecoder
from qwen_endpoints.tools import inline_refs

from tests.fuzz.target import ROWS, place_of, read
from tests.unit.deep_inputs import bomb, chain, circle, deep_list, deep_schema, long_lists, mutual, tool_of, wide_schema

from .messages_support import decode_pieces as decode_messages
from .messages_support import grown, opened, sse, whole_reply
from .support import (
    SSE,
    Reply,
    Server,
    call_piece,
    calls_chunk,
    chunk,
    decode_pieces,
    encoded,
    endpoint,
    json_reply,
    make,
    send,
    sse_body,
    user,
    whole_body,
)

PROTOCOLS = ("vllm", "vllm-anthropic")
JSON = "application/json"
pytestmark = pytest.mark.timeout(400)  # by the clock, which a busy machine runs through
endless = pytest.mark.parametrize(
    "schema", [bomb(40), mutual(30), chain(5_000), long_lists(2_000)], ids=["bomb", "mutual", "chain", "lists"]
)
both = pytest.mark.parametrize("provider", PROTOCOLS)


def answer(server: Server, provider: str) -> None:
    server.script(json_reply() if provider == PROTOCOLS[0] else whole_reply())


def seconds(work: Callable[[], object]) -> float:
    """Of this thread's CPU, without looking for garbage in what other tests have left."""
    gc.collect()
    gc.freeze()
    try:
        began = time.thread_time()
        work()
        return time.thread_time() - began
    finally:
        gc.unfreeze()


def assert_in_proportion(work: Callable[[int], object], much: int) -> None:
    """Ten times as much takes ten times as long, and not a hundred times."""
    work(much // 100)
    little = seconds(lambda: work(much // 10))
    assert seconds(lambda: work(much)) < 25 * max(little, 0.05)


@both
@pytest.mark.parametrize(
    "call",
    [
        dict(tools=[tool_of(deep_schema(10_000))]),
        dict(tools=[tool_of({"type": "object", "properties": {"a": {"default": deep_list(10_000)}}})]),
        dict(tools=[tool_of(circle())]),
        dict(overrides={"extra_body": {"x": deep_list(10_000)}}),
        dict(overrides={"unheard_of": deep_schema(10_000)}),
    ],
    ids=["schema", "default", "circle", "extra_body", "argument"],
)
def test_what_is_nested_too_deeply_is_refused(
    server: Server, client: QwenClient, provider: str, call: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match=r"nested too deeply|Circular reference"):
        send(client, make(server, provider), **call)
    assert server.received == []


@both
@pytest.mark.parametrize(
    "schema", [bomb(40), mutual(30), chain(5_000), long_lists(2_000)], ids=["bomb", "mutual", "chain", "lists"]
)
def test_references_that_grow_without_end_stay_references(
    server: Server, client: QwenClient, provider: str, schema: dict[str, Any]
) -> None:
    place = make(server, provider)
    answer(server, provider)
    assert seconds(lambda: send(client, place, tools=[tool_of(schema)])) < 20
    tool = server.last.json["tools"][0]
    assert (tool.get("input_schema") or tool["function"]["parameters"]) == schema


@both
@pytest.mark.parametrize("names", [["f" * 1_000_000], [f"f{n}" for n in range(10_000)]], ids=["long", "many"])
def test_tools_without_measure_go_out_and_are_told_in_few_words(
    server: Server, client: QwenClient, provider: str, names: list[str]
) -> None:
    tools: list[dict[str, Any]] = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in names]
    answer(server, provider)
    assert seconds(lambda: send(client, make(server, provider), tools=tools)) < 20
    assert len(server.last.json["tools"]) == len(tools)
    with pytest.raises(ConfigurationError, match="cannot be met") as caught:
        send(client, make(server, provider), tools=tools, tool_choice="g" * 1_000_000)
    assert len(str(caught.value)) < 5_000


def test_references_that_grow_a_little_are_inlined() -> None:
    inlined = inline_refs(bomb(5))
    assert "$defs" not in inlined
    assert "$ref" not in str(inlined)


@both
def test_a_huge_schema_goes_out_whole(server: Server, client: QwenClient, provider: str) -> None:
    schema = wide_schema(10_000_000)
    answer(server, provider)
    assert seconds(lambda: send(client, make(server, provider), tools=[tool_of(schema)])) < 30
    assert len(server.last.body) > 10_000_000


@both
def test_a_long_history_whose_calls_all_have_one_id_goes_out(server: Server, client: QwenClient, provider: str) -> None:
    call = ToolCall(id="call_1", name="f", arguments="{}", parsed={})
    asked = Message(role="assistant", tool_calls=(call,))
    turn = [asked, Message(role="tool", content="r", tool_call_id="call_1")]
    answer(server, provider)
    place = make(server, provider)
    assert_in_proportion(lambda count: send(client, place, messages=[user(), *turn * (count // 2)]), 100_000)
    assert len(server.last.json["messages"]) > 100_000


@both
@pytest.mark.parametrize(
    ("url", "sign"),
    [("data:image/png;base64,QUJD!", "'!'"), ("DATA:image/png;base64,\ud83d", "'"), ("data:;base64,QU.JD", r"'\.'")],
)
def test_base64_that_is_none_is_refused(server: Server, client: QwenClient, provider: str, url: str, sign: str) -> None:
    picture = [{"type": "image_url", "image_url": {"url": url}}]
    with pytest.raises(ConfigurationError, match=f"is not base64: it holds {sign}"):
        send(client, make(server, provider, model="qwen3-omni-flash"), messages=[user(picture)])
    assert server.received == []


@pytest.mark.parametrize("data", ["QUJD", "QU-_", "QUI=", "QUJD\r\nQUJD", "QUJ%2B", ""])
def test_every_way_to_write_base64_goes_out(server: Server, client: QwenClient, data: str) -> None:
    url = f"data:image/png;base64,{data}"
    send(
        client,
        make(server, "vllm", model="qwen3-omni-flash"),
        messages=[user([{"type": "image_url", "image_url": {"url": url}}])],
    )
    assert server.last.json["messages"][0]["content"][0]["image_url"]["url"] == url


@both
@pytest.mark.parametrize("text", ["a\ud800b", "\udfff"])
def test_half_a_character_is_refused(server: Server, client: QwenClient, provider: str, text: str) -> None:
    for call in (
        dict(messages=[user(text)]),
        dict(tools=[tool_of({"type": "object", "description": text})]),
        dict(overrides={"extra_body": {"x": text}}),
    ):
        with pytest.raises(ConfigurationError, match="surrogates not allowed"):
            send(client, make(server, provider), **call)
    assert server.received == []


@both
@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), -float("inf"), 10**5000], ids=["nan", "inf", "-inf", "huge"]
)
def test_numbers_that_json_does_not_have_are_refused(
    server: Server, client: QwenClient, provider: str, number: Any
) -> None:
    schema = {"type": "object", "properties": {"a": {"default": number}}}
    for call in (dict(tools=[tool_of(schema)]), dict(overrides={"extra_body": {"x": [number]}})):
        with pytest.raises(ConfigurationError, match="cannot be written"):
            send(client, make(server, provider), **call)
    assert server.received == []


@both
@pytest.mark.parametrize("value", [{b"a": 1}, {(1, 2): 1}, b"a", {1}, object()], ids=lambda value: type(value).__name__)
def test_values_that_json_does_not_have_are_refused(
    server: Server, client: QwenClient, provider: str, value: Any
) -> None:
    schema = {"type": "object", "properties": {"a": {"default": value}}}
    for call in (dict(tools=[tool_of(schema)]), dict(overrides={"extra_body": {"x": value}})):
        with pytest.raises(ConfigurationError, match="cannot be written"):
            send(client, make(server, provider), **call)
    assert server.received == []


@both
@pytest.mark.parametrize(
    "place", ["error.message", "error.code", "error.type", "error.request_id", "error.metadata.raw"]
)
def test_an_error_without_measure_is_told_in_few_words(
    server: Server, client: QwenClient, provider: str, place: str
) -> None:
    body: Any = "x" * 900_000
    for name in reversed(place.split(".")):
        body = {name: body}
    server.script(Reply([json.dumps(body).encode()], status=400))
    with pytest.raises(InvalidRequestError) as caught:
        send(client, make(server, provider))
    assert len(str(caught.value)) < 10_000


@both
def test_nul_goes_out_as_it_is(server: Server, client: QwenClient, provider: str) -> None:
    answer(server, provider)
    send(client, make(server, provider), messages=[user("a\0b")])
    assert "a\\u0000b" in server.last.body.decode()


# Replies in so many pieces that work on all that was there before, for each of them, takes a hundred times as long for
# ten times as many. What is copied fast comes in long pieces, so that it shows.

MANY = 15_000
LONG = 4_000
WORDS = "word " * 1_000
ONES = [1] * 300
TEMPLATE = endpoint("vllm", "qwen3.6-27b")


def detail(index: Any, text: str) -> dict[str, Any]:
    return chunk({"reasoning_details": [{"type": "reasoning.text", "index": index, "id": None, "text": text}]})


SMALL: dict[str, Callable[[int], dict[str, Any]]] = {
    "details": lambda number: detail(number, "word "),
    "calls": lambda number: calls_chunk(call_piece("{}", index=number, name="f")),
    "equal calls": lambda _: calls_chunk(call_piece("{}", index=0, name="f")),
    "answers": lambda number: {"choices": [{"index": number, "delta": {"content": "x"}}]},
}
LARGE: dict[str, Callable[[int], dict[str, Any]]] = {
    "text": lambda _: chunk({"content": WORDS}),
    "blanks": lambda _: chunk({"content": " \n" * 2_000}),
    "one detail": lambda _: detail(0, WORDS),
    "arguments": lambda number: calls_chunk(call_piece(WORDS if number else '{"a": "', id="c", name="f")),
    "arguments, the name each time": lambda number: calls_chunk(call_piece(WORDS if number else '{"a": "', name="f")),
    "unknown text": lambda _: chunk({"audio": WORDS}),
    "unknown list": lambda _: chunk({"annotations": ONES}),
    "logprobs": lambda _: {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": ONES}}]},
}


@pytest.mark.parametrize(
    ("piece", "many"),
    [
        *(pytest.param(piece, MANY, id=name) for name, piece in SMALL.items()),
        *(pytest.param(piece, LONG, id=name) for name, piece in LARGE.items()),
    ],
)
def test_a_stream_of_many_pieces_takes_time_in_proportion(piece: Callable[[int], dict[str, Any]], many: int) -> None:
    def attempt(count: int) -> None:
        decode_pieces((sse_body(piece(number), done=number == count) for number in range(count + 1)), TEMPLATE)

    assert_in_proportion(attempt, many)


@pytest.mark.parametrize("row", [ROWS[0], ROWS[2]], ids=["chat completions", "messages"])
def test_calls_without_ids_in_a_large_conversation_cost_little(row: tuple[str, str]) -> None:
    place = place_of(*row, prompt="word " * 1_000_000)
    calls = [calls_chunk(call_piece("{}", index=number, name="f")) for number in range(500)]
    blocks = [opened(number, {"type": "tool_use", "name": "f", "input": {}}) for number in range(500)]
    reply = sse(*blocks, {"type": "message_stop"}) if row == ROWS[2] else sse_body(*calls)
    assert seconds(lambda: read([reply], place, SSE)) < 2


@pytest.mark.parametrize(
    ("blank", "label"),
    [(b" ", JSON), (b"\n", JSON), (b" ", SSE), (b"\n", SSE)],
    ids=["blank", "LF", "stream", "stream LF"],
)
def test_white_space_before_a_reply_takes_time_in_proportion(blank: bytes, label: str) -> None:
    def attempt(count: int) -> None:
        pieces = [b"\xef\xbb\xbf", *[blank] * count, whole_body({"content": "x"})]
        assert decode_pieces(pieces, content_type=label).text() == "x"

    assert_in_proportion(attempt, 10 * MANY)


@pytest.mark.parametrize("label", [SSE, JSON])
def test_a_long_line_in_small_pieces_takes_time_in_proportion(label: str) -> None:
    def attempt(count: int) -> None:
        message = {"content": "x" * 64 * count}
        body = sse_body(chunk(message, "stop")) if label == SSE else whole_body(message)
        pieces = (body[start : start + 64] for start in range(0, len(body), 64))
        assert len(decode_pieces(pieces, content_type=label).text()) == 64 * count

    assert_in_proportion(attempt, 3 * MANY)


def test_blocks_without_an_index_are_found_in_proportion() -> None:
    def attempt(count: int) -> None:
        begun = [opened(None, {"type": "thinking"}), *[opened(None, {"type": "text"})] * count]
        grew = [grown(None, "thinking_delta", thinking="w")] * count
        decode_messages([sse(*begun, *grew, {"type": "message_stop"})])

    assert_in_proportion(attempt, MANY)


def test_what_had_arrived_does_not_change_when_more_arrives() -> None:
    piece = {"choices": [{"index": 0, "delta": {"marks": [1]}, "logprobs": {"content": [{"token": "a"}]}}]}
    decoder = StreamDecoder(TEMPLATE, encoded(TEMPLATE))
    held: list[Completion] = []
    for _ in range(3):
        decoder.feed(piece)
        held.append(decoder.snapshot())
    assert [completion.first.extra for completion in held] == [{"marks": [1] * count} for count in (1, 2, 3)]
    assert [len((completion.first.logprobs or {})["content"]) for completion in held] == [1, 2, 3]


@pytest.mark.parametrize("run", [9_999, 10_000, 1_000_000])
def test_tokens_of_long_blanks_are_counted_in_proportion(run: int) -> None:
    assert seconds(lambda: count_tokens((" " * run + "x") * (1_000_000 // run))) < 5
