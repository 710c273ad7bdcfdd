"""What `qwen_endpoints.display.show` has to know of LangChain: messages, their chunks, and what agents yield."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage, message_chunk_to_message
from langchain_core.runnables import Runnable, RunnableSerializable
from qwen_endpoints import QwenError
from qwen_endpoints.display import (
    Collector,
    Shown,
    ShownCall,
    ShownMedia,
    ShownTokens,
    arguments_text,
    collector_for,
    cost_from,
    mapping_in,
    shown_of,
    tokens_from,
)

from langchain_qwen._block_kinds import kind_of
from langchain_qwen._media import encode_media
from langchain_qwen._reasoning import reasoning_of
from langchain_qwen._tool_calls import blocks_of

_SPEAKERS: Final = {"ai": "assistant", "AIMessageChunk": "assistant", "human": "user"}
"""LangChain's types of messages whose speakers are called otherwise."""
_TEXTS: Final = frozenset({"text", "text-plain", "input_text", "output_text", "refusal"})


def turn_of(message: BaseMessage, *, growing: bool = False) -> Shown:
    """Return what a message has to show; of a growing one, its calls as far as they are written."""
    facts, beside = cast("Mapping[str, Any]", message.response_metadata), message.additional_kwargs
    answer = isinstance(message, AIMessage)
    return Shown(
        speaker=_SPEAKERS.get(message.type, message.type),
        name=message.name or "",
        reasoning=reasoning_of(message) if answer else "",
        text=str(message.text),
        media=tuple(map(_media, _media_blocks(message))),
        calls=tuple(_calls(message, facts, growing=growing)) if answer else (),
        call_id=message.tool_call_id if isinstance(message, ToolMessage) else "",
        failed=isinstance(message, ToolMessage) and message.status == "error",
        others=tuple(_other(choice) for choice in facts.get("other_choices") or ()),
        model=_word(facts.get("model_name") or facts.get("model")),
        provider=_word(facts.get("provider") or facts.get("model_provider")) if "finish_reason" in facts else "",
        finish_reason=_word(facts.get("finish_reason")),
        native_finish_reason=_word(facts.get("native_finish_reason")),
        refusal=_word(beside.get("refusal")),
        tokens=_tokens(message) if answer else None,
        cost=cost_from(facts.get("cost")),
        notes=tuple(map(str, facts.get("notes") or ())),
        growing=growing,
    )


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _tokens(message: AIMessage) -> ShownTokens | None:
    usage = mapping_in(message.usage_metadata)
    details = {**mapping_in(usage.get("input_token_details")), **mapping_in(usage.get("output_token_details"))}
    flat = {**usage, "reasoning": details.get("reasoning"), "cached": details.get("cache_read")}
    return tokens_from(flat, input="input_tokens", output="output_tokens", reasoning="reasoning", cached="cached")


def _calls(message: AIMessage, facts: Mapping[str, Any], *, growing: bool) -> Iterator[ShownCall]:
    if growing and isinstance(message, AIMessageChunk):
        for piece in message.tool_call_chunks:
            yield ShownCall(id=piece["id"] or "", name=piece["name"] or "", arguments=piece["args"] or "")
        return
    for call in message.tool_calls:
        yield ShownCall(id=call["id"] or "", name=call["name"], arguments=arguments_text(call["args"]))
    # A merged message holds the arguments with what keeps LangChain from mending them; the true ones are kept apart.
    for broken in cast("Sequence[Mapping[str, Any]]", facts.get("invalid_tool_calls") or message.invalid_tool_calls):
        yield ShownCall(
            id=broken.get("id") or "",
            name=broken.get("name") or "",
            arguments=broken.get("args") or "",
            error=broken.get("error") or "the arguments cannot be read",
        )


def _other(choice: Mapping[str, Any]) -> Shown:
    """A further choice, as this package's metadata holds it: the core's own fields."""
    calls = [
        ShownCall(
            id=call["id"],
            name=call["name"],
            arguments=arguments_text(call["arguments"] if call["parsed"] is None else call["parsed"]),
            error=call["error"] or "",
        )
        for call in choice["tool_calls"]
    ]
    return Shown(
        reasoning=choice["reasoning"],
        text=choice["text"],
        calls=tuple(sorted(calls, key=lambda call: bool(call.error))),
        finish_reason=choice["finish_reason"] or "",
        native_finish_reason=choice["native_finish_reason"] or "",
        refusal=choice["refusal"] or "",
    )


def _media_blocks(message: BaseMessage) -> Iterator[Mapping[str, Any]]:
    for block in blocks_of(message):
        if kind_of(block) == "content" and block.get("type", "text") not in _TEXTS:
            yield block


def _media(block: Mapping[str, Any]) -> ShownMedia:
    kind = str(block.get("type"))
    try:
        part = encode_media(block) or {}
    except QwenError:  # it could not be sent, which is no reason not to show the rest
        part = {}
    named = str(part.get("type", kind)).removeprefix("input_").removesuffix("_url")
    return ShownMedia(kind=named, address=_address(part))


