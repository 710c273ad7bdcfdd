"""What the core's tests share: a recording HTTP server on a real socket, and short ways to write replies."""

from __future__ import annotations

import json
import ssl
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, cast

from pydantic import SecretStr
from qwen_endpoints import (
    PROVIDERS,
    Call,
    ChatRequest,
    Completion,
    CompletionDelta,
    Endpoint,
    Message,
    Provider,
    QwenClient,
    QwenSettings,
    plan_call,
    resolve,
)
from qwen_endpoints.chat_completions import StreamDecoder, encode_request
from qwen_endpoints.codec import EncodedRequest
from qwen_endpoints.reply import ReplyDecoder
from typing_extensions import override

CHAT_ROWS = tuple(name for name, row in PROVIDERS.items() if row.protocol == "chat_completions")
KEY: Any = "test-key-4711"
"""Any, because pydantic takes text for its secrets."""
SSE = "text/event-stream"


@dataclass(frozen=True)
class Reply:
    """One scripted reply. `after` its pieces the server ends it, drops the connection, or holds it open."""

    pieces: Sequence[bytes] = (b"",)
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    after: Literal["end", "drop", "hold"] = "end"
    pause: float = 0
    """Seconds after each piece."""
    together: bool = False
    """Send all pieces, and the end of the body, at once."""


@dataclass(frozen=True)
class Received:
    """One request as the server saw it."""

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Server:
    """Gives the scripted replies in order, repeats the last one, and remembers what it was asked."""

    def __init__(self, certificate: str | None = None) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.hang_up = threading.Event()
        self.release = threading.Event()
        self._replies: list[Reply] = [Reply()]
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            @override
            def setup(self) -> None:
                super().setup()
                self.number = outer.count()

            def do_GET(self) -> None:  # the name is http.server's
                self.do_POST()

            def do_POST(self) -> None:  # as do_GET
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                seen = Received(self.path, tuple(self.headers.items()), body, self.number)
                outer.answer(self, outer.note(seen))

            @override
            def log_message(self, format: str, *args: Any) -> None:  # the name is http.server's
                return

        class Listener(ThreadingHTTPServer):
            request_queue_size = 128

            @override
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Say nothing about clients that are gone, which is what many tests are about."""
                if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
                    super().handle_error(request, client_address)

        self._http = Listener(("127.0.0.1", 0), Handler)
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
            self._scheme = "https"
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._http.server_port}/v1"

    @property
    def last(self) -> Received:
        return self.received[-1]

    def script(self, *replies: Reply) -> None:
        self._replies = list(replies)

    def reset(self) -> None:
        self.release.set()
        self.received, self.connections = [], 0
        self.hang_up, self.release = threading.Event(), threading.Event()
        self.script(Reply((whole_body(),)))

    def stop(self) -> None:
        self.release.set()
        self._http.shutdown()
        self._http.server_close()

    def count(self) -> int:
        with self._lock:
            self.connections += 1
            return self.connections

    def note(self, seen: Received) -> Reply:
        with self._lock:
            self.received.append(seen)
            return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]

    def answer(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        handler.send_response(reply.status)
        for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        release, hang_up = self.release, self.hang_up
        try:
            _send(handler, reply)
            if reply.after == "end":
                return
            handler.close_connection = True
            if reply.after == "hold":
                handler.connection.settimeout(0.02)
                while not release.is_set():
                    try:
                        if not handler.connection.recv(1):
                            hang_up.set()
                            return
                    except TimeoutError:  # noqa: PERF203 - most of the time there is nothing to read
                        continue
        except OSError:
            hang_up.set()
            handler.close_connection = True


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in reply.pieces if piece]
    if reply.after == "end":
        chunks.append(b"0\r\n\r\n")
    for written in [b"".join(chunks)] if reply.together else chunks:
        handler.wfile.write(written)
        if reply.pause:
            time.sleep(reply.pause)


def chunk(delta: Any = None, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """One payload of a stream with one choice."""
    choice: dict[str, Any] = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"id": "r-1", "object": "chat.completion.chunk", "created": 11, "model": "m", "choices": [choice], **fields}


def whole(message: Any = None, finish: str | None = "stop", **fields: Any) -> dict[str, Any]:
    """A whole reply with one choice."""
    said = {"role": "assistant", "content": "Hello."} if message is None else message
    choice = {"index": 0, "message": said, "finish_reason": finish}
    return {"id": "r-1", "object": "chat.completion", "created": 11, "model": "m", "choices": [choice], **fields}


def whole_body(message: Any = None, finish: str | None = "stop", **fields: Any) -> bytes:
    return json.dumps(whole(message, finish, **fields)).encode()


def sse_body(*payloads: Any, done: bool = True) -> bytes:
    events = [b"data: " + json.dumps(payload).encode() + b"\n\n" for payload in payloads]
    return b"".join(events) + (b"data: [DONE]\n\n" if done else b"")


def json_reply(message: Any = None, finish: str | None = "stop", **fields: Any) -> Reply:
    return Reply((whole_body(message, finish, **fields),))


def sse_reply(*payloads: Any, done: bool = True, after: Literal["end", "drop", "hold"] = "end") -> Reply:
    return Reply(tuple(sse_body(payload, done=False) for payload in payloads) + (b"data: [DONE]\n\n",) * done,
                 content_type=SSE, after=after)  # fmt: skip


HELLO = (chunk({"role": "assistant", "content": "Hel"}), chunk({"content": "lo."}), chunk({}, "stop"))


def call_piece(
    arguments: Any = None,
    *,
    index: int | None = 0,
    id: str | None = None,  # noqa: A002 - the wire's own word
    name: str | None = None,
) -> dict[str, Any]:
    """One entry of `tool_calls`, with what is not given left out."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    entry: dict[str, Any] = {"type": "function", "function": function}
    if index is not None:
        entry["index"] = index
    if id is not None:
        entry["id"] = id
    return entry


