"""Answers over Messages: their blocks, why they stop, what they count, and the events that stream them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import MessagesApi

THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "Get the weather at a location",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
TWO_CALLS = "weather in Paris and London"


def _kinds(message: dict[str, Any]) -> list[str]:
    return [block["type"] for block in message["content"]]


def test_text(messages_api: MessagesApi) -> None:
    message = messages_api.reply("What is 2+2?")
    assert message["content"] == [{"type": "text", "text": "2+2 = 4"}]
    assert (message["role"], message["model"]) == ("assistant", messages_api.model)
    assert (message["stop_reason"], message["stop_sequence"]) == ("end_turn", None)


def test_thinking_only_when_asked(messages_api: MessagesApi) -> None:
    assert _kinds(messages_api.reply("hello")) == ["text"]
    assert _kinds(messages_api.reply("hello", thinking={"type": "disabled"})) == ["text"]
    message = messages_api.reply("hello", **THINKING)
    assert _kinds(message) == ["thinking", "text"]
    assert "“hello”" in message["content"][0]["thinking"]
    assert message["content"][0]["signature"]


def test_calls(messages_api: MessagesApi) -> None:
    message = messages_api.reply(TWO_CALLS, tools=[WEATHER], **THINKING)
    assert _kinds(message) == ["thinking", "tool_use", "tool_use"]
    assert message["stop_reason"] == "tool_use"
    calls = message["content"][1:]
    assert [call["input"] for call in calls] == [{"location": "Paris"}, {"location": "London"}]
    assert len({call["id"] for call in calls}) == 2


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "none"}, []),
        ({"type": "auto"}, []),
        ({"type": "any"}, ["get_weather"]),
        ({"type": "tool", "name": "other"}, ["other"]),
    ],
)
def test_tool_choice(messages_api: MessagesApi, choice: dict[str, Any], names: list[str]) -> None:
    tools = [WEATHER, {"name": "other", "input_schema": {"type": "object"}}]
    message = messages_api.reply("Hello!", tools=tools, tool_choice=choice)
    assert [block["name"] for block in message["content"] if block["type"] == "tool_use"] == names


def test_no_parallel_calls(messages_api: MessagesApi) -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    assert _kinds(messages_api.reply(TWO_CALLS, tools=[WEATHER], tool_choice=choice)) == ["tool_use"]


@pytest.mark.parametrize(
    ("fields", "reason", "sequence", "text"),
    [
        ({"max_tokens": 5}, "max_tokens", None, "1, 2, 3"),
        ({"stop_sequences": ["9", ", 4"]}, "stop_sequence", ", 4", "1, 2, 3"),
        ({"stop_sequences": ["77"]}, "end_turn", None, "1, 2, 3, 4, 5, 6, 7, 8, 9"),
        ({"stop_sequences": [", 4"], "max_tokens": 3}, "max_tokens", None, "1, 2"),
    ],
)
def test_stop_reasons(
    messages_api: MessagesApi, fields: dict[str, Any], reason: str, sequence: str | None, text: str
) -> None:
    message = messages_api.reply("Count from 1 to 9", **fields)
    assert (message["stop_reason"], message["stop_sequence"]) == (reason, sequence)
    assert message["content"][0]["text"] == text


def test_refusal_on_demand(messages_api: MessagesApi) -> None:
    message = messages_api.reply("Tell me a story [[sandbox:content_filter]]")
    assert message["stop_reason"] == "refusal"
    assert message["content"][0]["text"].startswith("Once")


def test_nothing_said_is_no_block(messages_api: MessagesApi) -> None:
    assert messages_api.reply("Count from 1 to 9", stop_sequences=["1"])["content"] == []


def test_arguments_cut_short_are_an_empty_object(messages_api: MessagesApi) -> None:
    message = messages_api.reply(TWO_CALLS, tools=[WEATHER], max_tokens=6)
    assert message["stop_reason"] == "max_tokens"
    assert message["content"][0]["input"] == {}
    events = messages_api.events(TWO_CALLS, tools=[WEATHER], max_tokens=6)
    pieces = [event["delta"].get("partial_json", "") for event in events if event["type"] == "content_block_delta"]
    assert "".join(pieces).startswith('{"')


# Usage


def test_usage_counts_thinking(messages_api: MessagesApi) -> None:
    usage = messages_api.reply("hello", **THINKING)["usage"]
    plain = messages_api.reply("hello")["usage"]
    thoughts = usage["output_tokens_details"]["thinking_tokens"]
    assert usage["output_tokens"] == thoughts + plain["output_tokens"]
    assert usage["input_tokens"] == plain["input_tokens"]
    assert "output_tokens_details" not in plain


def _cached(usage: dict[str, Any]) -> tuple[int, int]:
    return usage["cache_creation_input_tokens"], usage["cache_read_input_tokens"]


MARK = {"cache_control": {"type": "ephemeral"}}
LONG: dict[str, Any] = {"type": "text", "text": "word " * 1500}


def test_a_marked_prefix_is_written_once_and_then_read(messages_api: MessagesApi) -> None:
    system = [LONG | MARK]
    first = messages_api.reply("hello", system=system)["usage"]
    second = messages_api.reply("Count from 1 to 3", system=system)["usage"]
    assert _cached(first) == (1504, 0)
    assert _cached(second) == (0, 1504)
    assert first["input_tokens"] == messages_api.reply("hello")["usage"]["input_tokens"]
    messages_api.sandbox.clear()
    assert _cached(messages_api.reply("hello", system=system)["usage"]) == (1504, 0)


def test_the_cache_grows_with_the_conversation(messages_api: MessagesApi) -> None:
    opening: dict[str, Any] = {"role": "user", "content": [LONG, {"type": "text", "text": "hello"} | MARK]}
    answer = {"role": "assistant", "content": "Hello!"}
    more: dict[str, Any] = {"role": "user", "content": [{"type": "text", "text": "bye"} | MARK]}
    bare = {"role": "user", "content": [LONG, {"type": "text", "text": "hello"}]}
    written, _ = _cached(messages_api.reply([opening])["usage"])
    added, read = _cached(messages_api.reply([bare, answer, more])["usage"])
    assert read == written > 1500
    assert 0 < added < 20
    assert _cached(messages_api.reply([bare, answer, more])["usage"]) == (0, written + added)


@pytest.mark.parametrize(
    "fields",
    [
        {"system": [LONG]},
        {"system": [{"type": "text", "text": "short"} | MARK]},
        {"tools": [WEATHER | MARK]},
    ],
    ids=["not marked", "short", "a short tool"],
)
def test_not_everything_is_cached(messages_api: MessagesApi, fields: dict[str, Any]) -> None:
    assert _cached(messages_api.reply("hello", **fields)["usage"]) == (0, 0)
    assert _cached(messages_api.reply("hello", **fields)["usage"]) == (0, 0)


def test_nothing_is_read_beyond_the_last_mark(messages_api: MessagesApi) -> None:
    messages_api.reply([{"role": "user", "content": [LONG, {"type": "text", "text": "hello"} | MARK]}])
    again = messages_api.reply([{"role": "user", "content": [LONG | MARK, {"type": "text", "text": "hello"}]}])
    assert _cached(again["usage"]) == (1504, 0)


def test_a_mark_inside_a_tool_result_counts(messages_api: MessagesApi) -> None:
    call: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [LONG | MARK]}
    conversation: list[Any] = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    written, read = _cached(messages_api.reply(conversation)["usage"])
    assert (written > 1500, read) == (True, 0)
    assert _cached(messages_api.reply(conversation)["usage"]) == (0, written)


def test_another_prefix_is_not_read(messages_api: MessagesApi) -> None:
    messages_api.reply("hello", system=[LONG | MARK])
    assert _cached(messages_api.reply("hello", system=[LONG | MARK], tools=[WEATHER])["usage"])[1] == 0


# Streams


def _assembled(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Put a stream together, checking that each event has its place."""
    assert events[0]["type"] == "message_start"
    message: dict[str, Any] = events[0]["message"]
    assert message["content"] == []
    assert message["stop_reason"] is None
    texts: dict[int, str] = {}
    is_open = False
    for event in events[1:-2]:
        kind = event["type"]
        if kind == "content_block_start":
            assert not is_open
            assert event["index"] == len(message["content"])
            message["content"].append(dict(event["content_block"]))
            is_open = True
        elif kind == "content_block_delta":
            assert is_open
            assert event["index"] == len(message["content"]) - 1
            _grow(message["content"][-1], event["delta"], texts, event["index"])
        elif kind == "content_block_stop":
            assert is_open
            assert event["index"] == len(message["content"]) - 1
            is_open = False
        else:
            assert event == {"type": "ping"}
    assert not is_open
    for index, text in texts.items():
        message["content"][index]["input"] = json.loads(text)
    closing, end = events[-2:]
    assert closing["type"] == "message_delta"
    assert end == {"type": "message_stop"}
    return message | closing["delta"] | {"usage": message["usage"] | closing["usage"]}


