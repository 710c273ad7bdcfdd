"""What a call must not leave behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from qwen_sandbox import Sandbox

_DESCRIPTORS: Final = Path("/proc/self/fd")
_LOOP_OWN: Final = "asyncio_"
"""Threads that a loop starts when it first looks a name up, a few at most, and keeps."""
_PATIENCE: Final = 10.0


def _held() -> dict[str, Any]:
    """What the process holds; descriptors only where the system lists them."""
    return {
        "tasks": len(asyncio.all_tasks()),
        "threads": sorted(thread.name for thread in threading.enumerate() if not thread.name.startswith(_LOOP_OWN)),
        "descriptors": len(list(_DESCRIPTORS.iterdir())) if _DESCRIPTORS.is_dir() else 0,
    }


@asynccontextmanager
async def nothing_is_left(sandbox: Sandbox) -> AsyncGenerator[None]:
    """Check that the block leaves no task, thread, descriptor or connection, and no failure that nobody looked at."""
    gc.collect()
    before = _held()
    loop, unseen = asyncio.get_running_loop(), list[dict[str, Any]]()
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, context: unseen.append(context))
    try:
        yield
        deadline = time.monotonic() + _PATIENCE
        while (after := {**_held(), "connections": sandbox.fault_connections()}) != {**before, "connections": 0}:
            if time.monotonic() > deadline:
                break
            gc.collect()
            await asyncio.sleep(0.02)
    finally:
        loop.set_exception_handler(handler)
    assert after == {**before, "connections": 0}, f"before: {before}, after: {after}"
    assert unseen == []
