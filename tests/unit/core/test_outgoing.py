"""What cannot be written as a request is refused here, by name, and nothing is sent."""

from __future__ import annotations

import asyncio
import math
import re
from http.cookiejar import CookieJar
from typing import Any

import pytest
from qwen_endpoints import ConfigurationError, QwenClient, __version__, plan_call
from qwen_endpoints.outgoing import Outgoing
from qwen_endpoints.own_clients import made, request

from .support import KEY, Server, make, user

SECRET = "secret-4711"


async def refusal(server: Server, client: QwenClient, *, said: Any = "Hi", **given: Any) -> str:
    """Try it as settings and for one call, in each way; return the one message of all."""
    messages = [user(said)]
    calls = [lambda: plan_call(make(server, "vllm", **given), messages)]
    calls.append(lambda: plan_call(make(server, "vllm"), messages, overrides=given))
    found: set[str] = set()
    for call in calls:
        with pytest.raises(ConfigurationError) as caught:
            client.complete(call())
        found.add(str(caught.value))
        with pytest.raises(ConfigurationError) as caught:
            client.stream(call())  # before anything is asked for
        found.add(str(caught.value))
        with pytest.raises(ConfigurationError) as caught:
            await client.acomplete(call())
        found.add(str(caught.value))
        with pytest.raises(ConfigurationError):
            client.astream(call())
    assert server.received == []
    assert len({re.sub(r"position \d+", "", told) for told in found}) == 1
    return found.pop()


@pytest.mark.parametrize(
    "value",
    [f"{SECRET}\n", f"{SECRET}\r\nX-Other: 1", f" {SECRET}", f"{SECRET}\t", f"{SECRET}\x00", f"{SECRET}\x7f", "密-4711",
     f"{SECRET}\x85", f"{SECRET}\u2028", "\udc80-4711", "\n"],
)  # fmt: skip
async def test_a_header_that_cannot_be_sent(server: Server, client: QwenClient, value: str) -> None:
    told = await refusal(server, client, default_headers={"X-Token": value})
    assert told.startswith("The header X-Token has a line break, a character beyond ASCII, or white space at an end")
    assert "4711" not in told


@pytest.mark.parametrize("name", ["X Token", "X-Tökén", "X:", "", "X\n", "X\r\nY"])
async def test_a_name_of_a_header_that_cannot_be(server: Server, client: QwenClient, name: str) -> None:
    told = await refusal(server, client, default_headers={name: SECRET})
    assert f"{name!r} is no name of a header" in told
    assert SECRET not in told


@pytest.mark.parametrize("value", ["", "a", "a b", "a  b\tc", 'Bearer x,y;z="1"', "~!"])
async def test_a_header_as_it_should_be(server: Server, client: QwenClient, value: str) -> None:
    call = plan_call(make(server, "vllm", default_headers={"x-own": value, "USER-agent": "mine"}), [user()])
    client.complete(call)
    await client.acomplete(call)
    await client.aclose()
    for seen in server.received:
        assert (seen.header("X-Own"), seen.header("User-Agent")) == (value, "mine")
        assert [name.lower() for name, _ in seen.headers].count("user-agent") == 1


def test_what_is_sent_without_being_asked_for(server: Server, client: QwenClient) -> None:
    client.complete(plan_call(make(server, "vllm", api_key=KEY), [user()]))
    known = {"host", "accept", "accept-encoding", "connection", "content-length", "content-type", "user-agent",
             "authorization"}  # fmt: skip
    assert {name.lower() for name, _ in server.last.headers} == known
    assert server.last.header("User-Agent") == f"qwen-endpoints/{__version__}"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"b": 1}, "dict"),
        ([{"b": 1}], "dict"),
        ([["b"]], "list"),
        (b"b", "bytes"),
        ({"b"}, "set"),
        (object(), "object"),
    ],
)
async def test_a_query_that_has_no_spelling(server: Server, client: QwenClient, value: Any, kind: str) -> None:
    told = await refusal(server, client, default_query={"a": value})
    assert f"default_query['a'] holds a {kind}" in told


def test_a_query_that_has_one(server: Server, client: QwenClient) -> None:
    given = {"a": "x y&z", "b": 1, "c": [1, "2"], "d": True, "e": 0.5, "f": ""}
    client.complete(plan_call(make(server, "vllm", default_query=given), [user()]))
    query = server.last.path.partition("?")[2]
    assert query in {"a=x+y%26z&b=1&c=1&c=2&d=true&e=0.5&f=", "a=x%20y%26z&b=1&c=1&c=2&d=true&e=0.5&f="}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, {"deep": [math.nan]}, object(), {1, 2}, b"x", 1j])
async def test_a_body_that_is_no_json(server: Server, client: QwenClient, value: Any) -> None:
    told = await refusal(server, client, extra_body={"a": value})
    assert "The request cannot be written" in told


@pytest.mark.parametrize("given", [{"said": "half a character: \ud83d"}, {"extra_body": {"a": ["\udc80"]}}])
async def test_half_of_a_character(server: Server, client: QwenClient, given: Any) -> None:
    told = await refusal(server, client, **given)
    assert "The request cannot be written" in told
    assert "surrogates" in told


@pytest.mark.parametrize("value", ["\ud83d", f"{SECRET}\ud83d"])
async def test_half_of_a_character_in_a_query(server: Server, client: QwenClient, value: str) -> None:
    call = plan_call(make(server, "vllm", default_query={"a": value}), [user()])
    with pytest.raises(ConfigurationError, match="surrogates") as caught:
        client.complete(call)
    assert "4711" not in f"{caught.value} {caught.value.__cause__!r}"
    with pytest.raises(ConfigurationError, match="surrogates"):
        await client.acomplete(call)
    assert server.received == []


async def test_nothing_of_the_callers_is_changed(server: Server, client: QwenClient) -> None:
    headers, query, body = {"X-Own": SECRET}, {"a": ["1", "2"]}, {"deep": {"list": [1]}}
    call = plan_call(make(server, "vllm", default_headers=headers, default_query=query, extra_body=body), [user()])
    client.complete(call)
    await asyncio.gather(client.acomplete(call), client.acomplete(call))
    await client.aclose()
    assert (headers, query, body) == ({"X-Own": SECRET}, {"a": ["1", "2"]}, {"deep": {"list": [1]}})
    assert len({(seen.path, seen.body) for seen in server.received}) == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/v1/chat/completions", "https://[::1]/v1/x%20y", "http://bücher.test/"]
)
@pytest.mark.parametrize("content", [b"{}", None])
@pytest.mark.parametrize("query", [{}, {"api-version": "1", "tag": ["a", "b"]}])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x", "ACCEPT-encoding": "identity", "Host": "other"}])
def test_a_request_is_the_one_that_httpx2_would_build(
    url: str, content: bytes | None, query: dict[str, Any], headers: dict[str, str]
) -> None:
    """What goes to clients of our own is put together without the client's detours."""
    asked = Outgoing(method="POST", url=url, headers=headers, query=query, content=content)
    cookies = CookieJar()
    for name in ("Client", "AsyncClient"):
        client = made(name, url, cookies, None)
        ours, theirs = request(client, asked, TIMEOUTS), asked.built(client, TIMEOUTS)
        assert (ours.method, ours.url, ours.headers.raw) == (theirs.method, theirs.url, theirs.headers.raw)
        assert (ours.content, ours.extensions) == (theirs.content, theirs.extensions)


TIMEOUTS = (1.0, 2.0, 3.0, 4.0)
