"""Blocks of LlamaIndex's messages -> content parts of Chat Completions.

What becomes of a block is decided by the message it stands in:

| block | in an answer | in a user or system message | in a tool result |
|---|---|---|---|
| text, documents, citable content | text, joined | parts | parts |
| citation | nothing: the text was written with it in view | parts | parts |
| image, video, audio | refused by the core | parts (user only) | parts |
| thinking | replayed by policy | refused | its JSON |
| tool call | a tool call | refused | its JSON |
| cache point | marks the nearest part before it, in an earlier message if need be | the same | the same |
| any other | refused | refused | refused |

A refusal names the block. LangChain's side (`langchain_qwen._block_kinds`) keeps to the same table.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Final

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from qwen_endpoints import ConfigurationError, Role

from llama_index.llms.qwen._documents import document_text
from llama_index.llms.qwen._media import Part, audio_part, image_part, media_in_document, video_part

_CACHE_MARK: Final = {"type": "ephemeral"}
"""Qwen's endpoints know this one kind, and choose the lifetime themselves."""


def encode_content(message: ChatMessage, role: Role, earlier: Sequence[Part]) -> list[Part]:
    """Turn a message's blocks into parts.

    Args:
        message: It is not changed.
        role: What it is to the endpoint.
        earlier: The parts of the messages before it, the last of which a leading cache point marks.

    Raises:
        ConfigurationError: A block cannot be sent in this place, or not at all; it is named.
    """
    parts: list[Part] = []
    for block in message.blocks:
        if isinstance(block, CachePoint):
            _mark([*earlier, *parts])
        elif isinstance(block, (ThinkingBlock, ToolCallBlock)):
            parts.extend(_told(block, role))
        elif not (isinstance(block, CitationBlock) and role == "assistant"):
            parts.extend(_encode(block))
    return parts


def _mark(parts: Sequence[Part]) -> None:
    held = next((part for part in reversed(parts) if part.get("text") != ""), None)
    if held is not None:  # before the first part there is nothing to cache
        held["cache_control"] = dict(_CACHE_MARK)


def _told(block: ThinkingBlock | ToolCallBlock, role: Role) -> list[Part]:
    """Return what is left of a block that belongs in an answer, where it has fields of its own beside the content."""
    if role == "assistant":
        return []
    if role == "tool":  # what a tool returned is data
        return [_text(block.model_dump_json(exclude_none=True))]
    raise ConfigurationError(f"A {role} message holds a {type(block).__name__}, which belongs in an assistant message.")


@singledispatch
def _encode(block: object) -> list[Part]:
    raise ConfigurationError(
        f"A message holds a block of the class {type(block).__name__}, which Qwen endpoints have no part for."
    )


@_encode.register
def _(block: TextBlock) -> list[Part]:
    return [_text(block.text)]


@_encode.register
def _(block: ImageBlock) -> list[Part]:
    return [image_part(block)]


@_encode.register
def _(block: VideoBlock) -> list[Part]:
    return [video_part(block)]


@_encode.register
def _(block: AudioBlock) -> list[Part]:
    return [audio_part(block)]


@_encode.register
def _(block: DocumentBlock) -> list[Part]:
    return [media_in_document(block) or _text(document_text(block))]


@_encode.register
def _(block: CitableBlock) -> list[Part]:
    return [*_source(block), *(part for item in block.content for part in _encode(item))]


@_encode.register
def _(block: CitationBlock) -> list[Part]:
    return [*_source(block), *_encode(block.cited_content)]


def _source(block: CitableBlock | CitationBlock) -> list[Part]:
    head = "\n".join(filter(None, (block.title, block.source)))
    return [_text(head)] if head else []


def _text(text: str) -> Part:
    return {"type": "text", "text": text}
