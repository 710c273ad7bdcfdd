"""Faults on the wire, looked at with a bare socket."""

from __future__ import annotations

import gzip
import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from qwen_sandbox import Sandbox
from qwen_sandbox.hostile.table import WIRE_FAULTS

ANSWERING = ("/chat/completions", "/v1/messages")


def ask(url: str, path: str = "/chat/completions", *, streamed: bool = True, patience: float = 5.0) -> socket.socket:
    """Send a request; whoever calls reads the reply and closes."""
    parts = urlsplit(url)
    body = json.dumps({"stream": streamed}).encode()
    head = f"POST {parts.path}{path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-length: {len(body)}\r\n\r\n"
    connection = socket.create_connection((parts.hostname, parts.port or 0), timeout=patience)
    connection.sendall(head.encode() + body)
    return connection


def read(connection: socket.socket) -> bytes:
    """Everything up to the end, however that comes."""
    pieces: list[bytes] = []
    with connection:
        try:
            while piece := connection.recv(65536):
                pieces.append(piece)
        except (ConnectionResetError, TimeoutError) as error:
            pieces.append(type(error).__name__.encode())
    return b"".join(pieces)


def eventually_closed(sandbox: Sandbox, url: str) -> bool:
    deadline = time.monotonic() + 5
    while sandbox.fault_connections(url) and time.monotonic() < deadline:
        time.sleep(0.01)
    return sandbox.fault_connections(url) == 0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.mark.parametrize("path", ANSWERING)
def test_without_a_fault_there_is_an_answer_in_the_protocol_of_the_path(sandbox: Sandbox, path: str) -> None:
    whole = read(ask(sandbox.fault("none"), path, streamed=False))
    streamed = read(ask(sandbox.fault("none"), path))
    assert "你好".encode() in streamed
    assert streamed.endswith(b"0\r\n\r\n")
    assert (b'"choices"' in whole, b"[DONE]" in streamed) == ((True, True) if path == ANSWERING[0] else (False, False))
    assert (b'"content": [' in whole, b"message_stop" in streamed) == (
        (False, False) if path == ANSWERING[0] else (True, True)
    )


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("reset-before-headers", b"ConnectionResetError"),
        ("close-before-headers", b""),
        ("not-http", b"SSH-2.0-sandbox\r\n"),
        ("reset-mid-body", b"ConnectionResetError"),
        ("reset-between-lines", b": the next event\n\r\nConnectionResetError"),
        ("clean-cut", b"\r\n0\r\n\r\n"),
        ("bad-chunk-size", b"not a size\r\nTimeoutError"),
    ],
)
def test_a_connection_ends_as_its_fault_says(sandbox: Sandbox, name: str, ends: bytes) -> None:
    reply = read(ask(sandbox.fault(name), patience=0.3))
    assert reply.endswith(ends)
    assert (reply == ends) == (name in {"reset-before-headers", "close-before-headers", "not-http"})


def test_lengths_are_wrong_in_both_directions(sandbox: Sandbox) -> None:
    for name, sign in (("content-length-long", 1), ("content-length-short", -1)):
        head, _, body = read(ask(sandbox.fault(name), streamed=False)).partition(b"\r\n\r\n")
        promised = int(head.lower().partition(b"content-length: ")[2].split()[0])
        assert (promised - len(body)) * sign > 0


def test_a_body_is_compressed(sandbox: Sandbox) -> None:
    head, _, body = read(ask(sandbox.fault("gzip"), streamed=False)).partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head
    assert json.loads(gzip.decompress(body))["choices"]


def test_requests_are_counted_for_each_address(sandbox: Sandbox) -> None:
    first, second = sandbox.fault("recovers", 1), sandbox.fault("recovers", 1)
    assert b" 503 " in read(ask(first))
    assert b" 200 " in read(ask(first))
    assert b" 503 " in read(ask(second))
    assert [len(sandbox.fault_requests(url)) for url in (first, second)] == [2, 1]
    assert sandbox.fault_requests(first)[0].json == {"stream": True}
    sandbox.clear()
    assert sandbox.fault_requests(first) == []


def test_connections_are_counted_until_the_client_leaves(sandbox: Sandbox) -> None:
    url = sandbox.fault("silent")
    connection = ask(url)
    while not sandbox.fault_requests(url):
        time.sleep(0.01)
    assert (sandbox.fault_connections(url), sandbox.fault_connections()) == (1, 1)
    connection.close()
    assert eventually_closed(sandbox, url)


@pytest.mark.parametrize("name", ["endless", "keep-alives", "pings", "drip"])
def test_what_has_no_end_ends_when_the_client_leaves(sandbox: Sandbox, name: str) -> None:
    url = sandbox.fault(name, 0.01)
    connection = ask(url)
    assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
    connection.close()
    assert eventually_closed(sandbox, url)


def test_a_redirect_names_the_host_it_leads_to(sandbox: Sandbox) -> None:
    for name, host in (
        ("redirect", b"127.0.0.1"),
        ("redirect-other-host", b"localhost"),
        ("redirect-loop", b"127.0.0.1"),
    ):
        reply = read(ask(sandbox.fault(name, 308)))
        assert reply.startswith(b"HTTP/1.1 308 Permanent Redirect")
        assert b"location: http://%s:" % host in reply


def test_retry_after_is_sent_as_it_was_asked_for(sandbox: Sandbox) -> None:
    assert b"retry-after: 9e99\r\n" in read(ask(sandbox.fault("retry-after", "9e99")))
    assert b"retry-after-ms: 100\r\n" in read(ask(sandbox.fault("retry-after", "ms")))
    assert b" GMT\r\n" in read(ask(sandbox.fault("retry-after", "date")))


def test_an_unknown_name_or_parameter_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="no fault is called 'reset'; there are refused"):
        sandbox.fault("reset")
    with pytest.raises(ValueError, match="takes no parameter"):
        sandbox.fault("silent", 3)


def test_there_is_no_fault_without_a_running_sandbox() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        Sandbox().fault("silent")


def test_stopping_drops_what_is_open() -> None:
    with Sandbox() as sandbox:
        connection = ask(sandbox.fault("silent"))
    assert read(connection) in {b"", b"ConnectionResetError"}


def test_rows_are_named_once_and_say_what_they_do() -> None:
    assert all(name == fault.name and fault.does for name, fault in WIRE_FAULTS.items())
    assert all(bool(fault.parameter) == (fault.default != "") for fault in WIRE_FAULTS.values())


def test_the_readme_names_every_fault() -> None:
    readme = (Path(__file__).parents[3] / "integrations/qwen-sandbox/README.md").read_text(encoding="utf-8")
    section = readme.partition("## Faults on the wire")[2].partition("\n## ")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`([a-z0-9-]+)`", " ".join(re.sub(r"\([^)]*\)", "", cell) for cell in first_cells)))
    assert named == set(WIRE_FAULTS)
