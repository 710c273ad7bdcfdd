"""The same conversation over Messages and over Chat Completions: the same text, reasoning, calls and counts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Api, MessagesApi

Turns = list[dict[str, Any]]


def _user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _call(name: str, number: int = 1, **arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {"id": f"call_{number}", "type": "function", "function": function}


def _called(*calls: dict[str, Any], text: str | None = None) -> dict[str, Any]:
    return {"role": "assistant", "content": text, "tool_calls": list(calls)}


def _result(content: str, number: int = 1) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": f"call_{number}", "content": content}


WEATHER_ASKED = _user("What is the weather in Paris and London?")
TWO_CALLS = _called(_call("get_weather", 1, location="Paris"), _call("get_weather", 2, location="London"))
ADDER: dict[str, Any] = {"type": "function", "function": {"name": "my_adder_tool"}}
CONVERSATIONS: dict[str, tuple[Turns, dict[str, Any]]] = {
    "greeting": ([_user("hello")], {}),
    "chinese": ([_user("跟我说：你好，世界👋")], {}),
    "sum": ([_user("What is 12 times 7?")], {}),
    "echo": ([_user("The sky is blue.")], {}),
    "memory": (
        [_user("My name is Ada."), {"role": "assistant", "content": "Hello Ada!"}, _user("What is my name?")],
        {},
    ),
    "system": (
        [{"role": "system", "content": "Context: Paris has 2 million people."}, _user("Who lives in Paris?")],
        {},
    ),
    "parts": ([_user([{"type": "text", "text": "Repeat after me:"}, {"type": "text", "text": "one two"}])], {}),
    "json in the prompt": (
        [_user('Reply in JSON: {"type": "object", "properties": {"city": {"type": "string"}}}\nI live in Oslo.')],
        {},
    ),
    "calls": ([WEATHER_ASKED], {}),
    "arguments": ([_user("Add 3 and 4 with my_adder_tool")], {}),
    "chinese calls": ([_user("北京和上海的天气怎么样？")], {}),
    "no calls": ([WEATHER_ASKED], {"tool_choice": "none"}),
    "one call": ([WEATHER_ASKED], {"parallel_tool_calls": False}),
    "forced": ([_user("hello")], {"tool_choice": "required"}),
    "named": ([_user("hello")], {"tool_choice": ADDER}),
    "results": ([WEATHER_ASKED, TWO_CALLS, _result("sunny"), _result("Error: fog", 2)], {}),
    "words after results": ([WEATHER_ASKED, TWO_CALLS, _result("a"), _result("b", 2), _user("And 5 + 6?")], {}),
    "text beside calls": ([WEATHER_ASKED, _called(_call("get_weather"), text="Let me see."), _result("42")], {}),
    "begun": ([WEATHER_ASKED, {"role": "assistant", "content": "Let me"}], {}),
    "begun with nothing": ([WEATHER_ASKED, {"role": "assistant", "content": ""}], {}),
    "limit": ([_user("Count from 1 to 40")], {"max_tokens": 9}),
    "stop": ([_user("Count from 1 to 9")], {"stop": ["7", " 4"]}),
    "refusal": ([_user("Tell me a story [[sandbox:content_filter]]")], {}),
    "half": ([_user("Tell me a story [[sandbox:length]]")], {}),
}
CHOICES: dict[str, dict[str, Any]] = {
    "auto": {"type": "auto"},
    "none": {"type": "none"},
    "required": {"type": "any"},
    str(ADDER): {"type": "tool", "name": "my_adder_tool"},
}
FINISHES = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls"}


def _to_messages(turns: Turns, fields: dict[str, Any], tools: Turns, *, thinking: bool) -> dict[str, Any]:
    """Spell a chat request as a Messages request."""
    messages: Turns = []
    body: dict[str, Any] = {"messages": messages, "max_tokens": fields.get("max_tokens", 4096)}
    for turn in turns:
        if turn["role"] == "system":
            body["system"] = turn["content"]
        elif turn["role"] == "tool":
            result = {"type": "tool_result", "tool_use_id": turn["tool_call_id"], "content": turn["content"]}
            messages.append(_user([result]))
        elif "tool_calls" in turn:
            words = [{"type": "text", "text": turn["content"]}] if turn["content"] else []
            messages.append({"role": "assistant", "content": [*words, *map(_tool_use, turn["tool_calls"])]})
        else:
            messages.append(turn)
    functions = [tool["function"] for tool in tools]
    body["tools"] = [
        {"name": item["name"], "description": item["description"], "input_schema": item["parameters"]}
        for item in functions
    ]
    body["tool_choice"] = CHOICES[str(fields.get("tool_choice", "auto"))]
    if fields.get("parallel_tool_calls") is False:
        body["tool_choice"] = body["tool_choice"] | {"disable_parallel_tool_use": True}
    body["stop_sequences"] = fields.get("stop", [])
    body["thinking"] = {"type": "enabled", "budget_tokens": 1024} if thinking else {"type": "disabled"}
    return body


def _tool_use(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {"type": "tool_use", "id": call["id"], "name": function["name"], "input": json.loads(function["arguments"])}


def _of_kind(message: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [block for block in message["content"] if block["type"] == kind]


def _first_thought(messages_api: MessagesApi) -> dict[str, Any]:
    return messages_api.reply("hello", thinking={"type": "enabled", "budget_tokens": 1024})["content"][0]


@pytest.fixture
def tools(weather: Turns, adder: Turns) -> Turns:
    return [*weather, *adder]


# What the protocol does not let go together with thinking: forced calls, short limits, an answer begun by the client.
PLAIN_ONLY = {"forced", "named", "limit", "begun", "begun with nothing"}
CASES = [(name, False) for name in CONVERSATIONS] + [(name, True) for name in CONVERSATIONS if name not in PLAIN_ONLY]


@pytest.mark.parametrize(("name", "thinking"), CASES)
def test_same_answer(api: Api, messages_api: MessagesApi, tools: Turns, name: str, *, thinking: bool) -> None:
    turns, fields = CONVERSATIONS[name]
    body = _to_messages(turns, fields, tools, thinking=thinking)
    for message in body["messages"] if thinking else ():
        if message["role"] == "assistant" and isinstance(message["content"], list):
            message["content"].insert(0, _first_thought(messages_api))
    reply = api.reply("text", turns, tools=tools, **fields, **({} if thinking else {"reasoning": {"effort": "none"}}))
    message = messages_api.reply(body.pop("messages"), **body)
    expected = reply["choices"][0]["message"]
    functions = [call["function"] for call in expected.get("tool_calls", [])]
    calls = [(function["name"], json.loads(function["arguments"])) for function in functions]
    assert "".join(block["text"] for block in _of_kind(message, "text")) == (expected["content"] or "")
    assert "".join(block["thinking"] for block in _of_kind(message, "thinking")) == (expected["reasoning"] or "")
    assert [(block["name"], block["input"]) for block in _of_kind(message, "tool_use")] == calls
    finish = FINISHES.get(message["stop_reason"], "content_filter")
    assert finish == reply["choices"][0]["finish_reason"]
    assert message["usage"]["input_tokens"] == reply["usage"]["prompt_tokens"]
    assert message["usage"]["output_tokens"] == reply["usage"]["completion_tokens"]


def test_images_as_the_vision_model_sees_them(api: Api, messages_api: MessagesApi) -> None:
    data = "R0lGODlhAgADAAAAACw="
    text = {"type": "text", "text": "What is this?"}
    parts = [
        {"type": "image_url", "image_url": {"url": url}}
        for url in (f"data:image/gif;base64,{data}", "https://example.com/cat.png")
    ]
    blocks = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": data}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.png"}},
    ]
    said = api.text("vision", [_user([text, *parts])])
    assert "2×3 pixels" in said
    assert messages_api.reply([_user([text, *blocks])])["content"][0]["text"] == said
