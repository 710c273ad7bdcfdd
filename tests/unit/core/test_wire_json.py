"""Asking for JSON: what a server receives as `response_format`, and what the prompt says beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from qwen_endpoints import PROVIDERS, ConfigurationError, Message, QwenClient

from .support import Server, encoded, endpoint, make, send, user

JSON_MODE = {"type": "json_object"}
ANSWER: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"$ref": "#/$defs/City"}},
    "$defs": {"City": {"type": "string", "description": "In 中文."}},
}
INLINED: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "In 中文."}},
}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def bodies(*messages: Message, **request: Any) -> list[dict[str, Any]]:
    """The messages as they would be sent."""
    return encoded(endpoint("dashscope", "qwen-plus"), messages=messages, **request).body["messages"]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([user("Hi")], [("system", "Respond in JSON."), ("user", "Hi")], id="no system message"),
        pytest.param([Message(role="system", content="Be brief."), user("Hi")],
                     [("system", "Be brief.\n\nRespond in JSON."), ("user", "Hi")], id="a system text"),
        pytest.param([Message(role="system", content=""), user("Hi")],
                     [("system", "Respond in JSON."), ("user", "Hi")], id="an empty system text"),
        pytest.param([Message(role="system", content=[text("a"), text("b")]), user("Hi")],
                     [("system", [text("a"), text("b"), text("Respond in JSON.")]), ("user", "Hi")], id="system parts"),
        pytest.param([user("Give me json")], [("user", "Give me json")], id="there already"),
        pytest.param([Message(role="system", content="JSON!"), user("Hi")],
                     [("system", "JSON!"), ("user", "Hi")], id="there in the system message"),
        pytest.param([user([text("a"), text("as Json")])], [("user", [text("a"), text("as Json")])],
            id="there in a part"),
        pytest.param([user("Hi"), Message(role="assistant", content="{json}"), user("Go on")],
                     [("system", "Respond in JSON."), ("user", "Hi"), ("assistant", "{json}"), ("user", "Go on")],
                     id="what the model said does not count"),
    ],
)  # fmt: skip
def test_the_word_json_is_added_only_when_missing(messages: list[Message], expected: list[Any]) -> None:
    sent = bodies(*messages, response_format=JSON_MODE)
    assert [(body["role"], body["content"]) for body in sent] == expected


@pytest.mark.parametrize(
    "format_", [None, {"type": "text"}, {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}]
)
def test_the_word_json_is_for_json_mode_alone(format_: Any) -> None:
    assert bodies(user("Hi"), response_format=format_) == [{"role": "user", "content": "Hi"}]


def test_an_endpoint_that_needs_no_word_gets_none() -> None:
    row = PROVIDERS["dashscope"]
    own = replace(row, dialect=replace(row.dialect, json_word=False))
    body = encoded(endpoint(own, "qwen-plus"), response_format=JSON_MODE).body
    assert body["messages"] == [{"role": "user", "content": "Hi"}]


def test_json_mode_tells_the_schema_in_the_prompt(server: Server) -> None:
    client, settings = QwenClient(), make(server, "dashscope", model="qwen-plus")
    messages = [Message(role="system", content="Be brief."), user("Where? Give me JSON.")]
    send(client, settings, messages=messages, response_format=JSON_MODE, answer_schema=ANSWER)
    body = server.last.json
    assert body["response_format"] == JSON_MODE
    system, prompt = body["messages"]
    assert prompt["content"] == "Where? Give me JSON."
    brief, asked, schema = system["content"].rsplit("\n", 2)
    assert brief.strip() == "Be brief."
    assert "JSON Schema" in asked
    assert json.loads(schema) == INLINED
    assert "中文" in schema
    client.close()


@pytest.mark.parametrize("format_", [None, {"type": "json_schema", "json_schema": {"name": "n", "schema": ANSWER}}])
def test_any_other_format_needs_no_schema_in_the_prompt(format_: Any) -> None:
    assert bodies(user("Hi"), response_format=format_, answer_schema=ANSWER) == [{"role": "user", "content": "Hi"}]


def test_references_are_inlined_where_the_row_says_so(server: Server) -> None:
    format_: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "n", "schema": ANSWER, "strict": True}}
    client = QwenClient()
    for provider, expected in (("dashscope", INLINED), ("wcode", ANSWER)):
        send(client, make(server, provider, model="qwen-plus"), response_format=format_)
        described = server.last.json["response_format"]["json_schema"]
        assert described == {"name": "n", "schema": expected, "strict": True}
    assert format_["json_schema"]["schema"] is ANSWER
    client.close()


def test_a_schema_for_a_model_known_to_take_none_is_refused_before_sending(server: Server) -> None:
    client, settings = QwenClient(), make(server, "wcode", model="qwen/qwen3-235b-a22b")
    format_ = {"type": "json_schema", "json_schema": {"name": "n", "schema": ANSWER}}
    with pytest.raises(ConfigurationError, match=r"does not take a JSON schema.*function calling"):
        send(client, settings, response_format=format_)
    assert server.received == []
    send(client, settings, overrides={"extra_body": {"response_format": format_}})
    assert server.last.json["response_format"] == format_
    send(client, settings, response_format=JSON_MODE)
    assert server.last.json["response_format"] == JSON_MODE
    client.close()
