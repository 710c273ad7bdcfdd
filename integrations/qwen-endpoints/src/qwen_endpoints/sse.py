"""Server-sent events from bytes that arrive in arbitrary pieces.

Why not the SDK's decoder: it drops a last event that lacks its blank line, swallows the `error:` lines and the
`[DONE]` mark by which a broken stream is told from a whole one, and raises on bytes that are not UTF-8.
"""

from __future__ import annotations

from typing import Final, NamedTuple

_BLANK: Final = frozenset({b"", b"\n", b"\r\n", b"\r"})


class SseEvent(NamedTuple):
    """One event."""

    data: str
    """Its `data:` lines, joined by newlines."""
    error: str = ""
    """The text of an `error:` line, which is no field of the standard but what some gateways send when they fail."""


class SseDecoder:
    """Feed bytes, get events; call `finish` once at the end."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._data: list[str] = []
        self._error = ""
        self._started = False

    def feed(self, piece: bytes) -> list[SseEvent]:
        """Take the next bytes; return the events they complete."""
        if b"\n" not in piece and b"\r" not in piece:
            self._held.append(piece)
            return []
        lines = b"".join((*self._held, piece)).splitlines(keepends=True)
        # A piece that ends in CR may be cut inside CRLF, so its last line waits for the next piece.
        self._held = [] if lines[-1].endswith(b"\n") else [lines.pop()]
        events: list[SseEvent] = []
        for line in lines:
            self._take(line, events)
        return events

    def finish(self) -> list[SseEvent]:
        """Return what a stream that ended without its last line break or blank line still holds."""
        events: list[SseEvent] = []
        for line in b"".join(self._held).splitlines():
            self._take(line, events)
        self._held = []
        self._take(b"", events)
        return events

    def _take(self, line: bytes, events: list[SseEvent]) -> None:
        """Take a line, with or without its break."""
        if line in _BLANK:
            if self._data or self._error:
                events.append(SseEvent("\n".join(self._data), self._error))
                self._data = []
                self._error = ""
            return
        if not self._started:
            self._started = True
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.startswith(b"data:"):
            begin = 6 if line.startswith(b"data: ") else 5
            self._data.append(line[begin:].rstrip(b"\r\n").decode("utf-8", "replace"))
        elif line.startswith(b"error:"):
            self._error = line[6:].strip().decode("utf-8", "replace")
        elif line.startswith(b"{"):
            # No field begins so: a gateway that fails after its keep-alives sends the bare error body (new-api).
            self._data.append(line.rstrip(b"\r\n").decode("utf-8", "replace"))
