"""Images, videos and sound: what becomes of them on the wire, and that nobody fetches them."""

from __future__ import annotations

import base64
import copy
import socket
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ToolCallBlock,
    VideoBlock,
)
from pydantic import ValidationError
from qwen_endpoints import ConfigurationError

from tests.unit.llamaindex.wire import JPEG, MP3, MP4, PNG, WAV, Send, b64, result, said, sender

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

POINT = CachePoint(cache_control=CacheControl(type="ephemeral"))
MARK = {"cache_control": {"type": "ephemeral"}}


@pytest.fixture
def sent(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> Send:
    return sender(scripted, qwen_sandbox)


def image_urls(parts: list[dict[str, Any]]) -> list[str]:
    return [part["image_url"]["url"] for part in parts]


# URLs


@pytest.mark.parametrize(
    "url",
    [
        "https://example.invalid/a%20b.png?x=1&y=%2F#z",
        "https://example.invalid/%E5%9B%BE.png",
        "oss://bucket/a.png",
        f"data:image/png;base64,{b64(PNG)}",
    ],
)
def test_an_image_url_is_passed_on_untouched(sent: Send, url: str) -> None:
    assert sent(TextBlock(text="see"), ImageBlock(url=url, detail="high")) == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
    ]


def test_no_url_is_fetched(sent: Send, qwen_sandbox: Sandbox) -> None:
    """The URLs lead to the sandbox itself, which would have seen a request."""
    url = f"{qwen_sandbox.url}/secret"
    parts = sent(
        ImageBlock(url=f"{url}.png"), VideoBlock(url=f"{url}.mp4"), AudioBlock(url=f"{url}.mp3"), TextBlock(text="?")
    )
    assert len(parts) == 4
    for block in (DocumentBlock(url=f"{url}.txt"), DocumentBlock(url=f"{url}.pdf", title="T")):
        with pytest.raises(ConfigurationError, match=r"not fetched \(http.*secret"):
            sent(block)
    assert [(request.method, request.path.rpartition("/")[2]) for request in qwen_sandbox.requests] == [
        ("POST", "completions")
    ]


def test_no_name_is_looked_up(sent: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any) -> Any:
        raise AssertionError("a name was looked up")

    sent(TextBlock(text="warm up"))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "gethostbyname", refuse)
    sent(ImageBlock(url="https://example.invalid/a.png"), VideoBlock(url="https://example.invalid/a.mp4"))


# Data


def test_an_image_as_data(sent: Send, tmp_path: Path) -> None:
    png, jpeg = f"data:image/png;base64,{b64(PNG)}", f"data:image/jpeg;base64,{b64(JPEG)}"
    path = tmp_path / "no suffix"
    path.write_bytes(JPEG)
    blocks = [
        ImageBlock(image=PNG),
        ImageBlock(image=base64.b64encode(JPEG)),
        ImageBlock(path=path),
        ImageBlock(image=PNG, image_mimetype="image/webp"),
        ImageBlock(image=PNG, image_mimetype="application/octet-stream"),
    ]
    copies = copy.deepcopy(blocks)
    assert image_urls(sent(*blocks)) == [png, jpeg, jpeg, f"data:image/webp;base64,{b64(PNG)}", png]
    assert blocks == copies


@pytest.mark.parametrize("stated", [None, "application/octet-stream"])
def test_data_of_an_unknown_kind_get_a_label_of_their_kind(sent: Send, stated: str | None) -> None:
    raw = b"\x01\x02\x03\x04\x05"
    image, video, audio = sent(
        ImageBlock(image=raw, image_mimetype=stated),
        VideoBlock(video=raw, video_mimetype=stated),
        AudioBlock(audio=raw),
    )
    assert image["image_url"]["url"] == f"data:image/png;base64,{b64(raw)}"
    assert video["video_url"]["url"] == f"data:video/mp4;base64,{b64(raw)}"
    assert audio["input_audio"] == {"data": b64(raw), "format": "wav"}


def test_an_open_file_is_read_from_its_beginning_and_left_as_it_was(sent: Send) -> None:
    stream = BytesIO(PNG)
    stream.seek(5)
    try:
        block = ImageBlock(image=stream)
    except ValidationError:
        pytest.skip("this version of llama-index-core takes bytes only")
    assert image_urls(sent(block)) == [f"data:image/png;base64,{b64(PNG)}"]
    assert stream.tell() == 5
    assert sent(DocumentBlock(data=StringIO("Grüße"), document_mimetype="text/plain")) == "Grüße"


def test_a_file_that_cannot_be_read_is_named(sent: Send, tmp_path: Path) -> None:
    path = tmp_path / "gone.png"
    path.write_bytes(PNG)
    block = ImageBlock(path=path)
    path.unlink()
    with pytest.raises(ConfigurationError, match=r"gone\.png.*cannot be read.*No such file"):
        sent(block)
    with pytest.raises(ConfigurationError, match=r"cannot be read.*directory"):
        sent(DocumentBlock(path=str(tmp_path)))


def test_a_closed_file_is_refused(sent: Send) -> None:
    stream = BytesIO(b"text")
    try:
        block = DocumentBlock(data=stream, document_mimetype="text/plain")
    except ValidationError:
        pytest.skip("this version of llama-index-core takes bytes only")
    stream.close()
    with pytest.raises(ConfigurationError, match=r"an open file, which cannot be read.*closed"):
        sent(block)


def test_videos(sent: Send, tmp_path: Path) -> None:
    data = f"data:video/mp4;base64,{b64(MP4)}"
    path = tmp_path / "clip.mp4"
    path.write_bytes(MP4)
    parts = sent(
        VideoBlock(url="https://example.invalid/a.mp4", fps=2),
        VideoBlock(video=MP4, detail="low"),
        VideoBlock(path=path, fps=1),
    )
    assert parts == [
        {"type": "video_url", "video_url": {"url": "https://example.invalid/a.mp4"}, "fps": 2},
        {"type": "video_url", "video_url": {"url": data}},
        {"type": "video_url", "video_url": {"url": data}, "fps": 1},
    ]


