"""Whom a connection over TLS trusts, and what that costs."""

from __future__ import annotations

import importlib.resources
import os
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
import qwen_sandbox.hostile
from qwen_endpoints import Call, ConfigurationError, ConnectionFailedError, QwenClient, connections, plan_call

from .support import (
    HELLO,
    Server,
    json_reply,
    make,
    sse_reply,
    stream_async,
    stream_sync,
    user,
    whole_async,
    whole_sync,
)

Way = Callable[[QwenClient, Call], Awaitable[Any]]
four_ways = pytest.mark.parametrize(
    "way", [whole_sync, whole_async, stream_sync, stream_async], ids=lambda way: way.__name__
)
CERTIFICATE = str(importlib.resources.files(qwen_sandbox.hostile) / "untrusted.pem")
"""One for this machine, which vouches for itself; the key is in the same file."""


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    server = Server(certificate=CERTIFICATE)
    yield server
    server.stop()


@pytest.fixture
def secure(running: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server that speaks TLS, and no memory of whom to trust."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    connections.forget()
    running.reset()
    return running


def call_to(server: Server, **settings: Any) -> Call:
    return plan_call(make(server, "vllm", **{"max_retries": 0, **settings}), [user()])


@four_ways
async def test_a_certificate_that_nobody_vouches_for_is_refused(secure: Server, way: Way) -> None:
    client = QwenClient()
    with pytest.raises(ConnectionFailedError, match="CERTIFICATE_VERIFY_FAILED"):
        await way(client, call_to(secure))
    client.close()
    await client.aclose()
    assert secure.received == []


@four_ways
async def test_an_authority_of_ones_own_is_trusted(secure: Server, monkeypatch: pytest.MonkeyPatch, way: Way) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)
    client = QwenClient()
    secure.script(sse_reply(*HELLO) if way in {stream_sync, stream_async} else json_reply())
    for given in ({}, {"deadline": 60}):
        settings: Any = given
        await way(client, call_to(secure, **settings))
    client.close()
    await client.aclose()
    assert len(secure.received) == 2


async def test_so_is_that_of_a_client_of_ones_own(secure: Server) -> None:
    trust = ssl.create_default_context(cafile=CERTIFICATE)
    with closing(httpx2.Client(verify=trust)) as client:
        async with aclosing(httpx2.AsyncClient(verify=trust)) as async_client:
            call = call_to(secure, http_client=client, async_http_client=async_client)
            await whole_sync(QwenClient(), call)
            await whole_async(QwenClient(), call)
    assert len(secure.received) == 2


@pytest.mark.parametrize(("variable", "what"), [("SSL_CERT_FILE", "none"), ("SSL_CERT_FILE", "text")])
async def test_a_file_without_certificates_is_named(
    secure: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, what: str
) -> None:
    (tmp_path / "text").write_text("no certificate")
    monkeypatch.setenv(variable, str(tmp_path / what))
    client = QwenClient()
    for way in (whole_sync, whole_async, stream_sync, stream_async):
        with pytest.raises(ConfigurationError, match="no trusted certificates to be read"):
            await way(client, call_to(secure, max_retries=2))
    assert secure.received == []


# What it costs


COSTS = """
import asyncio, gc, ssl, sys
from qwen_endpoints import Message, QwenClient, QwenSettings, plan_call

def ask(url, **settings):
    given = {"model": "qwen3-32b", "provider": "vllm", "base_url": url, "max_retries": 0, **settings}
    call = plan_call(QwenSettings(**given), [Message(role="user", content="Hi")])
    client.complete(call)
    asyncio.run(client.acomplete(call))
    contexts = [held for held in gc.get_objects() if isinstance(held, ssl.SSLContext)]
    print(sum(bool(held.cert_store_stats()["x509_ca"]) for held in contexts))

client, url = QwenClient(), sys.argv[1]
ask(url)
ask(url, api_key="another")
ask(url.replace("127.0.0.1", "localhost"))
client.close()
"""
"""Prints after each call how many contexts hold certificates of authorities, which take long to read."""


def contexts(server: Server, **variables: str) -> list[str]:
    """Run `COSTS` in a process of its own: what other tests and libraries trust does not count."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", COSTS, server.url],
        check=True, capture_output=True, text=True, env={**os.environ, **variables},
    )  # fmt: skip
    return done.stdout.split()


def test_models_share_what_was_read(secure: Server) -> None:
    assert contexts(secure, SSL_CERT_FILE=CERTIFICATE) == ["1", "1", "1"]


def test_none_is_read_for_addresses_without_tls(server: Server) -> None:
    assert contexts(server) == ["0", "0", "0"]
