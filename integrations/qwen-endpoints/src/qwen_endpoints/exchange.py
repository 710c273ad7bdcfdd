"""One call without I/O: what to send, how to read what comes, how to name what goes wrong, whether to try again."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from sys import exc_info
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from qwen_endpoints.attempts import pause_after
from qwen_endpoints.clock import Clock
from qwen_endpoints.costs import trackers_here
from qwen_endpoints.depth import refusing_depth
from qwen_endpoints.errors import (
    ConfigurationError,
    ConnectionFailedError,
    QwenError,
    StreamInterruptedError,
    TimedOutError,
)
from qwen_endpoints.hidden import credentials_of, hide_in_chain, request_of
from qwen_endpoints.logs import log_of
from qwen_endpoints.outgoing import Outgoing, outgoing
from qwen_endpoints.protocols import PROTOCOLS
from qwen_endpoints.redirects import followed
from qwen_endpoints.refusals import Refusal, is_refusal
from qwen_endpoints.reply import Reader, ReplyDecoder
from qwen_endpoints.types import Completion, CompletionDelta

if TYPE_CHECKING:
    from qwen_endpoints.calls import Call
    from qwen_endpoints.costs import CostTracker
    from qwen_endpoints.endpoint import Endpoint

_UNWRITABLE: Final = frozenset({"ValueError", "InvalidURL", "LocalProtocolError", "ImportError"})
"""The last: a proxy whose protocol needs another package."""


class Exchange:
    """The pure half of a call; the drivers in `client` add the I/O, sync or async.

    Args:
        call: Whom to ask, and how long to wait.
        request: What to send.
        reader: What reads the reply, by the endpoint and the response.
        streams: Whether the reply is expected in pieces, so that the limits of streams are the ones that count.
        hands_on: Whether the caller gets the pieces as they come. They cannot be taken back: such a call is repeated
            only before the first of them, any other until it is whole.
        trackers: Whoever counts costs.
    """

    def __init__(
        self,
        call: Call,
        request: Outgoing,
        reader: Callable[[Endpoint, Any], Reader],
        *,
        streams: bool = False,
        hands_on: bool = False,
        trackers: tuple[CostTracker, ...] = (),
    ) -> None:
        self._call = call
        self._scope = call.endpoint.scope
        self._outgoing = request
        self._reader = reader
        self._streams = streams
        self._hands_on = hands_on
        self._trackers = trackers
        self._log = log_of(call, request.method, request.url, streams=streams)
        self._reply: Reader | None = None
        self._given = False
        self._handled: BaseException | None = None
        """What the caller was handling when it asked for what is being waited for."""
        self._repeated = self._redirected = 0
        self.clock = Clock(call.transport, streams=streams)
        self.headers: Mapping[str, str] = {}
        """Of the latest response."""
        self.pause = 0.0
        """Seconds to wait before the next attempt."""

    def attempt(self) -> Attempt:
        """Begin an attempt: a context that ends the call, or else leaves it to be attempted once more."""
        self.clock.start()
        if self._log is not None and not self._repeated + self._redirected:
            self._log.sent()
        self._reply = None
        self._handled = exc_info()[1]
        return Attempt(self)

    def built(self, client: Any, *, awaited: bool) -> Any:
        """Return the request as one of an HTTP client's library.

        Raises:
            ConfigurationError: The client is the caller's, and closed or not one for such calls.
        """
        name = "async_http_client" if awaited else "http_client"
        if client is not getattr(self._call.transport, name):
            from qwen_endpoints.own_clients import request  # noqa: PLC0415 - it imports httpx2

            return request(client, self._outgoing, self.clock.timeouts())
        if not hasattr(client, "build_request") or not hasattr(client, "aclose" if awaited else "close"):
            what = "httpx2.AsyncClient or httpx.AsyncClient" if awaited else "httpx2.Client or httpx.Client"
            text = f"{name} is a {type(client).__module__}.{type(client).__qualname__}, not an {what}."
            raise self._scope.error(ConfigurationError, text)
        if client.is_closed:
            raise self._scope.error(ConfigurationError, f"{name} is closed.")
        return self._outgoing.built(client, self.clock.timeouts())

    def begin(self, response: Any) -> None:
        """Take note of the reply's headers."""
        endpoint = self._call.endpoint
        # An HTTP client of the caller's own may add credentials that nobody told us, and one of ours a cookie.
        added = credentials_of(response.request).difference(self._outgoing.headers.values())
        if added:
            endpoint = replace(endpoint, hidden=(*endpoint.hidden, *sorted(added)))
            self._scope = endpoint.scope
        self.clock.hear()
        self.headers = response.headers
        if is_refusal(response):
            self._follow(response)
            self._reply = Refusal(endpoint, response)
            return
        self._reply = self._reader(endpoint, response)
        if self._log is not None:
            self._log.begun(response, self._repeated)
        for tracker in self._trackers:
            tracker.begin(self._call.endpoint)

    @property
    def ended(self) -> bool:
        """Whether the endpoint has said that it is done."""
        return self._reply is not None and self._reply.ended

    def feed(self, piece: bytes) -> Iterator[CompletionDelta]:
        """Take the next bytes of the reply; give what they add."""
        reply = self._begun()
        for delta in self._noted(reply.feed(piece)):
            self._given = self._hands_on
            yield delta
            self._handled = exc_info()[1]  # the next piece may be asked for from elsewhere
        idle, over = self.clock.is_idle(reply.progress), self.clock.is_over and not reply.ended
        if isinstance(reply, Refusal) and (idle or over):  # its status says more than the lack of an end
            raise reply.error()
        if idle:
            raise self._scope.error(TimedOutError, self._idle_text(), partial=reply.partial())
        if over:
            raise self._late()

    def finish(self) -> Iterator[CompletionDelta]:
        """End the reply; give the rest."""
        return self._noted(self._begun().finish())

    def failed(self, error: Exception) -> bool:
        """Take note of an attempt that failed: whether there is to be another.

        Raises:
            QwenError: There is not; the failure by its name, with `error` as its cause.
        """
        if isinstance(error, _RedirectedError):
            self.pause = 0.0
            return True
        named = error if isinstance(error, QwenError) else self._named(error)
        if named is not None and self.clock.is_over and named.status is None and named.code is None:
            named = self._late()  # a consequence of being cut off, unless the endpoint itself has said it
        if named is None:
            if request_of(error) is not None:  # raised by a hook of the caller's own HTTP client
                self._hide(error)
            self.left()
            return False
        self._hide(error)
        self._hide(named)
        pause = self._pause_after(named)
        if pause is not None:
            self._repeated, self.pause = self._repeated + 1, pause
            if self._log is not None:
                self._log.repeated(named, pause)
            return True
        if self._log is not None:
            self._log.failed(named, self._repeated)
        if named is error:
            return False
        raise named from error

    def left(self) -> None:
        """Take note of a call that nobody waits for any longer: a stream was left, a task cancelled."""
        if self._log is not None:
            self._log.left()

    def _noted(self, deltas: Iterator[CompletionDelta]) -> Iterator[CompletionDelta]:
        return self._watched(deltas) if self._trackers or self._log is not None else deltas

    def _watched(self, deltas: Iterator[CompletionDelta]) -> Iterator[CompletionDelta]:
        for delta in deltas:
            if delta.completion is not None:
                if self._log is not None:
                    self._log.ended(delta.completion)
                for tracker in self._trackers:
                    tracker.end(self._call.endpoint, delta.completion)
            yield delta

    def _begun(self) -> Reader:
        if self._reply is None:
            raise RuntimeError("begin() comes before feed() and finish()")
        return self._reply

    def _follow(self, response: Any) -> None:
        target = followed(response, self._redirected)
        if target:
            self._redirected += 1
            self._outgoing = self._outgoing.redirected(target)
            raise _RedirectedError

    def _pause_after(self, error: QwenError) -> float | None:
        """Seconds until the next attempt; `None`: there is none, because it cannot help or comes too late."""
        if self._given:
            return None
        pause, left = pause_after(error, self._repeated, self._call.transport.max_retries), self.clock.left()
        return None if pause is None or (left is not None and pause >= left) else pause

    def _named(self, error: Exception) -> QwenError | None:
        """Return the failure as one of ours, or `None` where it is none of the endpoint's or the network's."""
        # httpx2 and httpx have classes of the same names, and an HTTP client of the caller's own may be either's.
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if self._reply is None and kinds & _UNWRITABLE:
            return self._scope.error(ConfigurationError, f"The request cannot be sent: {error}.")
        if not kinds & {"RequestError", "StreamError"} and not isinstance(error, (ssl.SSLError, OSError)):
            return None
        if isinstance(self._reply, Refusal):  # whose end is missing
            return self._reply.error()
        partial = self._reply.partial() if self._reply is not None else None
        if "TimeoutException" in kinds:
            return self._scope.error(TimedOutError, self._timeout_text(kinds), partial=partial)
        if self._reply is None:
            return self._scope.error(ConnectionFailedError, self._unreachable_text(error, kinds))
        text = f"The connection broke while the reply was being read ({type(error).__name__}: {error})."
        return self._scope.error(StreamInterruptedError, text, partial=partial)

    def _late(self) -> QwenError:
        text = f"The call was not over within {self._call.transport.deadline:g} s (deadline)."
        return self._scope.error(TimedOutError, text, partial=self._reply.partial() if self._reply else None)

    def _hide(self, error: BaseException) -> None:
        """Strike the secrets out of an error and of what travels along as its cause and shows in tracebacks."""
        hide_in_chain(error, self._scope.secrets, self._call.transport.headers, handled=self._handled)

    def _limit(self) -> str:
        return f"{self.clock.idle:g} s ({'stream_idle_timeout' if self._streams else 'timeout'})"

    def _idle_text(self) -> str:
        if self._streams:
            return f"The stream has sent no whole chunk for {self._limit()}, only keep-alives or parts of one."
        return f"The endpoint has sent nothing but white space for {self._limit()}."

    def _timeout_text(self, kinds: set[str]) -> str:
        address, transport = self._call.endpoint.base_url, self._call.transport
        if "ConnectTimeout" in kinds:
            return f"There was no connection to {address} within {transport.connect_timeout:g} s (connect_timeout)."
        if "PoolTimeout" in kinds:
            return f"All connections to {address} were in use for {transport.timeout:g} s (timeout)."
        if self._reply is not None:
            return f"The reply stood still for {self._limit()}."
        return f"The endpoint did not {'begin to ' if self._streams else ''}answer within {self._limit()}."

    def _unreachable_text(self, error: Exception, kinds: set[str]) -> str:
        address, reason = self._call.endpoint.base_url, f" ({type(error).__name__}: {error})"
        if "ConnectError" in kinds:
            return f"Cannot reach {address}{reason}. Is the address right and the server running?"
        return f"The connection to {address} broke before the reply began{reason}."


