"""How requests over Messages travel: keys, headers, variables of other services, connections."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import warnings
from typing import Any

import httpx2
import pytest
from qwen_endpoints import (
    PROVIDERS,
    Completion,
    ConfigurationError,
    QwenClient,
    QwenSettings,
    __version__,
    connections,
    plan_call,
    resolve,
)

from .messages_support import HELLO, MESSAGE_ROWS, UNSIGNED_ROWS, stream_reply, whole_reply
from .support import KEY, Received, Server, make, user

FOREIGN = "foreign-secret"
FOREIGN_HEADERS = (
    f"X-Foreign: {FOREIGN}\nAuthorization: Bearer {FOREIGN}\nauthorization: {FOREIGN}\nX-Api-Key: {FOREIGN}\n"
    f"x-api-key: {FOREIGN}\nanthropic-version: {FOREIGN}\nAnthropic-Version: {FOREIGN}\nanthropic-beta: {FOREIGN}\n"
    f"Content-Type: text/{FOREIGN}"
)


async def ask_four_ways(server: Server, settings: QwenSettings, **call: Any) -> list[Completion]:
    """Ask with a client of its own, so that it is made in the environment of now."""
    client = QwenClient()
    plan = plan_call(settings, [user()], **call)
    server.script(whole_reply())
    found: list[Any] = [client.complete(plan), await client.acomplete(plan)]
    server.script(stream_reply())
    found += [list(client.stream(plan))[-1].completion, [delta async for delta in client.astream(plan)][-1].completion]
    client.close()
    await client.aclose()
    return found


def values_of(seen: Received, name: str) -> list[str]:
    return [value for key, value in seen.headers if key.lower() == name]


# Keys and headers


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("provider", MESSAGE_ROWS)
async def test_the_key_stands_in_the_rows_own_header_alone(server: Server, provider: str, *, keyed: bool) -> None:
    if not keyed and PROVIDERS[provider].key_required:
        with pytest.raises(ConfigurationError, match="WCODE_API_KEY"):
            await ask_four_ways(server, make(server, provider, api_key=None))
        return
    found = await ask_four_ways(server, make(server, provider, api_key=KEY if keyed else None))
    assert found[1:] == found[:-1]
    assert len(server.received) == 4
    for seen in server.received:
        own = PROVIDERS[provider].key_header == "x-api-key"
        assert values_of(seen, "x-api-key") == [KEY] * (keyed and own)
        assert values_of(seen, "authorization") == [f"Bearer {KEY}"] * (keyed and not own)
        assert values_of(seen, "anthropic-version") == ["2023-06-01"]
        assert values_of(seen, "content-type") == ["application/json"]
        assert seen.path == "/v1/messages"


@pytest.mark.parametrize("name", ["anthropic-version", "Anthropic-Version", "ANTHROPIC-VERSION"])
async def test_a_version_of_the_callers_wins(server: Server, name: str) -> None:
    await ask_four_ways(server, make(server, "wcode-anthropic", default_headers={name: "2026-10-21"}))
    extra = {"extra_headers": {name: "2026-10-21"}}
    await ask_four_ways(server, make(server, "wcode-anthropic"), overrides=extra)
    assert [values_of(seen, "anthropic-version") for seen in server.received] == [["2026-10-21"]] * 8


async def test_a_key_of_the_callers_wins_too(server: Server) -> None:
    await ask_four_ways(server, make(server, "wcode-anthropic", default_headers={"x-api-key": "mine"}))
    assert [values_of(seen, "x-api-key") for seen in server.received] == [["mine"]] * 4


def surround(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "AUTH_TOKEN", "WEBHOOK_SIGNING_KEY", "PROFILE", "IDENTITY_TOKEN", "ORGANIZATION_ID"):
        monkeypatch.setenv(f"ANTHROPIC_{name}", FOREIGN)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", FOREIGN_HEADERS)
    for row in PROVIDERS.values():
        for variable in row.key_variables:
            monkeypatch.setenv(variable, FOREIGN)


@pytest.mark.parametrize(
    ("provider", "keyed"),
    [("wcode-anthropic", True), *((row, keyed) for row in UNSIGNED_ROWS for keyed in (True, False))],
)
async def test_nothing_of_another_service_reaches_the_server(
    server: Server, monkeypatch: pytest.MonkeyPatch, provider: str, *, keyed: bool
) -> None:
    connections.forget()
    settings = make(server, provider, api_key=KEY if keyed else None)
    before = await ask_four_ways(server, settings)
    plain = [sorted(seen.headers) for seen in server.received]
    server.received.clear()
    connections.forget()
    surround(monkeypatch)
    assert await ask_four_ways(server, settings) == before
    assert FOREIGN not in repr([seen.headers for seen in server.received])
    names = [[name.lower() for name, _ in seen.headers] for seen in server.received]
    assert [sorted(seen) for seen in names] == [sorted(name.lower() for name, _ in seen) for seen in plain]
    assert [values_of(seen, "anthropic-version") for seen in server.received] == [["2023-06-01"]] * 4


def test_the_keys_of_other_services_are_never_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", FOREIGN)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", FOREIGN)
    with pytest.raises(ConfigurationError, match=r"Set WCODE_API_KEY, or pass api_key") as caught:
        resolve(QwenSettings(model="qwen/qwen3-235b-a22b", provider="wcode-anthropic"))
    assert FOREIGN not in str(caught.value)
    monkeypatch.setenv("WCODE_API_KEY", "from-env")
    key = resolve(QwenSettings(model="qwen/qwen3-235b-a22b", provider="wcode-anthropic")).api_key
    assert key is not None
    assert key.get_secret_value() == "from-env"


SCRIPT = """
import sys
from qwen_endpoints import Message, QwenClient, QwenSettings, plan_call
settings = QwenSettings(model="qwen/qwen3-235b-a22b", provider="wcode-anthropic", api_key="test-key-4711",
                        base_url=sys.argv[1], max_retries=0)
