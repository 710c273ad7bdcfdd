"""SDK clients: built on first use, shared where configuration is equal, one per event loop, safe to copy and fork."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from qwen_endpoints.protocols import PROTOCOLS
from qwen_endpoints.redirects import followed
from qwen_endpoints.sdks import OPENAI, Sdk

if TYPE_CHECKING:
    from qwen_endpoints.calls import Call


@dataclass(frozen=True, slots=True)
class Address:
    """What makes two calls share one pool."""

    base_url: str
    api_key: str | None = field(repr=False)
    http_client: Any = None
    async_http_client: Any = None
    sdk: Sdk = OPENAI

    @classmethod
    def of(cls, call: Call) -> Address:
        """The address a call goes to."""
        key = call.endpoint.api_key
        return cls(
            call.endpoint.base_url,
            key.get_secret_value() if key else None,
            call.transport.http_client,
            call.transport.async_http_client,
            PROTOCOLS[call.endpoint.provider.protocol].sdk,
        )


class Connection:
    """The SDK clients for one address."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._sync: tuple[int, Any] | None = None
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Any, Any]] = weakref.WeakKeyDictionary()

    def sync(self) -> Any:
        """Return the client for sync calls. A forked child gets its own: sockets must not be shared."""
        process = os.getpid()
        held = self._sync
        if held is not None and held[0] == process:
            return held[1]
        with self._lock:
            if self._sync is None or self._sync[0] != process:
                client = self._made(self._address.sdk.client, self._address.http_client)
                self._sync = process, client
                if self._address.http_client is None:
                    weakref.finalize(self, client.close)
            return self._sync[1]

    async def asynchronous(self) -> Any:
        """Return the client for the running event loop: a pool must not outlive the loop it was made in."""
        loop = asyncio.get_running_loop()
        held = self._loops.get(loop)
        if held is not None:
            return held[0]
        given = self._address.async_http_client
        client = self._made(self._address.sdk.async_client, given)
        lifetime = _close_with_loop(client) if given is None else None
        self._loops[loop] = client, lifetime
        if lifetime is not None:
            await anext(lifetime)
        return client

    def ask(self, arguments: Mapping[str, Any]) -> Any:
        """Post a request and return the HTTP response, its body read."""
        sdk = self._address.sdk.load()
        return self._post(arguments, cast_to=sdk.APIResponse[bytes]).http_response

    async def aask(self, arguments: Mapping[str, Any]) -> Any:
        """As `ask`."""
        sdk = self._address.sdk.load()
        return (await self._apost(arguments, cast_to=sdk.AsyncAPIResponse[bytes])).http_response

    def get(self, arguments: Mapping[str, Any]) -> Any:
        """Get something and return the HTTP response, its body read."""
        sdk = self._address.sdk.load()
        return self.sync().get(**arguments, cast_to=sdk.APIResponse[bytes]).http_response

    async def aget(self, arguments: Mapping[str, Any]) -> Any:
        """As `get`."""
        sdk = self._address.sdk.load()
        client = await self.asynchronous()
        return (await client.get(**arguments, cast_to=sdk.AsyncAPIResponse[bytes])).http_response

    def open(self, arguments: Mapping[str, Any]) -> Any:
        """Post a request and return its stream once the headers are there; leaving its context closes it."""
        sdk = self._address.sdk.load()
        return self._post(arguments, cast_to=object, stream=True, stream_cls=sdk.Stream[object])

    async def aopen(self, arguments: Mapping[str, Any]) -> Any:
        """As `open`."""
        sdk = self._address.sdk.load()
        return await self._apost(arguments, cast_to=object, stream=True, stream_cls=sdk.AsyncStream[object])

    def close(self) -> None:
        """Close the sync client. The next call opens a new one."""
        with self._lock:
            held, self._sync = self._sync, None
        if held is not None and held[0] == os.getpid():
            held[1].close()

    async def aclose(self) -> None:
        """Close the running loop's client. The next call opens a new one."""
        held = self._loops.pop(asyncio.get_running_loop(), None)
        if held is not None:
            if held[1] is not None:
                await held[1].aclose()
            await held[0].close()

    def _post(self, arguments: Mapping[str, Any], **read: Any) -> Any:
        """Post a request, and again where a redirect within the same origin leads."""
        refused, post = self._address.sdk.load().APIStatusError, self.sync().post
        before = 0
        while True:
            try:
                return post(**arguments, **read)
            except refused as error:  # noqa: PERF203 - most often there is one round
                again = followed(arguments, error.response, before)
                if again is None:
                    raise
                arguments, before = again, before + 1

    async def _apost(self, arguments: Mapping[str, Any], **read: Any) -> Any:
        """As `_post`."""
        refused, post = self._address.sdk.load().APIStatusError, (await self.asynchronous()).post
        before = 0
        while True:
            try:
                return await post(**arguments, **read)
            except refused as error:  # noqa: PERF203 - most often there is one round
                again = followed(arguments, error.response, before)
                if again is None:
                    raise
                arguments, before = again, before + 1

    def _made(self, name: str, http_client: Any) -> Any:
        sdk, address = self._address.sdk, self._address
        arguments = sdk.client_arguments(address.base_url, address.api_key)
        return getattr(sdk.load(), name)(**arguments, http_client=http_client)


async def _close_with_loop(client: Any) -> AsyncGenerator[None, None]:
    """Close `client` when its loop ends: loops finish their open async generators before they close.

    Without this, each `asyncio.run(model.ainvoke(...))` would leave sockets behind for the garbage collector.
    """
    try:
        yield
    finally:
        await client.close()


_KEPT: Final = 64
"""How many addresses are remembered. A program that makes a model for each request thus still shares one pool."""
_CONNECTIONS: Final[OrderedDict[Address, Connection]] = OrderedDict()
_CONNECTIONS_LOCK: Final = threading.Lock()


def connection_for(address: Address) -> Connection:
    """Return the connection for an address, shared with everyone who asks for it."""
    with _CONNECTIONS_LOCK:
        found = _CONNECTIONS.get(address)
        if found is None:
            found = _CONNECTIONS[address] = Connection(address)
            if len(_CONNECTIONS) > _KEPT:
                _CONNECTIONS.popitem(last=False)  # whoever holds it can go on using it
        _CONNECTIONS.move_to_end(address)
        return found


def forget() -> None:
    """Remember no connection any longer. Those that nobody else holds are closed."""
    with _CONNECTIONS_LOCK:
        _CONNECTIONS.clear()
