"""Where a redirect may take a call: to the same origin, as it is, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx
import httpx2
import pytest
from qwen_endpoints import MalformedResponseError, Message, QwenClient, QwenError, QwenSettings, plan_call

from tests.contract.drivers import DRIVERS, MODES, Ask, Core, LangChain, LlamaIndex, Mode
from tests.unit.core.support import Received, Reply, Server, json_reply

KEY: Final = "sk-redirect-4711"
HEADER: Final = "header-4711"
SAID: Final = {
    "type": "message",
    "id": "m-1",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hello."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
ANSWERS: Final = {"vllm": json_reply(), "vllm-anthropic": Reply((json.dumps(SAID).encode(),))}
PATHS: Final = {"vllm": "/v1/chat/completions", "vllm-anthropic": "/v1/messages"}
Driver = type[Core] | type[LangChain] | type[LlamaIndex]
over_each_protocol = pytest.mark.parametrize("protocol", ["vllm", "vllm-anthropic"])


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Server, Server]]:
    servers = Server(), Server()
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def here(running: tuple[Server, Server]) -> Server:
    running[0].reset()
    return running[0]


@pytest.fixture
def there(running: tuple[Server, Server]) -> Server:
    """A server on another port, which would answer."""
    running[1].reset()
    return running[1]


def origin(server: Server) -> str:
    return server.url.removesuffix("/v1")


@dataclass(frozen=True)
class Case:
    """One redirect."""

    location: Callable[[str, str], str]
    """From the origins of the server that is asked and of the other one."""
    told: str | None = None
    """A part of the error's words; `None`: there is an answer."""
    requests: int = 1
    """How many the server sees that was asked; the other one sees none."""
    statuses: tuple[int, ...] = (301, 302, 303, 307, 308)


CASES: Final = {
    "same origin": Case(lambda here, _: f"{here}/v1/elsewhere?w=2", requests=2, statuses=(307, 308)),
    "same origin, relative": Case(lambda _here, _there: "elsewhere", requests=2, statuses=(307, 308)),
    "same origin, without the body": Case(
        lambda here, _: f"{here}/v1/elsewhere", "without its body", statuses=(301, 302, 303)
    ),
    "other port": Case(lambda _, there: f"{there}/v1/x", "redirects to another one, http://127.0.0.1:"),
    "other host": Case(
        lambda here, _: here.replace("127.0.0.1", "localhost") + "/x", "redirects to another one, http://localhost:"
    ),
    "other host, without a scheme": Case(
        lambda _here, _there: "//other.test/x", "redirects to another one, http://other.test/x"
    ),
    "other scheme": Case(
        lambda here, _: here.replace("http:", "https:"), "redirects to another one, https://127.0.0.1:"
    ),
    "no web address": Case(lambda _here, _there: "file:///etc/passwd", "redirects"),
    "a password in the address": Case(
        lambda _here, _there: "http://me:pw-4711@other.test/?t=pw-4711", "one, http://other.test/ ("
    ),
    "nowhere": Case(lambda _here, _there: "", "without saying where"),
    "loop": Case(lambda _here, _there: "", "after 3 redirects", requests=4, statuses=(307, 308)),
}


def redirect(case: str, status: int, protocol: str, here: Server, there: Server) -> None:
    """Script the server that is asked."""
    location = CASES[case].location(origin(here), origin(there)) if case != "loop" else PATHS[protocol]
    headers = {"Location": location} if location else {}
    answer = Reply(status=status, headers=headers)
    here.script(*([answer] if case == "loop" else [answer, ANSWERS[protocol]]))
    there.script(ANSWERS[protocol])


def settings(protocol: str, server: Server, **more: Any) -> dict[str, Any]:
    base = server.url if protocol == "vllm" else origin(server)
    return {
        "model": "qwen3-8b",
        "provider": protocol,
        "base_url": base,
        "api_key": KEY,
        "default_headers": {"x-own": HEADER},
        "default_query": {"v": "1"},
        "max_retries": 2,
        **more,
    }


def secrets_in(request: Received) -> tuple[bool, bool]:
    return any(KEY in value for _, value in request.headers), request.header("x-own") == HEADER


@over_each_protocol
@pytest.mark.parametrize(
    ("case", "status"), [(name, status) for name, case in CASES.items() for status in case.statuses]
)
async def test_each_redirect(here: Server, there: Server, case: str, status: int, protocol: str) -> None:
    redirect(case, status, protocol, here, there)
    asker, row = Core(**settings(protocol, here)), CASES[case]
    if row.told is None:
        view = await asker.reply(Ask(), "whole")
        assert (view.text, view.error) == ("Hello.", None)
    else:
        with pytest.raises(MalformedResponseError) as caught:
            await asker.answers([Ask()], "whole")
        assert caught.value.status == status
        assert row.told in str(caught.value)
        assert origin(here) in str(caught.value)
        assert "4711" not in str(caught.value)
        assert not caught.value.retryable
    assert (len(here.received), len(there.received)) == (row.requests, 0)
    # What is followed is the same request, with all that belongs to it; the address is the one that was named.
    assert {request.body for request in here.received} == {here.received[0].body}
    assert {secrets_in(request) for request in here.received} == {(True, True)}
    first, *others = [request.path.partition("?")[2] for request in here.received]
    assert (first, set(others)) == ("v=1", {"w=2" if case == "same origin" else ""} if others else set())


@over_each_protocol
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("mode", MODES)
async def test_each_way(here: Server, there: Server, driver: Driver, mode: Mode, protocol: str) -> None:
    redirect("other port", 307, protocol, here, there)
    with pytest.raises(QwenError, match="redirects to another one") as caught:
        await driver(**settings(protocol, here)).answers([Ask()], mode)
    assert isinstance(caught.value, MalformedResponseError)
    assert (len(here.received), len(there.received)) == (1, 0)
    redirect("same origin", 308, protocol, here, there)
    view = await driver(**settings(protocol, here)).reply(Ask(), mode)
    assert view.text == "Hello."
    assert [request.path for request in here.received[1:]] == [f"{PATHS[protocol]}?v=1", "/v1/elsewhere?w=2"]


@pytest.mark.parametrize("library", [httpx, httpx2])
async def test_a_client_of_the_callers_own_that_follows_redirects_does_not(
    here: Server, there: Server, library: Any
) -> None:
    with library.Client(follow_redirects=True) as client:
        async with library.AsyncClient(follow_redirects=True) as async_client:
            asker = Core(**settings("vllm", here, http_client=client, async_http_client=async_client))
            for mode in MODES:
                redirect("other port", 307, "vllm", here, there)
                with pytest.raises(MalformedResponseError):
                    await asker.answers([Ask()], mode)
    assert (len(here.received), there.received) == (4, [])


def test_the_list_of_models_is_not_fetched_elsewhere(here: Server, there: Server) -> None:
    redirect("other port", 307, "vllm", here, there)
    client = QwenClient()
    call = plan_call(QwenSettings(**settings("vllm", here)), [Message(role="user", content="Hi")])
    listing = client.list_models(call)
    client.close()
    assert (len(here.received), len(there.received)) == (1, 0)
    assert "redirects to another one" in str(listing)
