"""Tool choices at servers that heed few of them, and JSON beside tools: what is sent, and what the notes say."""

from __future__ import annotations

from typing import Any

import pytest
from qwen_endpoints import Completion, QwenClient, can_force_tools, structured_method

from .support import SCHEMA, TOOL, Server, endpoint, json_reply, make, send

OTHER: dict[str, Any] = {"type": "function", "function": {"name": "other", "parameters": {"type": "object"}}}
NAME: str = TOOL["function"]["name"]
NAMED = {"type": "function", "function": {"name": NAME}}


def ask(server: Server, provider: str, **call: Any) -> tuple[dict[str, Any], Completion]:
    client = QwenClient()
    server.script(json_reply({"role": "assistant", "content": "ok"}))
    completion = send(client, make(server, provider), **{"tools": [TOOL, OTHER], **call})
    client.close()
    return server.last.json, completion


def names(body: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in body.get("tools", ())]


@pytest.mark.parametrize("choice", [NAME, NAMED], ids=["name", "object"])
@pytest.mark.parametrize(
    ("provider", "sent", "tools"),
    [
        ("vllm", NAMED, [NAME, "other"]),
        ("sglang", NAMED, [NAME, "other"]),
        ("generic", NAMED, [NAME, "other"]),
        ("llamacpp", "required", [NAME]),
        ("ollama", None, [NAME]),
    ],
)
def test_a_named_tool(server: Server, provider: str, choice: Any, sent: Any, tools: list[str]) -> None:
    body, completion = ask(server, provider, tool_choice=choice)
    assert body.get("tool_choice") == sent
    assert names(body) == tools
    assert any("does not enforce" in note for note in completion.notes) == (sent is None)


@pytest.mark.parametrize("provider", ["llamacpp", "ollama"])
@pytest.mark.parametrize("choice", ["auto", "none", "required", "any"])
def test_the_words(server: Server, provider: str, choice: str) -> None:
    body, completion = ask(server, provider, tool_choice=choice)
    ignored = provider == "ollama"
    expected = None if ignored else "required" if choice == "any" else choice
    assert body.get("tool_choice") == expected
    assert bool(names(body)) == (not (ignored and choice == "none"))  # tools that are not sent cannot be called
    assert any("does not enforce" in note for note in completion.notes) == (ignored and choice in ("required", "any"))


@pytest.mark.parametrize("format_", [SCHEMA, {"type": "json_object"}], ids=["schema", "object"])
@pytest.mark.parametrize(
    ("provider", "noted"),
    [("vllm", True), ("sglang", True), ("llamacpp", True), ("ollama", True), ("generic", False), ("dashscope", False)],
)
def test_json_beside_tools_is_noted_where_it_silences_them(
    server: Server, provider: str, format_: Any, noted: bool
) -> None:
    body, completion = ask(server, provider, response_format=format_)
    assert names(body) == [NAME, "other"]
    assert any("no tool will be called" in note for note in completion.notes) == noted
    _, alone = ask(server, provider, response_format=format_, tools=[])
    assert not any("no tool will be called" in note for note in alone.notes)


@pytest.mark.parametrize("provider", ["vllm", "sglang", "llamacpp", "ollama"])
@pytest.mark.parametrize("model", ["Qwen/Qwen3-235B-A22B", "Qwen/Qwen3-8B"])
def test_a_server_of_ones_own_takes_a_schema_with_any_model(server: Server, provider: str, model: str) -> None:
    place = endpoint(provider, model)
    assert structured_method(place) == "json_schema"
    assert can_force_tools(place) == (provider != "ollama")
    body, _ = ask(server, provider, response_format=SCHEMA, tools=[], overrides={"model": model})
    assert body["response_format"] == SCHEMA


def test_nothing_is_assumed_of_an_unknown_server() -> None:
    place = endpoint("generic", "Qwen/Qwen3-235B-A22B", base_url="http://gpu1.local/v1")
    assert place.profile.json_schema is None
    assert structured_method(place) == "function_calling"