def test_a_frame_rate_for_all_videos(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    """A block takes whole numbers only."""
    send = sender(scripted, qwen_sandbox, video_fps=0.5)
    url = "https://example.invalid/a.mp4"
    blocks = [VideoBlock(url=url), VideoBlock(url=url, fps=2), ImageBlock(url=url), DocumentBlock(data=MP4)]
    assert [part.get("fps") for part in send(*blocks)] == [0.5, 2, None, 0.5]
    assert [part.get("fps") for part in send(*blocks, video_fps=4)] == [4, 2, None, 4]


def test_a_frame_rate_that_would_not_reach_the_model_is_refused(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    block = VideoBlock(url="https://example.invalid/a.mp4", fps=2)
    with pytest.raises(ConfigurationError, match=r"fps.*anyfast"):
        llm.chat([ChatMessage(blocks=[block])])
    assert qwen_sandbox.requests == []


def test_audio(sent: Send, tmp_path: Path) -> None:
    path = tmp_path / "speech.mp3"
    path.write_bytes(MP3)
    parts = sent(
        AudioBlock(audio=WAV),
        AudioBlock(audio=b"\x00\x01", format="mp3"),
        AudioBlock(audio=MP3),
        AudioBlock(path=path),
        AudioBlock(url="https://example.invalid/a.mp3", format="amr"),
        AudioBlock(url="https://example.invalid/a.MP3?t=1"),
        AudioBlock(url="https://example.invalid/a"),
        AudioBlock(url=f"data:audio/mpeg;base64,{b64(MP3)}"),
    )
    assert [part["input_audio"] for part in parts] == [
        {"data": b64(WAV), "format": "wav"},
        {"data": b64(b"\x00\x01"), "format": "mp3"},
        {"data": b64(MP3), "format": "mp3"},
        {"data": b64(MP3), "format": "mp3"},
        {"data": "https://example.invalid/a.mp3", "format": "amr"},
        {"data": "https://example.invalid/a.MP3?t=1", "format": "mp3"},
        {"data": "https://example.invalid/a", "format": "wav"},
        {"data": b64(MP3), "format": "mp3"},
    ]


def test_sound_goes_in_the_form_the_endpoint_takes(sent: Send) -> None:
    (part,) = sent(AudioBlock(audio=WAV), provider="dashscope")
    assert part["input_audio"] == {"data": f"data:;base64,{b64(WAV)}", "format": "wav"}


def test_media_in_a_document_block_go_as_media(sent: Send, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(MP4)
    image, video, sound, linked = sent(
        DocumentBlock(data=PNG, title="A chart"),
        DocumentBlock(path=path),
        DocumentBlock(data=MP3, document_mimetype="audio/mpeg"),
        DocumentBlock(url="https://example.invalid/a.png", document_mimetype="image/png"),
    )
    assert image == {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{b64(PNG)}"}}
    assert video == {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{b64(MP4)}"}}
    assert sound == {"type": "input_audio", "input_audio": {"data": b64(MP3), "format": "mp3"}}
    assert linked == {"type": "image_url", "image_url": {"url": "https://example.invalid/a.png"}}


@pytest.mark.parametrize(
    "block", [ImageBlock(), VideoBlock(), AudioBlock(), ImageBlock(image=b"")], ids=["image", "video", "audio", "empty"]
)
def test_a_block_without_data_is_refused(sent: Send, block: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"An? {type(block).__name__} .*no data, path or URL"):
        sent(block)


# Where they stand


@pytest.mark.parametrize(
    "block", [ImageBlock(image=PNG), VideoBlock(video=MP4), AudioBlock(audio=WAV)], ids=["image", "video", "audio"]
)
@pytest.mark.parametrize("role", [MessageRole.ASSISTANT, MessageRole.SYSTEM])
def test_media_in_answers_and_instructions_are_refused(sent: Send, role: MessageRole, block: Any) -> None:
    message = ChatMessage(role=role, blocks=[TextBlock(text="Look"), block])
    with pytest.raises(ConfigurationError, match=f"{role.value} message holds a part of type .*user messages and tool"):
        sent(message, ChatMessage("x"))


def test_a_tool_may_return_an_image(sent: Send) -> None:
    call = ToolCallBlock(tool_call_id="c", tool_name="look", tool_kwargs={})
    sent_back = result(TextBlock(text="Here:"), ImageBlock(image=PNG), tool_call_id="c")
    arrived = sent(ChatMessage("Look"), said(call), sent_back)[2]
    assert arrived["content"] == [
        {"type": "text", "text": "Here:"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{b64(PNG)}"}},
    ]


def test_an_endpoint_that_takes_text_only_refuses_a_tools_image(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox
) -> None:
    llm = make_llm(provider="anyfast-cn", model="qwen3-32b")
    call = ToolCallBlock(tool_call_id="c", tool_name="look", tool_kwargs={})
    with pytest.raises(ConfigurationError, match="A tool message holds a part of type image_url"):
        llm.chat([ChatMessage("Look"), said(call), result(ImageBlock(image=PNG), tool_call_id="c")])
    assert qwen_sandbox.requests == []


def test_a_cache_point_marks_an_image(sent: Send) -> None:
    parts = sent(TextBlock(text="see"), ImageBlock(url="https://example.invalid/a.png"), POINT)
    assert parts[1] == {"type": "image_url", "image_url": {"url": "https://example.invalid/a.png"}, **MARK}


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
