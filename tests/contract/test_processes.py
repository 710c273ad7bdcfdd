"""A model that has been used goes on in worker processes, forked or not, and shares no connection with them."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

import pytest
from qwen_endpoints import connections

from tests.contract.drivers import FRAMEWORKS, Ask, LangChain, LlamaIndex
from tests.contract.load.counting import HELD, Counting, counting_server
from tests.contract.load.workers import ask, ask_in_worker, texts

METHODS: Final = tuple(multiprocessing.get_all_start_methods())
WORKERS: Final = {"fork": 2}
"""Those that are not forked import everything anew, which takes seconds."""
PATIENCE: Final = 200
"""Seconds until a worker is given up, on a busy machine."""
# Python 3.12 warns of any fork beside threads; that it works is what is tested here.
pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]
every_framework = pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.name)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")


@pytest.fixture
def server() -> Iterator[Counting]:
    with counting_server() as server:
        yield server


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is raised where nobody can catch it: warnings about sockets that were left open."""
    found: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", found.append)
    return found


def asker(framework: type[LangChain | LlamaIndex], server: Counting) -> LangChain | LlamaIndex:
    return framework(
        model="qwen3-32b", provider="generic", base_url=server.url, api_key="sk-x", timeout=60, max_retries=0
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_used_model_works_in_a_pool_of_processes(server: Counting, unraisable: list[Any], method: str) -> None:
    """Pickled to the workers, where both frameworks ask, sync and async, while the parent is in the middle of a stream,
    which goes on.
    """
    drivers = [asker(framework, server) for framework in FRAMEWORKS]
    stream: Any = drivers[0].stream(Ask(prompt=HELD))
    said = [next(stream)]
    for driver in drivers:
        assert ask(driver, "before") == "before"
    [idle] = server.connections("before")  # a model that forgot that it was forked would take it
    with ProcessPoolExecutor(WORKERS.get(method, 1), mp_context=multiprocessing.get_context(method)) as workers:
        asked = {f"{driver.name} {number}": driver for driver in drivers for number in range(3)}
        running = {prompt: workers.submit(ask_in_worker, driver, prompt) for prompt, driver in asked.items()}
        done = {prompt: one.result(PATIENCE) for prompt, one in running.items()}
    for prompt, found in done.items():
        assert (found["said"], found["unraisable"]) == ([prompt] * 3, [])
        assert found["pid"] != os.getpid()
        assert not server.connections(prompt) & {idle, *server.connections(HELD)}
    server.go_on.set()
    assert "".join(texts(drivers[0], [*said, *stream])) == HELD
    for driver in drivers:
        assert ask(driver, "after") == "after"
    connections.forget()
    gc.collect()
    assert unraisable == []


@needs_fork
@every_framework
def test_a_fork_while_a_thread_reads_a_stream(server: Counting, framework: type[LangChain | LlamaIndex]) -> None:
    """The child has the socket, too. It neither reads from it nor ends it, even when it collects its garbage."""
    driver, said = asker(framework, server), list[str]()
    reader = threading.Thread(target=lambda: said.append(ask(driver, HELD)))
    reader.start()
    assert server.held.wait(PATIENCE)
    assert ask(driver, "before") == "before"  # its connection is kept, and open
    child = forked(lambda: ask(driver, "the child") == "the child" and leave_nothing())
    assert ended_well(child)
    server.go_on.set()
    reader.join(PATIENCE)
    assert said == [HELD]
    assert not server.connections("the child") & (server.connections(HELD) | server.connections("before"))
    assert ask(driver, "last") == "last"


@needs_fork
@every_framework
async def test_a_fork_inside_an_event_loop(server: Counting, framework: type[LangChain | LlamaIndex]) -> None:
    """The child has a loop of its own, and the parent's goes on."""
    driver = asker(framework, server)
    stream: Any = await driver.astream(Ask(prompt=HELD))
    await anext(stream)
    assert ask(driver, "before") == "before"

    def in_child() -> bool:
        asyncio.events._set_running_loop(None)  # what multiprocessing does in a child that it forks
        return ask_in_worker(driver, "the child")["said"] == ["the child"] * 3

    child = forked(in_child)
    assert await asyncio.to_thread(ended_well, child)
    server.go_on.set()
    assert len([piece async for piece in stream]) > 0
    assert not server.connections("the child") & (server.connections(HELD) | server.connections("before"))


@needs_fork
def test_a_fork_while_a_thread_makes_a_connection(server: Counting) -> None:
    """Whatever that thread has locked would stay locked in the child, where there is no such thread."""
    making = threading.Event()

    def make_slowly() -> None:
        with connections._LOCK:  # pyright: ignore[reportPrivateUsage] - as while certificates are read
            making.set()
            time.sleep(0.5)

    thread = threading.Thread(target=make_slowly)
    thread.start()
    assert making.wait(PATIENCE)
    child = forked(lambda: ask(asker(LangChain, server), "the child") == "the child")
    assert ended_well(child, within=30)
    thread.join()
    assert ask(asker(LangChain, server), "the parent") == "the parent"


def leave_nothing() -> bool:
    connections.forget()
    gc.collect()
    return True


def forked(work: Any) -> int:
    """Run something in a child that is forked here and now, from all that is held; return its number."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        code = 0 if work() else 2
    finally:
        os._exit(code)


def ended_well(child: int, within: float = PATIENCE) -> bool:
    """Wait for a child: whether it did what it should. One that hangs is ended."""
    timer = threading.Timer(within, os.kill, [child, signal.SIGKILL])
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    return status == 0
