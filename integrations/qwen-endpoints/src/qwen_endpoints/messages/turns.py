"""The conversation as Messages wants it: the system's words apart, then turns of user and assistant, made of blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import groupby, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, cast

from qwen_endpoints.conversation import THOUGHTS, refuse_media, replay_from, replayed_calls, takes_details
from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.messages.wire_ids import WireIds

if TYPE_CHECKING:
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.types import ChatRequest, Message, ToolCall
    from qwen_endpoints.words import Json

_DATA_URL: Final = re.compile(r"data:([^;,]*)[^,]*;base64,", re.IGNORECASE)
_STARTS: Final = {"/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}
"""How pictures begin in base64, for data URLs that do not say what they hold; anything else is called PNG."""

Block = dict[str, Any]
_Side = tuple[str, list[Block]]


@dataclass(frozen=True, slots=True)
class EncodedConversation:
    """What a request says, in the protocol's two places."""

    system: str | list[Block]
    """Empty where there is nothing to say."""
    turns: list[dict[str, Any]]
    notes: tuple[str, ...] = ()
    """What could not be said, in words for the user."""


def encode_conversation(request: ChatRequest, endpoint: Endpoint) -> EncodedConversation:
    """Spell the conversation.

    Messages of one side that follow each other become one turn. Tool results are the user's, and so are system messages
    that do not open the conversation. Of these and of the speakers' names, for which the protocol has no place, a note
    is left.

    Raises:
        ConfigurationError: A part cannot be taken by this protocol, model or endpoint, or nothing is said.
    """
    opening = list(takewhile(lambda message: message.role == "system", request.messages))
    rest = request.messages[len(opening) :]
    if not rest:
        raise endpoint.scope.error(ConfigurationError, "There are no messages to send.")
    turns = _turns(request, len(opening), endpoint)
    return EncodedConversation(_system(opening, endpoint), turns, tuple(_unsaid(request.messages, rest)))


def _unsaid(everything: Iterable[Message], rest: Iterable[Message]) -> Iterator[str]:
    named = sorted({message.name for message in everything if message.name})
    if named:
        yield f"the names {', '.join(named)} were left out: Messages has no place for them"
    if any(message.role == "system" for message in rest):
        yield "a later system message went as the user's: Messages has a place for those that open a conversation only"


def _turns(request: ChatRequest, begin: int, endpoint: Endpoint) -> list[dict[str, Any]]:
    replayed, calls, ids = replay_from(request, endpoint), replayed_calls(request), WireIds()
    sides = _joined(
        (
            "assistant" if message.role == "assistant" else "user",
            _encode_message(message, calls.get(position, ()), endpoint, ids, replay=position >= replayed),
        )
        for position, message in enumerate(request.messages)
        if position >= begin
    )
    if any(role == "user" and not blocks for role, blocks in sides) or not any(blocks for _, blocks in sides):
        raise endpoint.scope.error(ConfigurationError, f"{endpoint.provider.name} takes no empty messages.")
    sides = _joined(side for side in sides if side[1])  # an answer that says nothing parts no turns
    if sides[-1][0] == "assistant":
        _trim(sides[-1][1][-1])
    return [{"role": role, "content": _results_first(blocks)} for role, blocks in sides]


def _joined(said: Iterable[_Side]) -> list[_Side]:
    return [(role, [block for _, blocks in group for block in blocks]) for role, group in groupby(said, itemgetter(0))]


def _trim(begun: Block) -> None:
    """Words that the assistant is to go on with may not end in white space."""
    if begun["type"] == "text":
        begun["text"] = begun["text"].rstrip()


def _results_first(blocks: Iterable[Block]) -> list[Block]:
    """Results have to follow their calls at once, whatever the user has said in between."""
    return sorted(blocks, key=lambda block: block["type"] != "tool_result")


def _system(opening: Iterable[Message], endpoint: Endpoint) -> str | list[Block]:
    blocks = [block for message in opening for block in _content(message, endpoint)]
    if any(set(block) != {"type", "text"} for block in blocks):
        return blocks  # a mark on a block needs the list
    return "\n\n".join(block["text"] for block in blocks)


def _encode_message(
    message: Message, calls: Sequence[ToolCall], endpoint: Endpoint, ids: WireIds, *, replay: bool
) -> list[Block]:
    blocks = _content(message, endpoint)
    if message.role == "tool":
        return [_tool_result(message, blocks, ids.of_result(message.tool_call_id or ""))]
    if message.role != "assistant":
        return blocks
    thoughts = _thoughts(message, endpoint) if replay else []
    return [*thoughts, *blocks, *(_tool_use(call, ids.of_call(call.id)) for call in calls)]


def _thoughts(message: Message, endpoint: Endpoint) -> list[Block]:
    """The thinking blocks as they came, or, where the endpoint does not ask for signatures, made of the text."""
    if message.reasoning_details and takes_details(message, endpoint):
        return [deepcopy(dict(detail)) for detail in message.reasoning_details if detail.get("type") in THOUGHTS]
    if message.reasoning and not endpoint.dialect.signed_thinking:
        return [{"type": "thinking", "thinking": message.reasoning, "signature": ""}]
    return []


def _tool_use(call: ToolCall, wire_id: str) -> Block:
    arguments = dict(call.parsed) if call.parsed is not None else {}
    return {"type": "tool_use", "id": wire_id, "name": call.name, "input": deepcopy(arguments)}


def _tool_result(message: Message, blocks: list[Block], wire_id: str) -> Block:
    result: Block = {"type": "tool_result", "tool_use_id": wire_id}
    # One plain text is a string everywhere; a mark belongs on the result as a whole.
    if len(blocks) == 1 and blocks[0]["type"] == "text":
        result["content"] = blocks[0]["text"]
        if "cache_control" in blocks[0]:
            result["cache_control"] = blocks[0]["cache_control"]
    elif blocks:
        result["content"] = blocks
    if message.is_error:
        result["is_error"] = True
    return result


def _content(message: Message, endpoint: Endpoint) -> list[Block]:
    """The content as blocks; texts without a visible character, which the protocol refuses, are left out."""
    parts: Sequence[Json] = (
        [{"type": "text", "text": message.content}] if isinstance(message.content, str) else message.content
    )
    said = [part for part in parts if part.get("type") != "text" or str(part.get("text") or "").strip()]
    return [_encode_part(part, message, endpoint) for part in said]


def _encode_part(part: Json, message: Message, endpoint: Endpoint) -> Block:
    refuse_media(part, message, endpoint)
    kind = part.get("type")
    marks = {"cache_control": deepcopy(part["cache_control"])} if part.get("cache_control") else {}
    if kind == "text":
        return {"type": "text", "text": part["text"], **marks}
    if kind == "image_url":
        return {"type": "image", "source": _source(part.get("image_url"), endpoint), **marks}
    raise endpoint.scope.error(
        ConfigurationError,
        f"A {message.role} message holds a part of type {kind}, for which Messages has no block.",
    )


def _source(image: Any, endpoint: Endpoint) -> Block:
    url: Any = cast("Json", image).get("url") if isinstance(image, Mapping) else image
    if not isinstance(url, str) or not url:
        raise endpoint.scope.error(ConfigurationError, "A part of type image_url has no url.")
    data = _DATA_URL.match(url)
    if data is None:
        return {"type": "url", "url": url}
    content = url[data.end() :]
    guessed = next((kind for start, kind in _STARTS.items() if content.startswith(start)), "image/png")
    return {"type": "base64", "media_type": data[1].lower() or guessed, "data": content}
