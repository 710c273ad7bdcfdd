from __future__ import annotations

import logging
import pickle
import socket
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from qwen_endpoints import (
    AuthenticationError,
    Call,
    ConfigurationError,
    ConnectionFailedError,
    ContentFilteredError,
    ContextOverflowError,
    InvalidRequestError,
    MalformedResponseError,
    ModelNotFoundError,
    PermissionDeniedError,
    QuotaExhaustedError,
    QwenClient,
    QwenError,
    QwenSettings,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    TimedOutError,
    plan_call,
)
from qwen_endpoints.failures import ErrorScope

from .support import (
    HELLO,
    KEY,
    SSE,
    Reply,
    Server,
    chunk,
    sse_body,
    sse_reply,
    stream_async,
    stream_sync,
    user,
    whole_async,
    whole_body,
    whole_sync,
)

SCOPE = ErrorScope(provider="wcode", model="m", secret=KEY)


def wrapped(message: str, code: Any = None, kind: str | None = None, **beside: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}, **beside}


KINDS: list[tuple[str, int | None, Any, type[QwenError], bool]] = [
    # OpenRouter: the code is the status
    ("openrouter bad key", 401, wrapped("No auth credentials found", 401), AuthenticationError, False),
    ("openrouter out of credit", 402, wrapped("Insufficient credits", 402), QuotaExhaustedError, False),
    ("openrouter rate limit in a 200", None, wrapped("Provider returned error", 429), RateLimitError, True),
    ("openrouter upstream failed in a 200", None, wrapped("Provider returned error", 502), ServerError, True),
    ("openrouter timeout", 408, wrapped("Timed out", 408), TimedOutError, True),
    # new-api
    ("new-api no token", 401, wrapped("No token provided"), AuthenticationError, False),
    ("new-api user quota", 403, wrapped("x", "insufficient_user_quota", "new_api_error"), QuotaExhaustedError, False),
    ("new-api pre-consumption", 403, wrapped("x", "pre_consume_token_quota_failed"), QuotaExhaustedError, False),
    ("new-api balance in words", 403, wrapped("用户额度不足"), QuotaExhaustedError, False),
    ("new-api no channel", 503, wrapped("当前分组 default 下对于模型 m 无可用渠道"), ModelNotFoundError, False),
    ("new-api no channel, newer", 503, wrapped("x", "model_not_found"), ModelNotFoundError, False),
    ("new-api saturated", 429, wrapped("当前分组上游负载已饱和，请稍后再试"), RateLimitError, True),
    ("new-api upstream", 500, wrapped("x", "do_request_failed", "new_api_error"), ServerError, True),
    ("new-api sensitive words", 400, wrapped("x", "sensitive_words_detected"), ContentFilteredError, False),
    ("new-api blocked prompt", 400, wrapped("x", "prompt_blocked"), ContentFilteredError, False),
    ("new-api concurrency", 400, wrapped("x", "token_concurrency_limit_reached"), RateLimitError, True),
    ("new-api access", 403, wrapped("x", "access_denied"), PermissionDeniedError, False),
    # DashScope, compatible and native
    ("dashscope bad key", 401, {"code": "InvalidApiKey", "message": "x", "request_id": "r"}, AuthenticationError,
        False),
    ("dashscope arrears", 400, wrapped("Access denied, please make sure your account is in good standing.",
        "Arrearage"),
     QuotaExhaustedError, False),
    ("dashscope inspection", 400, wrapped("Input data may contain inappropriate content.", "data_inspection_failed"),
     ContentFilteredError, False),
    ("dashscope native inspection", 400, {"code": "DataInspectionFailed", "message": "x"}, ContentFilteredError, False),
    ("dashscope parameter", 400, wrapped("x", "invalid_parameter_error", "invalid_request_error"),
        InvalidRequestError, False),
    ("dashscope too long", 400, wrapped("Range of input length should be [1, 1000]", "invalid_parameter_error"),
     ContextOverflowError, False),
    ("dashscope rate", 429, wrapped("Requests rate limit exceeded", "Throttling.RateQuota"), RateLimitError, True),
    ("dashscope tokens per minute", 429, wrapped("You exceeded your current quota", "insufficient_quota"),
        RateLimitError, True),
    ("dashscope free quota", 403, wrapped("Free allocated quota exceeded.", "AllocationQuota.FreeTierOnly"),
     QuotaExhaustedError, False),
    ("dashscope free quota as 429", 429, wrapped("Free allocated quota exceeded."), QuotaExhaustedError, False),
    ("dashscope no access", 403, {"code": "AccessDenied", "message": "x"}, PermissionDeniedError, False),
    ("dashscope no model", 404, wrapped("The model `m` does not exist", "model_not_found"), ModelNotFoundError, False),
    ("dashscope throttled, no status", None, {"code": "Throttling", "message": "x"}, RateLimitError, True),
    # wcode: words alone
    ("wcode balance", None, "API_KEY exceeded the current quota, please check your plan", QuotaExhaustedError, False),
    ("wcode balance in a 429", 429, "API_KEY exceeded the current quota, please check", QuotaExhaustedError, False),
    ("wcode wrong key", None, "Incorrect API_KEY provided", AuthenticationError, False),
    ("wcode no key", None, "No API_KEY provided, please check the header", AuthenticationError, False),
    ("wcode rate", None, "Rate limit exceeded, please try again later", RateLimitError, True),
    ("wcode too large", None, "The request body (or file) is too large, please reduce", InvalidRequestError, False),
    # Self-hosted
    ("vllm overflow", 400, wrapped("This model's maximum context length is 1 tokens. However, you requested 2", 400),
     ContextOverflowError, False),
    ("vllm flat", 404, {"object": "error", "message": "The model `m` does not exist.", "code": 404},
        ModelNotFoundError, False),
    ("llama.cpp overflow", 400, wrapped("the request exceeds the available context size", 400,
        "exceed_context_size_error"),
     ContextOverflowError, False),
    ("openai overflow", 400, wrapped("x", "context_length_exceeded"), ContextOverflowError, False),
    ("a flat refusal", 400, {"code": "x", "message": "temperature is too high", "type": "y"}, InvalidRequestError,
        False),
    # Status alone
    ("bare 400", 400, "", InvalidRequestError, False),
    ("bare 401", 401, "", AuthenticationError, False),
    ("bare 402", 402, "", QuotaExhaustedError, False),
    ("bare 403", 403, "", PermissionDeniedError, False),
    ("bare 404", 404, "<html>not found</html>", ModelNotFoundError, False),
    ("bare 408", 408, "", TimedOutError, True),
    ("bare 409", 409, "", ServerError, True),
    ("bare 413", 413, "", InvalidRequestError, False),
    ("bare 422", 422, {"detail": [{"msg": "field required"}]}, InvalidRequestError, False),
    ("bare 429", 429, "", RateLimitError, True),
    ("bare 500", 500, "", ServerError, True),
    ("bare 503", 503, "", ServerError, True),
    ("bare 504", 504, "", TimedOutError, True),
    ("nothing known", None, {"error": {}}, ServerError, True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS]
)
def test_failures_are_sorted_by_status_code_and_words(
    status: int | None, body: Any, kind: type[QwenError], retryable: bool
) -> None:
    error = SCOPE.from_body(body, status=status)
    assert (type(error), error.retryable) == (kind, retryable)
    assert (error.provider, error.model) == ("wcode", "m")
    assert error.body == body


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (wrapped("words", "c", "t"), "words", "c"),
        (wrapped("words", None, "t"), "words", "t"),
        (wrapped("words", 400), "words", "400"),
        (wrapped("words"), "words", None),
        ({"error": "words", "code": "c"}, "words", "c"),
        ({"code": "c", "message": "words"}, "words", "c"),
        ({"msg": "words"}, "words", None),
        ({"detail": "words"}, "words", None),
        ("  plain\n words ", "plain words", None),
        (wrapped("words", 429, metadata=None), "words", "429"),
        (
            {"error": {"message": "outer", "code": 429, "metadata": {"raw": "inner", "provider_name": "p"}}},
            "outer: inner",
            "429",
        ),
        ("", "the endpoint gave no reason", None),
        (None, "the endpoint gave no reason", None),
        ([], "the endpoint gave no reason", None),
        ({"error": {"message": None}}, "the endpoint gave no reason", None),
        ({"error": {"message": "x" * 9999}}, "x" * 2000, None),
    ],
)
def test_every_shape_of_error_body_is_read(body: Any, message: str, code: str | None) -> None:
    error = SCOPE.from_body(body, status=400)
    assert (error.message, error.code) == (message, code)


