"""What a server receives when thinking needs a stream, or shuts something else out."""

# ruff: noqa: PLR0917 - parameters come from the table above each test
from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from qwen_endpoints import QwenClient, plan_call

from .support import (
    ABSENT,
    HELLO,
    OTHER_SWITCHES,
    SCHEMA,
    TOOL,
    Reply,
    Server,
    at,
    make,
    send,
    sse_reply,
    user,
    whole_body,
)

# Streams


@pytest.mark.parametrize(("usage", "options"), [(True, {"include_usage": True}), (False, ABSENT)])
def test_a_stream_asks_for_usage_unless_told_not_to(
    server: Server, client: QwenClient, usage: bool, options: Any
) -> None:
    server.script(sse_reply(*HELLO))
    list(client.stream(plan_call(make(server, "wcode", stream_usage=usage), [user()])))
    assert server.last.json["stream"] is True
    assert at(server.last.json, "stream_options") == options


@pytest.mark.parametrize(
    ("provider", "model", "thinking", "streams"),
    [
        ("dashscope", "qwen3-32b", None, True),
        ("dashscope", "qwen3-32b", True, True),
        ("dashscope", "qwen3-32b", False, False),
        ("anyfast-cn", "qwen3-32b", None, True),
        ("anyfast-cn", "qwen3-32b", False, False),
        ("dashscope", "qwq-32b", None, True),
        ("dashscope", "qwen-plus", True, False),
        ("vllm", "qwen3-32b", True, False),
        ("wcode", "qwen/qwen3-235b-a22b", True, False),
        ("openrouter", "qwen/qwen3-32b", True, False),
        ("anyfast", "qwen3.6-flash", True, False),
    ],
)
def test_thinking_that_only_streams_is_streamed_and_put_together(
    server: Server, client: QwenClient, provider: str, model: str, thinking: bool | None, streams: bool
) -> None:
    server.script(sse_reply(*HELLO) if streams else Reply((whole_body(),)))
    completion = send(client, make(server, provider, model=model, enable_thinking=thinking))
    assert at(server.last.json, "stream") == (True if streams else ABSENT)
    assert at(server.last.json, "stream_options") == ({"include_usage": True} if streams else ABSENT)
    assert (completion.first.text, completion.first.finish_reason) == ("Hello.", "stop")


# What excludes thinking


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"tools": [TOOL], "tool_choice": "required"}, "forced tool choice"),
        ({"tools": [TOOL], "tool_choice": "any"}, "forced tool choice"),
        ({"tools": [TOOL], "tool_choice": "weather"}, "forced tool choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "weather"}}}, "forced tool choice"),
        ({"response_format": {"type": "json_object"}}, "JSON mode"),
        ({"response_format": SCHEMA}, "JSON schema"),
    ],
    ids=["required", "any", "name", "object", "json_object", "json_schema"],
)
@pytest.mark.parametrize(
    ("provider", "asked"),
    [("dashscope", {}), ("dashscope", {"thinking_budget": 9}), ("anyfast-cn", {}), ("anyfast",
        {"enable_thinking": True}),
     ("dashscope-intl", {"reasoning_effort": "high"})],
)  # fmt: skip
def test_what_excludes_thinking_switches_it_off_for_that_request_only(
    server: Server, client: QwenClient, provider: str, asked: dict[str, Any], wish: dict[str, Any], words: str
) -> None:
    settings = make(server, provider, **asked)
    before = deepcopy(settings.model_dump())
    completion = send(client, settings, **wish)
    body = server.last.json
    assert body["enable_thinking"] is False
    assert not {"thinking_budget", "reasoning_effort", "stream"} & set(body)
    assert len(completion.notes) == 1
    assert words in completion.notes[0]
    assert provider in completion.notes[0]
    assert settings.model_dump() == before
    assert send(client, settings).notes == ()
    assert at(server.last.json, "enable_thinking") == (True if asked else ABSENT)


@pytest.mark.parametrize(
    ("provider", "model", "wish"),
    [
        ("dashscope", "qwen-plus", {"tools": [TOOL], "tool_choice": "required"}),
        ("dashscope", "qwen3-32b", {"tools": [TOOL], "tool_choice": "auto"}),
        ("dashscope", "qwen3-32b", {"tools": [TOOL], "tool_choice": "none"}),
        ("dashscope", "qwen3-32b", {"tools": [TOOL]}),
        ("dashscope", "qwen3-32b", {"response_format": {"type": "text"}}),
        ("wcode", "qwen/qwen3-235b-a22b", {"tools": [TOOL], "tool_choice": "required"}),
        ("vllm", "qwen3-32b", {"response_format": SCHEMA}),
        ("anyfast", "qwen3.6-flash", {"response_format": {"type": "json_object"}}),
    ],
    ids=["not thinking by default", "auto", "none", "tools alone", "text", "wcode", "vllm", "off by default"],
)
def test_otherwise_thinking_is_left_alone(
    server: Server, client: QwenClient, provider: str, model: str, wish: dict[str, Any]
) -> None:
    assert send(client, make(server, provider, model=model), **wish).notes == ()
    assert not {"enable_thinking", *OTHER_SWITCHES} & set(server.last.json)
