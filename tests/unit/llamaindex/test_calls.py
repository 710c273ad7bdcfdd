"""One call: what it overrides, how often it is tried, how it fails, and completions as chats of one message."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any, cast

import pytest
from llama_index.core.base.llms.types import ChatMessage, CompletionResponse
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import BaseOutputParser
from llama_index.llms.qwen import Qwen
from qwen_endpoints import (
    ConfigurationError,
    InvalidRequestError,
    QwenError,
    RateLimitError,
    ServerError,
    TimedOutError,
)
from qwen_sandbox import Reply
from typing_extensions import override

from tests.unit.llamaindex.watching import COMPLETIONS, STREAMS, ask, each_way

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen_sandbox import Sandbox

GOOD: dict[str, Any] = {
    "id": "c",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
}
GOOD_STREAM: list[dict[str, Any]] = [
    {"id": "c", "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}]}
]
each_completion = pytest.mark.parametrize("way", COMPLETIONS)


def _good(way: str) -> Any:
    return GOOD_STREAM if way in STREAMS else GOOD


def _refusal(status: int, **headers: str) -> Reply:
    return Reply(json.dumps({"error": {"message": "no"}}).encode(), status=status, headers=headers)


# Retries: one layer


@each_way
@pytest.mark.parametrize(
    ("status", "kind", "requests"), [(400, InvalidRequestError, 1), (429, RateLimitError, 3), (500, ServerError, 3)]
)
async def test_how_often_a_request_is_sent(  # noqa: PLR0917 - from the table above
    scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str, status: int, kind: type[QwenError], requests: int
) -> None:
    llm = scripted(_refusal(status, **{"retry-after-ms": "1"}), max_retries=2)
    with pytest.raises(kind) as caught:
        await ask(llm, way, "hi")
    assert caught.value.status == status
    assert len(qwen_sandbox.requests) == requests
    qwen_sandbox.clear()
    with pytest.raises(kind):
        await ask(llm, way, "hi", max_retries=0)
    assert len(qwen_sandbox.requests) == 1


@each_way
async def test_a_retry_waits_as_long_as_it_is_told(
    scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str
) -> None:
    llm = scripted(_refusal(429, **{"retry-after": "1"}), _good(way), max_retries=1)
    started = time.monotonic()
    await ask(llm, way, "hi")
    assert 1 <= time.monotonic() - started < 5
    assert len(qwen_sandbox.requests) == 2


@each_way
async def test_a_call_may_have_a_timeout_of_its_own(way: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        llm = Qwen(
            model="qwen3-32b", base_url=f"http://127.0.0.1:{silent.getsockname()[1]}/v1", max_retries=0, timeout=100
        )
        with pytest.raises(TimedOutError):
            await ask(llm, way, "hi", timeout=0.2)
        llm.close()
        await llm.aclose()


# What a call overrides


@each_way
async def test_a_call_is_merged_over_the_model(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str) -> None:
    llm = scripted(
        _good(way),
        temperature=0.5,
        max_tokens=100,
        default_headers={"x-team": "a", "x-both": "model"},
        default_query={"v": "1"},
        extra_body={"a": {"b": 1, "c": 1}},
    )
    await ask(
        llm,
        way,
        "hi",
        temperature=0,
        max_tokens=5,
        extra_headers={"x-call": "b", "x-both": "call"},
        extra_query={"w": "2"},
        extra_body={"a": {"c": 2}},
        user="me",
    )
    sent = qwen_sandbox.last_request
    assert (sent.headers["x-team"], sent.headers["x-call"], sent.headers["x-both"]) == ("a", "b", "call")
    body = sent.json
    assert (body["temperature"], body["max_tokens"], body["user"]) == (0, 5, "me")
    assert body["a"] == {"b": 1, "c": 2}
    await ask(llm, way, "hi")
    again = qwen_sandbox.last_request
    assert "x-call" not in again.headers
    assert (again.json["temperature"], again.json["a"]) == (0.5, {"b": 1, "c": 1})


@each_way
async def test_what_cannot_be_sent_is_refused_before_it_is(llm: Qwen, qwen_sandbox: Sandbox, way: str) -> None:
    for wrong in ({"temperature": 9}, {"extra_headers": ["x"]}, {"max_retries": "many"}, {"user": object()}):
        with pytest.raises(ConfigurationError):
            await ask(llm, way, "hi", **wrong)
    assert qwen_sandbox.requests == []


# Completions


@each_completion
async def test_a_completion_is_a_chat_of_one_message(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str
) -> None:
    llm = make_llm(enable_thinking=True)
    (*_, answer) = await ask(llm, way, "What is 2 + 3?")
    sent = qwen_sandbox.last_request.json
    (*_, chat) = await ask(llm, way.replace("complete", "chat"), "What is 2 + 3?")
    assert qwen_sandbox.last_request.json == sent
    assert sent["messages"] == [{"role": "user", "content": "What is 2 + 3?"}]
    assert isinstance(answer, CompletionResponse)
    assert answer.text == chat.message.content == "2 + 3 = 5"
    assert answer.additional_kwargs["thinking"] == chat.message.blocks[0].content
    counts = ("prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens", "finish_reason")
    assert [answer.additional_kwargs[name] for name in counts] == [chat.additional_kwargs[name] for name in counts]
    assert cast("Any", answer.raw)["usage"] == chat.raw["usage"]


@each_completion
async def test_log_probabilities_of_a_completion(make_llm: Callable[..., Qwen], way: str) -> None:
    llm = make_llm(provider="wcode", model="qwen/qwen3-vl-32b-instruct", logprobs=True, top_logprobs=2)
    (*_, answer) = await ask(llm, way, "Say exactly: two")
    assert "".join(token[0].token for token in answer.logprobs) == "two"
    assert all(token[0].logprob <= 0 for token in answer.logprobs)


@each_completion
async def test_a_prompt_is_wrapped_unless_it_is_final(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str
) -> None:
    llm = make_llm(completion_to_prompt="<{}>".format)
    for kwargs, sent in (({}, "<hi>"), ({"formatted": False}, "<hi>"), ({"formatted": True}, "hi")):
        await ask(llm, way, "hi", **kwargs)
        assert qwen_sandbox.last_request.json["messages"][0]["content"] == sent
        assert "formatted" not in qwen_sandbox.last_request.json
    given = getattr(llm, way)("hi", True)  # noqa: FBT003 - the framework's signature allows it
    answers = await given if way.startswith("a") else given
    if way in STREAMS:
        assert [frame async for frame in answers] if way.startswith("a") else list(answers)
    assert qwen_sandbox.last_request.json["messages"][0]["content"] == "hi"


def test_a_prompt_by_name(llm: Qwen) -> None:
    assert llm.complete(prompt="Say exactly: two").text == "two"
    assert llm.chat(messages=[ChatMessage("Say exactly: two")]).message.content == "two"


# What the framework builds on them


class Brackets(BaseOutputParser):
    """Puts brackets around what was asked and what was said."""

    @override
    def parse(self, output: str) -> Any:
        return f"[{output}]"

    @override
    def format(self, query: str) -> str:
        return f"({query})"


TEMPLATE = PromptTemplate("Say exactly: {word}")


async def test_prompts_of_the_framework(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(system_prompt="Be kind.")
    said = [
        llm.predict(TEMPLATE, word="two"),
        await llm.apredict(TEMPLATE, word="two"),
        "".join(llm.stream(TEMPLATE, word="two")),
        "".join([token async for token in await llm.astream(TEMPLATE, word="two")]),
    ]
    assert said == ["two"] * 4
    for request in qwen_sandbox.requests:
        assert request.json["messages"] == [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Say exactly: two"},
        ]


async def test_an_output_parser(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(output_parser=Brackets())
    assert llm.predict(TEMPLATE, word="two").startswith("[")
    assert (await llm.apredict(TEMPLATE, word="two")).endswith("]")
    assert qwen_sandbox.last_request.json["messages"][-1]["content"] == "(Say exactly: two)"
