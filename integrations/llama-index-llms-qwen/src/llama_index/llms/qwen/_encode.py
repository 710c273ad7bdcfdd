"""LlamaIndex messages -> the core's messages. No URL is fetched, and nothing that the caller owns is changed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, cast

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.utils import resolve_binary
from qwen_endpoints import ConfigurationError, Json, Message, ToolCall

from llama_index.llms.qwen._tool_calls import stated_calls

if TYPE_CHECKING:
    from io import IOBase

REASONING_DETAILS: Final = "reasoning_details"
"""Key on `ThinkingBlock.additional_information`: the endpoint's own structured reasoning, to be sent back verbatim."""

_ROLES: Final[Mapping[MessageRole, Literal["system", "user", "assistant", "tool"]]] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}
_HEAD: Final = 8192
"""How many bytes tell what a file is."""
_TEXT_TYPES: Final = ("text/", "application/json", "application/xml", "application/yaml", "application/x-yaml")


def encode_messages(messages: Sequence[ChatMessage]) -> list[Message]:
    """Translate a conversation.

    Of a message's `additional_kwargs` only `tool_call_id`, `tool_calls` and `name` are read: frameworks keep notes of
    their own there, which are no business of an endpoint's.

    Raises:
        ConfigurationError: A block cannot be sent; the message names its type.
    """
    answered = {_tool_call_id(message) for message in messages if _ROLES[message.role] == "tool"}
    waiting: list[str] = []
    encoded: list[Message] = []
    for position, message in enumerate(messages):
        role = _ROLES[message.role]
        if role == "assistant":
            calls = _calls(message, position, answered)
            waiting = [call.id for call in calls]
            encoded.append(_assistant(message, calls))
        elif role == "tool":
            encoded.append(Message(role=role, content=_content(message), tool_call_id=_take(message, waiting)))
        else:
            encoded.append(Message(role=role, content=_content(message), name=_name(message)))
    return encoded


def _assistant(message: ChatMessage, calls: Sequence[ToolCall]) -> Message:
    thoughts = [block for block in message.blocks if isinstance(block, ThinkingBlock)]
    details = [detail for block in thoughts for detail in _details(block)]
    return Message(
        role="assistant",
        content=_content(message),
        reasoning="\n".join(block.content for block in thoughts if block.content),
        reasoning_details=details,
        tool_calls=calls,
        name=_name(message),
    )


def _details(block: ThinkingBlock) -> list[Json]:
    stated: object = block.additional_information.get(REASONING_DETAILS)
    return cast("list[Json]", stated) if isinstance(stated, list) else []


def _calls(message: ChatMessage, position: int, answered: set[str | None]) -> list[ToolCall]:
    """Return the calls to send back.

    A call that could not be executed, and so was never answered, is left out: endpoints refuse a conversation that
    leaves a call open.
    """
    calls = [_with_id(call, f"call_{position}_{place}") for place, call in enumerate(stated_calls(message))]
    return [call for call in calls if call.error is None or call.id in answered]


def _with_id(call: ToolCall, made_up: str) -> ToolCall:
    return ToolCall(
        id=call.id or made_up, name=call.name, arguments=call.arguments, parsed=call.parsed, error=call.error
    )


def _tool_call_id(message: ChatMessage) -> str | None:
    stated: object = message.additional_kwargs.get("tool_call_id")
    return stated if isinstance(stated, str) and stated else None


def _take(message: ChatMessage, waiting: list[str]) -> str | None:
    """Return the id of the call that a tool message answers: the one it names, else the next that waits."""
    named = _tool_call_id(message)
    if named is None:
        return waiting.pop(0) if waiting else None
    if named in waiting:
        waiting.remove(named)
    return named


def _name(message: ChatMessage) -> str | None:
    stated: object = message.additional_kwargs.get("name")
    return stated if isinstance(stated, str) and stated else None


def _content(message: ChatMessage) -> list[Json]:
    parts: list[dict[str, Any]] = []
    for block in message.blocks:
        if isinstance(block, CachePoint):
            if parts:
                # Qwen's endpoints know this one kind; the lifetime is theirs to choose.
                parts[-1]["cache_control"] = {"type": "ephemeral"}
        else:
            parts.extend(_encode_block(block))
    return list(parts)


