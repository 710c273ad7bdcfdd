"""One request and its reply, without I/O: what to send, how to read what comes, how to name what goes wrong."""

from __future__ import annotations

import ssl
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, cast

from typing_extensions import override

from qwen_endpoints.costs import trackers_here
from qwen_endpoints.depth import refusing_depth
from qwen_endpoints.errors import (
    ConfigurationError,
    ConnectionFailedError,
    MalformedResponseError,
    QwenError,
    StreamInterruptedError,
    TimedOutError,
)
from qwen_endpoints.hidden import credentials_of, hide_in_chain
from qwen_endpoints.logs import log_of
from qwen_endpoints.protocols import PROTOCOLS
from qwen_endpoints.redirects import is_redirect, refusal
from qwen_endpoints.reply import ReplyDecoder, json_or_text
from qwen_endpoints.retry_after import seconds_to_wait
from qwen_endpoints.types import Completion, CompletionDelta

if TYPE_CHECKING:
    from qwen_endpoints.calls import Call

_CONNECT_TIMEOUT: Final = 10.0


class _Unshown(str):
    """A value of a header or a query without a repr, for whoever prints local variables, and because the anthropic
    package logs all that a request is made with, keys among it (seen on 0.60 and 2.12, level DEBUG).
    """

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return "'***'"

    @override
    def __getitem__(self, key: SupportsIndex | slice, /) -> str:
        return _Unshown(super().__getitem__(key))  # who prints long texts cuts them first


def _unshown(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_unshown(item) for item in cast("Sequence[Any]", value)]
    return _Unshown(value) if isinstance(value, str) else value


