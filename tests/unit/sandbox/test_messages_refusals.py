"""What Messages refuses: status, type and words; keys, versions and failures on demand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx
    from conftest import MessagesApi

USER: dict[str, Any] = {"role": "user", "content": "hi"}
ANSWER: dict[str, Any] = {"role": "assistant", "content": "Hello!"}
TOOL: dict[str, Any] = {"name": "f", "input_schema": {"type": "object"}}
CALL: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
OTHER_CALL = CALL | {"id": "toolu_2"}
RESULT: dict[str, Any] = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
OTHER_RESULT = RESULT | {"tool_use_id": "toolu_2"}
TEXT: dict[str, Any] = {"type": "text", "text": "hi"}
MARKED = TEXT | {"cache_control": {"type": "ephemeral"}}
URL_IMAGE: dict[str, Any] = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
THINKING: dict[str, Any] = {"type": "enabled", "budget_tokens": 1024}
THOUGHT: dict[str, Any] = {"type": "thinking", "thinking": "x", "signature": "eA=="}


def _user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def _assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def _said(*messages: Any) -> dict[str, Any]:
    return {"messages": list(messages)}


def _image(**source: Any) -> dict[str, Any]:
    return _said(_user({"type": "image", "source": source}))


FIELDS: list[tuple[dict[str, Any], str]] = [
    # fields put into a plain request, words the message must hold
    ({"max_tokens": None}, "max_tokens"),
    ({"max_tokens": 0}, "max_tokens must be at least 1"),
    ({"max_tokens": 131_072}, "context"),
    ({"model": 3}, "model"),
    *[({field: 1}, field) for field in ("n", "seed", "logprobs", "frequency_penalty", "stop", "max_completion_tokens")],
    ({"temperature": 1.1}, "temperature must be between 0 and 1"),
    ({"top_p": -0.1}, "top_p"),
    ({"top_k": -1}, "top_k"),
    ({"stream": "yes"}, "stream"),
    ({"stop_sequences": "x"}, "stop_sequences"),
    ({"stop_sequences": ["x", " \n"]}, "stop_sequences[1]"),
    ({"metadata": {"user": "u"}}, "metadata"),
    ({"system": [TEXT | {"text": ""}]}, "system[0].text"),
    ({"system": [URL_IMAGE]}, "system[0]"),
    # the conversation
    (_said(), "messages must not be empty"),
    (_said(ANSWER, USER), "messages[0].role must be 'user'"),
    (_said({"role": "system", "content": "x"}, USER), "messages[0].role"),
    (_said(USER | {"name": "x"}), "name"),
    (_said(USER | {"content": ""}), "messages[0].content"),
    (_said(USER | {"content": " \n"}), "messages[0].content"),
    (_said(USER | {"content": None}), "messages[0].content"),
    (_said(_user()), "messages[0].content must not be empty"),
    (_said(USER, ANSWER | {"content": ""}, USER), "messages[1].content must not be empty"),
    (_said(USER, ANSWER | {"content": []}, USER), "messages[1].content must not be empty"),
    (_said(USER, ANSWER | {"content": "  "}, USER), "messages[1].content"),
    (_said(USER, ANSWER | {"content": "The answer is "}), "trailing whitespace"),
    (_said(_user(TEXT | {"text": ""})), "messages[0].content[0].text"),
    (_said(_user(TEXT | {"text": " "})), "messages[0].content[0].text"),
    (_said(_user(TEXT | {"citations": []})), "citations"),
    (_said(_user({"type": "video"})), "messages[0].content[0].type must be one of text, image, tool_result"),
    (_said(_user(CALL)), "messages[0].content[0].type"),
    (_said(_user(THOUGHT)), "messages[0].content[0].type"),
    (_said(USER, _assistant(URL_IMAGE)), "messages[1].content[0].type"),
    (_said(USER, _assistant(RESULT), USER), "messages[1].content[0].type"),
    (_image(type="file", file_id="x"), "source.type must be one of base64, url"),
    (_image(type="url", url="http://example.com/a.png"), "source.url"),
    (_image(type="base64", media_type="image/bmp", data="AAAA"), "media_type"),
    (_image(type="base64", media_type="image/png", data="data:image/png;base64,AAAA"), "source.data"),
    (_image(type="base64", media_type="image/png", data="AAAAA"), "source.data"),
    # calls and results
    (_said(USER, _assistant(CALL), USER), "without `tool_result` blocks immediately after: toolu_1"),
    (_said(USER, _assistant(CALL)), "without `tool_result` blocks immediately after: toolu_1"),
    (_said(USER, _assistant(CALL, OTHER_CALL), _user(RESULT)), "immediately after: toolu_2"),
    (_said(USER, _assistant(CALL), _user(TEXT, RESULT)), "come first in messages[2]"),
    (_said(USER, _assistant(CALL, OTHER_CALL), _user(RESULT, TEXT, OTHER_RESULT)), "immediately after: toolu_2"),
    (_said(USER, _assistant(CALL), _user(RESULT, OTHER_RESULT)), "messages[2].content[1]: unexpected `tool_use_id`"),
    (_said(_user(RESULT)), "messages[0].content[0]: unexpected `tool_use_id` toolu_1"),
    (_said(USER, _assistant(CALL), _user(RESULT), ANSWER, _user(RESULT)), "messages[4].content[0]: unexpected"),
    (_said(USER, _assistant(CALL), _user(RESULT, RESULT)), "several"),
    (_said(USER, _assistant(CALL), _user(RESULT, TEXT, RESULT)), "several"),
    (_said(USER, _assistant(CALL, CALL), _user(RESULT)), "unique"),
    (_said(USER, _assistant(CALL), _user(RESULT), _assistant(CALL), _user(RESULT)), "unique"),
    (_said(USER, _assistant(CALL | {"input": "{}"}), _user(RESULT)), "messages[1].content[0].input"),
    (_said(USER, _assistant(CALL | {"id": "a.b"}), _user(RESULT)), "messages[1].content[0].id"),
    (_said(USER, _assistant(CALL), _user(RESULT | {"name": "f"})), "name"),
    # tools
    ({"tools": [{"name": "f"}]}, "tools[0] must have input_schema"),
    ({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}, "tools[0].name"),
    ({"tools": [{"name": "f" * 65, "input_schema": {"type": "object"}}]}, "tools[0].name"),
    ({"tools": [TOOL | {"input_schema": {"type": "string"}}]}, "tools[0].input_schema.type"),
    ({"tools": [TOOL | {"input_schema": {"properties": {}}}]}, "tools[0].input_schema must have type"),
    ({"tools": [TOOL | {"input_schema": {"type": "object", "required": 3}}]}, "not a valid JSON Schema"),
    ({"tools": [TOOL | {"input_schema": {"type": "object", "anyOf": [{}]}}]}, "anyOf at the top level"),
    ({"tools": [TOOL, TOOL]}, "names must be unique"),
    ({"tools": [TOOL | {"strict": True}]}, "strict"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0]"),
    ({"tool_choice": {"type": "auto"}}, "together with tools"),
    ({"tools": [TOOL], "tool_choice": "auto"}, "tool_choice must be of type object"),
    ({"tools": [TOOL], "tool_choice": {"type": "required"}}, "tool_choice.type"),
    ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice must have name"),
    ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "g"}}, "tool_choice names g"),
    ({"tools": [TOOL], "tool_choice": {"type": "none", "disable_parallel_tool_use": True}}, "disable_parallel"),
    # thinking
    ({"thinking": {"type": "enabled"}}, "thinking must have budget_tokens"),
    ({"thinking": {"type": "disabled", "budget_tokens": 1024}}, "budget_tokens"),
    ({"thinking": {"type": "adaptive"}}, "thinking.type"),
    ({"thinking": THINKING | {"budget_tokens": 1023}}, "budget_tokens must be at least 1024"),
    ({"thinking": THINKING, "max_tokens": 1024}, "greater than thinking.budget_tokens"),
    ({"thinking": THINKING, "temperature": 0.9}, "temperature may only be set to 1"),
    ({"thinking": THINKING, "top_k": 5}, "top_k"),
    ({"thinking": THINKING, "top_p": 0.94}, "top_p must be at least 0.95"),
    ({"thinking": THINKING, "tools": [TOOL], "tool_choice": {"type": "any"}}, "forces tool use"),
    ({"thinking": THINKING, "tools": [TOOL], "tool_choice": {"type": "tool", "name": "f"}}, "forces tool use"),
    ({"thinking": THINKING, **_said(USER, ANSWER)}, "cannot be begun"),
    (_said(USER, _assistant(TEXT, THOUGHT)), "messages[1].content[1]: a last message"),
    (_said(USER, _assistant(THOUGHT | {"signature": None}, TEXT), USER), "messages[1].content[0].signature"),
    (_said(USER, _assistant({"type": "thinking", "thinking": "x"}, TEXT), USER), "must have signature"),
    (_said(USER, _assistant(THOUGHT, TEXT), USER), "messages[1].content[0]: Invalid `signature` in `thinking` block"),
    (
        _said(USER, _assistant({"type": "redacted_thinking", "data": "eA=="}, TEXT), USER),
        "messages[1].content[0]: Invalid `data` in `redacted_thinking` block",
    ),
    (
        {"thinking": THINKING, **_said(USER, _assistant(CALL), _user(RESULT))},
        "messages[1].content[0].type: Expected `thinking` or `redacted_thinking`, but found `tool_use`",
    ),
    ({"thinking": THINKING, **_said(USER, _assistant(TEXT, CALL), _user(RESULT, TEXT))}, "but found `text`"),
    # caching
    (_said(_user(TEXT | {"cache_control": {"type": "persistent"}})), "cache_control.type"),
    (_said(_user(TEXT | {"cache_control": {"type": "ephemeral", "ttl": "2h"}})), "ttl must be one of 5m, 1h"),
    (_said(USER, _assistant(THOUGHT | {"cache_control": {"type": "ephemeral"}}, TEXT), USER), "cache_control"),
    ({"system": [MARKED, MARKED], **_said(_user(MARKED, MARKED, MARKED))}, "at most 4"),
]


@pytest.mark.parametrize(("fields", "words"), FIELDS)
def test_bad_request_is_refused(messages_api: MessagesApi, fields: dict[str, Any], words: str) -> None:
    body = messages_api.body("hi", **fields)
    response = messages_api.send({name: value for name, value in body.items() if value is not None})
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert words in error["message"]


GIF = {"type": "base64", "media_type": "image/gif", "data": "R0lGODlhAQABAAAAACw="}
ACCEPTED: list[dict[str, Any]] = [
    {"temperature": 0, "top_p": 0.5, "top_k": 0, "stop_sequences": ["x"], "metadata": {"user_id": "u"}},
    {"temperature": 1, "metadata": {"user_id": None}, "stop_sequences": [], "stream": False, "tools": []},
    {"system": "Be brief.", "thinking": {"type": "disabled"}, "temperature": 0.5},
    {"system": [MARKED, TEXT], "thinking": THINKING, "temperature": 1, "top_p": 0.95},
    {"tools": [TOOL | {"type": "custom", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
    {"tools": [TOOL], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
    {"tools": [TOOL], "tool_choice": {"type": "none"}, "thinking": THINKING},
    {"tool_choice": {"type": "none"}},
    _said(USER, USER, ANSWER, ANSWER, USER),
    _said(USER, ANSWER | {"content": "The answer is"}),
    _said(USER, ANSWER | {"content": ""}),
    _said(_user(TEXT, URL_IMAGE, {"type": "image", "source": GIF})),
    _said(USER, _assistant(CALL), _user(RESULT)),
    _said(USER, _assistant(CALL), _user(RESULT), USER),
    _said(USER, _assistant(CALL), _assistant(OTHER_CALL), _user(RESULT), _user(OTHER_RESULT, TEXT)),
    _said(USER, _assistant(TEXT, CALL), _user(RESULT | {"is_error": True, "content": [TEXT, URL_IMAGE]})),
    _said(USER, _assistant(CALL), _user({"type": "tool_result", "tool_use_id": "toolu_1"})),
    {"thinking": THINKING, **_said(USER, _assistant(CALL), _user(RESULT), ANSWER, USER)},
]


@pytest.mark.parametrize("fields", ACCEPTED)
def test_good_request_is_answered(messages_api: MessagesApi, fields: dict[str, Any]) -> None:
    messages_api.reply("hi", **fields)


def test_unknown_model_is_not_found(messages_api: MessagesApi) -> None:
    response = messages_api.post("hi", model="qwen-nope")
    assert response.status_code == 404
    assert response.json()["error"]["type"] == "not_found_error"
    assert "qwen-nope" in response.json()["error"]["message"]


# Thoughts that come back


def _thoughts(messages_api: MessagesApi, prompt: str) -> dict[str, Any]:
    return messages_api.reply(prompt, thinking=THINKING)["content"][0]


def _replay(messages_api: MessagesApi, *thoughts: Any) -> httpx.Response:
    conversation = [USER, _assistant(*thoughts, TEXT, CALL), _user(RESULT)]
    return messages_api.post(conversation, thinking=THINKING, tools=[TOOL])


@pytest.mark.parametrize("prompt", ["hello", "你好", "hello [[sandbox:redacted]]"])
def test_thoughts_as_they_came_are_taken_back(messages_api: MessagesApi, prompt: str) -> None:
    thought = _thoughts(messages_api, prompt)
    assert _replay(messages_api, thought).status_code == 200
    assert _replay(messages_api, _thoughts(messages_api, "hi [[sandbox:redacted]]"), thought).status_code == 200


@pytest.mark.parametrize("field", ["thinking", "signature"])
def test_a_changed_thought_is_refused(messages_api: MessagesApi, field: str) -> None:
    thought = _thoughts(messages_api, "hello")
    for changed in (thought[field] + "A", thought[field][1:], "", "ä", _thoughts(messages_api, "count to 3")[field]):
        response = _replay(messages_api, thought | {field: changed})
        assert response.status_code == 400
        assert "Invalid `signature`" in response.json()["error"]["message"]


def test_redacted_thoughts_are_opaque_and_checked(messages_api: MessagesApi) -> None:
    thought = _thoughts(messages_api, "hello [[sandbox:redacted]]")
    assert set(thought) == {"type", "data"}
    for changed in ("", "ä", thought["data"][4:], "AAAA" + thought["data"][4:]):
        response = _replay(messages_api, thought | {"data": changed})
        assert response.status_code == 400
        assert "Invalid `data`" in response.json()["error"]["message"]


def test_old_thoughts_need_not_come_back(messages_api: MessagesApi) -> None:
    thought = _thoughts(messages_api, "hello")
    conversation = [USER, _assistant(CALL), _user(RESULT), _assistant(thought, OTHER_CALL), _user(OTHER_RESULT)]
    assert messages_api.post(conversation, thinking=THINKING, tools=[TOOL]).status_code == 200


# Headers, bodies, failures


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-api-key": "sk-sandbox"}, 200),
        ({"authorization": "Bearer sk-sandbox"}, 200),
        ({"authorization": "bearer sk-sandbox"}, 200),
        ({"x-api-key": "sk-sandbox", "authorization": "Bearer wrong"}, 200),
        ({"x-api-key": "wrong", "authorization": "Bearer sk-sandbox"}, 401),
        ({"x-api-key": ""}, 401),
        ({"authorization": "sk-sandbox"}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({}, 401),
    ],
)
def test_keys(messages_api: MessagesApi, headers: dict[str, str], status: int) -> None:
    response = messages_api.send(messages_api.body("hi"), headers | {"anthropic-version": "2023-06-01"})
    assert response.status_code == status
    if status == 401:
        assert response.json()["error"]["type"] == "authentication_error"


@pytest.mark.parametrize("version", [None, "", "2023-01-01", "latest"])
def test_version_is_required(messages_api: MessagesApi, version: str | None) -> None:
    headers = {"x-api-key": "sk-sandbox"} | ({} if version is None else {"anthropic-version": version})
    response = messages_api.send(messages_api.body("hi"), headers)
    assert response.status_code == 400
    assert "anthropic-version" in response.json()["error"]["message"]


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
def test_the_version_of_2026_has_no_sampling(messages_api: MessagesApi, name: str) -> None:
    headers = messages_api.headers | {"anthropic-version": "2026-10-21"}
    assert messages_api.send(messages_api.body("hi"), headers).status_code == 200
    response = messages_api.send(messages_api.body("hi", **{name: 1}), headers)
    assert response.status_code == 400
    assert name in response.json()["error"]["message"]


def test_fault_for_the_first_requests_only(messages_api: MessagesApi) -> None:
    headers = messages_api.headers | {"x-sandbox-fault": "529*2#messages"}
    assert [messages_api.send(messages_api.body("hi"), headers).status_code for _ in range(3)] == [529, 529, 200]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b'{"model": NaN}', b"[" * 100_000])
def test_broken_json_is_a_bad_request(messages_api: MessagesApi, raw: bytes) -> None:
    response = messages_api.send(raw)
    assert response.status_code == 400
    assert "JSON" in response.json()["error"]["message"]


def test_body_over_32_mib_is_refused(messages_api: MessagesApi) -> None:
    response = messages_api.send(b" " * (32 * 1024 * 1024 + 1))
    assert response.status_code == 413
    assert response.json()["error"]["type"] == "request_too_large"


def test_other_paths_and_methods(messages_api: MessagesApi) -> None:
    base = messages_api.sandbox.base_url("wcode-anthropic")
    missing = messages_api.client.post(f"{base}/v1/messages/count_tokens", json={}, headers=messages_api.headers)
    wrong = messages_api.client.get(messages_api.url(), headers=messages_api.headers)
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert missing.json()["error"]["type"] == "not_found_error"
    assert "count_tokens" in missing.json()["error"]["message"]
    for response in (missing, wrong):
        messages_api.check("Error", response.json())
        assert response.json()["request_id"] == response.headers["request-id"]


def test_requests_are_recorded(messages_api: MessagesApi) -> None:
    messages_api.post("hi")
    record = messages_api.sandbox.last_request
    assert record.path == "/wcode/api/anthropic/v1/messages"
    assert record.json == json.loads(record.body)
    assert record.headers["anthropic-version"] == "2023-06-01"
