"""What is asked again, how often, and after how long."""

# ruff: noqa: PLR0917 - parameters come from the tables above the tests
from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from qwen_endpoints import (
    AuthenticationError,
    Call,
    ConnectionFailedError,
    MalformedResponseError,
    ModelNotFoundError,
    QuotaExhaustedError,
    QwenClient,
    QwenError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    plan_call,
    track_costs,
)
from qwen_endpoints.attempts import LONGEST_WAIT, pause_after
from typing_extensions import override

from .messages_support import failure as failure_event
from .messages_support import stream_reply, whole_reply
from .support import (
    HELLO,
    SSE,
    Reply,
    Server,
    chunk,
    json_reply,
    make,
    sse_body,
    sse_reply,
    stream_async,
    stream_sync,
    text_of,
    user,
    whole_async,
    whole_body,
    whole_sync,
)

Way = Callable[[QwenClient, Call], Awaitable[Any]]
WHOLE, STREAMED = (whole_sync, whole_async), (stream_sync, stream_async)
four_ways = pytest.mark.parametrize("way", [*WHOLE, *STREAMED], ids=lambda way: way.__name__)
streams = pytest.mark.parametrize("way", STREAMED, ids=lambda way: way.__name__)
SOON = {"Retry-After-Ms": "1"}


def call_to(server: Server, **settings: Any) -> Call:
    return plan_call(make(server, "vllm", **{"max_retries": 2, **settings}), [user()])


def refusing(status: int, said: Any = None, **headers: str) -> Reply:
    return Reply((json.dumps({"error": said or {"message": "no"}}).encode(),), status=status, headers=headers or SOON)


async def failure(way: Way, client: QwenClient, call: Call) -> QwenError:
    with pytest.raises(QwenError) as caught:
        await way(client, call)
    await client.aclose()
    return caught.value


# What


BROKEN: dict[str, tuple[Reply, type[QwenError]]] = {
    "a status": (refusing(503), ServerError),
    "a reply without a body": (Reply((), after="drop"), StreamInterruptedError),
    "half a body": (Reply((whole_body()[:20],), after="drop"), StreamInterruptedError),
    "a stream before its first piece": (Reply((b": hi\n\n",), content_type=SSE, after="drop"), StreamInterruptedError),
    "an error with status 200": (Reply((b'{"error": {"message": "x", "code": 502}}',)), ServerError),
    "a stream that begins with an error": (
        Reply((b'data: {"error": {"message": "x", "code": 429}}\n\n',), content_type=SSE), RateLimitError
    ),
}  # fmt: skip


class Counted(list[Any]):
    """A conversation that counts how often it is gone through, which nobody can who encodes it once more."""

    reads = 0

    @override
    def __iter__(self) -> Iterator[Any]:
        self.reads += 1
        return super().__iter__()


@four_ways
async def test_the_body_is_written_once_however_often_it_is_sent(server: Server, client: QwenClient, way: Way) -> None:
    reply, reads = sse_reply(*HELLO) if way in STREAMED else json_reply(), list[int]()
    for replies in ([reply], [refusing(503), refusing(503), reply]):
        conversation = Counted([user()])
        server.received.clear()
        server.script(*replies)
        await way(client, plan_call(make(server, "vllm", max_retries=2), conversation))
        assert len({seen.body for seen in server.received}) == 1
        assert len(server.received) == len(replies)
        reads.append(conversation.reads)
    assert reads[0] == reads[1] > 0


@four_ways
@pytest.mark.parametrize("name", BROKEN)
async def test_what_may_pass_is_asked_again(server: Server, client: QwenClient, way: Way, name: str) -> None:
    broken, kind = BROKEN[name]
    server.script(broken, replace(broken, pieces=broken.pieces), sse_reply(*HELLO) if way in STREAMED else json_reply())
    assert text_of(await way(client, call_to(server))) == "Hello."
    assert len(server.received) == 3
    assert {(seen.body, seen.path) for seen in server.received} == {(server.last.body, server.last.path)}
    server.received.clear()
    server.script(broken)
    assert type(await failure(way, client, call_to(server, max_retries=1))) is kind
    assert len(server.received) == 2


