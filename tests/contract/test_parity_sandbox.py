"""The documented endpoints, as the sandbox speaks them: every framework and mode gives the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import pytest
from qwen_endpoints import QwenError
from qwen_sandbox import Sandbox

from tests.contract.drivers import DRIVERS, MODES, Ask, Core, LangChain, LlamaIndex, Mode
from tests.contract.views import View, differences, view_of_error, with_plain_ids

pytestmark = pytest.mark.asyncio(loop_scope="session")

Gateway = Literal["anyfast-cn", "anyfast", "wcode"]

ENDPOINTS: Final[Mapping[str, tuple[Gateway, str]]] = {
    "anyfast-cn": ("anyfast-cn", "qwen3-32b"),
    "anyfast": ("anyfast", "qwen3.6-flash"),
    "wcode text": ("wcode", "qwen/qwen3-235b-a22b"),
    "wcode vision": ("wcode", "qwen/qwen3-vl-32b-instruct"),
}
DOT: Final = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A question, settings, and what must hold of the answer at every endpoint besides that all agree."""

    ask: Ask
    must: Mapping[str, Any]
    """Fields of the view; of its error by name, where it must be one."""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    only: tuple[str, ...] = tuple(ENDPOINTS)


def _function(name: str, **types: str) -> dict[str, Any]:
    properties = {parameter: {"type": kind} for parameter, kind in types.items()}
    parameters = {"type": "object", "properties": properties, "required": list(types)}
    return {"type": "function", "function": {"name": name, "description": f"Call {name}", "parameters": parameters}}


WEATHER: Final = _function("get_weather", location="string")
ADD: Final = _function("add", a="integer", b="integer")
QUIET: Final = {"enable_thinking": False}

