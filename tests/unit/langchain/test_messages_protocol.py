"""Over Messages: what is sent, and the answers it gives, whole or streamed, sync or async.

`conftest.ENDPOINTS` has it as `messages`, so that whatever holds for every endpoint is tested elsewhere.
"""

from __future__ import annotations

from typing import Any, cast

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_qwen import ConfigurationError

from tests.unit.langchain.conftest import PIXEL, SEEING_MESSAGES, Chats, blocks, four_ways
from tests.unit.langchain.messages_replies import closed, ended, event_stream, grown, opened, started, whole_message

# LangChain says so of `stream_events(version="v3")`.
pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta")

PAIR = "weather in Paris and London"
MARK: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
LONG = "word " * 1500


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


@tool
def get_time(city: str) -> str:
    """Get the time in a city."""
    return f"noon in {city}"


WEATHER = {
    "name": "get_weather",
    "description": "Get the weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def _said(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


# What is sent


def test_a_plain_request(chats: Chats) -> None:
    answer = chats.at("messages").invoke("Say exactly: blue whale")
    request = chats.sandbox.last_request
    assert request.json == {
        "model": "qwen/qwen3-235b-a22b",
        "max_tokens": 16_384,
        "messages": [_said("Say exactly: blue whale")],
    }
    assert request.path == "/wcode/api/anthropic/v1/messages"
    assert request.headers["x-api-key"] == chats.sandbox.api_key
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in request.headers
    assert answer.content == answer.text == "blue whale"
    assert answer.additional_kwargs == {}
    metadata = answer.response_metadata
    assert metadata["id"].startswith("msg_")
    assert (metadata["provider"], metadata["model_name"]) == ("wcode-anthropic", "qwen/qwen3-235b-a22b")
    assert (metadata["finish_reason"], metadata["native_finish_reason"]) == ("stop", "end_turn")
    assert metadata["token_usage"]["output_tokens"] > 0


def test_settings_and_what_a_call_overrides(chats: Chats) -> None:
    llm = chats.at("messages", temperature=0.5, max_tokens=50, stop="zzz", extra_body={"metadata": {"user_id": "u"}})
    llm.invoke("hi", temperature=0, max_completion_tokens=9, top_p=0.5, top_k=3, stop=["7"])
    body = {name: value for name, value in chats.body.items() if name not in ("model", "messages")}
    assert body == {
        "temperature": 0,
        "max_tokens": 9,
        "top_p": 0.5,
        "top_k": 3,
        "stop_sequences": ["7"],
        "metadata": {"user_id": "u"},
    }
    llm.invoke("hi")
    assert (chats.body["temperature"], chats.body["max_tokens"], chats.body["stop_sequences"]) == (0.5, 50, ["zzz"])


@pytest.mark.parametrize(
    ("settings", "thinking", "most"),
    [
        ({"enable_thinking": True}, {"type": "enabled", "budget_tokens": 8192}, 16_384),
        ({"enable_thinking": False}, {"type": "disabled"}, 16_384),
        ({"reasoning_effort": "none"}, {"type": "disabled"}, 16_384),
        ({"reasoning_effort": "low", "max_tokens": 10_000}, {"type": "enabled", "budget_tokens": 2000}, 10_000),
        ({"reasoning_effort": "minimal", "max_tokens": 2000}, {"type": "enabled", "budget_tokens": 1024}, 2000),
        ({"thinking_budget": 20_000}, {"type": "enabled", "budget_tokens": 20_000}, 28_192),
    ],
    ids=str,
)
def test_thinking_is_a_budget(chats: Chats, settings: dict[str, Any], thinking: dict[str, Any], most: int) -> None:
    answer = chats.at("messages", **settings).invoke("hi")
    assert (chats.body["thinking"], chats.body["max_tokens"]) == (thinking, most)
    assert ("reasoning_content" in answer.additional_kwargs) == (thinking["type"] == "enabled")


def test_system_messages_at_the_beginning(chats: Chats) -> None:
    opening = [SystemMessage("One."), ChatMessage(content="Two.", role="developer"), SystemMessage("Three.")]
    chats.at("messages").invoke([*opening, HumanMessage("hi")])
    assert chats.body["system"] == "One.\n\nTwo.\n\nThree."
    assert chats.sent == [_said("hi")]
    marked = [SystemMessage("One."), SystemMessage([{"type": "text", "text": "Two.", **MARK}]), HumanMessage("hi")]
    chats.at("messages").invoke(marked)
    assert chats.body["system"] == [{"type": "text", "text": "One."}, {"type": "text", "text": "Two.", **MARK}]


def test_a_later_system_message(chats: Chats) -> None:
    llm = chats.at("messages")
    talk: list[BaseMessage] = [HumanMessage("hi"), SystemMessage("Be brief."), HumanMessage("hi")]
    answer = llm.invoke(talk)
    assert [[block["text"] for block in turn["content"]] for turn in chats.sent] == [["hi", "Be brief.", "hi"]]
    assert "a later system message went as the user's" in str(answer.response_metadata["notes"])
    sent = len(chats.bodies)
    with pytest.raises(ConfigurationError, match="no messages"):
        llm.invoke([SystemMessage("Be brief.")])
    assert len(chats.bodies) == sent


def test_messages_of_one_side_are_one_turn_and_names_leave_a_note(chats: Chats) -> None:
    talk = [HumanMessage("a", name="ann"), HumanMessage("b"), AIMessage("c"), AIMessage("d"), HumanMessage("e")]
    answer = chats.at("messages").invoke(talk)
    assert [[block["text"] for block in turn["content"]] for turn in chats.sent] == [["a", "b"], ["c", "d"], ["e"]]
    assert "the names ann were left out" in str(answer.response_metadata["notes"])


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({"type": "image", "base64": PIXEL, "mime_type": "image/png"}, "base64"),
        ({"type": "image", "url": "https://example.com/a.png"}, "url"),
        ({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}, "base64"),
        ({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}, "url"),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}, **MARK},
            "base64",
        ),
        ({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}, "url"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_images(chats: Chats, given: dict[str, Any], source: str) -> None:
    llm = chats.at("messages", provider=SEEING_MESSAGES)
    answer = llm.invoke([HumanMessage([{"type": "text", "text": "What is it?"}, given])])
    sources = {
        "base64": {"type": "base64", "media_type": "image/png", "data": PIXEL},
        "url": {"type": "url", "url": "https://example.com/a.png"},
    }
    marks = MARK if "cache_control" in given else {}
    image = {"type": "image", "source": sources[source], **marks}
    assert chats.sent[0]["content"] == [{"type": "text", "text": "What is it?"}, image]
    assert ("a.png" if source == "url" else "1x1") in answer.text.replace("×", "x")
    call: Any = {"name": "look", "args": {}, "id": "c1"}
    llm.invoke([HumanMessage("look"), AIMessage("", tool_calls=[call]), ToolMessage([given], tool_call_id="c1")])
    assert chats.sent[2]["content"] == [{"type": "tool_result", "tool_use_id": "c1", "content": [image]}]


# Tools


@pytest.mark.parametrize(
    ("choice", "sent", "called"),
    [
        (None, None, 0),
        ("auto", {"type": "auto"}, 0),
        ("none", {"type": "none"}, 0),
        ("any", {"type": "any"}, 1),
        (True, {"type": "any"}, 1),
        ("get_time", {"type": "tool", "name": "get_time"}, 1),
        ({"type": "tool", "name": "get_time"}, {"type": "tool", "name": "get_time"}, 1),
        ({"type": "function", "function": {"name": "get_time"}}, {"type": "tool", "name": "get_time"}, 1),
    ],
    ids=str,
)
def test_tool_choice(chats: Chats, choice: Any, sent: Any, called: int) -> None:
    answer = chats.at("messages").bind_tools([get_weather, get_time], tool_choice=choice).invoke("Say hello")
    assert chats.body.get("tool_choice") == sent
    assert chats.body["tools"][0] == WEATHER
    assert [call["name"] for call in answer.tool_calls] == (
        ["get_time" if sent and "name" in sent else "get_weather"] * called
    )


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, {"type": "auto", "disable_parallel_tool_use": True}),
        ("any", {"type": "any", "disable_parallel_tool_use": True}),
        ("get_weather", {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}),
        ("none", {"type": "none"}),
    ],
    ids=str,
)
def test_one_call_at_a_time(chats: Chats, choice: str | None, sent: dict[str, Any]) -> None:
    llm = chats.at("messages")
    answer = llm.bind_tools([get_weather], tool_choice=choice, parallel_tool_calls=False).invoke(PAIR)
    assert chats.body["tool_choice"] == sent
    assert len(answer.tool_calls) == (0 if choice == "none" else 1)
    llm.invoke("hi", parallel_tool_calls=False)
    assert "tool_choice" not in chats.body


