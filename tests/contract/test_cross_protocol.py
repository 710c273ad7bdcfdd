"""The same conversation over both of wcode's protocols: messages that are equal but for what is named here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import pytest
from langchain_core.messages import AIMessage
from llama_index.core import PromptTemplate
from llama_index.core.base.llms.types import ThinkingBlock
from llama_index.core.llms import ChatResponse
from pydantic import BaseModel
from qwen_endpoints import PROVIDERS
from qwen_sandbox import Sandbox

from tests.contract.conftest import Pools
from tests.contract.drivers import FRAMEWORKS, MODES, Ask, LangChain, LlamaIndex, Mode

pytestmark = pytest.mark.asyncio(loop_scope="session")

Framework = type[LangChain] | type[LlamaIndex]
Facts = Mapping[str, Any]

TEXT_MODEL: Final = "qwen/qwen3-235b-a22b"
VISION_MODEL: Final = "qwen/qwen3-vl-32b-instruct"
PROTOCOLS: Final = ("wcode", "wcode-anthropic")
SIDES: Final[tuple[Mode, ...]] = ("whole", "stream")

ALLOWED: Final[Mapping[str, Mapping[str, str]]] = {
    "langchain": {
        "response_metadata.provider": "who answered",
        "response_metadata.created": "a message of Messages has no time",
        "response_metadata.native_finish_reason": "each protocol has words of its own",
        "response_metadata.stop_sequence": "Chat Completions does not say which sequence ended the answer",
        "response_metadata.reasoning_field": "Messages has blocks in place of fields",
        "response_metadata.token_usage": "the endpoint's own usage object",
        "additional_kwargs.reasoning_details": "Messages signs its thinking",
        "usage_metadata.input_token_details": "wcode does not count its cache over Chat Completions",
    },
    "llamaindex": {
        "additional_kwargs.provider": "who answered",
        "raw.created": "a message of Messages has no time",
        "raw.stop_sequence": "Chat Completions does not say which sequence ended the answer",
        "additional_kwargs.native_finish_reason": "each protocol has words of its own",
        "additional_kwargs.extra.stop_sequence": "Chat Completions does not say which sequence ended the answer",
        "message.blocks[].additional_information.field": "Messages has blocks in place of fields",
        "raw.usage": "the endpoint's own usage object",
        "message.blocks[].additional_information.provider": "signed thinking goes back to no other",
        "message.blocks[].additional_information.reasoning_details": "Messages signs its thinking",
        "additional_kwargs.cached_tokens": "wcode does not count its cache over Chat Completions",
        "additional_kwargs.cache_write_tokens": "wcode does not count its cache over Chat Completions",
    },
}
"""What may differ, by its place in the dumped answer, and why. Ids are numbered, see `_plain`."""
OF_ANOTHER_MODEL: Final[Mapping[str, Mapping[str, str]]] = {
    "langchain": {
        "response_metadata.model_name": "the model that sees",
        "response_metadata.cost": "its price",
    },
    "llamaindex": {
        "additional_kwargs.model": "the model that sees",
        "raw.model": "the model that sees",
        "additional_kwargs.cost": "its price",
    },
}


def _function(name: str, **types: str) -> dict[str, Any]:
    properties = {parameter: {"type": kind} for parameter, kind in types.items()}
    parameters = {"type": "object", "properties": properties, "required": list(types)}
    return {"type": "function", "function": {"name": name, "description": f"Call {name}", "parameters": parameters}}


WEATHER: Final = _function("get_weather", location="string")
ADD: Final = _function("add", a="integer", b="integer")
TOOLS: Final = (WEATHER, ADD)
THINKING: Final = {"enable_thinking": True}
QUIET: Final = {"enable_thinking": False}
TWO_CITIES: Final = "What is the weather in Paris and London?"


@dataclass(frozen=True)
class Conversation:
    """What is asked, one thing after the other."""

    settings: Facts
    asks: tuple[Ask, ...]


LOOP: Final = (
    Ask(prompt=TWO_CITIES, tools=TOOLS, results=["18C sunny", "error: no data"]),
    Ask(prompt="And what is 3 plus 4? Use add.", tools=TOOLS, results=["7"]),
    Ask(prompt="Count from 1 to 3", tools=TOOLS),
)
CONVERSATIONS: Final[Mapping[str, Conversation]] = {
    "text": Conversation(QUIET, (Ask(prompt="hello"),)),
    "other letters": Conversation(QUIET, (Ask(prompt="跟我说：你好，世界👋"),)),
    "system": Conversation(
        QUIET, (Ask(system="Context: Paris has 2 million people.", prompt="How many people has Paris?"),)
    ),
    "several turns": Conversation(QUIET, (Ask(prompt="My name is Ada."), Ask(prompt="What is my name?"))),
    "thinking": Conversation(THINKING, (Ask(prompt="Count from 1 to 3"),)),
    "thinking to a degree": Conversation({"reasoning_effort": "low"}, (Ask(prompt="Count from 1 to 3"),)),
    "thinking over several turns": Conversation(
        THINKING, (Ask(prompt="My name is Ada."), Ask(prompt="What is my name?"), Ask(prompt="Count from 1 to 3"))
    ),
    "a call": Conversation(QUIET, (Ask(prompt="What is the weather in Paris?", tools=[WEATHER]),)),
    "several calls": Conversation(QUIET, (Ask(prompt=TWO_CITIES, tools=TOOLS),)),
    "one call at a time": Conversation({**QUIET, "parallel_tool_calls": False}, (Ask(prompt=TWO_CITIES, tools=TOOLS),)),
    "any call": Conversation(QUIET, (Ask(prompt="hello", tools=[ADD], options={"tool_choice": "required"}),)),
    "a certain call": Conversation(QUIET, (Ask(prompt="hello", tools=TOOLS, options={"tool_choice": "add"}),)),
    "no call": Conversation(QUIET, (Ask(prompt=TWO_CITIES, tools=TOOLS, options={"tool_choice": "none"}),)),
    "a loop of tools": Conversation(QUIET, LOOP),
    "a loop of tools with thinking": Conversation(THINKING, LOOP),
    "stop": Conversation({**QUIET, "stop": ["4", ", 3"]}, (Ask(prompt="Count from 1 to 9"),)),
    "length": Conversation({**QUIET, "max_tokens": 5}, (Ask(prompt="Count from 1 to 9"),)),
    "content filter": Conversation(QUIET, (Ask(prompt="Count from 1 to 9 [[sandbox:content_filter]]"),)),
}

in_both = pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.name)
on_both_sides = pytest.mark.parametrize("mode", SIDES)


@in_both
@on_both_sides
@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_the_messages_are_equal(
    qwen_sandbox: Sandbox, pools: Pools, framework: Framework, mode: Mode, name: str
) -> None:
    chat, messages = await _told(qwen_sandbox, pools, framework, mode, CONVERSATIONS[name])
    assert len(chat) == len(messages) > 0
    found = [_differences(*pair) for pair in zip(chat, messages, strict=True)]
    assert [_unless(ALLOWED[framework.name], differences) for differences in found] == [{}] * len(chat)


@in_both
async def test_each_difference_occurs(qwen_sandbox: Sandbox, pools: Pools, framework: Framework) -> None:
    found: set[str] = set()
    for name in ("thinking", "stop"):
        chat, messages = await _told(qwen_sandbox, pools, framework, "whole", CONVERSATIONS[name])
        found |= _differences(chat[0], messages[0]).keys()
    assert [place for place in ALLOWED[framework.name] if not any(_lies_in(place, path) for path in found)] == []


@in_both
@on_both_sides
async def test_the_loop_goes_on_thinking(qwen_sandbox: Sandbox, pools: Pools, framework: Framework, mode: Mode) -> None:
    """Without its signature the thinking could not go back, and would be off in every round but the first."""
    _, messages = await _told(qwen_sandbox, pools, framework, mode, CONVERSATIONS["a loop of tools with thinking"])
    assert [bool(_thought(answer)) for answer in messages] == [True] * 5
    sent = qwen_sandbox.last_request.json
    kinds = [[block["type"] for block in turn["content"]] for turn in sent["messages"] if turn["role"] == "assistant"]
    assert sent["thinking"]["type"] == "enabled"
    assert kinds == [
        ["thinking", "tool_use", "tool_use"],
        ["thinking", "text"],
        ["thinking", "tool_use"],
        ["thinking", "text"],
    ]


DOT: Final = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


@in_both
@on_both_sides
@pytest.mark.parametrize("image", [DOT, "https://example.com/cat.png"], ids=["data", "url"])
async def test_images(qwen_sandbox: Sandbox, pools: Pools, framework: Framework, mode: Mode, image: str) -> None:
    """wcode has no model that sees over Messages, but its sandbox does: a row of one's own says so."""
    row = PROVIDERS["wcode-anthropic"]
    offer = row.models[TEXT_MODEL]
    offer = replace(offer, profile={**offer.profile, "inputs": frozenset({"text", "image"})})
    seeing = replace(row, models={**row.models, TEXT_MODEL: offer})
    ask = Ask(prompt="What is in this image?", image=image)
    chat = framework(**_settings(qwen_sandbox, pools, "wcode", model=VISION_MODEL))
    messages = framework(**_settings(qwen_sandbox, pools, "wcode-anthropic", provider=seeing, **QUIET))
    pair = [_plain((await asker.answers([ask], mode))[0]) for asker in (chat, messages)]
    allowed = (*ALLOWED[framework.name], *OF_ANOTHER_MODEL[framework.name])
    assert _unless(allowed, _differences(pair[0], pair[1])) == {}
    assert qwen_sandbox.last_request.json["messages"][0]["content"][1]["type"] == "image"