class Attempt:
    """One try at a call. An error in its context is named, and swallowed where there is to be another."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __enter__(self) -> None:
        """Nothing yet."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """See `Exchange.failed`."""
        if isinstance(error, Exception):
            return self._exchange.failed(error)
        if error is not None:
            self._exchange.left()
        return False


class _RedirectedError(Exception):
    """The same request is to go to another address of the endpoint."""


def exchange_of(call: Call, *, stream: bool) -> Exchange:
    """Return the exchange that makes a call.

    Args:
        call: What to ask, and where.
        stream: Whether the caller takes the answer in pieces.

    Raises:
        QwenError: The request cannot be made, or would go beyond a budget.
    """
    codec = PROTOCOLS[call.endpoint.provider.protocol].codec()
    with refusing_depth(lambda message: call.endpoint.scope.error(ConfigurationError, message)):
        encoded = codec.encode(call.request, call.endpoint, stream=stream)
    trackers = trackers_here()
    for tracker in trackers:
        tracker.refuse_overspending(call.endpoint)

    def reader(endpoint: Endpoint, response: Any) -> ReplyDecoder:
        return ReplyDecoder(endpoint, codec.decoder(endpoint, encoded), response.headers)

    # The body may ask for a stream even where the caller wants a whole reply.
    streams = bool(encoded.body.get("stream"))
    return Exchange(
        call, outgoing(call, encoded.body), reader, streams=streams, hands_on=stream, trackers=tuple(trackers)
    )


def last_completion(deltas: Iterable[CompletionDelta]) -> Completion:
    """Return the whole reply that the last delta carries."""
    completion: Completion | None = None
    for delta in deltas:
        completion = delta.completion or completion
    if completion is None:
        raise RuntimeError("a reply that ends gives its completion")
    return completion
