"""Sandboxes that serve replies from folders, a pool of connections for all calls of one protocol, and documented
endpoints at the sandbox.

A client of the SDK's own making reads the certificates of the world, which takes longer than all calls of a test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest
import pytest_asyncio
from qwen_endpoints import PROVIDERS, Provider
from qwen_sandbox import Sandbox

from tests.contract.recorded import RECORDINGS

pytest.register_assert_rewrite("tests.contract.views", "tests.contract.drivers")

Pools = Mapping[str, dict[str, Any]]
"""By protocol; one whose SDK is not installed is missing."""
SDKS: Final = {"chat_completions": "openai", "messages": "anthropic"}
needs_anthropic: Final = pytest.mark.skipif(find_spec("anthropic") is None, reason="the SDK is an extra")

REPLIES: Final = Path(__file__).parents[1] / "fixtures" / "replies"


@pytest.fixture(scope="session")
def replies() -> Iterator[Sandbox]:
    """Serve the project's own replies."""
    with Sandbox(replay=REPLIES) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def recordings() -> Iterator[Sandbox]:
    """Serve recorded replies of real endpoints."""
    with Sandbox(replay=RECORDINGS) as sandbox:
        yield sandbox


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pools() -> AsyncIterator[Pools]:
    """Settings that make models share connections; tests that use them run in the session's event loop.

    Each SDK has its own, since they need not agree about the library beneath.
    """
    async with AsyncExitStack() as stack:
        found: dict[str, dict[str, Any]] = {}
        for protocol, package in SDKS.items():
            sdk: Any = import_module(package) if find_spec(package) else None
            if sdk is not None:
                found[protocol] = {
                    "http_client": stack.enter_context(sdk.DefaultHttpxClient(verify=False)),
                    "async_http_client": await stack.enter_async_context(sdk.DefaultAsyncHttpxClient(verify=False)),
                }
        yield found


@pytest.fixture(scope="session")
def pool(pools: Pools) -> dict[str, Any]:
    """The settings for endpoints that speak Chat Completions."""
    return pools["chat_completions"]


GATEWAYS: Final = {
    "anyfast-cn": "/anyfast-cn/v1",
    "anyfast": "/anyfast/v1",
    "wcode": "/wcode/api/gpt/v1",
    "wcode-anthropic": "/wcode/api/anthropic",
    # The sandbox has no DashScope. These serve its models, under the same names for all that pages use of it.
    "dashscope": "/anyfast-cn/v1",
    "dashscope-intl": "/anyfast/v1",
}
"""By provider, the part of the sandbox that stands for it."""


@pytest.fixture
def rows_at_the_sandbox(qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the documented endpoints' rows at the sandbox, so that pages need not name an address."""

    def local(row: Provider) -> Provider:
        return replace(row, base_url=f"{qwen_sandbox.url}{GATEWAYS[row.name]}") if row.name in GATEWAYS else row

    rows: Mapping[str, Provider] = MappingProxyType({name: local(row) for name, row in PROVIDERS.items()})
    # The package exports a function of the module's name, so the module is looked up by import.
    monkeypatch.setattr(import_module("qwen_endpoints.resolve"), "PROVIDERS", rows)
    for variable in ("WCODE_API_KEY", "ANYFAST_API_KEY", "ANYFAST_CN_API_KEY", "DASHSCOPE_API_KEY"):
        monkeypatch.setenv(variable, qwen_sandbox.api_key)
