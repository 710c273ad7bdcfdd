"""A sandbox that serves replies from a folder, for each folder that there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from qwen_sandbox import Sandbox

from tests.contract.recorded import RECORDINGS

REPLIES = Path(__file__).parents[1] / "fixtures" / "replies"


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
