"""Connections that fail: before the head, in the body, in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from qwen_sandbox.hostile.asked import Asked
from qwen_sandbox.hostile.steps import CHUNKED, LAST_CHUNK, Fault, Step, Stop, chunk, chunked, head, unfinished

_GRACE: Final = 0.02
"""Seconds from the last bytes to a reset, which some systems let overtake them."""


def _answers(asked: Asked) -> Iterator[Step]:
    yield from chunked(asked, asked.pieces())


def _answers_late(asked: Asked) -> Iterator[Step]:
    yield asked.amount
    yield from chunked(asked, asked.pieces())


def _is_silent(_asked: Asked) -> Iterator[Step]:
    yield Stop.HOLD


def _resets_at_once(_asked: Asked) -> Iterator[Step]:
    yield Stop.RESET


def _closes_at_once(_asked: Asked) -> Iterator[Step]:
    yield b""


def _is_no_http(_asked: Asked) -> Iterator[Step]:
    yield b"SSH-2.0-sandbox\r\n"


def _cuts_its_head(asked: Asked) -> Iterator[Step]:
    yield head(asked)[:-30]


def _drips_its_head(asked: Asked) -> Iterator[Step]:
    for byte in head(asked, headers=CHUNKED):
        yield bytes([byte])
        yield asked.amount
    yield from map(chunk, asked.pieces())
    yield LAST_CHUNK


def _floods_headers(asked: Asked) -> Iterator[Step]:
    yield head(asked)[:-2]
    for number in range(int(asked.amount)):
        yield b"x-filler-%d: %s\r\n" % (number, b"x" * 1000)
    yield Stop.HOLD


def _begins(asked: Asked) -> Iterator[Step]:
    """Two of the three words."""
    yield from unfinished(asked, asked.pieces()[: asked.first_words()])


def _stalls_between(asked: Asked) -> Iterator[Step]:
    yield head(asked, headers=CHUNKED)
    yield asked.amount
    yield from map(chunk, asked.pieces()[: asked.first_words()])
    yield Stop.HOLD


def _half_a_piece(asked: Asked) -> Iterator[Step]:
    """Half of the third word's event, in a chunk that promises all of it."""
    piece = asked.pieces()[asked.first_words()]
    yield chunk(piece)[: len(piece) // 2]


def _stalls_inside(asked: Asked) -> Iterator[Step]:
    yield from _begins(asked)
    yield from _half_a_piece(asked)
    yield Stop.HOLD


def _resets_after_head(asked: Asked) -> Iterator[Step]:
    yield head(asked, headers=CHUNKED)
    yield _GRACE
    yield Stop.RESET


def _resets_in_body(asked: Asked) -> Iterator[Step]:
    yield from _begins(asked)
    yield from _half_a_piece(asked)
    yield _GRACE
    yield Stop.RESET


def _resets_between_lines(asked: Asked) -> Iterator[Step]:
    yield from _begins(asked)
    yield chunk(b": the next event\n")
    yield _GRACE
    yield Stop.RESET


def _ends_before_its_end(asked: Asked) -> Iterator[Step]:
    yield from _begins(asked)


def _promises_more(asked: Asked) -> Iterator[Step]:
    pieces = asked.pieces()
    length = sum(map(len, pieces))
    yield head(asked, headers={"content-length": str(length)})
    yield b"".join(pieces[: asked.first_words()])


def _promises_less(asked: Asked) -> Iterator[Step]:
    pieces = asked.pieces()
    length = sum(map(len, pieces[: asked.first_words()]))
    yield head(asked, headers={"content-length": str(length)})
    yield b"".join(pieces)


def _breaks_its_framing(asked: Asked) -> Iterator[Step]:
    yield from _begins(asked)
    yield b"not a size\r\n"
    yield Stop.HOLD


def _ends_cleanly_too_soon(asked: Asked) -> Iterator[Step]:
    yield from chunked(asked, asked.pieces()[: asked.first_words()])


def _drips(asked: Asked) -> Iterator[Step]:
    yield head(asked, headers=CHUNKED)
    for byte in b"".join(asked.pieces()):
        yield chunk(bytes([byte]))
        yield asked.amount
    yield LAST_CHUNK


BREAKS: Final = (
    Fault("none", "answers as it should", _answers),
    Fault("silent", "takes the request and says nothing", _is_silent),
    Fault("slow-first-byte", "answers late", _answers_late, 1.0, "seconds"),
    Fault("reset-before-headers", "resets the connection in place of an answer", _resets_at_once),
    Fault("close-before-headers", "closes the connection in place of an answer", _closes_at_once),
    Fault("not-http", "speaks another protocol", _is_no_http),
    Fault("headers-cut", "closes the connection in the middle of the headers", _cuts_its_head),
    Fault("header-drip", "sends the headers one byte at a time", _drips_its_head, 0.05, "seconds between bytes"),
    Fault("header-flood", "sends headers without end", _floods_headers, 1000, "kilobytes, after which it is silent"),
    Fault("reset-after-headers", "resets the connection before the body", _resets_after_head),
    Fault(
        "stall-between-chunks",
        "falls silent after two words of three",
        _stalls_between,
        0.0,
        "seconds from the headers to the words",
    ),
    Fault("stall-inside-chunk", "falls silent in the middle of an event", _stalls_inside),
    Fault("reset-mid-body", "resets the connection in the middle of an event", _resets_in_body),
    Fault("reset-between-lines", "resets the connection between two lines of a stream", _resets_between_lines),
    Fault("truncated-chunked", "closes a chunked body without its end", _ends_before_its_end),
    Fault("content-length-long", "promises more bytes than it sends", _promises_more),
    Fault("content-length-short", "promises fewer bytes than it sends", _promises_less),
    Fault("bad-chunk-size", "sends a chunk whose size is no number", _breaks_its_framing),
    Fault("clean-cut", "ends the body in good order after two words of three", _ends_cleanly_too_soon),
    Fault("drip", "sends one byte at a time", _drips, 0.05, "seconds between bytes"),
)
