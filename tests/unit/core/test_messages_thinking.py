"""What a server receives over Messages about thinking, and what stands in its way."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from qwen_endpoints import ConfigurationError, QwenClient

from .messages_support import UNSIGNED_ROWS, answer, ask, call_of, result
from .support import ABSENT, TOOL, Server, at, make, send, user

OFF = {"type": "disabled"}


def on(budget: int) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": budget}


# The switch and its degree


@pytest.mark.parametrize(
    ("settings", "thinking", "most"),
    [
        ({}, ABSENT, 16384),
        ({"enable_thinking": False}, OFF, 16384),
        ({"reasoning_effort": "none"}, OFF, 16384),
        ({"enable_thinking": True}, on(8192), 16384),
        ({"enable_thinking": True, "max_tokens": 4000}, on(2000), 4000),
        ({"enable_thinking": True, "reasoning_effort": "low", "max_tokens": 10_000}, on(2000), 10_000),
        ({"reasoning_effort": "minimal", "max_tokens": 20_000}, on(2000), 20_000),
        ({"reasoning_effort": "low", "max_tokens": 20_000}, on(4000), 20_000),
        ({"reasoning_effort": "medium", "max_tokens": 20_000}, on(10_000), 20_000),
        ({"reasoning_effort": "high", "max_tokens": 20_000}, on(16_000), 20_000),
        ({"reasoning_effort": "xhigh", "max_tokens": 20_000}, on(19_000), 20_000),
        ({"reasoning_effort": "minimal", "max_tokens": 2000}, on(1024), 2000),
        ({"thinking_budget": 2000}, on(2000), 16384),
        ({"thinking_budget": 2000, "enable_thinking": True, "max_tokens": 2001}, on(2000), 2001),
        ({"thinking_budget": 16_383}, on(16_383), 16384),
        ({"thinking_budget": 16_384}, on(16_384), 16_384 + 8192),
        ({"thinking_budget": 30_000}, on(30_000), 30_000 + 8192),
    ],
    ids=repr,
)
def test_thinking_is_said_as_a_budget_below_max_tokens(
    server: Server, client: QwenClient, settings: dict[str, Any], thinking: Any, most: int
) -> None:
    body, completion = ask(server, client, settings=settings)
    assert (at(body, "thinking"), body["max_tokens"]) == (thinking, most)
    assert not {"reasoning_effort", "thinking_budget", "enable_thinking", "reasoning"} & set(body)
    assert completion.notes == ()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"thinking_budget": 2000, "max_tokens": 2000}, "max_tokens=2000 leaves no room .* beside 2000 tokens"),
        ({"thinking_budget": 2000, "max_tokens": 9}, "raise it, or lower thinking_budget"),
        ({"reasoning_effort": "low", "max_tokens": 1024}, "max_tokens=1024 leaves no room .* beside 1024 tokens"),
        ({"enable_thinking": True, "max_tokens": 5}, "max_tokens=5 leaves no room"),
    ],
    ids=repr,
)
def test_a_limit_of_the_callers_is_not_raised(
    server: Server, client: QwenClient, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        ask(server, client, settings=settings)
    assert server.received == []


@pytest.mark.parametrize("provider", UNSIGNED_ROWS)
@pytest.mark.parametrize("thinking", [True, False])
def test_servers_of_ones_own_get_the_templates_switch_too(
    server: Server, client: QwenClient, provider: str, *, thinking: bool
) -> None:
    body, _ = ask(server, client, provider, {"enable_thinking": thinking, "max_tokens": 100})
    assert body["thinking"] == (on(50) if thinking else OFF)
    assert body["chat_template_kwargs"] == {"enable_thinking": thinking}


def test_without_a_documented_minimum_any_budget_goes(server: Server, client: QwenClient) -> None:
    for settings, budget in (
        ({"thinking_budget": 5}, 5),
        ({"reasoning_effort": "minimal", "max_tokens": 100}, 10),
        ({"reasoning_effort": "minimal", "max_tokens": 2}, 1),
    ):
        assert ask(server, client, "vllm-anthropic", settings)[0]["thinking"] == on(budget)


def test_a_model_that_does_not_reason_is_told_nothing(server: Server, client: QwenClient) -> None:
    body, _ = ask(server, client, settings={"model": "qwen3-235b-a22b-instruct-2507", "enable_thinking": False})
    assert "thinking" not in body
    with pytest.raises(ConfigurationError, match="does not reason"):
        ask(server, client, settings={"model": "qwen3-235b-a22b-instruct-2507", "enable_thinking": True})


# What cannot stand beside it


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"temperature": 0.5}, "temperature=0.5 cannot stand beside thinking .* takes 1 only then"),
        ({"temperature": 0}, "temperature=0.0 cannot stand beside thinking"),
        ({"top_p": 0.94}, "top_p=0.94 cannot stand beside thinking .* at least 0.95"),
        ({"top_k": 20}, "top_k=20 cannot stand beside thinking .* takes none then"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("asked", [{"enable_thinking": True}, {"thinking_budget": 2000}, {"reasoning_effort": "low"}])
def test_sampling_that_excludes_thinking_is_refused(
    server: Server, client: QwenClient, settings: dict[str, Any], asked: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        ask(server, client, settings={**settings, **asked})
    assert "wcode-anthropic" in str(caught.value)
    assert server.received == []
    for other in ({}, {"enable_thinking": False}):
        body, _ = ask(server, client, settings={**settings, **other})
        assert set(settings) <= set(body)


def test_sampling_that_stands_beside_thinking_is_sent(server: Server, client: QwenClient) -> None:
    body, _ = ask(server, client, settings={"enable_thinking": True, "temperature": 1, "top_p": 0.95})
    assert (body["temperature"], body["top_p"], body["thinking"]["type"]) == (1, 0.95, "enabled")
    body, _ = ask(server, client, "vllm-anthropic", {"enable_thinking": True, "temperature": 0.6, "top_k": 20})
    assert (body["temperature"], body["top_k"]) == (0.6, 20)


FORCED = (
    "required", "any", "weather", {"type": "function", "function": {"name": "weather"}}, {"type": "any"},
    {"type": "tool", "name": "weather"},
)  # fmt: skip
FREE = (None, "auto", "none", {"type": "auto"}, {"type": "none"})


@pytest.mark.parametrize("asked", [{}, {"enable_thinking": True}, {"thinking_budget": 2000}], ids=repr)
@pytest.mark.parametrize("choice", FORCED, ids=str)
def test_a_forced_choice_switches_thinking_off_for_that_request_only(
    server: Server, client: QwenClient, asked: dict[str, Any], choice: Any
) -> None:
    settings = make(server, "wcode-anthropic", **asked)
    before = deepcopy(settings.model_dump())
    body, completion = ask(server, client, settings=asked, tools=[TOOL], tool_choice=choice)
    assert body["thinking"] == OFF
    assert completion.notes == (
        "thinking was switched off for this request: wcode-anthropic does not combine it with a forced tool choice",
    )
    completion = send(client, settings, tools=[TOOL])
    assert at(server.last.json, "thinking") != OFF
    assert (completion.notes, settings.model_dump()) == ((), before)


@pytest.mark.parametrize("choice", FREE, ids=str)
def test_a_free_choice_leaves_thinking_alone(server: Server, client: QwenClient, choice: Any) -> None:
    body, completion = ask(server, client, settings={"enable_thinking": True}, tools=[TOOL], tool_choice=choice)
    assert (body["thinking"]["type"], completion.notes) == ("enabled", ())


@pytest.mark.parametrize("choice", FORCED, ids=str)
def test_where_thinking_is_off_a_forced_choice_needs_no_note(server: Server, client: QwenClient, choice: Any) -> None:
    body, completion = ask(server, client, settings={"enable_thinking": False}, tools=[TOOL], tool_choice=choice)
    assert (body["thinking"], completion.notes) == (OFF, ())


@pytest.mark.parametrize("provider", UNSIGNED_ROWS)
def test_servers_of_ones_own_take_both(server: Server, client: QwenClient, provider: str) -> None:
    body, completion = ask(server, client, provider, {"enable_thinking": True}, tools=[TOOL], tool_choice="required")
    assert (body["thinking"]["type"], body["tool_choice"]["type"], completion.notes) == ("enabled", "any", ())
    calls = [user(), answer("", call_of()), result()]
    body, completion = ask(server, client, provider, {"enable_thinking": True}, tools=[TOOL], messages=calls)
    assert (body["thinking"]["type"], completion.notes) == ("enabled", ())


@pytest.mark.parametrize("provider", ["wcode-anthropic", *UNSIGNED_ROWS])
def test_an_answer_begun_for_the_model_is_gone_on_with_unthought(
    server: Server, client: QwenClient, provider: str
) -> None:
    begun = [user(), answer("The capital is")]
    body, completion = ask(server, client, provider, {"enable_thinking": True}, messages=begun)
    off = provider == "wcode-anthropic"
    assert (body["thinking"] == OFF, len(completion.notes)) == (off, off)
    assert all("an answer that is begun for the model" in note for note in completion.notes)


def test_a_model_that_always_reasons_takes_no_forced_choice(server: Server, client: QwenClient) -> None:
    settings = {"model": "qwen3-235b-a22b-thinking-2507"}
    with pytest.raises(ConfigurationError, match=r"a forced tool choice .* always reasons. Use tool_choice='auto'"):
        ask(server, client, settings=settings, tools=[TOOL], tool_choice="required")
    assert ask(server, client, settings=settings, tools=[TOOL])[1].notes == ()


def test_sampling_is_free_where_a_clash_has_switched_thinking_off(server: Server, client: QwenClient) -> None:
    asked = {"enable_thinking": True, "temperature": 0.2}
    body, _ = ask(server, client, settings=asked, tools=[TOOL], tool_choice="required")
    assert (body["temperature"], body["thinking"]) == (0.2, OFF)
