"""Images, videos, audio and files: what each form of a block becomes on the wire."""

from __future__ import annotations

import base64
import copy
from pathlib import Path
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
PIXELS = {"min_pixels": 4, "max_pixels": 9}
CACHE = {"cache_control": {"type": "ephemeral"}}
NOTES: dict[str, Any] = {"id": "lc_1", "index": "lc_img_0", "annotations": [], "metadata": {"source": "camera"}}
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
    # Qwen's own short form
    ({"type": "image", "image": URL}, IMAGE_URL),
    ({"type": "image", "image": DATA}, IMAGE_DATA),
    ({"type": "video", "video": URL}, VIDEO_URL),
    # What others call it
    (
        {"type": "input_image", "image_url": URL, "detail": "low"},
        {**IMAGE_URL, "image_url": {"url": URL, "detail": "low"}},
    ),
    ({"type": "media", "mime_type": "image/png", "data": PIXEL}, IMAGE_DATA),
    ({"type": "media", "mime_type": "video/mp4", "file_uri": URL}, VIDEO_URL),
    ({"type": "file", "mime_type": "image/png", "base64": PIXEL}, IMAGE_DATA),
    ({"type": "file", "mime_type": "video/mp4", "url": URL}, VIDEO_URL),
    ({"type": "non_standard", "value": {"type": "video_url", "video_url": {"url": URL}}}, VIDEO_URL),
    # Data that is a URL already
    ({"type": "image", "base64": DATA, "mime_type": "image/png"}, IMAGE_DATA),
    ({"type": "image", "url": DATA}, IMAGE_DATA),
    # How finely it is looked at
    ({"type": "image_url", "image_url": {"url": URL}, "min_pixels": 4, "max_pixels": 9}, {**IMAGE_URL, **PIXELS}),
    ({"type": "image", "url": URL, "extras": PIXELS}, {**IMAGE_URL, **PIXELS}),
    ({"type": "image", "url": URL, **PIXELS}, {**IMAGE_URL, **PIXELS}),
    (
        {"type": "video", "url": URL, "max_frames": 8, "total_pixels": 9},
        {**VIDEO_URL, "max_frames": 8, "total_pixels": 9},
    ),
    (
        {"type": "image_url", "image_url": URL, "detail": "low"},
        {**IMAGE_URL, "image_url": {"url": URL, "detail": "low"}},
    ),
    # Cache marks, and the notes that LangChain takes
    ({"type": "image", "url": URL, **CACHE}, {**IMAGE_URL, **CACHE}),
    ({"type": "image", "source_type": "url", "url": URL, **CACHE}, {**IMAGE_URL, **CACHE}),
    ({"type": "image_url", "image_url": {"url": URL}, **CACHE}, {**IMAGE_URL, **CACHE}),
    ({"type": "image", "source": {"type": "url", "url": URL}, **CACHE}, {**IMAGE_URL, **CACHE}),
    ({"type": "video", "url": URL, **CACHE}, {**VIDEO_URL, **CACHE}),
    ({"type": "image", "url": URL, **NOTES, "extras": {"signature": "s"}}, IMAGE_URL),
    ({"type": "image_url", "image_url": {"url": URL}, **NOTES, "extras": {"signature": "s"}}, IMAGE_URL),
    ({"type": "video_url", "video_url": {"url": URL}, **NOTES, "uuid": "u"}, {**VIDEO_URL, "uuid": "u"}),
]


@pytest.mark.parametrize(("block", "sent"), MEDIA, ids=repr)
def test_images_and_videos(chats: Chats, block: dict[str, Any], sent: dict[str, Any]) -> None:
    content: list[Any] = [{"type": "text", "text": "Look:"}, block]
    assert _sent(chats, HumanMessage(content), endpoint="vision")[0]["content"] == [
        {"type": "text", "text": "Look:"},
        sent,
    ]


