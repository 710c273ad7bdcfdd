"""Documents -> their text, which every endpoint takes. What is not text is refused, and so is what lies elsewhere."""

from __future__ import annotations

import codecs
from email.message import Message as Header
from pathlib import PurePath
from typing import Final

from llama_index.core.base.llms.types import DocumentBlock
from qwen_endpoints import ConfigurationError

from llama_index.llms.qwen._media import bytes_of, data_of_url

_TEXT_TYPES: Final = ("text/", "application/json", "application/xml", "application/yaml", "application/x-yaml")
_TEXT_SUFFIXES: Final = ("+json", "+xml", "+yaml", "jsonl", "ndjson", "javascript", "typescript", "toml", "sql", "csv")
_ANY_TYPES: Final = ("", "application/octet-stream")
"""Types that say nothing: the bytes decide."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD: Final = 8192
_NO_TITLE: Final = "input_document"
"""What the framework calls a document without a title."""


def document_text(block: DocumentBlock) -> str:
    """Return a document's text, after what it is called.

    Raises:
        ConfigurationError: It is no text, is encoded in an unknown way, or lies at a URL.
    """
    media_type, raw = _content(block)
    plain = media_type.partition(";")[0].strip().lower()
    if plain in _ANY_TYPES:
        plain = DocumentBlock(data=raw[:_HEAD]).document_mimetype or ""  # the framework's way to tell what bytes are
    if plain and not plain.startswith(_TEXT_TYPES) and not plain.endswith(_TEXT_SUFFIXES):
        raise _refused(block, plain, "endpoints take documents as text only. Extract it first, e.g. with a reader")
    encoding = _encoding(media_type, raw)
    try:
        text = raw.decode(encoding)
    except (LookupError, ValueError):
        text = "\0"
    if "\0" in text:
        raise _refused(block, plain, f"it is not text in {encoding}. Decode it, or extract its text with a reader")
    return "\n".join(filter(None, (_name(block), text)))


def _content(block: DocumentBlock) -> tuple[str, bytes]:
    """Return media type and bytes."""
    stated = block.document_mimetype or ""
    raw = bytes_of(block.data, block.path)
    if raw is None and block.url:
        inline = data_of_url(block.url)
        if inline is None:
            raise _refused(block, stated, f"URLs are not fetched ({block.url}). Download it, and give `data` or `path`")
        stated, raw = stated or inline[0], inline[1]
    if not raw:
        raise _refused(block, stated, "it is empty. Give `data` or `path`")
    return stated, raw


def _encoding(media_type: str, raw: bytes) -> str:
    """Return the encoding that the text is marked with, else the stated one, else UTF-8."""
    header = Header()
    header["Content-Type"] = media_type
    stated = header.get_param("charset")
    marked = next((name for mark, name in _MARKS if raw.startswith(mark)), None)
    return marked or (stated if isinstance(stated, str) else "utf-8")


def _name(block: DocumentBlock) -> str:
    if block.title and block.title != _NO_TITLE:
        return block.title
    return PurePath(block.path).name if block.path else ""


def _refused(block: DocumentBlock, media_type: str, why: str) -> ConfigurationError:
    called = repr(_name(block)) if _name(block) else "A document without a title"
    return ConfigurationError(f"{called} ({media_type or 'of unknown type'}), a DocumentBlock, cannot be sent: {why}.")