@pytest.mark.parametrize(
    ("body", "headers", "request_id"),
    [
        (wrapped("x", request_id="r-12345678"), {}, "r-12345678"),
        ({"code": "c", "message": "x", "request_id": "r-1"}, {}, "r-1"),
        (wrapped("x (request id: 20251101abcdef)"), {}, "20251101abcdef"),
        (wrapped("x"), {"x-request-id": "h-1"}, "h-1"),
        (wrapped("x"), {"x-oneapi-request-id": "h-2"}, "h-2"),
        (wrapped("x"), {"x-dashscope-request-id": "h-3"}, "h-3"),
        (wrapped("x"), {"x-generation-id": "h-4"}, "h-4"),
        (wrapped("x", request_id="body"), {"x-request-id": "header"}, "body"),
        (wrapped("x"), {}, None),
    ],
)
def test_the_request_id_is_found(body: Any, headers: dict[str, str], request_id: str | None) -> None:
    assert SCOPE.from_body(body, status=400, headers=headers).request_id == request_id


def test_an_error_says_where_and_what() -> None:
    error = SCOPE.from_body(wrapped("Too many", "c7", request_id="r-1"), status=429)
    assert str(error) == "Too many (wcode · m · HTTP 429 · code c7 · request r-1)"
    assert str(ConfigurationError("no")) == "no"


