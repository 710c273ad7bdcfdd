"""How long a busy machine lets a thread wait, so that a promise about time can be held to a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

_STEP: Final = 0.02


class Delay:
    """Counts the seconds by which short pauses of a thread of its own were too long."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._over = threading.Event()

    def watch(self) -> None:
        while True:
            began = time.monotonic()
            over = self._over.wait(_STEP)
            self.seconds += max(0.0, time.monotonic() - began - _STEP)
            if over:
                return

    def stop(self) -> None:
        self._over.set()


@contextmanager
def delay() -> Generator[Delay]:
    """Measure while the block runs."""
    measured = Delay()
    thread = threading.Thread(target=measured.watch)
    thread.start()
    try:
        yield measured
    finally:
        measured.stop()
        thread.join()
