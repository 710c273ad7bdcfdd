"""Bodies that are encoded, damaged, oversized, or nothing like an answer."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Final

from qwen_sandbox.hostile.asked import WORDS, Asked, dump, event
from qwen_sandbox.hostile.steps import CHUNKED, LAST_CHUNK, Fault, Script, Step, chunk, chunked, head, sized

_PAGE: Final = b"<!DOCTYPE html><html><title>Sign in</title><h1>Welcome to the hotel's network</h1></html>"
_ERROR: Final = {"error": {"message": "The upstream failed", "type": "upstream_error", "code": "do_request_failed"}}
_GZIP: Final = 31
"""What zlib calls a gzip header and the largest window."""
_MESSAGES_ERROR: Final = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def _error(asked: Asked) -> dict[str, object]:
    return dict(_MESSAGES_ERROR if asked.messages else _ERROR)


def _encoded(name: str, encode: Callable[[bytes], bytes]) -> Script:
    def script(asked: Asked) -> Iterator[Step]:
        yield from sized(asked, encode(b"".join(asked.pieces())), headers={"content-encoding": name})

    return script


def _cut_gzip(asked: Asked) -> Iterator[Step]:
    """Two of the three words, and no end of the compression."""
    writer = zlib.compressobj(wbits=_GZIP)
    body = writer.compress(b"".join(asked.pieces()[: asked.first_words()])) + writer.flush(zlib.Z_SYNC_FLUSH)
    yield from sized(asked, body, headers={"content-encoding": "gzip"})


def _changed(change: Callable[[bytes], bytes]) -> Script:
    """The good answer with its bytes changed."""

    def script(asked: Asked) -> Iterator[Step]:
        yield from chunked(asked, map(change, asked.pieces()))

    return script


def _marked(asked: Asked) -> Iterator[Step]:
    yield from chunked(asked, [b"\xef\xbb\xbf", *asked.pieces()])


def _broken_utf8(piece: bytes) -> bytes:
    return piece.replace("好".encode(), b"\xe5\xa5")


def _nul_bytes(piece: bytes) -> bytes:
    return piece.replace(b"world", b"wor\\u0000ld")


def _raw_nul(piece: bytes) -> bytes:
    return piece.replace(b"world", b"wor\x00ld")


def _long_line(asked: Asked) -> Iterator[Step]:
    text = "x" * int(asked.amount * 1_000_000)
    if asked.streamed:
        yield from chunked(asked, [*asked.begin(), asked.say(text), *asked.end()])
    else:
        yield from chunked(asked, [dump(asked.whole(text))])


def _tiny_chunks(asked: Asked) -> Iterator[Step]:
    """One byte a chunk, many chunks a packet, as a proxy passes on what it reads."""
    letters = "x" * int(asked.amount)
    if asked.streamed:
        body = b"".join([*asked.begin(), asked.say(letters), *asked.end()])
    else:
        body = dump(asked.whole(letters))
    yield head(asked, headers=CHUNKED)
    size = 4096
    for start in range(0, len(body), size):
        yield b"".join(b"1\r\n%c\r\n" % byte for byte in body[start : start + size])
    yield LAST_CHUNK


def _endless(asked: Asked) -> Iterator[Step]:
    yield head(asked, headers=CHUNKED)
    if asked.streamed:
        for piece in asked.begin():
            yield chunk(piece)
        word = asked.say("word ")
    else:
        before, _, _ = asked.body().partition(WORDS[0].encode())
        yield chunk(before)
        word = b"word "
    for packet in repeat(chunk(word) * 8):
        yield packet
        yield asked.amount


def _keep_alives(asked: Asked) -> Iterator[Step]:
    """What gateways send while a model is busy: comments in a stream, empty lines before a whole body."""
    yield head(asked, headers=CHUNKED)
    while True:
        yield chunk(b": keep-alive\n\n" if asked.streamed else b"\n")
        yield asked.amount


def _pings(asked: Asked) -> Iterator[Step]:
    yield head(asked, headers=CHUNKED)
    while True:
        yield chunk(event({"type": "ping"}) if asked.streamed else b" ")
        yield asked.amount


def _ok(body: Callable[[Asked], bytes], content_type: str = "") -> Script:
    """Status 200, whatever the body."""

    def script(asked: Asked) -> Iterator[Step]:
        yield from sized(asked, body(asked), headers={"content-type": content_type or asked.content_type})

    return script


def _null_choices(asked: Asked) -> bytes:
    reply = {**asked.whole(""), "content" if asked.messages else "choices": None, "usage": None}
    if not asked.streamed:
        return dump(reply)
    if asked.messages:
        return event({"type": "message_start", "message": None}) + b"".join(asked.end(finish=False))
    return b"data: " + dump(reply) + b"\n\ndata: [DONE]\n\n"


def _begun(asked: Asked) -> list[bytes]:
    return [*asked.begin(), asked.say(WORDS[0]), asked.say(WORDS[1])]


def _stream(events: Callable[[Asked], list[bytes]]) -> Script:
    """A stream of its own; who asks for a whole reply gets the error as the body."""

    def script(asked: Asked) -> Iterator[Step]:
        if asked.streamed:
            yield from chunked(asked, events(asked))
        else:
            yield from sized(asked, dump(_error(asked)))

    return script


def _ended(**parts: int) -> Script:
    """A good stream with another end; who asks for a whole reply gets a good one."""

    def script(asked: Asked) -> Iterator[Step]:
        events = [*asked.begin(), *map(asked.say, WORDS), *asked.end(**parts)]  # pyright: ignore[reportArgumentType] - int is bool enough
        yield from chunked(asked, events if asked.streamed else [asked.body()])

    return script


BODIES: Final = (
    Fault("gzip", "compresses the body", _encoded("gzip", gzip.compress)),
    Fault("deflate", "compresses the body another way", _encoded("deflate", zlib.compress)),
    Fault("gzip-cut", "ends a compressed body too soon", _cut_gzip),
    Fault("gzip-false", "says that the body is compressed, which it is not", _encoded("gzip", bytes)),
    Fault("broken-utf8", "cuts a character in half", _changed(_broken_utf8)),
    Fault("nul-bytes", "sends a NUL in the text, escaped as JSON wants it", _changed(_nul_bytes)),
    Fault("raw-nul", "sends a NUL byte in the middle of a JSON string", _changed(_raw_nul)),
    Fault("bom", "begins the body with a byte order mark", _marked),
    Fault("crlf", "ends its lines with CR LF", _changed(lambda piece: piece.replace(b"\n", b"\r\n"))),
    Fault("cr", "ends its lines with CR", _changed(lambda piece: piece.replace(b"\n", b"\r"))),
    Fault("long-line", "sends the answer as one long line", _long_line, 10.0, "megabytes"),
    Fault("tiny-chunks", "sends the answer in chunks of one byte", _tiny_chunks, 1_000_000, "letters"),
    Fault("endless", "answers without end", _endless, 0.005, "seconds between packets"),
    Fault("keep-alives", "sends keep-alives without end", _keep_alives, 0.05, "seconds between them"),
    Fault("pings", "sends `ping` events without end", _pings, 0.05, "seconds between them"),
    Fault("ok-error", "reports an error with status 200", _ok(lambda asked: dump(_error(asked)), "application/json")),
    Fault("ok-html", "sends a web page with status 200", _ok(lambda _asked: _PAGE, "text/html")),
    Fault("ok-empty", "sends an empty body with status 200", _ok(lambda _asked: b"")),
    Fault("ok-null", "sends a reply without an answer in it: `null` in its place", _ok(_null_choices)),
    Fault("ok-number", "sends JSON that is a number", _ok(lambda _asked: b"42", "application/json")),
    Fault("ok-broken-json", "sends half of a JSON body", _ok(lambda asked: asked.body()[:60], "application/json")),
    Fault(
        "error-frame",
        "reports an error in a `data:` line, after two words",
        _stream(lambda asked: [*_begun(asked), event(_error(asked))]),
    ),
    Fault(
        "error-line",
        "reports an error in an `error:` line, after two words",
        _stream(lambda asked: [*_begun(asked), b"error: " + dump(_error(asked)) + b"\n\n"]),
    ),
    Fault("error-first", "reports an error before the first word", _stream(lambda asked: [event(_error(asked))])),
    Fault("done-twice", "ends a stream twice", _ended(done=2)),
    Fault("no-done", "ends a stream without its end mark", _ended(done=0)),
    Fault("no-usage", "ends a stream without token counts", _ended(usage=False)),
    Fault("no-finish", "ends a stream without a finish reason and without its end mark", _ended(finish=False, done=0)),
)
