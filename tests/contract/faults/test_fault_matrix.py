"""Every fault on the wire comes to what its row says, in each framework, mode and protocol, and leaves nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from qwen_sandbox import Sandbox
from qwen_sandbox.hostile.table import WIRE_FAULTS

from tests.contract.faults.cells import CELLS, drive, wrong_cells
from tests.contract.faults.leaks import nothing_is_left, quick_collections
from tests.contract.faults.rows import ROWS, Row

ROOT: Final = Path(__file__).parents[3]

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def _everything_is_imported() -> AsyncIterator[None]:
    """The first calls load modules, read certificates and start what is kept; those are no leaks, and take time."""
    with Sandbox() as sandbox:
        for row in ROWS:
            if row.fault in {"none", "tls-untrusted"}:
                await drive(sandbox, row)
    with quick_collections():
        yield


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_fault_comes_to_what_its_row_says(qwen_sandbox: Sandbox, row: Row) -> None:
    qwen_sandbox.fault(row.fault, row.parameter)  # its server is there before things are counted
    async with nothing_is_left(qwen_sandbox):
        wrong = await wrong_cells(qwen_sandbox, row)
    assert wrong == {}


async def test_all_ways_to_ask_are_driven() -> None:
    assert len(CELLS) == 2 * 4 * 2


async def test_the_page_shows_these_rows() -> None:
    script = [sys.executable, str(ROOT / "scripts" / "fault_table.py"), "--check"]
    finished = subprocess.run(script, check=False)  # noqa: S603, ASYNC221 - our own script, and nothing else to do
    assert finished.returncode == 0, "run scripts/fault_table.py"


async def test_every_fault_has_a_row() -> None:
    assert set(WIRE_FAULTS) == {row.fault for row in ROWS}