class Exchange:
    """The pure half of a call; the drivers in `client` add the I/O, sync or async."""

    def __init__(self, call: Call, *, stream: bool) -> None:
        self._call = call
        self._scope = call.endpoint.scope
        self._protocol = PROTOCOLS[call.endpoint.provider.protocol]
        with refusing_depth(partial(self._scope.error, ConfigurationError)):
            self._request = self._protocol.encode(call.request, call.endpoint, stream=stream)
        self._trackers = trackers_here()
        for tracker in self._trackers:
            tracker.refuse_overspending(call.endpoint)
        self._log = log_of(call, self._protocol.path, streams=self.streams)
        self._reply: ReplyDecoder | None = None
        self._seen = 0
        self._heard_at = 0.0

    @property
    def streams(self) -> bool:
        """Whether the body asks for a stream, which it may even where the caller wants a whole reply."""
        return bool(self._request.body.get("stream"))

    def arguments(self) -> dict[str, Any]:
        """What the SDK's `post` is called with, just before it is."""
        arguments = {"path": self._protocol.path, "body": self._request.body, "options": self._options()}
        if self._log is not None:
            self._log.sent()
        return arguments

    def listing_arguments(self) -> dict[str, Any]:
        """What the SDK's `get` is called with for the list of models."""
        return {"path": self._protocol.models_path, "options": self._options()}

    def _options(self) -> dict[str, Any]:
        sdk = self._protocol.sdk.load()
        transport = self._call.transport
        # Foreign headers of these names are taken out wherever they come from, so ours are stated for each request;
        # in the SDK's own case, so that a caller's take their place in every version of it.
        stated: dict[str, Any] = {
            **self._credentials(sdk.Omit),
            "Content-Type": "application/json",
            **self._protocol.headers,
        }
        names = {name.lower(): name for name in stated}
        given = {names.get(name.lower(), name): _Unshown(value) for name, value in transport.headers.items()}
        read = transport.idle_timeout if self.streams else transport.timeout
        return {
            "headers": {**stated, **given},
            "params": {name: _unshown(value) for name, value in transport.query.items()},
            "max_retries": transport.max_retries,
            "follow_redirects": False,  # see `redirects`
            "timeout": sdk.Timeout(transport.timeout, read=read, connect=min(_CONNECT_TIMEOUT, transport.timeout)),
        }

    def _credentials(self, omit: Any) -> dict[str, Any]:
        """The key in the header that the provider reads; the SDK's own header is left out where it is another."""
        key = self._call.endpoint.api_key
        secret = key.get_secret_value() if key else None
        own = self._call.endpoint.provider.key_header
        values = {"Authorization": secret and f"Bearer {secret}", "X-Api-Key": secret}
        return {name: _Unshown(value) if value and name.lower() == own else omit() for name, value in values.items()}

    def begin(self, response: Any) -> None:
        """Take note of the reply's headers."""
        # An HTTP client of the caller's own may add credentials that nobody told us.
        hidden = (*self._call.endpoint.hidden, *credentials_of(response.request))
        endpoint = replace(self._call.endpoint, hidden=hidden)
        self._scope = endpoint.scope
        self._reply = ReplyDecoder(endpoint, self._protocol.decoder(endpoint, self._request), response.headers)
        self._heard_at = time.monotonic()
        if self._log is not None:
            self._log.begun(response)
        for tracker in self._trackers:
            tracker.begin(self._call.endpoint)

    @property
    def ended(self) -> bool:
        """Whether the endpoint has said that it is done."""
        return self._reply is not None and self._reply.ended

    def feed(self, piece: bytes) -> Iterator[CompletionDelta]:
        """Take the next bytes of the reply; give what they add."""
        reply = self._begun()
        deltas = reply.feed(piece)
        yield from self._noted(deltas) if self._is_watched else deltas
        self._refuse_idling(reply)

    def finish(self) -> Iterator[CompletionDelta]:
        """End the reply; give the rest."""
        deltas = self._begun().finish()
        return self._noted(deltas) if self._is_watched else deltas

    @property
    def _is_watched(self) -> bool:
        return bool(self._trackers) or self._log is not None

    def _noted(self, deltas: Iterable[CompletionDelta]) -> Iterator[CompletionDelta]:
        for delta in deltas:
            if delta.completion is not None:
                if self._log is not None:
                    self._log.ended(delta.completion)
                for tracker in self._trackers:
                    tracker.end(self._call.endpoint, delta.completion)
            yield delta

    def _begun(self) -> ReplyDecoder:
        if self._reply is None:
            raise RuntimeError("begin() comes before feed() and finish()")
        return self._reply

    def _refuse_idling(self, reply: ReplyDecoder) -> None:
        """Keep-alive comments hold a connection open, but they must not hold a call for ever."""
        now = time.monotonic()
        if reply.progress != self._seen or not self.streams:
            self._seen, self._heard_at = reply.progress, now
        elif now - self._heard_at > self._call.transport.idle_timeout:
            raise self._scope.error(
                TimedOutError,
                f"The stream has sent no whole chunk for {self._call.transport.idle_timeout:g} s, "
                "only keep-alives or parts of one (stream_idle_timeout).",
                partial=reply.partial(),
            )

    @contextmanager
    def naming_errors(self) -> Generator[None]:
        """Turn whatever the SDK and its transport raise into a `QwenError`, with the original as its cause."""
        try:
            yield
        except QwenError as error:
            self._hide(error)
            self._tell(error)
            raise
        except Exception as error:
            named = self._named(error)
            if named is None:
                self._tell(None)
                raise
            self._tell(named, error)
            raise named from error
        except BaseException:  # a stream that is left, a task that is cancelled
            self._tell(None)
            raise

    def _tell(self, error: QwenError | None, cause: Exception | None = None) -> None:
        """Log how the call ends that does not end well; without an error it was left."""
        if self._log is None:
            return
        if error is None:
            self._log.left()
        else:
            self._log.failed(error, cause)

    def _named(self, error: Exception) -> QwenError | None:
        sdk = self._protocol.sdk.load()
        self._hide(error)
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if isinstance(error, sdk.APIStatusError):
            return self._refused(error)
        partial = self._reply.partial() if self._reply is not None else None
        if isinstance(error, sdk.APITimeoutError) or "TimeoutException" in kinds:
            return self._scope.error(TimedOutError, self._timeout_text(), partial=partial)
        if isinstance(error, sdk.APIConnectionError):
            return self._scope.error(ConnectionFailedError, self._unreachable_text(error))
        # httpx and httpx2 have classes of the same names; either may be the SDK's transport.
        if kinds & {"RequestError", "StreamError"} or isinstance(error, (ssl.SSLError, OSError)):
            text = f"The connection broke while the reply was being read ({type(error).__name__}: {error})."
            return self._scope.error(StreamInterruptedError, text, partial=partial)
        unwritable = isinstance(error, (TypeError, ValueError, RecursionError)) or "InvalidURL" in kinds
        if unwritable and self._reply is None:
            return self._scope.error(ConfigurationError, f"The request cannot be written: {error}.")
        return None

    def _hide(self, error: BaseException) -> None:
        """Strike the secrets out of an error and of what travels along as its cause and shows in tracebacks."""
        hide_in_chain(error, self._scope.secrets, self._call.transport.headers)

    def _refused(self, error: Any) -> QwenError:
        # The SDK hands over what stands under `error` only; a request id may stand beside it.
        headers = error.response.headers
        if is_redirect(error.status_code):
            return self._scope.error(MalformedResponseError, refusal(error.response), status=error.status_code)
        named = self._scope.from_body(
            json_or_text(error.response.text),
            status=error.status_code,
            headers=headers,
            retry_after=seconds_to_wait(headers),
        )
        hint = self._call.endpoint.provider.key_hint
        if error.status_code == 401 and hint:  # noqa: PLR2004 - HTTP unauthorised
            named.message = f"{named.message} {hint}"
        return named

    def _timeout_text(self) -> str:
        transport = self._call.transport
        if self._reply is None and not self.streams:
            return f"The endpoint did not answer within {transport.timeout:g} s (timeout)."
        if self._reply is None:
            limit = min(transport.timeout, transport.idle_timeout)
            return f"The endpoint did not begin to answer within {limit:g} s (stream_idle_timeout)."
        return f"The stream has sent nothing for {transport.idle_timeout:g} s (stream_idle_timeout)."

    def _unreachable_text(self, error: Exception) -> str:
        cause = error.__cause__
        reason = f" ({type(cause).__name__}: {cause})" if cause is not None else ""
        if cause is not None and "ConnectError" not in {kind.__name__ for kind in type(cause).__mro__}:
            return f"The connection to {self._call.endpoint.base_url} broke before the reply was complete{reason}."
        return f"Cannot reach {self._call.endpoint.base_url}{reason}. Is the address right and the server running?"


def last_completion(deltas: Iterable[CompletionDelta]) -> Completion:
    """Return the whole reply that the last delta carries."""
    completion: Completion | None = None
    for delta in deltas:
        completion = delta.completion or completion
    if completion is None:
        raise RuntimeError("a reply that ends gives its completion")
    return completion
