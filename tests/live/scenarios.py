"""What users do with a model, one row each, and what must come of it on any server with any Qwen model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from qwen_endpoints import Json, strip_fence

from tests.contract.drivers import Ask
from tests.contract.views import View

Check = Callable[[View], None]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A question, settings of the model that is asked, and checks of the answer."""

    name: str
    ask: Ask
    checks: tuple[Check, ...]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    over_messages: tuple[Check, ...] | None = None
    """The checks where the protocol is Messages, if not the same."""

    def checks_over(self, *, messages: bool) -> tuple[Check, ...]:
        return self.over_messages if messages and self.over_messages is not None else self.checks


def _tool(name: str, description: str, **types: str) -> Json:
    properties = {parameter: {"type": kind} for parameter, kind in types.items()}
    parameters = {"type": "object", "properties": properties, "required": list(types)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


WEATHER: Final = _tool("get_weather", "Get the weather in a city", city="string")
ADD: Final = _tool("add", "Add two numbers", a="integer", b="integer")
THINKING: Final = {"enable_thinking": True}
NOT_THINKING: Final = {"enable_thinking": False}


def ends(*finishes: str) -> Check:
    def check(view: View) -> None:
        assert view.error is None
        assert view.finish in finishes

    return check


def says(*words: str) -> Check:
    def check(view: View) -> None:
        assert all(word in view.text for word in words)
        assert "think>" not in view.text
        assert "<tool_call" not in view.text
        assert view.text == view.text.lstrip("\n")

    return check


def calls(name: str, *arguments: Mapping[str, Any]) -> Check:
    def check(view: View) -> None:
        assert [(call.name, call.arguments) for call in view.calls] == [(name, each) for each in arguments]
        assert not view.invalid
        assert len({call.id for call in view.calls}) == len(arguments)
        assert all(call.id for call in view.calls)

    return check


def thinks(view: View) -> None:
    assert view.reasoning.strip()
    assert "think>" not in view.reasoning
    assert view.reasoning not in view.text


def does_not_think(view: View) -> None:
    assert not view.reasoning.strip()


def thinks_at_most(words: int) -> Check:
    def check(view: View) -> None:
        assert len(view.reasoning.split()) <= words

    return check


def is_refused_here(*words: str) -> Check:
    """Nothing was sent: an endpoint's own refusal has a status."""

    def check(view: View) -> None:
        assert view.error is not None
        assert (view.error.kind, view.error.status) == ("ConfigurationError", None)
        assert all(word in view.error.message for word in words)

    return check


def says_nothing(view: View) -> None:
    assert not view.text
    assert not view.calls


def calls_nothing(view: View) -> None:
    assert not view.calls
    assert not view.invalid


def is_json(view: View) -> None:
    assert json.loads(strip_fence(view.text))["capital"] == "Paris"


def has_an_emoji(view: View) -> None:
    assert any(ord(character) > 0xFFFF for character in view.text)
    assert "\ufffd" not in view.text


def counts_tokens(view: View) -> None:
    assert view.usage is not None
    assert view.usage["input"] > 0
    assert view.usage["output"] > 0
    assert view.usage["total"] == view.usage["input"] + view.usage["output"]
    assert view.usage.get("reasoning", 0) <= view.usage["output"]


def fits(tokens: int) -> Check:
    def check(view: View) -> None:
        assert view.usage is not None
        assert view.usage["output"] <= tokens

    return check


CAPITAL: Final = Scenario(
    name="text with thinking",
    settings=THINKING,
    ask=Ask(prompt="What is the capital of France?"),
    checks=(ends("stop"), thinks, says("Paris"), calls_nothing, counts_tokens),
)

SCENARIOS: Final = (
    CAPITAL,
    Scenario(
        name="text without thinking",
        settings=NOT_THINKING,
        ask=Ask(prompt="What is the capital of France?"),
        checks=(ends("stop"), does_not_think, says("Paris"), calls_nothing, counts_tokens),
    ),
    Scenario(
        name="one tool call",
        ask=Ask(prompt="What is the weather in Paris? Use the tool.", tools=[WEATHER]),
        checks=(ends("tool_calls"), calls("get_weather", {"city": "Paris"}), says(), counts_tokens),
    ),
    Scenario(
        name="parallel tool calls",
        ask=Ask(prompt="What is the weather in Paris and London? Use the tool.", tools=[WEATHER]),
        checks=(ends("tool_calls"), calls("get_weather", {"city": "Paris"}, {"city": "London"}), says()),
    ),
    Scenario(
        name="numbers as arguments",
        ask=Ask(prompt="Add 3 and 4.", tools=[ADD]),
        checks=(ends("tool_calls"), calls("add", {"a": 3, "b": 4})),
    ),
    Scenario(
        name="tool round trip",
        ask=Ask(prompt="What is the weather in Paris? Use the tool.", tools=[WEATHER], results=["18C sunny"]),
        checks=(ends("stop"), says("18", "sunny"), calls_nothing),
    ),
    Scenario(
        name="tool round trip with thinking",
        settings=THINKING,
        ask=Ask(prompt="What is the weather in Paris? Use the tool.", tools=[WEATHER], results=["18C sunny"]),
        checks=(ends("stop"), says("18", "sunny"), calls_nothing),
    ),
    Scenario(
        name="tools that are not needed",
        ask=Ask(prompt="What is the capital of France?", tools=[WEATHER]),
        checks=(ends("stop"), says("Paris"), calls_nothing),
    ),
    Scenario(
        name="an answer in JSON",
        ask=Ask(prompt="Reply as JSON: capital of France"),
        checks=(ends("stop"), is_json),
    ),
    Scenario(
        name="JSON mode",
        settings=NOT_THINKING,
        ask=Ask(prompt="Reply as JSON: capital of France", options={"response_format": {"type": "json_object"}}),
        checks=(ends("stop"), is_json),
        over_messages=(is_refused_here("response_format", "function calling"),),
    ),
    Scenario(
        name="characters of several bytes",
        ask=Ask(prompt="Say hello in Chinese with an emoji."),
        checks=(ends("stop"), says("你好"), has_an_emoji),
    ),
    Scenario(
        name="cut by length",
        settings={**NOT_THINKING, "max_tokens": 24},
        ask=Ask(prompt="Count from 1 to 60."),
        checks=(ends("length"), says("1", "2", "3"), fits(24)),
    ),
    Scenario(
        name="thinking eats the budget",
        settings={**THINKING, "max_tokens": 24},
        ask=Ask(prompt="Think for a very long time."),
        checks=(ends("length"), thinks, says_nothing, fits(24)),
        # There every request states a budget below its limit, which leaves room for an answer.
        over_messages=(ends("length", "stop"), thinks, calls_nothing, fits(24)),
    ),
    Scenario(
        name="a budget of thinking",
        settings={**THINKING, "thinking_budget": 8},
        ask=Ask(prompt="Think for a very long time."),
        checks=(ends("stop"), thinks, thinks_at_most(8), calls_nothing),
    ),
)
