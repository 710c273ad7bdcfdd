"""Conversations to be sent, in no framework's shape: questions, tool calls, results and pictures."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Final

PICTURE: Final = b64encode(bytes(range(256)) * 4).decode()
"""A kilobyte in base64, said to be a PNG; nobody here looks into it."""
PICTURE_URL: Final = f"data:image/png;base64,{PICTURE}"
ARGUMENTS: Final = {"city": "Paris", "days": 3}
CALL_ID: Final = "call-1"
TOOL_NAME: Final = "get_weather"
TOOL: Final[dict[str, Any]] = {
    "type": "function",
    "function": {
        "name": TOOL_NAME,
        "description": "Get the weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One message."""

    role: str
    text: str = ""
    picture: bool = False
    """`PICTURE` comes with it (user only)."""
    calls: bool = False
    """It calls the tool with `ARGUMENTS` (assistant only)."""


QUESTION: Final = (Turn("user", "Why is the sky blue?"),)
_ROUND: Final = (
    Turn("user", "What is the weather in this city, and for how long will it stay as it is?", picture=True),
    Turn("assistant", calls=True),
    Turn("tool", "18 degrees and sunny until Thursday, then rain from the west"),
    Turn("assistant", "It is sunny now. From Thursday on there will be rain from the west, so take a coat with you."),
    Turn("user", "Thank you. Anything else that I should know before I go?"),
)


def history(messages: int) -> tuple[Turn, ...]:
    """Return a conversation: one in five messages has a picture, one in five calls a tool, one in five answers it."""
    return tuple(islice(_forever(), messages))


def _forever() -> Iterator[Turn]:
    yield Turn("system", "You are a helpful guide.")
    yield from cycle(_ROUND)
