"""What a call must not leave behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from qwen_sandbox import Sandbox

_DESCRIPTORS: Final = Path("/proc/self/fd")
_LOOP_OWN: Final = "asyncio_"
"""Threads that a loop starts when it first looks a name up, a few at most, and keeps."""
_PATIENCE: Final = 10.0


@dataclass(frozen=True)
class _Held:
    """What the process holds; descriptors only where the system lists them."""

    tasks: frozenset[Any]
    threads: frozenset[threading.Thread]
    descriptors: int

    @classmethod
    def now(cls) -> _Held:
        gc.collect()
        threads = (thread for thread in threading.enumerate() if not thread.name.startswith(_LOOP_OWN))
        descriptors = len(list(_DESCRIPTORS.iterdir())) if _DESCRIPTORS.is_dir() else 0
        return cls(frozenset(asyncio.all_tasks()), frozenset(threads), descriptors)

    def more_than(self, before: _Held) -> dict[str, Any]:
        """Say what has come to it."""
        found = {
            "tasks": [task for task in self.tasks - before.tasks if not task.done()],
            "threads": [thread for thread in self.threads - before.threads if thread.is_alive()],
            "descriptors": max(0, self.descriptors - before.descriptors),
        }
        return {name: held for name, held in found.items() if held}


@asynccontextmanager
async def nothing_is_left(sandbox: Sandbox) -> AsyncGenerator[None]:
    """Check that the block leaves no task, thread, descriptor or connection, and no failure that nobody looked at."""
    before = _Held.now()
    loop, unseen = asyncio.get_running_loop(), list[dict[str, Any]]()
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, context: unseen.append(context))
    try:
        yield
        deadline = time.monotonic() + _PATIENCE
        while left := _left(sandbox, before):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.02)
    finally:
        loop.set_exception_handler(handler)
    assert left == {}
    assert unseen == []


def _left(sandbox: Sandbox, before: _Held) -> dict[str, Any]:
    connections = sandbox.fault_connections()
    return {**_Held.now().more_than(before), **({"connections": connections} if connections else {})}


@contextmanager
def quick_collections() -> Generator[None]:
    """Leave out of the collections what two frameworks have put into memory, which takes most of their time."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
