"""The commonest colour of a small PNG, for images a test draws itself."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {
    "red": (255, 0, 0), "green": (0, 160, 0), "blue": (0, 0, 255), "white": (255, 255, 255), "black": (0, 0, 0),
    "yellow": (255, 255, 0), "orange": (255, 165, 0), "purple": (128, 0, 128), "pink": (255, 192, 203),
    "grey": (128, 128, 128), "brown": (139, 69, 19), "cyan": (0, 255, 255), "lime": (0, 255, 0),
}  # fmt: skip
_HEADER_END = 29
_BITS = 8
_PAETH = 4
_MOST_PIXELS = 64 * 64
_CHANNELS = {2: 3, 6: 4}
"""Bytes a pixel by PNG colour type: RGB and RGBA."""


def dominant_colour(data: bytes) -> str | None:
    """Return the name of the commonest colour of a small PNG of 8-bit RGB or RGBA, or None for anything else."""
    if not data.startswith(SIGNATURE) or len(data) < _HEADER_END:
        return None
    width, height, depth, colour_type, _method, _filter, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    channels = _CHANNELS.get(colour_type)
    if channels is None or depth != _BITS or interlaced or not 0 < width * height <= _MOST_PIXELS:
        return None
    try:
        # Bounded: a small file can claim to unpack to gigabytes.
        raw = zlib.decompressobj().decompress(_packed(data), height * (1 + width * channels))
    except zlib.error:
        return None
    pixels = _pixels(raw, width * channels, channels)
    if not pixels:
        return None
    common = Counter(pixels).most_common(1)[0][0]
    return min(_COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(_COLOURS[name], common, strict=True)))


def _packed(data: bytes) -> bytes:
    packed, place = b"", len(SIGNATURE)
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        if data[place + 4 : place + 8] == b"IDAT":
            packed += data[place + 8 : place + 8 + length]
        place += 12 + length
    return packed


def _pixels(raw: bytes, width: int, channels: int) -> list[tuple[int, int, int]]:
    """Undo the filter of each row, as the PNG specification describes it, and return the pixels without alpha."""
    above, pixels = bytearray(width), list[tuple[int, int, int]]()
    for start in range(0, len(raw) - width, width + 1):
        row = bytearray(raw[start + 1 : start + 1 + width])
        for place in range(width):
            left = row[place - channels] if place >= channels else 0
            corner = above[place - channels] if place >= channels else 0
            row[place] = (row[place] + _predicted(raw[start], left, above[place], corner)) & 0xFF
        pixels += [(row[place], row[place + 1], row[place + 2]) for place in range(0, width, channels)]
        above = row
    return pixels


def _predicted(filter_type: int, left: int, up: int, corner: int) -> int:
    if filter_type == _PAETH:
        guess = left + up - corner
        return min((left, up, corner), key=lambda value: abs(guess - value))
    return {0: 0, 1: left, 2: up, 3: (left + up) // 2}.get(filter_type, 0)
