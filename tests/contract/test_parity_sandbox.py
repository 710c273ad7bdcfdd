"""The documented endpoints, as the sandbox speaks them: every framework and mode gives the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import pytest
from qwen_endpoints import PROVIDERS, QwenError
from qwen_sandbox import Sandbox

from tests.contract.conftest import Pools
from tests.contract.drivers import DRIVERS, MODES, Ask, Core, LangChain, LlamaIndex, Mode
from tests.contract.views import View, differences, view_of_error, with_plain_ids

pytestmark = pytest.mark.asyncio(loop_scope="session")

Gateway = Literal["anyfast-cn", "anyfast", "wcode", "wcode-anthropic"]

ENDPOINTS: Final[Mapping[str, tuple[Gateway, str]]] = {
    "anyfast-cn": ("anyfast-cn", "qwen3-32b"),
    "anyfast": ("anyfast", "qwen3.6-flash"),
    "wcode text": ("wcode", "qwen/qwen3-235b-a22b"),
    "wcode vision": ("wcode", "qwen/qwen3-vl-32b-instruct"),
    "wcode messages": ("wcode-anthropic", "qwen/qwen3-235b-a22b"),
}
MESSAGES: Final = ("wcode messages",)
CHAT_COMPLETIONS: Final = tuple(name for name in ENDPOINTS if name not in MESSAGES)
SEE: Final = ("anyfast", "wcode vision")
THINK: Final = tuple(name for name in ENDPOINTS if name != "wcode vision")
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
    streams_must: Mapping[str, Any] | None = None
    """What must hold of streams, where they cannot give the same as whole replies."""


def _function(name: str, **types: str) -> dict[str, Any]:
    properties = {parameter: {"type": kind} for parameter, kind in types.items()}
    parameters = {"type": "object", "properties": properties, "required": list(types)}
    return {"type": "function", "function": {"name": name, "description": f"Call {name}", "parameters": parameters}}


WEATHER: Final = _function("get_weather", location="string")
ADD: Final = _function("add", a="integer", b="integer")
QUIET: Final = {"enable_thinking": False}
CUT: Final = {**QUIET, "max_tokens": 4}
CALL: Final = Ask(prompt="What is the weather in Paris?", tools=[WEATHER])
JSON_MODE: Final = Ask(prompt='Count. Use the key "count".', options={"response_format": {"type": "json_object"}})
TWO: Final = Ask(prompt="Count from 1 to 4", options={"n": 2})
LOGPROBS: Final = Ask(prompt="Count from 1 to 3", options={"logprobs": True, "top_logprobs": 1})

TABLE: Final[Mapping[str, Row]] = {
    "greeting": Row(ask=Ask(prompt="hello"), must={"finish": "stop", "calls": ()}),
    "count": Row(ask=Ask(prompt="Count from 1 to 5"), must={"text": "1, 2, 3, 4, 5", "finish": "stop"}),
    "chinese": Row(ask=Ask(prompt="跟我说：你好，世界👋"), must={"text": "你好，世界👋"}),
    "several lines": Row(ask=Ask(prompt="Say exactly: \ta\n\n  b\n"), must={"finish": "stop"}),
    "thinking": Row(
        ask=Ask(prompt="Count from 1 to 3"),
        settings={"enable_thinking": True},
        only=THINK,
        must={"text": "1, 2, 3"},
    ),
    "thinking where it cannot be": Row(
        ask=Ask(), settings={"enable_thinking": True}, only=("wcode vision",), must={"kind": "ConfigurationError"}
    ),
    "no thinking": Row(ask=Ask(prompt="Count from 1 to 3"), settings=QUIET, must={"text": "1, 2, 3", "reasoning": ""}),
    "image": Row(ask=Ask(prompt="What is in this image?", image=DOT), only=SEE, must={"finish": "stop"}),
    "image where it cannot be": Row(
        ask=Ask(prompt="What is in this image?", image=DOT),
        only=("anyfast-cn", "wcode text", *MESSAGES),
        must={"kind": "ConfigurationError"},
    ),
    "call": Row(ask=CALL, must={"text": "", "finish": "tool_calls"}),
    "parallel calls": Row(
        ask=Ask(prompt="What is the weather in Paris and London?", tools=[WEATHER, ADD]), must={"finish": "tool_calls"}
    ),
    "forced call": Row(
        ask=Ask(prompt="What is 3 plus 4?", tools=[WEATHER, ADD], options={"tool_choice": "add"}), must={"text": ""}
    ),
    "forced call while thinking": Row(
        ask=Ask(prompt="What is 3 plus 4?", tools=[ADD], options={"tool_choice": "required"}),
        settings={"enable_thinking": True},
        only=THINK,
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
        only=THINK,
        must={"text": "According to get_weather: 18C sunny\nThe tool get_weather reported an error: error: no data"},
    ),
    "json": Row(ask=JSON_MODE, only=CHAT_COMPLETIONS, must={"finish": "stop"}),
    "json where it cannot be": Row(ask=JSON_MODE, only=MESSAGES, must={"kind": "ConfigurationError"}),
    "two choices": Row(ask=TWO, only=CHAT_COMPLETIONS, must={"text": "1, 2, 3, 4"}),
    "two choices where they cannot be": Row(ask=TWO, only=MESSAGES, must={"kind": "ConfigurationError"}),
    "stop": Row(ask=Ask(prompt="Count from 1 to 9"), settings={"stop": ["4", ", 3"]}, must={"text": "1, 2"}),
    "length": Row(ask=Ask(prompt="Count from 1 to 9"), settings={**QUIET, "max_tokens": 5}, must={"finish": "length"}),
    "length within arguments": Row(
        ask=CALL, settings=CUT, only=CHAT_COMPLETIONS, must={"finish": "length", "calls": ()}
    ),
    # A whole message has an object as arguments, and no place for the half of one.
    "length within arguments, which are an object": Row(
        ask=CALL,
        settings=CUT,
        only=MESSAGES,
        must={"finish": "length", "calls": ()},
        streams_must={"finish": "length", "calls": ()},
    ),
    "content filter": Row(
        ask=Ask(prompt="Count from 1 to 9 [[sandbox:content_filter]]"), must={"finish": "content_filter"}
    ),
    "log probabilities": Row(ask=LOGPROBS, only=CHAT_COMPLETIONS, must={"text": "1, 2, 3"}),
    "log probabilities where they cannot be": Row(ask=LOGPROBS, only=MESSAGES, must={"kind": "ConfigurationError"}),
    "400": Row(ask=Ask(prompt="[[sandbox:400]]"), must={"kind": "InvalidRequestError", "status": 400}),
    "401": Row(ask=Ask(prompt="[[sandbox:401]]"), must={"kind": "AuthenticationError", "status": 401}),
    "429": Row(ask=Ask(prompt="[[sandbox:429]]"), must={"kind": "RateLimitError", "status": 429, "retryable": True}),
    "503": Row(ask=Ask(prompt="[[sandbox:503]]"), must={"status": 503}),
    "529": Row(ask=Ask(prompt="[[sandbox:529]]"), must={"status": 529, "retryable": True}),
    # A whole reply has no middle to break off in.
    "error event": Row(
        ask=Ask(prompt="Count from 1 to 9 [[sandbox:error_event]]"),
        only=MESSAGES,
        must={"text": "1, 2, 3, 4, 5, 6, 7, 8, 9"},
        streams_must={"kind": "ServerError", "status": None, "retryable": True},
    ),
    "redacted thinking": Row(
        ask=Ask(prompt="What is the weather in Paris? [[sandbox:redacted]]", tools=[WEATHER], results=["18C sunny"]),
        settings={"enable_thinking": True},
        only=MESSAGES,
        must={"text": "According to get_weather: 18C sunny", "notes": ()},
    ),
    "wrong key": Row(ask=Ask(), settings={"api_key": "sk-other"}, must={"kind": "AuthenticationError"}),
    "prompt out of bounds": Row(
        ask=Ask(prompt="word " * 140_000), only=("wcode text", *MESSAGES), must={"kind": "ContextOverflowError"}
    ),
}
CASES: Final = [(endpoint, name) for name, row in TABLE.items() for endpoint in row.only]


@pytest.mark.parametrize(("endpoint", "name"), CASES)
async def test_every_way_gives_the_same(qwen_sandbox: Sandbox, pools: Pools, endpoint: str, name: str) -> None:
    row, (gateway, model) = TABLE[name], ENDPOINTS[endpoint]
    settings: dict[str, Any] = {
        "model": model,
        "provider": gateway,
        "base_url": qwen_sandbox.base_url(gateway),
        "api_key": qwen_sandbox.api_key,
        "max_retries": 0,
        **pools[PROVIDERS[gateway].protocol],
        **row.settings,
    }
    views = {
        f"{driver.name}, {mode}": without_random(await reply_of(driver, settings, row.ask, mode))
        for driver in DRIVERS
        for mode in MODES
    }
    if row.streams_must is not None:
        streams = {way: views.pop(way) for way in list(views) if ", stream" in way}
        assert differences(streams, streams["core, stream"]) == {}
        assert _stated(streams["core, stream"], row.streams_must) == row.streams_must
    first = views["core, whole"]
    assert differences(views, first) == {}
    if first.error is not None and first.error.kind == "ConfigurationError":
        assert not qwen_sandbox.requests
    assert _stated(first, row.must) == row.must


def _stated(view: View, names: Iterable[str]) -> dict[str, Any]:
    """The named fields of a view; of its error, where it is one."""
    said = view if view.error is None else view.error
    return {name: getattr(said, name) for name in names}


async def reply_of(driver: type[Core | LangChain | LlamaIndex], settings: Any, ask: Ask, mode: Mode) -> View:
    """Adapters refuse impossible settings when they are built, the core when it is asked."""
    try:
        return await driver(**settings).reply(ask, mode)
    except QwenError as error:
        return view_of_error(error)


def without_random(view: View) -> View:
    view = replace(with_plain_ids(view, wire=""), id="random" if view.id else None)
    if view.error is None:
        return view
    partial = view.error.partial and replace(view.error.partial, id="random")
    error = replace(view.error, partial=partial)
    if error.request_id is not None:
        message = error.message.replace(error.request_id, "random")
        error = replace(error, request_id="random", message=message)
    return replace(view, error=error)