def test_a_result_says_whether_its_call_failed(chats: Chats) -> None:
    """Chat Completions has no field for it, and gets what it got before."""
    calls: list[Any] = [{"name": "f", "args": {}, "id": call_id} for call_id in ("c1", "c2", "c3", "c4")]
    history = [
        HumanMessage("hi"),
        AIMessage("", tool_calls=calls),
        ToolMessage("broken", tool_call_id="c1", status="error"),
        ToolMessage("fine", tool_call_id="c2", status="success"),
        ToolMessage("", tool_call_id="c3", status="error"),
        HumanMessage([{"type": "tool_result", "tool_use_id": "c4", "content": "broken", "is_error": True}]),
    ]
    chats.at("messages").invoke(history)
    failed = {block["tool_use_id"]: block.get("is_error") for block in chats.sent[-1]["content"]}
    assert failed == {"c1": True, "c2": None, "c3": True, "c4": True}
    assert all(block["content"] for block in chats.sent[-1]["content"])
    chats.at("text").invoke(history)
    (broken, fine, silent, inline) = chats.sent[2:]
    assert broken == {"role": "tool", "content": "broken", "tool_call_id": "c1"}
    assert fine == {"role": "tool", "content": "fine", "tool_call_id": "c2"}
    assert set(silent) == set(inline) == {"role", "content", "tool_call_id"}