def _grow(block: dict[str, Any], delta: dict[str, Any], texts: dict[int, str], index: int) -> None:
    field = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}.get(delta["type"])
    if field is None:
        assert delta["type"] == "input_json_delta"
        assert block["input"] == {}
        texts[index] = texts.get(index, "") + delta["partial_json"]
        return
    block[field] += delta[field]


@pytest.mark.parametrize(
    ("prompt", "fields"),
    [
        ("hello", {}),
        ("天空为什么是蓝色的？😀", THINKING),
        (TWO_CALLS, {"tools": [WEATHER]}),
        (TWO_CALLS, {"tools": [WEATHER], **THINKING}),
        ("Count from 1 to 40", {"stop_sequences": ["7"]}),
        ("Count from 1 to 40", {"max_tokens": 12}),
        ("tell me a story [[sandbox:content_filter]]", THINKING),
        ("hello [[sandbox:redacted]]", THINKING),
        ("Count from 1 to 9", {"stop_sequences": ["1"]}),
    ],
)
def test_stream_equals_whole(messages_api: MessagesApi, prompt: str, fields: dict[str, Any]) -> None:
    whole = messages_api.reply(prompt, **fields)
    streamed = _assembled(messages_api.events(prompt, **fields))
    assert streamed["id"] != whole["id"]
    for message in (whole, streamed):
        for block in [message, *message["content"]]:
            block.pop("id", None)
    assert streamed == whole


