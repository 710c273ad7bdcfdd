"""Pools outlive the models that made them, serve equal ones, and leave no socket to the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

import pytest
from qwen_endpoints import QwenClient, StreamInterruptedError, connections, plan_call

from .support import Reply, Server, json_reply, make, send, user, whole_body


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
