"""The sandbox as an object: a server on its own thread, to be used in a `with` block."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import uvicorn

from qwen_sandbox.app import State, build_app
from qwen_sandbox.canned import Reply
from qwen_sandbox.contract import preload
from qwen_sandbox.gateways import GATEWAY_BY_NAME, GATEWAYS
from qwen_sandbox.hostile.server import FaultServer
from qwen_sandbox.keys import API_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from qwen_sandbox.recording import RecordedRequest

_START_TIMEOUT = 30.0
_START_POLL = 0.002


class Sandbox:
    """A local gateway with scripted answers; there is no model inside.

    `port` 0 takes a free one. `replay` is a folder of recorded replies to serve. `chunk_delay` is the pause in seconds
    after each piece of a stream.

    Example:
        >>> with Sandbox() as sandbox:
        ...     client = OpenAI(base_url=sandbox.base_url("anyfast"), api_key=sandbox.api_key)
    """

    def __init__(
        self, *, port: int = 0, host: str = "127.0.0.1", replay: Path | None = None, chunk_delay: float = 0.0
    ) -> None:
        self._host = host
        self._port = port
        self._state = State(replay=None if replay is None else Path(replay).resolve(), chunk_delay=chunk_delay)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._hostile: FaultServer | None = None
        self._hostile_lock = threading.Lock()

    def start(self) -> Self:
        """Start the server, wait until it accepts connections and return the sandbox."""
        if self._server is not None:
            raise RuntimeError("the sandbox is already running")
        preload(GATEWAYS)
        listener = _listen(self._host, self._port)
        self._port = int(listener.getsockname()[1])
        config = uvicorn.Config(
            build_app(self._state),
            # h11 writes each piece as its own chunk and drops unfinished replies, on every platform.
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=_run, args=(server, listener), name="qwen-sandbox", daemon=True)
        thread.start()
        self._server, self._thread = server, thread
        self._wait_until_accepting(server, thread)
        return self

    def _wait_until_accepting(self, server: uvicorn.Server, thread: threading.Thread) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("the sandbox did not start")
            time.sleep(_START_POLL)

    def stop(self) -> None:
        """Stop the server and wait for its thread; stopping a stopped sandbox does nothing."""
        with self._hostile_lock:
            hostile, self._hostile = self._hostile, None
        if hostile is not None:
            hostile.stop()
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        server.should_exit = True
        thread.join()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Return the root URL, without a slash at the end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def api_key(self) -> str:
        """Return the one key the gateways accept."""
        return API_KEY

    def base_url(self, name: Literal["anyfast-cn", "anyfast", "wcode", "wcode-anthropic", "replay"]) -> str:
        """Return the base URL of a gateway, to which a client adds `/chat/completions`, or `/v1/messages`."""
        if name == "replay":
            return f"{self.url}/replay"
        if name not in GATEWAY_BY_NAME:
            raise ValueError(f"no gateway is called {name!r}; there are {', '.join(GATEWAY_BY_NAME)} and replay")
        return self.url + GATEWAY_BY_NAME[name].base_path

    def replay_url(self, name: str) -> str:
        """Return the base URL that answers with the recording `name`, a file name such as `hello.sse`."""
        return f"{self.url}/replay/{quote(name, safe='')}/v1"

    def script(
        self,
        path_or_name: str,
        body: bytes = b"",
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        chunks: Sequence[bytes] | None = None,
        abort: bool = False,
    ) -> str:
        """Register one reply under a name and return the base URL that answers with it."""
        reply = Reply(body, status, content_type, headers or {}, chunks, abort)
        return self.script_sequence(path_or_name, [reply])

    def script_sequence(self, name: str, replies: Sequence[Reply]) -> str:
        """Register replies to give one after the other (the last repeats) and return their base URL."""
        name = name.strip("/").replace("/", "-")
        self._state.scripts.register(name, replies)
        return f"{self.url}/script/{quote(name, safe='')}/v1"

    def fault(self, name: str, parameter: float | str | None = None) -> str:
        """Return a base URL, good for both protocols, at which every request meets a fault on the wire.

        The README lists the names, and what `parameter` means to each. Whatever path follows is answered: a good answer
        of three words, cut or bent. Each call gives an address of its own, with counts of its own.

        Raises:
            ValueError: No fault has this name, or it takes no parameter.
            RuntimeError: The sandbox is not running.
        """
        return self._faults().url(name, parameter)

    def fault_requests(self, url: str) -> list[RecordedRequest]:
        """Return the requests that came to a URL of `fault`, in order, until `clear`."""
        return self._faults().requests(url)

    def fault_connections(self, url: str | None = None) -> int:
        """Return how many connections that brought a request to a URL of `fault` (to any) are open at this moment."""
        return self._faults().open_connections(url)

    def _faults(self) -> FaultServer:
        """The server on which faults are committed; most sandboxes never need it."""
        with self._hostile_lock:
            if self._server is None:
                raise RuntimeError("the sandbox is not running")
            if self._hostile is None:
                self._hostile = FaultServer()
            return self._hostile

    @property
    def requests(self) -> list[RecordedRequest]:
        """Return the requests received so far, in order."""
        return self._state.log.snapshot()

    @property
    def last_request(self) -> RecordedRequest:
        """Return the newest request; LookupError when there is none."""
        records = self._state.log.snapshot()
        if not records:
            raise LookupError("the sandbox has received no request yet")
        return records[-1]

    @property
    def open_streams(self) -> int:
        """Return how many streams are being written at this moment."""
        return self._state.open_streams

    def clear(self) -> None:
        """Forget the recorded requests, the counts of fault tokens and the cached prompts."""
        self._state.log.clear()
        self._state.faults.clear()
        self._state.prefixes.clear()
        with self._hostile_lock:
            if self._hostile is not None:
                self._hostile.clear()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol spelled out asyncio turns Nagle's algorithm off; else each reply waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    try:
        asyncio.run(server.serve(sockets=[listener]))
    finally:
        listener.close()
