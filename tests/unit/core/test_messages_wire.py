"""What a server receives over Messages: parameters and address. The rest is in the files beside this one."""

# ruff: noqa: PLR0917 - parameters come from the table above each test
from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from qwen_endpoints import PROVIDERS, ConfigurationError, ModelOffer, Provider, QwenClient, QwenSettings, plan_call

from .messages_support import MESSAGE_ROWS, ask, message, stream_reply, whole_reply
from .support import ABSENT, KEY, SCHEMA, TOOL, Server, at, make, send, user

WCODE = PROVIDERS["wcode-anthropic"]
SAID = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]


@pytest.mark.parametrize("provider", MESSAGE_ROWS)
def test_unset_means_not_sent(server: Server, client: QwenClient, provider: str) -> None:
    body, completion = ask(server, client, provider, {"model": "qwen-plus"})
    assert body == {"model": "qwen-plus", "max_tokens": body["max_tokens"], "messages": SAID}
    assert server.last.path == "/v1/messages"
    assert (completion.first.text, completion.notes) == ("Hello.", ())


def test_a_stream_asks_for_one_and_for_nothing_else(server: Server, client: QwenClient) -> None:
    server.script(stream_reply())
    list(client.stream(plan_call(make(server, "wcode-anthropic", stream_usage=False), [user()])))
    streamed = server.last.json
    assert streamed.pop("stream") is True
    assert streamed == ask(server, client)[0]


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"temperature": 0}, {"temperature": 0}),
        ({"top_p": 0}, {"top_p": 0}),
        ({"top_k": 0}, {"top_k": 0}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["a", "b"]}, {"stop_sequences": ["a", "b"]}),
        ({"stop": []}, {"stop_sequences": ABSENT}),
        ({"stop": ["", "a"]}, {"stop_sequences": ["a"]}),
        ({"stop": ""}, {"stop_sequences": ABSENT}),
        ({"max_tokens": 9}, {"max_tokens": 9}),
        ({"max_completion_tokens": 9}, {"max_tokens": 9, "max_completion_tokens": ABSENT}),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls": ABSENT, "tool_choice": ABSENT}),
        ({"extra_body": {"metadata": {"user_id": "u"}}}, {"metadata": {"user_id": "u"}}),
    ],
    ids=repr,
)
def test_the_body_says_what_was_asked(
    server: Server, client: QwenClient, settings: dict[str, Any], sent: dict[str, Any]
) -> None:
    body, _ = ask(server, client, settings=settings)
    assert {path: at(body, path) for path in sent} == sent
    assert "stop" not in body


@pytest.mark.parametrize(
    ("name", "instance", "call", "sent"),
    [
        ("temperature", 0.1, 0.2, {"temperature": 0.2}),
        ("top_p", 0.1, 0.2, {"top_p": 0.2}),
        ("top_k", 1, 2, {"top_k": 2}),
        ("max_tokens", 1, 2, {"max_tokens": 2}),
        ("stop", ["a"], ["b"], {"stop_sequences": ["b"]}),
        ("parallel_tool_calls", True, False, {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}),
        ("enable_thinking", True, False, {"thinking": {"type": "disabled"}}),
        ("thinking_budget", 2000, 3000, {"thinking": {"type": "enabled", "budget_tokens": 3000}}),
        ("extra_body", {"a": 1}, {"a": 2}, {"a": 2}),
    ],
)
def test_a_call_overrides_and_leaves_the_settings(
    server: Server, client: QwenClient, name: str, instance: Any, call: Any, sent: dict[str, Any]
) -> None:
    settings = make(server, "wcode-anthropic", **{name: instance})
    before = deepcopy(settings.model_dump())
    server.script(whole_reply())
    send(client, settings, tools=[TOOL], overrides={name: call})
    assert {path: at(server.last.json, path) for path in sent} == sent
    assert settings.model_dump() == before
    send(client, settings, tools=[TOOL])
    assert {path: at(server.last.json, path) for path in sent} != sent


# How long an answer may be

OWN = replace(WCODE, models={"m": ModelOffer(profile={"max_output_tokens": 777})})
UNKNOWN = replace(WCODE, models={"m": ModelOffer(profile={"max_output_tokens": None})})


@pytest.mark.parametrize(
    ("row", "settings", "sent"),
    [
        (OWN, {}, 777),
        (OWN, {"max_tokens": 5}, 5),
        (OWN, {"max_tokens": 9999}, 9999),
        (UNKNOWN, {}, 8192),
        (UNKNOWN, {"max_tokens": 5}, 5),
        (UNKNOWN, {"extra_body": {"max_tokens": 6}}, 6),
        (replace(UNKNOWN, parameters={}), {"max_tokens": 0}, 0),
    ],
)
def test_max_tokens_is_the_callers_else_the_models_else_8192(
    server: Server, client: QwenClient, row: Provider, settings: dict[str, Any], sent: int
) -> None:
    server.script(whole_reply())
    send(client, QwenSettings(model="m", provider=row, api_key=KEY, base_url=server.url, **settings))
    assert server.last.json["max_tokens"] == sent


