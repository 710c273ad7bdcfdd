"""What a server receives: parameters and thinking, by provider. Messages and tools are in `test_wire_messages.py`."""

# ruff: noqa: PLR0917 - parameters come from the table above each test
from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from qwen_endpoints import QwenClient

from .support import ABSENT, CHAT_ROWS, KEY, OTHER_SWITCHES, SCHEMA, TOOL, Server, at, make, send


@dataclass(frozen=True)
class WireCase:
    """One call, and what of it must and must not be in the body."""

    id: str
    provider: str
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    call: dict[str, Any] = field(default_factory=dict[str, Any])
    """Keyword arguments of `plan_call`."""
    present: dict[str, Any] = field(default_factory=dict[str, Any])
    """Dotted paths in the body, each with its value."""
    absent: tuple[str, ...] = ()


def check(server: Server, case: WireCase) -> None:
    body = server.last.json
    assert {path: at(body, path) for path in case.present} == case.present
    assert [path for path in case.absent if at(body, path) is not ABSENT] == []


TEMPLATE_ROWS = ("vllm", "sglang", "llamacpp")
TOP_LEVEL_ROWS = ("anyfast-cn", "anyfast", "dashscope", "dashscope-intl")


def switch(*, on: bool) -> list[WireCase]:
    """The bare switch, in every row's spelling."""
    asked = {"enable_thinking": on}
    word = "on" if on else "off"
    top = [
        WireCase(f"{row} thinking {word}", row, asked, present={"enable_thinking": on}, absent=OTHER_SWITCHES)
        for row in TOP_LEVEL_ROWS
    ]
    template = [
        WireCase(
            f"{row} thinking {word}", row, asked,
            present={"chat_template_kwargs": {"enable_thinking": on}}, absent=("enable_thinking", "reasoning"),
        )
        for row in TEMPLATE_ROWS
    ]  # fmt: skip
    effort = "medium" if on else "none"
    enabled = {"enabled": True} if on else {"effort": "none"}
    rest = {
        "wcode": {"reasoning": {"effort": effort}},
        "openrouter": {"reasoning": enabled},
        "ollama": {"reasoning_effort": effort},
        "generic": {"enable_thinking": on, "chat_template_kwargs": {"enable_thinking": on}},
    }
    own = [WireCase(f"{row} thinking {word}", row, asked, present=present) for row, present in rest.items()]
    return [*top, *template, *own]


def effort_cases() -> list[WireCase]:
    """An effort word, in every row's spelling, and whether the switch stands beside it."""
    asked = {"reasoning_effort": "high"}
    said: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        **{row: ({"reasoning_effort": "high", "enable_thinking": True}, ("reasoning",)) for row in TOP_LEVEL_ROWS},
        **{
            row: ({"reasoning_effort": "high", "chat_template_kwargs": {"enable_thinking": True}}, ("enable_thinking",))
            for row in TEMPLATE_ROWS
        },
        "wcode": ({"reasoning": {"effort": "high"}}, ("reasoning_effort", "enable_thinking")),
        "openrouter": ({"reasoning": {"effort": "high"}}, ("reasoning_effort", "enable_thinking")),
        "ollama": ({"reasoning_effort": "high"}, ("reasoning", "enable_thinking")),
        "generic": ({"reasoning_effort": "high", "enable_thinking": True}, ("reasoning",)),
    }
    high = [WireCase(f"{row} effort high", row, asked, present=p, absent=a) for row, (p, a) in said.items()]
    none = {"wcode": {"reasoning": {"effort": "none"}}, "ollama": {"reasoning_effort": "none"},
            "dashscope": {"enable_thinking": False}}  # fmt: skip
    return high + [
        WireCase(f"{row} effort none is off", row, {"reasoning_effort": "none"}, present=p) for row, p in none.items()
    ]


THINKING_CASES = [
    *switch(on=True),
    *switch(on=False),
    *effort_cases(),
    *(WireCase(f"{row} thinking unset", row, absent=("enable_thinking", *OTHER_SWITCHES)) for row in CHAT_ROWS),
    *(
        WireCase(f"{row} budget", row, {"thinking_budget": 100}, present={"thinking_budget": 100,
            "enable_thinking": True})
        for row in ("dashscope", "dashscope-intl", "generic")
    ),
    WireCase("openrouter budget", "openrouter", {"thinking_budget": 100}, present={"reasoning": {"max_tokens": 100}}),
    WireCase("vllm budget", "vllm", {"thinking_budget": 100}, present={"thinking_token_budget": 100}),
    WireCase(
        "sglang budget", "sglang", {"thinking_budget": 100},
        present={"chat_template_kwargs": {"thinking_budget": 100, "enable_thinking": True}},
    ),
    *(
        WireCase(
            f"{row} preserve thinking", row, {"preserve_thinking": True},
            present={"chat_template_kwargs": {"preserve_thinking": True}}, absent=("preserve_thinking",),
        )
        for row in TEMPLATE_ROWS
    ),
    WireCase(
        "dashscope preserve thinking", "dashscope", {"preserve_thinking": True},
        present={"preserve_thinking": True}, absent=("chat_template_kwargs",),
    ),
    WireCase("dashscope preserve thinking off", "dashscope", {"preserve_thinking": False},
             present={"preserve_thinking": False}),
]  # fmt: skip

