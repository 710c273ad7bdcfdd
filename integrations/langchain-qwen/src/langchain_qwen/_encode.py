"""LangChain's messages -> the core's."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from qwen_endpoints import Json, Message, ToolCall

from langchain_qwen._errors import ConfigurationError
from langchain_qwen._media import encode_media

_ROLES: Final[Mapping[str, Any]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "tool": "tool",
    "function": "tool",
}
_NOT_CONTENT: Final = frozenset(
    {
        "reasoning",
        "reasoning_content",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "tool_call",
        "tool_call_chunk",
        "invalid_tool_call",
        "function_call",
        "server_tool_call",
        "server_tool_result",
        "non_standard",
    }
)
"""Blocks of an answer that are not its text: they travel in fields of their own, or belong to another provider."""


def encode_messages(messages: Iterable[BaseMessage]) -> list[Message]:
    """Turn a conversation into the core's messages. Nothing of it is changed or shared.

    Raises:
        ConfigurationError: A message or a content block has no counterpart; it is named.
    """
    return [_encode_message(message) for message in messages]


def _encode_message(message: BaseMessage) -> Message:
    if isinstance(message, AIMessage):
        return _encode_answer(message)
    if isinstance(message, ToolMessage):
        return Message(role="tool", content=_encode_content(message), tool_call_id=message.tool_call_id)
    if isinstance(message, FunctionMessage):
        return Message(role="tool", content=_encode_content(message), tool_call_id=message.name)
    if isinstance(message, HumanMessage):
        return Message(role="user", content=_encode_content(message), name=message.name)
    if isinstance(message, SystemMessage):
        return Message(role="system", content=_encode_content(message), name=message.name)
    if isinstance(message, ChatMessage):
        return Message(role=_role(message.role), content=_encode_content(message), name=message.name)
    raise ConfigurationError(f"A {type(message).__name__} cannot be sent to a chat model.")


def _role(role: str) -> Any:
    if role.lower() not in _ROLES:
        raise ConfigurationError(f"A ChatMessage has the role {role!r}; known are {', '.join(_ROLES)}.")
    return _ROLES[role.lower()]


def _encode_answer(message: AIMessage) -> Message:
    valid = [_valid_call(call["id"], call["name"], call["args"]) for call in message.tool_calls]
    invalid = [
        ToolCall(id=call["id"] or "", name=call["name"] or "", arguments=call["args"] or "", error="invalid")
        for call in message.invalid_tool_calls
    ]
    details = message.additional_kwargs.get("reasoning_details")
    return Message(
        role="assistant",
        content=_answer_text(message.content),
        reasoning=_reasoning(message),
        reasoning_details=cast("Sequence[Json]", details) if isinstance(details, list) else (),
        tool_calls=(*valid, *invalid),
        name=message.name,
    )


def _valid_call(call_id: str | None, name: str, args: Mapping[str, Any]) -> ToolCall:
    return ToolCall(
        id=call_id or "", name=name, arguments=json.dumps(args, ensure_ascii=False, default=str), parsed=args
    )


def _answer_text(content: str | list[str | dict[str, Any]]) -> str:
    """An answer's text; its blocks are pieces of one text."""
    if isinstance(content, str):
        return content
    return "".join(
        block if isinstance(block, str) else str(block.get("text") or "") for block in content if _is_text(block)
    )


def _is_text(block: str | dict[str, Any]) -> bool:
    return isinstance(block, str) or block.get("type") in ("text", "text-plain")


def _reasoning(message: AIMessage) -> str:
    """Reasoning from beside the content or from within it, never from both."""
    beside = message.additional_kwargs.get("reasoning_content")
    if isinstance(beside, str) and beside:
        return beside
    if isinstance(message.content, str):
        return ""
    within = [block for block in message.content if isinstance(block, dict)]
    return "".join(
        str(block.get("reasoning") or block.get("thinking") or "")
        for block in within
        if block.get("type") in ("reasoning", "thinking")
    )


def _encode_content(message: BaseMessage) -> str | list[Json]:
    content = message.content
    if isinstance(content, str):
        return content
    parts = [_encode_block(block, message) for block in content]
    return [part for part in parts if part is not None]


def _encode_block(block: str | dict[str, Any], message: BaseMessage) -> Json | None:
    if isinstance(block, str):
        return {"type": "text", "text": block}
    kind = block.get("type")
    if kind in ("text", "text-plain"):
        part: dict[str, Any] = {"type": "text", "text": _block_text(block)}
        if "cache_control" in block:
            part["cache_control"] = block["cache_control"]
        return part
    if kind in _NOT_CONTENT:
        return None
    media = encode_media(block)
    if media is not None:
        return media
    if isinstance(message, ToolMessage):
        return {"type": "text", "text": json.dumps(block, ensure_ascii=False, default=str)}
    raise ConfigurationError(
        f"A {type(message).__name__} holds a content block of type {kind!r}, which Qwen endpoints have no part for."
    )


def _block_text(block: Mapping[str, Any]) -> str:
    """The text of a text block. A `text-plain` document may hold it as base64."""
    if block.get("type") == "text-plain" and block.get("text") is None:
        if not block.get("base64"):
            raise ConfigurationError(
                "A content block of type 'text-plain' holds neither `text` nor `base64` data: "
                f"it has {', '.join(sorted(key for key, value in block.items() if value is not None))}."
            )
        return base64.b64decode(block["base64"]).decode("utf-8", "replace")
    return str(block.get("text") or "")
