"""Content blocks -> content parts. Documents that are text go as text, which every endpoint takes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, cast

from langchain_qwen._errors import ConfigurationError
from langchain_qwen._media import Block, Part, cached, data_of, empty_error, encode_media, flattened

_TEXT_KEYS: Final[Mapping[str | None, str]] = {
    None: "text",
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "refusal": "refusal",
}
"""Blocks that are nothing but text, and the key that holds it."""
_TEXT_TYPES: Final = ("text/", "application/json", "application/xml", "application/yaml", "application/x-yaml")


def encode_block(block: Block) -> list[Part] | None:
    """Turn a block of the kind `content` into parts.

    Returns:
        The parts, or `None` for a block without data.

    Raises:
        ConfigurationError: The data cannot be sent; the block is named.
    """
    kind = block.get("type")
    if kind in _TEXT_KEYS:
        return _text(block, _TEXT_KEYS[kind])
    if kind == "text-plain":
        return _written(block, flattened(block))
    if kind == "document":
        return _document(block)
    if kind == "search_result":
        return _titled(block, block.get("content"))
    if kind in ("file", "input_file", "media") and _is_text_file(flattened(block)):
        return _written(block, flattened(block))
    part = encode_media(block)
    return None if part is None else [part]


def _text(block: Block, key: str) -> list[Part] | None:
    if key not in block:
        return None
    text = block[key]
    return [cached({"type": "text", "text": "" if text is None else str(text)}, block)]


def _written(block: Block, flat: Block) -> list[Part] | None:
    """A plain-text document, after what it is called."""
    text = flat.get("text")
    if text is None:
        text = _decoded(flat)
    if text is None:
        return None
    lines = (flat.get("title") or flat.get("filename"), flat.get("context"), str(text))
    return [cached({"type": "text", "text": "\n".join(str(line) for line in lines if line)}, block)]


def _decoded(flat: Block) -> str | None:
    data = data_of(flat)
    if data is None:
        return None
    try:
        return base64.b64decode(data.rpartition(",")[2], validate=True).decode("utf-8-sig")
    except (binascii.Error, ValueError) as error:
        raise ConfigurationError(
            f"The data of a content block of type {flat.get('type')!r} is not UTF-8 text in base64: {error}."
        ) from error


def _document(block: Block) -> list[Part] | None:
    """Anthropic's documents: a file, text, or blocks of their own."""
    source = block.get("source")
    if not isinstance(source, Mapping):
        return None
    given = cast("Block", source)
    if given.get("type") == "text":
        return _written(block, {**flattened(block), "text": given.get("data")})
    if given.get("type") == "content":
        return _titled(block, given.get("content"))
    return encode_block({**block, "type": "file"})


def _titled(block: Block, content: object) -> list[Part] | None:
    """The blocks that a document or a search result consists of, after what they are and where they are from."""
    inner = _inner(content)
    if inner is None:
        return None
    source = block.get("source")
    named = (block.get("title"), source if isinstance(source, str) else None, block.get("context"))
    head = "\n".join(str(line) for line in named if line)
    parts = [*([{"type": "text", "text": head}] if head else []), *inner]
    return [*parts[:-1], cached(parts[-1], block)] if parts else parts


def _inner(content: object) -> list[Part] | None:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        return None
    parts: list[Part] = []
    for item in cast("list[Any]", content):
        parts.extend(_inner(item) or [] if isinstance(item, str) else _encode_inner(item))
    return parts


def _encode_inner(item: object) -> list[Part]:
    block = cast("Block", item) if isinstance(item, Mapping) else {"type": type(item).__name__}
    if block.get("type") not in ("text", "image"):
        raise ConfigurationError(
            f"A document holds a content block of type {block.get('type')!r}: text and images fit."
        )
    parts = encode_block(block)
    if parts is None:
        raise empty_error(block)
    return parts


def _is_text_file(flat: Block) -> bool:
    return not flat.get("url") and not flat.get("file_id") and str(flat.get("mime_type")).startswith(_TEXT_TYPES)
