"""SDK clients: built on first use, shared where configuration is equal, one per event loop, safe to copy and fork.

The `openai` package brings connection pools, authentication, retries and timeouts. It is imported here, on first use.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import openai

    from qwen_endpoints.calls import Call


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
    """The SDK clients for one address."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._sync: tuple[int, openai.OpenAI] | None = None
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[openai.AsyncOpenAI, Any]] = (
            weakref.WeakKeyDictionary()
        )

    def sync(self) -> openai.OpenAI:
        """Return the client for sync calls. A forked child gets its own: sockets must not be shared."""
        process = os.getpid()
        held = self._sync
        if held is not None and held[0] == process:
            return held[1]
        import openai

        with self._lock:
            if self._sync is None or self._sync[0] != process:
                client = openai.OpenAI(**self._arguments(), http_client=self._address.http_client)
                self._sync = process, client
                if self._address.http_client is None:
                    weakref.finalize(self, client.close)
            return self._sync[1]

    async def asynchronous(self) -> openai.AsyncOpenAI:
        """Return the client for the running event loop: a pool must not outlive the loop it was made in."""
        loop = asyncio.get_running_loop()
        held = self._loops.get(loop)
        if held is not None:
            return held[0]
        import openai

        given = self._address.async_http_client
        client = openai.AsyncOpenAI(**self._arguments(), http_client=given)
        lifetime = _close_with_loop(client) if given is None else None
        self._loops[loop] = client, lifetime
        if lifetime is not None:
            await anext(lifetime)
        return client

    def ask(self, arguments: Mapping[str, Any]) -> Any:
        """Post a request and return the HTTP response, its body read."""
        from openai import APIResponse

        return self.sync().post(**arguments, cast_to=APIResponse[bytes]).http_response

    async def aask(self, arguments: Mapping[str, Any]) -> Any:
        """As `ask`."""
        from openai import AsyncAPIResponse

        sdk = await self.asynchronous()
        return (await sdk.post(**arguments, cast_to=AsyncAPIResponse[bytes])).http_response

    def open(self, arguments: Mapping[str, Any]) -> openai.Stream[object]:
        """Post a request and return its stream once the headers are there; leaving its context closes it."""
        from openai import Stream

        return self.sync().post(**arguments, cast_to=object, stream=True, stream_cls=Stream[object])

    async def aopen(self, arguments: Mapping[str, Any]) -> openai.AsyncStream[object]:
        """As `open`."""
        from openai import AsyncStream

        sdk = await self.asynchronous()
        return await sdk.post(**arguments, cast_to=object, stream=True, stream_cls=AsyncStream[object])

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

    def _arguments(self) -> dict[str, Any]:
        """Everything that the SDK would otherwise take from variables meant for another service."""
        from openai import Omit

        foreign = os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines()
        unwanted = ["OpenAI-Organization", "OpenAI-Project", *(line.partition(":")[0].strip() for line in foreign)]
        return {
            "base_url": self._address.base_url,
            # The SDK insists on a key; `Exchange` states the header for each request, or leaves it out.
            "api_key": self._address.api_key or "unused",
            "default_headers": {name: Omit() for name in unwanted if name},
        }


async def _close_with_loop(client: openai.AsyncOpenAI) -> AsyncGenerator[None, None]:
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