@four_ways
async def test_what_may_pass_over_messages(server: Server, client: QwenClient, way: Way) -> None:
    overloaded = Reply((b"event: error\ndata: " + json.dumps(failure_event("overloaded_error")).encode() + b"\n\n",),
                       content_type=SSE)  # fmt: skip
    server.script(overloaded, refusing(529), stream_reply() if way in STREAMED else whole_reply())
    call = plan_call(make(server, "wcode-anthropic"), [user()])
    assert text_of(await way(client, call)) == "Hello."
    assert len(server.received) == 3
    await client.aclose()


FINAL: dict[str, tuple[Reply, type[QwenError]]] = {
    "a quota, with status 429": (refusing(429, {"message": "Free allocated quota exceeded."}), QuotaExhaustedError),
    "no channel, with status 503": (refusing(503, {"message": "无可用渠道"}), ModelNotFoundError),
    "a wrong key with status 200": (Reply((b'{"error": {"message": "x", "code": 401}}',)), AuthenticationError),
    "a web page": (Reply((b"<html>Hi</html>",), content_type="text/html"), MalformedResponseError),
}


@four_ways
@pytest.mark.parametrize("name", FINAL)
async def test_what_cannot_pass_is_not(server: Server, client: QwenClient, way: Way, name: str) -> None:
    reply, kind = FINAL[name]
    server.script(reply)
    error = await failure(way, client, call_to(server))
    assert (type(error), error.retryable, len(server.received)) == (kind, False, 1)


@streams
@pytest.mark.parametrize("begun", [(), HELLO[:1], (chunk({"role": "assistant", "content": ""}),)])
async def test_a_stream_only_as_long_as_nobody_has_a_piece_of_it(
    server: Server, client: QwenClient, way: Way, begun: tuple[Any, ...]
) -> None:
    server.script(sse_reply(*begun, done=False, after="drop"))
    error = await failure(way, client, call_to(server))
    given = "Hel" in str(begun)
    assert (type(error), len(server.received)) == (StreamInterruptedError, 1 if given else 3)
    assert (error.partial is not None and error.partial.first.text == "Hel") == given


@streams
async def test_nothing_of_a_failed_attempt_is_in_the_answer(server: Server, client: QwenClient, way: Way) -> None:
    """The first one has brought reasoning's opening, an id and a usage when it breaks off."""
    opening = chunk({"role": "assistant", "content": ""}, id="wrong", usage={"prompt_tokens": 7})
    server.script(Reply((sse_body(opening, done=False),), content_type=SSE, after="drop"), sse_reply(*HELLO))
    answer = await way(client, call_to(server))
    await client.aclose()
    assert (text_of(answer), answer[-1].completion.id, answer[-1].completion.usage) == ("Hello.", "r-1", None)


@four_ways
async def test_a_connection_that_breaks_before_the_reply(server: Server, client: QwenClient, way: Way) -> None:
    """A server that is gone for the moment."""
    error = await failure(way, client, call_to(server, base_url="http://127.0.0.1:9/v1", max_retries=1))
    assert (type(error), error.retryable) == (ConnectionFailedError, True)


@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_as_often_as_was_said(server: Server, client: QwenClient, max_retries: int) -> None:
    server.script(refusing(500))
    with pytest.raises(ServerError):
        client.complete(call_to(server, max_retries=max_retries))
    assert len(server.received) == 1 + max_retries
    server.received.clear()
    call = plan_call(make(server, "vllm", max_retries=5), [user()], overrides={"max_retries": max_retries})
    with pytest.raises(ServerError):
        client.complete(call)
    assert len(server.received) == 1 + max_retries


def test_every_reply_that_began_counts_as_a_call(server: Server, client: QwenClient) -> None:
    """The endpoint may charge for what broke off as well, and nobody knows how much."""
    answer = json_reply(usage={"prompt_tokens": 1, "completion_tokens": 2})
    server.script(Reply((whole_body()[:20],), after="drop"), refusing(503), answer)
    with track_costs() as costs:
        client.complete(call_to(server))
    assert [(row.calls, row.unpriced) for row in costs.by_model] == [(2, 2)]  # vLLM has no price


# After how long


def error_of(retry_after: float | None = None, *, retryable: bool = True) -> QwenError:
    return RateLimitError("x", retry_after=retry_after, retryable=retryable)


