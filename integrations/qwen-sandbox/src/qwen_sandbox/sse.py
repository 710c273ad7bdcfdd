"""Server-sent events as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qwen_sandbox.json_types import JsonObject

DONE = b"data: [DONE]\n\n"


def data_event(payload: JsonObject) -> bytes:
    """Return one `data:` event holding `payload` as JSON."""
    return b"data: " + json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def events(keep_alive: str, chunks: Iterable[JsonObject]) -> Iterator[bytes]:
    """Yield the bytes of a stream: a keep-alive comment, an event for each chunk, then the end mark."""
    yield f"{keep_alive}\n\n".encode()
    for chunk in chunks:
        yield data_event(chunk)
    yield DONE
