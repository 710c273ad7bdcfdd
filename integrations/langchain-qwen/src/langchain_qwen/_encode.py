"""LangChain's messages -> the core's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import qwen_endpoints
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_qwen._block_kinds import BlockKind, kind_of, unwrapped
from langchain_qwen._errors import ConfigurationError
from langchain_qwen._media import Block, Part, cached, empty_error
from langchain_qwen._parts import encode_block
from langchain_qwen._reasoning import details_of, field_of, origin_of, reasoning_of
from langchain_qwen._tool_calls import blocks_of, calls_of

if TYPE_CHECKING:
    from qwen_endpoints import CallIds, Message

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
_TYPES: Final[Sequence[tuple[type[BaseMessage], str]]] = (
    (AIMessage, "assistant"),
    (ToolMessage, "tool"),
    (FunctionMessage, "tool"),
    (HumanMessage, "user"),
    (SystemMessage, "system"),
)
_MISPLACED: Final[Mapping[BlockKind | None, str]] = {
    "reasoning": "which belongs in an AIMessage",
    "call": "which belongs in an AIMessage",
    "result": "which belongs in a ToolMessage or a HumanMessage",
    "private": "which is another provider's own",
    None: "which Qwen endpoints have no part for",
}
_FAILED: Final = "Error: the tool failed and gave no reason."
"""What a failed result without content says: Chat Completions has no field for its status."""


def encode_messages(messages: Iterable[BaseMessage]) -> list[Message]:
    """Turn a conversation into the core's messages. Nothing of it is changed.

    Raises:
        ConfigurationError: A message or a content block has no counterpart; it is named.
    """
    history = list(messages)
    answered = frozenset(call_id for message in history for call_id in _answers(message))
    ids = qwen_endpoints.CallIds()
    return [
        encoded
        for position, message in enumerate(history)
        for encoded in _encode_message(message, position, answered, ids)
    ]


def _encode_message(message: BaseMessage, position: int, answered: frozenset[str], ids: CallIds) -> Iterator[Message]:
    role = _role(message)
    if role == "assistant":
        yield _encode_answer(message, ids.open(calls_of(message, answered), position))
    elif role == "tool":
        yield _encode_result(message, ids)
    else:
        content = message.content
        if role == "user" and not isinstance(content, str):
            results = [_result_message(block) for block in blocks_of(message) if kind_of(block) == "result"]
            yield from (_encode_result(result, ids) for result in results)
            content = [block for block in content if isinstance(block, str) or kind_of(unwrapped(block)) != "result"]
            if results and not content:
                return
        yield qwen_endpoints.Message(role=role, content=_encode_content(message, content), name=message.name)


def _role(message: BaseMessage) -> Any:
    if isinstance(message, ChatMessage):
        role = _ROLES.get(message.role.lower())
        if role is None:
            raise ConfigurationError(f"A ChatMessage has the role {message.role!r}; known are {', '.join(_ROLES)}.")
        return role
    for kind, role in _TYPES:
        if isinstance(message, kind):
            return role
    raise ConfigurationError(f"{_named(message)} cannot be sent to a chat model.")


# Answers


def _encode_answer(message: BaseMessage, calls: Sequence[Any]) -> Message:
    return qwen_endpoints.Message(
        role="assistant",
        content=_answer_content(message),
        reasoning=reasoning_of(message),
        reasoning_field=field_of(message),
        reasoning_details=details_of(message),
        origin=origin_of(message),
        tool_calls=calls,
        name=message.name,
    )


def _answer_content(message: BaseMessage) -> str | list[Part]:
    """An answer's text, whose blocks are pieces of one, or its parts where there is more than text to them."""
    content = message.content
    blocks = [content] if isinstance(content, str) else content
    parts = [part for block in blocks for part in _answer_parts(block, message)]
    written = [part for part in parts if part["type"] == "text"]
    media = [part for part in parts if part["type"] != "text"]
    text = "".join(part["text"] for part in written)
    text = "\n".join(filter(None, (text, _unwritten(message, written=bool(text)))))
    marks = [part for part in written if "cache_control" in part]
    if not media and not marks:
        return text
    said: Part = cached({"type": "text", "text": text}, marks[-1] if marks else {})
    return [*([said] if text else []), *media]


