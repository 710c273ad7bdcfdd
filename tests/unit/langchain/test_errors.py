"""Failures by kind: ours, the core's and LangChain's at once."""

from __future__ import annotations

import copy
import pickle
import traceback
from typing import Any, cast

import langchain_qwen
import pytest
import qwen_endpoints as core
from langchain_core import exceptions as langchain
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langchain_qwen import ChatQwen
from qwen_sandbox import Reply

from tests.unit.langchain.conftest import Chats, chunk, refusal, sse, whole

KINDS = {
    "AuthenticationError": "ModelAuthenticationError",
    "ConfigurationError": "ModelInvalidRequestError",
    "ConnectionFailedError": "ModelConnectionError",
    "ContentFilteredError": "ModelInvalidRequestError",
    "ContextOverflowError": "ContextOverflowError",
    "InvalidRequestError": "ModelInvalidRequestError",
    "MalformedResponseError": "ModelAPIError",
    "ModelNotFoundError": "ModelNotFoundError",
    "PermissionDeniedError": "ModelPermissionDeniedError",
    "QuotaExhaustedError": "ModelPermissionDeniedError",
    "BudgetExceededError": "ModelPermissionDeniedError",
    "RateLimitError": "ModelRateLimitError",
    "ServerError": "ModelAPIError",
    "StreamInterruptedError": "ModelConnectionError",
    "TimedOutError": "ModelTimeoutError",
}
needs_model_errors = pytest.mark.skipif(
    not hasattr(langchain, "ModelError"), reason="langchain-core has kinds of its own since 1.6"
)


def _error(message: str, code: Any = None, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, "code": code, **fields}}


REPLIES: list[tuple[int, Any, str, bool]] = [
    (400, _error("bad temperature", "invalid_parameter_error"), "InvalidRequestError", False),
    (400, _error("This model's maximum context length is 40960 tokens"), "ContextOverflowError", False),
    (
        400,
        _error("Range of input length should be [1, 30720]", "invalid_parameter_error"),
        "ContextOverflowError",
        False,
    ),
    (400, _error("too long", "context_length_exceeded"), "ContextOverflowError", False),
    (
        400,
        _error("Input data may contain inappropriate content.", "data_inspection_failed"),
        "ContentFilteredError",
        False,
    ),
    (401, _error("Incorrect API key provided: sk-secret-key", "invalid_api_key"), "AuthenticationError", False),
    (402, _error("Insufficient credits"), "QuotaExhaustedError", False),
    (403, _error("not yours"), "PermissionDeniedError", False),
    (403, _error("The free quota is used up", "insufficient_user_quota"), "QuotaExhaustedError", False),
    (404, _error("no such model", "model_not_found"), "ModelNotFoundError", False),
    (429, _error("The postpaid bill is overdue.", "PostpaidBillOverdue"), "QuotaExhaustedError", False),
    (408, _error("slow"), "TimedOutError", True),
    (413, _error("The request body (or file) is too large"), "InvalidRequestError", False),
    (422, {"detail": "unprocessable"}, "InvalidRequestError", False),
    (429, _error("Rate limit exceeded"), "RateLimitError", True),
    (500, _error("oops"), "ServerError", True),
    (502, b"<html>Bad Gateway</html>", "ServerError", True),
    (503, _error("No available channel for model", "get_channel_failed"), "ModelNotFoundError", False),
    (504, b"", "TimedOutError", True),
    (200, _error("Rate limit exceeded", 429), "RateLimitError", True),
    (200, b"<!doctype html><title>Welcome</title>", "MalformedResponseError", False),
    (200, {"id": "x", "choices": None}, "MalformedResponseError", False),
    (200, b'{"id": "x", "choi', "MalformedResponseError", False),
]
SECRET = "sk-secret-key"


async def _four_failures(llm: Any) -> dict[str, BaseException]:
    async def astream() -> None:
        async for _ in llm.astream("hi"):
            pass

    def stream() -> None:
        list(llm.stream("hi"))

    failures: dict[str, BaseException] = {}
    with pytest.raises(core.QwenError) as caught:
        llm.invoke("hi")
    failures["invoke"] = caught.value
    with pytest.raises(core.QwenError) as caught:
        stream()
    failures["stream"] = caught.value
    for name, awaitable in (("ainvoke", llm.ainvoke("hi")), ("astream", astream())):
        with pytest.raises(core.QwenError) as caught:
            await awaitable
        failures[name] = caught.value
    return failures


