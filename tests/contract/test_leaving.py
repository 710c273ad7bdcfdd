"""Whoever leaves a stream early, or is cancelled, leaves nothing running at the endpoint."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, Literal

import pytest
from qwen_sandbox import Reply, Sandbox

from tests.contract.drivers import DRIVERS, MODES, Ask, Core, LangChain, LlamaIndex

Driver = type[Core] | type[LangChain] | type[LlamaIndex]

LONG = Ask(prompt="Count from 1 to 900")
every_driver = pytest.mark.parametrize("driver", DRIVERS)


Gateway = Literal["anyfast", "wcode-anthropic"]

MODELS: Final[dict[Gateway, str]] = {"anyfast": "qwen3.6-flash", "wcode-anthropic": "qwen/qwen3-235b-a22b"}
over_each_protocol = pytest.mark.parametrize("gateway", ["anyfast", "wcode-anthropic"])


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


WITHIN: Final = 5.0
"""Seconds within which the endpoint sees that nobody is there any more, on a busy machine. It would stall for 60."""
Leave = Callable[[Driver, dict[str, Any]], Awaitable[float]]
"""Begins to ask, leaves, and returns when it left."""
_STARTED: Final = {"type": "message", "id": "m", "role": "assistant", "model": "m", "usage": {"input_tokens": 1}}
_SAID: Final = {"content": [{"type": "text", "text": "Again."}], "stop_reason": "end_turn"}
_EVENTS: Final[list[dict[str, Any]]] = [
    {"type": "message_start", "message": {**_STARTED, "content": []}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
]
REPLIES: Final[dict[Gateway, tuple[bytes, dict[str, Any]]]] = {
    "anyfast": (
        b'data: {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}\n\n',
        {"id": "c", "choices": [{"index": 0, "message": {"content": "Again."}, "finish_reason": "stop"}]},
    ),
    "wcode-anthropic": (
        b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in _EVENTS),
        {**_STARTED, **_SAID, "usage": {"input_tokens": 1, "output_tokens": 1}},
    ),
}
"""How a stream begins, and a whole answer."""


@pytest.fixture(scope="module")
def stalled_sandbox() -> Iterator[Sandbox]:
    with Sandbox(chunk_delay=60) as sandbox:
        yield sandbox


def stalled(sandbox: Sandbox, gateway: Gateway) -> dict[str, Any]:
    """Settings for an endpoint that gives a word and then nothing for a minute, and afterwards whole answers."""
    begun, whole = REPLIES[gateway]
    stalling = Reply(chunks=[begun], content_type="text/event-stream")
    url = sandbox.script_sequence(gateway, [stalling, Reply(json.dumps(whole).encode())])
    if gateway == "wcode-anthropic":
        url = url.removesuffix("/v1")
    return {**settings_for(sandbox, gateway), "base_url": url}


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
    gc.collect()  # which is what closes a generator that nobody closed
    return time.monotonic()


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
    """As `asyncio.wait_for` does it."""
    asker = driver(**settings)

    async def read() -> None:
        async for _piece in await asker.astream(LONG):
            pass

    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(read(), timeout=0.7)
    return time.monotonic()


async def by_time_out_of_a_block(driver: Driver, settings: dict[str, Any]) -> float:
    block: Any = getattr(asyncio, "timeout", None)
    if block is None:
        pytest.skip("asyncio.timeout is new in Python 3.11")
    asker = driver(**settings)

    async def read() -> None:
        async with block(0.7):
            async for _piece in await asker.astream(LONG):
                pass

    with pytest.raises(TimeoutError):
        await read()
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
    by_close, by_aclose, by_an_error_in_the_loop, by_cancel_while_waiting, by_time_out, by_time_out_of_a_block,
    by_cancel_of_a_whole_call,
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
    settings = stalled(stalled_sandbox, gateway)
    left = await leave(driver, settings)

    def is_over() -> bool:
        # What closes a generator that nobody closed is a task as well, for a moment.
        return stalled_sandbox.open_streams == 0 and asyncio.all_tasks() == before

    while not is_over() and time.monotonic() - left < WITHIN:  # noqa: ASYNC110 - one of them is in another thread
        await asyncio.sleep(0.01)
    assert is_over()
    asker = driver(**settings)
    for mode in MODES:
        assert (await asker.reply(Ask(), mode)).text == "Again."
    gc.collect()
    assert complaints == []


ASKERS: Final = {
    "core": """
