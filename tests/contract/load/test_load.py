"""Two hundred streams in one loop and sixteen on threads, again and again: `make soak` in small."""

from __future__ import annotations

from typing import Final

import pytest
from qwen_sandbox import Sandbox

from tests.contract.load.apart import Apart, sandbox_apart
from tests.contract.load.crowd import Crowd
from tests.contract.load.holdings import Holdings, settled

TASKS: Final = 200
THREADS: Final = 16
CALLS: Final = TASKS + THREADS
POOLS: Final = 2
"""In each of both ways, sync and async: the endpoints have an address each."""
KEPT: Final = 100
"""Connections that a pool keeps for the next call."""


@pytest.mark.timeout(400)
async def test_waves_of_calls_keep_their_answers_apart_and_leave_nothing() -> None:
    with sandbox_apart(chunk_delay=0.02) as server:
        first = await settled(1)
        crowd = Crowd(server.url, tasks=TASKS, threads=THREADS)
        warm = await after_a_wave(crowd, server, first)
        for _ in range(2):
            last = await after_a_wave(crowd, server, first)
            # Two for each call of the two waves. A call that is held on to has a hundred; `make soak` sees less.
            assert last.objects_since(warm) < 4 * CALLS
            assert last.megabytes - warm.megabytes < 10
        await crowd.aclose()
        closed = await settled(first.tasks)
        assert closed.threads == first.threads
        assert (
            closed.descriptors <= first.descriptors
        )  # fewer where leftovers of earlier tests were collected meanwhile


async def after_a_wave(crowd: Crowd, server: Apart, first: Holdings) -> Holdings:
    wave = await crowd.wave()
    assert wave.problems == []
    assert (wave.calls, wave.most) == (CALLS, CALLS)
    assert set(wave.manners) == {"read", "left", "cancelled"}
    assert server.told().requests == CALLS  # nothing was asked twice
    after = await settled(first.tasks)
    assert (after.tasks, after.threads) == (first.tasks, first.threads + THREADS)
    assert after.descriptors <= first.descriptors + POOLS * (KEPT + THREADS)
    return after


async def test_an_answer_of_another_would_be_noticed(qwen_sandbox: Sandbox) -> None:
    """The check of the test above, at an endpoint that gives everybody the same answer."""
    words = b'data: {"choices": [{"delta": {"content": "k0000001 k0000001"}, "finish_reason": "stop"}]}\n\n'
    qwen_sandbox.script("same", chunks=[words, b"data: [DONE]\n\n"], content_type="text/event-stream")
    crowd = Crowd(f"{qwen_sandbox.url}/script/same/v1", tasks=40, threads=0)
    wave = await crowd.wave()
    await crowd.aclose()
    assert sum(problem.startswith("another's answer") for problem in wave.problems) >= 10, wave.problems