# The escape hatch


def test_extra_body_merges_deeply_and_comes_last(server: Server, client: QwenClient) -> None:
    given = {
        "temperature": 0.5,
        "enable_thinking": False,
        "extra_body": {"temperature": 0.7, "thinking": {"x": 1}, "metadata": {"a": {"y": 1}}, "seed": 4},
    }
    overrides = {"extra_body": {"metadata": {"a": {"z": 2}}}, "top_z": {"a": 1}}
    before = deepcopy((given, overrides))
    body, _ = ask(server, client, settings=given, overrides=overrides)
    assert body["temperature"] == 0.7
    assert body["thinking"] == {"type": "disabled", "x": 1}
    assert body["metadata"] == {"a": {"y": 1, "z": 2}}
    assert (body["seed"], body["top_z"]) == (4, {"a": 1})
    assert (given, overrides) == before


def test_a_call_takes_the_place_of_what_extra_body_says(server: Server, client: QwenClient) -> None:
    settings = {"extra_body": {"thinking": {"type": "enabled", "budget_tokens": 2000}, "temperature": 0.1}}
    body, _ = ask(server, client, settings=settings, overrides={"enable_thinking": False, "temperature": 0.2})
    assert (body["thinking"], body["temperature"]) == ({"type": "disabled"}, 0.2)


# What the protocol cannot say

UNSAYABLE: dict[str, Any] = {
    "seed": 1, "frequency_penalty": 0.1, "presence_penalty": 0.1, "repetition_penalty": 1.1, "logit_bias": {"1": 1.0},
    "logprobs": True, "min_p": 0.1, "top_a": 0.1, "verbosity": "low", "preserve_thinking": True,
}  # fmt: skip


@pytest.mark.parametrize("provider", MESSAGE_ROWS)
@pytest.mark.parametrize("name", UNSAYABLE)
def test_what_the_protocol_cannot_say_is_refused_and_named(
    server: Server, client: QwenClient, provider: str, name: str
) -> None:
    given = {name: UNSAYABLE[name]}
    for settings, call in ((given, {}), ({}, {"overrides": given})):
        with pytest.raises(ConfigurationError) as caught:
            ask(server, client, provider, settings, **call)
        assert all(word in str(caught.value) for word in (name, provider, repr(UNSAYABLE[name])))
    assert server.received == []


@pytest.mark.parametrize("provider", MESSAGE_ROWS)
def test_so_are_words_that_are_no_settings(server: Server, client: QwenClient, provider: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"n=2 would not reach .* at {provider}: .*no such parameter"):
        ask(server, client, provider, overrides={"n": 2})
    assert server.received == []
    assert ask(server, client, provider, overrides={"extra_body": {"n": 2}})[0]["n"] == 2


def test_top_logprobs_are_refused_with_the_rest(server: Server, client: QwenClient) -> None:
    with pytest.raises(ConfigurationError, match="logprobs"):
        ask(server, client, settings={"logprobs": True, "top_logprobs": 2})


@pytest.mark.parametrize("provider", MESSAGE_ROWS)
@pytest.mark.parametrize("format_", [SCHEMA, {"type": "json_object"}], ids=["schema", "object"])
def test_a_response_format_is_refused_with_the_way_round_it(
    server: Server, client: QwenClient, provider: str, format_: Any
) -> None:
    with pytest.raises(ConfigurationError, match=rf"{provider} .*no response_format: use function calling"):
        ask(server, client, provider, response_format=format_)
    assert server.received == []
    assert "response_format" not in ask(server, client, provider, response_format={"type": "text"})[0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"temperature": 1.5}, "temperature=1.5 is out of range"),
        ({"top_p": 1.5}, "top_p=1.5 is out of range"),
        ({"top_k": -1}, "top_k=-1 is out of range"),
        ({"max_tokens": 0}, "max_tokens=0 is out of range"),
        ({"thinking_budget": 1023}, "thinking_budget=1023 is out of range.*at least 1024"),
        ({"thinking_budget": 2000, "reasoning_effort": "low"}, "either thinking_budget or reasoning_effort"),
        ({"thinking_budget": 2000, "enable_thinking": False}, "contradict each other"),
    ],
    ids=repr,
)
def test_values_out_of_range_are_refused_before_anything_is_sent(
    server: Server, client: QwenClient, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        ask(server, client, settings=settings)
    assert "wcode-anthropic" in str(caught.value)
    assert server.received == []


def test_the_reply_says_what_it_cost(server: Server, client: QwenClient) -> None:
    _, completion = ask(server, client)
    assert completion.cost is not None
    assert (completion.cost.currency, completion.cost.amount) == ("CNY", pytest.approx((3 * 2.5 + 4 * 6.75) / 1e6))
    assert completion.usage is not None
    assert completion.usage.raw == message()["usage"]
    assert KEY not in repr(completion)
