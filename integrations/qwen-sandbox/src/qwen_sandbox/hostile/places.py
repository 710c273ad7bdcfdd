"""Addresses where no answer can come from: nobody listens, or nobody speaks TLS as it should be spoken."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from qwen_sandbox.hostile.asked import Asked
from qwen_sandbox.hostile.steps import Fault, Step, Stop

UNKNOWN_HOST: Final = ".".join([*["no-such-host-" * 4 + "here"] * 5, "invalid"])
"""Longer than DNS allows, under a domain that never exists (RFC 6761, 6.4): refused without asking anyone."""
_WAITING: Final = 4
"""Connections that fill a backlog of none; Linux lets one or two wait all the same."""


def _says_nothing(_asked: Asked) -> Iterator[Step]:
    yield Stop.HOLD


PLACES: Final = (
    Fault("refused", "refuses the connection: nobody listens", _says_nothing),
    Fault("unknown-host", "has a name that nobody knows", _says_nothing),
    Fault("connect-hangs", "lets the connection attempt hang (on Linux; elsewhere it may refuse it)", _says_nothing),
    Fault("tls-plain-text", "answers a TLS greeting in plain text", _says_nothing),
    Fault("tls-untrusted", "shows a certificate that nobody vouches for", _says_nothing),
    Fault("tls-silent", "does not answer a TLS greeting", _says_nothing),
)


@dataclass(frozen=True, slots=True)
class Reserved:
    """A port of our own where no connection comes about, as long as its sockets are open."""

    sockets: tuple[socket.socket, ...]

    @property
    def port(self) -> int:
        """The port."""
        return int(self.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Give the port up."""
        for held in self.sockets:
            held.close()


def refusing() -> Reserved:
    """Reserve a port at which nobody listens."""
    return Reserved((_bound(),))


def hanging() -> Reserved:
    """Reserve a port whose queue of connections is full."""
    listener = _bound()
    listener.listen(0)
    waiting = [socket.socket() for _ in range(_WAITING)]
    for each in waiting:
        each.settimeout(0)
        with suppress(BlockingIOError):
            each.connect(listener.getsockname())
    return Reserved((listener, *waiting))


def _bound() -> socket.socket:
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held
