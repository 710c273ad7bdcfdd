"""Ends whatever a call waits for at its deadline, which limits for single steps cannot do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Awaitable, Generator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

_T = TypeVar("_T")


@contextmanager
def alarm(response: Any, left: float | None) -> Generator[None]:
    """Cut the connection of `response` off after `left` seconds, if that is before the context ends.

    Whoever waits for bytes in this thread wakes up then, to the end of the body or an error of the transport.
    """
    stream = response.extensions.get("network_stream")
    if left is None or stream is None:  # the latter: not a network's reply
        yield
        return
    timer = threading.Timer(left, _cut_off, [stream.get_extra_info("socket")])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _cut_off(connection: socket.socket) -> None:
    with suppress(OSError):  # closed by now
        # Not the method of an SSL socket, which takes away what the other thread is reading with.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


async def in_time(waiting: Awaitable[_T], left: float | None) -> _T:
    """Wait for something, but no longer than `left` seconds.

    Raises:
        TimeoutError: It took longer, and was cancelled.
    """
    if left is None:
        return await waiting
    from anyio import fail_after  # noqa: PLC0415 - httpx2 brings it, with the first call

    with fail_after(left):
        return await waiting
