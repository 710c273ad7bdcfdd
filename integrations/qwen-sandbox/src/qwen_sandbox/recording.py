"""The requests a sandbox has received."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it arrived; `json` is the parsed body, or None when the body is not JSON."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)
    json: Any


def record_of(method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> RecordedRequest:
    """Return the record of a request; header names become lower case."""
    try:
        parsed: Any = json.loads(body) if body else None
    except (ValueError, RecursionError):
        parsed = None
    return RecordedRequest(method, path, {name.lower(): value for name, value in headers}, body, parsed)


class RequestLog:
    """The records in order of arrival; safe to read from any thread."""

    def __init__(self) -> None:
        self._records: list[RecordedRequest] = []
        self._lock = Lock()

    def add(self, record: RecordedRequest) -> None:
        """Append a record."""
        with self._lock:
            self._records.append(record)

    def snapshot(self) -> list[RecordedRequest]:
        """Return a copy of the list of records."""
        with self._lock:
            return list(self._records)

    def clear(self) -> None:
        """Forget every record."""
        with self._lock:
            self._records.clear()