class Sum(BaseModel):
    """A sum of two numbers."""

    a: int
    b: int


QUESTION: Final = "What is 3 plus 4?"


@on_both_sides
async def test_structured_output_of_langchain(qwen_sandbox: Sandbox, pools: Pools, mode: Mode) -> None:
    answers: list[Facts] = []
    for protocol in PROTOCOLS:
        model = LangChain(**_settings(qwen_sandbox, pools, protocol, **QUIET)).model
        runnable = model.with_structured_output(Sum, method="function_calling", include_raw=True)
        whole = runnable.invoke(QUESTION) if mode == "whole" else _summed(runnable.stream(QUESTION))
        answers.append(cast("Facts", whole))
    assert [(answer["parsed"], answer["parsing_error"]) for answer in answers] == [(Sum(a=3, b=4), None)] * 2
    raw = [_plain(answer["raw"]) for answer in answers]
    assert _unless(ALLOWED["langchain"], _differences(raw[0], raw[1])) == {}


@on_both_sides
async def test_structured_output_of_llamaindex(qwen_sandbox: Sandbox, pools: Pools, mode: Mode) -> None:
    template = PromptTemplate(QUESTION)
    found: list[list[Any]] = []
    for protocol in PROTOCOLS:
        model = LlamaIndex(**_settings(qwen_sandbox, pools, protocol, **QUIET)).model
        if mode == "whole":
            found.append([model.structured_predict(Sum, template)])
        else:
            found.append(list(model.stream_structured_predict(Sum, template)))
        assert qwen_sandbox.last_request.json["tools"]
        assert "response_format" not in qwen_sandbox.last_request.json
    assert found[0][-1] == found[1][-1] == Sum(a=3, b=4)


