"""The server itself: life cycle, records, canned replies, many clients at once, and the command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest
import qwen_sandbox
from qwen_sandbox import Reply, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Api


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    (tmp_path / "hello.json").write_bytes(b'{"id": 1}')
    (tmp_path / "hello.request.json").write_bytes(b'{"method": "POST"}')
    (tmp_path / "hello.jsonl").write_bytes('{"a": "é"}\n\n{"b": 2}\n'.encode())
    (tmp_path / "raw.sse").write_bytes('data: {"x": "天"}\r\n\r\n: odd\n'.encode())
    (tmp_path / "gate_error_429_raw.json").write_bytes(b"{}")
    (tmp_path / "secret.txt").write_bytes(b"no")
    return tmp_path


@pytest.fixture
def replaying(recordings: Path) -> Iterator[Sandbox]:
    with Sandbox(replay=recordings) as sandbox:
        yield sandbox


def test_public_names() -> None:
    assert qwen_sandbox.__all__ == ["RecordedRequest", "Reply", "Sandbox", "__version__"]


def test_context_manager_leaves_nothing_behind() -> None:
    before = threading.active_count()
    with Sandbox() as sandbox:
        assert threading.active_count() > before
        port = httpx.URL(sandbox.url).port
        assert httpx.get(sandbox.url).status_code == 200
    assert threading.active_count() == before
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port or 0)) != 0


def test_start_and_stop_again() -> None:
    sandbox = Sandbox()
    sandbox.stop()
    assert sandbox.start() is sandbox
    with pytest.raises(RuntimeError, match="already running"):
        sandbox.start()
    url = sandbox.url
    sandbox.stop()
    sandbox.stop()
    sandbox.start()
    assert sandbox.url == url
    assert httpx.get(url).status_code == 200
    sandbox.stop()


def test_stops_although_a_stream_is_open() -> None:
    sandbox = Sandbox(chunk_delay=0.2).start()
    body = {"model": "qwen3-32b", "messages": [{"role": "user", "content": "Count from 1 to 500"}], "stream": True}
    headers = {"authorization": f"Bearer {sandbox.api_key}"}
    url = sandbox.base_url("anyfast-cn") + "/chat/completions"
    with httpx.Client() as client, client.stream("POST", url, json=body, headers=headers) as response:
        # Held on to: a dropped iterator closes the response.
        pieces = response.iter_raw()
        next(pieces)
        began = time.monotonic()
        sandbox.stop()
    assert time.monotonic() - began < 5


def test_occupied_port_is_an_error(qwen_sandbox: Sandbox) -> None:
    port = httpx.URL(qwen_sandbox.url).port
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=port or 0).start()


def test_greeting_says_there_is_no_model(api: Api) -> None:
    assert "no model" in json.dumps(api.client.get(api.sandbox.url).json())


def test_other_paths_and_methods_are_told_in_json(api: Api) -> None:
    missing = api.client.post(api.sandbox.base_url("anyfast") + "/embeddings", json={})
    assert missing.status_code == 404
    assert "POST /anyfast/v1/embeddings" in missing.json()["error"]["message"]
    assert api.client.get(api.url("cn")).status_code == 405


def test_base_urls(qwen_sandbox: Sandbox) -> None:
    assert qwen_sandbox.base_url("anyfast-cn") == f"{qwen_sandbox.url}/anyfast-cn/v1"
    assert qwen_sandbox.base_url("anyfast") == f"{qwen_sandbox.url}/anyfast/v1"
    assert qwen_sandbox.base_url("wcode") == f"{qwen_sandbox.url}/wcode/api/gpt/v1"
    assert qwen_sandbox.base_url("wcode-anthropic") == f"{qwen_sandbox.url}/wcode/api/anthropic"
    with pytest.raises(ValueError, match="no gateway"):
        qwen_sandbox.base_url("elsewhere")  # type: ignore[arg-type]


def test_requests_are_recorded(api: Api) -> None:
    with pytest.raises(LookupError):
        _ = api.sandbox.last_request
    api.post("flash", "hi", headers={"X-Mine": "Yes"})
    record = api.sandbox.last_request
    assert api.sandbox.requests == [record]
    assert (record.method, record.path) == ("POST", "/anyfast/v1/chat/completions")
    assert record.headers["x-mine"] == "Yes"
    assert record.json == json.loads(record.body)
    assert record.json["model"] == "qwen3.6-flash"
    api.sandbox.clear()
    assert api.sandbox.requests == []


def test_refused_requests_are_recorded_too(api: Api) -> None:
    api.client.post(api.url("cn"), content=b"{oops", headers={"authorization": "Bearer no"})
    assert api.sandbox.last_request.body == b"{oops"
    assert api.sandbox.last_request.json is None


@pytest.mark.parametrize(
    ("name", "status", "kind", "body"),
    [
        ("hello.json", 200, "application/json", b'{"id": 1}'),
        ("hello.jsonl", 200, "text/event-stream", 'data: {"a": "é"}\n\ndata: {"b": 2}\n\ndata: [DONE]\n\n'.encode()),
        ("raw.sse", 200, "text/event-stream", 'data: {"x": "天"}\r\n\r\n: odd\n'.encode()),
        ("gate_error_429_raw.json", 429, "application/json", b"{}"),
        ("hello.request.json", 404, "application/json", None),
        ("secret.txt", 404, "application/json", None),
        ("missing.sse", 404, "application/json", None),
        ("../secret.txt", 404, "", None),
    ],
)
def test_replay(replaying: Sandbox, name: str, status: int, kind: str, body: bytes | None) -> None:
    response = httpx.post(replaying.replay_url(name) + "/chat/completions", content=b"whatever")
    assert response.status_code == status
    assert response.headers["content-type"].startswith(kind)
    assert body is None or response.content == body


def test_replay_in_small_pieces(replaying: Sandbox) -> None:
    url = replaying.replay_url("raw.sse") + "/chat/completions"
    for request in (
        httpx.Request("POST", url, headers={"x-sandbox-chunk": "3"}),
        httpx.Request("POST", url, params={"x-sandbox-chunk": "3"}),
    ):
        with httpx.Client() as client:
            response = client.send(request)
        assert response.headers["transfer-encoding"] == "chunked"
        assert response.content == 'data: {"x": "天"}\r\n\r\n: odd\n'.encode()


def test_replay_without_a_folder(qwen_sandbox: Sandbox) -> None:
    assert httpx.post(qwen_sandbox.replay_url("a.json") + "/chat/completions").status_code == 404


def test_script(qwen_sandbox: Sandbox) -> None:
    url = qwen_sandbox.script("my test", b"teapot", status=418, content_type="text/plain", headers={"x-a": "b"})
    response = httpx.post(f"{url}/chat/completions")
    assert (response.status_code, response.content, response.headers["x-a"]) == (418, b"teapot", "b")
    assert qwen_sandbox.last_request.path == "/script/my test/v1/chat/completions"
    assert httpx.get(f"{url}/models").status_code == 418


def test_script_chunks(qwen_sandbox: Sandbox) -> None:
    pieces = ["data: é".encode()[:7], "é".encode()[1:], b"\n\n"]
    url = qwen_sandbox.script("pieces", chunks=pieces, content_type="text/event-stream")
    response = httpx.post(f"{url}/chat/completions")
    assert response.content == b"".join(pieces)


def test_script_abort(qwen_sandbox: Sandbox) -> None:
    url = qwen_sandbox.script("cut", chunks=[b"data: 1\n\n", b"data: 2\n\n"], abort=True)
    seen: list[bytes] = []
    with (
        httpx.Client() as client,
        client.stream("POST", f"{url}/chat/completions") as response,
        pytest.raises(httpx.RemoteProtocolError, match="incomplete"),
    ):
        seen.extend(response.iter_raw())
    assert b"".join(seen) == b"data: 1\n\ndata: 2\n\n"


def test_script_sequence(qwen_sandbox: Sandbox) -> None:
    url = qwen_sandbox.script_sequence("twice", [Reply(b"slow down", status=429), Reply(b"{}")])
    assert [httpx.post(f"{url}/chat/completions").status_code for _ in range(3)] == [429, 200, 200]
    with pytest.raises(ValueError, match="at least one"):
        qwen_sandbox.script_sequence("none", [])


def test_unknown_script_is_not_found(qwen_sandbox: Sandbox) -> None:
    assert httpx.post(f"{qwen_sandbox.url}/script/nobody/v1/chat/completions").status_code == 404


async def test_fifty_at_once(qwen_sandbox: Sandbox) -> None:
    headers = {"authorization": f"Bearer {qwen_sandbox.api_key}"}
    url = qwen_sandbox.base_url("anyfast") + "/chat/completions"

    async def ask(client: httpx.AsyncClient, number: int) -> str:
        body = {"model": "qwen3.6-flash", "messages": [{"role": "user", "content": f"Say number {number}"}]}
        response = await client.post(url, json=body | {"stream": number % 2 == 0})
        text = response.text
        if number % 2:
            return response.json()["choices"][0]["message"]["content"]
        chunks = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
        return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)

    async with httpx.AsyncClient(headers=headers, timeout=30) as client:
        texts = await asyncio.gather(*(ask(client, number) for number in range(50)))
    assert texts == [f"number {number}" for number in range(50)]
    assert len(qwen_sandbox.requests) == 50


def test_a_client_that_leaves_ends_its_stream() -> None:
    with Sandbox(chunk_delay=0.02) as sandbox:
        body = {"model": "qwen3-32b", "messages": [{"role": "user", "content": "Count to 900"}], "stream": True}
        headers = {"authorization": f"Bearer {sandbox.api_key}"}
        url = sandbox.base_url("anyfast-cn") + "/chat/completions"
        with httpx.Client() as client, client.stream("POST", url, json=body, headers=headers) as response:
            pieces = response.iter_raw()
            next(pieces)
            assert sandbox.open_streams == 1
        deadline = time.monotonic() + 5
        while sandbox.open_streams and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sandbox.open_streams == 0


def _serve(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "qwen_sandbox", "serve", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to catch")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_line_serves_until_told_to_stop(number: signal.Signals) -> None:
    with _serve("--port", "0") as process:
        assert process.stdout is not None
        banner = ""
        while "Stop with" not in banner:
            line = process.stdout.readline()
            assert line, "the command ended early"
            banner += line
        for words in (
            "no model inside",
            "/anyfast-cn/v1",
            "/anyfast/v1",
            "/wcode/api/gpt/v1",
            "/wcode/api/anthropic",
            "sk-sandbox",
        ):
            assert words in banner
        url = next(word for word in banner.split() if word.startswith("http"))
        assert httpx.get(url + "/models").status_code == 401
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_command_line_mistakes(tmp_path: Path, qwen_sandbox: Sandbox) -> None:
    with _serve("--replay", str(tmp_path / "nowhere")) as process:
        assert process.wait(10) == 2
    with _serve("--port", str(httpx.URL(qwen_sandbox.url).port)) as process:
        assert process.wait(10) == 1
        assert process.stderr is not None
        assert "cannot listen" in process.stderr.read()


def test_import_is_independent_of_the_clients() -> None:
    code = (
        "import sys, qwen_sandbox\n"
        "clients = {'qwen_endpoints', 'langchain_qwen', 'llama_index', 'openai', 'anthropic'}\n"
        "assert qwen_sandbox.Sandbox\n"
        "assert not clients & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603


def test_plugin_does_not_import_the_server() -> None:
    code = "import sys, qwen_sandbox.pytest_plugin\nassert 'uvicorn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603
