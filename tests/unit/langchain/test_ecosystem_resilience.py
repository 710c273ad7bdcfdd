"""Retries, fallbacks and rate limits, as LangChain builds them around a model."""

from __future__ import annotations

import time
from typing import Any

import langchain_qwen
import pytest
from langchain_core import exceptions as langchain
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.rate_limiters import BaseRateLimiter, InMemoryRateLimiter
from langchain_core.tools import tool
from qwen_sandbox import Reply
from typing_extensions import override

from tests.unit.langchain.conftest import Chats, amerged, chunk, merged, refusal, sse, whole

needs_model_errors = pytest.mark.skipif(
    not hasattr(langchain, "ModelError"), reason="langchain-core has kinds of its own since 1.6"
)
SLOW_DOWN = refusal(429, {"error": {"message": "Rate limit exceeded"}})
BAD_KEY = refusal(401, {"error": {"message": "Incorrect API key"}})
TOO_LONG = refusal(400, {"error": {"message": "Range of input length should be [1, 9]"}})
BROKEN = sse([chunk(content="one")], done=False)
GOOD = whole({"content": "x"})


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


def _theirs(name: str) -> Any:
    """LangChain's kind, where this version has it."""
    return getattr(langchain, name, None)


async def _all_ways(llm: Any, prompt: Any = "hi") -> list[AIMessage]:
    return [
        llm.invoke(prompt),
        merged(llm.stream(prompt)),
        await llm.ainvoke(prompt),
        await amerged(llm.astream(prompt)),
    ]


# Retries


@pytest.mark.parametrize("ours", [True, pytest.param(False, marks=needs_model_errors)], ids=["ours", "LangChain's"])
async def test_retries_by_kind(chats: Chats, ours: bool) -> None:
    kinds: Any = (langchain_qwen.RateLimitError,) if ours else (_theirs("ModelRateLimitError"),)

    def patient(*replies: Reply) -> Any:
        return chats.answering(*replies).with_retry(
            retry_if_exception_type=kinds, wait_exponential_jitter=False, stop_after_attempt=3
        )

    assert patient(SLOW_DOWN, SLOW_DOWN, GOOD).invoke("hi").text == "x"
    assert (await patient(SLOW_DOWN, SLOW_DOWN, GOOD).ainvoke("hi")).text == "x"
    assert [answer.text for answer in patient(SLOW_DOWN, GOOD).batch(["hi", "hi"])] == ["x", "x"]
    before = len(chats.bodies)
    with pytest.raises(langchain_qwen.RateLimitError):
        patient(SLOW_DOWN).invoke("hi")
    assert len(chats.bodies) == before + 3
    with pytest.raises(langchain_qwen.AuthenticationError):
        await patient(BAD_KEY).ainvoke("hi")
    assert len(chats.bodies) == before + 4


@needs_model_errors
def test_retries_by_what_helps(chats: Chats) -> None:
    """`retry_if_exception_type` may also ask each failure."""

    def helps(error: BaseException) -> bool:
        return getattr(error, "is_retryable", False)

    for reply, attempts in ((SLOW_DOWN, 2), (BROKEN, 2), (BAD_KEY, 1), (TOO_LONG, 1)):
        llm = chats.answering(reply)
        try:
            patient = llm.with_retry(retry_if_exception_type=helps, wait_exponential_jitter=False, stop_after_attempt=2)
        except ValueError:
            pytest.skip("this langchain-core takes classes only")
        before = len(chats.bodies)
        with pytest.raises(langchain_qwen.QwenError):
            patient.invoke("hi")
        assert len(chats.bodies) == before + attempts


# Fallbacks


HANDLED: list[tuple[Reply, str, str]] = [
    (SLOW_DOWN, "RateLimitError", "ModelRateLimitError"),
    (BAD_KEY, "AuthenticationError", "ModelAuthenticationError"),
    (TOO_LONG, "ContextOverflowError", "ContextOverflowError"),
    (refusal(404, {"error": {"message": "x"}}), "ModelNotFoundError", "ModelNotFoundError"),
    (refusal(500, {"error": {"message": "x"}}), "ServerError", "ModelAPIError"),
    (refusal(504, b""), "TimedOutError", "ModelTimeoutError"),
    (refusal(402, {"error": {"message": "x"}}), "QuotaExhaustedError", "ModelPermissionDeniedError"),
]