call = plan_call(settings, [Message(role="user", content="Hi")])
client = QwenClient()
transport = {"httpx2", "httpcore2", "anyio", "httpx", "anthropic"}
assert not transport & set(sys.modules)
print(client.complete(call).first.text)
client.close()
print(*sorted(transport & set(sys.modules)))
"""


def test_the_transport_is_imported_on_first_use_and_nothing_else(server: Server) -> None:
    server.script(whole_reply())
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-W", "error", "-c", SCRIPT, server.url],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "Hello.\nanyio httpcore2 httpx2\n"), done.stderr
    assert values_of(server.last, "x-api-key") == [KEY]


# Connections


def test_connections_are_kept_and_shared_where_configuration_is_equal(server: Server) -> None:
    server.script(whole_reply())
    one, two = QwenClient(), QwenClient()
    for client in (one, two, one):
        client.complete(plan_call(make(server, "wcode-anthropic"), [user()]))
    assert len({seen.connection for seen in server.received}) == 1
    two.complete(plan_call(make(server, "wcode-anthropic", api_key="another"), [user()]))
    assert server.last.connection != server.received[0].connection
    one.close()
    two.close()


def test_two_protocols_at_one_address_do_not_mix(server: Server) -> None:
    client = QwenClient()
    client.complete(plan_call(make(server, "vllm", model="qwen3-32b"), [user()]))
    server.script(whole_reply())
    client.complete(plan_call(make(server, "vllm-anthropic", model="qwen3-32b"), [user()]))
    client.close()
    assert [seen.path for seen in server.received] == ["/v1/chat/completions", "/v1/messages"]
    assert {seen.header("user-agent") for seen in server.received} == {f"qwen-endpoints/{__version__}"}
    chat, messages = server.received
    assert (values_of(chat, "anthropic-version"), values_of(messages, "anthropic-version")) == ([], ["2023-06-01"])
    assert (values_of(chat, "authorization"), values_of(messages, "authorization")) == ([f"Bearer {KEY}"],) * 2


async def test_an_http_client_of_ones_own_is_used_and_left_open(server: Server) -> None:
    server.script(whole_reply())
    mine, other = httpx2.Client(headers={"X-Mine": "1"}), httpx2.AsyncClient(headers={"X-Mine": "2"})
    client = QwenClient()
    client.complete(plan_call(make(server, "wcode-anthropic", http_client=mine), [user()]))
    await client.acomplete(plan_call(make(server, "wcode-anthropic", async_http_client=other), [user()]))
    client.close()
    await client.aclose()
    assert not mine.is_closed
    assert not other.is_closed
    mine.close()
    await other.aclose()
    assert [seen.header("X-Mine") for seen in server.received] == ["1", "2"]


def test_event_loops_one_after_another_leave_nothing_behind(server: Server) -> None:
    client, call = QwenClient(), plan_call(make(server, "wcode-anthropic"), [user()])

    async def whole() -> str:
        return (await client.acomplete(call)).first.text

    async def stream() -> str:
        return "".join([delta.text async for delta in client.astream(call)])

    server.script(whole_reply(), stream_reply(), whole_reply())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [asyncio.run(step()) for step in (whole, stream, whole)] == ["Hello."] * 3
        gc.collect()


def test_leaving_a_stream_closes_the_connection(server: Server) -> None:
    client = QwenClient()
    server.script(stream_reply(*HELLO[:4], after="hold"))
    stream = client.stream(plan_call(make(server, "wcode-anthropic"), [user()]))
    assert next(stream).text == "Hel"
    stream.close()
    assert server.hang_up.wait(5)
    client.close()


def test_a_stream_ends_with_its_last_event_even_if_the_connection_stays_open(server: Server) -> None:
    client = QwenClient()
    server.script(stream_reply(*HELLO, after="hold"))
    last = list(client.stream(plan_call(make(server, "wcode-anthropic"), [user()])))[-1].completion
    assert last is not None
    assert last.first.text == "Hello."
    client.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_can_call_and_the_parent_goes_on(server: Server) -> None:
    server.script(whole_reply())
    client, call = QwenClient(), plan_call(make(server, "wcode-anthropic", api_key="fork"), [user()])
    client.complete(call)
    child = os.fork()
    if child == 0:
        try:
            fine = client.complete(call).first.text == "Hello."
            client.close()
        except BaseException:  # noqa: BLE001 - the child must not go on with the tests
            fine = False
        os._exit(0 if fine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert client.complete(call).first.text == "Hello."
    first, second, third = [seen.connection for seen in server.received]
    assert first == third != second
    client.close()


# Which row an address means


@pytest.mark.parametrize(
    ("url", "provider", "base_url"),
    [
        ("https://wcode.net/api/anthropic", "wcode-anthropic", "https://wcode.net/api/anthropic"),
        ("https://wcode.net/api/anthropic/", "wcode-anthropic", "https://wcode.net/api/anthropic"),
        ("https://wcode.net/api/anthropic/v1", "wcode-anthropic", "https://wcode.net/api/anthropic"),
        ("https://wcode.net/api/anthropic/v1/messages", "wcode-anthropic", "https://wcode.net/api/anthropic"),
        ("https://wcode.net/api/anthropic/v1/messages/", "wcode-anthropic", "https://wcode.net/api/anthropic"),
        ("https://wcode.net/api/gpt/v1", "wcode", "https://wcode.net/api/gpt/v1"),
        ("https://wcode.net/api/gpt/v1/chat/completions", "wcode", "https://wcode.net/api/gpt/v1"),
        ("https://wcode.net", "wcode", "https://wcode.net"),
        (" HTTPS://WCODE.NET/api/anthropic ", "wcode-anthropic", "HTTPS://WCODE.NET/api/anthropic"),
        ("https://eu.wcode.net/api/anthropic", "wcode-anthropic", "https://eu.wcode.net/api/anthropic"),
    ],
)
def test_an_address_means_the_row_that_has_it(
    url: str, provider: str, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WCODE_API_KEY", KEY)
    place = resolve(QwenSettings(model="qwen/qwen3-235b-a22b", base_url=url))
    assert (place.provider.name, place.base_url) == (provider, base_url)
    assert place.api_key is not None


@pytest.mark.parametrize("provider", UNSIGNED_ROWS)
@pytest.mark.parametrize("route", ["", "/", "/v1", "/v1/", "/v1/messages", "/v1/messages/"])
def test_the_full_route_is_accepted_as_an_address(provider: str, route: str) -> None:
    place = resolve(QwenSettings(model="qwen3-32b", provider=provider, base_url=f"http://localhost:1{route}"))
    assert place.base_url == "http://localhost:1"


def test_a_key_alone_still_means_chat_completions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_API_KEY", KEY)
    assert resolve(QwenSettings(model="qwen/qwen3-235b-a22b")).provider.name == "wcode"


def test_a_call_may_go_over_the_other_protocol(server: Server, client: QwenClient) -> None:
    server.script(whole_reply())
    settings = make(server, "vllm", model="qwen3-32b")
    overrides = {"provider": "vllm-anthropic", "base_url": server.url}
    assert client.complete(plan_call(settings, [user()], overrides=overrides)).first.text == "Hello."
    assert json.loads(server.last.body)["max_tokens"] > 0
    assert server.last.path == "/v1/messages"
