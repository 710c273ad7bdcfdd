"""What a request asks for, and the one good answer that every fault cuts or bends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Parameter = float | str
WORDS = ("Hello, ", "你好, ", "world.")
"""The answer, in the pieces in which it is streamed. It has bytes that can be cut inside a character."""
_ID, _MODEL = "fault-1", "scripted"
_USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
_MESSAGES_USAGE = {"input_tokens": 5, "output_tokens": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request to a fault's address."""

    target: str
    """Path and query as they came."""
    headers: Mapping[str, str]
    json: Any
    parameter: Parameter
    """What the fault was asked for with, or its default."""
    number: int
    """How many requests this address has had, this one included."""
    port: int

    @property
    def messages(self) -> bool:
        """Whether the request speaks Messages; else it is taken for Chat Completions."""
        return self.target.partition("?")[0].endswith("/messages")

    @property
    def streamed(self) -> bool:
        """Whether a stream is asked for."""
        return isinstance(self.json, dict) and bool(self.json.get("stream"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]

    @property
    def amount(self) -> float:
        """The parameter as a number."""
        return float(self.parameter)

    @property
    def content_type(self) -> str:
        """What a good answer is labelled with."""
        return "text/event-stream" if self.streamed else "application/json"

    def pieces(self) -> list[bytes]:
        """Return the good answer: its events one by one, or the body cut into three, once inside a character."""
        return self.events() if self.streamed else _in_three(self.body())

    def first_words(self) -> int:
        """How many of the pieces bring the first two of three words."""
        return (4 if self.messages else 2) if self.streamed else 2

    def body(self) -> bytes:
        """Return the good answer, whole."""
        return dump(self.whole("".join(WORDS)))

    def whole(self, content: object) -> dict[str, Any]:
        """Return a whole reply that says `content`."""
        if self.messages:
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            said = {"content": blocks, "stop_reason": "end_turn", "usage": _MESSAGES_USAGE}
            return {"id": _ID, "type": "message", "role": "assistant", "model": _MODEL, **said}
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": _ID, "object": "chat.completion", "model": _MODEL, "choices": [choice], "usage": _USAGE}

    def events(self) -> list[bytes]:
        """Return the good answer as events."""
        return [*self.begin(), *map(self.say, WORDS), *self.end()]

    def begin(self) -> list[bytes]:
        """Return the events before the first word."""
        if not self.messages:
            return []
        said: dict[str, Any] = {"content": [], "stop_reason": None, "usage": {**_MESSAGES_USAGE, "output_tokens": 0}}
        message = {"id": _ID, "type": "message", "role": "assistant", "model": _MODEL, **said}
        block = {"type": "text", "text": ""}
        return [
            event({"type": "message_start", "message": message}),
            event({"type": "content_block_start", "index": 0, "content_block": block}),
        ]

    def say(self, text: str) -> bytes:
        """Return the event that brings `text`."""
        if self.messages:
            return event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
        return event(_chunk({"role": "assistant", "content": text}, None))

    def end(self, *, usage: bool = True, finish: bool = True, done: int = 1) -> list[bytes]:
        """Return the events after the last word, without what is not wanted; `done` counts end marks."""
        if self.messages:
            counts = {"usage": _MESSAGES_USAGE} if usage else {}
            delta = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, **counts}
            closed = event({"type": "content_block_stop", "index": 0})
            return [closed, *([event(delta)] if finish else []), *[event({"type": "message_stop"})] * done]
        last = [event(_chunk({}, "stop"))] if finish else []
        counted = [event({"id": _ID, "model": _MODEL, "choices": [], "usage": _USAGE})] if usage else []
        return [*last, *counted, *[b"data: [DONE]\n\n"] * done]


def dump(value: object) -> bytes:
    """Return `value` as JSON with its characters as they are."""
    return json.dumps(value, ensure_ascii=False).encode()


def event(payload: Mapping[str, Any]) -> bytes:
    """Return one event; those of Messages have a name, which is their type."""
    name = f"event: {payload['type']}\n".encode() if "type" in payload else b""
    return name + b"data: " + dump(payload) + b"\n\n"


def _chunk(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": _ID, "object": "chat.completion.chunk", "model": _MODEL, "choices": [choice]}


def _in_three(body: bytes) -> list[bytes]:
    first = body.index("你".encode()) + 1
    second = body.index(b"world")
    return [body[:first], body[first:second], body[second:]]
