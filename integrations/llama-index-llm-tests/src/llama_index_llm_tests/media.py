"""Group I: images, video, sound and documents, on their way to the model."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any, Final

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ToolCallBlock,
    VideoBlock,
)
from pydantic import BaseModel

from llama_index_llm_tests.answers import Answer, Json
from llama_index_llm_tests.asking import HI, Mode, every_mode, heard, last
from llama_index_llm_tests.bench import Bench, UnderTest
from llama_index_llm_tests.wire import parts_of, text_of

_PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_JPEG: Final = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
_MP4: Final = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x00" * 8
_WAV: Final = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00" + b"\x00" * 8
_PDF: Final = b"%PDF-1.4\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"
_QUERY: Final = "?b=2&a=%2F1&sig=x%2By=="


class _Hologram(BaseModel):
    """A kind of block that no class can know."""

    block_type: str = "hologram"


class MediaTests(UnderTest):
    """A block arrives as it is, or is refused by name; nothing is dropped and nothing is fetched."""

    @every_mode
    def test_an_image_url_is_passed_on(self, bench: Bench, mode: Mode) -> None:
        """The URL of an image is sent unchanged and is not opened."""
        llm = bench.answering(mode, Answer(text="ok"), **self.media_settings)
        url = f"{bench.server.url}/picture.png{_QUERY}"
        last(llm, mode, [_told(TextBlock(text="What is it?"), ImageBlock(url=url))])
        assert [request.method for request in bench.server.requests] == ["POST"]
        assert [_image_url(part) for part in _parts(bench) if part["type"] == "image_url"] == [url]

    def test_an_image_data_url_is_passed_on(self, bench: Bench) -> None:
        """An image that is a data URL is sent unchanged."""
        url = _data_url(_PNG, "image/png")
        self._send(bench, _told(ImageBlock(url=url)))
        assert [_image_url(part) for part in _parts(bench)] == [url]

    @pytest.mark.parametrize(("data", "kind"), [(_PNG, "image/png"), (_JPEG, "image/jpeg")], ids=["png", "jpeg"])
    def test_image_bytes_become_a_data_url(self, bench: Bench, data: bytes, kind: str) -> None:
        """The bytes of an image are sent as a data URL of the type that the bytes show."""
        self._send(bench, _told(ImageBlock(image=data)))
        assert [_image_url(part) for part in _parts(bench)] == [_data_url(data, kind)]

    def test_an_image_file_becomes_a_data_url(self, bench: Bench, tmp_path: Path) -> None:
        """An image on disk is read and sent as a data URL."""
        path = tmp_path / "picture.png"
        path.write_bytes(_PNG)
        self._send(bench, _told(ImageBlock(path=path)))
        assert [_image_url(part) for part in _parts(bench)] == [_data_url(_PNG, "image/png")]

    def test_an_image_of_unknown_kind_is_labelled_as_an_image(self, bench: Bench) -> None:
        """Bytes that show no type go under some image type, never under `None`."""
        self._send(bench, _told(ImageBlock(image=b"no known header")))
        head, _, data = _image_url(_parts(bench)[0]).partition(";base64,")
        assert head.startswith("data:image/")
        assert base64.b64decode(data) == b"no known header"

    @pytest.mark.skipif(
        "IOBase" not in str(ImageBlock.model_fields["image"].annotation), reason="this core's images are no open files"
    )
    def test_an_open_image_can_be_sent_twice(self, bench: Bench) -> None:
        """An image in an open file is read from its start, and stays usable."""
        block = ImageBlock(image=io.BytesIO(_PNG), image_mimetype="image/png")
        for _ in range(2):
            self._send(bench, _told(block))
            assert [_image_url(part) for part in _parts(bench)] == [_data_url(_PNG, "image/png")]

    def test_image_detail_is_sent(self, bench: Bench) -> None:
        """The level of detail of an image is sent beside its URL."""
        self._send(bench, _told(ImageBlock(url="https://example.com/a.png", detail="low")))
        assert _parts(bench)[0]["image_url"]["detail"] == "low"

    def test_parts_keep_their_order(self, bench: Bench) -> None:
        """Text and images are sent in the order of their blocks."""
        first, second = "https://example.com/1.png", "https://example.com/2.png"
        self._send(
            bench, _told(ImageBlock(url=first), TextBlock(text="or"), ImageBlock(url=second), TextBlock(text="?"))
        )
        seen = [part["text"] if part["type"] == "text" else _image_url(part) for part in _parts(bench)]
        assert seen == [first, "or", second, "?"]

    @every_mode
    def test_media_blocks_are_left_alone(self, bench: Bench, mode: Mode) -> None:
        """Sending an image changes neither its block nor its message."""
        message = _told(TextBlock(text="What is it?"), ImageBlock(image=_PNG))
        before = message.model_dump_json()
        last(bench.answering(mode, Answer(text="ok"), **self.media_settings), mode, [message])
        assert any(part["type"] == "image_url" for part in _parts(bench))
        assert message.model_dump_json() == before

    @pytest.mark.parametrize("role", [MessageRole.SYSTEM, MessageRole.TOOL, MessageRole.ASSISTANT])
    def test_an_image_in_any_message_is_sent_or_refused(self, bench: Bench, role: MessageRole) -> None:
        """An image in a system, tool or assistant message is sent or refused by name, not dropped."""
        extra = {"tool_call_id": "call-1"} if role == MessageRole.TOOL else {}
        image = ImageBlock(url="https://example.com/a.png")
        told = ChatMessage(role=role, blocks=[TextBlock(text="See"), image], additional_kwargs=extra)
        call = ToolCallBlock(tool_call_id="call-1", tool_name="photograph", tool_kwargs={})
        called = [ChatMessage(role="assistant", blocks=[call])] if extra else []
        # Not every protocol has a place for a system message but at the beginning.
        conversation = [told, *HI] if role == MessageRole.SYSTEM else [*HI, *called, told]
        self._sent_or_refused(bench, conversation, "https://example.com/a.png", "image")

    @every_mode
    def test_a_video_url_is_passed_on(self, bench: Bench, mode: Mode) -> None:
        """The URL of a video is sent unchanged and is not opened."""
        llm = bench.answering(mode, Answer(text="ok"), **self.media_settings)
        url = f"{bench.server.url}/film.mp4{_QUERY}"
        last(llm, mode, [_told(VideoBlock(url=url), TextBlock(text="What happens?"))])
        assert [request.method for request in bench.server.requests] == ["POST"]
        assert [_video_url(part) for part in _parts(bench) if part["type"] == "video_url"] == [url]

    def test_video_bytes_become_a_data_url(self, bench: Bench) -> None:
        """The bytes of a video are sent as a data URL of the type that the bytes show."""
        self._send(bench, _told(VideoBlock(video=_MP4)))
        assert [_video_url(part) for part in _parts(bench)] == [_data_url(_MP4, "video/mp4")]

    def test_the_frame_rate_of_a_video_is_sent(self, bench: Bench) -> None:
        """The frame rate of a video stands somewhere in its part."""
        self._send(bench, _told(VideoBlock(url="https://example.com/film.mp4", fps=3)))
        (part,) = _parts(bench)
        assert 3 in {part.get("fps"), part["video_url"].get("fps")}

    def test_sound_bytes_are_sent_with_their_format(self, bench: Bench) -> None:
        """The bytes of a recording are sent as base64 with their format."""
        self._send(bench, _told(AudioBlock(audio=_WAV, format="wav")))
        sound: Json = {"data": base64.b64encode(_WAV).decode(), "format": "wav"}
        assert [part["input_audio"] for part in _parts(bench)] == [sound]

    def test_a_text_document_is_readable(self, bench: Bench) -> None:
        """A document of text is sent as text or as a file, or it is refused by name."""
        block = DocumentBlock(data=b"The lighthouse is old.", title="notes.txt", document_mimetype="text/plain")
        data = base64.b64encode(b"The lighthouse is old.").decode()
        self._sent_or_refused(bench, [_told(block)], ("The lighthouse is old.", data), "document")

    def test_a_binary_document_is_sent_or_refused(self, bench: Bench) -> None:
        """A PDF is sent as a file or refused by name, not sent as garbled text."""
        block = DocumentBlock(data=_PDF, title="paper.pdf", document_mimetype="application/pdf")
        self._sent_or_refused(bench, [_told(block)], base64.b64encode(_PDF).decode(), "document")

    def test_a_cache_point_keeps_the_message(self, bench: Bench) -> None:
        """A hint about caching is followed or passed over; the text beside it is sent."""
        point = CachePoint.model_validate({"cache_control": {"type": "ephemeral"}})
        self._send(bench, _told(TextBlock(text="Long text."), point, TextBlock(text="Short question?")))
        assert [part["text"] for part in _parts(bench)] == ["Long text.", "Short question?"]

    def test_a_citable_text_is_sent(self, bench: Bench) -> None:
        """The text of a source that may be cited is sent."""
        block = CitableBlock(title="Orla", source="guide", content=[TextBlock(text="Ferries leave at noon.")])
        self._send(bench, _told(block, TextBlock(text="When?")))
        assert "Ferries leave at noon." in text_of(bench.messages[0])
        assert "When?" in text_of(bench.messages[0])

    def test_a_citation_in_the_history_is_no_obstacle(self, bench: Bench) -> None:
        """An earlier answer with a citation in it can be sent; its own text is there."""
        cited = CitationBlock(
            cited_content=TextBlock(text="Ferries leave at noon."),
            source="guide",
            title="Orla",
            additional_location_info={},
        )
        told = ChatMessage(role="assistant", blocks=[TextBlock(text="At noon."), cited])
        self._send(bench, *HI, told, *HI)
        assert "At noon." in text_of(bench.messages[1])

    @every_mode
    def test_an_unknown_block_is_refused_by_name(self, bench: Bench, mode: Mode) -> None:
        """A block of an unknown kind is an error that names it, and nothing is sent."""
        blocks: list[Any] = [TextBlock(text="See"), _Hologram()]
        message = ChatMessage.model_construct(role=MessageRole.USER, blocks=blocks, additional_kwargs={})
        with pytest.raises(Exception, match=r"(?i)hologram"):
            last(bench.answering(mode, Answer(text="ok"), **self.media_settings), mode, [message])
        assert not bench.bodies

    def test_an_empty_image_is_refused(self, bench: Bench) -> None:
        """An image block without an image is an error, and nothing is sent."""
        llm = bench.answering("chat", Answer(text="ok"), **self.media_settings)
        with pytest.raises(Exception):  # noqa: B017, PT011 - the class may choose it
            llm.chat([_told(TextBlock(text="See"), ImageBlock())])
        assert not bench.bodies

    def _send(self, bench: Bench, *messages: ChatMessage) -> None:
        bench.answering("chat", Answer(text="ok"), **self.media_settings).chat(list(messages))

    def _sent_or_refused(
        self, bench: Bench, messages: list[ChatMessage], data: str | tuple[str, ...], name: str
    ) -> None:
        """The data is in the request, or there is no request and an error that names the kind of block."""
        llm = bench.answering("chat", Answer(text="ok"), **self.media_settings)
        _, error = heard(llm, "chat", messages)
        if error is not None:
            assert name in f"{type(error).__name__}: {error}".lower()
            assert not bench.bodies
            return
        sent = json.dumps(bench.messages, ensure_ascii=False)
        assert any(piece in sent for piece in ([data] if isinstance(data, str) else data))


def _told(*blocks: ContentBlock) -> ChatMessage:
    return ChatMessage(role="user", blocks=list(blocks))


def _parts(bench: Bench) -> list[Json]:
    return parts_of(bench.messages[-1])


def _image_url(part: Json) -> str:
    return part["image_url"]["url"]


def _video_url(part: Json) -> str:
    return part["video_url"]["url"]


def _data_url(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