PARAMETERS: dict[str, Any] = {
    "temperature": 0, "top_p": 0, "top_k": 0, "seed": 0, "presence_penalty": 0, "frequency_penalty": 0, "min_p": 0,
    "top_a": 0, "repetition_penalty": 1, "logit_bias": {"5": -1.0}, "logprobs": False, "verbosity": "low",
}  # fmt: skip

PARAMETER_CASES = [
    *(WireCase(f"{row} max_tokens", row, {"max_tokens": 9}, present={"max_tokens": 9},
        absent=("max_completion_tokens",))
      for row in CHAT_ROWS if row != "anyfast"),
    WireCase("anyfast max_tokens", "anyfast", {"max_tokens": 9}, present={"max_completion_tokens": 9},
             absent=("max_tokens",)),
    *(WireCase(f"{row} stop is a list", row, {"stop": "END"}, present={"stop": ["END"]}) for row in CHAT_ROWS),
    WireCase("stop of several", "wcode", {"stop": ["a", "b"]}, present={"stop": ["a", "b"]}),
    WireCase("an empty stop is unset", "anyfast", {"stop": []}, absent=("stop",)),
    WireCase("values that look like nothing are sent", "wcode", PARAMETERS, present=PARAMETERS),
    WireCase("logprobs", "wcode", {"logprobs": True, "top_logprobs": 3}, present={"logprobs": True, "top_logprobs": 3}),
    WireCase("empty tools are not sent", "wcode", call={"tools": []}, absent=("tools", "tool_choice")),
    WireCase("parallel_tool_calls needs tools", "wcode", {"parallel_tool_calls": False},
        absent=("parallel_tool_calls",)),
    WireCase("parallel_tool_calls with tools", "wcode", {"parallel_tool_calls": False}, {"tools": [TOOL]},
             {"parallel_tool_calls": False}),
    WireCase("whole calls have no stream options", "dashscope", {"model": "qwen-plus"},
             absent=("stream", "stream_options")),
    WireCase("a profile is no parameter", "wcode", absent=("max_tokens", "temperature", "thinking_budget")),
    *(
        WireCase(f"tool_choice {given} is {sent}", "wcode", call={"tools": [TOOL], "tool_choice": given},
                 present={"tool_choice": sent})
        for given, sent in (
            ("auto", "auto"), ("none", "none"), ("required", "required"), ("any", "required"),
        )
    ),
    *(
        WireCase(f"tool_choice by {kind}", "wcode", call={"tools": [TOOL], "tool_choice": given},
                 present={"tool_choice": {"type": "function", "function": {"name": "weather"}}})
        for kind, given in (("name", "weather"), ("object", {"type": "function", "function": {"name": "weather"}}))
    ),
    WireCase("tool_choice unset", "wcode", call={"tools": [TOOL]}, absent=("tool_choice",)),
    WireCase("tool_choice auto without tools is nothing", "wcode", call={"tool_choice": "auto"},
        absent=("tool_choice",)),
    WireCase("response_format", "vllm", call={"response_format": SCHEMA}, present={"response_format": SCHEMA}),
    WireCase(
        "extra_body merges deeply and comes last", "vllm",
        {"temperature": 0.5, "enable_thinking": False,
         "extra_body": {"temperature": 1, "chat_template_kwargs": {"x": {"y": 1}}, "n": [1]}},
        {"overrides": {"extra_body": {"chat_template_kwargs": {"x": {"z": 2}}, "n": [2]}, "user": "me"}},
        {"temperature": 1, "chat_template_kwargs": {"enable_thinking": False, "x": {"y": 1, "z": 2}}, "n": [2],
         "user": "me"},
    ),
    WireCase("extra_body reaches what a row drops", "anyfast", {"extra_body": {"thinking_budget": 9, "min_p": 0.5}},
             present={"thinking_budget": 9, "min_p": 0.5}),
    WireCase("an unknown word of a call goes into the body", "wcode", call={"overrides": {"top_z": {"a": 1}}},
             present={"top_z": {"a": 1}}),
    WireCase("null in a call is not given", "wcode", {"temperature": 0.5}, {"overrides": {"temperature": None}},
             {"temperature": 0.5}),
]  # fmt: skip


@pytest.mark.parametrize("case", [*THINKING_CASES, *PARAMETER_CASES], ids=lambda case: case.id)
def test_the_body_says_what_was_asked(server: Server, client: QwenClient, case: WireCase) -> None:
    settings = make(server, case.provider, **case.settings)
    before = deepcopy((settings.model_dump(), case.call))
    send(client, settings, **case.call)
    check(server, case)
    assert (settings.model_dump(), case.call) == before
    assert server.last.path == "/v1/chat/completions"
    assert server.last.header("Authorization") == f"Bearer {KEY}"
    assert server.last.header("Content-Type") == "application/json"


