"""Chunks of a stream in the words of Messages: events that open, fill and close the blocks of a message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from llama_index_llm_tests.answers import Json
from llama_index_llm_tests.messages.words import (
    SAID,
    STOP_REASONS,
    UnsayableError,
    error_of,
    signature_of,
    thought_of,
    usage_of,
)

_PING: Final[Json] = {"type": "ping"}
_EMPTY: Final[Mapping[str, Json]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}


class EventWriter:
    """Says the chunks of one stream as events.

    Blocks of text and thought follow each other; those of calls stay open to the end, because chunks may return to
    them. The end of a message is held back for one chunk: the token counts belong into the same event.
    """

    def __init__(self, usage: Json | None) -> None:
        self._usage = usage
        """The counts of the whole stream, of which its first event states those of the input."""
        self._begun = False
        self._count = 0
        """Of blocks."""
        self._open: tuple[str, int] | None = None
        """Kind and index of the block of text or thought that grows."""
        self._thought = ""
        self._calls: dict[int, int] = {}
        """The index of a call's block by that of the call."""
        self._refused = False
        self._held: Json | None = None

    def chunk(self, chunk: Json) -> Iterator[Json]:
        """Say what a chunk adds; one that adds nothing is a ping."""
        if "error" in chunk:
            yield error_of(chunk["error"])
            return
        if not self._begun:
            self._begun = True
            yield self._start(chunk)
        yield from self._said(chunk)

    def end(self) -> Iterator[Json]:
        """Say that there is no more to come."""
        yield from self.rest()
        yield {"type": "message_stop"}

    def rest(self) -> Iterator[Json]:
        """Give what is held back."""
        if self._held is not None:
            yield self._held
        self._held = None

    def _start(self, chunk: Json) -> Json:
        message: Json = {name: chunk[name] for name in ("id", "model") if name in chunk}
        message |= {"type": "message", "role": "assistant", "content": [], "stop_reason": None, "stop_sequence": None}
        if self._usage is not None:
            message["usage"] = {**self._usage, "output_tokens": 1}  # one, as in the examples of the protocol's page
        return {"type": "message_start", "message": message}

    def _said(self, chunk: Json) -> Iterator[Json]:
        choice = _only_choice(chunk)
        usage: Json | None = None if chunk.get("usage") is None else usage_of(chunk["usage"])
        said = list(self._content(choice.get("delta") or {}))
        finish: str | None = choice.get("finish_reason")
        if self._held is not None and usage is not None and not said and not finish:
            self._held["usage"] = usage
            return
        yield from self.rest()
        yield from said
        if finish:
            yield from self._closed()
            self._held = _ended("refusal" if self._refused else STOP_REASONS[finish], usage)
        elif usage is not None:
            yield _ended(None, usage)
        elif not said:
            yield _PING

    def _content(self, delta: Json) -> Iterator[Json]:
        thought = thought_of(delta)
        if thought:
            yield from self._grow("thinking", thought)
        for name in ("content", "refusal"):
            text = delta.get(name)
            if text or (text == "" and self._open and self._open[0] == "text"):
                self._refused = self._refused or name == "refusal"
                yield from self._grow("text", text)
        for piece in delta.get("tool_calls") or ():
            yield from self._call(piece)
        for name in [name for name in delta if name not in SAID]:
            yield {"type": name, name: delta[name]}

    def _grow(self, kind: str, text: str) -> Iterator[Json]:
        if self._open is None or self._open[0] != kind:
            yield from self._close()
            self._open = (kind, self._count)
            yield self._opened(_EMPTY[kind])
        if kind == "thinking":
            self._thought += text
        yield _delta(self._open[1], f"{kind}_delta", kind, text)

    def _call(self, piece: Json) -> Iterator[Json]:
        number: int | None = piece.get("index")
        function: Json = piece.get("function") or {}
        if number is None:
            raise UnsayableError("blocks are numbered, so no call can come without a number")
        arguments: Any = function.get("arguments") or ""
        if number not in self._calls:
            yield from self._close()
            identity = {"id": piece["id"]} if "id" in piece else {}
            self._calls[number] = self._count
            given = cast("Json", arguments) if isinstance(arguments, dict) else {}
            yield self._opened({"type": "tool_use", **identity, "name": function.get("name"), "input": given})
        elif piece.get("id") or function.get("name"):
            raise UnsayableError("pieces of a call repeat neither its id nor its name, and its number is its own")
        if isinstance(arguments, str):
            yield _delta(self._calls[number], "input_json_delta", "partial_json", arguments)

    def _opened(self, block: Json) -> Json:
        event = {"type": "content_block_start", "index": self._count, "content_block": block}
        self._count += 1
        return event

    def _close(self) -> Iterator[Json]:
        if self._open is None:
            return
        kind, index = self._open
        if kind == "thinking":
            yield _delta(index, "signature_delta", "signature", signature_of(self._thought))
        yield {"type": "content_block_stop", "index": index}
        self._open, self._thought = None, ""

    def _closed(self) -> Iterator[Json]:
        yield from self._close()
        for index in self._calls.values():
            yield {"type": "content_block_stop", "index": index}
        self._calls = {}


def _only_choice(chunk: Json) -> Json:
    choices: list[Json] = chunk.get("choices") or []
    if any(choice.get("index") or choice.get("logprobs") for choice in choices):
        raise UnsayableError("a message is one answer, without log probabilities")
    return choices[0] if choices else {}


def _delta(index: int, kind: str, name: str, value: str) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, name: value}}


def _ended(reason: str | None, usage: Json | None) -> Json:
    """The event about the message as a whole; one may also come in between, with the counts so far."""
    event: Json = {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}}
    return event if usage is None else {**event, "usage": usage}