def calls_chunk(*pieces: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return chunk({"tool_calls": list(pieces)}, finish)


def user(text: Any = "Hi") -> Message:
    return Message(role="user", content=text)


def endpoint(provider: str | Provider = "dashscope", model: str = "qwen-plus", **settings: Any) -> Endpoint:
    return resolve(QwenSettings(model=model, provider=provider, api_key=SecretStr(KEY), **settings))


def encoded(place: Endpoint, *, stream: bool = True, **request: Any) -> EncodedRequest:
    given: dict[str, Any] = {"messages": (user(),), **request}
    return encode_request(ChatRequest(**given), place, stream=stream)


@dataclass(frozen=True)
class Decoded:
    """Everything a reply gave."""

    deltas: tuple[CompletionDelta, ...]

    @property
    def completion(self) -> Completion:
        assert [delta.completion is not None for delta in self.deltas[:-1]] == [False] * (len(self.deltas) - 1)
        last = self.deltas[-1].completion
        assert last is not None
        return last

    def text(self, choice: int = 0) -> str:
        return "".join(delta.text for delta in self.deltas if delta.choice == choice)

    def reasoning(self, choice: int = 0) -> str:
        return "".join(delta.reasoning for delta in self.deltas if delta.choice == choice)

    def calls(self, choice: int = 0) -> list[tuple[str | None, str | None, str]]:
        """Calls put together from deltas alone, as a framework would: by index, first id, first name."""
        joined: dict[int, tuple[str | None, str | None, str]] = {}
        for delta in self.deltas:
            for piece in delta.tool_calls if delta.choice == choice else ():
                id_, name, arguments = joined.get(piece.index, (None, None, ""))
                joined[piece.index] = (id_ or piece.id, name or piece.name, arguments + piece.arguments)
        return [joined[index] for index in sorted(joined)]


def decode_pieces(
    pieces: Iterable[bytes], place: Endpoint | None = None, *, content_type: str = SSE, **request: Any
) -> Decoded:
    """Run the decoder over bytes as they come from a socket."""
    where = place or endpoint()
    decoder = ReplyDecoder(where, StreamDecoder(where, encoded(where, **request)), {"content-type": content_type})
    deltas: list[CompletionDelta] = []
    for piece in pieces:
        deltas += decoder.feed(piece)
        if decoder.ended:
            break
    deltas += decoder.finish()
    return Decoded(tuple(deltas))


def decode(*payloads: Any, place: Endpoint | None = None, done: bool = True, **request: Any) -> Decoded:
    """Decode a stream of payloads."""
    return decode_pieces([sse_body(*payloads, done=done)], place, **request)


def decode_whole(payload: Any, place: Endpoint | None = None, **request: Any) -> Completion:
    """Decode a whole reply."""
    body = json.dumps(payload).encode()
    return decode_pieces([body], place, content_type="application/json", **request).completion


# Calls over the wire

MODELS = {
    "anyfast-cn": "qwen3-32b",
    "anyfast": "qwen3.6-flash",
    "wcode": "qwen/qwen3-235b-a22b",
    "wcode-anthropic": "qwen/qwen3-235b-a22b",
    "openrouter": "qwen/qwen3-235b-a22b",
}
"""A hybrid model of each provider; the others serve `qwen3-32b`."""
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "weather", "description": "d", "parameters": {"type": "object", "properties": {}}},
}
SCHEMA: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}


class _Absent:
    """Has the same name in every process, because cases are named by their values."""

    @override
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()
OTHER_SWITCHES = ("reasoning", "chat_template_kwargs", "thinking_budget", "reasoning_effort", "thinking_token_budget")


def at(body: Any, path: str) -> Any:
    for step in path.split("."):
        if not isinstance(body, dict) or step not in body:
            return ABSENT
        body = cast("dict[str, Any]", body)[step]
    return body


def make(server: Server, provider: str, **settings: Any) -> QwenSettings:
    given: dict[str, Any] = {
        "model": MODELS.get(provider, "qwen3-32b"),
        "provider": provider,
        "api_key": KEY,
        "base_url": server.url,
    }
    return QwenSettings(**{**given, **settings})


def send(client: QwenClient, settings: QwenSettings, **call: Any) -> Completion:
    messages: list[Message] = call.pop("messages", [user()])
    return client.complete(plan_call(settings, messages, **call))


# The four ways to make a call


def text_of(answer: Completion | list[CompletionDelta]) -> str:
    """The text of what any of them returns."""
    return answer.first.text if isinstance(answer, Completion) else "".join(delta.text for delta in answer)


async def whole_async(client: QwenClient, call: Call) -> Any:
    return await client.acomplete(call)


async def stream_async(client: QwenClient, call: Call) -> Any:
    return [delta async for delta in client.astream(call)]


async def whole_sync(client: QwenClient, call: Call) -> Any:
    return client.complete(call)


async def stream_sync(client: QwenClient, call: Call) -> Any:
    return list(client.stream(call))
