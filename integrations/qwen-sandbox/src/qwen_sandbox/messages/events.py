"""A streamed message: the events that build it block by block."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from qwen_sandbox.faults import asks_for
from qwen_sandbox.messages.refusals import error_body
from qwen_sandbox.messages.reply import message_of, stop_of
from qwen_sandbox.tokens import in_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen_sandbox.answer import Answer
    from qwen_sandbox.json_types import JsonObject
    from qwen_sandbox.messages.turn import MessagesTurn


def named_event(payload: JsonObject) -> bytes:
    """Return one event, named as its payload's type."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return f"event: {payload['type']}\ndata: {text}\n\n".encode()


def message_events(turn: MessagesTurn, answer: Answer, usage: JsonObject) -> list[JsonObject]:
    """Return the events of a stream, in order; on demand it breaks off in the middle with an error."""
    events = list(_events(turn, answer, usage))
    if not asks_for(turn.prompt, "error_event"):
        return events
    return [*events[: len(events) // 2], error_body(529, "Overloaded (fault on demand)")]


def _events(turn: MessagesTurn, answer: Answer, usage: JsonObject) -> Iterator[JsonObject]:
    message = message_of(turn, answer, usage)
    blocks: list[JsonObject] = message["content"]
    nothing_yet: JsonObject = {"content": [], "stop_reason": None, "stop_sequence": None, "usage": _first_usage(usage)}
    yield {"type": "message_start", "message": message | nothing_yet}
    # The argument texts, since a block shows them parsed.
    arguments = iter([call.arguments for call in answer.calls])
    for index, block in enumerate(blocks):
        opening, deltas = _opened(block, next(arguments) if block["type"] == "tool_use" else "")
        yield {"type": "content_block_start", "index": index, "content_block": opening}
        if index == 0:
            yield {"type": turn.gateway.keep_alive}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": stop_of(answer), "usage": _last_usage(usage)}
    yield {"type": "message_stop"}


def _first_usage(usage: JsonObject) -> JsonObject:
    """Return what is known before anything is said; one token, as the protocol's own examples have it."""
    return {key: value for key, value in usage.items() if key != "output_tokens_details"} | {"output_tokens": 1}


def _last_usage(usage: JsonObject) -> JsonObject:
    """Return the counts of the output alone; those of the input stand as they were at the start."""
    return {key: value for key, value in usage.items() if key.startswith("output")}


def _opened(block: JsonObject, arguments: str) -> tuple[JsonObject, list[JsonObject]]:
    """Return a block as it is opened and the deltas that fill it."""
    if block["type"] == "text":
        deltas: list[JsonObject] = [{"type": "text_delta", "text": piece} for piece in in_pieces(block["text"])]
        return block | {"text": ""}, deltas
    if block["type"] == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in in_pieces(block["thinking"])]
        signature = {"type": "signature_delta", "signature": block["signature"]}
        return block | {"thinking": "", "signature": ""}, [*deltas, signature]
    if block["type"] == "tool_use":
        pieces = ["", *in_pieces(arguments)]
        return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return block, []
