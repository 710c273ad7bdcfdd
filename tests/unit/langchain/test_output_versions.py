"""The same answer as LangChain shows it: plain content, standard blocks, and the events of protocol v3."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool

from tests.unit.langchain.conftest import (
    Chats,
    Chunk,
    amerged,
    blocks,
    call_piece,
    chunk,
    each_endpoint,
    four_ways,
    merged,
    sse,
    usage_chunk,
)

# LangChain says so of `stream_events(version="v3")`; that it may change is what these tests are for.
pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta")

# Reasoning, text and two calls, with reasoning and text in one chunk and the calls in turns.
EVERYTHING: list[Chunk] = [
    chunk(role="assistant", content=""),
    chunk(reasoning_content="Let me"),
    chunk(reasoning_content=" think.", content="I "),
    chunk(content="look."),
    call_piece(0, "", name="f", id_="c1"),
    call_piece(0, '{"a": '),
    call_piece(1, '{"b"', name="g", id_="c2"),
    call_piece(0, "1}"),
    call_piece(1, ": [2]}"),
    chunk("tool_calls"),
    usage_chunk(),
]
BLOCKS: list[dict[str, Any]] = [
    {"type": "reasoning", "reasoning": "Let me think."},
    {"type": "text", "text": "I look."},
    {"type": "tool_call", "id": "c1", "name": "f", "args": {"a": 1}},
    {"type": "tool_call", "id": "c2", "name": "g", "args": {"b": [2]}},
]
CALLS = [
    {"name": "f", "args": {"a": 1}, "id": "c1", "type": "tool_call"},
    {"name": "g", "args": {"b": [2]}, "id": "c2", "type": "tool_call"},
]
USAGE = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


def _is_whole(message: AIMessage) -> None:
    assert blocks(message) == BLOCKS
    assert message.text == "I look."
    assert message.tool_calls == CALLS
    assert message.invalid_tool_calls == []
    assert message.usage_metadata == USAGE
    assert message.additional_kwargs == {"reasoning_content": "Let me think."}
    assert message.response_metadata["finish_reason"] == "tool_calls"
    assert message.response_metadata["model_name"] == "m"


@pytest.mark.parametrize("output_version", [None, "v0"])
async def test_plain_content(chats: Chats, output_version: str | None) -> None:
    for message in (await four_ways(chats.streaming(*EVERYTHING, output_version=output_version), "hi")).values():
        _is_whole(message)
        assert message.content == "I look."


async def test_standard_blocks(chats: Chats) -> None:
    for message in (await four_ways(chats.streaming(*EVERYTHING, output_version="v1"), "hi")).values():
        _is_whole(message)
        assert isinstance(message.content, list)
        assert [block["type"] for block in cast("list[dict[str, Any]]", message.content)] == [
            "reasoning", "text", "tool_call", "tool_call"
        ]  # fmt: skip
        assert message.response_metadata["output_version"] == "v1"


def test_standard_blocks_from_the_environment(chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_OUTPUT_VERSION", "v1")
    llm = chats.streaming(*EVERYTHING)
    _is_whole(llm.invoke("hi"))
    assert isinstance(llm.invoke("hi").content, list)


def test_blocks_of_a_stream_grow(chats: Chats) -> None:
    """Each chunk shows what it adds, under an index by which blocks are told apart."""
    shown = [
        (block["index"], block["type"], block.get("reasoning") or block.get("text") or block.get("args"))
        for piece in chats.streaming(*EVERYTHING, output_version="v1").stream("hi")
        for block in cast("list[dict[str, Any]]", piece.content_blocks)
    ]
    assert shown == [
        ("lc_rs_0", "reasoning", "Let me"),
        ("lc_rs_0", "reasoning", " think."),
        ("lc_txt_0", "text", "I "),
        ("lc_txt_0", "text", "look."),
        ("lc_tc_0", "tool_call_chunk", ""),
        ("lc_tc_0", "tool_call_chunk", '{"a": '),
        ("lc_tc_1", "tool_call_chunk", '{"b"'),
        ("lc_tc_0", "tool_call_chunk", "1}"),
        ("lc_tc_1", "tool_call_chunk", ": [2]}"),
    ]


async def test_blocks_show_an_invalid_call_as_it_came(chats: Chats) -> None:
    """Whatever was appended to keep the call invalid while chunks were merged."""
    sent = [call_piece(0, '{"a": 1}', name="f", id_="c1"), call_piece(1, '{"path": "/et', name="g", id_="c2")]
    for message in (await four_ways(chats.streaming(*sent, chunk("length"), usage_chunk()), "hi")).values():
        assert [call["name"] for call in message.tool_calls] == ["f"]
        invalid = blocks(message)[1]
        assert (invalid["type"], invalid["id"], invalid["args"]) == ("invalid_tool_call", "c2", '{"path": "/et')
        assert "cut off" in invalid["error"]
    merged_v1 = merged(chats.streaming(*sent, chunk("length"), usage_chunk(), output_version="v1").stream("hi"))
    assert blocks(merged_v1)[1]["args"] == '{"path": "/et'
    assert "cut off" in blocks(merged_v1)[1]["error"]


@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_half_a_stream_is_a_message_too(chats: Chats, output_version: str) -> None:
    stream = chats.streaming(*EVERYTHING, output_version=output_version).stream("hi")
    half = merged(next(stream) for _ in range(5))
    assert half.text == "I look."
    assert [block["type"] for block in half.content_blocks] == ["reasoning", "text", "tool_call_chunk"]


def _v3(llm: Any, prompt: Any) -> tuple[list[dict[str, Any]], AIMessage]:
    lifecycle = pytest.importorskip("langchain_tests.utils.stream_lifecycle")
    stream = llm.stream_events(prompt, version="v3")
    events = list(stream)
    lifecycle.assert_valid_event_stream(events)
    return events, stream.output


@pytest.mark.parametrize("output_version", [None, "v0", "v1"])
async def test_events(chats: Chats, output_version: str | None) -> None:
    llm = chats.streaming(*EVERYTHING, output_version=output_version)
    events, message = _v3(llm, "hi")
    _is_whole(message)
    finished = [event["content"] for event in events if event["event"] == "content-block-finish"]
    assert [{key: value for key, value in block.items() if key != "index"} for block in finished] == BLOCKS

    stream: Any = await cast("Any", llm).astream_events("hi", version="v3")
    lifecycle = pytest.importorskip("langchain_tests.utils.stream_lifecycle")
    lifecycle.assert_valid_event_stream([event async for event in stream])
    _is_whole(await stream)

    again: Any = cast("Any", llm).stream_events("hi", version="v3")
    assert "".join(again.text) == "I look."
    assert "".join(again.reasoning) == "Let me think."


@pytest.mark.parametrize(
    ("arguments", "finish"),
    [
        ("[1, 2]", "tool_calls"),
        ("5", "tool_calls"),
        ('{"a": NaN}', "tool_calls"),
        ('{"a": "b', "length"),
        ("", "length"),
    ],
)
async def test_events_of_a_broken_call(chats: Chats, arguments: str, finish: str) -> None:
    llm = chats.streaming(call_piece(0, arguments, name="f", id_="c1"), chunk(finish), usage_chunk())
    events, message = _v3(llm, "hi")
    assert message.tool_calls == []
    assert [(call["id"], call["name"]) for call in message.invalid_tool_calls] == [("c1", "f")]
    (block,) = [event["content"] for event in events if event["event"] == "content-block-finish"]
    assert (block["type"], block["id"], block["name"]) == ("invalid_tool_call", "c1", "f")
    assert message.response_metadata["invalid_tool_calls"][0]["args"] == arguments
    asynchronous = await (await cast("Any", llm).astream_events("hi", version="v3"))
    assert asynchronous.invalid_tool_calls == message.invalid_tool_calls
    assert asynchronous.tool_calls == []


Piece = tuple[str, str]
LETTERS = st.text("ab {}\"'\\日\n", min_size=1, max_size=5)
PIECES = st.lists(st.tuples(st.sampled_from(["reasoning", "text", "0", "1", "2"]), LETTERS), max_size=9)


def _streamed(pieces: list[Piece], finish: str) -> list[Chunk]:
    """Chunks in any order; the letters of a call are the value of its one argument."""
    opened: set[str] = set()
    chunks: list[Chunk] = []
    for kind, letters in pieces:
        if kind in ("reasoning", "text"):
            chunks.append(chunk(**{"reasoning_content" if kind == "reasoning" else "content": letters}))
            continue
        opener = {} if kind in opened else {"name": f"f{kind}", "id_": f"c{kind}"}
        start = "" if kind in opened else '{"a": "'
        chunks.append(call_piece(int(kind), start + json.dumps(letters)[1:-1], **opener))
        opened.add(kind)
    cut = max(opened) if opened and finish == "length" else None
    chunks += [call_piece(int(kind), '"}') for kind in sorted(opened) if kind != cut]
    return [*chunks, chunk(finish), usage_chunk()]


def _said(message: AIMessage) -> dict[str, Any]:
    """What a message says, in whatever order it came."""
    return {
        "text": message.text,
        "blocks": sorted((_plain(block) for block in blocks(message)), key=repr),
        "calls": sorted(message.tool_calls, key=repr),
        "invalid": [call["id"] for call in message.invalid_tool_calls],
        "usage": message.usage_metadata,
        "reasoning": message.additional_kwargs.get("reasoning_content"),
        "finish": message.response_metadata["finish_reason"],
        "told": message.response_metadata.get("invalid_tool_calls"),
    }


def _plain(block: dict[str, Any]) -> dict[str, Any]:
    """A streamed block of v1 keeps its first type, and v3 finds a reason of its own for an invalid call."""
    if block["type"] not in ("invalid_tool_call", "tool_call_chunk"):
        return block
    return {**block, "type": "invalid_tool_call", "error": "?"}


@given(pieces=PIECES, finish=st.sampled_from(["stop", "length"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_reads_the_same_in_every_version(chats: Chats, pieces: list[Piece], finish: str) -> None:
    url = chats.sandbox.script_sequence("any-order", [sse(_streamed(pieces, finish))])  # one address for all examples
    expected = _said(chats.at("flash", base_url=url).invoke("hi"))
    for version_ in ("v0", "v1"):
        llm = chats.at("flash", base_url=url, output_version=version_)
        assert _said(merged(llm.stream("hi"))) == expected
        assert _said(llm.invoke("hi")) == expected
        assert _said(_v3(llm, "hi")[1]) == expected


@each_endpoint
def test_events_at_each_endpoint(chats: Chats, endpoint: str) -> None:
    settings: dict[str, Any] = {} if endpoint == "vision" else {"enable_thinking": True}
    llm = chats.at(endpoint, **settings)
    for prompt, bound in (
        ("Say exactly: blue whale", llm),
        ("weather in Rome and Paris", llm.bind_tools([get_weather])),
    ):
        _, message = _v3(bound, prompt)
        expected = bound.invoke(prompt)
        assert [block["type"] for block in blocks(message)] == [block["type"] for block in blocks(expected)]
        assert message.text == expected.text
        assert message.usage_metadata == expected.usage_metadata
        assert message.additional_kwargs == expected.additional_kwargs
        assert [call["args"] for call in message.tool_calls] == [call["args"] for call in expected.tool_calls]
        assert set(message.response_metadata) == {*expected.response_metadata, "output_version"}


@pytest.mark.parametrize("output_version", ["v0", "v1"])
async def test_history_of_any_version_reads_the_same(chats: Chats, output_version: str) -> None:
    llm = chats.streaming(*EVERYTHING, output_version=output_version)
    answers = [llm.invoke("hi"), merged(llm.stream("hi")), await amerged(llm.astream("hi")), _v3(llm, "hi")[1]]
    for answer in answers:
        results = [ToolMessage("1", tool_call_id="c1"), ToolMessage("2", tool_call_id="c2")]
        llm.invoke([HumanMessage("hi"), answer, *results])
        assert chats.sent[1] == {
            "role": "assistant",
            "content": "I look.",
            "reasoning_content": "Let me think.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": '{"b": [2]}'}},
            ],
        }


async def test_events_of_older_protocols(chats: Chats) -> None:
    events = [event async for event in chats.streaming(*EVERYTHING).astream_events("hi", version="v2")]
    streamed = [event["data"] for event in events if event["event"] == "on_chat_model_stream"]
    said = merged(cast("Any", data)["chunk"] for data in streamed)
    _is_whole(said)
    (end,) = [event["data"] for event in events if event["event"] == "on_chat_model_end"]
    _is_whole(cast("Any", end)["output"])