def _answer_parts(block: str | dict[str, Any], message: BaseMessage) -> list[Part]:
    if isinstance(block, str):
        return [{"type": "text", "text": block}]
    inner = unwrapped(block)
    kind = kind_of(inner)
    if kind == "content" and inner.get("type") != "refusal":
        return encode_block(inner) or []
    if kind in (None, "result"):
        raise _misplaced(inner, kind, message)
    return []  # reasoning, calls and refusals are read on their own


def _unwritten(message: BaseMessage, *, written: bool) -> str:
    """What an answer has said beside its text: a refusal, or the transcript of its speech where there is no text."""
    notes = message.additional_kwargs
    refusals = [block.get("refusal") for block in blocks_of(message) if block.get("type") == "refusal"]
    refusal = next(filter(None, [*refusals, notes.get("refusal")]), None)
    if refusal or written or not notes.get("audio"):
        return str(refusal or "")
    speech = notes["audio"]
    transcript = cast("Block", speech).get("transcript") if isinstance(speech, Mapping) else None
    if not isinstance(transcript, str):
        raise ConfigurationError(
            f"{_named(message)} holds nothing but audio in additional_kwargs, without a transcript; Qwen "
            "takes answers as text only."
        )
    return transcript


# Results


def _answers(message: BaseMessage) -> Iterator[str]:
    """The ids of the calls that a message answers."""
    if isinstance(message, (ToolMessage, ChatMessage)):
        yield _given_id(message)
    yield from (_given_id(_result_message(block)) for block in blocks_of(message) if kind_of(block) == "result")


def _given_id(message: BaseMessage) -> str:
    stated = getattr(message, "tool_call_id", None) or message.additional_kwargs.get("tool_call_id")
    return stated if isinstance(stated, str) else ""


def _result_message(block: Block) -> ToolMessage:
    """Anthropic's block for a result, or OpenAI Responses' item, as LangChain's message."""
    content = block.get("content", block.get("output"))
    return ToolMessage(
        content="" if content is None else content,
        tool_call_id=str(block.get("tool_use_id") or block.get("call_id") or ""),
        status="error" if block.get("is_error") else "success",
    )


def _encode_result(message: BaseMessage, ids: CallIds) -> Message:
    content = _encode_content(message, message.content)
    failed = getattr(message, "status", None) == "error"
    if failed and not content:
        content = _FAILED
    call_id = ids.close(_given_id(message), message.name)
    if not call_id:
        raise ConfigurationError(
            f"{_named(message)} does not say which call it answers, and no earlier answer has one that waits: "
            "give it the tool_call_id of the call."
        )
    return qwen_endpoints.Message(role="tool", content=content, tool_call_id=call_id, is_error=failed)


# Content


def _encode_content(message: BaseMessage, content: str | list[str | dict[str, Any]]) -> str | list[Part]:
    if isinstance(content, str):
        return content
    return [part for block in content for part in _encode_parts(block, message)]


def _encode_parts(block: str | dict[str, Any], message: BaseMessage) -> list[Part]:
    if isinstance(block, str):
        return [{"type": "text", "text": block}]
    inner = unwrapped(block)
    kind = kind_of(inner)
    parts = encode_block(inner) if kind == "content" else None
    if parts is not None:
        return parts
    if _role(message) == "tool":
        return [{"type": "text", "text": _data_text(block)}]
    raise empty_error(inner) if kind == "content" else _misplaced(inner, kind, message)


def _data_text(block: Block) -> str:
    """What a tool returned, as JSON where it can be that."""
    try:
        return json.dumps(block, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return str(block)


def _misplaced(block: Block, kind: BlockKind | None, message: BaseMessage) -> Exception:
    what = f"a content block of type {block.get('type')!r}"
    if block.get("type") is None:
        what = f"a content block without a type (it has {', '.join(map(str, block))})"
    return ConfigurationError(f"{_named(message)} holds {what}, {_MISPLACED[kind]}.")


def _named(message: BaseMessage) -> str:
    name = type(message).__name__
    return f"{'An' if name.startswith('A') else 'A'} {name}"
