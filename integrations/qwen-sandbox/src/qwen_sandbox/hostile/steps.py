"""What a fault does to a connection, step by step: it sends bytes, waits, or breaks off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from qwen_sandbox.hostile.asked import Asked

if TYPE_CHECKING:
    from collections.abc import Mapping


class Stop(Enum):
    """A way to send no more. A script that merely ends closes the connection in order."""

    HOLD = "keep the connection open until the client leaves"
    RESET = "send a TCP reset"


Step = bytes | float | Stop
"""Bytes to send, seconds to wait, or the end."""
Script = Callable[[Asked], Iterator[Step]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault."""

    name: str
    does: str
    """What happens on the wire, as the end of a sentence that begins with "the server"."""
    script: Script
    default: float | str = ""
    parameter: str = ""
    """What the parameter means; empty where there is none."""


LAST_CHUNK = b"0\r\n\r\n"
CHUNKED = {"transfer-encoding": "chunked"}


def head(asked: Asked, status: str = "200 OK", headers: Mapping[str, str] | None = None) -> bytes:
    """Return a status line and headers. Each connection serves one request, so that none is left in a pool."""
    fields = {"content-type": asked.content_type, "connection": "close", **(headers or {})}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items() if value), "", ""]
    return "\r\n".join(lines).encode()


def chunk(piece: bytes) -> bytes:
    """Return one chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def chunked(asked: Asked, pieces: Iterable[bytes], headers: Mapping[str, str] | None = None) -> Iterator[bytes]:
    """A reply whose body is sent piece by piece, ended as it should be."""
    yield from unfinished(asked, pieces, headers)
    yield LAST_CHUNK


def unfinished(asked: Asked, pieces: Iterable[bytes], headers: Mapping[str, str] | None = None) -> Iterator[bytes]:
    """As `chunked`, without its end."""
    yield head(asked, headers={**CHUNKED, **(headers or {})})
    for piece in pieces:
        yield chunk(piece)


def sized(
    asked: Asked, body: bytes, status: str = "200 OK", headers: Mapping[str, str] | None = None
) -> Iterator[bytes]:
    """A reply with its length in the head."""
    yield head(asked, status, {"content-length": str(len(body)), **(headers or {})}) + body
