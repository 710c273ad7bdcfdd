"""The only module with I/O: whole and streamed calls, sync and async, each a few lines over one `Exchange`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from qwen_endpoints.alarm import alarm, aread_out, in_time, read_out
from qwen_endpoints.connections import Address, Connection, connection_for
from qwen_endpoints.errors import QwenError
from qwen_endpoints.exchange import exchange_of, last_completion
from qwen_endpoints.listing import Inquiry, Listing

if TYPE_CHECKING:
    from qwen_endpoints.calls import Call
    from qwen_endpoints.exchange import Exchange
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
        return last_completion(self._made(call, exchange_of(call, stream=False)))

    async def acomplete(self, call: Call) -> Completion:
        """Make a call and return the whole reply. Raises as `complete`."""
        return last_completion([delta async for delta in self._amade(call, exchange_of(call, stream=False))])

    def stream(self, call: Call) -> Generator[CompletionDelta]:
        """Make a call and give its reply piece by piece, the last piece with the whole `Completion`.

        Nothing is sent before the first piece is asked for, but a request that cannot be sent is refused at once.
        Leaving the iteration early closes the connection.
        """
        return self._made(call, exchange_of(call, stream=True))

    def astream(self, call: Call) -> AsyncGenerator[CompletionDelta]:
        """As `stream`, for `async for`."""
        return self._amade(call, exchange_of(call, stream=True))

    def list_models(self, call: Call) -> Listing:
        """Ask the endpoint of a call for its models, with the call's key, headers and time limits. A refusal is told.

        Raises:
            QwenError: There was no answer at all.
        """
        inquiry = Inquiry(call)
        try:
            list(self._made(call, inquiry.exchange))
        except QwenError as error:
            return inquiry.refused(error)
        return inquiry.given()

    async def alist_models(self, call: Call) -> Listing:
        """As `list_models`."""
        inquiry = Inquiry(call)
        try:
            [_ async for _ in self._amade(call, inquiry.exchange)]
        except QwenError as error:
            return inquiry.refused(error)
        return inquiry.given()

    def _made(self, call: Call, exchange: Exchange) -> Generator[CompletionDelta]:
        while True:
            with exchange.attempt():
                if exchange.pause:
                    time.sleep(exchange.pause)
                with self._connection(call).open(exchange) as response:
                    exchange.begin(response)
                    with alarm(response, exchange.clock.left()):
                        pieces = response.iter_bytes()
                        while (piece := next(pieces, None)) is not None:
                            yield from exchange.feed(piece)
                            if exchange.ended:
                                read_out(response, pieces)
                                return
                        yield from exchange.finish()
                        return

    async def _amade(self, call: Call, exchange: Exchange) -> AsyncGenerator[CompletionDelta]:
        left = exchange.clock.left
        while True:
            with exchange.attempt():
                if exchange.pause:
                    await asyncio.sleep(exchange.pause)
                async with await in_time(self._connection(call).aopen(exchange), left()) as response:
                    exchange.begin(response)
                    async with aclosing(response.aiter_bytes()) as pieces:
                        while (piece := await in_time(anext(pieces, None), left())) is not None:
                            for delta in exchange.feed(piece):
                                yield delta
                            if exchange.ended:
                                await aread_out(pieces)
                                return
                    for delta in exchange.finish():
                        yield delta
                    return

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