OTHER_MEDIA: list[tuple[dict[str, Any], dict[str, Any]]] = [
    # A list of frames
    ({"type": "video", "video": [URL, URL]}, {"type": "video", "video": [URL, URL]}),
    ({"type": "video", "video": [URL, URL], "fps": 2, "id": "x"}, {"type": "video", "video": [URL, URL], "fps": 2}),
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
    (
        {"type": "audio", "url": "https://x.test/a.MP3?t=1"},
        {"type": "input_audio", "input_audio": {"data": "https://x.test/a.MP3?t=1", "format": "mp3"}},
    ),
    ({"type": "audio", "url": URL}, {"type": "input_audio", "input_audio": {"data": URL, "format": "wav"}}),
    (
        {"type": "audio", "audio": URL, "format": "amr"},
        {"type": "input_audio", "input_audio": {"data": URL, "format": "amr"}},
    ),
    (
        {"type": "audio", "source_type": "base64", "data": "AAAA", "mime_type": "audio/mp4", **CACHE},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "m4a"}, **CACHE},
    ),
    # Model Studio's form of data
    (
        {"type": "input_audio", "input_audio": {"data": "data:;base64,AAAA", "format": "mp3"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
    ),
    (
        {"type": "input_audio", "input_audio": {"data": "AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA"}},
    ),
    (
        {"type": "audio", "url": "https://x.test/a.mp3", "mime_type": "audio/wav"},
        {"type": "input_audio", "input_audio": {"data": "https://x.test/a.mp3", "format": "wav"}},
    ),
    ({"type": "audio_url", "audio_url": URL}, {"type": "audio_url", "audio_url": {"url": URL}}),
    (
        {"type": "file", "mime_type": "audio/mpeg", "base64": "AAAA"},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
    ),
    ({"type": "file", "url": URL}, {"type": "file", "file": {"file_data": URL, "filename": "document"}}),
    (
        {"type": "input_file", "file_url": URL, "filename": "a"},
        {"type": "file", "file": {"file_data": URL, "filename": "a"}},
    ),
    ({"type": "file_data", "file_uri": URL}, {"type": "file", "file": {"file_data": URL, "filename": "document"}}),
    (
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
            "title": "T",
        },
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "T"}},
    ),
    (
        {"type": "document", "source": {"type": "file", "file_id": "file-1"}, **CACHE},
        {"type": "file", "file": {"file_id": "file-1"}, **CACHE},
    ),
    (
        {
            "type": "file",
            "source_type": "base64",
            "data": "AAAA",
            "mime_type": "application/pdf",
            "metadata": {"filename": "a.pdf"},
        },
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
    ),
    (
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}, **CACHE},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}, **CACHE},
    ),
    ({"type": "file", "file_id": "file-1"}, {"type": "file", "file": {"file_id": "file-1"}}),
    (
        {"type": "file", "file_id": "file-1", "mime_type": "image/png"},
        {"type": "file", "file": {"file_id": "file-1"}},
    ),
    (
        {"type": "file", "url": URL, "mime_type": "text/plain"},
        {"type": "file", "file": {"file_data": URL, "filename": "document"}},
    ),
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


HEADS: list[tuple[str, bytes, str]] = [
    ("image", b"\x89PNG\r\n\x1a\n", "image/png"),
    ("image", b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
    ("image", b"GIF89a\x01\x00", "image/gif"),
    ("image", b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
    ("image", b"unheard of", "image/png"),
    ("image", b"%PDF-1.7", "image/png"),
    ("image", b"", "image/png"),
    ("video", b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
    ("video", b"\x1aE\xdf\xa3\x01\x00", "video/webm"),
]


@pytest.mark.parametrize(("kind", "head", "media_type"), HEADS, ids=repr)
def test_data_without_a_media_type_are_told_by_their_first_bytes(
    chats: Chats, kind: str, head: bytes, media_type: str
) -> None:
    """LangChain itself wants a type beside `base64` of an image; in other forms it is often missing or says nothing."""
    data = base64.b64encode(head + bytes(100)).decode()
    sent = {"type": f"{kind}_url", f"{kind}_url": {"url": f"data:{media_type};base64,{data}"}}
    for block in (
        {"type": kind, "source": {"type": "base64", "data": data}},
        {"type": kind, "source": {"type": "base64", "data": data, "media_type": "application/octet-stream"}},
    ):
        assert _sent(chats, HumanMessage([block]), endpoint="vision")[0]["content"] == [sent]


@pytest.mark.filterwarnings("ignore:Model 'qwen-of-mine':UserWarning")
@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"ID3\x04", "mp3"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "wav"),
        (b"OggS\x00", "ogg"),
        (b"fLaC", "flac"),
        (b"?", "wav"),
    ],
)
def test_sound_without_a_media_type(chats: Chats, head: bytes, form: str) -> None:
    block = {"type": "audio", "base64": base64.b64encode(head + bytes(100)).decode()}
    sent = _sent(chats, HumanMessage([block]), model="qwen-of-mine", provider="generic")[0]["content"]
    assert sent == [{"type": "input_audio", "input_audio": {"data": block["base64"], "format": form}}]


