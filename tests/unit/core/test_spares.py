"""Each request has an HTTP client to itself: the one that was free last, as long as its connection is worth keeping."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from qwen_endpoints import QwenClient, connections, plan_call
from qwen_endpoints.spares import KEPT_SECONDS, Spares

from .support import Server, json_reply, make, user, whole_async, whole_sync


class Client:
    """Stands for an HTTP client; `connections` are those that requests share."""

    def __init__(self, connections: int | None) -> None:
        self.connections = connections


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that have passed."""
    now = [0.0]
    monkeypatch.setattr("qwen_endpoints.spares.monotonic", lambda: now[0])
    return now


def test_the_one_that_was_free_last_is_taken_first() -> None:
    held = Spares(Client)
    first, second = held.take(), held.take()
    assert first is not second
    held.give(first)
    held.give(second)
    assert [held.take(), held.take()] == [second, first]
    assert held.clients == {first, second}


def test_what_was_free_for_too_long_is_to_be_closed(clock: list[float]) -> None:
    held = Spares(Client)
    first, second, third = held.take(), held.take(), held.take()
    assert held.give(first) == []
    clock[0] = KEPT_SECONDS
    assert held.give(second) == []
    clock[0] += 1
    assert held.give(third) == [first]
    held.forget(first)
    assert held.clients == {second, third}
    assert [held.take(), held.take()] == [third, second]


def test_a_hundred_are_kept() -> None:
    held = Spares(Client)
    taken = [held.take() for _ in range(103)]
    assert [client for one in taken for client in held.give(one)] == taken[:3]


def test_what_goes_beyond_shares_one_that_lets_them_wait() -> None:
    held = Spares(Client, alone=2)
    first, second, third, fourth = (held.take() for _ in range(4))
    assert third is fourth
    assert (first.connections, second.connections, third.connections) == (None, None, 100)
    assert held.clients == {first, second, third}
    for client in (third, first, fourth):
        held.give(client)
    assert [held.take(), held.take()] == [first, third]


# On the wire


@pytest.fixture
def client() -> QwenClient:
    connections.forget()
    return QwenClient()


async def several(way: Any, client: QwenClient, server: Server, count: int) -> None:
    """Make calls at the same time: threads for those that block."""
    call = plan_call(make(server, "vllm"), [user()])
    if way is whole_async:
        await asyncio.gather(*(client.acomplete(call) for _ in range(count)))
        return
    with ThreadPoolExecutor(count) as threads:
        list(threads.map(client.complete, [call] * count))


@pytest.mark.parametrize("way", [whole_sync, whole_async], ids=lambda way: way.__name__)
async def test_many_at_once_and_then_one_by_one(server: Server, client: QwenClient, way: Any) -> None:
    server.script(replace(json_reply(), pause=0.3))
    await several(way, client, server, 5)
    at_once = {seen.connection for seen in server.received}
    server.received.clear()
    server.script(replace(json_reply(), together=True))
    for _ in range(4):
        await way(client, plan_call(make(server, "vllm"), [user()]))
    one_by_one = {seen.connection for seen in server.received}
    assert len(one_by_one) == 1
    assert one_by_one < at_once
    client.close()
    await client.aclose()


@pytest.mark.parametrize("way", [whole_sync, whole_async], ids=lambda way: way.__name__)
async def test_a_cookie_is_everyones(server: Server, client: QwenClient, way: Any) -> None:
    """A gateway that spreads calls over servers tells by it where the next one goes."""
    server.script(replace(json_reply(), headers={"Set-Cookie": "route=7; Path=/"}))
    await way(client, plan_call(make(server, "vllm"), [user()]))
    server.received.clear()
    server.script(replace(json_reply(), pause=0.2))
    await several(way, client, server, 3)
    assert [seen.header("Cookie") for seen in server.received] == ["route=7"] * 3
    client.close()
    await client.aclose()
