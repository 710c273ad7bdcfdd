"""Which HTTP client a request goes through: one that nobody uses at that moment, the latest first. No I/O.

One client could serve all requests of an address. But its pool looks through all its connections when a request comes
and when it ends, and asks the system about every idle one (httpcore2 2.16): with 50 calls at a time, that was nearly
half of what HTTP cost each of them. So each client here has one request at a time, and with it one connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

_ALONE: Final = 900
"""Clients for one request each. What goes beyond shares one more client, whose pool lets requests wait their turn."""
_SHARED: Final = 100
"""Connections of that one."""
_KEPT: Final = 100
"""Connections that are kept for later requests."""
KEPT_SECONDS: Final = 4.0
"""Less than the five after which uvicorn and Node close what is idle: a request that meets the close would fail."""


class Spares:
    """The HTTP clients of one address in one process or event loop.

    Args:
        make: Makes a client for one request at a time (`None`), or for requests that share so many connections.
        alone: How many clients have one request at a time.
    """

    def __init__(self, make: Callable[[int | None], Any], alone: int = _ALONE) -> None:
        self._make = make
        self._alone = alone
        self._free: deque[tuple[Any, float]] = deque()
        """With the time since when each is free, which is also their order."""
        self._shared: Any = None
        self.clients: set[Any] = set()
        """All that were made and not forgotten."""

    def take(self) -> Any:
        """Return a client for one request, to be given back after it."""
        if self._free:
            return self._free.pop()[0]
        if len(self.clients) < self._alone:
            made = self._make(None)
            self.clients.add(made)
            return made
        if self._shared is None:
            self._shared = self._make(_SHARED)
            self.clients.add(self._shared)
        return self._shared

    def give(self, client: Any) -> list[Any]:
        """Take a client back. Return those to be closed and forgotten: too many, or free for too long."""
        now = monotonic()
        if client is not self._shared:
            self._free.append((client, now))
        closing: list[Any] = []
        while self._free and (len(self._free) > _KEPT or now - self._free[0][1] > KEPT_SECONDS):
            closing.append(self._free.popleft()[0])
        return closing

    def forget(self, client: Any) -> None:
        """Take note of a client that was closed."""
        self.clients.discard(client)
