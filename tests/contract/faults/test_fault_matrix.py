"""Every fault on the wire comes to what its row says, in each framework, mode and protocol, and leaves nothing."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from qwen_sandbox import Sandbox
from qwen_sandbox.hostile.table import WIRE_FAULTS

from tests.contract.conftest import SDKS, Pools
from tests.contract.faults.cells import CELLS, PROTOCOLS, drive
from tests.contract.faults.leaks import nothing_is_left
from tests.contract.faults.rows import ROWS, Row

ROOT: Final = Path(__file__).parents[3]
NOT_LIMITED: Final = {"endless"}
"""A reply that goes on as long as it is read has no outcome; see the unit tests for how it is left."""

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pools() -> AsyncIterator[Pools]:
    """Clients that trust nobody, which takes no time, where the world's certificates take longer than a test."""
    async with AsyncExitStack() as stack:
        found: dict[str, dict[str, Any]] = {}
        for protocol in PROTOCOLS:
            sdk: Any = import_module(SDKS[protocol])
            trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            found[protocol] = {
                "http_client": stack.enter_context(sdk.DefaultHttpxClient(verify=trust)),
                "async_http_client": await stack.enter_async_context(sdk.DefaultAsyncHttpxClient(verify=trust)),
            }
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def _everything_is_imported(pools: Pools) -> None:
    """The first calls load modules and start what is kept; those are no leaks."""
    with Sandbox() as sandbox:
        await drive(sandbox, ROWS[0], pools)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_fault_comes_to_what_its_row_says(qwen_sandbox: Sandbox, pools: Pools, row: Row) -> None:
    qwen_sandbox.fault(row.fault, row.parameter)  # its server is there before things are counted
    async with nothing_is_left(qwen_sandbox):
        seen = await drive(qwen_sandbox, row, pools)
    wrong = {cell.name: found.unlike(row, cell) for cell, found in seen.items()}
    assert {name: how for name, how in wrong.items() if how} == {}


async def test_all_ways_to_ask_are_driven() -> None:
    assert len(CELLS) == 2 * 4 * len(PROTOCOLS)


async def test_the_page_shows_these_rows() -> None:
    script = [sys.executable, str(ROOT / "scripts" / "fault_table.py"), "--check"]
    finished = subprocess.run(script, check=False)  # noqa: S603, ASYNC221 - our own script, and nothing else to do
    assert finished.returncode == 0, "run scripts/fault_table.py"


async def test_every_fault_has_a_row() -> None:
    assert set(WIRE_FAULTS) - {row.fault for row in ROWS} == NOT_LIMITED
