"""What the blocks of a message become on the wire."""

from __future__ import annotations

import base64
import socket
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
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
from pydantic import BaseModel, ValidationError
from qwen_endpoints import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(16)
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(16)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(16)


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.fixture
def sent(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> Callable[..., Any]:
    """Send messages (or the blocks of one user message) and return them as they arrived."""
    message = {"role": "assistant", "content": "ok"}
    llm = scripted(
        {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}, model="qwen3-omni-flash"
    )

    def send(*given: Any, **settings: Any) -> Any:
        messages = list(given) if isinstance(given[0], ChatMessage) else [ChatMessage(blocks=list(given))]
        # Another provider than the instance's does not get its address, so a call that names one gives it, too.
        llm.chat(messages, **({"base_url": llm.base_url, **settings} if "provider" in settings else settings))
        arrived = qwen_sandbox.last_request.json["messages"]
        return arrived if isinstance(given[0], ChatMessage) else arrived[0]["content"]

    return send


@pytest.mark.parametrize(
    ("role", "wire"),
    [
        (MessageRole.SYSTEM, "system"),
        (MessageRole.DEVELOPER, "system"),
        (MessageRole.USER, "user"),
        (MessageRole.ASSISTANT, "assistant"),
        (MessageRole.CHATBOT, "assistant"),
        (MessageRole.MODEL, "assistant"),
    ],
)
def test_roles(sent: Callable[..., Any], role: MessageRole, wire: str) -> None:
    assert sent(ChatMessage(role=role, content="x")) == [{"role": wire, "content": "x"}]


def test_texts(sent: Callable[..., Any]) -> None:
    assert sent(TextBlock(text="one")) == "one"
    assert sent(TextBlock(text="one"), TextBlock(text="two")) == [
        {"type": "text", "text": "one"},
        {"type": "text", "text": "two"},
    ]
    assert sent(ChatMessage(role=MessageRole.ASSISTANT, blocks=[]), ChatMessage("x"))[0]["content"] == ""


@pytest.mark.parametrize("url", ["https://example.invalid/a%20b.png?x=1", "oss://bucket/a.png"])
def test_an_image_url_is_passed_on_and_never_fetched(
    sent: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    def refuse(*_args: Any) -> Any:
        raise AssertionError("a name was looked up")

    sent(TextBlock(text="warm up"))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "gethostbyname", refuse)
    assert sent(TextBlock(text="see"), ImageBlock(url=url, detail="high")) == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
    ]


def test_an_image_as_data(sent: Callable[..., Any], tmp_path: Path) -> None:
    png, jpeg = f"data:image/png;base64,{b64(PNG)}", f"data:image/jpeg;base64,{b64(JPEG)}"
    path = tmp_path / "no suffix"
    path.write_bytes(JPEG)
    blocks = [
        ImageBlock(image=PNG),
        ImageBlock(image=base64.b64encode(JPEG)),
        ImageBlock(path=path),
        ImageBlock(url=png),
        ImageBlock(image=PNG, image_mimetype="image/webp"),
    ]
    copies = [block.model_copy() for block in blocks]
    urls = [part["image_url"]["url"] for part in sent(*blocks)]
    assert urls == [png, jpeg, jpeg, png, f"data:image/webp;base64,{b64(PNG)}"]
    assert blocks == copies


def test_an_open_file_is_read_and_left_as_it_was(sent: Callable[..., Any]) -> None:
    stream = BytesIO(PNG)
    try:
        block = ImageBlock(image=stream)
    except ValidationError:
        pytest.skip("this version of llama-index-core takes bytes only")
    assert sent(block)[0]["image_url"]["url"] == f"data:image/png;base64,{b64(PNG)}"
    assert stream.read() == PNG


def test_videos(sent: Callable[..., Any], tmp_path: Path) -> None:
    data = f"data:video/mp4;base64,{b64(MP4)}"
    path = tmp_path / "clip.mp4"
    path.write_bytes(MP4)
    parts = sent(
        VideoBlock(url="https://example.invalid/a.mp4", fps=2), VideoBlock(video=MP4), VideoBlock(path=path, fps=1)
    )
    assert parts == [
        {"type": "video_url", "video_url": {"url": "https://example.invalid/a.mp4"}, "fps": 2},
        {"type": "video_url", "video_url": {"url": data}},
        {"type": "video_url", "video_url": {"url": data}, "fps": 1},
    ]