@pytest.mark.parametrize(("status", "body", "kind", "retryable"), REPLIES, ids=lambda value: str(value)[:40])
async def test_kinds(chats: Chats, status: int, body: Any, kind: str, retryable: bool) -> None:
    llm = chats.answering(refusal(status, body, **{"x-request-id": "req-42"}), api_key=SECRET)
    for failure in (await _four_failures(llm)).values():
        assert type(failure) is getattr(langchain_qwen, kind)
        assert isinstance(failure, getattr(core, kind))
        assert isinstance(failure, langchain.LangChainException)
        if hasattr(langchain, "ModelError"):
            assert isinstance(failure, getattr(langchain, KINDS[kind]))
        error = cast("Any", failure)
        assert error.is_retryable is error.retryable is retryable
        assert (error.provider, error.model) == ("anyfast", "qwen3.6-flash")
        assert error.status == (status if status >= 400 else 429 if kind == "RateLimitError" else None)
        told = "".join(traceback.format_exception(failure))
        assert SECRET not in told + repr(failure) + str(failure) + repr(vars(failure))
        # The JSON decoder's; nothing was raised beneath an endpoint's own words.
        assert (error.__cause__ is not None) == (status < 400 and isinstance(body, bytes))
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert (again.status, again.request_id, again.retryable) == (error.status, error.request_id, error.retryable)
        assert str(copy.copy(error)) == str(error)


def test_every_kind_is_exported() -> None:
    kinds = {name for name in langchain_qwen.__all__ if name.endswith("Error")} - {"QwenError"}
    assert kinds == set(KINDS)
    assert kinds == {name for name in core.__all__ if name.endswith("Error")} - {"QwenError"}
    assert langchain_qwen.QwenError is core.QwenError
    assert issubclass(langchain_qwen.ContextOverflowError, langchain_qwen.InvalidRequestError)
    for name in kinds:
        kind = getattr(langchain_qwen, name)
        assert kind.__mro__[1] is getattr(core, name)
        assert kind.__module__.startswith("langchain_qwen")
        assert kind.__doc__


@needs_model_errors
def test_kinds_are_langchains() -> None:
    for name, theirs in KINDS.items():
        assert issubclass(getattr(langchain_qwen, name), getattr(langchain, theirs))
        assert issubclass(getattr(langchain_qwen, name), cast("Any", langchain).ModelError)


def test_kinds_say_whether_a_retry_helps() -> None:
    """LangChain has `is_retryable` on its classes, so ours must answer as classes too."""
    retryable = {name for name in KINDS if getattr(langchain_qwen, name).is_retryable is True}
    told = {name for name in KINDS if getattr(langchain_qwen, name)("x").is_retryable is True}
    assert retryable == told == {"ConnectionFailedError", "RateLimitError", "ServerError", "StreamInterruptedError",
        "TimedOutError"}  # fmt: skip
    assert langchain_qwen.ServerError("x", retryable=False).is_retryable is False  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def test_an_overflow_is_langchains(chats: Chats) -> None:
    """Summarisation catches this one; langchain-core has it longer than its other kinds."""
    with pytest.raises(langchain.ContextOverflowError):
        chats.at("vision").invoke("word " * 300_000)
    with pytest.raises(core.InvalidRequestError):
        chats.at("vision").invoke("word " * 300_000)


@pytest.mark.parametrize("endpoint", ["cn", "flash", "text", "messages"])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 429, 500, 503])
def test_refusals_of_the_gateways(chats: Chats, status: int, endpoint: str) -> None:
    llm = chats.at(endpoint, max_retries=0, default_headers={"x-sandbox-fault": str(status)})
    with pytest.raises(core.QwenError) as caught:
        llm.invoke("hi")
    assert caught.value.status == status
    assert type(caught.value).__module__ == "langchain_qwen._errors"


def test_a_wrong_key(chats: Chats) -> None:
    with pytest.raises(langchain_qwen.AuthenticationError) as caught:
        chats.at("flash", api_key=SECRET).invoke("hi")
    assert SECRET not in repr(caught.value)


def test_the_request_id_is_told(chats: Chats) -> None:
    llm = chats.answering(refusal(500, _error("oops"), **{"x-request-id": "req-42"}))
    with pytest.raises(langchain_qwen.ServerError, match=r"oops.*HTTP 500.*request req-42") as caught:
        llm.invoke("hi")
    assert caught.value.request_id == "req-42"


# Streams that fail half-way


async def _partials(llm: ChatQwen) -> list[tuple[str, Any]]:
    """What was given out before the failure, and the failure."""
    heard: list[str] = []

    def read() -> None:
        for piece in llm.stream("hi"):
            heard.append(piece.text)  # noqa: PERF401 - what came before the failure counts

    async def aread() -> None:
        async for piece in llm.astream("hi"):
            heard.append(piece.text)  # noqa: PERF401 - as above

    with pytest.raises(core.QwenError) as caught:
        read()
    failures = [("".join(heard), caught.value)]
    heard.clear()
    with pytest.raises(core.QwenError) as caught:
        await aread()
    return [*failures, ("".join(heard), caught.value)]


