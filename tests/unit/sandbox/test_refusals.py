"""Everything the pages do not allow is refused, with the gateway's own error body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx
    from conftest import Api

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
USER = {"role": "user", "content": "hi"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOLS: list[Any] = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
EVERYWHERE = ("cn", "flash", "text", "vision")


def _called(arguments: str = "{}", answer_to: str = "c1") -> list[dict[str, Any]]:
    call = CALL | {"function": {"name": "f", "arguments": arguments}}
    return [
        USER,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": answer_to, "content": "ok"},
    ]


FIELDS: list[tuple[str, dict[str, Any], str]] = [
    # endpoint, fields added to a plain request, word the message must hold
    ("cn", {"max_completion_tokens": 5}, "max_completion_tokens"),
    ("text", {"max_completion_tokens": 5}, "max_completion_tokens"),
    ("flash", {"max_tokens": 5}, "max_tokens"),
    ("cn", {"reasoning": {"effort": "low"}}, "reasoning"),
    ("flash", {"reasoning": {"effort": "low"}}, "reasoning"),
    ("vision", {"reasoning": {"effort": "low"}}, "reasoning"),
    ("text", {"reasoning": {"effort": "low", "enabled": True}}, "enabled"),
    ("text", {"reasoning": {"effort": "huge"}}, "reasoning.effort"),
    ("text", {"enable_thinking": False}, "enable_thinking"),
    ("vision", {"chat_template_kwargs": {}}, "chat_template_kwargs"),
    ("text", {"thinking_budget": 10}, "thinking_budget"),
    *[
        ("flash", {field: 1}, field)
        for field in ("top_k", "min_p", "repetition_penalty", "top_a", "verbosity", "thinking_budget", "unheard_of")
    ],
    ("flash", {"chat_template_kwargs": {}}, "chat_template_kwargs"),
    ("cn", {"max_tokens": 0}, "between 1 and 8192"),
    ("cn", {"max_tokens": 8193}, "between 1 and 8192"),
    ("cn", {"max_tokens": "many"}, "integer"),
    ("flash", {"max_completion_tokens": 65537}, "between 1 and 65536"),
    ("text", {"max_tokens": 0}, "at least 1"),
    ("text", {"max_tokens": 131072}, "context"),
    ("text", {"top_k": -1}, "top_k must be at least 0"),
    ("vision", {"repetition_penalty": 2.1}, "between 0 and 2"),
    ("vision", {"min_p": 1.1}, "min_p"),
    ("text", {"top_a": -0.1}, "top_a"),
    ("text", {"verbosity": "loud"}, "low, medium, high"),
    ("text", {"top_logprobs": 21, "logprobs": True}, "between 0 and 20"),
    ("flash", {"stop": "x"}, "array"),
    ("text", {"stop": "x"}, "array"),
    ("vision", {"stop": "x"}, "array"),
    ("cn", {"stop": 3}, "stop"),
    ("cn", {"enable_thinking": True}, "non-streaming"),
    *[(endpoint, {"temperature": 2.1}, "temperature must be between 0 and 2") for endpoint in EVERYWHERE],
    *[(endpoint, {"top_p": -0.1}, "top_p") for endpoint in EVERYWHERE],
    *[(endpoint, {"frequency_penalty": 3}, "frequency_penalty") for endpoint in EVERYWHERE],
    *[(endpoint, {"presence_penalty": -3}, "presence_penalty") for endpoint in EVERYWHERE],
    *[(endpoint, {"stream": "yes"}, "stream") for endpoint in EVERYWHERE],
    *[(endpoint, {"model": "qwen-nope"}, "qwen-nope") for endpoint in EVERYWHERE],
    *[(endpoint, {"messages": []}, "messages must not be empty") for endpoint in EVERYWHERE],
    *[(endpoint, {"tools": []}, "tools must not be empty") for endpoint in EVERYWHERE],
    *[(endpoint, {"top_logprobs": 2}, "logprobs to be true") for endpoint in EVERYWHERE],
    *[(endpoint, {"stream_options": {"include_usage": True}}, "stream is true") for endpoint in EVERYWHERE],
    *[(endpoint, {"tool_choice": "required"}, "together with tools") for endpoint in EVERYWHERE],
    *[(endpoint, {"response_format": {"type": "json_object"}}, "json") for endpoint in EVERYWHERE],
    *[(endpoint, {"response_format": {"type": "json_schema"}}, "json_schema") for endpoint in EVERYWHERE],
    *[(endpoint, {"messages": _called(arguments="{oops")}, "function.arguments") for endpoint in EVERYWHERE],
    *[(endpoint, {"messages": _called(arguments="[1]")}, "function.arguments") for endpoint in EVERYWHERE],
    *[(endpoint, {"messages": _called(answer_to="c2")}, "tool_call_id") for endpoint in EVERYWHERE],
    *[(endpoint, {"messages": [{"role": "system", "content": [IMAGE]}, USER]}, "messages") for endpoint in EVERYWHERE],
    ("cn", {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}, "messages[0].content"),
    ("cn", {"messages": [{"role": "assistant", "content": None, "tool_calls": [CALL]}]}, "messages[0].content"),
    ("text", {"messages": [{"role": "user", "content": [IMAGE]}]}, "messages[0].content"),
    ("flash", {"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
    ("flash", {"messages": [{"role": "developer", "content": "x"}]}, "role"),
    ("flash", {"messages": [USER | {"tool_calls": [CALL]}]}, "messages[0]"),
    (
        "flash",
        {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "g"}}},
        "tool_choice names g",
    ),
    (
        "flash",
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": 3}}}]},
        "tools[0].function.parameters",
    ),
    ("flash", {"enable_thinking": True, "tools": TOOLS, "tool_choice": "required"}, "thinking mode"),
    (
        "flash",
        {"enable_thinking": True, "tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "f"}}},
        "thinking mode",
    ),
    ("cn", {"enable_thinking": True, "stream": True, "tools": TOOLS, "tool_choice": "required"}, "thinking mode"),
    (
        "flash",
        {
            "enable_thinking": True,
            "messages": [{"role": "user", "content": "json"}],
            "response_format": {"type": "json_object"},
        },
        "Json mode",
    ),
]


def _message(endpoint: str, response: httpx.Response) -> str:
    """Check the error body's shape and return its message."""
    error = response.json()["error"]
    if endpoint == "cn":
        assert set(error) == {"code", "message"}
    elif endpoint == "flash":
        assert set(error) == {"code", "message", "type", "param"}
        assert error["param"] == ""
    else:
        assert error["code"] == response.status_code
    assert ("request id: 20" in error["message"]) == (endpoint in {"cn", "flash"})
    return error["message"]


