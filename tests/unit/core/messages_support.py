"""What the tests of the Messages protocol share: short ways to write its replies, and to ask for them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

from qwen_endpoints import ChatRequest, Completion, CompletionDelta, Endpoint, Message, QwenClient, ToolCall
from qwen_endpoints.codec import EncodedRequest
from qwen_endpoints.messages import MessagesDecoder, encode_request
from qwen_endpoints.reply import ReplyDecoder

from .support import SSE, Decoded, Reply, Server, endpoint, make, send, user

MESSAGE_ROWS = ("wcode-anthropic", "vllm-anthropic", "llamacpp-anthropic")
UNSIGNED_ROWS = MESSAGE_ROWS[1:]
CHOICE_WORDS = {"auto": "auto", "none": "none", "required": "any", "any": "any"}
USAGE = {"input_tokens": 3, "output_tokens": 4}

SIGNED: dict[str, Any] = {"type": "thinking", "thinking": "why", "signature": "s1g"}
REDACTED: dict[str, Any] = {"type": "redacted_thinking", "data": "opaque"}

# Replies


def text(words: str = "Hello.") -> dict[str, Any]:
    return {"type": "text", "text": words}


def use(id_: str = "toolu_1", name: str = "weather", **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id_, "name": name, "input": arguments}


def message(*blocks: Any, stop: Any = "end_turn", **fields: Any) -> dict[str, Any]:
    """A whole reply."""
    who = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
    ends = {"stop_reason": stop, "stop_sequence": None, "usage": dict(USAGE)}
    return {**who, "content": list(blocks or (text(),)), **ends, **fields}


def start(**fields: Any) -> dict[str, Any]:
    usage = {"input_tokens": USAGE["input_tokens"], "output_tokens": 1}
    begun: dict[str, Any] = {**message(stop=None), "content": [], "usage": usage, **fields}
    return {"type": "message_start", "message": begun}


def opened(index: Any, block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def grown(index: Any, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def closed(index: Any) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def said(words: str, index: Any = 0) -> dict[str, Any]:
    return grown(index, "text_delta", text=words)


def ended(stop: Any = "end_turn", **usage: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    delta = {"stop_reason": stop, "stop_sequence": None}
    counts = {"output_tokens": USAGE["output_tokens"], **usage}
    return {"type": "message_delta", "delta": delta, "usage": counts}, {"type": "message_stop"}


PING = {"type": "ping"}
HELLO = (start(), opened(0, text("")), PING, said("Hel"), said("lo."), closed(0), *ended())


def sse(*payloads: Any, line_end: bytes = b"\n", ascii_only: bool = True) -> bytes:
    """Events as the protocol sends them, each with its type as its name."""
    lines = [
        b"event: %s%sdata: %s" % (str(payload.get("type")).encode(), line_end, _json(payload, ascii_only=ascii_only))
        for payload in payloads
    ]
    return b"".join(line + line_end * 2 for line in lines)


def _json(payload: Any, *, ascii_only: bool) -> bytes:
    return json.dumps(payload, ensure_ascii=ascii_only).encode()


def stream_reply(*payloads: Any, after: Literal["end", "drop", "hold"] = "end", pause: float = 0) -> Reply:
    return Reply(tuple(sse(payload) for payload in payloads or HELLO), content_type=SSE, after=after, pause=pause)


def whole_reply(*blocks: Any, **fields: Any) -> Reply:
    return Reply((json.dumps(message(*blocks, **fields)).encode(),))


def failure(kind: str, words: str = "x", **beside: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": words}, **beside}


# Reading them


def place_of(provider: str = "wcode-anthropic", model: str = "qwen/qwen3-235b-a22b") -> Endpoint:
    return endpoint(provider, model)


PLACE = place_of()


def encoded(place: Endpoint = PLACE, *, stream: bool = True, **request: Any) -> EncodedRequest:
    given: dict[str, Any] = {"messages": (user(),), **request}
    return encode_request(ChatRequest(**given), place, stream=stream)


def decode_pieces(pieces: Iterable[bytes], place: Endpoint = PLACE, *, content_type: str = SSE) -> Decoded:
    """Run the decoder over bytes as they come from a socket."""
    decoder = ReplyDecoder(place, MessagesDecoder(place, encoded(place)), {"content-type": content_type})
    deltas: list[CompletionDelta] = []
    for piece in pieces:
        deltas += decoder.feed(piece)
        if decoder.ended:
            break
    deltas += decoder.finish()
    return Decoded(tuple(deltas))


def decode(*payloads: Any, place: Endpoint = PLACE) -> Decoded:
    return decode_pieces([sse(*payloads)], place)


def decode_whole(payload: Any, place: Endpoint = PLACE) -> Completion:
    return decode_pieces([json.dumps(payload).encode()], place, content_type="application/json").completion


# Calls over the wire


def ask(
    server: Server, client: QwenClient, provider: str = "wcode-anthropic", settings: Any = None, **call: Any
) -> tuple[Any, Completion]:
    """Make a call and return the body that the server saw, and what came of it."""
    server.script(whole_reply())
    completion = send(client, make(server, provider, **(settings or {})), **call)
    return server.last.json, completion


def turns(
    server: Server, client: QwenClient, *messages: Message, provider: str = "wcode-anthropic", **call: Any
) -> Any:
    """The turns that a conversation becomes."""
    return ask(server, client, provider, messages=list(messages), **call)[0]["messages"]


def call_of(id_: str = "toolu_1", name: str = "weather", **arguments: Any) -> ToolCall:
    return ToolCall(id=id_, name=name, arguments=json.dumps(arguments), parsed=arguments)


def answer(content: Any = "", *calls: ToolCall, **fields: Any) -> Message:
    return Message(role="assistant", content=content, tool_calls=calls, **fields)


def result(content: Any = "sunny", id_: str = "toolu_1", **fields: Any) -> Message:
    return Message(role="tool", content=content, tool_call_id=id_, **fields)


def system(content: Any = "Be brief.") -> Message:
    return Message(role="system", content=content)
