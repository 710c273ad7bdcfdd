"""What is secret is nowhere but on the wire: every place that takes a secret x every way and failure x every place
where something is told.

The endpoint repeats all it was sent, in its error bodies, its web pages and its headers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing, closing, redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any, Final, get_args
from urllib.parse import quote

import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr
from qwen_endpoints import PROVIDERS, QwenError, track_costs
from qwen_endpoints.display import show

from tests.contract.drivers import DRIVERS, MODES, Ask, Core, Driver, LangChain, LlamaIndex, Mode
from tests.contract.echoing import ECHOES, Echo, Fault
from tests.contract.overhearing import Overheard, of_answer, of_exception

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY: Final = "sk-7f3a9c51d2e84b06aa17" + "0b5c9d" * 12
"""Long, as keys that are signed tokens: printers of local variables cut long texts."""
HEADER: Final = "hd-90b1c7e45f2d638a1c0e"
QUERY: Final = "qy-4d5e6f7081/92a3+b4c5d6=="
PASSWORD: Final = "pw-c0ffee1234deadbeef99"
CANARIES: Final = {"key": KEY, "header": HEADER, "query": QUERY, "password": PASSWORD}
VARIABLE: Final = "ECHO_TEST_KEY"
ROWS: Final = {
    # The second row reads its key from `x-api-key`, which httpx takes along wherever it is sent.
    "chat_completions": replace(PROVIDERS["vllm"], name="echo", key_variables=(VARIABLE,)),
    "messages": replace(PROVIDERS["vllm-anthropic"], name="echo", key_variables=(VARIABLE,), key_header="x-api-key"),
}
KINDS: Final[Mapping[Fault, tuple[str, ...]]] = {
    "refused": ("AuthenticationError",),
    "failed": ("ServerError",),
    "half a key": ("InvalidRequestError",),
    "error in the body": ("ServerError",),
    "error in mid-stream": ("ServerError",),
    "web page": ("MalformedResponseError",),
    "cut": ("StreamInterruptedError", "ConnectionFailedError"),
    "stall": ("TimedOutError",),
    "reset": ("ConnectionFailedError",),
    "redirect": ("MalformedResponseError",),
    "unreachable": ("ConnectionFailedError",),
    "misconfigured": ("ConfigurationError",),
}
Asker = type[Core] | type[LangChain] | type[LlamaIndex]
every_protocol = pytest.mark.parametrize("protocol", ["chat_completions", "messages"])


@dataclass(frozen=True)
class Given:
    """One way to hand over secrets."""

    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sent: tuple[str, ...] = ("key",)
    """What arrives at the endpoint."""


_OF_ALL: Final = {"default_headers": {"X-Own": f"Token {HEADER}"}, "default_query": {"sig": QUERY}}
GIVEN: Final[Mapping[str, Given]] = {
    "text": Given({"api_key": KEY, **_OF_ALL}, sent=("key", "header", "query")),
    "SecretStr": Given({"api_key": SecretStr(KEY), "default_query": {"sig": [QUERY, "x"]}}, sent=("key", "query")),
    "environment": Given(),
    "call": Given(
        options={"api_key": KEY, "extra_headers": {"X-Own": HEADER}, "extra_query": {"sig": QUERY}},
        sent=("key", "header", "query"),
    ),
    "call, as settings": Given(options={"api_key": SecretStr(KEY), **_OF_ALL}, sent=("key", "header", "query")),
    "client": Given(sent=("password",)),
}


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def overheard() -> Iterator[Overheard]:
    heard = Overheard()
    with heard.listening():
        yield heard


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clients() -> AsyncIterator[Mapping[str, Any]]:
    """HTTP clients with a password of their own."""
    credentials = ("user", PASSWORD)
    with closing(httpx2.Client(auth=credentials)) as client:
        async with aclosing(httpx2.AsyncClient(auth=credentials)) as async_client:
            yield {"http_client": client, "async_http_client": async_client}


def pieces_of(secret: str) -> set[str]:
    """Eight characters from here and there in a secret, as it is, as in an address, and as in `Basic` credentials.

    Whoever tells eleven in a row tells one of these.
    """
    basic = base64.b64encode(f"user:{secret}".encode()).decode()
    spelt = [secret, quote(secret, safe=""), json.dumps(secret), basic[8:]]
    return {text[start : start + 8] for text in spelt for start in range(0, len(text) - 7, 4)}


PIECES: Final = {name: pieces_of(secret) for name, secret in CANARIES.items()}


def secrets_in(text: str) -> list[str]:
    return [name for name, pieces in PIECES.items() if any(piece in text for piece in pieces)]


def settings_of(echo: Echo, protocol: str, fault: Fault, given: Given, **more: Any) -> dict[str, Any]:
    url = echo.url if fault != "unreachable" else "http://127.0.0.1:9"
    return {
        "model": "qwen3-8b",
        "provider": ROWS[protocol],
        "base_url": url + ("/v1" if protocol == "chat_completions" else ""),
        "max_retries": 0,
        "timeout": 0.5 if fault == "stall" else 20,
        **given.settings,
        **more,
    }


async def told(asker: Driver[Any, Any], mode: Mode, fault: Fault, options: Mapping[str, Any]) -> dict[str, str]:
    """Ask once, and return what answer or error tell."""
    if fault == "misconfigured":
        options = {**options, "enable_thinking": False, "thinking_budget": 5}
    with track_costs() as costs:
        try:
            answers = await asker.answers([Ask(options=options)], mode)
        except QwenError as error:
            assert type(error).__name__ in KINDS[fault]  # noqa: PT017 - whether it comes is in the table
            # A call's own arguments stand in the frames of whoever passes them on, and what was received in those of
            # the code that reads it.
            found = of_exception(error, with_locals=not options and fault not in ECHOES)
        else:
            assert fault == "answer"
            found = of_answer(answers[0])
    return {**found, "costs": f"{costs} {costs!r}"}


def displayed(asker: Driver[Any, Any]) -> str:
    out = StringIO()
    with redirect_stdout(out):
        try:
            shown = show(asker.stream(Ask()))
        except QwenError as error:
            return out.getvalue() + str(error)
    return out.getvalue() + repr(shown)


@every_protocol
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("fault", get_args(Fault))
async def test_nothing_tells_a_secret(  # noqa: PLR0917 - the table, and what it needs
    echo: Echo,
    overheard: Overheard,
    clients: Mapping[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    driver: Asker,
    protocol: str,
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    echo.fault = fault
    found: dict[tuple[str, str, str], list[str]] = {}
    for name, given in GIVEN.items():
        if fault == "stall" and name != "text":
            continue  # it waits
        more: Mapping[str, Any] = clients if name == "client" else {}
        asker: Driver[Any, Any] = driver(**settings_of(echo, protocol, fault, given, **more))
        options = dict(given.options)
        if isinstance(asker, LangChain):
            options["config"] = {"callbacks": overheard.callbacks}
        if isinstance(asker, LlamaIndex):
            overheard.attach(asker.model)
        for mode in MODES:
            echo.seen.clear()
            places = await told(asker, mode, fault, options)
            places.update(overheard.take())
            if fault not in ("unreachable", "misconfigured"):
                assert set(given.sent) <= set(secrets_in("".join(echo.seen)))
            if fault in ("refused", "failed", "half a key", "redirect"):
                del places["other logs"]  # the transport shows a reply's headers, and these repeat the key
            found.update({(name, mode, place): secrets_in(text) for place, text in places.items()})
        found[name, "stream", "display"] = [] if given.options else secrets_in(displayed(asker))
        overheard.take()
    assert {cell: secrets for cell, secrets in found.items() if secrets} == {}
    assert len(found) > 20
