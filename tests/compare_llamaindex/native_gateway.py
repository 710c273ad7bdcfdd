"""A gateway with Alibaba's native protocol in front and a Chat Completions server behind it.

The dashscope SDK speaks that protocol only. A request for `/HOST:PORT/PREFIX/services/aigc/TASK/generation` goes to
`http://HOST:PORT/PREFIX/chat/completions`. What is not JSON goes through as it came, broken connections included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from socket import MSG_PEEK, SHUT_RDWR, socket
from threading import Thread
from typing import Any, Final, cast
from urllib.parse import urlsplit

from typing_extensions import override

from tests.compare_llamaindex.native_protocol import Json, Stream, error_of, is_incremental, reply_of, request_of

_PATIENCE: Final = 60
_OF_THIS_HOP: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})
_SSE: Final = "text/event-stream"


def point_sdk_at(base_url: str) -> None:
    """Make the dashscope SDK ask this server, as its documentation says: by the address of the whole process."""
    server = urlsplit(base_url)
    dashscope: Any = import_module("dashscope")
    dashscope.base_http_api_url = f"http://127.0.0.1:{_gateway().server_port}/{server.netloc}{server.path}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away, or a server that did, is what some tests are about."""


@cache
def _gateway() -> ThreadingHTTPServer:
    server = _Server(("127.0.0.1", 0), _Exchange)
    Thread(target=server.serve_forever, name="native-gateway", daemon=True).start()
    return server


class _Exchange(BaseHTTPRequestHandler):
    """One connection of a client. An exception ends it, which the client sees as a broken reply."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Translate a request, ask the server behind, translate its reply."""
        native: Json = json.loads(self.rfile.read(int(self.headers["content-length"])))
        address, _, rest = self.path.lstrip("/").partition("/")
        prefix, _, task = rest.partition("/services/aigc/")
        streamed = self.headers.get("x-dashscope-sse") == "enable"
        body = json.dumps(request_of(native, streamed=streamed))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_THIS_HOP}
        behind = HTTPConnection(address, timeout=_PATIENCE)
        self.close_connection = True
        try:
            behind.request("POST", f"/{prefix}/chat/completions", body.encode(), headers)
            Thread(target=_leave_together, args=(self.connection, behind.sock), daemon=True).start()
            in_parts = task.startswith("multimodal-generation")
            self._answer(behind.getresponse(), Stream(is_incremental(native), in_parts))
        finally:
            behind.close()

    def _answer(self, reply: HTTPResponse, stream: Stream) -> None:
        kind = reply.headers.get_content_type()
        if kind == _SSE and reply.status < 400:
            self._begin(reply, "Transfer-Encoding", "chunked")
            for piece in _translated(reply, stream):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
            return
        body = _whole(reply.read(), reply.status, in_parts=stream.in_parts)
        self._begin(reply, "Content-Length", str(len(body)))
        self.wfile.write(body)

    def _begin(self, reply: HTTPResponse, *length: str) -> None:
        self.send_response(reply.status)
        for name in ("Content-Type", "Retry-After"):
            if name in reply.headers:
                self.send_header(name, reply.headers[name])
        self.send_header(*length)
        self.send_header("Connection", "close")
        self.end_headers()


def _leave_together(client: socket, behind: socket) -> None:
    """Break off the reply from behind when the client goes, also while nothing comes."""
    with suppress(OSError):
        if not client.recv(1, MSG_PEEK):
            behind.shutdown(SHUT_RDWR)


def _whole(body: bytes, status: int, *, in_parts: bool) -> bytes:
    told = _object(body)
    if told is None:
        return body
    native = error_of(told) if status >= 400 else reply_of(told, in_parts=in_parts)
    return json.dumps(native).encode()


def _object(text: bytes) -> Json | None:
    try:
        value: object = json.loads(text)
    except ValueError:
        return None
    return cast("Json", value) if isinstance(value, dict) else None


def _translated(reply: HTTPResponse, stream: Stream) -> Iterator[bytes]:
    """Translate event by event. Comments and data that is no JSON go through; the native protocol has no `[DONE]`."""
    data: list[bytes] = []
    for line in _lines(reply):
        text = line.rstrip(b"\r\n")
        if text.startswith(b":"):
            yield line
        elif text.startswith(b"data:"):
            data.append(text[len(b"data:") :].strip())
        elif not text and data:
            event = b"\n".join(data)
            data = []
            if event != b"[DONE]":
                yield from _events(event, stream)
    yield from (_framed(event) for event in stream.rest())


def _lines(reply: HTTPResponse) -> Iterator[bytes]:
    """Each line as soon as it is there. `reply.readline` would take a broken connection for the end."""
    left = b""
    while block := reply.read1():
        *whole, left = (left + block).splitlines(keepends=True)
        if left.endswith(b"\n"):
            whole.append(left)
            left = b""
        yield from whole
    if left:
        yield left


def _events(data: bytes, stream: Stream) -> Iterator[bytes]:
    chunk = _object(data)
    if chunk is None:
        yield b"event:result\ndata:%b\n\n" % data
    elif chunk.get("error"):
        yield b"event:error\n:HTTP_STATUS/400\ndata:%b\n\n" % json.dumps(error_of(chunk)).encode()
    else:
        yield from (_framed(event) for event in stream.events(chunk))


def _framed(event: Json) -> bytes:
    return b"event:result\n:HTTP_STATUS/200\ndata:%b\n\n" % json.dumps(event).encode()
