from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from qwen_endpoints import PROVIDERS, QwenClient

from .support import Server


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the keys, providers and proxies of the machine it runs on."""
    keys = {variable for row in PROVIDERS.values() for variable in row.key_variables}
    for name in list(os.environ):
        if name in keys or name.startswith(("QWEN_", "OPENAI_", "ANTHROPIC_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def running_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def server(running_server: Server) -> Server:
    running_server.reset()
    return running_server


@pytest.fixture(scope="session")
def client() -> Iterator[QwenClient]:
    """One for all, so that most tests share its connections."""
    made = QwenClient()
    yield made
    made.close()