@singledispatch
def _encode_block(block: object) -> list[dict[str, Any]]:
    raise ConfigurationError(f"A message holds a {type(block).__name__}, which cannot be sent to a Qwen endpoint.")


@_encode_block.register
def _encode_text(block: TextBlock) -> list[dict[str, Any]]:
    return [_text(block.text)]


@_encode_block.register(ThinkingBlock)
@_encode_block.register(ToolCallBlock)
def _encode_nothing(_block: object) -> list[dict[str, Any]]:
    """Reasoning and calls have fields of their own beside the content."""
    return []


@_encode_block.register
def _encode_image(block: ImageBlock) -> list[dict[str, Any]]:
    def mimetype(head: bytes) -> str:
        guess = block.image_mimetype or ImageBlock(image=head).image_mimetype or ""
        # Servers go by the bytes; the label only has to say that it is an image.
        return guess if guess.startswith("image/") else "image/png"

    image = {"url": _reference("An ImageBlock", block.image, block.path, block.url, mimetype)}
    if block.detail:
        image["detail"] = block.detail
    return [{"type": "image_url", "image_url": image}]


@_encode_block.register
def _encode_video(block: VideoBlock) -> list[dict[str, Any]]:
    def mimetype(head: bytes) -> str:
        return block.video_mimetype or VideoBlock(video=head).video_mimetype or "video/mp4"

    url = _reference("A VideoBlock", block.video, block.path, block.url, mimetype)
    part: dict[str, Any] = {"type": "video_url", "video_url": {"url": url}}
    if block.fps is not None:
        part["fps"] = block.fps
    return [part]


@_encode_block.register
def _encode_audio(block: AudioBlock) -> list[dict[str, Any]]:
    raw = _bytes_of(block.audio, block.path)
    if raw:
        sound = {
            "data": b64encode(raw).decode("ascii"),
            "format": block.format or AudioBlock(audio=raw[:_HEAD]).format or "wav",
        }
    elif block.url is not None:
        sound = {"data": str(block.url), "format": block.format or "wav"}
    else:
        raise ConfigurationError("An AudioBlock holds no data, path or URL.")
    return [{"type": "input_audio", "input_audio": sound}]


@_encode_block.register
def _encode_document(block: DocumentBlock) -> list[dict[str, Any]]:
    kind = block.document_mimetype
    raw = _bytes_of(block.data, Path(block.path) if block.path else None)
    if raw is None:
        raise ConfigurationError(f"The document {block.title!r} is not at hand: URLs are not fetched. Load it first.")
    try:
        if kind is None or kind.startswith(_TEXT_TYPES):
            return [_text(raw.decode("utf-8-sig"))]
    except UnicodeDecodeError:
        pass
    raise ConfigurationError(
        f"A DocumentBlock holds {kind or 'binary data'} ({block.title!r}), and Qwen's chat endpoints take documents as "
        "text only. Extract the text with a reader first."
    )


@_encode_block.register
def _encode_citable(block: CitableBlock) -> list[dict[str, Any]]:
    return [
        _text(f"{block.title} ({block.source}):"),
        *(part for item in block.content for part in _encode_block(item)),
    ]


@_encode_block.register
def _encode_citation(block: CitationBlock) -> list[dict[str, Any]]:
    return [_text(f"{block.title} ({block.source}):"), *_encode_block(block.cited_content)]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _reference(
    what: str, data: bytes | IOBase | None, path: Path | None, url: object, mimetype: Callable[[bytes], str]
) -> str:
    """Return a data URL for what the block holds itself, else its URL untouched."""
    raw = _bytes_of(data, path)
    if raw:
        return f"data:{mimetype(raw[:_HEAD])};base64,{b64encode(raw).decode('ascii')}"
    if url is None:
        raise ConfigurationError(f"{what} holds no data, path or URL.")
    return str(url)


def _bytes_of(data: bytes | IOBase | None, path: Path | None) -> bytes | None:
    if isinstance(data, bytes):
        return resolve_binary(raw_bytes=data).read()  # blocks keep their bytes as base64
    if data is not None:
        stream = cast("BinaryIO", data)
        stream.seek(0)
        raw = stream.read()
        stream.seek(0)
        return raw
    return None if path is None else path.read_bytes()
