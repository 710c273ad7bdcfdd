"""Replies over Messages, written for one test: whole ones, and streams of events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from qwen_sandbox import Reply

Event = dict[str, Any]
USAGE = {"input_tokens": 3, "output_tokens": 5}


def message(*content: dict[str, Any], stop: str | None = "end_turn", **fields: Any) -> dict[str, Any]:
    """A message as it stands in a whole reply."""
    frame = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
    return {**frame, "content": list(content), "stop_reason": stop, "stop_sequence": None, "usage": USAGE, **fields}


def whole_message(*content: dict[str, Any], stop: str = "end_turn", **fields: Any) -> Reply:
    """A reply in one piece."""
    return Reply(json.dumps(message(*content, stop=stop, **fields)).encode())


def event_stream(events: Iterable[Event], *, abort: bool = False) -> Reply:
    """A stream of these events."""
    chunks = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
    return Reply(chunks=chunks, content_type="text/event-stream", abort=abort)


def started() -> Event:
    """The event that opens a stream."""
    return {"type": "message_start", "message": message(stop=None, usage={"input_tokens": 3, "output_tokens": 1})}


def opened(index: int, **block: Any) -> Event:
    """The event that opens a block."""
    return {"type": "content_block_start", "index": index, "content_block": block}


def grown(index: int, kind: str, piece: str) -> Event:
    """The event by which a block grows; `kind` names the delta without its ending."""
    field = {"input_json": "partial_json"}.get(kind, kind)
    return {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", field: piece}}


def closed(index: int) -> Event:
    """The event that closes a block."""
    return {"type": "content_block_stop", "index": index}


def ended(stop: str = "end_turn") -> list[Event]:
    """The events that end a stream."""
    delta = {"stop_reason": stop, "stop_sequence": None}
    return [
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": USAGE["output_tokens"]}},
        {"type": "message_stop"},
    ]
