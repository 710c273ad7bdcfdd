"""The time limits of one call: how long each step of it may take, and when all of it has to be over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from qwen_endpoints.calls import Transport

_SHORTEST: Final = 0.001
"""Of a limit that is past: 0 would mean "do not wait" to a socket, and is another error."""


class Clock:
    """Counts from the first attempt on; see `docs/errors.md` for what each limit means."""

    def __init__(self, transport: Transport, *, streams: bool) -> None:
        self._transport = transport
        self.idle = transport.idle_timeout if streams else transport.timeout
        """Seconds that a reply may bring nothing that counts."""
        self._ends: float | None = None
        self._heard_at = 0.0
        self._progress = 0

    def start(self) -> None:
        """Begin to count, unless that has begun."""
        if self._ends is None and self._transport.deadline is not None:
            self._ends = time.monotonic() + self._transport.deadline

    def left(self) -> float | None:
        """Seconds until all has to be over, 0 where it should be by now; `None` where there is no such limit."""
        return None if self._ends is None else max(0.0, self._ends - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether the deadline is past."""
        return self._ends is not None and time.monotonic() >= self._ends

    def timeouts(self) -> tuple[float, float, float, float]:
        """Seconds to connect, to wait for bytes, to get rid of some, and to wait for a connection of the pool."""
        transport, left = self._transport, self.left()
        stated = (transport.connect_timeout, self.idle, transport.timeout, transport.timeout)
        if left is None:
            return stated
        connect, read, write, pool = (max(_SHORTEST, min(seconds, left)) for seconds in stated)
        return connect, read, write, pool

    def hear(self) -> None:
        """Take note of a reply that begins."""
        self._heard_at, self._progress = time.monotonic(), 0

    def is_idle(self, progress: int) -> bool:
        """Whether a reply that has come as far as `progress` has stood there for too long."""
        now = time.monotonic()
        if progress != self._progress:
            self._progress, self._heard_at = progress, now
        return now - self._heard_at > self.idle