def test_order_of_a_streams_events(messages_api: MessagesApi) -> None:
    events = messages_api.events(TWO_CALLS, tools=[WEATHER], **THINKING)
    kinds = [event.get("delta", event).get("type", event["type"]) for event in events]
    runs = [kind for place, kind in enumerate(kinds) if place == 0 or kinds[place - 1] != kind]
    call = ["content_block_start", "input_json_delta", "content_block_stop"]
    assert runs == [
        "message_start",
        "content_block_start",
        "ping",
        "thinking_delta",
        "signature_delta",
        "content_block_stop",
        *call,
        *call,
        "message_delta",
        "message_stop",
    ]
    assert kinds.count("thinking_delta") > 5
    assert kinds.count("signature_delta") == kinds.count("ping") == 1
    opened = [event["content_block"] for event in events if event["type"] == "content_block_start"]
    assert opened[0] == {"type": "thinking", "thinking": "", "signature": ""}
    assert opened[1]["input"] == {}


def test_usage_of_a_stream(messages_api: MessagesApi) -> None:
    events = messages_api.events("hello", **THINKING)
    whole = messages_api.reply("hello", **THINKING)["usage"]
    start, end = events[0]["message"]["usage"], events[-2]["usage"]
    assert start["input_tokens"] == whole["input_tokens"]
    assert start["output_tokens"] == 1
    assert set(end) == {"output_tokens", "output_tokens_details"}
    assert end["output_tokens"] == whole["output_tokens"]


def test_error_event_on_demand(messages_api: MessagesApi) -> None:
    events = messages_api.events("Count from 1 to 40 [[sandbox:error_event]]")
    assert events[-1]["type"] == "error"
    assert events[-1]["error"]["type"] == "overloaded_error"
    texts = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(texts).startswith("1, 2, 3,")
    assert not {"message_delta", "message_stop"} & {event["type"] for event in events}
    # A whole reply has no middle to break off in.
    assert messages_api.reply("Count from 1 to 4 [[sandbox:error_event]]")["stop_reason"] == "end_turn"
