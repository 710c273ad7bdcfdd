"""OpenTelemetry spans in memory, as OpenInference's instrumentors write them."""

# ruff: noqa: PLC0415 - instrumentors are optional and imported by the tests that need them
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

Spans = Callable[[], list[Any]]
"""Gives the spans that have ended."""


@contextmanager
def spans_in_memory(module: str, instrumentor: str) -> Generator[Spans]:
    """Instrument a framework for the length of a block; the test is skipped where no instrumentor is installed."""
    pytest.importorskip("opentelemetry.sdk", reason="spans need opentelemetry-sdk")
    found = getattr(pytest.importorskip(module, reason="no instrumentor is installed"), instrumentor)()
    from openinference.instrumentation import TraceConfig
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    found.instrument(tracer_provider=provider, config=TraceConfig(enable_genai_semconv=True))
    try:
        yield lambda: list(memory.get_finished_spans())
    finally:
        found.uninstrument()
        provider.shutdown()


def genai(span: Any) -> dict[str, Any]:
    """Return the GenAI attributes of a span without their prefix, those that are JSON as what they say."""
    found = {name.removeprefix("gen_ai."): value for name, value in span.attributes.items() if "gen_ai." in name}
    return {
        name: json.loads(value) if name.endswith((".messages", ".definitions")) else value
        for name, value in found.items()
    }