BROKEN: dict[str, tuple[Reply, str]] = {
    "cut off": (sse([chunk(content="one "), chunk(content="two")], done=False), "StreamInterruptedError"),
    "aborted": (sse([chunk(content="one "), chunk(content="two")], done=False, abort=True), "StreamInterruptedError"),
    "error event": (
        sse([chunk(content="one "), chunk(content="two"), {"error": {"message": "Rate limit exceeded", "code": 429}}]),
        "RateLimitError",
    ),
    "failed": (sse([chunk(content="one "), chunk(content="two"), chunk("error")]), "ServerError"),
    "broken JSON": (
        Reply(
            chunks=[*(sse([chunk(content="one "), chunk(content="two")], done=False).chunks or ()), b"data: {oh\n\n"],
            content_type="text/event-stream",
        ),
        "MalformedResponseError",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_stream_that_breaks_keeps_what_came(chats: Chats, case: str) -> None:
    reply, kind = BROKEN[case]
    llm = chats.answering(reply)
    for heard, error in await _partials(llm):
        assert heard == "one two"
        assert type(error) is getattr(langchain_qwen, kind)
        assert error.partial is not None
        assert error.partial.first.text == "one two"
        assert pickle.loads(pickle.dumps(error)).partial == error.partial  # noqa: S301 - our own
    with pytest.raises(core.QwenError) as caught:
        llm.invoke("hi")
    assert type(caught.value) is getattr(langchain_qwen, kind)


def test_nothing_is_repeated_once_something_came(chats: Chats) -> None:
    llm = chats.answering(sse([chunk(content="one")], done=False), max_retries=3)
    with pytest.raises(langchain_qwen.StreamInterruptedError):
        list(llm.stream("hi"))
    assert len(chats.bodies) == 1


def test_a_failure_that_passes_is_retried(chats: Chats) -> None:
    llm = chats.answering(refusal(500, _error("oops")), whole({"content": "x"}), max_retries=2)
    assert llm.invoke("hi").content == "x"
    assert len(chats.bodies) == 2


async def test_nobody_there() -> None:
    llm = _build(base_url="http://127.0.0.1:9/v1", max_retries=0)
    for error in (await _four_failures(llm)).values():
        assert type(error) is langchain_qwen.ConnectionFailedError
        assert "http://127.0.0.1:9/v1" in str(error)
        assert error.__cause__ is not None


# Before anything is sent


def _build(**settings: Any) -> ChatQwen:
    given: dict[str, Any] = {"model": "qwen3.6-flash", "provider": "anyfast", "api_key": SECRET}
    return ChatQwen(**{**given, **settings})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"provider": "anyfats"}, "Did you mean 'anyfast'"),
        ({"temperature": 3}, "temperature=3.0 is out of range"),
        ({"max_tokens": 100_000}, "max_tokens=100000"),
        ({"thinking_budget": 100}, "thinking_budget=100 would not reach"),
        ({"enable_thinking": True, "reasoning_effort": "none"}, "contradict"),
        ({"base_url": "ftp://example.com"}, "no.*http"),
        ({"base_url": "http://example.com/v1"}, "clear text"),
        ({"model": "qwen/qwen3-vl-32b-instruct", "provider": "wcode", "enable_thinking": True}, "does not reason"),
    ],
    ids=str,
)
def test_mistakes_show_where_they_are_made(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(langchain_qwen.ConfigurationError, match=told) as caught:
        _build(**settings)
    assert SECRET not in str(caught.value)
    assert cast("Any", caught.value).is_retryable is False


def test_mistakes_of_one_call(chats: Chats) -> None:
    llm = chats.at("flash")
    for mistake in ({"temperature": 3}, {"temperature": "warm"}, {"thinking_budget": 5}, {"provider": "nobody"}):
        with pytest.raises(langchain_qwen.ConfigurationError):
            llm.invoke("hi", **cast("Any", mistake))
        with pytest.raises(langchain_qwen.ConfigurationError):
            list(llm.stream("hi", **cast("Any", mistake)))
    assert chats.bodies == []


def test_a_missing_key_is_told_before_sending() -> None:
    llm = ChatQwen(model="qwen3.6-flash", provider="anyfast")
    with pytest.raises(langchain_qwen.ConfigurationError, match="ANYFAST_API_KEY"):
        llm.invoke("hi")


# Prompts that do not fit

OVERFLOWS: dict[str, tuple[int, Any]] = {
    # The bodies are as the servers send them; see `qwen_endpoints.failures` for where they were seen.
    "DashScope": (
        400,
        _error(
            "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]",
            "invalid_parameter_error",
            type="invalid_request_error",
        ),
    ),
    "DashScope, native": (
        400,
        {"code": "InvalidParameter", "message": "Range of input length should be [1, 30720]", "request_id": "r"},
    ),
    "DashScope, documents": (400, _error("Total message token length exceed model limit (10000000 tokens).")),
    "new-api": (
        400,
        _error(
            "Range of input length should be [1, 983616] (request id: 20261120101500123456789)",
            "invalid_parameter_error",
            type="upstream_error",
            param="",
        ),
    ),
    "OpenRouter": (
        400,
        _error(
            "This endpoint's maximum context length is 131072 tokens. However, you requested about 200009 tokens "
            "(200009 of text input). Please reduce the length of either one.",
            400,
        ),
    ),
    "OpenRouter, of its upstream": (
        400,
        _error(
            "Provider returned error",
            400,
            metadata={"raw": '{"message":"Range of input length should be [1, 98304]"}', "provider_name": "Alibaba"},
        ),
    ),
    "vLLM": (
        400,
        _error(
            "This model's maximum context length is 65536 tokens. However, your request has 93196 input tokens. Please "
            "reduce the length of the input messages.",
            400,
            type="BadRequestError",
        ),
    ),
    "vLLM, flat": (
        400,
        {
            "object": "error",
            "message": "The decoder prompt (length 15329) is longer than the maximum model length of 8192. Make sure "
            "that `max_model_len` is no smaller than the number of text tokens plus multimodal tokens.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
    ),
    "vLLM behind Xinference": (
        500,
        {"detail": "[address=0.0.0.0:43769] The decoder prompt (length 66501) is longer than the maximum model length"},
    ),
    "vLLM, nothing left": (400, _error("max_tokens must be at least 1, got -46771. (parameter=max_tokens)", 400)),
    "SGLang": (400, _error("The input (40970 tokens) is longer than the model's context length (40960 tokens).", 400)),
    "llama.cpp": (
        400,
        _error(
            "request (2009 tokens) exceeds the available context size (512 tokens), try increasing it",
            400,
            type="exceed_context_size_error",
            n_ctx=512,
        ),
    ),
    "llama.cpp, late": (200, _error("Context size has been exceeded.", 500, type="server_error")),
    "LM Studio": (
        400,
        {"error": "Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with "
        "context length of only 4096 tokens, which is not enough."},
    ),
    "Ollama": (400, _error("prompt too long; exceeded max context length by 4 tokens", None, type="api_error")),
    "SiliconFlow": (
        400,
        {"code": 20015, "message": "length of prompt_tokens (48322) must be less than max_seq_len (32768)."},
    ),
    "TGI": (422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"}),
}  # fmt: skip
NEARLY: dict[str, tuple[int, Any]] = {
    "max_tokens": (400, _error("Range of max_tokens should be [1, 8192]", "invalid_parameter_error")),
    "most of an answer": (400, _error("max_tokens is too large: 99999. This model supports at most 16384 completion")),
    "max_tokens 0": (400, _error("max_tokens must be at least 1, got 0.")),
    "large file": (413, _error("The request body (or file) is too large")),
    "tokens per minute": (429, _error("Limit 6000 tokens per minute; reduce the length of the messages")),
}


@pytest.mark.parametrize("server", OVERFLOWS)
def test_a_prompt_that_does_not_fit(chats: Chats, server: str) -> None:
    """Whole, and where a server has said 200 already and notices in mid-stream."""
    status, body = OVERFLOWS[server]
    late = sse([chunk(content="one"), {"error": body["detail"]} if "detail" in body else body], done=False)
    for llm, call in ((chats.answering(refusal(status, body)), "invoke"), (chats.answering(late), "stream")):
        with pytest.raises(langchain.ContextOverflowError) as caught:
            list(getattr(llm, call)("hi"))
        assert type(caught.value) is langchain_qwen.ContextOverflowError
        assert cast("Any", caught.value).is_retryable is False
    assert len(chats.bodies) == 2


@pytest.mark.parametrize("case", NEARLY)
def test_other_refusals_that_speak_of_length(chats: Chats, case: str) -> None:
    with pytest.raises(core.QwenError) as caught:
        chats.answering(refusal(*NEARLY[case])).invoke("hi")
    assert not isinstance(caught.value, langchain.ContextOverflowError)


# What LangChain does with them


def test_errors_of_others_pass_through(chats: Chats) -> None:
    def explode(_: AIMessage) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        (chats.at("flash") | RunnableLambda(explode)).invoke("hi")
