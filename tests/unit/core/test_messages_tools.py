"""What a server receives over Messages: tools and the choice among them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from qwen_endpoints import ConfigurationError, QwenClient, can_force_tools, structured_method

from .messages_support import MESSAGE_ROWS, ask, place_of
from .support import ABSENT, TOOL, Server, at

EMPTY: dict[str, Any] = {"type": "object", "properties": {}}
OTHER: dict[str, Any] = {"type": "function", "function": {"name": "other", "parameters": EMPTY}}
NAMED = {"type": "function", "function": {"name": "weather"}}
ONE = {"disable_parallel_tool_use": True}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "$defs": {"City": {"type": "object", "properties": {"name": {"type": "string"}}}},
    "properties": {"city": {"$ref": "#/$defs/City"}},
}


@pytest.mark.parametrize(
    ("tool", "sent"),
    [
        (TOOL, {"name": "weather", "description": "d", "input_schema": EMPTY}),
        ({"type": "function", "function": {"name": "now"}}, {"name": "now", "input_schema": EMPTY}),
        ({"type": "function", "function": {"name": "now", "parameters": None}}, {"name": "now", "input_schema": EMPTY}),
        ({"type": "function", "function": {"name": "now", "parameters": {}}}, {"name": "now", "input_schema": EMPTY}),
        (
            {"type": "function", "function": {"name": "now", "strict": True, "parameters": EMPTY}},
            {"name": "now", "input_schema": EMPTY},
        ),
        (
            {"type": "function", "function": {"name": "now", "parameters": SCHEMA}},
            {
                "name": "now",
                "input_schema": {"type": "object", "properties": {"city": SCHEMA["$defs"]["City"]}},
            },
        ),
        (
            {**OTHER, "cache_control": {"type": "ephemeral"}},
            {"name": "other", "input_schema": EMPTY, "cache_control": {"type": "ephemeral"}},
        ),
        ({"type": "web_search_20250305", "name": "web_search"}, {"type": "web_search_20250305", "name": "web_search"}),
        ({"name": "own", "input_schema": EMPTY}, {"name": "own", "input_schema": EMPTY}),
    ],
    ids=[
        "function", "no parameters", "null parameters", "empty parameters", "strict", "refs", "marked", "built-in",
        "the protocol's own shape",
    ],
)  # fmt: skip
@pytest.mark.parametrize("provider", MESSAGE_ROWS)
def test_a_tool_in_the_protocols_shape(
    server: Server, client: QwenClient, provider: str, tool: dict[str, Any], sent: dict[str, Any]
) -> None:
    before = deepcopy(tool)
    body, _ = ask(server, client, provider, tools=[tool, OTHER])
    assert body["tools"] == [sent, {"name": "other", "input_schema": EMPTY}]
    assert "tool_choice" not in body
    assert tool == before


def test_empty_tools_are_not_sent(server: Server, client: QwenClient) -> None:
    for choice in (None, "auto", "none"):
        body, _ = ask(server, client, settings={"parallel_tool_calls": False}, tools=[], tool_choice=choice)
        assert not {"tools", "tool_choice"} & set(body)


CHOICES: list[tuple[Any, Any]] = [
    (None, None),
    ("auto", {"type": "auto"}),
    ("none", {"type": "none"}),
    ("required", {"type": "any"}),
    ("any", {"type": "any"}),
    ("weather", {"type": "tool", "name": "weather"}),
    (NAMED, {"type": "tool", "name": "weather"}),
    ({"type": "tool", "name": "weather"}, {"type": "tool", "name": "weather"}),
    ({"type": "any", **ONE}, {"type": "any", **ONE}),
    ({"type": "auto"}, {"type": "auto"}),
]


@pytest.mark.parametrize(("given", "sent"), CHOICES, ids=str)
@pytest.mark.parametrize("provider", ["wcode-anthropic", "vllm-anthropic"])
def test_a_tool_choice_in_every_form(
    server: Server, client: QwenClient, provider: str, given: Any, sent: dict[str, Any] | None
) -> None:
    before = deepcopy(given)
    call = {"tools": [TOOL, OTHER], "tool_choice": given}
    assert at(ask(server, client, provider, **call)[0], "tool_choice") == (ABSENT if sent is None else sent)
    several, _ = ask(server, client, provider, {"parallel_tool_calls": True}, **call)
    assert at(several, "tool_choice") == (ABSENT if sent is None else sent)
    one, _ = ask(server, client, provider, {"parallel_tool_calls": False}, **call)
    expected = {"type": "none"} if given == "none" else {**(sent or {"type": "auto"}), **ONE}
    assert one["tool_choice"] == expected
    assert "parallel_tool_calls" not in one
    assert given == before


@pytest.mark.parametrize("choice", ["weather", NAMED])
@pytest.mark.parametrize("parallel", [None, False])
def test_where_a_name_is_not_heeded_that_tool_alone_is_sent(
    server: Server, client: QwenClient, choice: Any, parallel: bool | None
) -> None:
    body, _ = ask(
        server,
        client,
        "llamacpp-anthropic",
        {"parallel_tool_calls": parallel},
        tools=[TOOL, OTHER],
        tool_choice=choice,
    )
    assert [tool["name"] for tool in body["tools"]] == ["weather"]
    assert body["tool_choice"] == {"type": "any", **(ONE if parallel is False else {})}


@pytest.mark.parametrize(
    ("tools", "choice", "words"),
    [
        ([TOOL], "nothing", "the tools are weather"),
        ([TOOL], {"type": "function", "function": {"name": "nothing"}}, "the tools are weather"),
        ([], "required", "no tools were given"),
        ([], "weather", "no tools were given"),
    ],
)
def test_a_choice_that_cannot_be_met_is_refused(
    server: Server, client: QwenClient, tools: list[Any], choice: Any, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        ask(server, client, tools=tools, tool_choice=choice)
    assert server.received == []


@pytest.mark.parametrize("provider", MESSAGE_ROWS)
@pytest.mark.parametrize("model", ["qwen3-32b", "qwen/qwen3-235b-a22b"])
def test_objects_come_by_a_tool_that_can_be_forced(provider: str, model: str) -> None:
    place = place_of(provider, model)
    assert structured_method(place) == "function_calling"
    assert can_force_tools(place)
