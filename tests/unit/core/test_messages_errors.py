"""What goes wrong over Messages: as an event in a stream, as a refusal with a status, and on the way."""

# ruff: noqa: PLR0917 - parameters come from the table above each test
from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from qwen_endpoints import (
    AuthenticationError,
    ContextOverflowError,
    InvalidRequestError,
    ModelNotFoundError,
    PermissionDeniedError,
    QuotaExhaustedError,
    QwenClient,
    QwenError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    TimedOutError,
    plan_call,
)

from .messages_support import HELLO, PING, decode, decode_whole, failure, sse, stream_reply, whole_reply
from .support import KEY, SSE, Reply, Server, make, stream_async, stream_sync, user, whole_async, whole_sync

KINDS: list[tuple[str, int, type[QwenError], bool]] = [
    ("invalid_request_error", 400, InvalidRequestError, False),
    ("authentication_error", 401, AuthenticationError, False),
    ("billing_error", 402, QuotaExhaustedError, False),
    ("permission_error", 403, PermissionDeniedError, False),
    ("not_found_error", 404, ModelNotFoundError, False),
    ("request_too_large", 413, InvalidRequestError, False),
    ("rate_limit_error", 429, RateLimitError, True),
    ("api_error", 500, ServerError, True),
    ("timeout_error", 504, TimedOutError, True),
    ("overloaded_error", 529, ServerError, True),
]
"""docs.anthropic.com, errors, 2026."""
WORDS: list[tuple[str, type[QwenError]]] = [
    ("prompt is too long: 210000 tokens > 200000 maximum", ContextOverflowError),
    ("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", ContextOverflowError),
    ("Your credit balance is too low to access the Anthropic API.", QuotaExhaustedError),
]
kinds = pytest.mark.parametrize(("name", "status", "kind", "retryable"), KINDS, ids=[row[0] for row in KINDS])


@kinds
def test_an_error_event_is_sorted_by_its_type(
    name: str, status: int, kind: type[QwenError], *, retryable: bool
) -> None:
    assert status >= 400
    for before in ((), HELLO[:4]):
        with pytest.raises(QwenError) as caught:
            decode(*before, failure(name, "words", request_id="req_12345678"), *HELLO[4:])
        error = caught.value
        assert (type(error), error.retryable) == (kind, retryable)
        assert (error.message, error.code, error.status) == ("words", name, None)
        assert error.request_id == "req_12345678"
        assert (error.partial.first.text if error.partial else None) == ("Hel" if before else None)


@pytest.mark.parametrize("name", ["new_error", "", None, 5, ["x"]])
def test_an_error_of_an_unknown_type_is_the_servers(name: Any) -> None:
    for payload in (failure(name), {"type": "error"}, {"type": "error", "error": "x"}, {"error": {"message": "x"}}):
        with pytest.raises(ServerError):
            decode(*HELLO[:4], payload)
        with pytest.raises(ServerError):
            decode_whole(payload)


@pytest.mark.parametrize(("words", "kind"), WORDS)
def test_words_say_more_than_the_type(words: str, kind: type[QwenError]) -> None:
    with pytest.raises(kind):
        decode(*HELLO[:4], failure("invalid_request_error", words))


# Over the wire, four ways


Way = Callable[[QwenClient, Any], Any]
four_ways = pytest.mark.parametrize("way", [whole_sync, stream_sync, whole_async, stream_async])
streams = pytest.mark.parametrize("way", [stream_sync, stream_async])


async def problem(way: Way, server: Server, client: QwenClient, **settings: Any) -> QwenError:
    given: dict[str, Any] = {"max_retries": 0, **settings}
    with pytest.raises(QwenError) as caught:
        await way(client, plan_call(make(server, "wcode-anthropic", **given), [user()]))
    await client.aclose()
    return caught.value


@four_ways
@kinds
async def test_a_refusal_is_sorted_by_status_and_type(
    server: Server, client: QwenClient, way: Way, name: str, status: int, kind: type[QwenError], *, retryable: bool
) -> None:
    body = json.dumps(failure(name, f"words {KEY}")).encode()
    server.script(Reply((body,), status=status, headers={"request-id": "req_1"}))
    error = await problem(way, server, client)
    assert (type(error), error.retryable, error.status, error.code) == (kind, retryable, status, name)
    assert (error.message, error.request_id) == ("words ***", "req_1")
    assert error.__cause__ is None
    assert KEY not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(("words", "kind"), WORDS)
