"""The pytest fixture `qwen_sandbox`: one server for the session, with an empty request list for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen_sandbox.server import Sandbox


@pytest.fixture(scope="session")
def qwen_sandbox() -> Iterator[Sandbox]:
    """Yield a running sandbox, shared by the whole test session."""
    # Imported here: every pytest run loads this module, few of them need the server.
    from qwen_sandbox.server import Sandbox  # noqa: PLC0415

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _qwen_sandbox_forgets(request: pytest.FixtureRequest) -> None:
    """Clear the recorded requests before each test that uses the sandbox."""
    if "qwen_sandbox" in request.fixturenames:
        request.getfixturevalue("qwen_sandbox").clear()
