"""All rows, by theme, in the order of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.compare import (
    probes_errors,
    probes_hygiene,
    probes_media,
    probes_reasoning,
    probes_streaming,
    probes_structured,
    probes_tools,
    probes_usage,
)
from tests.compare.row import Row

THEMES: Final[Mapping[str, tuple[Row, ...]]] = {
    "Reasoning": probes_reasoning.ROWS,
    "Tools": probes_tools.ROWS,
    "Streaming": probes_streaming.ROWS,
    "Usage and model facts": probes_usage.ROWS,
    "Media and history": probes_media.ROWS,
    "Structured output": probes_structured.ROWS,
    "Errors": probes_errors.ROWS,
    "Hygiene": probes_hygiene.ROWS,
}
