"""A stream says the same as the whole reply, in each gateway's manner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Api

ENDPOINTS = ("cn", "flash", "text", "vision")
USAGE = {"stream_options": {"include_usage": True}}
PROMPTS: list[tuple[str, dict[str, Any]]] = [
    ("hello", {}),
    ("天空为什么是蓝色的？😀", {}),
    ("Count from 1 to 40", {"n": 2}),
    ("weather in Paris and London", {"tools": "weather"}),
    ("Count from 1 to 40", {"stop": ["7"]}),
    ("Say one, two, three", {"logprobs": True, "top_logprobs": 2}),
    ("Count from 1 to 40", {"limit": 12}),
    ("weather in Paris and London", {"tools": "weather", "limit": 7}),
    ("tell me a story [[sandbox:content_filter]]", {}),
    ("tell me a story [[sandbox:length]]", {}),
]


def _fields(endpoint: str, fields: dict[str, Any], weather: list[Any]) -> dict[str, Any]:
    ready = dict(fields)
    if ready.pop("tools", None):
        ready["tools"] = weather
    if "limit" in ready:
        ready["max_completion_tokens" if endpoint == "flash" else "max_tokens"] = ready.pop("limit")
    return ready


def _entries(choice: dict[str, Any]) -> list[Any]:
    logprobs: dict[str, Any] | None = choice.get("logprobs")
    return logprobs["content"] if logprobs else []


def _assemble(chunks: list[dict[str, Any]], field: str) -> dict[int, dict[str, Any]]:
    """Put the deltas of each choice together."""
    choices: dict[int, dict[str, Any]] = {}
    for part in [choice for chunk in chunks for choice in chunk["choices"]]:
        whole = choices.setdefault(
            part["index"], {"text": "", "reasoning": "", "calls": {}, "finish": None, "logprobs": []}
        )
        delta = part["delta"]
        whole["text"] += delta.get("content") or ""
        whole["reasoning"] += delta.get(field) or ""
        whole["finish"] = part["finish_reason"] or whole["finish"]
        whole["logprobs"] += _entries(part)
        for piece in delta.get("tool_calls", []):
            call = whole["calls"].setdefault(piece["index"], {"name": "", "arguments": ""})
            call["name"] += piece["function"].get("name", "")
            call["arguments"] += piece["function"]["arguments"]
    return choices


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(("prompt", "fields"), PROMPTS)
def test_stream_equals_whole(api: Api, weather: list[Any], endpoint: str, prompt: str, fields: dict[str, Any]) -> None:
    ready = _fields(endpoint, fields, weather)
    whole = api.reply(endpoint, prompt, **ready)
    chunks = api.chunks(endpoint, prompt, **ready, **USAGE)
    field = "reasoning_content" if endpoint in {"cn", "flash"} else "reasoning"
    streamed = _assemble(chunks, field)
    assert len(streamed) == len(whole["choices"])
    for choice in whole["choices"]:
        message, other = choice["message"], streamed[choice["index"]]
        assert other["text"] == (message["content"] or "")
        assert other["reasoning"] == (message.get(field) or "")
        assert other["finish"] == choice["finish_reason"]
        assert other["logprobs"] == _entries(choice)
        functions = [call["function"] for call in message.get("tool_calls", [])]
        assert list(other["calls"].values()) == functions
    assert chunks[-1]["usage"] == whole["usage"]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_no_usage_unless_asked(api: Api, endpoint: str) -> None:
    assert not any(chunk.get("usage") for chunk in api.chunks(endpoint, "hello"))


@pytest.mark.parametrize(("endpoint", "choices"), [("cn", 0), ("flash", 0), ("text", 1), ("vision", 1)])
def test_where_the_usage_is(api: Api, endpoint: str, choices: int) -> None:
    last, before = api.chunks(endpoint, "hello", **USAGE)[-1:-3:-1]
    assert len(last["choices"]) == choices
    assert last["usage"]["total_tokens"] > 0
    assert before["choices"][0]["finish_reason"] == "stop"
    if choices:
        assert last["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(("endpoint", "opening"), [("cn", ": PING"), ("flash", ": PING"), ("text", ": keep-alive")])
def test_keep_alive_comment_comes_first(api: Api, endpoint: str, opening: str) -> None:
    assert api.post(endpoint, "hi", stream=True).text.startswith(f"{opening}\n\ndata: ")


def test_reasoning_precedes_text(api: Api) -> None:
    for endpoint, field, fields in (
        ("cn", "reasoning_content", {"enable_thinking": True}),
        ("flash", "reasoning_content", {"enable_thinking": True}),
        ("text", "reasoning", {}),
    ):
        deltas = [chunk["choices"][0]["delta"] for chunk in api.chunks(endpoint, "hello", **fields)]
        kinds = ["r" if delta.get(field) else "t" for delta in deltas if delta.get(field) or delta.get("content")]
        assert "r" in kinds
        assert kinds == sorted(kinds)
        assert deltas[0] == {"role": "assistant", "content": ""}


def test_new_api_calls_continue_with_empty_ids(api: Api, weather: list[Any]) -> None:
    chunks = api.chunks("flash", "weather in Paris", tools=weather)
    pieces = [p for chunk in chunks for c in chunk["choices"] for p in c["delta"].get("tool_calls", [])]
    assert pieces[0]["id"].startswith("call_")
    assert pieces[0]["function"] == {"name": "get_weather", "arguments": ""}
    assert len(pieces) > 2
    assert all(piece["id"] == "" and "name" not in piece["function"] for piece in pieces[1:])


def test_openrouter_calls_continue_with_arguments_only(api: Api, weather: list[Any]) -> None:
    chunks = api.chunks("text", "weather in Paris", tools=weather)
    pieces = [p for chunk in chunks for c in chunk["choices"] for p in c["delta"].get("tool_calls", [])]
    assert all(set(piece) == {"index", "function"} for piece in pieces[1:])


def test_choices_interleave_and_differ(api: Api) -> None:
    chunks = api.chunks("flash", "Count from 1 to 40", n=3)
    order = [chunk["choices"][0]["index"] for chunk in chunks]
    assert order[:6] == [0, 1, 2, 0, 1, 2]
    texts = {choice["text"] for choice in _assemble(chunks, "reasoning_content").values()}
    assert len(texts) == 3