from qwen_endpoints import Message, QwenClient, QwenSettings, plan_call
client, call = QwenClient(), plan_call(QwenSettings(**given), [Message(role="user", content="Hi")])
stream, astream = (lambda: client.stream(call)), (lambda: client.astream(call))
whole, awhole = (lambda: client.complete(call)), (lambda: client.acomplete(call))
""",
    "langchain": """
from langchain_qwen import ChatQwen
llm = ChatQwen(**given)
stream, astream = (lambda: llm.stream("Hi")), (lambda: llm.astream("Hi"))
whole, awhole = (lambda: llm.invoke("Hi")), (lambda: llm.ainvoke("Hi"))
""",
    "llamaindex": """
from llama_index.llms.qwen import Qwen
llm = Qwen(**given)
stream = lambda: llm.stream_complete("Hi")
whole, awhole = (lambda: llm.complete("Hi")), (lambda: llm.acomplete("Hi"))
async def astream():
    async for frame in await llm.astream_complete("Hi"):
        yield frame
""",
}
INTERRUPTED: Final = """
import asyncio, gc, json, os, signal, sys, threading
sys.unraisablehook = lambda told: print("unraisable", told, flush=True)
mode, given = sys.argv[1], json.loads(sys.argv[2])
{asker}
def interrupt():
    sys.stdin.readline()  # the endpoint has begun
    os.kill(os.getpid(), signal.SIGINT)


async def read():
    async for piece in astream():
        pass


async def wait():
    await awhole()


def sockets():
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")] if sys.platform == "linux" else []
    return sum(os.readlink(link).startswith("socket:") for link in links if os.path.islink(link))


threading.Thread(target=interrupt, daemon=True).start()
ways = {
    "stream": lambda: list(stream()), "whole": whole,
    "async stream": lambda: asyncio.run(read()), "async whole": lambda: asyncio.run(wait()),
}
try:
    ways[mode]()
except KeyboardInterrupt:
    print("interrupted", sockets(), threading.active_count(), flush=True)
    sys.stdin.readline()
    print("again", len(list(stream())), flush=True)
    gc.collect()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that interrupt a read")
@pytest.mark.parametrize(
    ("mode", "gateway"),
    [
        ("stream", "anyfast"),
        ("whole", "wcode-anthropic"),
        ("async stream", "wcode-anthropic"),
        ("async whole", "anyfast"),
    ],
)
@every_driver
def test_an_interrupt_while_a_read_waits(stalled_sandbox: Sandbox, driver: Driver, gateway: Gateway, mode: str) -> None:
    """`KeyboardInterrupt`, from a signal: the connection is closed while the program goes on, and can ask again."""
    given = {**stalled(stalled_sandbox, gateway), "extra_body": {"stream": True}}  # so that it can be seen to be busy
    program = INTERRUPTED.replace("{asker}", ASKERS[driver.name])
    command = [sys.executable, "-W", "always::ResourceWarning", "-W", "always::RuntimeWarning", "-c", program, mode]
    with subprocess.Popen(  # noqa: S603 - this test's own program
        [*command, json.dumps(given)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        while stalled_sandbox.open_streams == 0 and running.poll() is None:
            time.sleep(0.01)
        time.sleep(0.3)  # the read of the next piece waits
        running.stdin.write("now\n")
        running.stdin.flush()
        told = running.stdout.readline()
        assert all_streams_end(stalled_sandbox)
        out, error = running.communicate("end\n", timeout=60)
    assert error == ""
    assert told == "interrupted 0 1\n"  # sockets and threads
    assert out.startswith("again ")
    assert len(out.splitlines()) == 1