async def test_a_refusals_words_say_more_than_its_type(
    server: Server, client: QwenClient, words: str, kind: type[QwenError]
) -> None:
    server.script(Reply((json.dumps(failure("invalid_request_error", words)).encode(),), status=400))
    assert type(await problem(whole_sync, server, client)) is kind


@four_ways
@pytest.mark.parametrize(("status", "requests"), [(400, 1), (401, 1), (413, 1), (429, 3), (500, 3), (529, 3)])
async def test_only_what_may_pass_is_repeated(
    server: Server, client: QwenClient, way: Way, status: int, requests: int
) -> None:
    server.script(Reply((b"{}",), status=status, headers={"Retry-After-Ms": "1"}))
    await problem(way, server, client, max_retries=2)
    assert len(server.received) == requests


@four_ways
async def test_a_repeated_request_may_succeed(server: Server, client: QwenClient, way: Way) -> None:
    busy = Reply((json.dumps(failure("overloaded_error")).encode(),), status=529, headers={"Retry-After": "0.01"})
    server.script(busy, busy, stream_reply())
    await way(client, plan_call(make(server, "wcode-anthropic", max_retries=2), [user()]))
    await client.aclose()
    assert [seen.json["messages"] for seen in server.received] == [server.last.json["messages"]] * 3


@streams
async def test_nothing_is_repeated_after_the_first_byte(server: Server, client: QwenClient, way: Way) -> None:
    server.script(stream_reply(*HELLO[:4], after="drop"))
    error = await problem(way, server, client, max_retries=2)
    assert (type(error), error.retryable, len(server.received)) == (StreamInterruptedError, True, 1)
    assert error.partial is not None
    assert error.partial.first.text == "Hel"


@streams
async def test_a_stream_that_falls_silent(server: Server, client: QwenClient, way: Way) -> None:
    server.script(stream_reply(*HELLO[:4], after="hold"))
    error = await problem(way, server, client, stream_idle_timeout=1, timeout=30)
    assert type(error) is TimedOutError
    assert "stream_idle_timeout" in error.message
    assert error.partial is not None
    assert error.partial.first.text == "Hel"


@streams
async def test_pings_do_not_keep_a_stream_alive_for_ever(server: Server, client: QwenClient, way: Way) -> None:
    pieces = (sse(*HELLO[:4]), *[sse(PING)] * 60)
    server.script(Reply(pieces, content_type=SSE, pause=0.05))
    error = await problem(way, server, client, stream_idle_timeout=1)
    assert type(error) is TimedOutError
    assert "only keep-alives" in error.message
    assert error.partial is not None
    assert error.partial.first.text == "Hel"


@streams
async def test_pings_between_words_do_no_harm(server: Server, client: QwenClient, way: Way) -> None:
    pieces = (sse(HELLO[0], HELLO[1]), *[sse(PING), sse(HELLO[3])] * 15, sse(*HELLO[5:]))
    server.script(Reply(pieces, content_type=SSE, pause=0.05))
    call = plan_call(make(server, "wcode-anthropic", stream_idle_timeout=1), [user()])
    deltas = await way(client, call)
    await client.aclose()
    assert deltas[-1].completion.first.text == "Hel" * 15


@pytest.mark.parametrize("provider", ["wcode-anthropic", "vllm-anthropic"])
async def test_the_transports_own_logging_does_not_show_the_key(
    server: Server, client: QwenClient, caplog: pytest.LogCaptureFixture, provider: str
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script(whole_reply())
    call = plan_call(make(server, provider), [user()], overrides={"extra_headers": {"Api-Key": KEY}})
    client.complete(call)
    await client.acomplete(call)
    await client.aclose()
    assert {"httpx2", "httpcore2.http11"} <= {record.name for record in caplog.records}
    assert KEY not in caplog.text
    assert server.last.header("Api-Key") == KEY
