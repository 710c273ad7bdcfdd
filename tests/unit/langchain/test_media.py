"""Images, videos, audio and files: what each form of a block becomes on the wire."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_qwen import ConfigurationError

from tests.unit.langchain.conftest import PIXEL, Chats, whole

URL = "https://example.com/a%20b.png?sig=x%2By"
DATA = f"data:image/png;base64,{PIXEL}"


def _sent(chats: Chats, *messages: Any, endpoint: str = "flash", **kwargs: Any) -> list[dict[str, Any]]:
    """Send messages to an endpoint that takes anything, and return what it got. They must not be changed."""
    before = copy.deepcopy(messages)
    chats.answering(whole({"content": "x"}), endpoint=endpoint, **kwargs).invoke(list(messages))
    assert messages == before
    return chats.sent


IMAGE_URL = {"type": "image_url", "image_url": {"url": URL}}
IMAGE_DATA = {"type": "image_url", "image_url": {"url": DATA}}
VIDEO_URL = {"type": "video_url", "video_url": {"url": URL}}
MEDIA: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "image", "url": URL}, IMAGE_URL),
    ({"type": "image", "base64": PIXEL, "mime_type": "image/png"}, IMAGE_DATA),
    (
        {"type": "image", "url": URL, "extras": {"detail": "low"}},
        {"type": "image_url", "image_url": {"url": URL, "detail": "low"}},
    ),
    ({"type": "image", "url": URL, "detail": "low"}, {"type": "image_url", "image_url": {"url": URL, "detail": "low"}}),
    ({"type": "image", "source_type": "url", "url": URL}, IMAGE_URL),
    ({"type": "image", "source_type": "base64", "data": PIXEL, "mime_type": "image/png"}, IMAGE_DATA),
    ({"type": "image", "source": {"type": "url", "url": URL}}, IMAGE_URL),
    ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}, IMAGE_DATA),
    ({"type": "image_url", "image_url": {"url": URL}}, IMAGE_URL),
    ({"type": "image_url", "image_url": {"url": DATA}}, IMAGE_DATA),
    ({"type": "image_url", "image_url": URL}, IMAGE_URL),
    ({"type": "video_url", "video_url": URL}, VIDEO_URL),
    ({"type": "video", "url": URL}, VIDEO_URL),
    (
        {"type": "video", "base64": "AAAA", "mime_type": "video/webm"},
        {"type": "video_url", "video_url": {"url": "data:video/webm;base64,AAAA"}},
    ),
    ({"type": "video", "url": URL, "extras": {"fps": 2}}, {**VIDEO_URL, "fps": 2}),
    ({"type": "video_url", "video_url": {"url": URL}}, VIDEO_URL),
    ({"type": "video", "video": [URL, URL]}, {"type": "video", "video": [URL, URL]}),
]


@pytest.mark.parametrize(("block", "sent"), MEDIA, ids=repr)
def test_images_and_videos(chats: Chats, block: dict[str, Any], sent: dict[str, Any]) -> None:
    content: list[Any] = [{"type": "text", "text": "Look:"}, block]
    assert _sent(chats, HumanMessage(content), endpoint="vision")[0]["content"] == [
        {"type": "text", "text": "Look:"},
        sent,
    ]


OTHER_MEDIA: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"type": "audio", "base64": "AAAA", "mime_type": "audio/mpeg"},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
    ),
    (
        {"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ),
    (
        {"type": "audio", "url": URL, "mime_type": "audio/x-wav"},
        {"type": "input_audio", "input_audio": {"data": URL, "format": "wav"}},
    ),
    (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
    ),
    (
        {"type": "file", "base64": "AAAA", "mime_type": "application/pdf", "filename": "a.pdf"},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
    ),
    ({"type": "file", "url": URL}, {"type": "file", "file": {"file_data": URL, "filename": "document"}}),
    ({"type": "file", "file_id": "file-1"}, {"type": "file", "file": {"file_id": "file-1"}}),
    ({"type": "file", "source_type": "id", "id": "file-1"}, {"type": "file", "file": {"file_id": "file-1"}}),
    ({"type": "file", "file": {"file_id": "file-1"}}, {"type": "file", "file": {"file_id": "file-1"}}),
]


@pytest.mark.filterwarnings("ignore:Model 'qwen-of-mine':UserWarning")
@pytest.mark.parametrize(("block", "sent"), OTHER_MEDIA, ids=repr)
def test_audio_and_files(chats: Chats, block: dict[str, Any], sent: dict[str, Any]) -> None:
    """No documented model takes them; other servers do."""
    content: list[Any] = [{"type": "text", "text": "Hear:"}, block]
    sent_messages = _sent(chats, HumanMessage(content), model="qwen-of-mine", provider="generic")
    assert sent_messages[0]["content"] == [{"type": "text", "text": "Hear:"}, sent]


def test_the_endpoint_sees_the_pixels(chats: Chats) -> None:
    content: list[Any] = [
        {"type": "text", "text": "What is it?"},
        {"type": "image", "base64": PIXEL, "mime_type": "image/png"},
    ]
    for endpoint in ("flash", "vision"):
        assert "1×1 pixels" in chats.at(endpoint).invoke([HumanMessage(content)]).text


@pytest.mark.parametrize(
    ("place", "block", "told"),
    [
        ("cn", {"type": "image", "url": URL}, "qwen3-32b takes text only"),
        ("text", {"type": "video", "url": URL}, "qwen3-235b-a22b takes text only"),
        ("vision", {"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"}, "takes image, text, video only"),
        ("vision", {"type": "file", "base64": "AAAA", "mime_type": "application/pdf"}, "takes image, text, video only"),
        ("flash", {"type": "video", "url": URL, "extras": {"fps": 2}}, "fps"),
    ],
)
def test_media_a_model_cannot_take(chats: Chats, place: str, block: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        chats.at(place).invoke([HumanMessage([block])])
    assert chats.bodies == []


@pytest.mark.parametrize(
    ("block", "named"),
    [
        ({"type": "hologram", "x": 1}, "'hologram'"),
        ({"x": 1}, "None"),
        ({"type": "tool_result", "tool_use_id": "c1", "content": "x"}, "'tool_result'"),
        ({"type": "image"}, "'image'"),
        ({"type": "image", "file_id": "file-1"}, "'image'.*file_id"),
        ({"type": "video", "mime_type": "video/mp4"}, "'video'.*mime_type"),
        ({"type": "audio"}, "'audio'"),
        ({"type": "file", "filename": "a"}, "'file'.*filename"),
        ({"type": "text-plain", "url": URL, "mime_type": "text/plain"}, "'text-plain'.*url"),
    ],
)
def test_blocks_without_a_part_are_named(chats: Chats, block: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        chats.at("vision").invoke([HumanMessage([block])])
    assert chats.bodies == []


@pytest.mark.parametrize(
    "content",
    [[{"type": "image", "url": URL}], [{"type": "text", "text": "x"}, {"type": "video", "url": URL}]],
    ids=["image", "video"],
)
def test_media_in_a_system_message(chats: Chats, content: list[Any]) -> None:
    with pytest.raises(ConfigurationError, match="system message"):
        chats.at("vision").invoke([SystemMessage(content), HumanMessage("hi")])
