"""What stands in the requests that arrived, read the same whichever of two legal spellings a class chose."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from llama_index_llm_tests.answers import Json


def parts_of(message: Json) -> list[Json]:
    """The parts of a message's content; plain text is one part of text, no content is none."""
    content: object = message.get("content")
    if isinstance(content, list):
        return cast("list[Json]", content)
    return [{"type": "text", "text": content}] if content else []


def text_of(message: Json) -> str:
    """The text of a message, its parts joined."""
    return "".join(part.get("text") or "" for part in parts_of(message))


def calls_of(message: Json) -> list[tuple[str, str, Any]]:
    """Id, name and read arguments of each tool call of a message. Arguments that are no JSON raise `ValueError`."""
    calls: list[Json] = message.get("tool_calls") or []
    return [(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]


def limit_of(body: Json) -> int | None:
    """The most tokens that a request asks for, under either of the names it may have."""
    return body.get("max_completion_tokens", body.get("max_tokens"))


def leaves(value: object) -> Iterator[object]:
    """Every value inside a JSON value that is no object and no list."""
    if isinstance(value, Mapping):
        for item in cast("Mapping[str, object]", value).values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from leaves(item)
    else:
        yield value