def _address(part: Mapping[str, Any]) -> str:
    """Return the URL, data or name that a content part holds."""
    inner = part.get(str(part.get("type")))
    if isinstance(inner, Mapping):
        found = cast("Mapping[str, Any]", inner)
        return next((str(found[key]) for key in ("url", "filename", "file_id", "file_data") if found.get(key)), "data")
    if isinstance(inner, list):
        return f"{len(cast('list[Any]', inner))} frames"
    return _word(inner)


@dataclass
class _Turn:
    """One message, with the chunks that are not merged into it yet."""

    message: BaseMessage
    fresh: list[AIMessageChunk] = field(default_factory=list[AIMessageChunk])

    def merged(self) -> BaseMessage:
        if self.fresh and isinstance(self.message, AIMessageChunk):
            self.message = self.message + self.fresh
            self.fresh = []
        return self.message

    @property
    def grows(self) -> bool:
        last = self.fresh[-1] if self.fresh else self.message
        return isinstance(last, AIMessageChunk) and last.chunk_position != "last"


class MessageCollector:
    """Merges chunks that belong together, whether they come alone, as a model streams them, or within the tuples and
    mappings of a graph (`stream_mode` `messages`, `updates`, `values`, or several).
    """

    def __init__(self) -> None:
        self._turns: list[_Turn] = []
        self._places: dict[str, int] = {}
        self._others: list[Any] = []
        self._alone = True

    def add(self, item: Any) -> bool:
        """Take a message, a chunk, or whatever holds some."""
        if isinstance(item, BaseMessage):
            return self._add(item, within=False)
        self._alone = False
        found = list(messages_in(item))
        if not found:
            self._others.append(item)
        worth_seeing = [self._add(message, within=True) for message in found]
        return any(worth_seeing)

    def _add(self, message: BaseMessage, *, within: bool) -> bool:
        place = self._place_of(message, within=within)
        if place is None:
            if message.id:
                self._places[message.id] = len(self._turns)
            self._turns.append(_Turn(message))
        elif isinstance(message, AIMessageChunk):
            self._turns[place].fresh.append(message)
        else:  # a graph's state repeats what its model streamed
            self._turns[place] = _Turn(message)
        return not isinstance(message, AIMessageChunk) or message.chunk_position == "last" or _opens_call(message)

    def _place_of(self, message: BaseMessage, *, within: bool) -> int | None:
        """Return where the message belongs that this one is a piece or a repetition of."""
        chunk = isinstance(message, AIMessageChunk)
        place = self._places.get(message.id) if message.id else len(self._turns) - 1 if chunk else None
        if place is None or place < 0 or not (chunk or within):
            return None
        return place if not chunk or isinstance(self._turns[place].message, AIMessageChunk) else None

    def turns(self, *, growing: bool) -> tuple[Shown, ...]:
        """Return a turn for each message."""
        if not self._turns and self._others:
            return (Shown(text=json.dumps(self._others[-1], ensure_ascii=False, default=str), growing=growing),)
        return tuple(turn_of(turn.merged(), growing=growing and turn.grows) for turn in self._turns)

    def whole(self) -> Any:
        """Return the merged chunk of a model's stream; else the list of messages, or of items without any."""
        messages = [turn.merged() for turn in self._turns]
        if self._alone and len(messages) == 1:
            return messages[0]
        if not messages:
            return self._others
        return [message_chunk_to_message(message) for message in messages]


def _opens_call(chunk: AIMessageChunk) -> bool:
    return any(piece["name"] for piece in chunk.tool_call_chunks)


def messages_in(item: object) -> Iterator[BaseMessage]:
    """Yield the messages at any depth of an agent's result or of what it yields."""
    if isinstance(item, BaseMessage):
        yield item
    elif isinstance(item, Mapping):
        for value in cast("Mapping[Any, Any]", item).values():
            yield from messages_in(value)
    elif isinstance(item, (list, tuple)):
        for value in cast("Sequence[Any]", item):
            yield from messages_in(value)


@shown_of.register(BaseMessage)
def _(thing: BaseMessage) -> tuple[Shown, ...]:
    return (turn_of(thing),)


@shown_of.register(dict)
def _(thing: dict[Any, Any]) -> tuple[Shown, ...]:
    found = tuple(map(turn_of, messages_in(thing)))
    if not found:
        return shown_of.dispatch(object)(thing)
    return found


@shown_of.register(Runnable)
@shown_of.register(RunnableSerializable)
def _(thing: object) -> tuple[Shown, ...]:
    name = type(thing).__name__
    raise TypeError(f"show() was given a {name}, not what it answers: show(it.stream(...)) or show(it.invoke(...)).")


@collector_for.register(BaseMessage)
@collector_for.register(tuple)
@collector_for.register(dict)
def _(item: object) -> Collector:
    del item
    return MessageCollector()
