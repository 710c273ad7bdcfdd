"""Sandboxes that serve replies from folders, and one pool of connections for all calls.

A client of the SDK's own making reads the certificates of the world, which takes longer than all calls of a test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import openai
import pytest
import pytest_asyncio
from qwen_sandbox import Sandbox

from tests.contract.recorded import RECORDINGS

pytest.register_assert_rewrite("tests.contract.views", "tests.contract.drivers")

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
    """The settings that make a model use the one pool; tests that use it run in the session's event loop."""
    client: Any = openai.DefaultHttpxClient(verify=False)
    async_client: Any = openai.DefaultAsyncHttpxClient(verify=False)
    with client:
        async with async_client:
            yield {"http_client": client, "async_http_client": async_client}
