"""A user who leaves early: the next call must work as if nothing had been."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.contract.drivers import FRAMEWORKS, Ask, LangChain, LlamaIndex
from tests.live.conftest import Server
from tests.live.scenarios import CAPITAL

Framework = type[LangChain] | type[LlamaIndex]

pytestmark = pytest.mark.filterwarnings("ignore:Model .* is not in the catalogue")
with_both = pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.name)

LONG = Ask(prompt="Count from 1 to 60.")


@with_both
def test_breaking_out_of_a_stream(server: Server, framework: Framework) -> None:
    asker = framework(**server.settings)
    for _ in range(3):
        for _piece in asker.stream(LONG):
            break
    asyncio.run(the_next_call_works(asker))


@with_both
async def test_breaking_out_of_an_async_stream(server: Server, framework: Framework) -> None:
    asker = framework(**server.settings)
    for _ in range(3):
        async for _piece in await asker.astream(LONG):
            break
    await the_next_call_works(asker)


@with_both
async def test_cancelling_a_stream(server: Server, framework: Framework) -> None:
    asker = framework(**server.settings)
    started = asyncio.Event()

    async def read() -> None:
        async for _piece in await asker.astream(LONG):
            started.set()

    await cancel(asyncio.create_task(read()), started)
    await the_next_call_works(asker)


@with_both
async def test_cancelling_a_whole_call(server: Server, framework: Framework) -> None:
    asker = framework(**server.settings)
    started = asyncio.Event()

    async def ask() -> None:
        asyncio.get_running_loop().call_later(0.05, started.set)
        await asker.reply(LONG, "whole async")

    await cancel(asyncio.create_task(ask()), started)
    await the_next_call_works(asker)


@with_both
async def test_a_time_limit_of_the_caller(server: Server, framework: Framework) -> None:
    asker = framework(**server.settings)
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(asker.reply(LONG, "stream async"), timeout=0.05)
    await the_next_call_works(asker)


@with_both
async def test_calls_at_the_same_time_do_not_mix(server: Server, framework: Framework) -> None:
    asker = framework(**server.settings)
    greeting = Ask(prompt="Say hello in Chinese with an emoji.")
    views = await asyncio.gather(
        *(asker.reply(ask, "stream async") for ask in (CAPITAL.ask, greeting, CAPITAL.ask, greeting))
    )
    assert [("Paris" in view.text, "你好" in view.text) for view in views] == [(True, False), (False, True)] * 2


async def cancel(task: asyncio.Task[None], started: asyncio.Event) -> None:
    await asyncio.wait_for(started.wait(), timeout=60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def the_next_call_works(asker: LangChain | LlamaIndex) -> None:
    view = await asker.reply(CAPITAL.ask, "stream async")
    assert view.error is None
    assert "Paris" in view.text
    view = await asker.reply(CAPITAL.ask, "whole")
    assert view.error is None
    assert "Paris" in view.text
