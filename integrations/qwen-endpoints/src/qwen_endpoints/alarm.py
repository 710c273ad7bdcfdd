"""Ends whatever a call waits for at its deadline, which limits for single steps cannot do."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

_T = TypeVar("_T")
_SOON: Final = 0.05
"""Seconds. What ends a body comes with its last event or right after it, unless the server keeps it open."""


@contextmanager
def alarm(response: Any, left: float | None) -> Generator[None]:
    """Cut the connection of `response` off after `left` seconds, if that is before the context ends.

    Whoever waits for bytes in this thread wakes up then, to the end of the body or an error of the transport. A
    connection that carries others' replies as well (HTTP/2) is not cut.
    """
    connection = None if left is None else _connection_of(response)
    if left is None or connection is None:
        yield
        return
    timer = threading.Timer(left, _cut_off, [response, connection])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


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


def read_out(response: Any, pieces: Iterator[bytes]) -> None:
    """Read the rest of a body of which nothing counts any more, if it comes at once: only then is its connection kept.

    A stream says that it is done some bytes before its body ends. What goes wrong here is nobody's loss.
    """
    if _connection_of(response) is not None:
        with suppress(Exception), alarm(response, _SOON):
            for _ in pieces:
                pass


async def aread_out(pieces: AsyncIterator[bytes]) -> None:
    """As `read_out`."""
    with suppress(Exception):
        await in_time(_all_of(pieces), _SOON)


async def _all_of(pieces: AsyncIterator[bytes]) -> None:
    async for _ in pieces:
        pass


def _connection_of(response: Any) -> socket.socket | None:
    """The socket that brings a reply and nothing else."""
    stream = response.extensions.get("network_stream")
    if stream is None or response.extensions.get("http_version") == b"HTTP/2":  # the former: not a network's reply
        return None
    return stream.get_extra_info("socket")


def _cut_off(response: Any, connection: socket.socket) -> None:
    if response.is_closed:  # read to its end by now; others may use the connection
        return
    with suppress(OSError):  # closed by now
        # Not the method of an SSL socket, which takes away what the other thread is reading with.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
