"""HTTP clients of a caller's own, be they httpx2's or httpx's, and proxies from the environment."""

# ruff: noqa: PLR0917 - parameters come from the tables above the tests
from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from operator import methodcaller
from typing import Any

import httpx
import httpx2
import pytest
import pytest_asyncio
from qwen_endpoints import (
    AuthenticationError,
    Call,
    ConfigurationError,
    ConnectionFailedError,
    QwenClient,
    TimedOutError,
    connections,
    plan_call,
)

from .support import (
    HELLO,
    KEY,
    SSE,
    Reply,
    Server,
    json_reply,
    make,
    sse_body,
    sse_reply,
    stream_async,
    stream_sync,
    text_of,
    user,
    whole_async,
    whole_body,
    whole_sync,
)

Way = Callable[[QwenClient, Call], Awaitable[Any]]
STREAMED = (stream_sync, stream_async)
four_ways = pytest.mark.parametrize(
    "way", [whole_sync, whole_async, stream_sync, stream_async], ids=lambda way: way.__name__
)
each_library = pytest.mark.parametrize("library", [httpx2, httpx], ids=lambda library: library.__name__)
Make = Callable[..., Awaitable[dict[str, Any]]]


@pytest_asyncio.fixture
async def own(library: Any) -> AsyncIterator[Make]:
    """Makes both clients of a library with the same arguments; they are closed when the test ends."""
    async with AsyncExitStack() as stack:

        async def make_both(**given: Any) -> dict[str, Any]:
            hooks = given.pop("hooks", None)
            both = {"sync": dict(given), "async": dict(given)}
            if hooks is not None:
                both["sync"]["event_hooks"] = {name: [hook] for name, hook in hooks.items()}
                both["async"]["event_hooks"] = {name: [_awaited(hook)] for name, hook in hooks.items()}
            client = stack.enter_context(library.Client(**both["sync"]))
            aclient = await stack.enter_async_context(library.AsyncClient(**both["async"]))
            return {"http_client": client, "async_http_client": aclient}

        yield make_both


def _awaited(hook: Callable[[Any], Any]) -> Callable[[Any], Awaitable[Any]]:
    async def run(subject: Any) -> Any:
        return hook(subject)

    return run


def call_to(server: Server, **settings: Any) -> Call:
    return plan_call(make(server, "vllm", **{"max_retries": 0, **settings}), [user()])


def answer_for(way: Way) -> Reply:
    return sse_reply(*HELLO) if way in STREAMED else json_reply()


# They do what they do


@each_library
@four_ways
async def test_its_headers_and_credentials_are_sent(server: Server, client: QwenClient, own: Make, way: Way) -> None:
    clients = await own(headers={"X-Mine": "1"}, auth=("me", "pw"), params={"v": "2"})
    server.script(answer_for(way))
    assert text_of(await way(client, call_to(server, **clients, default_query={"w": "3"}))) == "Hello."
    basic = base64.b64encode(b"me:pw").decode()
    assert (server.last.header("X-Mine"), server.last.header("Authorization")) == ("1", f"Basic {basic}")
    assert sorted(server.last.path.partition("?")[2].split("&")) == ["v=2", "w=3"]
    assert not any(held.is_closed for held in clients.values())


@each_library
@four_ways
async def test_the_limits_are_the_models(server: Server, client: QwenClient, own: Make, way: Way) -> None:
    """A client's own are for what it is asked to do itself."""
    clients = await own(timeout=0.001)
    reply = answer_for(way)
    server.script(Reply(reply.pieces, content_type=reply.content_type, pause=0.05))
    assert text_of(await way(client, call_to(server, **clients))) == "Hello."
    slow = await own(timeout=60)
    server.script(Reply(answer_for(way).pieces[:1], content_type=SSE, after="hold"))
    with pytest.raises(TimedOutError):
        await way(client, call_to(server, **slow, timeout=0.3))


@each_library
@four_ways
async def test_failures_have_the_same_names(
    server: Server, client: QwenClient, own: Make, library: Any, way: Way
) -> None:
    clients = await own()
    with pytest.raises(ConnectionFailedError) as caught:
        await way(client, call_to(server, **clients, base_url="http://127.0.0.1:9/v1"))
    assert isinstance(caught.value.__cause__, library.ConnectError)
    server.script(Reply((b'{"error": {"message": "no"}}',), status=401))
    with pytest.raises(AuthenticationError):
        await way(client, call_to(server, **clients))


@each_library
@four_ways
async def test_a_connection_goes_on_being_used(server: Server, client: QwenClient, own: Make, way: Way) -> None:
    clients = await own()
    reply = answer_for(way)
    server.script(Reply(reply.pieces, content_type=reply.content_type, together=True))
    for _ in range(3):
        await way(client, call_to(server, **clients))
    assert len({seen.connection for seen in server.received}) == 1


@each_library
@four_ways
async def test_one_without_a_network_will_do(
    client: QwenClient, server: Server, own: Make, library: Any, way: Way
) -> None:
    """There is no socket to be cut off, and none to be kept."""
    body = sse_body(*HELLO) if way in STREAMED else whole_body()

    def answer(_: Any) -> Any:
        return library.Response(200, content=body)

    transport = library.MockTransport(answer)
    clients = await own(transport=transport)
    for given in ({}, {"deadline": 60}):
        settings: Any = given
        assert text_of(await way(client, call_to(server, **clients, **settings))) == "Hello."
    assert server.received == []


# Hooks


