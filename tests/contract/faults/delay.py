"""How long a busy machine lets a thread wait, so that a promise about time can be held to a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

_STEP: Final = 0.02


class Delay:
    """Counts the seconds that the calls of this process could not use: those in which it computed, be it for other
    calls, and those in which it was not let.
    """

    def __init__(self) -> None:
        self.withheld = 0.0
        self._over = threading.Event()

    def watch(self) -> None:
        """Add up by how much short pauses are too long."""
        while not self._over.is_set():
            began = time.monotonic()
            time.sleep(_STEP)
            self.withheld += max(0.0, time.monotonic() - began - _STEP)

    def stop(self) -> None:
        self._over.set()


@contextmanager
def delay() -> Generator[Delay]:
    """Measure while the block runs; the sum is right when it has ended."""
    measured, computed = Delay(), time.process_time()
    thread = threading.Thread(target=measured.watch)
    thread.start()
    try:
        yield measured
    finally:
        measured.stop()
        thread.join()
        measured.withheld += time.process_time() - computed