@pytest.mark.parametrize(("reply", "ours", "theirs"), HANDLED, ids=[row[1] for row in HANDLED])
async def test_fallbacks_by_kind(chats: Chats, reply: Reply, ours: str, theirs: str) -> None:
    """From a provider that fails to one that does not, by either library's kind."""
    kinds = [getattr(langchain_qwen, ours), langchain_qwen.QwenError, _theirs(theirs)]
    failing, good = chats.answering(reply), chats.at("text", enable_thinking=True)
    for kind in filter(None, kinds):
        for answer in await _all_ways(failing.with_fallbacks([good], exceptions_to_handle=(kind,)), "Say exactly: x"):
            assert answer.text == "x"
            assert answer.response_metadata["provider"] == "wcode"
    other = langchain_qwen.ContentFilteredError
    with pytest.raises(getattr(langchain_qwen, ours)):
        failing.with_fallbacks([good], exceptions_to_handle=(other,)).invoke("hi")


async def test_a_chain_of_fallbacks(chats: Chats) -> None:
    nobody = chats.at("cn", base_url="http://127.0.0.1:9/v1", max_retries=0)
    unset = chats.at("flash", api_key=None)
    chain: Any = unset.with_fallbacks([nobody, chats.answering(SLOW_DOWN), chats.at("vision")])
    for answer in await _all_ways(chain, "Say exactly: x"):
        assert (answer.text, answer.response_metadata["model_name"]) == ("x", "qwen/qwen3-vl-32b-instruct")
    assert (chain | StrOutputParser()).batch(["Say exactly: y"] * 2) == ["y", "y"]
    with pytest.raises(langchain_qwen.ConfigurationError, match="ANYFAST_API_KEY"):
        unset.with_fallbacks([nobody]).invoke("hi")


def test_tools_of_all_fallbacks(chats: Chats) -> None:
    """`bind_tools` of a fallback asks each model for its own."""
    chain: Any = chats.answering(SLOW_DOWN).with_fallbacks([chats.at("text")])
    (call,) = chain.bind_tools([get_weather]).invoke("weather in Paris").tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})
    assert [len(body["tools"]) for body in chats.bodies] == [1, 1]


def test_a_stream_that_broke_is_not_begun_again(chats: Chats) -> None:
    """What was said cannot be taken back: a fallback steps in only before the first piece."""
    chain: Any = chats.answering(BROKEN).with_fallbacks([chats.at("text")])
    heard: list[str] = []

    def read() -> None:
        for piece in chain.stream("hi"):
            heard.append(piece.text)  # noqa: PERF401 - what came before the failure counts

    with pytest.raises(langchain_qwen.StreamInterruptedError):
        read()
    assert heard == ["one"]
    assert len(chats.bodies) == 1
    assert chain.invoke("Say exactly: x").text == "x", "a whole answer is asked for again"


# Rate limits


class _Turnstile(BaseRateLimiter):
    def __init__(self) -> None:
        self.passed = 0

    @override
    def acquire(self, *, blocking: bool = True) -> bool:
        self.passed += 1
        return True

    @override
    async def aacquire(self, *, blocking: bool = True) -> bool:
        self.passed += 1
        return True


async def test_each_call_waits_its_turn_once(chats: Chats) -> None:
    limiter = _Turnstile()
    llm = chats.at("flash", rate_limiter=limiter, cache=InMemoryCache())
    await _all_ways(llm)
    assert limiter.passed == len(chats.bodies) == 3, "one answer came from the cache"
    llm.batch(["a", "b"])
    await llm.abatch(["c", "d"])
    assert limiter.passed == len(chats.bodies) == 7
    assert "rate_limiter" not in llm.model_dump()


async def test_a_limiter_that_several_models_share(chats: Chats) -> None:
    limiter = InMemoryRateLimiter(requests_per_second=20, check_every_n_seconds=0.005, max_bucket_size=1)
    flash, text = (chats.at(name, rate_limiter=limiter) for name in ("flash", "text"))
    flash.invoke("hi")
    started = time.monotonic()
    text.invoke("hi")
    merged(flash.stream("hi"))
    await text.ainvoke("hi")
    await amerged(flash.astream("hi"))
    assert time.monotonic() - started > 3 / 20
