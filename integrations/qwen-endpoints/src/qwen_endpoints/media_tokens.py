"""Tokens of media parts, offline: by a picture's size where its data is at hand, otherwise by a stated default."""

from __future__ import annotations

import base64
import binascii
import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from qwen_endpoints.tokenizers import Tokenizer
    from qwen_endpoints.words import Json

IMAGE_TAGS: Final = 2
"""`<|vision_start|>` and `<|vision_end|>`."""
UNKNOWN_IMAGE: Final = 1280
"""An image of unknown size: the most that Qwen's model cards recommend to spend on one. A model's own limits are the
two below; hosts may cut large images down to less.
(https://huggingface.co/Qwen/Qwen2-VL-7B-Instruct, read 2026-11-22)"""
LEAST_IMAGE: Final = 4
MOST_IMAGE: Final = 16_384
UNKNOWN_VIDEO: Final = 18_000
"""A video of unknown length: a minute of 640x480 at two frames a second, 300 tokens for every two frames. The rate is
the models' default (the same cards); length and size are assumed."""
FRAMES_PER_IMAGE: Final = 2
"""Frames of a video that become one image's tokens (`temporal_patch_size` in the models' configuration)."""
AUDIO_PER_SECOND: Final = 12.5
"""Qwen3-Omni's encoder (its technical report, arXiv 2509.17765)."""
UNKNOWN_AUDIO: Final = 750
"""A recording of unknown length: a minute, which is assumed."""
_BYTES_PER_SECOND: Final[Mapping[str, int]] = {"wav": 32_000, "pcm": 32_000}
"""16 kHz, 16 bits, one channel, which is assumed. Other formats are taken for 128 kbit/s."""
_COMPRESSED: Final = 16_000
UNKNOWN_FILE: Final = 1280
"""A document, whose length nobody can tell before it is read: about two pages, which is assumed."""

_JPEG_MARK: Final = 0xFF
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_HEAD: Final = 131_072
"""Characters of base64 that are looked at for a picture's size; previews in a JPEG's head take up to 64 KB."""


def count_part(part: Json, tokenizer: Tokenizer) -> int | None:
    """Count a content part that is not text; `None` if it is of a kind that is unknown here."""
    kind = part.get("type")
    value: Any = part.get(kind) if isinstance(kind, str) else None
    if kind == "image_url":
        return _image(_url(value), tokenizer)
    if kind == "video" and isinstance(value, Sequence) and not isinstance(value, str):
        frames = cast("Sequence[Any]", value)
        first = _image(_url(frames[0]), tokenizer) if frames else 0
        return math.ceil(len(frames) / FRAMES_PER_IMAGE) * first
    if kind in ("video_url", "video"):
        return UNKNOWN_VIDEO
    if kind == "input_audio":
        return _audio(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else UNKNOWN_AUDIO
    return UNKNOWN_FILE if kind == "file" else None


def part_as_text(part: Json) -> str:
    """What stands in for a part of unknown kind."""
    return json.dumps(part, ensure_ascii=False, default=str)


def _url(value: Any) -> str:
    if isinstance(value, Mapping):
        value = cast("Mapping[str, Any]", value).get("url")
    return value if isinstance(value, str) else ""


def _image(url: str, tokenizer: Tokenizer) -> int:
    size = image_size(url)
    if size is None:
        return UNKNOWN_IMAGE + IMAGE_TAGS
    width, height = (max(1, round(pixels / tokenizer.image_side)) for pixels in size)
    return min(max(width * height, LEAST_IMAGE), MOST_IMAGE) + IMAGE_TAGS


def _audio(value: Mapping[str, Any]) -> int:
    data = value.get("data")
    if not isinstance(data, str) or "://" in data[:16]:
        return UNKNOWN_AUDIO
    rate = _BYTES_PER_SECOND.get(str(value.get("format")), _COMPRESSED)
    return math.ceil(max(1.0, len(data) * 3 / 4 / rate) * AUDIO_PER_SECOND)


def image_size(url: str) -> tuple[int, int] | None:
    """Width and height of a picture in a data URL (PNG, JPEG, GIF, WebP); `None` for anything else."""
    scheme, comma, data = url.partition(";base64,")
    if not comma or not scheme.startswith("data:"):
        return None
    try:
        head = base64.b64decode(data[:_HEAD])
    except binascii.Error:
        return None
    try:
        return _png_size(head) or _gif_size(head) or _webp_size(head) or _jpeg_size(head)
    except (struct.error, IndexError):
        return None


def _png_size(head: bytes) -> tuple[int, int] | None:
    return struct.unpack(">II", head[16:24]) if head.startswith(b"\x89PNG\r\n\x1a\n") else None


def _gif_size(head: bytes) -> tuple[int, int] | None:
    return struct.unpack("<HH", head[6:10]) if head.startswith((b"GIF87a", b"GIF89a")) else None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    """Sizes stand in one of three kinds of first chunk: extended, lossless, lossy."""
    if not (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return None
    kind = head[12:16]
    if kind == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", head[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Step over the segments up to the frame header."""
    if not head.startswith(b"\xff\xd8"):
        return None
    at = 2
    while head[at] == _JPEG_MARK:
        if head[at + 1] in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        (length,) = struct.unpack(">H", head[at + 2 : at + 4])
        at += 2 + length
    return None