@pytest.mark.parametrize(("endpoint", "fields", "word"), FIELDS)
def test_bad_request_is_refused(api: Api, endpoint: str, fields: dict[str, Any], word: str) -> None:
    response = api.post(endpoint, "hi", **fields)
    assert response.status_code == 400, response.text
    assert word in _message(endpoint, response)


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("cn", {"max_tokens": 8192, "stop": "x", "reasoning_effort": "low", "enable_thinking": False}),
    ("cn", {"stop": ["x", "y"], "seed": 1, "user": "u", "metadata": {"a": "b"}, "logit_bias": {"5": -1}}),
    ("cn", {"enable_thinking": True, "stream": True}),
    ("flash", {"max_completion_tokens": 65536, "stop": ["x"], "enable_thinking": True, "top_p": 0, "temperature": 0}),
    ("flash", {"enable_thinking": True, "tools": TOOLS, "tool_choice": "auto"}),
    ("text", {"top_k": 5, "min_p": 0.1, "top_a": 0.1, "repetition_penalty": 1.1, "verbosity": "low"}),
    ("text", {"structured_outputs": True, "seed": 3, "reasoning": {"effort": "none"}, "logit_bias": {}}),
    ("text", {"tools": TOOLS, "tool_choice": "required"}),
    ("vision", {"messages": [{"role": "user", "content": [{"type": "text", "text": "what?"}, IMAGE]}]}),
    ("text", {"messages": [{"role": "user", "content": [{"type": "text", "text": "what?"}]}]}),
    *[(endpoint, {"messages": _called(), "tools": TOOLS}) for endpoint in EVERYWHERE],
]


@pytest.mark.parametrize(("endpoint", "fields"), ACCEPTED)
def test_good_request_is_answered(api: Api, endpoint: str, fields: dict[str, Any]) -> None:
    response = api.post(endpoint, "hi", **fields)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("endpoint", EVERYWHERE)
@pytest.mark.parametrize("key", ["Bearer wrong", "sk-sandbox", "Basic sk-sandbox", "", None])
def test_wrong_key_is_unauthorised(api: Api, endpoint: str, key: str | None) -> None:
    request = api.client.build_request("POST", api.url(endpoint), json=api.body(endpoint, "hi"))
    del request.headers["authorization"]
    if key is not None:
        request.headers["authorization"] = key
    response = api.client.send(request)
    assert response.status_code == 401
    assert "API_KEY" in _message(endpoint, response)


@pytest.mark.parametrize("endpoint", EVERYWHERE)
@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"3", b'"x"', b"\xff\xfe", b'{"model": NaN}', b"[" * 100_000, b'{"model": "\\ud800"}'],
    ids=["empty", "cut", "list", "number", "string", "not utf-8", "nan", "deep", "half a surrogate"],
)
def test_broken_json_is_a_bad_request(api: Api, endpoint: str, raw: bytes) -> None:
    response = api.client.post(api.url(endpoint), content=raw)
    assert response.status_code == 400
    assert "JSON" in _message(endpoint, response)


def test_numbers_too_long_for_python_are_a_bad_request(api: Api) -> None:
    raw = json.dumps(api.body("cn", "hi"))[:-1] + ', "seed": ' + "9" * 5000 + "}"
    assert api.client.post(api.url("cn"), content=raw).status_code == 400


def test_body_over_64_mib_is_refused(api: Api) -> None:
    response = api.client.post(api.url("cn"), content=b" " * (64 * 1024 * 1024 + 1))
    assert response.status_code == 413
    assert "too large" in _message("cn", response)


def test_models_are_listed_with_the_key_only(api: Api) -> None:
    listed = {
        name: [model["id"] for model in api.client.get(api.sandbox.base_url(name) + "/models").json()["data"]]
        for name in ("anyfast-cn", "anyfast", "wcode")
    }
    assert listed == {
        "anyfast-cn": ["qwen3-32b"],
        "anyfast": ["qwen3.6-flash"],
        "wcode": ["qwen/qwen3-235b-a22b", "qwen/qwen3-vl-32b-instruct"],
    }
    refused = api.client.get(api.sandbox.base_url("wcode") + "/models", headers={"authorization": "Bearer no"})
    assert refused.status_code == 401
