"""A static HTTP server, in a process of its own: the path says what is answered, and every answer is made only once.

`python -m benchmarks.server` prints its port and serves until its standard input ends. A path begins with
`/SAID/PIECES/FRAMING`; what a client adds to it tells the protocol. Each event is an HTTP chunk where FRAMING is
`single`; `joined` puts many into one; `held` gives the first few and then nothing, and keeps the connection open;
`refused` refuses every second request, with 503, before it answers.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from typing_extensions import override

from benchmarks.answers import answer

_JOINED: Final = 16_384
"""Bytes of an HTTP chunk that holds many events."""
_HELD: Final = 5
"""Events of a stream that is then held open."""
_ENDINGS: Final = {"/chat/completions": "completions", "/messages": "messages", "/generation": "native"}
"""How the path ends that a client of each protocol asks for."""
_REFUSED: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nretry-after-ms: 1\r\n"
    b'Content-Length: 29\r\n\r\n{"error":{"message":"Later"}}'
)
_NOT_FOUND: Final = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@lru_cache(maxsize=64)
def response(path: str) -> bytes:
    """Return all bytes of the response to a path.

    Raises:
        ValueError: The path asks for nothing that there is.
    """
    _, said, count, framing, *_ = path.split("/")
    protocol = next((name for ending, name in _ENDINGS.items() if path.endswith(ending)), "")
    if not protocol:
        raise ValueError(f"no protocol asks for {path}")
    told = answer(said, int(count), protocol)
    if not told.streamed:
        body = told.events[0]
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    if framing == "held":
        return head + b"".join(map(_chunk, told.events[:_HELD]))
    parts = told.events if framing == "single" else joined(told.events)
    return head + b"".join(map(_chunk, parts)) + b"0\r\n\r\n"


def joined(events: Iterable[bytes]) -> Iterator[bytes]:
    """Put events together into parts of about `_JOINED` bytes; none is cut."""
    part = bytearray()
    for event in events:
        part += event
        if len(part) >= _JOINED:
            yield bytes(part)
            part.clear()
    if part:
        yield bytes(part)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Served(asyncio.Protocol):
    """One connection of a client, kept alive."""

    def __init__(self, asked: dict[str, int]) -> None:
        self._asked = asked
        self._read = bytearray()
        self._wanted = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._read += data
        while len(self._read) >= self._wanted and (end := self._read.find(b"\r\n\r\n")) >= 0:
            self._wanted = end + 4 + _length(bytes(self._read[:end]))
            if len(self._read) < self._wanted:
                return
            path = self._read.split(b" ", 2)[1].decode()
            del self._read[: self._wanted]
            self._wanted = 0
            self._write(path)

    def _write(self, path: str) -> None:
        transport = self._transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(self._response(path.partition("?")[0]))

    def _response(self, path: str) -> bytes:
        if "/refused/" in path:
            times = self._asked[path] = self._asked.get(path, 0) + 1
            if times % 2:
                return _REFUSED
        try:
            return response(path)
        except ValueError as error:
            sys.stderr.write(f"{error}\n")
            return _NOT_FOUND


def _length(head: bytes) -> int:
    """Return how long the body is that follows the head of a request."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def serve() -> None:
    """Serve on a free port of this machine, print it, and end with standard input."""
    loop = asyncio.get_running_loop()
    asked: dict[str, int] = {}
    server = await loop.create_server(lambda: Served(asked), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
