"""The packages that carry requests: connection pools, retries, timeouts. Each is imported on first use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from qwen_endpoints.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """One package. Both are made by the same generator, so that they differ in names and defaults alone."""

    package: str
    client: str
    async_client: str
    extra: str | None = None
    """The extra of this distribution that brings the package; `None`: it is always there."""
    headers_variable: str
    """A variable whose headers, meant for another service, the package would send along."""
    unwanted_headers: tuple[str, ...] = ()
    """Headers that the package takes from other variables of that service."""

    def load(self) -> ModuleType:
        """Import the package.

        Raises:
            ConfigurationError: It is not installed; the message names the extra.
        """
        return _imported(self)

    def client_arguments(self, base_url: str, api_key: str | None) -> dict[str, Any]:
        """Everything that the package would otherwise take from variables meant for another service."""
        stated = os.environ.get(self.headers_variable, "").splitlines()
        unwanted = [*self.unwanted_headers, *(line.partition(":")[0].strip() for line in stated)]
        omit = self.load().Omit
        return {
            "base_url": base_url,
            # The package insists on a key; `Exchange` states the header for each request, or leaves it out.
            "api_key": api_key or "unused",
            "default_headers": {name: omit() for name in unwanted if name},
        }


@cache
def _imported(sdk: Sdk) -> ModuleType:
    try:
        return import_module(sdk.package)
    except ModuleNotFoundError as error:
        if error.name != sdk.package or sdk.extra is None:
            raise
        raise ConfigurationError(
            f"This provider speaks a protocol that needs the package {sdk.package}: pip install "
            f"'qwen-endpoints[{sdk.extra}]' (langchain-qwen and llama-index-llms-qwen have the extra too)."
        ) from error


OPENAI: Final = Sdk(
    package="openai",
    client="OpenAI",
    async_client="AsyncOpenAI",
    headers_variable="OPENAI_CUSTOM_HEADERS",
    unwanted_headers=("OpenAI-Organization", "OpenAI-Project"),
)
ANTHROPIC: Final = Sdk(
    package="anthropic",
    client="Anthropic",
    async_client="AsyncAnthropic",
    extra="anthropic",
    headers_variable="ANTHROPIC_CUSTOM_HEADERS",
)
