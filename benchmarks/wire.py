"""Conversations as JSON, for the sides that take it as it goes over the wire."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.history import ARGUMENTS, CALL_ID, PICTURE_URL, TOOL_NAME, Turn

Json = dict[str, Any]


def content(turn: Turn) -> str | list[Json]:
    """Return a message's content: text, or text and a picture."""
    if not turn.picture:
        return turn.text
    return [{"type": "text", "text": turn.text}, {"type": "image_url", "image_url": {"url": PICTURE_URL}}]


def message(turn: Turn) -> Json:
    """Spell a message as Chat Completions does."""
    spelled: Json = {"role": turn.role, "content": content(turn)}
    if turn.calls:
        function = {"name": TOOL_NAME, "arguments": json.dumps(ARGUMENTS)}
        spelled["tool_calls"] = [{"id": CALL_ID, "type": "function", "function": function}]
    if turn.role == "tool":
        spelled["tool_call_id"] = CALL_ID
    return spelled


def messages(turns: Sequence[Turn]) -> list[Json]:
    """Spell a conversation as Chat Completions does."""
    return [message(turn) for turn in turns]


def carried(delta: Json) -> int:
    """Return how many characters a delta of Chat Completions brings."""
    calls: list[Json] = delta.get("tool_calls") or []
    arguments = sum(len(call["function"].get("arguments") or "") for call in calls)
    return len(delta.get("content") or "") + len(delta.get("reasoning_content") or "") + arguments
