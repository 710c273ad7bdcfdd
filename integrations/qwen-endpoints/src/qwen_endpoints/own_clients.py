"""HTTP clients of our own, and their requests. Importing this imports httpx2, so that it is left to the first call."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Final

import httpx2

from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.spares import KEPT_SECONDS

if TYPE_CHECKING:
    from qwen_endpoints.outgoing import Outgoing

AnyClient = httpx2.Client | httpx2.AsyncClient

_STEPS: Final = ("connect", "read", "write", "pool")
"""What httpx2 calls the steps that `Clock.timeouts` limits, in that order."""


def made(name: str, base_url: str, cookies: CookieJar, connections: int | None) -> AnyClient:
    """Make a client for one request at a time, or for more that share so many connections.

    Args:
        name: `Client` or `AsyncClient`.
        base_url: Where its requests go. It is not told the client.
        cookies: Where it finds and keeps cookies.
        connections: How many; `None` for one request at a time.

    Raises:
        ConfigurationError: There are no trusted certificates to be read where SSL_CERT_FILE and SSL_CERT_DIR point.
    """
    limits = httpx2.Limits(
        max_connections=connections, max_keepalive_connections=connections or 1, keepalive_expiry=KEPT_SECONDS
    )
    secure = base_url.startswith("https:")
    trust = _trust(*map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR"))) if secure else _trust_nobody()
    return getattr(httpx2, name)(verify=trust, limits=limits, cookies=cookies)


def request(client: AnyClient, outgoing: Outgoing, timeouts: tuple[float, float, float, float]) -> httpx2.Request:
    """Return the request that the client's `build_request` would make, in less than half its time.

    Args:
        client: One of `made`, which adds nothing to a request but its headers and cookies.
        outgoing: What is sent.
        timeouts: See `Clock.timeouts`.
    """
    headers = [(name.encode(), value.encode()) for name, value in outgoing.headers.items()]
    named = {name.lower() for name, _ in headers}
    added = [pair for pair in client.headers.raw if pair[0].lower() not in named]
    return httpx2.Request(
        outgoing.method,
        _address(outgoing.url),
        params=outgoing.query or None,
        headers=added + headers,
        cookies=client.cookies,
        content=outgoing.content,
        extensions={"timeout": dict(zip(_STEPS, timeouts, strict=True))},
    )


@lru_cache(maxsize=64)
def _address(url: str) -> httpx2.URL:
    """Read an address once: all calls of a program go to few."""
    return httpx2.URL(url)


@lru_cache(maxsize=8)
def _trust(*variables: str | None) -> ssl.SSLContext:
    """Read the trusted certificates once for all clients, which takes longer than all else that a client needs.

    httpx2 looks at the variables itself; they are named so that a change of them is noticed.
    """
    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        where = "SSL_CERT_FILE={!r}, SSL_CERT_DIR={!r}".format(*variables)
        raise ConfigurationError(f"There are no trusted certificates to be read ({where}): {error}.") from error


@lru_cache(maxsize=1)
def _trust_nobody() -> ssl.SSLContext:
    """For addresses without TLS: redirects to others are not followed, so that no certificate is ever looked at."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
