"""Replies of a gateway, written for one probe each. Every side gets the same bytes."""

from __future__ import annotations

import json
from typing import Any, Final

from qwen_sandbox import Reply

Json = dict[str, Any]

SERVED: Final = "qwen3-32b-served"
"""The model name that replies state, which is not the one that was asked for."""
USAGE: Final = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
# `system_fingerprint` is not something these gateways send, but ChatOpenRouter reads no reply without it.
_HEAD: Final = {"id": "chatcmpl-1", "created": 7, "model": SERVED, "system_fingerprint": "fp"}


def whole(
    message: Json, finish: str = "stop", *, usage: Json | None = None, choice: Json | None = None, **top: Any
) -> Reply:
    """A reply in one piece; `choice` and `top` are further fields of the choice and of the reply."""
    given = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, **(choice or {})}
    body = {**_HEAD, "object": "chat.completion", "choices": [given], "usage": usage or USAGE, **top}
    return Reply(json.dumps(body).encode())


def said(text: str = "Hello", **fields: Any) -> Reply:
    """A whole reply that says `text`; `fields` are further fields of its message."""
    return whole({"content": text, **fields})


def called(
    arguments: Any = '{"city": "Paris"}', *, name: str = "get_weather", finish: str = "tool_calls", **fields: Any
) -> Reply:
    """A whole reply that calls a tool."""
    call = {"id": "call-1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return whole({"content": "", "tool_calls": [call], **fields}, finish)


def chunk(finish: str | None = None, *, choice: Json | None = None, **delta: Any) -> Json:
    """One streamed chunk."""
    given = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish, **(choice or {})}
    return {**_HEAD, "object": "chat.completion.chunk", "choices": [given]}


def thought(field: str, text: str, **delta: Any) -> Json:
    """One streamed chunk with a piece of reasoning in this field."""
    delta[field] = text
    return chunk(None, choice=None, **delta)


def piece(arguments: str, *, index: int = 0, name: str | None = None, call_id: str | None = None) -> Json:
    """One streamed chunk with a piece of a tool call."""
    call: Json = {"index": index, "type": "function", "function": {"arguments": arguments}}
    if call_id is not None:
        call["id"] = call_id
    if name is not None:
        call["function"]["name"] = name
    return chunk(tool_calls=[call])


def counted(usage: Json | None = None) -> Json:
    """The chunk that closes a stream with token counts."""
    return {**chunk(), "choices": [], "usage": usage or USAGE}


def stream(*chunks: Json | bytes, done: bool = True, abort: bool = False) -> Reply:
    """A stream of these chunks; bytes go out as they are."""
    events = [item if isinstance(item, bytes) else b"data: " + json.dumps(item).encode() + b"\n\n" for item in chunks]
    end = [b"data: [DONE]\n\n"] if done else []
    return Reply(chunks=[*events, *end], content_type="text/event-stream", abort=abort)


def spoken(*texts: str) -> Reply:
    """A stream that says these texts, one chunk each."""
    return stream(*(chunk(content=text) for text in texts), chunk("stop"), counted())


def refused(status: int, message: str, **fields: Any) -> Reply:
    """An error reply."""
    return Reply(json.dumps({"error": {"message": message, **fields}}).encode(), status)