TABLE: Final[Mapping[str, Row]] = {
    "greeting": Row(ask=Ask(prompt="hello"), must={"finish": "stop", "calls": ()}),
    "count": Row(ask=Ask(prompt="Count from 1 to 5"), must={"text": "1, 2, 3, 4, 5", "finish": "stop"}),
    "chinese": Row(ask=Ask(prompt="跟我说：你好，世界👋"), must={"text": "你好，世界👋"}),
    "several lines": Row(ask=Ask(prompt="Say exactly: \ta\n\n  b\n"), must={"finish": "stop"}),
    "thinking": Row(
        ask=Ask(prompt="Count from 1 to 3"),
        settings={"enable_thinking": True},
        only=("anyfast-cn", "anyfast", "wcode text"),
        must={"text": "1, 2, 3"},
    ),
    "thinking where it cannot be": Row(
        ask=Ask(), settings={"enable_thinking": True}, only=("wcode vision",), must={"kind": "ConfigurationError"}
    ),
    "no thinking": Row(ask=Ask(prompt="Count from 1 to 3"), settings=QUIET, must={"text": "1, 2, 3", "reasoning": ""}),
    "image": Row(
        ask=Ask(prompt="What is in this image?", image=DOT), only=("anyfast", "wcode vision"), must={"finish": "stop"}
    ),
    "image where it cannot be": Row(
        ask=Ask(prompt="What is in this image?", image=DOT),
        only=("anyfast-cn", "wcode text"),
        must={"kind": "ConfigurationError"},
    ),
    "call": Row(
        ask=Ask(prompt="What is the weather in Paris?", tools=[WEATHER]), must={"text": "", "finish": "tool_calls"}
    ),
    "parallel calls": Row(
        ask=Ask(prompt="What is the weather in Paris and London?", tools=[WEATHER, ADD]), must={"finish": "tool_calls"}
    ),
    "forced call": Row(
        ask=Ask(prompt="What is 3 plus 4?", tools=[WEATHER, ADD], options={"tool_choice": "add"}), must={"text": ""}
    ),
    "forced call while thinking": Row(
        ask=Ask(prompt="What is 3 plus 4?", tools=[ADD], options={"tool_choice": "required"}),
        settings={"enable_thinking": True},
        only=("anyfast-cn", "anyfast", "wcode text"),
        must={"text": ""},
    ),
    "tool round trip": Row(
        ask=Ask(prompt="What is the weather in Paris?", tools=[WEATHER], results=["18C sunny"]),
        must={"text": "According to get_weather: 18C sunny", "finish": "stop", "calls": ()},
    ),
    "tool round trip while thinking": Row(
        ask=Ask(
            prompt="What is the weather in Paris and London?", tools=[WEATHER], results=["18C sunny", "error: no data"]
        ),
        settings={"enable_thinking": True},
        only=("anyfast-cn", "anyfast", "wcode text"),
        must={"text": "According to get_weather: 18C sunny\nThe tool get_weather reported an error: error: no data"},
    ),
    "json": Row(
        ask=Ask(prompt='Count. Use the key "count".', options={"response_format": {"type": "json_object"}}),
        must={"finish": "stop"},
    ),
    "two choices": Row(ask=Ask(prompt="Count from 1 to 4", options={"n": 2}), must={"text": "1, 2, 3, 4"}),
    "stop": Row(ask=Ask(prompt="Count from 1 to 9"), settings={"stop": ["4", ", 3"]}, must={"text": "1, 2"}),
    "length": Row(ask=Ask(prompt="Count from 1 to 9"), settings={**QUIET, "max_tokens": 5}, must={"finish": "length"}),
    "length within arguments": Row(
        ask=Ask(prompt="What is the weather in Paris?", tools=[WEATHER]),
        settings={**QUIET, "max_tokens": 4},
        must={"finish": "length", "calls": ()},
    ),
    "content filter": Row(
        ask=Ask(prompt="Count from 1 to 9 [[sandbox:content_filter]]"), must={"finish": "content_filter"}
    ),
    "log probabilities": Row(
        ask=Ask(prompt="Count from 1 to 3", options={"logprobs": True, "top_logprobs": 1}), must={"text": "1, 2, 3"}
    ),
    "400": Row(ask=Ask(prompt="[[sandbox:400]]"), must={"kind": "InvalidRequestError", "status": 400}),
    "401": Row(ask=Ask(prompt="[[sandbox:401]]"), must={"kind": "AuthenticationError", "status": 401}),
    "429": Row(ask=Ask(prompt="[[sandbox:429]]"), must={"kind": "RateLimitError", "status": 429, "retryable": True}),
    "503": Row(ask=Ask(prompt="[[sandbox:503]]"), must={"status": 503}),
    "wrong key": Row(ask=Ask(), settings={"api_key": "sk-other"}, must={"kind": "AuthenticationError"}),
    "prompt out of bounds": Row(
        ask=Ask(prompt="word " * 140_000), only=("wcode text",), must={"kind": "ContextOverflowError"}
    ),
}
CASES: Final = [(endpoint, name) for name, row in TABLE.items() for endpoint in row.only]


@pytest.mark.parametrize(("endpoint", "name"), CASES)
async def test_every_way_gives_the_same(qwen_sandbox: Sandbox, pool: dict[str, Any], endpoint: str, name: str) -> None:
    row, (gateway, model) = TABLE[name], ENDPOINTS[endpoint]
    settings: dict[str, Any] = {
        "model": model,
        "provider": gateway,
        "base_url": qwen_sandbox.base_url(gateway),
        "api_key": qwen_sandbox.api_key,
        "max_retries": 0,
        **pool,
        **row.settings,
    }
    views = {
        f"{driver.name}, {mode}": without_random(await reply_of(driver, settings, row.ask, mode))
        for driver in DRIVERS
        for mode in MODES
    }
    first = views["core, whole"]
    assert differences(views, first) == {}
    said = first if first.error is None else first.error
    assert {field: getattr(said, field) for field in row.must} == row.must


async def reply_of(driver: type[Core | LangChain | LlamaIndex], settings: Any, ask: Ask, mode: Mode) -> View:
    """Adapters refuse impossible settings when they are built, the core when it is asked."""
    try:
        return await driver(**settings).reply(ask, mode)
    except QwenError as error:
        return view_of_error(error)


def without_random(view: View) -> View:
    view = replace(with_plain_ids(view, wire=""), id="random" if view.id else None)
    if view.error is None or view.error.request_id is None:
        return view
    message = view.error.message.replace(view.error.request_id, "random")
    return replace(view, error=replace(view.error, request_id="random", message=message))
