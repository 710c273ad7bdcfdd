"""Documents: text of many kinds is extracted, everything else refused by name."""

from __future__ import annotations

import codecs
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ToolCallBlock,
)
from pydantic import ValidationError
from qwen_endpoints import ConfigurationError

from tests.unit.llamaindex.wire import PNG, Send, b64, result, said, sender

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

TEXT = "# 笔记, Notizen: größer, 😀\n"
TEXT_TYPES = [
    *(None, "application/octet-stream", "text/plain", "text/markdown", "text/csv", "text/html", "text/x-python"),
    *("application/json", "application/ld+json", "application/x-ndjson", "application/xml", "application/atom+xml"),
    *("application/yaml", "application/x-yaml", "application/toml", "application/javascript"),
    *("application/sql", "Text/Plain; charset=utf-8"),
]


@pytest.fixture
def sent(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> Send:
    return sender(scripted, qwen_sandbox)


@pytest.mark.parametrize("media_type", TEXT_TYPES)
def test_text_of_any_kind_is_sent_as_text(sent: Send, media_type: str | None) -> None:
    assert sent(DocumentBlock(data=TEXT.encode(), document_mimetype=media_type)) == TEXT


@pytest.mark.parametrize(
    "raw",
    [
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"),
    ],
    ids=["utf-8", "utf-16 le", "utf-16 be", "utf-32 le", "utf-32 be"],
)
def test_a_byte_order_mark_tells_the_encoding(sent: Send, raw: bytes) -> None:
    assert sent(DocumentBlock(data=raw, document_mimetype="text/plain")) == TEXT
    assert sent(DocumentBlock(data=raw)) == TEXT


def test_a_stated_encoding_is_used(sent: Send) -> None:
    block = DocumentBlock(data="笔记。".encode("gb18030"), document_mimetype='text/plain; charset="GB18030"')
    assert sent(block) == "笔记。"


def test_where_a_document_may_lie(sent: Send, tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text(TEXT, encoding="utf-8")
    named = f"notes.md\n{TEXT}"
    assert sent(DocumentBlock(path=path)) == named
    assert sent(DocumentBlock(path=str(path))) == named
    assert sent(DocumentBlock(url=f"data:text/plain;base64,{b64(TEXT.encode())}")) == TEXT
    assert sent(DocumentBlock(url="data:,a%20b%E5%9B%BE")) == "a b图"
    try:
        block = DocumentBlock(data=BytesIO(TEXT.encode()))
    except ValidationError:
        return  # this version of llama-index-core takes bytes only
    assert sent(block) == TEXT


def test_a_document_is_called_by_its_title(sent: Send, tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text("x")
    blocks = [
        DocumentBlock(data=b"x", title="Notes"),
        DocumentBlock(path=path, title="Notes"),
        DocumentBlock(data=b"x"),
    ]
    assert [part["text"] for part in sent(*blocks)] == ["Notes\nx", "Notes\nx", "x"]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (DocumentBlock(data=b"%PDF-1.7 ...", title="report"), r"'report' \(application/pdf\).*as text only.*reader"),
        (
            DocumentBlock(data=b64(b"%PDF-1.7 ...").encode(), title="report"),
            r"'report' \(application/pdf\).*as text only",
        ),
        (DocumentBlock(data=b"PK\x03\x04" + bytes(30), title="z"), r"'z' \(application/zip\)"),
        (
            DocumentBlock(data=b"x", title="d", document_mimetype="application/msword"),
            r"'d' \(application/msword\).*as text only",
        ),
        (DocumentBlock(data=b"\x01\xff\x00\x02", title="blob"), r"'blob' \(of unknown type\).*not text in utf-8"),
        (DocumentBlock(data=b"a\x00b", title="blob"), r"'blob'.*not text"),
        (
            DocumentBlock(data="Grüße".encode("latin-1"), title="l", document_mimetype="text/plain"),
            r"'l' \(text/plain\).*not text in utf-8. Decode it",
        ),
        (
            DocumentBlock(data=b"x!", title="l", document_mimetype="text/plain; charset=klingon"),
            r"'l' \(text/plain\).*not text in klingon",
        ),
        (DocumentBlock(url="https://example.invalid/a.txt"), r"without a title \(of.*not fetched.*Download it"),
        (DocumentBlock(url="data:text/plain;base64,A", title="u"), "data URL that cannot be read"),
        (DocumentBlock(data=b"", title="e"), "'e'.*it is empty"),
        (DocumentBlock(title="e"), "'e'.*it is empty"),
    ],
    ids=[
        *("pdf", "pdf in base64", "zip", "stated", "binary", "nul", "latin-1", "unknown encoding"),
        *("url", "broken data url", "no bytes", "nothing"),
    ],
)
def test_what_is_no_text_is_refused(sent: Send, block: DocumentBlock, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        sent(block)


def test_documents_may_stand_in_any_message(sent: Send) -> None:
    block = DocumentBlock(data=b"Orla has 300 people.", title="Atlas")
    call = ToolCallBlock(tool_call_id="c", tool_name="f", tool_kwargs={})
    arrived = sent(
        ChatMessage(role=MessageRole.SYSTEM, blocks=[block]),
        ChatMessage("q"),
        said(TextBlock(text="See:"), block, call),
        result(block, tool_call_id="c"),
    )
    text = "Atlas\nOrla has 300 people."
    assert [message["content"] for message in arrived] == [text, "q", f"See:\n{text}", text]


# Citable content and citations


def test_citable_content_and_citations_become_text(sent: Send) -> None:
    citable = CitableBlock(
        title="Atlas",
        source="p. 3",
        content=[TextBlock(text="Paris is in France."), DocumentBlock(data=b"So is Lyon.", title="Annex")],
    )
    cited = CitationBlock(
        title="Atlas", source="p. 4", cited_content=TextBlock(text="So is Nice."), additional_location_info={}
    )
    assert [part["text"] for part in sent(citable, cited)] == [
        "Atlas\np. 3",
        "Paris is in France.",
        "Annex\nSo is Lyon.",
        "Atlas\np. 4",
        "So is Nice.",
    ]


def test_images_in_citable_content_stay_images(sent: Send) -> None:
    image = ImageBlock(url="https://example.invalid/a.png")
    citable = CitableBlock(title="Atlas", source="", content=[image])
    cited = CitationBlock(title="", source="", cited_content=image, additional_location_info={})
    part = {"type": "image_url", "image_url": {"url": "https://example.invalid/a.png"}}
    assert sent(citable, cited, TextBlock(text="?")) == [
        {"type": "text", "text": "Atlas"},
        part,
        part,
        {"type": "text", "text": "?"},
    ]


def test_what_an_answer_cited_is_not_part_of_it(sent: Send) -> None:
    cited = CitationBlock(
        title="Atlas", source="p. 4", cited_content=ImageBlock(image=PNG), additional_location_info={}
    )
    assert sent(ChatMessage("q"), said(TextBlock(text="Nice is."), cited), ChatMessage("?"))[1]["content"] == "Nice is."
