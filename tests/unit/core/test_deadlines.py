"""The four time limits: what each bounds, for one call and for all of an instance, and what they leave behind."""

# ruff: noqa: PLR0917 - parameters come from the tables above the tests
from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError
from qwen_endpoints import (
    Call,
    ConfigurationError,
    QwenClient,
    QwenError,
    QwenSettings,
    RateLimitError,
    TimedOutError,
    plan_call,
)

from .messages_support import HELLO as MESSAGES_HELLO
from .messages_support import PING, sse
from .support import (
    HELLO,
    SSE,
    Reply,
    Server,
    json_reply,
    make,
    sse_body,
    sse_reply,
    stream_async,
    stream_sync,
    user,
    whole_async,
    whole_body,
    whole_sync,
)

Way = Callable[[QwenClient, Call], Awaitable[Any]]
WHOLE, STREAMED = (whole_sync, whole_async), (stream_sync, stream_async)
four_ways = pytest.mark.parametrize("way", [*WHOLE, *STREAMED], ids=lambda way: way.__name__)
wholes = pytest.mark.parametrize("way", WHOLE, ids=lambda way: way.__name__)
streams = pytest.mark.parametrize("way", STREAMED, ids=lambda way: way.__name__)

LIMITS = ("connect_timeout", "timeout", "stream_idle_timeout", "deadline")
each_limit = pytest.mark.parametrize("name", LIMITS)
SLACK = 10
"""Seconds that a busy machine may take longer; without its limit, each of these calls would take far longer still."""


def call_to(server: Server, overrides: Any = None, **settings: Any) -> Call:
    return plan_call(make(server, "vllm", **{"max_retries": 0, **settings}), [user()], overrides=overrides)


async def late(way: Way, call: Call, *, after: float, slack: float = SLACK) -> TimedOutError:
    """Make a call that comes too late, and look at what it leaves behind."""
    client, threads, tasks = QwenClient(), set(threading.enumerate()), asyncio.all_tasks()
    began = time.monotonic()
    with pytest.raises(QwenError) as caught:
        await way(client, call)
    assert after * 0.9 <= time.monotonic() - began < after + slack
    assert type(caught.value) is TimedOutError
    assert caught.value.retryable
    assert {thread for thread in set(threading.enumerate()) - threads if isinstance(thread, threading.Timer)} == set()
    for _ in range(100):  # what closes httpx2's own generators is a task as well, for a moment
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == tasks
    client.close()
    await client.aclose()
    return caught.value


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


