"""Pools outlive the models that made them, serve equal ones, and leave no socket to the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import sys
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from qwen_endpoints import QwenClient, StreamInterruptedError, connections, plan_call

from .messages_support import stream_reply, whole_reply
from .support import (
    HELLO,
    SSE,
    Reply,
    Server,
    json_reply,
    make,
    send,
    sse_body,
    sse_reply,
    stream_async,
    stream_sync,
    user,
    whole_async,
    whole_body,
    whole_sync,
)


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is raised where nobody can catch it: warnings about sockets that were left open."""
    found: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", found.append)
    return found


@pytest.fixture(autouse=True)
def no_pools_kept() -> None:
    connections.forget()
    gc.collect()


def test_a_client_that_is_dropped_leaves_its_pool_to_the_next(server: Server, unraisable: list[Any]) -> None:
    server.script(json_reply({"content": "Hi"}))
    for _ in range(3):
        send(QwenClient(), make(server, "vllm"))
        gc.collect()
    assert {request.connection for request in server.received} == {server.received[0].connection}
    connections.forget()
    gc.collect()
    assert unraisable == []


def test_sockets_are_closed_with_their_loop_though_the_client_is_gone(server: Server, unraisable: list[Any]) -> None:
    server.script(json_reply({"content": "Hi"}))

    async def several() -> None:
        call = plan_call(make(server, "vllm"), [user()])
        await asyncio.gather(*(QwenClient().acomplete(call) for _ in range(5)))

    for _ in range(2):
        asyncio.run(several())
        gc.collect()
    assert unraisable == []


def test_old_addresses_are_forgotten_when_there_are_many() -> None:
    first = connections.connection_for(connections.Address("http://localhost:1/v1", None))
    for port in range(2, 100):
        connections.connection_for(connections.Address(f"http://localhost:{port}/v1", None))
    assert connections.connection_for(connections.Address("http://localhost:1/v1", None)) is not first


def test_whole_reply_that_breaks_off_is_not_taken_for_an_unreachable_host(server: Server, client: QwenClient) -> None:
    body = whole_body({"content": "Hi"})
    server.script(Reply(pieces=(body[:10],), headers={"Content-Length": str(len(body))}, after="drop"))
    with pytest.raises(StreamInterruptedError, match="broke while the reply was being read"):
        send(client, make(server, "vllm", max_retries=0))


# Nothing for the garbage collector


ANSWERS = {
    ("vllm", "whole"): json_reply(),
    ("vllm", "stream"): sse_reply(*HELLO),
    ("wcode-anthropic", "whole"): whole_reply(),
    ("wcode-anthropic", "stream"): stream_reply(),
}
WAYS = {"whole": (whole_sync, whole_async), "stream": (stream_sync, stream_async)}


@pytest.mark.parametrize(("provider", "kind"), ANSWERS)
async def test_what_a_call_held_is_gone_with_it(server: Server, provider: str, kind: str) -> None:
    """Objects that hold each other, the key among them, would stay until the collector comes, which takes its time."""
    client = QwenClient()
    server.script(ANSWERS[provider, kind])
    call = plan_call(make(server, provider), [user()])
    for way in WAYS[kind]:
        await way(client, call)
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            await way(client, call)
            gc.collect()
            left = [type(found).__module__ for found in gc.garbage]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
        assert [module for module in left if module.startswith(("qwen_endpoints", "pydantic"))] == []


# The same connection again


@pytest.mark.parametrize(("provider", "kind"), ANSWERS)
async def test_a_reply_that_was_read_leaves_its_connection_to_the_next_call(
    server: Server, provider: str, kind: str
) -> None:
    """A stream says that it is done before its body ends; the end is read as well where it is there."""
    client = QwenClient()
    server.script(replace(ANSWERS[provider, kind], together=True))
    call = plan_call(make(server, provider), [user()])
    for way in WAYS[kind]:
        server.received.clear()
        for _ in range(4):
            await way(client, call)
        assert len({seen.connection for seen in server.received}) == 1
    client.close()
    await client.aclose()


@pytest.mark.parametrize("way", WAYS["stream"])
async def test_so_it_does_where_the_end_comes_a_moment_later(server: Server, way: Any) -> None:
    client = QwenClient()
    server.script(sse_reply(*HELLO))
    for _ in range(10):
        await way(client, plan_call(make(server, "vllm"), [user()]))
    client.close()
    await client.aclose()
    assert len({seen.connection for seen in server.received}) < 10  # not each time, on a machine that is busy


FLOOD = sse_body(*HELLO), *[b": more\n\n" * 100] * 100_000


@pytest.mark.parametrize("way", WAYS["stream"])
@pytest.mark.parametrize("after", ["it holds on", "it goes on", "it breaks off", "it lies about its length"])
async def test_nobody_waits_for_an_end_that_does_not_come(server: Server, way: Any, after: str) -> None:
    replies = {
        "it holds on": sse_reply(*HELLO, after="hold"),
        "it goes on": Reply(FLOOD, content_type=SSE, pause=0.0001),
        "it breaks off": sse_reply(*HELLO, after="drop"),
        "it lies about its length": Reply((sse_body(*HELLO), b": x\n\n"), content_type=SSE, pause=0.01, after="drop"),
    }
    client = QwenClient()
    server.script(replies[after])
    call = plan_call(make(server, "vllm"), [user()])
    began = monotonic()
    for _ in range(2):
        assert (await way(client, call))[-1].completion.first.text == "Hello."
    assert monotonic() - began < 5
    server.script(sse_reply(*HELLO))
    await way(client, call)
    client.close()
    await client.aclose()
    assert len({seen.connection for seen in server.received}) == 3
