"""Replies of a Chat Completions server: the same answer whole and streamed, and pieces to build odd ones from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from qwen_sandbox import Reply

Json = dict[str, Any]

SERVED: Final = "qwen3-32b-served"
"""The model name that replies state, which is not the one that was asked for."""
USAGE: Final[Mapping[str, Any]] = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
_HEAD: Final[Mapping[str, Any]] = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": SERVED}


@dataclass(frozen=True)
class Call:
    """A tool call, with its arguments as the model wrote them."""

    name: str = "get_weather"
    arguments: str = '{"city": "Paris"}'
    id: str = "call-1"


@dataclass(frozen=True)
class Answer:
    """What a model answers. Where a server would stream it, each text, thought and argument comes in three pieces."""

    text: str | None = None
    reasoning: str | None = None
    calls: Sequence[Call] = ()
    finish: str | None = None
    """`None`: `tool_calls` where there are calls, else `stop`."""
    usage: Mapping[str, Any] | None = field(default_factory=lambda: dict(USAGE))
    """`None`: the server reports none."""
    reasoning_field: str = "reasoning_content"
    message: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """More fields of the message; a stream sends them in one chunk."""

    def whole(self) -> Reply:
        """The answer in one piece."""
        message: Json = {"role": "assistant", "content": self.text, **self.message}
        if self.reasoning is not None:
            message[self.reasoning_field] = self.reasoning
        if self.calls:
            message["tool_calls"] = [_call(call) for call in self.calls]
        body: Json = {
            **_HEAD,
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": self._finish}],
        }
        if self.usage is not None:
            body["usage"] = dict(self.usage)
        return Reply(json.dumps(body).encode())

    def streamed(self) -> Reply:
        """The answer as a stream: reasoning, text, calls, the finish reason, usage."""
        chunks = [chunk(role="assistant", content="")]
        chunks += [thought(piece, self.reasoning_field) for piece in thirds(self.reasoning or "")]
        chunks += [chunk(content=piece) for piece in thirds(self.text or "")]
        if self.message:
            chunks.append(chunk(**self.message))
        for index, call in enumerate(self.calls):
            chunks.append(opened(call, index))
            chunks += [argued(piece, index) for piece in thirds(call.arguments)]
        chunks.append(chunk(finish=self._finish))
        if self.usage is not None:
            chunks.append(counted(self.usage))
        return stream(*chunks)

    @property
    def _finish(self) -> str:
        return self.finish or ("tool_calls" if self.calls else "stop")


def chunk(*, finish: str | None = None, usage: Mapping[str, Any] | None = None, **delta: Any) -> Json:
    """One chunk of a stream, with these fields in its delta."""
    made: Json = {
        **_HEAD,
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return made if usage is None else {**made, "usage": dict(usage)}


def thought(text: str, name: str = "reasoning_content") -> Json:
    """A chunk with a piece of reasoning in the field of that name."""
    delta: Json = {name: text}
    return chunk(**delta)


def opened(call: Call, index: int = 0) -> Json:
    """The chunk that begins a call: id and name, no arguments yet."""
    begun = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
    return chunk(tool_calls=[begun])


def argued(text: str, index: int = 0) -> Json:
    """A chunk with a piece of a call's arguments."""
    return chunk(tool_calls=[{"index": index, "function": {"arguments": text}}])


def counted(usage: Mapping[str, Any] = USAGE) -> Json:
    """The chunk that closes a stream with token counts and no choice."""
    return {**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": dict(usage)}


def stream(*chunks: Mapping[str, Any] | bytes, done: bool = True, abort: bool = False) -> Reply:
    """A stream of these chunks; bytes go out as they are. With `abort` the connection breaks after the last."""
    events = [item if isinstance(item, bytes) else b"data: " + json.dumps(item).encode() + b"\n\n" for item in chunks]
    end = [b"data: [DONE]\n\n"] if done else []
    return Reply(chunks=[*events, *end], content_type="text/event-stream", abort=abort)


def failed(status: int, message: str, **fields: Any) -> Reply:
    """An error reply in OpenAI's shape."""
    return Reply(json.dumps({"error": {"message": message, **fields}}).encode(), status)


def thirds(text: str) -> list[str]:
    """Cut a text into up to three pieces, none of them empty."""
    size = max(1, -(-len(text) // 3))
    return [text[start : start + size] for start in range(0, len(text), size)]


def _call(call: Call) -> Json:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
