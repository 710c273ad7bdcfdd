"""LlamaIndex messages -> the core's messages. No URL is fetched, and nothing that the caller owns is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import qwen_endpoints
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from qwen_endpoints import ConfigurationError, Role

from llama_index.llms.qwen._blocks import encode_content
from llama_index.llms.qwen._media import Part
from llama_index.llms.qwen._thinking import details_of, field_of, reasoning_of
from llama_index.llms.qwen._tool_calls import REFUSAL, stated_calls

if TYPE_CHECKING:
    from qwen_endpoints import Message

_ROLES: Final[Mapping[MessageRole, Role]] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}


def encode_messages(messages: Sequence[ChatMessage]) -> list[Message]:
    """Translate a conversation.

    Of a message's `additional_kwargs` only `name`, `tool_call_id` (of results), calls, reasoning and a refusal (of
    answers) are read: frameworks keep notes of their own there, which are no business of an endpoint's.

    Raises:
        ConfigurationError: A block cannot be sent, or a tool message answers no call; it is named.
    """
    return _Encoder(messages).encode()


class _Encoder:
    """Encodes one conversation, in which messages refer to earlier ones."""

    def __init__(self, messages: Sequence[ChatMessage]) -> None:
        self._messages = messages
        self._ids = qwen_endpoints.CallIds()
        self._parts: list[Part] = []

    def encode(self) -> list[Message]:
        return [self._message(message, position) for position, message in enumerate(self._messages)]

    def _message(self, message: ChatMessage, position: int) -> Message:
        role = _ROLES[message.role]
        content = encode_content(message, role, self._parts)
        if role == "assistant":
            content = _joined(content, message)
        self._parts.extend(content)
        if role == "assistant":
            return self._answer(message, content, position)
        if role == "tool":
            return self._result(message, content)
        return qwen_endpoints.Message(role=role, content=content, name=_text(message, "name"))

    def _answer(self, message: ChatMessage, content: Sequence[Part], position: int) -> Message:
        details, origin = details_of(message)
        return qwen_endpoints.Message(
            role="assistant",
            content=content,
            reasoning=reasoning_of(message),
            reasoning_field=field_of(message),
            reasoning_details=details,
            origin=origin,
            tool_calls=self._ids.open(stated_calls(message), position),
            name=_text(message, "name"),
        )

    def _result(self, message: ChatMessage, content: Sequence[Part]) -> Message:
        call_id = self._ids.close(_text(message, "tool_call_id") or "", _text(message, "name"))
        if not call_id:
            raise ConfigurationError(
                f"A {message.role.value} message does not say which call it answers, and no earlier answer has one "
                'that waits: give it additional_kwargs={"tool_call_id": ...}.'
            )
        return qwen_endpoints.Message(role="tool", content=content, tool_call_id=call_id)


def _joined(parts: Sequence[Part], message: ChatMessage) -> list[Part]:
    """Make one of an answer's texts, as `ChatMessage.content` does: not every endpoint takes parts there.

    An answer without text says what it refused.
    """
    written = [part for part in parts if part["type"] == "text"]
    text = "\n".join(part["text"] for part in written if part["text"]) or _text(message, REFUSAL)
    marks = {key: part[key] for part in written for key in part if key == "cache_control"}
    said = [{"type": "text", "text": text, **marks}] if text else []
    return [*said, *(part for part in parts if part["type"] != "text")]


def _text(message: ChatMessage, key: str) -> str | None:
    stated: object = message.additional_kwargs.get(key)
    return stated if isinstance(stated, str) and stated else None
