"""Messages payloads -> `CompletionDelta`s. A whole message is read as the events that would have streamed it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from qwen_endpoints.conversation import THOUGHTS
from qwen_endpoints.errors import MalformedResponseError, StreamInterruptedError
from qwen_endpoints.pricing import cost_of
from qwen_endpoints.tool_calls import MadeUpIds, ToolCallAssembler
from qwen_endpoints.types import Choice, Completion, CompletionDelta, Usage
from qwen_endpoints.wire_values import count_of, decode_finish_reason, mapping, text_of
from qwen_endpoints.words import Json

if TYPE_CHECKING:
    from qwen_endpoints.codec import EncodedRequest
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.errors import QwenError

_KNOWN_MESSAGE_KEYS: Final = frozenset({"id", "type", "role", "model", "content", "stop_reason", "usage", "error"})


@dataclass(slots=True)
class _Block:
    """One content block as far as it has arrived."""

    kind: str
    stated: Json
    """The block as it was opened."""
    place: int
    """Counts the blocks in the order they were opened, whatever indexes the endpoint sent."""
    text: list[str] = field(default_factory=list[str])
    signature: list[str] = field(default_factory=list[str])


class MessagesDecoder:
    """Feed each payload of one reply, then call `finish` once.

    Blocks are told apart by their index alone: llama.cpp opens the next one before it closes the last (seen
    2026-11-22). What comes for a block that was never opened, or was opened as something else, gets a block of its own.
    Events and blocks of unknown types are ignored; such blocks stay in `Choice.extra["blocks"]`.
    """

    def __init__(self, endpoint: Endpoint, request: EncodedRequest) -> None:
        self._endpoint = endpoint
        self._request = request
        self._message: dict[str, Any] = {}
        self._blocks: list[_Block] = []
        self._by_index: dict[int, _Block] = {}
        self._latest: dict[str, _Block] = {}
        self._ids = MadeUpIds(request.body)
        self._tools = ToolCallAssembler(self._ids.of)
        self._text: list[str] = []
        self._reasoning: list[str] = []
        """Both in the order in which they came and were told, whatever blocks they belong to."""
        self._usage: dict[str, Any] = {}
        self._started = False
        self.ended = False

    def is_keep_alive(self, payload: object) -> bool:
        """Whether a payload is a `ping`."""
        return mapping(payload).get("type") == "ping"

    def feed(self, payload: object) -> list[CompletionDelta]:
        """Take one parsed payload.

        Raises:
            QwenError: The payload is an error, or no object at all; `partial` holds what arrived.
        """
        if not isinstance(payload, Mapping):
            raise self._error(MalformedResponseError, "The endpoint sent JSON that is not an object.")
        event = cast("Json", payload)
        if event.get("type") == "error" or event.get("error"):
            raise self._endpoint.scope.from_body(event, partial=self.partial())
        return [delta for delta in self._read(event) if delta.text or delta.reasoning or delta.tool_calls]

    def _read(self, event: Json) -> Iterable[CompletionDelta]:
        kind = event.get("type")
        if kind == "content_block_delta":
            return self._grow(event)
        if kind == "content_block_start":
            return self._open(event)
        if kind == "message":
            return self._take_whole(event)
        if kind == "message_start":
            if mapping(event.get("message")):  # null is no message
                self._start(mapping(event["message"]))
        elif kind == "message_delta":
            self._note(mapping(event.get("delta")), event.get("usage"))
        elif kind == "message_stop":
            self.ended = True
        return ()  # content_block_stop and ping say nothing, and what is not known is ignored

    def finish(self, *, done: bool) -> list[CompletionDelta]:
        """End the reply.

        Args:
            done: Whether the endpoint said that it was done (`message_stop`, or a body that came whole). Without that,
                a message that has no stop reason was cut off.

        Raises:
            StreamInterruptedError: The stream ended early; `partial` holds what arrived.
            MalformedResponseError: The reply holds no message.
        """
        if not self._started and not done:
            raise self._error(StreamInterruptedError, "The connection ended before anything was said.")
        if not self._started:
            raise self._error(MalformedResponseError, "The reply holds no answer (no `content`).")
        if not done and self._message.get("stop_reason") is None:
            raise self._error(
                StreamInterruptedError,
                "The stream ended without a stop reason and without message_stop: it was cut off.",
            )
        return [CompletionDelta(completion=self._snapshot(broken=False))]

    def partial(self) -> Completion | None:
        """What has arrived, or `None` if nothing has."""
        return self._snapshot(broken=True) if self._started or self._message or self._usage else None

    def _take_whole(self, message: Json) -> Iterator[CompletionDelta]:
        content = message.get("content")
        said = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(said, list):
            return  # an answer that is empty has an empty list
        self._start(message)
        blocks = cast("list[Any]", said)
        if blocks and decode_finish_reason(text_of(message.get("stop_reason"))) == "length":
            blocks = [*blocks[:-1], _left_open(blocks[-1])]
        for index, block in enumerate(blocks):
            yield from self._open({"index": index, "content_block": block})

    def _start(self, message: Json) -> None:
        self._started = True
        self._note(message, message.get("usage"))

    def _note(self, facts: Json, usage: object) -> None:
        """Later events complete or correct what earlier ones said."""
        self._message.update({key: value for key, value in facts.items() if value is not None})
        self._ids.reply = (self._message.get("id"),)
        self._usage.update({key: value for key, value in mapping(usage).items() if value is not None})

    def _open(self, event: Json) -> Iterator[CompletionDelta]:
        stated = mapping(event.get("content_block"))
        block = self._add(text_of(stated.get("type")), stated, event.get("index"))
        block.signature.append(text_of(stated.get("signature")))
        if block.kind == "text":
            yield self._said(text_of(stated.get("text")))
        elif block.kind == "thinking":
            yield self._thought(block, text_of(stated.get("thinking")))
        elif block.kind == "tool_use":
            # A stream opens a call with an empty object and sends the arguments in pieces.
            function = {"name": stated.get("name"), "arguments": stated.get("input") or ""}
            entry = {"index": block.place, "id": stated.get("id"), "function": function}
            yield CompletionDelta(tool_calls=self._tools.feed([entry], whole=True))

    def _add(self, kind: str, stated: Json, index: object) -> _Block:
        self._started = True
        block = _Block(kind, stated, len(self._blocks))
        self._blocks.append(block)
        self._latest[kind] = block
        if isinstance(index, int):
            self._by_index[index] = block
        else:
            self._by_index.setdefault(block.place, block)
        return block

    def _grow(self, event: Json) -> Iterator[CompletionDelta]:
        delta = mapping(event.get("delta"))
        named = delta.get("type")
        kind = _GROWS.get(named) if isinstance(named, str) else None
        block = self._growing(kind, event.get("index")) if kind is not None else None
        if kind is None or (block is not None and block.kind not in _KINDS):
            return
        if block is None:
            yield from self._open({"index": event.get("index"), "content_block": {"type": kind}})
            block = self._blocks[-1]
        if named == "text_delta":
            yield self._said(text_of(delta.get("text")))
        elif named == "thinking_delta":
            yield self._thought(block, text_of(delta.get("thinking")))
        elif named == "signature_delta":
            block.signature.append(text_of(delta.get("signature")))
        elif not block.stated.get("input"):
            function = {"arguments": text_of(delta.get("partial_json"))}
            yield CompletionDelta(
                tool_calls=self._tools.feed([{"index": block.place, "function": function}], whole=False)
            )

    def _growing(self, kind: str, index: object) -> _Block | None:
        """Return the block that a delta goes to; `None` where there is none of its kind.

        Without an index that is the latest of its kind.
        """
        if not isinstance(index, int):
            return self._latest.get(kind)
        block = self._by_index.get(index)
        return block if block is not None and (block.kind == kind or block.kind not in _KINDS) else None

    def _said(self, text: str) -> CompletionDelta:
        self._text.append(text)
        return CompletionDelta(text=text)

    def _thought(self, block: _Block, text: str) -> CompletionDelta:
        self._reasoning.append(text)
        block.text.append(text)
        return CompletionDelta(reasoning=text)

    def _snapshot(self, *, broken: bool) -> Completion:
        usage = _decode_usage(self._usage)
        message = self._message
        return Completion(
            choices=(self._choice(broken=broken),),
            id=text_of(message.get("id")) or None,
            model=text_of(message.get("model")) or None,
            usage=usage,
            cost=cost_of(usage, self._endpoint.profile.price),
            notes=self._request.notes,
            extra={key: value for key, value in message.items() if key not in _KNOWN_MESSAGE_KEYS},
        )

    def _choice(self, *, broken: bool) -> Choice:
        blocks = self._blocks
        native = text_of(self._message.get("stop_reason")) or None
        reason = decode_finish_reason(native)
        unknown = [dict(block.stated) for block in blocks if block.kind not in _KINDS]
        return Choice(
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            reasoning_details=_details(blocks),
            tool_calls=self._tools.finish(cut=reason == "length" or (broken and native is None)),
            finish_reason=reason,
            native_finish_reason=native if native != reason else None,
            extra={"blocks": unknown} if unknown else {},
        )

    def _error(self, kind: type[QwenError], message: str) -> QwenError:
        return self._endpoint.scope.error(kind, message, partial=self.partial())


_KINDS: Final = THOUGHTS | {"text", "tool_use"}
_GROWS: Final[Mapping[str, str]] = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
}
"""The kind of block that each kind of delta adds to."""


def _left_open(block: object) -> object:
    """A last block that the limit may have cut. Where it is a call, its arguments, which the server has made an object
    of, lose the brace that the model may never have written: an incomplete `tool_use` is to be asked for again, not
    executed (docs.anthropic.com, handling stop reasons, 2026).
    """
    stated = mapping(block)
    if stated.get("type") != "tool_use" or not stated.get("input"):
        return block
    return {**stated, "input": json.dumps(stated["input"], ensure_ascii=False).removesuffix("}")}


def _decode_usage(stated: Json) -> Usage | None:
    """Read token counts. `input_tokens` leaves out what a cache was read for or written to, and here all of it counts
    (docs.anthropic.com, prompt caching, 2026; llama.cpp counts so, too, seen 2026-11-22).
    """
    if not stated:
        return None
    fresh, output = count_of(stated.get("input_tokens")) or 0, count_of(stated.get("output_tokens")) or 0
    read, written = (count_of(stated.get(f"cache_{verb}_input_tokens")) for verb in ("read", "creation"))
    thought = count_of(mapping(stated.get("output_tokens_details")).get("thinking_tokens"))
    total_input = fresh + (read or 0) + (written or 0)
    return Usage(
        input_tokens=total_input,
        output_tokens=output,
        total_tokens=total_input + output,
        reasoning_tokens=None if thought is None else min(thought, output),
        cached_tokens=read,
        cache_write_tokens=written,
        raw=dict(stated),
    )


def _details(blocks: Iterable[_Block]) -> tuple[Json, ...]:
    """The thinking blocks as they have to come back: signed ones are checked, so none of them may change."""
    thoughts = [block for block in blocks if block.kind in THOUGHTS]
    if not any(block.kind == "redacted_thinking" or "".join(block.signature) for block in thoughts):
        return ()
    return tuple(_detail(block) for block in thoughts)


def _detail(block: _Block) -> Json:
    if block.kind == "redacted_thinking":
        return dict(block.stated)
    return {**block.stated, "thinking": "".join(block.text), "signature": "".join(block.signature)}
