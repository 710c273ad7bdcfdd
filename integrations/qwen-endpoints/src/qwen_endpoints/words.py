"""The words that settings, tables and messages are typed with. They take no time to import, as classes do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Json = Mapping[str, Any]
"""A JSON object as plain Python values."""

Role = Literal["system", "user", "assistant", "tool"]

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "unknown"]
"""Why an answer ended. `unknown` is a reason the endpoint gave that none of the others covers; see
`Choice.native_finish_reason` for its own word."""

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]

ReasoningReplay = Literal["auto", "always", "tool_turns", "never"]

StructuredMethod = Literal["json_schema", "function_calling", "json_mode"]
