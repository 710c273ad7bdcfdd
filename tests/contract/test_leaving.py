"""Whoever leaves a stream early, or is cancelled, leaves nothing running at the endpoint."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any, Final, Literal

import pytest
from qwen_sandbox import Sandbox

from tests.contract.conftest import needs_anthropic
from tests.contract.drivers import DRIVERS, Ask, Core, LangChain, LlamaIndex

Driver = type[Core] | type[LangChain] | type[LlamaIndex]

LONG = Ask(prompt="Count from 1 to 900")
every_driver = pytest.mark.parametrize("driver", DRIVERS)


Gateway = Literal["anyfast", "wcode-anthropic"]

MODELS: Final[dict[Gateway, str]] = {"anyfast": "qwen3.6-flash", "wcode-anthropic": "qwen/qwen3-235b-a22b"}
over_each_protocol = pytest.mark.parametrize(
    "gateway", ["anyfast", pytest.param("wcode-anthropic", marks=needs_anthropic)]
)


def settings_for(sandbox: Sandbox, gateway: Gateway) -> dict[str, Any]:
    base_url = sandbox.base_url(gateway)
    return {"model": MODELS[gateway], "provider": gateway, "base_url": base_url, "api_key": sandbox.api_key}


def all_streams_end(sandbox: Sandbox) -> bool:
    deadline = time.monotonic() + 5
    while sandbox.open_streams and time.monotonic() < deadline:
        time.sleep(0.01)
    return sandbox.open_streams == 0


@pytest.fixture(scope="module")
def slow_sandbox() -> Iterator[Sandbox]:
    with Sandbox(chunk_delay=0.05) as sandbox:
        yield sandbox


@every_driver
@over_each_protocol
def test_break(slow_sandbox: Sandbox, driver: Driver, gateway: Gateway) -> None:
    asker = driver(**settings_for(slow_sandbox, gateway))
    for _piece in asker.stream(LONG):
        assert slow_sandbox.open_streams == 1
        break
    assert all_streams_end(slow_sandbox)


@every_driver
@over_each_protocol
async def test_async_break(slow_sandbox: Sandbox, driver: Driver, gateway: Gateway) -> None:
    asker = driver(**settings_for(slow_sandbox, gateway))
    async for _piece in await asker.astream(LONG):
        assert slow_sandbox.open_streams == 1
        break
    await asyncio.sleep(0.2)  # the loop closes a generator that was left
    assert all_streams_end(slow_sandbox)


@every_driver
@over_each_protocol
async def test_cancel(slow_sandbox: Sandbox, driver: Driver, gateway: Gateway) -> None:
    asker = driver(**settings_for(slow_sandbox, gateway))
    started = asyncio.Event()

    async def read() -> None:
        async for _piece in await asker.astream(LONG):
            started.set()

    task = asyncio.create_task(read())
    await asyncio.wait_for(started.wait(), timeout=20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.1)
    assert all_streams_end(slow_sandbox)
