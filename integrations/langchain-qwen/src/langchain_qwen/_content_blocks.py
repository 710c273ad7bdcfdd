"""Standard content blocks of `ChatQwen`'s messages.

LangChain rebuilds content from these blocks in output versions v1 and v3, and joins streamed blocks by their index.
Left to its own devices it numbers reasoning, text and tool calls from 0 each, so that they collide and are joined
into one. String indexes that begin with `lc_` are merge keys of their own and are not concatenated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import register_translator
from langchain_core.messages.content import ContentBlock

MODEL_PROVIDER: Final = "qwen"

_REASONING_INDEX: Final = "lc_rs_0"
_TEXT_INDEX: Final = "lc_txt_0"
_CALL_TYPES: Final = frozenset({"tool_call", "tool_call_chunk", "invalid_tool_call"})


def register_blocks() -> None:
    """Tell LangChain how messages with `model_provider` "qwen" become blocks."""
    register_translator(MODEL_PROVIDER, _translate_message, _translate_chunk)


def _translate_message(message: AIMessage) -> list[ContentBlock]:
    return cast("list[ContentBlock]", [*_reasoning(message), *_content(message), *_finished_calls(message)])


def _translate_chunk(message: AIMessageChunk) -> list[ContentBlock]:
    blocks = [
        *({**block, "index": _REASONING_INDEX} for block in _reasoning(message)),
        *({"index": _TEXT_INDEX, **block} for block in _content(message)),
    ]
    pieces = message.tool_call_chunks
    if message.chunk_position == "last" and all(call.get("id") for call in pieces):
        blocks += _finished_calls(message)
    elif message.chunk_position == "last":  # pieces without an id spoil the invalid calls, in order: see `_decode`
        blocks += [{**_piece(call), **_spoiling(told)} for call, told in zip(pieces, _invalid(message), strict=False)]
    else:
        blocks += map(_piece, pieces)
    return cast("list[ContentBlock]", blocks)


def _piece(call: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "tool_call_chunk",
        "id": call.get("id"),
        "name": call.get("name"),
        "args": call.get("args"),
        "index": f"lc_tc_{call.get('index')}",
    }


def _spoiling(told: Mapping[str, Any]) -> dict[str, Any]:
    """What the last chunk adds to the block of an invalid call: why it is invalid.

    Blocks are read as strict JSON when they are finished, so that only arguments which are JSON need spoiling as well.
    """
    error = {"error": told.get("error")}
    try:
        json.loads(told.get("args") or "{}")
    except ValueError:
        return {**error, "args": ""}
    return error


def _reasoning(message: AIMessage) -> list[dict[str, Any]]:
    """The reasoning kept beside the content, unless the content holds reasoning blocks itself."""
    reasoning = message.additional_kwargs.get("reasoning_content")
    if not isinstance(reasoning, str) or not reasoning or "reasoning" in _block_types(message):
        return []
    return [{"type": "reasoning", "reasoning": reasoning}]


def _block_types(message: AIMessage) -> set[Any]:
    content = message.content
    return set() if isinstance(content, str) else {block.get("type") for block in content if isinstance(block, dict)}


def _content(message: AIMessage) -> list[dict[str, Any]]:
    if isinstance(message.content, str):
        return [{"type": "text", "text": message.content}] if message.content else []
    blocks = [{"type": "text", "text": block} if isinstance(block, str) else dict(block) for block in message.content]
    return [block for block in blocks if block.get("type") not in _CALL_TYPES]


def _finished_calls(message: AIMessage) -> list[dict[str, Any]]:
    valid = [
        {"type": "tool_call", "id": call.get("id"), "name": call["name"], "args": call["args"]}
        for call in message.tool_calls
    ]
    return [*valid, *({**call, "type": "invalid_tool_call"} for call in _invalid(message))]


def _invalid(message: AIMessage) -> list[Mapping[str, Any]]:
    """The invalid calls as they came. Those of a merged message hold what was appended to keep them invalid."""
    return message.response_metadata.get("invalid_tool_calls") or list(message.invalid_tool_calls)
