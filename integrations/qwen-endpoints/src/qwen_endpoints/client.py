"""The only module with I/O: whole and streamed calls, sync and async, each a few lines over one `Exchange`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from qwen_endpoints import listing
from qwen_endpoints.connections import Address, Connection, connection_for
from qwen_endpoints.errors import QwenError
from qwen_endpoints.exchange import Exchange, last_completion

if TYPE_CHECKING:
    from qwen_endpoints.calls import Call
    from qwen_endpoints.types import Completion, CompletionDelta


class QwenClient:
    """Makes calls.

    Holding one keeps its connections alive; equal configurations share them. Nothing is opened before the first call.
    A copy or a pickle of a client is a new client, so that whatever holds one can be copied, pickled and forked.
    """

    def __init__(self) -> None:
        self._connections: dict[Address, Connection] = {}

    def complete(self, call: Call) -> Completion:
        """Make a call and return the whole reply.

        Raises:
            QwenError: See `qwen_endpoints.errors`; `ConfigurationError` before anything is sent.
        """
        exchange = Exchange(call, stream=False)
        if exchange.streams:
            return last_completion(self._stream(call, exchange))
        with exchange.naming_errors():
            response = self._connection(call).ask(exchange.arguments())
            exchange.begin(response)
            return last_completion((*exchange.feed(response.content), *exchange.finish()))

    async def acomplete(self, call: Call) -> Completion:
        """Make a call and return the whole reply. Raises as `complete`."""
        exchange = Exchange(call, stream=False)
        if exchange.streams:
            return last_completion([delta async for delta in self._astream(call, exchange)])
        with exchange.naming_errors():
            response = await self._connection(call).aask(exchange.arguments())
            exchange.begin(response)
            return last_completion((*exchange.feed(response.content), *exchange.finish()))

    def stream(self, call: Call) -> Generator[CompletionDelta]:
        """Make a call and give its reply piece by piece, the last piece with the whole `Completion`.

        Nothing is sent before the first piece is asked for, but a request that cannot be sent is refused at once.
        Leaving the iteration early closes the connection.
        """
        return self._stream(call, Exchange(call, stream=True))

    def astream(self, call: Call) -> AsyncGenerator[CompletionDelta]:
        """As `stream`, for `async for`."""
        return self._astream(call, Exchange(call, stream=True))

    def list_models(self, call: Call) -> listing.Listing:
        """Ask the endpoint of a call for its models, with the call's key, headers and time limits. A refusal is told.

        Raises:
            QwenError: There was no answer at all.
        """
        exchange = Exchange(call, stream=False)
        try:
            with exchange.naming_errors():
                return listing.given(self._connection(call).get(exchange.listing_arguments()))
        except QwenError as error:
            return listing.refused(error)

    async def alist_models(self, call: Call) -> listing.Listing:
        """As `list_models`."""
        exchange = Exchange(call, stream=False)
        try:
            with exchange.naming_errors():
                return listing.given(await self._connection(call).aget(exchange.listing_arguments()))
        except QwenError as error:
            return listing.refused(error)

    def _stream(self, call: Call, exchange: Exchange) -> Generator[CompletionDelta]:
        with exchange.naming_errors(), self._connection(call).open(exchange.arguments()) as reply:
            exchange.begin(reply.response)
            for piece in reply.response.iter_bytes():
                yield from exchange.feed(piece)
                if exchange.ended:
                    return
            yield from exchange.finish()

    async def _astream(self, call: Call, exchange: Exchange) -> AsyncGenerator[CompletionDelta]:
        with exchange.naming_errors():
            async with await self._connection(call).aopen(exchange.arguments()) as reply:
                exchange.begin(reply.response)
                async for piece in reply.response.aiter_bytes():
                    for delta in exchange.feed(piece):
                        yield delta
                    if exchange.ended:
                        return
                for delta in exchange.finish():
                    yield delta

    def close(self) -> None:
        """Close the connections for sync calls. Others who share them open new ones."""
        for connection in self._connections.values():
            connection.close()

    async def aclose(self) -> None:
        """Close the running event loop's connections."""
        for connection in self._connections.values():
            await connection.aclose()

    def __copy__(self) -> QwenClient:
        return QwenClient()

    def __deepcopy__(self, memo: dict[int, Any]) -> QwenClient:
        return QwenClient()

    @override
    def __reduce__(self) -> tuple[type[QwenClient], tuple[()]]:
        return QwenClient, ()

    def _connection(self, call: Call) -> Connection:
        address = Address.of(call)
        found = self._connections.get(address)
        if found is None:
            found = self._connections[address] = connection_for(address)
        return found
