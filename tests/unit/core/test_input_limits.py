"""Input beyond reason: a clear error before anything is sent, or the request in bounded time.

Time is the processor's, with bounds far above what was seen, so that only another order of growth fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from qwen_endpoints import ConfigurationError, Message, QwenClient, ToolCall
from qwen_endpoints.tools import inline_refs

from tests.unit.deep_inputs import bomb, chain, circle, deep_list, deep_schema, mutual, tool_of, wide_schema

from .messages_support import decode_pieces as decode_messages
from .messages_support import grown, opened, sse, whole_reply
from .support import (
    Server,
    call_piece,
    calls_chunk,
    chunk,
    decode_pieces,
    endpoint,
    json_reply,
    make,
    send,
    sse_body,
    user,
)

PROTOCOLS = ("vllm", "vllm-anthropic")
pytestmark = pytest.mark.timeout(400)  # by the clock, which a busy machine runs through
both = pytest.mark.parametrize("provider", PROTOCOLS)


def answer(server: Server, provider: str) -> None:
    server.script(json_reply() if provider == PROTOCOLS[0] else whole_reply())


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


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
@pytest.mark.parametrize("schema", [bomb(40), mutual(30), chain(5_000)], ids=["bomb", "mutual", "chain"])
def test_references_that_grow_without_end_stay_references(
    server: Server, client: QwenClient, provider: str, schema: dict[str, Any]
) -> None:
    place = make(server, provider)
    answer(server, provider)
    assert seconds(lambda: send(client, place, tools=[tool_of(schema)])) < 20
    tool = server.last.json["tools"][0]
    assert (tool.get("input_schema") or tool["function"]["parameters"]) == schema


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
    history = [user(), *[asked, Message(role="tool", content="r", tool_call_id="call_1")] * 50_000]
    answer(server, provider)
    assert seconds(lambda: send(client, make(server, provider), messages=history)) < 60
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
def test_nul_goes_out_as_it_is(server: Server, client: QwenClient, provider: str) -> None:
    answer(server, provider)
    send(client, make(server, provider), messages=[user("a\0b")])
    assert "a\\u0000b" in server.last.body.decode()


# Replies in so many pieces that work on all that was there before, for each of them, would take minutes

MANY = 30_000
TEMPLATE = endpoint("vllm", "qwen3.6-27b")


def detail(index: Any) -> dict[str, Any]:
    return chunk({"reasoning_details": [{"type": "reasoning.text", "index": index, "id": None, "text": "word "}]})


PIECES: dict[str, Callable[[int], dict[str, Any]]] = {
    "text": lambda _: chunk({"content": "word "}),
    "blanks": lambda _: chunk({"content": " \n"}),
    "details": detail,
    "one detail": lambda _: detail(0),
    "calls": lambda number: calls_chunk(call_piece("{}", index=number, name="f")),
    "equal calls": lambda _: calls_chunk(call_piece("{}", index=0, name="f")),
    "arguments": lambda number: calls_chunk(call_piece("word" if number else '{"a": "', id="c", name="f")),
    "logprobs": lambda _: {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": [{"token": "a"}]}}]},
    "lists": lambda _: chunk({"annotations": [1, 2]}),
    "answers": lambda number: {"choices": [{"index": number, "delta": {"content": "x"}}]},
}


@pytest.mark.parametrize("kind", PIECES)
def test_a_stream_of_many_pieces_takes_time_in_proportion(kind: str) -> None:
    piece = PIECES[kind]

    def read(count: int) -> float:
        body = sse_body(*(piece(number) for number in range(count)), chunk({}, "stop"))
        pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)]
        return seconds(lambda: decode_pieces(pieces, TEMPLATE))

    read(100)
    assert read(MANY) < 25 * max(read(MANY // 10), 0.05)


def test_blocks_without_an_index_are_found_at_once() -> None:
    begun = [opened(None, {"type": "thinking"}), *[opened(None, {"type": "text"})] * MANY]
    body = sse(*begun, *[grown(None, "thinking_delta", thinking="w")] * MANY, {"type": "message_stop"})
    assert seconds(lambda: decode_messages([body])) < 30
