"""Input that is deep, wide or tangled, for the tests of each adapter and of the core."""

from __future__ import annotations

from typing import Any


def tool_of(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}}


def deep_schema(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def deep_list(levels: int) -> list[Any]:
    held: list[Any] = []
    for _ in range(levels):
        held = [held]
    return held


def wide_schema(size: int) -> dict[str, Any]:
    """A schema of at least so many bytes."""
    return {
        "type": "object",
        "properties": {f"p{n}": {"type": "string", "title": "x" * 100} for n in range(size // 100)},
    }


def circle() -> dict[str, Any]:
    """An object that holds itself, which JSON cannot say."""
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    schema["properties"]["me"] = schema
    return schema


def bomb(levels: int) -> dict[str, Any]:
    """Definitions that each hold the next one twice: inlined, the last stands there 2 ** `levels` times."""
    return _defined([[level + 1, level + 1] for level in range(levels)])


def mutual(count: int) -> dict[str, Any]:
    """Definitions that all hold each other: inlined, every order of them stands there."""
    return _defined([[*range(count)]] * count)


def chain(length: int) -> dict[str, Any]:
    """Definitions that each hold the next one: flat as they stand, deep when inlined."""
    return _defined([[place + 1] for place in range(length)])


def long_lists(length: int) -> dict[str, Any]:
    """One definition with a long list, which as many properties refer to."""
    properties = {f"p{place}": _reference(0) for place in range(length)}
    return {
        "type": "object",
        "properties": properties,
        "$defs": {"d0": {"enum": [str(place) for place in range(length)]}},
    }


def _defined(held: list[list[int]]) -> dict[str, Any]:
    definitions: dict[str, Any] = {
        f"d{place}": {"type": "object", "properties": {f"p{n}": _reference(other) for n, other in enumerate(others)}}
        for place, others in enumerate(held)
    }
    definitions.setdefault(f"d{len(held)}", {"type": "string"})
    return {"type": "object", "properties": {"a": _reference(0)}, "$defs": definitions}


def _reference(place: int) -> dict[str, Any]:
    return {"$ref": f"#/$defs/d{place}"}