def test_the_endpoint_sees_the_pixels(chats: Chats) -> None:
    content: list[Any] = [
        {"type": "text", "text": "What is it?"},
        {"type": "image", "base64": PIXEL, "mime_type": "image/png"},
    ]
    for endpoint in ("flash", "vision"):
        assert "1×1 pixels" in chats.at(endpoint).invoke([HumanMessage(content)]).text


def test_the_models_own_frame_rate(chats: Chats) -> None:
    message = HumanMessage([{"type": "video", "url": URL}])
    assert _sent(chats, message, endpoint="vision", video_fps=0.5)[0]["content"] == [{**VIDEO_URL, "fps": 0.5}]


@pytest.mark.parametrize(
    ("place", "block", "told"),
    [
        ("cn", {"type": "image", "url": URL}, "qwen3-32b takes text only"),
        ("text", {"type": "video", "url": URL}, "qwen3-235b-a22b takes text only"),
        ("vision", {"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"}, "takes image, text, video only"),
        ("vision", {"type": "file", "base64": "AAAA", "mime_type": "application/pdf"}, "takes image, text, video only"),
        ("flash", {"type": "video", "url": URL, "extras": {"fps": 2}}, "fps"),
        ("flash", {"type": "image", "url": URL, **PIXELS}, "max_pixels and min_pixels on a part of type image_url"),
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
        ({"x": 1, "y": 2}, r"without a type \(it has x, y\)"),
        ({"type": "image"}, "'image'"),
        ({"type": "image", "file_id": "file-1"}, "'image'.*file_id"),
        ({"type": "video", "mime_type": "video/mp4"}, "'video'.*mime_type"),
        ({"type": "audio"}, "'audio'"),
        ({"type": "file", "filename": "a"}, "'file'.*filename"),
        ({"type": "text-plain", "url": URL, "mime_type": "text/plain"}, "'text-plain'.*url"),
        ({"type": "image", "source": {"type": "file", "file_id": "file-1"}}, "'image'.*file_id"),
        ({"type": "image", "source": "x"}, "'image' holds neither"),
        ({"type": "video", "file_id": "file-1"}, "'video'.*file_id"),
        ({"type": "audio", "file_id": "file-1"}, "'audio'.*file_id"),
        ({"type": "image_url"}, "'image_url'"),
        ({"type": "image_url", "image_url": ""}, "'image_url'"),
        ({"type": "image_url", "image_url": {"detail": "low"}}, "'image_url'"),
        ({"type": "video_url", "video_url": 5}, "'video_url'"),
        ({"type": "input_audio", "input_audio": "AAAA"}, "'input_audio'"),
        ({"type": "video", "video": []}, "'video'"),
        ({"type": "image", "url": "cat.png"}, "'image' is no URL: 'cat.png'.*base64"),
        ({"type": "video", "url": "C:\\clips\\a.mp4"}, "'video' is no URL"),
        ({"type": "video", "url": [URL, URL]}, "'video' is of type list"),
        ({"type": "video", "url": Path("a.mp4")}, "'video' is of type .*Path"),
        ({"type": "audio", "base64": b"AAAA"}, "'audio' is of type bytes.*b64encode"),
        ({"type": "media", "mime_type": "image/png", "data": b"x"}, "'media' is of type bytes"),
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
    assert chats.bodies == []
