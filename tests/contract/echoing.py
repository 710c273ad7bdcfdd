"""An endpoint that fails in every way and repeats what it was sent: headers, key, address and all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal

from typing_extensions import override

Fault = Literal[
    "answer", "refused", "failed", "half a key", "error in the body", "error in mid-stream", "web page",
    "cut", "stall", "reset", "redirect", "unreachable", "misconfigured",
]  # fmt: skip
ECHOES: Final[frozenset[Fault]] = frozenset({"error in the body", "error in mid-stream", "web page"})
"""What comes with status 200 and repeats the secrets: the code that reads it holds it as it came."""
_STATUS: Final[Mapping[Fault, int]] = {"refused": 401, "failed": 500, "half a key": 400, "redirect": 307}
_USAGE: Final = {"input_tokens": 3, "output_tokens": 1}


@dataclass(frozen=True)
class Body:
    """What is sent after the headers; `whole` is false where more was promised."""

    data: bytes
    content_type: str = "application/json"
    whole: bool = True


class Echo:
    """The server. Set `fault` before a call."""

    def __init__(self) -> None:
        self.fault: Fault = "answer"
        self.seen: list[str] = []
        """Each request's headers and path as text."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # the name is http.server's
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.answer(self, bool(json.loads(body).get("stream")))

            @override
            def log_message(self, format: str, *args: Any) -> None:  # the name is http.server's
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, streams: bool) -> None:
        said = json.dumps({**dict(handler.headers.items()), "path": handler.path})
        self.seen.append(said)
        fault = self.fault
        handler.close_connection = fault in ("cut", "stall", "reset")
        if fault == "stall":
            time.sleep(2)
        if fault in ("stall", "reset"):
            return
        messages = handler.path.startswith("/v1/messages")
        reply = _body(fault, said, handler, streams=streams, messages=messages)
        handler.send_response(_STATUS.get(fault, 200))
        handler.send_header("Content-Type", reply.content_type)
        handler.send_header("Content-Length", str(len(reply.data) + (not reply.whole)))
        if fault in _STATUS:
            handler.send_header("request-id", handler.headers.get("Authorization") or "r-1")
        if fault == "redirect":
            handler.send_header("Location", f"http://localhost:9{handler.path}")
        handler.end_headers()
        handler.wfile.write(reply.data)


def _body(fault: Fault, said: str, handler: BaseHTTPRequestHandler, *, streams: bool, messages: bool) -> Body:
    failure = {"type": "error", "error": {"type": "x", "message": f"You sent {said}", "code": said}}
    if fault == "web page":
        return Body(f"<html><!--{'x' * 170}{handler.headers.get('Authorization')}{said}".encode(), "text/html")
    if fault == "half a key":
        key = handler.headers.get("Authorization") or handler.headers.get("X-Api-Key") or ""
        failure["error"] = {"message": "x" * (2000 - len(key) + 6) + key + said}
    if fault in _STATUS or fault == "error in the body" or (fault == "error in mid-stream" and not streams):
        return Body(json.dumps(failure).encode())
    if not streams:
        data = json.dumps(_whole(messages=messages)).encode()
        return Body(data[: len(data) // 2], whole=False) if fault == "cut" else Body(data)
    events = _events(messages=messages)
    if fault == "cut":
        return Body(_sse(events[:3]), "text/event-stream", whole=False)
    if fault == "error in mid-stream":
        return Body(_sse([*events[:3], failure]), "text/event-stream")
    return Body(_sse(events) + b"data: [DONE]\n\n" * (not messages), "text/event-stream")


def _whole(*, messages: bool) -> dict[str, Any]:
    if messages:
        content = [{"type": "text", "text": "Hi."}]
        return {"type": "message", "id": "m", "role": "assistant", "content": content, "stop_reason": "end_turn",
                "model": "m", "usage": _USAGE}  # fmt: skip
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
    return {"id": "c", "model": "m", "choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}


def _events(*, messages: bool) -> list[dict[str, Any]]:
    if not messages:
        return [_chunk({"content": "H"}), _chunk({"content": "i."}), _chunk({}, "stop")]
    start: dict[str, Any] = {
        "type": "message",
        "id": "m",
        "role": "assistant",
        "content": [],
        "model": "m",
        "usage": _USAGE,
    }
    return [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": _USAGE},
        {"type": "message_stop"},
    ]


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _sse(events: list[dict[str, Any]]) -> bytes:
    names = [f"event: {event['type']}\n" if "type" in event else "" for event in events]
    return "".join(f"{name}data: {json.dumps(event)}\n\n" for name, event in zip(names, events, strict=True)).encode()
