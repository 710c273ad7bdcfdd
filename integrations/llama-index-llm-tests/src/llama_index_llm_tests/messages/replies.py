"""Replies of Chat Completions in the words of Messages: the same answer, whole or streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from qwen_sandbox import Reply

from llama_index_llm_tests.answers import Json
from llama_index_llm_tests.messages.events import EventWriter
from llama_index_llm_tests.messages.words import (
    SAID,
    STOP_REASONS,
    UnsayableError,
    error_of,
    signature_of,
    thought_of,
    usage_of,
)

_LINES_KEPT: Final = (b":", b"id:", b"retry:")


def spelled(reply: Reply) -> Reply:
    """Translate a reply piece by piece; what is neither a body nor a chunk of Chat Completions stays as it is.

    Raises:
        UnsayableError: The protocol cannot say it.
    """
    if reply.chunks is not None:
        return replace(reply, chunks=list(_pieces(reply.chunks)))
    try:
        body: Any = json.loads(reply.body)
    except ValueError:
        return reply
    if not isinstance(body, dict):
        return reply
    return replace(reply, body=json.dumps(_whole(cast("Json", body), reply.status)).encode())


def _whole(body: Json, status: int) -> Json:
    if "error" in body:
        return error_of(body["error"], status)
    choices: list[Json] = body.get("choices") or []
    rest = {name: value for name, value in body.items() if name in ("id", "model")}
    if not choices:
        return {**rest, "type": "message", "role": "assistant"} if "choices" in body else body
    if len(choices) > 1 or choices[0].get("logprobs"):
        raise UnsayableError("a message is one answer, without log probabilities")
    message: Json = choices[0]["message"]
    refused = bool(message.get("refusal"))
    told: Json = {
        **{name: value for name, value in message.items() if name not in SAID},
        **rest,
        "type": "message",
        "role": "assistant",
        "content": list(_blocks(message)),
        "stop_reason": "refusal" if refused else STOP_REASONS[choices[0]["finish_reason"]],
        "stop_sequence": None,
    }
    return {**told, "usage": usage_of(body["usage"])} if body.get("usage") is not None else told


def _blocks(message: Json) -> Iterator[Json]:
    thought = thought_of(message)
    if thought:
        yield {"type": "thinking", "thinking": thought, "signature": signature_of(thought)}
    for text in (message.get("content"), message.get("refusal")):
        if text:
            yield {"type": "text", "text": text}
    for call in message.get("tool_calls") or ():
        identity = {"id": call["id"]} if "id" in call else {}
        yield {
            "type": "tool_use",
            **identity,
            "name": call["function"]["name"],
            "input": _object(call["function"].get("arguments")),
        }


def _object(arguments: Any) -> Json:
    """The arguments as an object, since a whole message has them parsed."""
    if isinstance(arguments, str) or arguments is None:
        try:
            arguments = json.loads((arguments or "").strip() or "{}")
        except ValueError:
            arguments = None
    if not isinstance(arguments, dict):
        raise UnsayableError("in a whole message the arguments of a call are an object, so they cannot be spoilt")
    return cast("Json", arguments)


def _pieces(chunks: Any) -> Iterator[bytes]:
    """Translate each piece of a stream into one piece, so that it goes out when it would have."""
    stated = [_data(chunk) for chunk in chunks]
    counts = [chunk["usage"] for chunk in stated if isinstance(chunk, Mapping) and chunk.get("usage")]
    writer = EventWriter(usage_of(counts[-1]) if counts else None)
    for piece, chunk in zip(chunks, stated, strict=True):
        if chunk is None:
            yield piece
        else:
            said = list(writer.end() if isinstance(chunk, str) else writer.chunk(chunk))
            kept = b"".join(line + b"\n" for line in piece.split(b"\n") if line.startswith(_LINES_KEPT))
            if said:
                yield kept + b"".join(map(_event, said))
    held = b"".join(map(_event, writer.rest()))
    if held:
        yield held


def _data(piece: bytes) -> Json | str | None:
    """The chunk in a piece, the end mark as text, `None` where there is neither."""
    lines = [line.removeprefix(b"data: ") for line in piece.split(b"\n") if line.startswith(b"data: ")]
    if not lines:
        return None
    return "end" if lines == [b"[DONE]"] else json.loads(lines[0])


def _event(event: Json) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
