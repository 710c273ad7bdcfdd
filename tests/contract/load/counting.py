"""A small server on threads that says which connection each request came on, and can hold a stream open."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Final

from typing_extensions import override

HELD: Final = "hold on"
"""A prompt whose answer stops after a word, until `go_on`."""


class Counting:
    """Streams Chat Completions: the prompt's words back, one a chunk."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        """Of each request the prompt and the number of the connection that it came on."""
        self._numbers = count(1)
        self.go_on = threading.Event()
        self.held = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            @override
            def setup(self) -> None:
                super().setup()
                self.number = next(outer._numbers)

            def do_POST(self) -> None:  # the name is http.server's
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                prompt: str = body["messages"][-1]["content"]
                outer.seen.append((prompt, self.number))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for number, word in enumerate(prompt.split()):
                    self._send(json.dumps(_chunk(word if number == 0 else f" {word}")))
                    if prompt == HELD and number == 0:
                        outer.held.set()
                        outer.go_on.wait(100)
                self._send(json.dumps(_chunk(None)))
                self._send("[DONE]")
                self.wfile.write(b"0\r\n\r\n")

            def _send(self, data: str) -> None:
                event = f"data: {data}\n\n".encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))

            @override
            def log_message(self, format: str, *args: Any) -> None:  # the name is http.server's
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def connections(self, prompt: str) -> set[int]:
        """The numbers of those that brought a prompt."""
        return {number for asked, number in self.seen if asked == prompt}

    def stop(self) -> None:
        self.go_on.set()
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def counting_server() -> Generator[Counting]:
    server = Counting()
    try:
        yield server
    finally:
        server.stop()


def _chunk(text: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": None if text else "stop"}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
