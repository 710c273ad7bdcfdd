"""What can be said of an image or video without looking at it: kind, size, pixels, file name."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from urllib.parse import unquote, urlsplit

from qwen_sandbox.png import SIGNATURE, dominant_colour
from qwen_sandbox.turn import Turn, media_of

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*?(;base64)?,(.*)", re.DOTALL)


_PNG_HEADER = 24
_GIF_HEADER = 10
_MARKER = 0xFF
# The start-of-frame markers of JPEG; C4, C8 and CC in their range mean other things.
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def describe_media(turn: Turn, prompt: str) -> str | None:
    """Return an answer about the images and videos of the last user message, or None when it has none."""
    users = [message for message in turn.messages if message.get("role") == "user"]
    found = media_of(users[-1]) if users else []
    if not found:
        return None
    lines = [_describe(kind, url) for kind, url in found]
    question = prompt.strip()
    if turn.chinese:
        head = f"关于“{question}”：" if question else ""
        return head + "；".join(lines) + "。（脚本生成的回答，没有模型看过这些内容。）"
    head = f"About “{question}”: " if question else ""
    return head + "; ".join(lines) + ". (A scripted answer: no model has looked at this.)"


def _describe(kind: str, url: str) -> str:
    match = _DATA_URL.match(url)
    if match is None:
        name = unquote(urlsplit(url).path.rsplit("/", 1)[-1]) or url
        return f"{kind} {name}, which was not fetched"
    media_type = match[1] or "application/octet-stream"
    data = _decode(match[3], is_base64=bool(match[2]))
    if data is None:
        return f"{kind} of type {media_type} whose data cannot be decoded"
    size = pixel_size(data)
    pixels = f", {size[0]}×{size[1]} pixels" if size else ""
    colour = dominant_colour(data)
    shade = f", mostly {colour}" if colour else ""
    return f"{kind} of type {media_type}, {len(data)} bytes{pixels}{shade}"


def _decode(text: str, *, is_base64: bool) -> bytes | None:
    if not is_base64:
        return unquote(text).encode()
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def pixel_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a PNG, GIF or JPEG from its header, or None."""
    if data.startswith(SIGNATURE) and len(data) >= _PNG_HEADER:
        return struct.unpack(">II", data[16:24])
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= _GIF_HEADER:
        return struct.unpack("<HH", data[6:10])
    return _jpeg_size(data) if data.startswith(b"\xff\xd8") else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(data) and data[place] == _MARKER:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        place += 2 + length
    return None