@pytest.mark.parametrize("provider", CHAT_ROWS)
def test_unset_means_not_sent(server: Server, client: QwenClient, provider: str) -> None:
    send(client, make(server, provider, model="qwen-plus"))
    assert server.last.json == {"model": "qwen-plus", "messages": [{"role": "user", "content": "Hi"}]}


# Per call


@pytest.mark.parametrize(
    ("name", "instance", "call", "sent"),
    [
        ("temperature", 0.1, 0.2, {"temperature": 0.2}),
        ("top_p", 0.1, 0.2, {"top_p": 0.2}),
        ("top_k", 1, 2, {"top_k": 2}),
        ("min_p", 0.1, 0.2, {"min_p": 0.2}),
        ("top_a", 0.1, 0.2, {"top_a": 0.2}),
        ("max_tokens", 1, 2, {"max_tokens": 2}),
        ("stop", ["a"], ["b"], {"stop": ["b"]}),
        ("seed", 1, 2, {"seed": 2}),
        ("presence_penalty", 0.1, 0.2, {"presence_penalty": 0.2}),
        ("frequency_penalty", 0.1, 0.2, {"frequency_penalty": 0.2}),
        ("repetition_penalty", 0.1, 0.2, {"repetition_penalty": 0.2}),
        ("logit_bias", {"1": 1.0}, {"2": 2.0}, {"logit_bias": {"2": 2.0}}),
        ("logprobs", True, False, {"logprobs": False}),
        ("verbosity", "low", "high", {"verbosity": "high"}),
        ("parallel_tool_calls", True, False, {"parallel_tool_calls": False}),
        ("enable_thinking", True, False, {"reasoning": {"effort": "none"}}),
        ("enable_thinking", False, True, {"reasoning": {"effort": "medium"}}),
        ("reasoning_effort", "low", "high", {"reasoning": {"effort": "high"}}),
        ("model", "qwen/qwen3-235b-a22b", "qwen/qwen3-30b-a3b", {"model": "qwen/qwen3-30b-a3b"}),
        ("extra_body", {"a": 1}, {"a": 2}, {"a": 2}),
    ],
)
def test_a_call_overrides_every_parameter_and_leaves_the_settings(
    server: Server, client: QwenClient, name: str, instance: Any, call: Any, sent: dict[str, Any]
) -> None:
    settings = make(server, "wcode", **{name: instance})
    before = deepcopy(settings.model_dump())
    send(client, settings, tools=[TOOL], overrides={name: call})
    assert {path: at(server.last.json, path) for path in sent} == sent
    assert settings.model_dump() == before
    send(client, settings, tools=[TOOL])
    assert {path: at(server.last.json, path) for path in sent} != sent


@pytest.mark.parametrize("alias", ["max_completion_tokens", "max_output_tokens", "max_tokens"])
def test_aliases_override_too(server: Server, client: QwenClient, alias: str) -> None:
    send(client, make(server, "anyfast", max_tokens=5), overrides={alias: 7, "stop_sequences": "x"})
    assert server.last.json["max_completion_tokens"] == 7
    assert server.last.json["stop"] == ["x"]
    assert "max_tokens" not in server.last.json


@pytest.mark.parametrize(
    ("instance", "call", "sent"),
    [
        ({"thinking_budget": 9}, {"enable_thinking": False}, {"enable_thinking": False, "thinking_budget": ABSENT}),
        ({"enable_thinking": False}, {"thinking_budget": 9}, {"enable_thinking": True, "thinking_budget": 9}),
        (
            {"reasoning_effort": "high"},
            {"enable_thinking": False},
            {"enable_thinking": False, "reasoning_effort": ABSENT},
        ),
        ({"reasoning_effort": "none"}, {"enable_thinking": True}, {"enable_thinking": True}),
        ({"enable_thinking": False}, {"reasoning_effort": "low"}, {"enable_thinking": True, "reasoning_effort": "low"}),
        ({"enable_thinking": True}, {"reasoning_effort": "none"}, {"enable_thinking": False}),
        ({"thinking_budget": 9}, {"enable_thinking": True}, {"enable_thinking": True, "thinking_budget": 9}),
    ],
)
def test_a_call_wins_over_other_words_about_thinking(
    server: Server, client: QwenClient, instance: dict[str, Any], call: dict[str, Any], sent: dict[str, Any]
) -> None:
    send(client, make(server, "dashscope", **instance), overrides=call)
    assert {path: at(server.last.json, path) for path in sent} == sent


def test_headers_and_query_merge_with_the_call_first(server: Server, client: QwenClient) -> None:
    settings = make(server, "wcode", default_headers={"X-A": "1", "X-B": "1"}, default_query={"a": "1", "b": "1"})
    send(client, settings, overrides={"extra_headers": {"X-B": "2"}, "extra_query": {"b": "2"}})
    assert (server.last.header("X-A"), server.last.header("X-B")) == ("1", "2")
    assert server.last.path.partition("?")[2] == "a=1&b=2"
    send(client, settings)
    assert server.last.header("X-B") == "1"
