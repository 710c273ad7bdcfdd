"""Nothing beyond loopback is reached: Python imports this file by its name when its folder is on PYTHONPATH.

`run.py` puts it there, so the rule also holds in the worker processes and in every Python program a test starts.
An audit hook sees each connection and each name that is looked up, from any library, thread or event loop.
"""

from __future__ import annotations

import ipaddress
import sys
from typing import Any

_ADDRESS_EVENTS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_NAME_EVENTS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
_LONGEST_NAME = 253
"""Characters of a name in DNS (RFC 1035, 2.3.4): a longer one is refused without asking anyone."""


class NetworkIsClosedError(RuntimeError):
    """Not an OSError, so that no client takes it for a failing network and retries."""


def _refuse_all_but_loopback(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _ADDRESS_EVENTS:
        address: Any = arguments[1]
        # A name or path is a unix socket's; no address at all is that of a socket connected before.
        if not isinstance(address, (str, bytes, type(None))) and not _is_loopback(str(address[0])):
            raise NetworkIsClosedError(f"tests reach nothing but loopback, and this is {address!r}")
    elif event in _NAME_EVENTS and not _needs_no_lookup(arguments[0]):
        raise NetworkIsClosedError(f"tests look up no names, and this is {arguments[0]!r}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _needs_no_lookup(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if not name or name == "localhost" or len(name) > _LONGEST_NAME:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


sys.addaudithook(_refuse_all_but_loopback)