@pytest.fixture
def full() -> Iterator[str]:
    """The address of a server that takes no connection: its queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            with suppress(BlockingIOError):
                waiting.connect(listener.getsockname())
        time.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


# Values


@each_limit
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("-inf"), "soon", [1]])
def test_what_is_no_time_is_refused(server: Server, name: str, value: Any) -> None:
    given: Any = {name: value}
    with pytest.raises(ValidationError, match=name):
        QwenSettings(model="m", **given)
    with pytest.raises(ConfigurationError, match=rf"{name}: Input should be"):
        call_to(server, overrides=given)
    assert server.received == []


@each_limit
@pytest.mark.parametrize("value", [float("inf"), 1e12, 10**9])
async def test_what_is_for_ever_is_taken(server: Server, client: QwenClient, name: str, value: float) -> None:
    given: Any = {name: value}
    for call in (call_to(server, **given), call_to(server, overrides=given)):
        for way in WHOLE:
            assert (await way(client, call)).first.text == "Hello."
    server.script(sse_reply(*HELLO))
    for way in STREAMED:
        assert (await way(client, call_to(server, **given)))[-1].completion.first.text == "Hello."
    await client.aclose()


@pytest.mark.parametrize(
    ("given", "connect", "whole", "idle", "deadline"),
    [
        ({}, 10, 600, 600, None),
        ({"timeout": 4}, 4, 4, 4, None),
        ({"timeout": 40}, 10, 40, 40, None),
        ({"timeout": 4, "connect_timeout": 7}, 7, 4, 4, None),
        ({"timeout": 4, "stream_idle_timeout": 9}, 4, 4, 9, None),
        ({"stream_idle_timeout": 9, "deadline": 30}, 10, 600, 9, 30),
    ],
)
def test_what_is_not_given_follows_from_what_is(
    server: Server, given: Any, connect: float, whole: float, idle: float, deadline: float | None
) -> None:
    made = call_to(server, **given).transport
    found = (made.connect_timeout, made.timeout, made.idle_timeout, made.deadline)
    assert found == (connect, whole, idle, deadline)


# Connecting


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses connections")
@four_ways
@pytest.mark.parametrize("limit", ["connect_timeout", "timeout", "deadline"])
async def test_a_connection_that_does_not_come_about(server: Server, full: str, way: Way, limit: str) -> None:
    given: Any = {limit: 0.4}
    error = await late(way, call_to(server, base_url=full, **given), after=0.4)
    assert ("deadline" if limit == "deadline" else "connect_timeout") in error.message
    assert isinstance(error.__cause__, (httpx2.ConnectTimeout, TimeoutError))
    assert error.partial is None


# Waiting for a reply


@four_ways
@pytest.mark.parametrize("limit", ["timeout", "deadline"])
async def test_an_endpoint_that_says_nothing(server: Server, silent: str, way: Way, limit: str) -> None:
    for call in (
        call_to(server, base_url=silent, **{limit: 0.4}),
        call_to(server, {limit: 0.4}, base_url=silent, **{limit: 60}),
    ):
        error = await late(way, call, after=0.4)
        waited = "stream_idle_timeout" if way in STREAMED else "timeout"
        assert f"0.4 s ({limit if limit == 'deadline' else waited})" in error.message


@streams
async def test_a_stream_has_a_limit_of_its_own(server: Server, silent: str, way: Way) -> None:
    call = call_to(server, base_url=silent, timeout=60, stream_idle_timeout=0.4)
    error = await late(way, call, after=0.4)
    assert "did not begin to answer within 0.4 s (stream_idle_timeout)" in error.message


@wholes
async def test_which_is_none_for_whole_calls(server: Server, client: QwenClient, way: Way) -> None:
    body = whole_body()
    server.script(Reply((body[:9], body[9:]), pause=0.4))
    assert (await way(client, call_to(server, stream_idle_timeout=0.1))).first.text == "Hello."
    await client.aclose()


# Reading it


@wholes
@pytest.mark.parametrize("limit", ["timeout", "deadline"])
async def test_a_whole_reply_that_stands_still(server: Server, way: Way, limit: str) -> None:
    server.script(Reply((whole_body()[:20],), after="hold"))
    error = await late(way, call_to(server, **{limit: 0.5}), after=0.5)
    assert f"0.5 s ({limit})" in error.message


@wholes
async def test_white_space_does_not_keep_a_whole_call_alive(server: Server, way: Way) -> None:
    server.script(Reply((b" \n",) * 1000, pause=0.02))
    error = await late(way, call_to(server, timeout=0.5), after=0.5)
    assert "nothing but white space for 0.5 s (timeout)" in error.message


@wholes
async def test_white_space_before_an_answer_does_no_harm(server: Server, client: QwenClient, way: Way) -> None:
    body = whole_body()
    server.script(Reply((*[b"\n"] * 10, body[:30], *[b" "] * 10, body[30:]), pause=0.02))
    assert (await way(client, call_to(server, timeout=5))).first.text == "Hello."
    await client.aclose()


SIGNS_OF_LIFE = {
    "comments": (sse_body(HELLO[0], done=False), b": keep-alive\n\n"),
    "empty events": (sse_body(HELLO[0], done=False), b"data:\n\n"),
    "line breaks": (sse_body(HELLO[0], done=False), b"\n"),
    "the beginning of an event": (sse_body(HELLO[0], done=False) + b"data: ", b" "),
}


@streams
@pytest.mark.parametrize("name", SIGNS_OF_LIFE)
@pytest.mark.parametrize("limit", ["stream_idle_timeout", "deadline"])
async def test_signs_of_life_do_not_keep_a_stream_alive(server: Server, way: Way, name: str, limit: str) -> None:
    begun, sign = SIGNS_OF_LIFE[name]
    server.script(Reply((begun, *[sign] * 1000), content_type=SSE, pause=0.02))
    error = await late(way, call_to(server, **{limit: 0.5}), after=0.5)
    assert f"0.5 s ({limit})" in error.message
    assert error.partial is not None
    assert error.partial.first.text == "Hel"


@streams
async def test_nor_do_pings(server: Server, way: Way) -> None:
    server.script(Reply((sse(*MESSAGES_HELLO[:4]), *[sse(PING)] * 1000), content_type=SSE, pause=0.02))
    call = plan_call(make(server, "wcode-anthropic", max_retries=0, stream_idle_timeout=0.5), [user()])
    error = await late(way, call, after=0.5)
    assert error.partial is not None
    assert error.partial.first.text == "Hel"


@streams
@pytest.mark.parametrize("limit", ["stream_idle_timeout", "deadline"])
async def test_a_stream_that_stands_still(server: Server, way: Way, limit: str) -> None:
    server.script(sse_reply(HELLO[0], done=False, after="hold"))
    error = await late(way, call_to(server, {limit: 0.5}), after=0.5)
    assert f"0.5 s ({limit})" in error.message
    assert error.partial is not None
    assert error.partial.first.text == "Hel"


# All of it


@four_ways
async def test_an_answer_that_comes_too_slowly(server: Server, way: Way) -> None:
    """Each step of it is quick; nothing but the deadline ends it."""
    streamed = way in STREAMED
    body = sse_body(*[HELLO[0]] * 400, done=False) if streamed else whole_body({"content": "x" * 4000})
    size = 400 if streamed else 20
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    server.script(Reply(pieces, content_type=SSE if streamed else "application/json", pause=0.1))
    error = await late(way, call_to(server, deadline=0.8, timeout=30), after=0.8)
    assert error.message.startswith("The call was not over within 0.8 s (deadline).")
    assert (error.partial is not None) == streamed


@four_ways
async def test_an_answer_that_stops_shortly_before(server: Server, way: Way) -> None:
    """No step of it has a limit that would end it in time."""
    streamed = way in STREAMED
    body = sse_body(*[HELLO[0]] * 7, done=False) if streamed else whole_body()[:70]
    size = len(body) // 7
    pieces = [body[start : start + size] for start in range(0, size * 7, size)]
    kind = SSE if streamed else "application/json"
    server.script(Reply(pieces, content_type=kind, pause=0.4, after="hold"))
    error = await late(way, call_to(server, deadline=3), after=3, slack=2)
    assert (error.partial is not None) == streamed


@four_ways
async def test_repetitions_are_part_of_it(server: Server, client: QwenClient, way: Way) -> None:
    busy = Reply((b"{}",), status=429, headers={"Retry-After-Ms": "200"})
    server.script(busy)
    began = time.monotonic()
    # It ends in a pause that would be too long, or in an attempt that is cut off.
    with pytest.raises((RateLimitError, TimedOutError)):
        await way(client, call_to(server, max_retries=1000, deadline=2))
    await client.aclose()
    assert time.monotonic() - began < 2 + SLACK
    assert 1 < len(server.received) < 12


@streams
async def test_who_reads_a_stream_spends_it_too(server: Server, client: QwenClient, way: Way) -> None:
    server.script(sse_reply(*HELLO, after="hold", done=False))
    call, given = call_to(server, deadline=0.5), list[str]()

    def read() -> None:
        for delta in client.stream(call):
            given.append(delta.text)
            time.sleep(0.7)

    async def aread() -> None:
        async for delta in client.astream(call):
            given.append(delta.text)
            await asyncio.sleep(0.7)

    with pytest.raises(TimedOutError, match="deadline") as caught:
        read() if way is stream_sync else await aread()
    await client.aclose()
    assert caught.value.partial is not None
    assert caught.value.partial.first.text.startswith("".join(given))


@four_ways
async def test_a_call_within_its_deadline_leaves_nothing(server: Server, client: QwenClient, way: Way) -> None:
    server.script(sse_reply(*HELLO) if way in STREAMED else json_reply())
    before = threading.active_count()
    for _ in range(3):
        await way(client, call_to(server, deadline=60))
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert threading.active_count() <= before + 2  # of the server's
    await client.aclose()


async def test_an_error_that_came_in_time_is_not_renamed(server: Server, client: QwenClient) -> None:
    """The endpoint's own words say more than the clock."""
    server.script(Reply((b'{"error": {"message": "wrong key"}}',), status=401))
    for way in (*WHOLE, *STREAMED):
        with pytest.raises(QwenError) as caught:
            await way(client, call_to(server, deadline=60))
        assert caught.value.status == 401
    await client.aclose()


def test_calls_with_and_without_a_deadline_share_connections(server: Server) -> None:
    client = QwenClient()
    for given in ({"deadline": 60}, {}, {"timeout": 7}, {"deadline": 60, "connect_timeout": 3}):
        settings: Any = given
        client.complete(call_to(server, **settings))
    client.close()
    assert len({seen.connection for seen in server.received}) == 1
