"""The bytes of one HTTP reply -> `CompletionDelta`s, whether it is JSON, a stream of events, or neither."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from pydantic_core import from_json

from qwen_endpoints.errors import MalformedResponseError
from qwen_endpoints.sse import SseDecoder, SseEvent

if TYPE_CHECKING:
    from qwen_endpoints.codec import PayloadDecoder
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.errors import QwenError
    from qwen_endpoints.types import Completion, CompletionDelta

_SHOWN: Final = 200
_BOM: Final = b"\xef\xbb\xbf"
_LONGEST: Final = 2**27
"""Bytes of a body or an event that are held while its end is missing."""


class Reader(Protocol):
    """Reads one HTTP reply."""

    ended: bool
    """The endpoint has said that it is done; nothing that follows matters."""
    progress: int
    """Grows with whatever counts: what tells a live reply from one that only keeps alive."""

    def feed(self, piece: bytes) -> Iterator[CompletionDelta]:
        """Take the next bytes; give what they complete."""
        ...

    def finish(self) -> Iterator[CompletionDelta]:
        """End the body; give the rest."""
        ...

    def partial(self) -> Completion | None:
        """Return what has arrived so far, or `None` if nothing has."""
        ...


class ReplyDecoder:
    """Feed the body's bytes as they come; call `finish` at its end, unless `ended` says that the reply is complete.

    What was asked for does not matter: an endpoint that answers a stream request with one JSON object, or the other
    way round, is understood.
    """

    def __init__(self, endpoint: Endpoint, decoder: PayloadDecoder, headers: Mapping[str, str]) -> None:
        self._endpoint = endpoint
        self._decoder = decoder
        self._labelled_events = headers.get("content-type", "").strip().lower().startswith("text/event-stream")
        self._events: SseDecoder | None = None
        self._body: list[bytes] = []
        self._sniffed = False
        self._held = 0
        self.ended = False
        self.progress = 0

    def feed(self, piece: bytes) -> Iterator[CompletionDelta]:
        """Take the next bytes; give what they complete.

        Raises:
            QwenError: The endpoint reports an error or sends something that is not a reply. What came before it has
                been given out.
        """
        if not self._sniffed:
            piece = self._sniff(piece)
        self._held += len(piece)
        if self._events is None:
            self._body.append(piece)
            self.progress += bool(piece.strip())  # white space keeps a connection alive
        else:
            yield from self._read(self._events.feed(piece))
        if self._held > _LONGEST:
            raise self._too_long()

    def finish(self) -> Iterator[CompletionDelta]:
        """End the body; give the rest, the last delta with the whole reply.

        Raises:
            QwenError: The reply is broken off, empty, or no reply at all.
        """
        if self.ended:
            return
        if self._events is None and self._labelled_events and not self._sniffed:
            self._events = SseDecoder()  # a stream of a few bytes, or of none
            yield from self._read(self._events.feed(b"".join(self._body)))
        if self._events is None:
            yield from self._payload(_as_text(b"".join(self._body)))
            yield from self._decoder.finish(done=True)
            return
        try:
            yield from self._read(self._events.finish())
        except MalformedResponseError:
            # Half an event is what a broken connection leaves behind.
            if self.ended or self.partial() is None:
                raise
        if not self.ended:
            yield from self._decoder.finish(done=False)

    def partial(self) -> Completion | None:
        """What has arrived so far, or `None` if nothing has."""
        return self._decoder.partial()

    def _sniff(self, piece: bytes) -> bytes:
        """Tell events from a body by the first bytes, because servers label error bodies and replies wrongly.

        White space before them is dropped: some servers send it for minutes to keep the connection alive.
        """
        piece = b"".join((*self._body, piece)).lstrip()
        mark = _BOM if piece.startswith(_BOM) else b""
        head = piece[len(mark) :].lstrip()
        if len(head) < len(b"event:"):  # the longest of what a stream may begin with
            self._body = [mark, head]
            return b""
        self._body = []
        self._sniffed = True
        is_body = head.startswith((b"{", b"[", b"<"))
        if head.startswith((b"data:", b":", b"event:", b"error:", b"id:", b"retry:")) or (
            self._labelled_events and not is_body
        ):
            self._events = SseDecoder()
        return mark + head

    def _read(self, events: list[SseEvent]) -> Iterator[CompletionDelta]:
        for event in events:
            self._held = 0
            if event.error:
                raise self._endpoint.scope.from_body(json_or_text(event.error), partial=self.partial())
            data = event.data.strip()
            done = data.startswith("[DONE]")
            if data and not done:
                yield from self._payload(data)
            if done or self._decoder.ended:
                self.ended = True
                yield from self._decoder.finish(done=True)
                return

    def _payload(self, text: str) -> list[CompletionDelta]:
        try:
            payload = read_leniently(text)
        except (ValueError, RecursionError) as error:
            raise self._malformed(text) from error
        self.progress += not self._decoder.is_keep_alive(payload)
        try:
            return self._decoder.feed(payload)
        except RecursionError as error:
            raise self._malformed(text) from error

    def _too_long(self) -> QwenError:
        what = f"The endpoint has sent {_LONGEST // 2**20} MiB without an end."
        return self._endpoint.scope.error(MalformedResponseError, what, partial=self.partial())

    def _malformed(self, text: str) -> QwenError:
        text = self._endpoint.scope.scrub(text)  # before it is cut: half a key is told by nobody
        shown = " ".join(text.split())[:_SHOWN]
        if not shown:
            what = "The endpoint sent an empty reply."
        elif shown.startswith("<"):
            what = (
                f"The endpoint sent a web page instead of a reply: {shown!r}. "
                f"Check base_url={self._endpoint.base_url!r}."
            )
        else:
            what = f"The endpoint sent something that is not JSON: {shown!r}."
        return self._endpoint.scope.error(MalformedResponseError, what, partial=self.partial(), body=text[:2000])


def _as_text(data: bytes) -> str:
    """Decode a body, in whichever encoding of Unicode it has; what is broken in it costs a character, not the reply."""
    return data.decode(json.detect_encoding(data), "replace")


def read_leniently(text: str) -> object:
    """Parse JSON, also with control characters or halves of surrogate pairs in its strings, which some servers send.

    Raises:
        ValueError: It is no JSON.
        RecursionError: It is nested deeper than can be read.
    """
    try:
        # Half the time of the standard library's, but strict. Of the strings it would keep thousands for the next text.
        return from_json(text, cache_strings="keys")
    except (ValueError, TypeError):
        return json.loads(text, strict=False)


def json_or_text(text: str) -> object:
    """Parse `text` if it is JSON, else return it: error bodies are either."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
