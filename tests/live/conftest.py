"""The server that the live tests ask, named by environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pytest
from qwen_endpoints import Endpoint, QwenSettings, resolve

pytest.register_assert_rewrite("tests.live.scenarios", "tests.contract.views", "tests.contract.drivers")


@dataclass(frozen=True)
class Server:
    """A running server with a Qwen model."""

    settings: dict[str, Any]

    @property
    def endpoint(self) -> Endpoint:
        """What the catalogue and the provider's row know of it."""
        return resolve(QwenSettings(**self.settings))

    @property
    def speaks_messages(self) -> bool:
        """Whether it is asked over Messages, which has no response_format."""
        return self.endpoint.provider.protocol == "messages"

    def takes(self, parameter: str, value: object) -> bool:
        """Whether the row lets a parameter through."""
        stated = self.endpoint.parameters.get(parameter)
        return parameter not in self.endpoint.dropped and (stated is None or stated.accepts(value))


@pytest.fixture(scope="session")
def server() -> Server:
    """Skip where no server is named. QWEN_LIVE_API_KEY and QWEN_LIVE_PROVIDER may be left out."""
    base_url, model = os.environ.get("QWEN_LIVE_BASE_URL"), os.environ.get("QWEN_LIVE_MODEL")
    if not base_url or not model:
        pytest.skip("QWEN_LIVE_BASE_URL and QWEN_LIVE_MODEL name no server to ask")
    return Server(
        {
            "base_url": base_url,
            "model": model,
            "api_key": os.environ.get("QWEN_LIVE_API_KEY") or None,
            "provider": os.environ.get("QWEN_LIVE_PROVIDER") or None,
            "temperature": 0,
            "timeout": 120,
            "max_retries": 1,
        }
    )