@pytest.mark.parametrize(("repeated", "longest"), [(0, 0.5), (1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (50, 8)])
def test_pauses_grow_up_to_a_limit_and_differ(repeated: int, longest: float) -> None:
    found = [pause_after(error_of(), repeated, 100) for _ in range(200)]
    pauses = [pause for pause in found if pause is not None]
    assert len(set(pauses)) > 190
    assert longest / 2 <= min(pauses) < longest * 0.6
    assert longest * 0.9 < max(pauses) <= longest


@pytest.mark.parametrize("stated", [0, 1, 59.9, LONGEST_WAIT])
def test_the_stated_pause_is_the_least(stated: float) -> None:
    pauses = [pause for _ in range(200) if (pause := pause_after(error_of(stated), 0, 1)) is not None]
    assert len(set(pauses)) > 190
    assert stated <= min(pauses)
    assert max(pauses) <= stated + 0.25


@pytest.mark.parametrize(
    ("error", "repeated", "most"),
    [(error_of(), 0, 0), (error_of(), 2, 2), (error_of(retryable=False), 0, 9), (error_of(LONGEST_WAIT + 0.1), 0, 9)],
)
def test_there_is_none_where_nothing_is_repeated(error: QwenError, repeated: int, most: int) -> None:
    assert pause_after(error, repeated, most) is None


@four_ways
async def test_retry_after_is_honoured(server: Server, client: QwenClient, way: Way) -> None:
    server.script(refusing(429, **{"Retry-After": "1"}), sse_reply(*HELLO) if way in STREAMED else json_reply())
    began = time.monotonic()
    await way(client, call_to(server))
    await client.aclose()
    assert time.monotonic() - began >= 1


def in_a_year() -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(days=365), usegmt=True)


@four_ways
@pytest.mark.parametrize(
    ("header", "value", "seconds"),
    [("Retry-After", "61", 61), ("Retry-After", "4294967", 4294967), ("Retry-After", in_a_year(), 365 * 86400),
     ("Retry-After", "1e300", 1e300), ("Retry-After-Ms", "61000", 61)],
    ids=["a minute and a second", "49 days", "a date", "for ever", "in milliseconds"],
)  # fmt: skip
async def test_who_asks_for_more_than_a_minute_is_not_asked_again(
    server: Server, client: QwenClient, way: Way, header: str, value: str, seconds: float
) -> None:
    server.script(refusing(429, **{header: value}))
    error = await failure(way, client, call_to(server))
    assert (type(error), error.retryable, len(server.received)) == (RateLimitError, True, 1)
    assert error.retry_after == pytest.approx(seconds, rel=0.01)


@pytest.mark.parametrize("value", ["nan", "inf", "-5", "soon", "", "0", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_what_is_no_time_to_wait_is_passed_over(server: Server, client: QwenClient, value: str) -> None:
    server.script(refusing(429, **{"Retry-After": value}), json_reply())
    client.complete(call_to(server))
    assert len(server.received) == 2


@four_ways
async def test_no_repetition_would_begin_after_the_deadline(server: Server, client: QwenClient, way: Way) -> None:
    server.script(refusing(429, **{"Retry-After": "30"}))
    began = time.monotonic()
    error = await failure(way, client, call_to(server, deadline=20))
    assert (type(error), error.retry_after, len(server.received)) == (RateLimitError, 30, 1)
    assert time.monotonic() - began < 15


async def test_calls_that_wait_do_not_wait_for_each_other(server: Server, client: QwenClient) -> None:
    busy = refusing(429, **{"Retry-After": "1"})
    server.script(*[busy] * 20, json_reply())
    began = time.monotonic()
    await asyncio.gather(*(client.acomplete(call_to(server, max_retries=9)) for _ in range(20)))
    await client.aclose()
    assert len(server.received) == 40
    assert time.monotonic() - began < 15


async def test_a_call_can_be_cancelled_while_it_pauses(
    server: Server, client: QwenClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="qwen_endpoints")
    server.script(refusing(429, **{"Retry-After": "50"}))
    task = asyncio.create_task(client.acomplete(call_to(server)))
    while "again in" not in caplog.text:  # noqa: ASYNC110 - a log has no event to wait for
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await client.aclose()
    told = [record.__dict__["qwen"]["event"] for record in caplog.records if record.name == "qwen_endpoints"]
    assert (told, len(server.received)) == (["sent", "repeated", "left"], 1)