@each_library
@four_ways
async def test_hooks_see_request_and_reply(server: Server, client: QwenClient, own: Make, way: Way) -> None:
    seen: list[Any] = []
    clients = await own(hooks={"request": seen.append, "response": seen.append})
    server.script(answer_for(way))
    assert text_of(await way(client, call_to(server, **clients))) == "Hello."
    request, response = seen
    assert (request.method, response.status_code) == ("POST", 200)


@each_library
@four_ways
async def test_what_a_hook_raises_is_the_callers(
    server: Server, client: QwenClient, own: Make, library: Any, way: Way
) -> None:
    """It is not renamed and not repeated; the request that it holds shows no secret; the next call is made."""
    clients = await own(hooks={"response": methodcaller("raise_for_status")})
    server.script(Reply((b"{}",), status=503))
    call = call_to(server, **clients, api_key=KEY, default_query={"sig": "query-4711"}, max_retries=2)
    with pytest.raises(library.HTTPStatusError) as caught:
        await way(client, call)
    error = caught.value
    assert (error.response.status_code, len(server.received)) == (503, 1)
    told = f"{error} {error!r} {error.request.headers.raw} {error.request.url} {error.response.request.headers.raw}"
    assert KEY not in told
    assert "query-4711" not in told
    server.script(answer_for(way))
    clients["http_client"].event_hooks = clients["async_http_client"].event_hooks = {}
    assert text_of(await way(client, call)) == "Hello."


@each_library
@four_ways
async def test_what_is_none_of_the_networks_is_not_renamed(
    server: Server, client: QwenClient, own: Make, way: Way
) -> None:
    def fail(_: Any) -> None:
        raise ZeroDivisionError

    clients = await own(hooks={"request": fail})
    with pytest.raises(ZeroDivisionError):
        await way(client, call_to(server, **clients))
    assert server.received == []


# Those that cannot be used


@each_library
@four_ways
async def test_one_that_is_closed(server: Server, client: QwenClient, library: Any, way: Way) -> None:
    closed, aclosed = library.Client(), library.AsyncClient()
    closed.close()
    await aclosed.aclose()
    with pytest.raises(ConfigurationError, match=r"http_client is closed\.") as caught:
        await way(client, call_to(server, http_client=closed, async_http_client=aclosed))
    assert "(vllm · qwen3-32b)" in str(caught.value)
    assert server.received == []


@each_library
@four_ways
async def test_one_of_the_other_kind(server: Server, client: QwenClient, own: Make, library: Any, way: Way) -> None:
    right = await own()
    wrong = {"http_client": right["async_http_client"], "async_http_client": right["http_client"]}
    with pytest.raises(ConfigurationError, match=rf"http_client is a {library.__name__}\.\w*Client, not an? httpx2\."):
        await way(client, call_to(server, **wrong))
    with pytest.raises(ConfigurationError, match=r"http_client is a builtins\.str, not an? httpx2\."):
        await way(client, call_to(server, http_client="x", async_http_client="x"))
    assert server.received == []


# Proxies


@pytest.fixture
def proxied(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, which all requests over http:// go through."""
    connections.forget()
    monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/v1"))
    return server


FAR = "http://model.internal/v1"


@four_ways
async def test_a_proxy_of_the_environment_is_used(proxied: Server, way: Way) -> None:
    client = QwenClient()
    proxied.script(answer_for(way))
    for _ in range(2):
        assert text_of(await way(client, call_to(proxied, base_url=FAR))) == "Hello."
    assert {seen.path for seen in proxied.received} == {f"{FAR}/chat/completions"}
    client.close()
    await client.aclose()


@four_ways
async def test_except_for_hosts_that_are_excepted(proxied: Server, monkeypatch: pytest.MonkeyPatch, way: Way) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    client = QwenClient()
    proxied.script(answer_for(way))
    assert text_of(await way(client, call_to(proxied))) == "Hello."
    assert proxied.last.path == "/v1/chat/completions"
    client.close()
    await client.aclose()


@pytest.mark.parametrize(
    ("proxy", "kind", "told"),
    [
        ("http://127.0.0.1:9", ConnectionFailedError, "Cannot reach"),
        ("gopher://127.0.0.1", ConfigurationError, "cannot be sent"),
        ("socks5://127.0.0.1:9", ConfigurationError, "socksio"),
    ],
)
@four_ways
async def test_a_proxy_that_is_none(
    monkeypatch: pytest.MonkeyPatch, server: Server, proxy: str, kind: type[Exception], told: str, way: Way
) -> None:
    connections.forget()
    monkeypatch.setenv("ALL_PROXY", proxy)
    client = QwenClient()
    with pytest.raises(kind, match=told):
        await way(client, call_to(server, base_url=FAR))
    client.close()
    await client.aclose()


# None at all

WITHOUT = """
import sys
sys.modules["httpx2"] = None
from qwen_endpoints import ConfigurationError, Message, QwenClient, QwenSettings, plan_call
settings = QwenSettings(model="m", provider="vllm", base_url="http://localhost:9/v1")
call = plan_call(settings, [Message(role="user", content="Hi")])
try:
    QwenClient().complete(call)
except ConfigurationError as error:
    print(error)
"""


def test_a_transport_that_is_not_installed_is_named() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], check=True, capture_output=True, text=True)  # noqa: S603
    assert "httpx2" in done.stdout


def test_a_client_for_all_loops_is_the_callers_to_judge(server: Server) -> None:
    """httpx2's own connections belong to a loop; a client without kept connections serves several."""
    with_none_kept = httpx2.AsyncClient(limits=httpx2.Limits(max_keepalive_connections=0))
    call = call_to(server, async_http_client=with_none_kept)
    for _ in range(2):
        assert asyncio.run(QwenClient().acomplete(call)).first.text == "Hello."
    asyncio.run(with_none_kept.aclose())
