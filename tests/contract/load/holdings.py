"""What a process holds at a moment: what must not grow with the number of calls."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DESCRIPTORS: Final = Path("/proc/self/fd")
_MEMORY: Final = Path("/proc/self/statm")
_BLOCKS_OF_A_CONNECTION: Final = 100
"""About 75 were seen, on Python 3.11."""
_SETTLING: Final = 0.1
_TURNS: Final = 100


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """Counts; those that only Linux tells are 0 elsewhere."""

    megabytes: float
    """Of memory in RAM."""
    blocks: int
    """Of Python's own allocator: exact where memory in RAM is not."""
    descriptors: int
    threads: int
    tasks: int

    def objects_since(self, earlier: Holdings) -> int:
        """Blocks that came since `earlier`, without those of connections that are kept for the next call."""
        kept = max(0, self.descriptors - earlier.descriptors)
        return self.blocks - earlier.blocks - kept * _BLOCKS_OF_A_CONNECTION


async def settled(tasks: int) -> Holdings:
    """What is held once no more than `tasks` tasks are left, or after ten seconds: a stream that was left is closed by
    a task of the loop's own.
    """
    for _ in range(_TURNS):
        gc.collect()
        await asyncio.sleep(_SETTLING)
        if len(asyncio.all_tasks()) <= tasks:
            break
    gc.collect()
    return held()


def held() -> Holdings:
    """What is held now."""
    return Holdings(
        megabytes=memory(),
        blocks=sys.getallocatedblocks(),
        descriptors=len(list(_DESCRIPTORS.iterdir())) if _DESCRIPTORS.is_dir() else 0,
        threads=threading.active_count(),
        tasks=len(asyncio.all_tasks()),
    )


def memory() -> float:
    """Megabytes in RAM."""
    if not _MEMORY.is_file():
        return 0.0
    return int(_MEMORY.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