# What comes back

EVENTS = [
    started(),
    opened(0, type="thinking", thinking="", signature=""),
    {"type": "ping"},
    grown(0, "thinking", "Let me"),
    grown(0, "thinking", " think."),
    grown(0, "signature", "S1G"),
    closed(0),
    opened(1, type="text", text=""),
    grown(1, "text", "I "),
    grown(1, "text", "look."),
    closed(1),
    opened(2, type="tool_use", id="c1", name="f", input={}),
    grown(2, "input_json", ""),
    grown(2, "input_json", '{"a": '),
    grown(2, "input_json", "1}"),
    closed(2),
    opened(3, type="tool_use", id="c2", name="g", input={}),
    grown(3, "input_json", '{"b": [2]}'),
    closed(3),
    *ended("tool_use"),
]
THOUGHT = {"type": "thinking", "thinking": "Let me think.", "signature": "S1G"}
CONTENT = [
    THOUGHT,
    {"type": "text", "text": "I look."},
    {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
    {"type": "tool_use", "id": "c2", "name": "g", "input": {"b": [2]}},
]
BLOCKS = [
    {"type": "reasoning", "reasoning": "Let me think."},
    {"type": "text", "text": "I look."},
    {"type": "tool_call", "id": "c1", "name": "f", "args": {"a": 1}},
    {"type": "tool_call", "id": "c2", "name": "g", "args": {"b": [2]}},
]
REPLIES = {"streamed": event_stream(EVENTS), "whole": whole_message(*CONTENT, stop="tool_use")}


def _is_everything(answer: AIMessage) -> None:
    assert blocks(answer) == BLOCKS
    assert answer.text == "I look."
    assert [(call["id"], call["name"], call["args"]) for call in answer.tool_calls] == [
        ("c1", "f", {"a": 1}),
        ("c2", "g", {"b": [2]}),
    ]
    assert answer.invalid_tool_calls == []
    assert answer.additional_kwargs == {"reasoning_content": "Let me think.", "reasoning_details": [THOUGHT]}
    assert answer.usage_metadata == {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
    assert answer.response_metadata["finish_reason"] == "tool_calls"
    assert answer.response_metadata["native_finish_reason"] == "tool_use"


@pytest.mark.parametrize("output_version", [None, "v0", "v1"])
@pytest.mark.parametrize("reply", REPLIES)
async def test_thinking_text_and_calls(chats: Chats, reply: str, output_version: str | None) -> None:
    llm = chats.answering(REPLIES[reply], endpoint="messages", output_version=output_version)
    for answer in (await four_ways(llm, "hi")).values():
        _is_everything(answer)
        kinds = [block["type"] for block in cast("Any", answer.content)] if output_version == "v1" else answer.content
        assert kinds == ([block["type"] for block in BLOCKS] if output_version == "v1" else "I look.")


@pytest.mark.parametrize("output_version", [None, "v0", "v1"])
async def test_events_of_protocol_v3(chats: Chats, output_version: str | None) -> None:
    lifecycle = pytest.importorskip("langchain_tests.utils.stream_lifecycle")
    llm: Any = chats.answering(REPLIES["streamed"], endpoint="messages", output_version=output_version)
    stream = llm.stream_events("hi", version="v3")
    events = list(stream)
    lifecycle.assert_valid_event_stream(events)
    finished = [event["content"] for event in events if event["event"] == "content-block-finish"]
    assert [{key: value for key, value in block.items() if key != "index"} for block in finished] == BLOCKS
    _is_everything(stream.output)
    _is_everything(await (await llm.astream_events("hi", version="v3")))


async def test_unknown_blocks_and_events_do_no_harm(chats: Chats) -> None:
    """They are kept beside the answer."""
    odd = {"type": "server_thing", "id": "s1"}
    said = [opened(1, type="text", text="x"), closed(1)]
    streamed = event_stream([started(), opened(0, **odd), closed(0), {"type": "odd_event"}, *said, *ended()])
    for reply in (streamed, whole_message(odd, {"type": "text", "text": "x"})):
        for answer in (await four_ways(chats.answering(reply, endpoint="messages"), "hi")).values():
            assert answer.content == "x"
            assert answer.additional_kwargs == {"blocks": [odd]}


@pytest.mark.parametrize("output_version", ["v0", "v1"])
async def test_arguments_cut_by_the_token_limit(chats: Chats, output_version: str) -> None:
    """What had come of them is told where it came: a whole reply shows an empty object instead."""
    bound = chats.at("messages", output_version=output_version, max_tokens=7).bind_tools([get_weather])
    for way, answer in (await four_ways(bound, PAIR)).items():
        assert answer.tool_calls == [], way
        assert [call["name"] for call in answer.invalid_tool_calls] == ["get_weather"], way
        (told,) = answer.response_metadata["invalid_tool_calls"]
        assert told["args"].startswith('{"') == ("stream" in way)
        assert "cut off" in told["error"]
        assert answer.response_metadata["finish_reason"] == "length"
        assert "tool_call" not in [block["type"] for block in blocks(answer)]


async def test_stop_sequences(chats: Chats) -> None:
    for answer in (await four_ways(chats.at("messages"), "Count from 1 to 9", stop=["7", "9"])).values():
        assert answer.text == "1, 2, 3, 4, 5, 6, "
        metadata = answer.response_metadata
        assert (metadata["finish_reason"], metadata["native_finish_reason"]) == ("stop", "stop_sequence")
        assert metadata["stop_sequence"] == "7"


# Token counts


MARKED: dict[str, list[BaseMessage]] = {
    "system": [SystemMessage([{"type": "text", "text": LONG, **MARK}]), HumanMessage("hi")],
    "user": [HumanMessage([{"type": "text", "text": LONG}, {"type": "text", "text": "hi", **MARK}])],
    "answer": [HumanMessage(LONG), AIMessage([{"type": "text", "text": "hi", **MARK}]), HumanMessage("hi")],
    "result": [
        HumanMessage(LONG),
        AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "c1"}]),
        ToolMessage([{"type": "text", "text": "x", **MARK}], tool_call_id="c1"),
    ],
}