def test_the_key_is_struck_out_of_everything() -> None:
    body = {"error": {"message": f"bad key {KEY}", "code": KEY, "deep": [{"x": f"Bearer {KEY}"}]}, "request_id": KEY}
    error = SCOPE.from_body(body, status=401)
    assert KEY not in f"{error} {error!r} {error.__dict__} {SCOPE!r}"
    assert "***" in error.message


def test_errors_survive_pickling() -> None:
    with pytest.raises(QwenError) as caught:
        raise SCOPE.from_body(wrapped("x", 429, request_id="r"), status=429)
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert type(again) is RateLimitError
    assert again.__dict__ == caught.value.__dict__
    assert str(again) == str(caught.value)


# Over the wire, four ways


four_ways = pytest.mark.parametrize(
    "make", [whole_sync, stream_sync, whole_async, stream_async], ids=lambda f: f.__name__
)
Way = Callable[[QwenClient, Call], Any]


def call_to(url: str, **settings: Any) -> Call:
    given: dict[str, Any] = {
        "provider": "vllm",
        "model": "qwen3-32b",
        "api_key": KEY,
        "base_url": url,
        "max_retries": 0,
    }
    return plan_call(QwenSettings(**{**given, **settings}), [user()])


async def failure(make: Way, client: QwenClient, call: Call) -> QwenError:
    with pytest.raises(QwenError) as caught:
        await make(client, call)
    await client.aclose()
    return caught.value


@four_ways
async def test_a_refusal_keeps_status_body_and_id(server: Server, client: QwenClient, make: Way) -> None:
    body = b'{"error": {"message": "Wrong ' + KEY.encode() + b'", "code": "c"}, "request_id": "r-9"}'
    server.script(Reply((body,), status=400))
    error = await failure(make, client, call_to(server.url))
    assert type(error) is InvalidRequestError
    assert (error.status, error.code, error.request_id, error.provider) == (400, "c", "r-9", "vllm")
    assert error.message == "Wrong ***"
    assert error.__cause__ is None  # nothing was raised beneath it
    assert KEY not in "".join(traceback.format_exception(error))


@four_ways
@pytest.mark.parametrize(
    ("status", "requests"),
    [(400, 1), (401, 1), (402, 1), (403, 1), (404, 1), (422, 1), (408, 3), (409, 3), (425, 3), (429, 3), (500, 3)],
)
async def test_only_what_may_pass_is_repeated(
    server: Server, client: QwenClient, make: Way, status: int, requests: int
) -> None:
    server.script(Reply((b"{}",), status=status, headers={"Retry-After-Ms": "1"}))
    error = await failure(make, client, call_to(server.url, max_retries=2))
    assert error.status == status
    assert len(server.received) == requests


@four_ways
async def test_retries_can_be_switched_off_and_may_succeed(server: Server, client: QwenClient, make: Way) -> None:
    busy = Reply((b"{}",), status=429, headers={"Retry-After-Ms": "1"})
    server.script(busy)
    await failure(make, client, call_to(server.url, max_retries=0))
    assert len(server.received) == 1
    server.script(busy, busy, sse_reply(*HELLO))
    await make(client, call_to(server.url, max_retries=2))
    await client.aclose()
    assert len(server.received) == 4


@pytest.mark.parametrize("make", [stream_sync, stream_async], ids=lambda f: f.__name__)
async def test_nothing_is_repeated_after_the_first_piece_of_a_stream(
    server: Server, client: QwenClient, make: Way
) -> None:
    server.script(sse_reply(chunk({"content": "Hel"}), done=False, after="drop"))
    error = await failure(make, client, call_to(server.url, max_retries=2))
    assert type(error) is StreamInterruptedError
    assert error.partial is not None
    assert error.partial.first.text == "Hel"
    assert error.retryable
    assert len(server.received) == 1


