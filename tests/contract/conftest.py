"""Sandboxes that serve replies from folders, HTTP clients for all calls of a session, documented endpoints as rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing, closing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import httpx2
import pytest
import pytest_asyncio
from qwen_endpoints import PROVIDERS, Provider
from qwen_sandbox import Sandbox

from tests.contract.recorded import RECORDINGS

pytest.register_assert_rewrite("tests.contract.views", "tests.contract.drivers")

Pools = Mapping[str, dict[str, Any]]
"""By protocol."""

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
async def pool() -> AsyncIterator[dict[str, Any]]:
    """Settings that make models share connections; tests that use them run in the session's event loop."""
    with closing(httpx2.Client(verify=False)) as client:
        async with aclosing(httpx2.AsyncClient(verify=False)) as async_client:
            yield {"http_client": client, "async_http_client": async_client}


@pytest.fixture(scope="session")
def pools(pool: dict[str, Any]) -> Pools:
    """The same for each protocol."""
    return {"chat_completions": pool, "messages": pool}


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
    monkeypatch.setattr("qwen_endpoints.endpoint.PROVIDERS", rows)
    for variable in ("WCODE_API_KEY", "ANYFAST_API_KEY", "ANYFAST_CN_API_KEY", "DASHSCOPE_API_KEY"):
        monkeypatch.setenv(variable, qwen_sandbox.api_key)
