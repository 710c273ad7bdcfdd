"""What the server answers, in bytes: streams and whole answers over three protocols, encoded ahead of time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice
from typing import Any, Final

Json = dict[str, Any]

_SENTENCE: Final = "the blue light of day is bent by air more than any red one"
WORDS: Final = tuple(f" {word}" for word in _SENTENCE.split())
"""What is said, over and over: a client may take a stream that repeats one chunk for a fault."""
WHOLE: Final = "".join(islice(cycle(WORDS), 200))
PARALLEL: Final = 8
"""Tool calls in one answer of `calls`."""
SAID: Final = ("text", "reasoning", "call", "calls")
"""What a stream may say: text; as much reasoning, then text; one tool call; `PARALLEL` of them."""

_HEAD: Final[Json] = {
    "id": "c-1",
    "object": "chat.completion.chunk",
    "created": 1_763_000_000,
    "model": "qwen3-vl-32b-instruct",
}
_OPENING: Final = '{"text": "'
_CLOSING: Final = '"}'


@dataclass(frozen=True, slots=True)
class Answer:
    """The events of a streamed answer, or the body of a whole one."""

    events: tuple[bytes, ...]
    streamed: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """What one chunk adds. A piece of a tool call that `opens` it brings its id and name."""

    field: str
    text: str
    index: int = 0
    opens: bool = False


def pieces(said: str, count: int) -> Iterator[Piece]:
    """Give what a stream says in `count` pieces.

    Raises:
        ValueError: `said` is none of `SAID`.
    """
    if said == "text":
        yield from _spoken("content", count)
    elif said == "reasoning":
        yield from _spoken("reasoning_content", count // 2)
        yield from _spoken("content", count - count // 2)
    elif said in ("call", "calls"):
        calls = PARALLEL if said == "calls" else 1
        for index in range(calls):
            yield from _tool_call(index, count // calls)
    else:
        raise ValueError(f"nothing is said like {said!r}: {', '.join(SAID)}")


def characters(said: str, count: int) -> int:
    """Return how many characters of text, reasoning and arguments a stream carries."""
    return sum(len(piece.text) for piece in pieces(said, count))


def _spoken(field: str, count: int, index: int = 0) -> Iterator[Piece]:
    alphabet = [Piece(field, word, index) for word in WORDS]
    return islice(cycle(alphabet), count)


def _tool_call(index: int, count: int) -> Iterator[Piece]:
    """Give a tool call with arguments as long as that takes: an opener, the words of one string, the end."""
    yield Piece("arguments", _OPENING, index, opens=True)
    yield from _spoken("arguments", count - 2, index)
    yield Piece("arguments", _CLOSING, index)


def answer(said: str, count: int, protocol: str) -> Answer:
    """Return what is answered.

    Args:
        said: One of `SAID` for a stream, `whole` for an answer in one piece.
        count: Pieces of a stream.
        protocol: `completions` (Chat Completions), `messages` (Anthropic's) or `native` (Alibaba's own).

    Raises:
        ValueError: The protocol has no such answer here.
    """
    if said == "whole":
        return Answer((json.dumps(_WHOLE[protocol]).encode(),), streamed=False)
    return Answer(tuple(_STREAMS[protocol](said, count)), streamed=True)


def _event(payload: Json, name: str = "") -> bytes:
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(payload).encode() + b"\n\n"


def _delta(piece: Piece) -> Json:
    """Spell a piece as Chat Completions does."""
    if piece.field != "arguments":
        return {piece.field: piece.text}
    function: Json = {"name": "write", "arguments": piece.text} if piece.opens else {"arguments": piece.text}
    opener: Json = {"id": f"call-{piece.index}", "type": "function"} if piece.opens else {}
    return {"tool_calls": [{"index": piece.index, **opener, "function": function}]}


def _ending(said: str) -> str:
    return "tool_calls" if said.startswith("call") else "stop"


def _completions(said: str, count: int) -> Iterator[bytes]:
    def chunk(delta: Json, finish: str | None = None) -> Json:
        return {**_HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]}

    yield _event(chunk({"role": "assistant", "content": ""}))
    yield from _encoded(lambda piece: chunk(_delta(piece)), said, count)
    yield _event(chunk({}, _ending(said)))
    usage = {"prompt_tokens": 12, "completion_tokens": count, "total_tokens": count + 12}
    yield _event({**_HEAD, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _messages(said: str, count: int) -> Iterator[bytes]:
    if said != "text":
        raise ValueError("over Messages, only text is streamed here")
    head = {
        "id": "m-1",
        "type": "message",
        "role": "assistant",
        "model": "qwen3-vl-32b-instruct",
        "content": list[Json](),
    }
    start = {**head, "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 12, "output_tokens": 1}}
    yield _event({"type": "message_start", "message": start}, "message_start")
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield _event(block, "content_block_start")
    delta: Json = {"type": "content_block_delta", "index": 0}
    yield from _encoded(
        lambda piece: {**delta, "delta": {"type": "text_delta", "text": piece.text}}, said, count, delta["type"]
    )
    yield _event({"type": "content_block_stop", "index": 0}, "content_block_stop")
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    yield _event({"type": "message_delta", "delta": ended, "usage": {"output_tokens": count}}, "message_delta")
    yield _event({"type": "message_stop"}, "message_stop")


def _native(said: str, count: int) -> Iterator[bytes]:
    def result(delta: Json, finish: str = "null") -> Json:
        message = {"role": "assistant", "content": "", **delta}
        usage = {"input_tokens": 12, "output_tokens": 1, "total_tokens": 13}
        return {
            "output": {"choices": [{"message": message, "finish_reason": finish}]},
            "usage": usage,
            "request_id": "r-1",
        }

    yield from _encoded(lambda piece: result(_delta(piece)), said, count, "result")
    yield _event(result({}, _ending(said)), "result")


def _encoded(spelled: Callable[[Piece], Json], said: str, count: int, name: str = "") -> Iterator[bytes]:
    """Encode the events of all pieces. Most are alike, and 100,000 of them are quicker encoded once."""

    @cache
    def event(piece: Piece) -> bytes:
        return _event(spelled(piece), name)

    return map(event, pieces(said, count))


_STREAMS: Final = {"completions": _completions, "messages": _messages, "native": _native}
_WHOLE: Final[dict[str, Json]] = {
    "completions": {
        **_HEAD,
        "object": "chat.completion",
        "system_fingerprint": None,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": WHOLE},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 200, "total_tokens": 212},
    },
    "messages": {
        "id": "m-1",
        "type": "message",
        "role": "assistant",
        "model": "qwen3-vl-32b-instruct",
        "content": [{"type": "text", "text": WHOLE}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 200},
    },
    "native": {
        "output": {"choices": [{"message": {"role": "assistant", "content": WHOLE}, "finish_reason": "stop"}]},
        "usage": {"input_tokens": 12, "output_tokens": 200, "total_tokens": 212},
        "request_id": "r-1",
    },
}
