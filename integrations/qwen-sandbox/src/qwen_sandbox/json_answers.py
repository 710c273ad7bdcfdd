"""Answers in JSON: by the request's schema, by a schema or key names in the prompt, or one key called answer."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from qwen_sandbox.json_types import JsonObject, as_object
from qwen_sandbox.schema import fill
from qwen_sandbox.turn import Turn, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_KEY_LIST = re.compile(r"\b(?:keys?|fields?|propert(?:y|ies))\b|字段|键", re.IGNORECASE)
_QUOTED_KEY = re.compile(r"[\"'`“]([A-Za-z_]\w{0,40})[\"'`”]")
_SCHEMA_KEYS = ("properties", "$defs", "definitions", "items", "anyOf", "oneOf", "allOf", "$ref")


def json_answer(turn: Turn, prompt: str, plain: Callable[[], str]) -> str | None:
    """Return the JSON text this turn asks for, or None when it asks for none; `plain` gives the answer in words."""
    written, rest = _schema_in_messages(turn, prompt)
    if turn.json_schema is not None:
        return _dump(fill(turn.json_schema, rest))
    if written is not None:
        return _dump(fill(written, rest))
    if not turn.json_mode:
        return None
    keys = _keys(prompt) or _keys(turn.instructions)
    if not keys:
        return _dump({"answer": plain()})
    schema = {"type": "object", "properties": {key: {"type": "string"} for key in keys}, "required": keys}
    return _dump(fill(schema, _QUOTED_KEY.sub(" ", prompt)))


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _schema_in_messages(turn: Turn, prompt: str) -> tuple[JsonObject | None, str]:
    """Return the last schema the messages spell out, where they speak of JSON, and the prompt without it."""
    everything = "\n".join(text_of(message) for message in turn.messages)
    if "json" not in everything.lower():
        return None, prompt
    found: JsonObject | None = None
    for text, is_prompt in ((turn.instructions, False), (prompt, True)):
        for start, end, value in _objects(text):
            if _is_schema(value):
                found = value
                # What explains the schema stands around it; only a prompt's other paragraphs hold values.
                prompt = _without_paragraphs(text, start, end) if is_prompt else prompt
    return found, prompt


def _is_schema(value: JsonObject) -> bool:
    return value.get("type") in {"object", "array"} or bool(as_object(value.get("properties")))


def _objects(text: str) -> Iterator[tuple[int, int, JsonObject]]:
    """Yield every JSON object written in `text`, outermost ones only, with its place."""
    decoder = json.JSONDecoder()
    place = text.find("{")
    while place >= 0:
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            yield place, end, as_object(value)
        place = text.find("{", end)


def _without_paragraphs(text: str, start: int, end: int) -> str:
    """Return `text` without the schema and the sentences that introduce JSON output."""
    rest = text[:start] + text[end:]
    kept = [line for line in rest.splitlines() if not re.search(r"json|schema|```|conform", line, re.IGNORECASE)]
    return "\n".join(kept).strip() or rest


def _keys(text: str) -> list[str]:
    """Return the key names a text quotes in a sentence about keys or fields."""
    return list(dict.fromkeys(_QUOTED_KEY.findall(text))) if _KEY_LIST.search(text) else []