def test_audio(sent: Callable[..., Any]) -> None:
    parts = sent(
        AudioBlock(audio=WAV),
        AudioBlock(audio=b"\x00\x01", format="mp3"),
        AudioBlock(url="https://example.invalid/a.mp3", format="mp3"),
    )
    assert [part["input_audio"] for part in parts] == [
        {"data": b64(WAV), "format": "wav"},
        {"data": b64(b"\x00\x01"), "format": "mp3"},
        {"data": "https://example.invalid/a.mp3", "format": "mp3"},
    ]


def test_text_documents(sent: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text("# 笔记", encoding="utf-8")
    parts = sent(DocumentBlock(data=b"A plain text."), DocumentBlock(path=path, document_mimetype="text/markdown"))
    assert parts == [{"type": "text", "text": "A plain text."}, {"type": "text", "text": "# 笔记"}]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (DocumentBlock(data=b"%PDF-1.7 ...", title="report"), "application/pdf.*report"),
        (DocumentBlock(data=b"\xff\xfe\x00\x01\x02", title="blob"), "blob"),
        (DocumentBlock(url="https://example.invalid/a.txt"), "not fetched"),
        (ImageBlock(), "ImageBlock"),
        (VideoBlock(), "VideoBlock"),
        (AudioBlock(), "AudioBlock"),
    ],
    ids=["pdf", "binary", "url", "no image", "no video", "no audio"],
)
def test_what_cannot_be_sent(sent: Callable[..., Any], block: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        sent(block)


def test_an_unknown_block_is_named(sent: Callable[..., Any]) -> None:
    class HologramBlock(BaseModel):
        block_type: str = "hologram"

    message = ChatMessage("x")
    message.blocks.append(HologramBlock())  # pyright: ignore[reportArgumentType] - what a later framework may add
    with pytest.raises(ConfigurationError, match="HologramBlock"):
        sent(message)


def test_citable_text_and_citations_become_text(sent: Callable[..., Any]) -> None:
    citable = CitableBlock(title="Atlas", source="p. 3", content=[TextBlock(text="Paris is in France.")])
    cited = CitationBlock(
        title="Atlas", source="p. 4", cited_content=TextBlock(text="So is Nice."), additional_location_info={}
    )
    assert [part["text"] for part in sent(citable, cited)] == [
        "Atlas (p. 3):",
        "Paris is in France.",
        "Atlas (p. 4):",
        "So is Nice.",
    ]


def test_a_cache_point_marks_the_part_before_it(sent: Callable[..., Any]) -> None:
    point = CachePoint(cache_control=CacheControl(type="ephemeral"))
    parts = sent(point, TextBlock(text="long"), point, TextBlock(text="short"))
    assert parts == [
        {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "short"},
    ]


def test_reasoning_goes_back_within_a_tool_turn(sent: Callable[..., Any]) -> None:
    thought = ThinkingBlock(content="Look it up.", additional_information={"reasoning_details": [{"type": "x"}]})
    turn = [
        ChatMessage("q"),
        ChatMessage(
            role=MessageRole.ASSISTANT,
            blocks=[thought, ToolCallBlock(tool_call_id="c", tool_name="f", tool_kwargs={})],
        ),
        ChatMessage(role=MessageRole.TOOL, content="r", additional_kwargs={"tool_call_id": "c"}),
    ]
    assert sent(*turn)[1]["reasoning_content"] == "Look it up."
    assert sent(*turn)[1]["content"] == ""
    assert "reasoning_content" not in sent(*turn, reasoning_replay="never")[1]
    assert sent(*turn, provider="openrouter", api_key="k")[1]["reasoning_details"] == [{"type": "x"}]


def test_the_sandbox_sees_an_image_and_a_video(make_llm: Callable[..., Qwen]) -> None:
    llm = make_llm(provider="wcode", model="qwen/qwen3-vl-32b-instruct")
    blocks = [TextBlock(text="What is this?"), ImageBlock(image=PNG), VideoBlock(url="https://example.invalid/a.mp4")]
    answer = llm.chat([ChatMessage(blocks=blocks)]).message.content
    assert answer is not None
    assert "image" in answer.lower()
    assert "video" in answer.lower()


def test_a_text_model_refuses_an_image_at_home(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(provider="wcode", model="qwen/qwen3-235b-a22b")
    with pytest.raises(ConfigurationError, match="takes text only"):
        llm.chat([ChatMessage(blocks=[ImageBlock(image=PNG)])])
    assert qwen_sandbox.requests == []