# Failures


def _sse(*payloads: Facts) -> bytes:
    return b"".join(b"data: %s\n\n" % json.dumps(payload).encode() for payload in payloads)


SAID: Final = ("It is ", "Par")
PIECES: Final[Mapping[str, Sequence[bytes]]] = {
    "wcode": [_sse({"id": "r", "model": "m", "choices": [{"index": 0, "delta": {"content": text}}]}) for text in SAID],
    "wcode-anthropic": [
        _sse({"type": "message_start", "message": {"id": "r", "model": "m", "content": []}}),
        _sse({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        *(
            _sse({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
            for text in SAID
        ),
    ],
}
"""The beginning of a reply, over each protocol."""

in_streams = pytest.mark.parametrize("mode", ["stream", "stream async"])


@in_both
@in_streams
@pytest.mark.parametrize("abort", [True, False], ids=["broken off", "without an end"])
async def test_a_cut_stream(
    qwen_sandbox: Sandbox, pools: Pools, framework: Framework, mode: Mode, *, abort: bool
) -> None:
    views = [
        await framework(
            **{
                **_settings(qwen_sandbox, pools, protocol),
                "base_url": qwen_sandbox.script(
                    f"cut-{protocol}", chunks=PIECES[protocol], content_type="text/event-stream", abort=abort
                ),
            }
        ).reply(Ask(), mode)
        for protocol in PROTOCOLS
    ]
    errors = [view.error for view in views if view.error]
    assert [error.kind for error in errors] == ["StreamInterruptedError"] * 2
    assert errors[0].partial == errors[1].partial
    assert errors[0].partial is not None
    assert errors[0].partial.text == "It is Par"


@in_both
@in_streams
async def test_a_stream_that_stalls(pools: Pools, framework: Framework, mode: Mode) -> None:
    with Sandbox(chunk_delay=3) as slow:
        views = [
            await framework(**_settings(slow, pools, protocol, **QUIET, stream_idle_timeout=0.5)).reply(Ask(), mode)
            for protocol in PROTOCOLS
        ]
    assert [view.error and (view.error.kind, view.error.retryable) for view in views] == [("TimedOutError", True)] * 2


@in_both
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 429, 500, 503, 529])
async def test_a_refusal(qwen_sandbox: Sandbox, pools: Pools, framework: Framework, mode: Mode, status: int) -> None:
    ask = Ask(prompt=f"[[sandbox:{status}]]")
    views = [await framework(**_settings(qwen_sandbox, pools, protocol)).reply(ask, mode) for protocol in PROTOCOLS]
    said = [view.error and (view.error.kind, view.error.status, view.error.retryable) for view in views]
    assert said[0] == said[1]
    assert said[0] is not None
    assert said[0][1] == status


# Asking


def _settings(sandbox: Sandbox, pools: Pools, protocol: str, **more: Any) -> dict[str, Any]:
    return {
        "model": TEXT_MODEL,
        "provider": protocol,
        "base_url": sandbox.base_url(protocol),  # type: ignore[arg-type]
        "api_key": sandbox.api_key,
        "max_retries": 0,
        **pools.get(PROVIDERS[protocol].protocol, {}),
        **more,
    }


async def _told(
    sandbox: Sandbox, pools: Pools, framework: Framework, mode: Mode, conversation: Conversation
) -> list[list[Any]]:
    """The answers over each protocol, as plain values."""
    return [
        [
            _plain(answer)
            for answer in await framework(**_settings(sandbox, pools, protocol, **conversation.settings)).answers(
                conversation.asks, mode
            )
        ]
        for protocol in PROTOCOLS
    ]


def _summed(parts: Iterator[Any]) -> dict[str, Any]:
    """The parts of a stream in one: chunks of the message add up, and of the rest the last counts."""
    whole: dict[str, Any] = {}
    for part in parts:
        for name, value in cast("dict[str, Any]", part).items():
            whole[name] = whole[name] + value if name == "raw" and name in whole else value
    return whole


# Comparing

_ID: Final = re.compile(r"(?:call|toolu|chatcmpl|msg|lc_run-)[-_][0-9a-f-]+")


def _plain(answer: AIMessage | ChatResponse) -> Any:
    """Everything that an answer holds, its ids numbered in the order in which they come up."""
    seen: list[str] = []

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(name): plain(each) for name, each in cast("Facts", value).items()}
        if isinstance(value, (list, tuple)):
            return [plain(each) for each in cast("Sequence[Any]", value)]
        if isinstance(value, str) and _ID.fullmatch(value):
            seen.extend(() if value in seen else (value,))
            return f"id {seen.index(value)}"
        return value

    return plain(answer.model_dump())


def _thought(answer: Facts) -> str:
    if "message" not in answer:
        return answer["additional_kwargs"].get("reasoning_content", "")
    blocks = [block for block in answer["message"]["blocks"] if block["block_type"] == "thinking"]
    return "".join(ThinkingBlock(**block).content or "" for block in blocks)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, each in cast("dict[str, Any]", value).items():
            yield from _leaves(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for place, each in enumerate(cast("list[Any]", value)):
            yield from _leaves(each, f"{path}[{place}]")
    else:
        yield path, value


def _differences(one: Any, other: Any) -> dict[str, tuple[Any, Any]]:
    """Where two values differ: path -> both."""
    ones, others = dict(_leaves(one)), dict(_leaves(other))
    paths = [*ones, *(path for path in others if path not in ones)]
    pairs = {path: (ones.get(path, "nothing"), others.get(path, "nothing")) for path in paths}
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


def _lies_in(place: str, path: str) -> bool:
    plain = re.sub(r"\[\d+\]", "[]", path)
    return plain == place or plain.startswith((f"{place}.", f"{place}["))


def _unless(allowed: Sequence[str] | Facts, differences: Facts) -> dict[str, Any]:
    return {path: pair for path, pair in differences.items() if not any(_lies_in(place, path) for place in allowed)}
