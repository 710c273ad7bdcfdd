"""HTTP clients: built on first use, shared where configuration is equal, one per event loop, safe to copy and fork.

What makes them is imported with the first of them, because that takes a while.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, Final

from qwen_endpoints.spares import Spares

if TYPE_CHECKING:
    from qwen_endpoints.calls import Call
    from qwen_endpoints.exchange import Exchange

_LOCK: Final = threading.RLock()
if hasattr(os, "register_at_fork"):
    # What another thread has locked at that moment would be locked for ever in the child, which has no such thread.
    os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release)


@dataclass(frozen=True, slots=True)
class Address:
    """What makes two calls share one pool."""

    base_url: str
    api_key: str | None = field(repr=False)
    http_client: Any = None
    async_http_client: Any = None

    @classmethod
    def of(cls, call: Call) -> Address:
        """The address a call goes to."""
        key = call.endpoint.api_key
        return cls(
            call.endpoint.base_url,
            key.get_secret_value() if key else None,
            call.transport.http_client,
            call.transport.async_http_client,
        )


class Connection:
    """The HTTP clients for one address."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._sync: tuple[int, Spares] | None = None
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Spares, Any]] = (
            weakref.WeakKeyDictionary()
        )

    @contextmanager
    def open(self, exchange: Exchange) -> Generator[Any]:
        """Send a request and give the response once its headers are there; leaving the context closes it."""
        spares = self._here()
        with _LOCK:
            client = spares.take()
        try:
            request = exchange.built(client, awaited=False)
            with closing(client.send(request, stream=True, follow_redirects=False)) as response:
                yield response
        finally:
            with _LOCK:
                surplus = spares.give(client)
            for spare in surplus:
                spare.close()
                spares.forget(spare)

    async def aopen(self, exchange: Exchange) -> AbstractAsyncContextManager[Any]:
        """As `open`, but the context is returned when the headers are there."""
        spares = await self._in_this_loop()
        client = spares.take()
        try:
            response = await _sent(client, exchange.built(client, awaited=True))
        except BaseException:
            await _given_back(client, spares)
            raise
        return _Opened(response, client, spares)

    def close(self) -> None:
        """Close the sync clients, unless they are the caller's. The next call opens new ones."""
        with _LOCK:
            held, self._sync = self._sync, None
        if held is not None and held[0] == os.getpid() and self._address.http_client is None:
            _close(held[1])

    async def aclose(self) -> None:
        """Close the running loop's clients, unless they are the caller's. The next call opens new ones."""
        _, lifetime = self._loops.pop(asyncio.get_running_loop(), (None, None))
        if lifetime is not None:
            await lifetime.aclose()

    def _here(self) -> Spares:
        """Return the clients for sync calls. A forked child gets its own: sockets must not be shared."""
        process = os.getpid()
        held = self._sync
        if held is not None and held[0] == process:
            return held[1]
        with _LOCK:
            if self._sync is None or self._sync[0] != process:
                spares = self._spares("Client", self._address.http_client)
                if self._address.http_client is None:
                    weakref.finalize(self, _close, spares)
                self._sync = process, spares
            return self._sync[1]

    async def _in_this_loop(self) -> Spares:
        """Return the clients for the running event loop: a pool must not outlive the loop it was made in."""
        loop = asyncio.get_running_loop()
        held = self._loops.get(loop)
        if held is not None:
            return held[0]
        given = self._address.async_http_client
        spares = self._spares("AsyncClient", given)
        lifetime = _close_with_loop(spares) if given is None else None
        self._loops[loop] = spares, lifetime
        if lifetime is not None:
            await anext(lifetime)
        return spares

    def _spares(self, name: str, given: Any) -> Spares:
        if given is not None:
            return Spares(lambda _: given, alone=0)
        from qwen_endpoints.own_clients import made  # noqa: PLC0415 - it imports httpx2

        # Cookies, by which a gateway may know its servers apart, belong to all of them.
        return Spares(partial(made, name, self._address.base_url, CookieJar()))


async def _sent(client: Any, request: Any) -> Any:
    """Send a request; a connection whose TLS handshake is cancelled is closed.

    httpcore2 2.16 was seen to forget it while it is open.
    """
    if request.url.scheme != "https":  # no handshake, and to be told of each step takes a while
        return await client.send(request, stream=True, follow_redirects=False)
    connected = list[Any]()

    async def note(event: str, facts: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            connected.append(facts["return_value"])

    request.extensions["trace"] = note
    try:
        return await client.send(request, stream=True, follow_redirects=False)
    except asyncio.CancelledError:
        for stream in connected:
            await stream.aclose()
        raise


class _Opened:
    """A context that gives a response, closes it, and then gives the client back."""

    def __init__(self, response: Any, client: Any, spares: Spares) -> None:
        self._response = response
        self._client = client
        self._spares = spares

    async def __aenter__(self) -> Any:
        return self._response

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._response.aclose()
        finally:
            await _given_back(self._client, self._spares)


async def _given_back(client: Any, spares: Spares) -> None:
    for spare in spares.give(client):
        await spare.aclose()
        spares.forget(spare)


def _close(spares: Spares) -> None:
    for client in tuple(spares.clients):
        client.close()


async def _close_with_loop(spares: Spares) -> AsyncGenerator[None, None]:
    """Close the clients when their loop ends: loops finish their open async generators before they close.

    Without this, each `asyncio.run(model.ainvoke(...))` would leave sockets behind for the garbage collector.
    """
    try:
        yield
    finally:
        for client in tuple(spares.clients):
            await client.aclose()


_KEPT: Final = 64
"""How many addresses are remembered. A program that makes a model for each request thus still shares one pool."""
_CONNECTIONS: Final[OrderedDict[Address, Connection]] = OrderedDict()


def connection_for(address: Address) -> Connection:
    """Return the connection for an address, shared with everyone who asks for it."""
    with _LOCK:
        found = _CONNECTIONS.get(address)
        if found is None:
            found = _CONNECTIONS[address] = Connection(address)
            if len(_CONNECTIONS) > _KEPT:
                _CONNECTIONS.popitem(last=False)  # whoever holds it can go on using it
        _CONNECTIONS.move_to_end(address)
        return found


def forget() -> None:
    """Remember no connection any longer. Those that nobody else holds are closed."""
    with _LOCK:
        _CONNECTIONS.clear()
