"""The server that commits the faults, on a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qwen_sandbox.hostile.asked import Asked, Parameter
from qwen_sandbox.hostile.places import UNKNOWN_HOST, Reserved, hanging, refusing
from qwen_sandbox.hostile.steps import Fault, Stop
from qwen_sandbox.hostile.table import WIRE_FAULTS
from qwen_sandbox.recording import RecordedRequest, record_of

_CERTIFICATE: Final = Path(__file__).with_name("untrusted.pem")
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends a reset."""
_BACKLOG: Final = 1024
_SETTLING: Final = 0.01
_MAX_HEAD: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class _Place:
    """One address that was given out."""

    fault: Fault
    parameter: Parameter


class FaultServer:
    """Speaks HTTP/1.1 by hand, so that it can speak it wrongly. Started once, stopped once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: list[_Place] = []
        self._requests: dict[str, list[RecordedRequest]] = {}
        self._open: Counter[str] = Counter()
        self._reserved: dict[str, Reserved] = {}
        self._loop = asyncio.new_event_loop()
        self._plain = _listener()
        self._silent = _listener()  # nobody accepts what its queue takes: a TLS greeting stays unanswered
        self._port = _port(self._plain)
        self._tls: socket.socket | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._ready = threading.Event()
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="qwen-sandbox-faults", daemon=True)
        self._thread.start()
        self._ready.wait()

    def url(self, name: str, parameter: Parameter | None) -> str:
        """Give out a base URL that commits a fault. See `Sandbox.fault`."""
        fault = WIRE_FAULTS.get(name)
        if fault is None:
            raise ValueError(f"no fault is called {name!r}; there are {', '.join(WIRE_FAULTS)}")
        if parameter is not None and not fault.parameter:
            raise ValueError(f"the fault {name!r} takes no parameter")
        with self._lock:
            number = len(self._places)
            self._places.append(_Place(fault, fault.default if parameter is None else parameter))
            return f"{self._origin(name)}/{name}/{number}/v1"

    def requests(self, url: str) -> list[RecordedRequest]:
        """Return what has come to a URL that was given out."""
        with self._lock:
            return list(self._requests.get(_key(url), ()))

    def open_connections(self, url: str | None) -> int:
        """Return how many connections with a request to `url`, or to any, are still open."""
        with self._lock:
            return sum(self._open.values()) if url is None else self._open[_key(url)]

    def clear(self) -> None:
        """Forget the requests."""
        with self._lock:
            self._requests.clear()

    def stop(self) -> None:
        """Drop every connection and wait for the thread."""
        stopping = self._stopping
        if stopping is None:
            return
        self._stopping = None
        self._loop.call_soon_threadsafe(stopping.set)
        self._thread.join()
        for reserved in self._reserved.values():
            reserved.close()
        self._silent.close()

    def _origin(self, name: str) -> str:
        if name == "unknown-host":
            return f"https://{UNKNOWN_HOST}"
        if name in {"refused", "connect-hangs"}:
            if name not in self._reserved:
                self._reserved[name] = refusing() if name == "refused" else hanging()
            return f"http://127.0.0.1:{self._reserved[name].port}"
        if name == "tls-untrusted":
            return f"https://127.0.0.1:{self._tls_port()}"
        if name == "tls-silent":
            return f"https://127.0.0.1:{_port(self._silent)}"
        return f"{'https' if name == 'tls-plain-text' else 'http'}://127.0.0.1:{self._port}"

    def _tls_port(self) -> int:
        if self._tls is None:
            listener = self._tls = _listener()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(_CERTIFICATE)
            started = asyncio.start_server(self._connected, sock=listener, ssl=context)
            self._servers.append(asyncio.run_coroutine_threadsafe(started, self._loop).result())
        return _port(self._tls)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.close()

    async def _main(self) -> None:
        stopping = self._stopping = asyncio.Event()
        self._servers.append(await asyncio.start_server(self._connected, sock=self._plain, limit=_MAX_HEAD))
        self._ready.set()
        await stopping.wait()
        for listener in filter(None, (self._plain, self._tls)):
            self._loop.remove_reader(listener)
        # A server that is closed at once forgets, open, the connections that it has accepted but not yet handed on.
        await asyncio.sleep(_SETTLING)
        for server in self._servers:
            server.close()
        current = asyncio.current_task()
        served = [task for task in asyncio.all_tasks() if task is not current]
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)
        for writer in self._writers:  # their tasks were cancelled before they began
            writer.transport.abort()
        await asyncio.sleep(0)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)  # a loop holds its tasks weakly
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client that leaves is what these faults are for.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            await self._answer(reader, writer)
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()  # else a loop that stops now would leave the socket to the garbage collector
        self._writers.discard(writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _read_request(reader)
        found = self._note(request) if request is not None else None
        if request is None or found is None:
            await _send(writer, b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            await _flush(writer)
            return
        key = _key(request.path)
        try:
            await self._commit(found, request, reader, writer)
        finally:
            with self._lock:
                self._open[key] -= 1

    def _note(self, request: RecordedRequest) -> _Place | None:
        key = _key(request.path)
        name, _, number = key.partition("/")
        with self._lock:
            place = self._places[int(number)] if number.isdecimal() and int(number) < len(self._places) else None
            if place is None or place.fault.name != name:
                return None
            self._requests.setdefault(key, []).append(request)
            self._open[key] += 1
            return place

    async def _commit(
        self, place: _Place, request: RecordedRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        asked = Asked(
            target=request.path,
            headers=request.headers,
            json=request.json,
            parameter=place.parameter,
            number=len(self.requests(request.path)),
            port=self._port,
        )
        for step in place.fault.script(asked):
            if isinstance(step, bytes):
                await _send(writer, step)
            elif step is Stop.HOLD:
                await reader.read()
                return
            elif step is Stop.RESET:
                held: socket.socket = writer.get_extra_info("socket")
                held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                return
            else:
                await asyncio.sleep(step)
        await _flush(writer)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def _flush(writer: asyncio.StreamWriter) -> None:
    """Let all that was written go out, and then the end of the stream."""
    writer.close()
    await writer.wait_closed()


async def _read_request(reader: asyncio.StreamReader) -> RecordedRequest | None:
    """Read one request; `None` for what is none, such as a TLS greeting."""
    first = await reader.readline()
    words = first.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/"):  # noqa: PLR2004 - method, target, version
        return None
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    headers = [
        (name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines if line)
    ]
    length = dict(headers).get("content-length", "0")
    body = await reader.readexactly(int(length)) if length.isdecimal() else b""
    return record_of(words[0], words[1], headers, body)


def _listener() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(_BACKLOG)
    return listener


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _key(url: str) -> str:
    """Return the part of a URL, or of a request's target, that names a place: `fault/number`."""
    path = url.partition("://")[2].partition("/")[2] if "://" in url else url.removeprefix("/")
    return "/".join(path.partition("?")[0].split("/")[:2])
