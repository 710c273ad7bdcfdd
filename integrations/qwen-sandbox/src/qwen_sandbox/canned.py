"""Replies that are given, not made: scripted ones and recordings from a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_STATUS_IN_NAME = re.compile(r"error_(\d{3})")
_MEDIA_TYPE = {".json": "application/json", ".sse": "text/event-stream", ".jsonl": "text/event-stream"}


@dataclass(frozen=True)
class Reply:
    """One canned reply.

    With `chunks` the body is those pieces, sent one by one; with `abort` the connection is closed after them without
    the end of the body, as when a server dies in mid-stream.
    """

    body: bytes = field(default=b"", repr=False)
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    chunks: Sequence[bytes] | None = field(default=None, repr=False)
    abort: bool = False

    def pieces(self, size: int | None = None) -> list[bytes]:
        """Return the body in the pieces to send: `chunks`, or cut every `size` bytes, or whole."""
        if size is not None:
            body = self.body if self.chunks is None else b"".join(self.chunks)
            return [body[start : start + size] for start in range(0, len(body), size)]
        return [self.body] if self.chunks is None else list(self.chunks)


class ScriptedReplies:
    """The replies registered under a name, given out in order; the last one is repeated. Safe across threads."""

    def __init__(self) -> None:
        self._left: dict[str, list[Reply]] = {}
        self._lock = Lock()

    def register(self, name: str, replies: Sequence[Reply]) -> None:
        """Register `replies` under `name` in place of any earlier ones."""
        if not replies:
            raise ValueError("a script needs at least one reply")
        with self._lock:
            self._left[name] = list(replies)

    def take(self, name: str) -> Reply | None:
        """Return the next reply of `name`, or None when the name is unknown."""
        with self._lock:
            left = self._left.get(name)
            if left is None:
                return None
            return left.pop(0) if len(left) > 1 else left[0]


def recorded_reply(folder: Path, name: str) -> Reply | None:
    """Return the recording `name` of `folder` (`.json`, `.sse` or `.jsonl`), or None when there is none.

    A `.jsonl` file holds one chunk a line and is given as events with an end mark; the others are given byte for byte.
    A name with `error_NNN` in it is given with that status.
    """
    path = folder / name
    is_reply = path.suffix in _MEDIA_TYPE and not name.endswith(".request.json")
    if not is_reply or path.parent != folder or not path.is_file():
        return None
    body = path.read_bytes()
    if path.suffix == ".jsonl":
        lines = [line for line in body.splitlines() if line.strip()]
        body = b"".join(b"data: " + line + b"\n\n" for line in [*lines, b"[DONE]"])
    status = _STATUS_IN_NAME.search(name)
    return Reply(body, int(status[1]) if status else 200, _MEDIA_TYPE[path.suffix])