@four_ways
async def test_an_error_inside_a_200_is_one_of_its_kind(server: Server, client: QwenClient, make: Way) -> None:
    server.script(Reply((b'{"error": {"message": "Slow down", "code": 429}}',)))
    error = await failure(make, client, call_to(server.url))
    assert type(error) is RateLimitError
    assert (error.status, error.code, error.retryable) == (429, "429", True)


@four_ways
async def test_a_web_page_with_status_200(server: Server, client: QwenClient, make: Way) -> None:
    server.script(Reply((b"<html>Welcome</html>",), content_type="text/html"))
    error = await failure(make, client, call_to(server.url))
    assert type(error) is MalformedResponseError
    assert server.url in error.message


@four_ways
async def test_a_refused_connection(client: QwenClient, make: Way) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    error = await failure(make, client, call_to(url))
    assert type(error) is ConnectionFailedError
    assert error.retryable
    assert url in error.message
    assert isinstance(error.__cause__, httpx2.ConnectError)


@four_ways
async def test_a_server_that_does_not_answer(client: QwenClient, make: Way) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        error = await failure(make, client, call_to(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", timeout=0.1))
    assert type(error) is TimedOutError
    assert "0.1 s" in error.message
    assert isinstance(error.__cause__, httpx2.ReadTimeout)


@pytest.mark.parametrize("make", [stream_sync, stream_async], ids=lambda f: f.__name__)
async def test_a_stream_that_falls_silent(server: Server, client: QwenClient, make: Way) -> None:
    server.script(sse_reply(chunk({"content": "Hel"}), done=False, after="hold"))
    error = await failure(make, client, call_to(server.url, stream_idle_timeout=1.5, timeout=30))
    assert type(error) is TimedOutError
    assert "stream_idle_timeout" in error.message
    assert error.partial is not None
    assert error.partial.first.text == "Hel"


@pytest.mark.parametrize("make", [stream_sync, stream_async], ids=lambda f: f.__name__)
async def test_keep_alives_do_not_keep_a_stream_alive_for_ever(server: Server, client: QwenClient, make: Way) -> None:
    pings = [b": PING\n\n"] * 80
    server.script(Reply((sse_body(chunk({"content": "Hel"}), done=False), *pings), content_type=SSE, pause=0.05))
    error = await failure(make, client, call_to(server.url, stream_idle_timeout=1.5))
    assert type(error) is TimedOutError
    assert "keep-alives" in error.message


@pytest.mark.parametrize("provider", ["dashscope", "dashscope-intl"])
def test_a_refused_key_comes_with_the_rows_hint(server: Server, client: QwenClient, provider: str) -> None:
    server.script(Reply((b"{}",), status=401))
    with pytest.raises(AuthenticationError, match="bound to a region"):
        client.complete(call_to(server.url, provider=provider, enable_thinking=False))


def test_the_transports_own_logging_does_not_show_the_key(
    server: Server, client: QwenClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script(Reply((whole_body(),)))
    client.complete(call_to(server.url))
    assert {"httpx2", "httpcore2.http11"} <= {record.name for record in caplog.records}
    assert KEY not in caplog.text


class _OwnError(Exception):
    """An exception of the caller's own."""

    def __init__(self) -> None:
        super().__init__({"seen": KEY})
        self.facts = {"key": KEY}


async def _while_handling(work: Callable[[], Awaitable[object]]) -> tuple[_OwnError, QwenError]:
    try:
        raise _OwnError  # noqa: TRY301 - it is what the call is made under
    except _OwnError as mine:
        with pytest.raises(QwenError) as caught:
            await work()
        return mine, caught.value


def _is_untouched(mine: _OwnError, error: QwenError) -> bool:
    context, chain = error.__context__, list[BaseException]()
    while context is not None:
        chain.append(context)
        context = context.__context__
    return mine in chain and (mine.args, mine.facts) == (({"seen": KEY},), {"key": KEY})


@four_ways
async def test_an_exception_that_the_caller_was_handling_is_left_alone(
    server: Server, client: QwenClient, make: Way
) -> None:
    server.script(Reply((), after="drop"))
    mine, error = await _while_handling(lambda: make(client, call_to(server.url)))
    assert _is_untouched(mine, error)


async def test_so_is_one_that_was_handled_later_in_a_stream(server: Server, client: QwenClient) -> None:
    server.script(Reply((sse_body(chunk({"content": "Hel"}), done=False),), content_type=SSE, after="drop"))
    pieces = client.astream(call_to(server.url))
    await anext(pieces)
    mine, error = await _while_handling(lambda: anext(pieces))
    assert _is_untouched(mine, error)
    await client.aclose()
