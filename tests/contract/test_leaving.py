"""Whoever leaves a stream early, or is cancelled, leaves nothing running at the endpoint."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
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


# At once, whoever leaves and however


WITHIN: Final = 1.0
"""Seconds within which the endpoint sees that nobody is there any more."""
Leave = Callable[[Driver, dict[str, Any]], Awaitable[float]]


@pytest.fixture(scope="module")
def stalled_sandbox() -> Iterator[Sandbox]:
    """Gives the first piece of a stream, and then nothing for a minute."""
    with Sandbox(chunk_delay=60) as sandbox:
        yield sandbox


async def by_close(driver: Driver, settings: dict[str, Any]) -> float:
    """`GeneratorExit`, thrown by `close`."""
    stream: Any = driver(**settings).stream(LONG)
    next(stream)
    left = time.monotonic()
    stream.close()
    return left


async def by_aclose(driver: Driver, settings: dict[str, Any]) -> float:
    stream: Any = await driver(**settings).astream(LONG)
    await anext(stream)
    left = time.monotonic()
    await stream.aclose()
    return left


async def by_an_error_in_the_loop(driver: Driver, settings: dict[str, Any]) -> float:
    async def read() -> None:
        async for _piece in await driver(**settings).astream(LONG):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await read()
    left = time.monotonic()
    gc.collect()
    return left


async def by_cancel_while_waiting(driver: Driver, settings: dict[str, Any]) -> float:
    started = asyncio.Event()

    async def read() -> None:
        async for _piece in await driver(**settings).astream(LONG):
            started.set()

    task = asyncio.create_task(read())
    await asyncio.wait_for(started.wait(), timeout=20)
    left = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return left


async def by_time_out(driver: Driver, settings: dict[str, Any]) -> float:
    """As `asyncio.timeout` does, which Python 3.10 has not."""
    asker = driver(**settings)

    async def read() -> None:
        async for _piece in await asker.astream(LONG):
            pass

    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(read(), timeout=0.7)
    return time.monotonic()


async def by_cancel_of_a_whole_call(driver: Driver, settings: dict[str, Any]) -> float:
    """`ainvoke` that streams beneath, so that the sandbox can be seen to be busy."""
    streaming = {**settings, "extra_body": {"stream": True}}
    task = asyncio.create_task(driver(**streaming).answers([LONG], "whole async"))
    await asyncio.sleep(0.7)
    left = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return left


WAYS: Final[tuple[Leave, ...]] = (
    by_close, by_aclose, by_an_error_in_the_loop, by_cancel_while_waiting, by_time_out, by_cancel_of_a_whole_call
)  # fmt: skip


@every_driver
@over_each_protocol
@pytest.mark.parametrize("leave", WAYS, ids=lambda way: way.__name__.replace("_", " "))
async def test_the_endpoint_sees_it_at_once(
    stalled_sandbox: Sandbox, driver: Driver, gateway: Gateway, leave: Leave
) -> None:
    """And no task is left behind, nothing is told to the loop, and the same pool answers the next call."""
    loop, complaints = asyncio.get_running_loop(), list[Any]()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    before = asyncio.all_tasks()
    settings = settings_for(stalled_sandbox, gateway)
    left = await leave(driver, settings)
    while stalled_sandbox.open_streams and time.monotonic() - left < 10 * WITHIN:  # noqa: ASYNC110 - it is in another thread
        await asyncio.sleep(0.01)
    assert stalled_sandbox.open_streams == 0
    assert time.monotonic() - left < WITHIN
    assert asyncio.all_tasks() == before
    asker = driver(**settings_for(stalled_sandbox, gateway))
    for mode in ("whole", "whole async"):
        assert (await asker.reply(Ask(prompt="Hello"), mode)).text
    gc.collect()
    assert complaints == []


INTERRUPTED: Final = """
import os, signal, sys, threading, time
sys.unraisablehook = lambda told: print("unraisable", told, flush=True)
from tests.contract.drivers import DRIVERS, Ask
from tests.contract.test_leaving import LONG

name, mode, gateway, model, url, key = sys.argv[1:]
driver = next(driver for driver in DRIVERS if driver.name == name)
asker = driver(model=model, provider=gateway, base_url=url, api_key=key)


def interrupt():
    sys.stdin.readline()  # the endpoint has begun
    os.kill(os.getpid(), signal.SIGINT)


async def read():
    async for piece in await asker.astream(LONG):
        pass


threading.Thread(target=interrupt, daemon=True).start()
print("ready", flush=True)
try:
    if mode == "async":
        import asyncio

        asyncio.run(read())
    else:
        for piece in asker.stream(LONG):
            pass
except KeyboardInterrupt:
    print("interrupted", flush=True)
    if mode == "sync":
        print("again", type(next(iter(asker.stream(LONG)))).__name__, flush=True)
        import gc

        gc.collect()
sys.stdin.readline()
print("done", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that interrupt a read")
@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("gateway", ["anyfast", pytest.param("wcode-anthropic", marks=needs_anthropic)])
@every_driver
def test_an_interrupt_while_a_read_waits(stalled_sandbox: Sandbox, driver: Driver, gateway: Gateway, mode: str) -> None:
    """`KeyboardInterrupt`, from a signal: the connection is closed while the program goes on."""
    given = settings_for(stalled_sandbox, gateway)
    command = [
        sys.executable, "-W", "error", "-c", INTERRUPTED,
        driver.name, mode, gateway, given["model"], given["base_url"], given["api_key"],
    ]  # fmt: skip
    root = Path(__file__).parents[2]
    with subprocess.Popen(  # noqa: S603 - this test's own program
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        told = program.stdout.readline()
        assert told == "ready\n", program.communicate()
        deadline = time.monotonic() + 30
        while not stalled_sandbox.open_streams and time.monotonic() < deadline:
            time.sleep(0.01)
        assert stalled_sandbox.open_streams == 1
        time.sleep(0.3)  # the first piece has been read, and the read of the next one waits
        program.stdin.write("now\n")
        program.stdin.flush()
        assert program.stdout.readline() == "interrupted\n"
        assert all_streams_end(stalled_sandbox)
        out, error = program.communicate("end\n", timeout=30)
    assert (out.splitlines()[-1], error) == ("done", "")
    assert ("again" in out, "unraisable" in out) == (mode == "sync", False)
