"""The eight endpoints: text, reasoning, usage, errors."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import json
import time
import warnings
from typing import TYPE_CHECKING, Any, cast

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock, ThinkingBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from qwen_endpoints import (
    AuthenticationError,
    ConfigurationError,
    ContextOverflowError,
    MalformedResponseError,
    RateLimitError,
    StreamInterruptedError,
)
from qwen_sandbox import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

ASK = [ChatMessage("What is 2 + 3?")]
USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 34,
    "total_tokens": 46,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": None},
    "completion_tokens_details": {"reasoning_tokens": 30},
}
FACTS: dict[str, Any] = {"id": "chatcmpl-1", "created": 7, "model": "qwen3-32b-served"}


def whole(message: dict[str, Any], **rest: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return {**FACTS, "choices": [choice], "usage": USAGE, **rest}


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> dict[str, Any]:
    return {**FACTS, "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


LAST: dict[str, Any] = {**FACTS, "choices": [], "usage": USAGE}
THOUGHT_STREAM = [
    chunk({"role": "assistant", "content": None, "reasoning_content": "Add "}),
    chunk({"reasoning_content": "them."}),
    chunk({"content": "2 + 3 "}),
    chunk({"content": "= 5 😀"}),
    chunk({}, "stop"),
    LAST,
]


async def aframes(llm: Qwen, **kwargs: Any) -> list[ChatResponse]:
    return [frame async for frame in await llm.astream_chat(ASK, **kwargs)]


# Each method


def test_chat(llm: Qwen) -> None:
    answer = llm.chat(ASK)
    assert answer.message.role == MessageRole.ASSISTANT
    assert answer.message.content == "2 + 3 = 5"
    assert answer.delta is None


async def test_achat(llm: Qwen) -> None:
    assert (await llm.achat(ASK)).message.content == "2 + 3 = 5"


def test_stream_chat(llm: Qwen) -> None:
    frames = list(llm.stream_chat(ASK))
    assert len(frames) > 2
    assert "".join(frame.delta or "" for frame in frames) == "2 + 3 = 5"
    assert frames[-1].message.content == "2 + 3 = 5"


async def test_astream_chat(llm: Qwen) -> None:
    frames = await aframes(llm)
    assert "".join(frame.delta or "" for frame in frames) == "2 + 3 = 5" == frames[-1].message.content


def test_complete(llm: Qwen) -> None:
    answer = llm.complete("What is 2 + 3?")
    assert answer.text == "2 + 3 = 5"
    assert answer.additional_kwargs["finish_reason"] == "stop"


async def test_acomplete(llm: Qwen) -> None:
    assert (await llm.acomplete("What is 2 + 3?")).text == "2 + 3 = 5"


def test_stream_complete(llm: Qwen) -> None:
    frames = list(llm.stream_complete("What is 2 + 3?"))
    assert "".join(frame.delta or "" for frame in frames) == "2 + 3 = 5" == frames[-1].text


async def test_astream_complete(llm: Qwen) -> None:
    frames = [frame async for frame in await llm.astream_complete("What is 2 + 3?")]
    assert "".join(frame.delta or "" for frame in frames) == "2 + 3 = 5" == frames[-1].text


def test_a_prompt_is_wrapped_unless_it_is_formatted(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    def wrap(prompt: str) -> str:
        return f"<{prompt}>"

    llm = make_llm(completion_to_prompt=wrap)
    llm.complete("hi")
    assert qwen_sandbox.last_request.json["messages"] == [{"role": "user", "content": "<hi>"}]
    llm.complete("hi", formatted=True)
    assert qwen_sandbox.last_request.json["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("provider", "model"),
    [("anyfast-cn", "qwen3-32b"), ("anyfast", "qwen3.6-flash"), ("wcode", "qwen/qwen3-235b-a22b")],
)
def test_reasoning_comes_first_wherever_it_comes_from(make_llm: Callable[..., Qwen], provider: str, model: str) -> None:
    llm = make_llm(provider=provider, model=model, enable_thinking=True)
    for answer in (llm.chat(ASK), list(llm.stream_chat(ASK))[-1]):
        thinking, text = answer.message.blocks
        assert isinstance(thinking, ThinkingBlock)
        assert thinking.content
        assert thinking.num_tokens == answer.additional_kwargs.get("reasoning_tokens")
        assert text == TextBlock(text="2 + 3 = 5")


def test_a_call_may_switch_thinking_for_itself(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    assert [block.block_type for block in llm.chat(ASK, enable_thinking=True).message.blocks] == ["thinking", "text"]
    assert [block.block_type for block in llm.chat(ASK).message.blocks] == ["text"]
    assert "enable_thinking" not in qwen_sandbox.last_request.json


# Leaving a stream


def test_leaving_a_stream_early_ends_it(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    stream = llm.stream_chat([ChatMessage("Count to 1000")])
    next(stream)
    stream.close()
    wait_until_no_stream_is_open(qwen_sandbox)


async def test_leaving_an_async_stream_early_ends_it(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    stream = await llm.astream_chat([ChatMessage("Count to 1000")])
    await anext(stream)
    await stream.aclose()
    await asyncio.sleep(0.05)
    wait_until_no_stream_is_open(qwen_sandbox)


def wait_until_no_stream_is_open(sandbox: Sandbox) -> None:
    deadline = time.monotonic() + 5
    while sandbox.open_streams and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sandbox.open_streams == 0


# What is known about an answer


def test_facts_about_an_answer(scripted: Callable[..., Qwen]) -> None:
    reply = whole({"content": "x", "annotations": [{"url": "https://a.example"}]}, system_fingerprint="fp_1")
    answer = scripted(reply).chat(ASK)
    assert answer.additional_kwargs == {
        "model": "qwen3-32b-served",
        "provider": "generic",
        "finish_reason": "stop",
        "prompt_tokens": 12,
        "completion_tokens": 34,
        "total_tokens": 46,
        "reasoning_tokens": 30,
        "cached_tokens": 4,
        "id": "chatcmpl-1",
        "extra": {"system_fingerprint": "fp_1"},
        "message_extra": {"annotations": [{"url": "https://a.example"}]},
    }
    assert answer.raw == {
        "system_fingerprint": "fp_1",
        "id": "chatcmpl-1",
        "model": "qwen3-32b-served",
        "created": 7,
        "finish_reason": "stop",
        "usage": {
            "prompt_tokens": 12,
            "completion_tokens": 34,
            "total_tokens": 46,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 30},
        },
    }
    json.dumps(answer.additional_kwargs)


def test_what_an_answer_cost(make_llm: Callable[..., Qwen]) -> None:
    cost = make_llm(provider="wcode", model="qwen/qwen3-vl-32b-instruct").chat(ASK).additional_kwargs["cost"]
    assert cost["currency"] == "CNY"
    assert cost["origin"] == "computed"
    assert cost["amount"] > 0


def test_notes_say_what_was_changed_for_the_endpoint(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(enable_thinking=True)
    answer = llm.chat([ChatMessage("Give me JSON for Paris")], response_format={"type": "json_object"})
    assert qwen_sandbox.last_request.json["enable_thinking"] is False
    assert "thinking" in answer.additional_kwargs["notes"][0]
    assert llm.enable_thinking is True


def test_reasoning_details_are_kept(scripted: Callable[..., Qwen]) -> None:
    details = [{"type": "reasoning.text", "text": "Add.", "index": 0, "signature": "s"}]
    block = scripted(whole({"content": "5", "reasoning_details": details})).chat(ASK).message.blocks[0]
    told = {"reasoning_details": details, "provider": "generic"}
    assert block == ThinkingBlock(content="Add.", num_tokens=30, additional_information=told)


def test_log_probabilities(scripted: Callable[..., Qwen]) -> None:
    reply = whole({"content": "Hi"})
    best = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}
    other = {"token": "Ho", "logprob": -2.5, "bytes": None}
    reply["choices"][0]["logprobs"] = {"content": [{**best, "top_logprobs": [best, other]}]}
    llm = scripted(reply)
    for answer in (llm.chat(ASK, logprobs=True), llm.complete("x", logprobs=True)):
        assert answer.logprobs is not None
        assert [[(item.token, item.logprob) for item in token] for token in answer.logprobs] == [
            [("Hi", -0.1), ("Ho", -2.5)]
        ]


def test_an_answer_without_text_has_no_text_block(scripted: Callable[..., Qwen]) -> None:
    answer = scripted(whole({"content": None, "refusal": "No."})).chat(ASK)
    assert answer.message.blocks == []
    assert answer.message.content is None
    assert answer.additional_kwargs["refusal"] == "No."
    assert answer.message.additional_kwargs == {"refusal": "No."}


# Token counters


@pytest.fixture
def counter() -> TokenCountingHandler:
    def no_estimate(_text: str) -> list[int]:
        raise AssertionError("counts were estimated although the endpoint sent them")

    return TokenCountingHandler(tokenizer=no_estimate)


async def test_token_counters_count_every_method_once_and_exactly(
    scripted: Callable[..., Qwen], counter: TokenCountingHandler
) -> None:
    reply = whole({"content": "5"})
    llm = scripted(reply, reply, reply, reply, THOUGHT_STREAM, callback_manager=CallbackManager([counter]))
    llm.chat(ASK)
    llm.complete("x")
    await llm.achat(ASK)
    await llm.acomplete("x")
    list(llm.stream_chat(ASK))
    list(llm.stream_complete("x"))
    await aframes(llm)
    _ = [frame async for frame in await llm.astream_complete("x")]
    assert [event.prompt_token_count for event in counter.llm_token_counts] == [12] * 8
    assert [event.completion_token_count for event in counter.llm_token_counts] == [34] * 8


def test_null_counts_do_no_harm(scripted: Callable[..., Qwen]) -> None:
    usage = {"prompt_tokens": None, "completion_tokens": 3, "total_tokens": None}
    counter = TokenCountingHandler(tokenizer=lambda text: list(text.encode()))
    llm = scripted(whole({"content": "5"}, usage=usage), callback_manager=CallbackManager([counter]))
    answer = llm.chat(ASK)
    assert None not in cast("dict[str, Any]", answer.raw)["usage"].values()
    assert counter.completion_llm_token_count == 3


# Errors


@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationError), (429, RateLimitError)], ids=["401", "429"])
async def test_error_kinds_pass_through(make_llm: Callable[..., Qwen], status: int, kind: type[Exception]) -> None:
    llm = make_llm(max_retries=0)
    ask = [ChatMessage(f"[[sandbox:{status}]]")]
    with pytest.raises(kind):
        llm.chat(ask)
    with pytest.raises(kind):
        list(llm.stream_chat(ask))
    with pytest.raises(kind):
        await llm.achat(ask)
    with pytest.raises(kind):
        _ = [frame async for frame in await llm.astream_chat(ask)]
    with pytest.raises(kind):
        llm.complete(f"[[sandbox:{status}]]")


def test_an_error_with_status_200(scripted: Callable[..., Qwen]) -> None:
    message = "This model's maximum context length is 32768 tokens."
    with pytest.raises(ContextOverflowError, match="context"):
        scripted({"error": {"message": message, "code": 400}}).chat(ASK)


def test_a_web_page_instead_of_a_reply(scripted: Callable[..., Qwen]) -> None:
    with pytest.raises(MalformedResponseError, match="<html>"):
        scripted(Reply(b"<html>hello</html>", content_type="text/html")).chat(ASK)


def test_a_broken_stream_says_what_had_arrived(scripted: Callable[..., Qwen]) -> None:
    events = [f"data: {json.dumps(piece)}\n\n".encode() for piece in THOUGHT_STREAM[:3]]
    llm = scripted(Reply(content_type="text/event-stream", chunks=events, abort=True))
    frames: list[ChatResponse] = []
    with pytest.raises(StreamInterruptedError) as caught:
        frames.extend(llm.stream_chat(ASK))
    assert caught.value.partial is not None
    assert caught.value.partial.first.text == "2 + 3 "


async def test_what_cannot_be_sent_is_refused_when_a_stream_is_asked_for(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox
) -> None:
    llm = make_llm()
    with pytest.raises(ConfigurationError, match="temperature"):
        llm.stream_chat(ASK, temperature=9)
    with pytest.raises(ConfigurationError, match="temperature"):
        await llm.astream_chat(ASK, temperature=9)
    with pytest.raises(ConfigurationError, match="temperature"):
        llm.stream_complete("x", temperature=9)
    assert qwen_sandbox.requests == []


def test_two_event_loops_in_a_row(llm: Qwen) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            assert asyncio.run(llm.achat(ASK)).message.content == "2 + 3 = 5"
            assert asyncio.run(aframes(llm))[-1].message.content == "2 + 3 = 5"


async def test_many_calls_at_once(llm: Qwen) -> None:
    answers = await asyncio.gather(*(llm.achat([ChatMessage(f"What is {n} + 1?")]) for n in range(30)))
    assert [answer.message.content for answer in answers] == [f"{n} + 1 = {n + 1}" for n in range(30)]
    await llm.aclose()
