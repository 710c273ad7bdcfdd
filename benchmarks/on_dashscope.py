"""LlamaIndex's `DashScope`, whose SDK is given its server's address for the whole process."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from typing_extensions import override

from benchmarks import on_llamaindex
from benchmarks.drivers import KEY


class Driver(on_llamaindex.Driver):
    """As for any LLM of LlamaIndex, one model after the other."""

    @override
    def model(self, base_url: str) -> Any:
        sdk: Any = import_module("dashscope")
        sdk.base_http_api_url = base_url
        return self.class_(**self.side.settings, api_key=KEY)