@pytest.mark.parametrize("place", MARKED)
async def test_cached_prompts_are_counted(chats: Chats, place: str) -> None:
    """A mark on a block has the prompt up to there written once and then read; both are part of the input."""
    llm = chats.at("messages")
    first = llm.invoke(MARKED[place]).usage_metadata
    assert first is not None
    written = first.get("input_token_details", {}).get("cache_creation", 0)
    assert 1500 < written <= first["input_tokens"]
    assert first.get("input_token_details") == {"cache_read": 0, "cache_creation": written}
    assert first["total_tokens"] == first["input_tokens"] + first["output_tokens"]
    for again in (await four_ways(llm, MARKED[place])).values():
        assert again.usage_metadata == {**first, "input_token_details": {"cache_read": written, "cache_creation": 0}}
        assert again.response_metadata["token_usage"]["cache_read_input_tokens"] == written


def test_a_marked_tool_is_cached(chats: Chats) -> None:
    tool_: dict[str, Any] = {"type": "function", "function": {"name": "f", "description": LONG}, **MARK}
    usage = chats.at("messages").bind_tools([tool_]).invoke("hi").usage_metadata
    assert usage is not None
    assert usage.get("input_token_details", {}).get("cache_creation", 0) > 1500


async def test_thinking_is_counted(chats: Chats) -> None:
    for answer in (await four_ways(chats.at("messages", enable_thinking=True), "Say exactly: x")).values():
        usage = answer.usage_metadata
        assert usage is not None
        assert 0 < usage.get("output_token_details", {}).get("reasoning", 0) == usage["output_tokens"] - 1
