"""Changes that leave a reply readable: libFuzzer's own break the JSON nearly every time, and go no deeper than that."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Final, cast

_HEAD: Final = 3
_DATA: Final = b"data: "
_JUNK: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 7, 2**63, 10**30, 1.5, float("nan"), float("inf"), "", " ", "\n", "stop", "length",
    "error", "{", "}", '{"a": 1}', '{"a"', "<think>", "</think>", "\ud83d", "\x00", "٤٢", "weather", "call_1",
    [], [None], [[]], [{}], {}, {"text": "x"}, {"": {}}, {"type": "text", "text": "x"},
)  # fmt: skip
_Site = tuple[Any, Any]
"""A container, and the key or place in it."""


def mutate(data: bytes, longest: int, seed: int) -> bytes | None:
    """Change one thing in the JSON of an input; `None` where it holds none, or becomes too long."""
    chance = random.Random(seed)  # noqa: S311 - nothing is secret
    head, lines = data[:_HEAD], data[_HEAD:].split(b"\n")
    readable = [(place, payload) for place, line in enumerate(lines) if (payload := _payload(line)) is not None]
    if not readable:
        return None
    place, payload = chance.choice(readable)
    if chance.random() < 0.25:
        _move_line(lines, place, chance)
    else:
        prefix = _DATA if lines[place].startswith(_DATA) else b""
        _change(payload, chance)
        lines[place] = prefix + json.dumps(payload).encode()
    changed = head + b"\n".join(lines)
    return changed if len(changed) <= longest else None


def _payload(line: bytes) -> Any:
    try:
        value: Any = json.loads(line.removeprefix(_DATA))
    except (ValueError, RecursionError):
        return None
    return value or None if isinstance(value, (dict, list)) else None  # pyright: ignore[reportUnknownVariableType]


def _move_line(lines: list[bytes], place: int, chance: random.Random) -> None:
    line = lines[place]
    match chance.randrange(3):
        case 0:
            del lines[place]
        case 1:
            lines[place:place] = [line, b""]
        case _:
            del lines[place]
            other = chance.randrange(len(lines) + 1)
            lines[other:other] = [line, b""]


def _change(payload: Any, chance: random.Random) -> None:
    sites = list(_sites(payload))
    holder, key = chance.choice(sites)
    other, other_key = chance.choice(sites)
    changes: tuple[Callable[[], object], ...] = (
        lambda: _set(holder, key, chance.choice(_JUNK)),
        lambda: _set(holder, key, deepcopy(other[other_key])),
        lambda: _set(holder, key, _grown(holder[key], chance)),
        lambda: holder.pop(key),
        lambda: _repeat(holder, key),
    )
    chance.choice(changes)()


def _set(holder: Any, key: Any, value: Any) -> None:
    holder[key] = value


def _repeat(holder: Any, key: Any) -> None:
    if isinstance(holder, list):
        entries = cast("list[Any]", holder)
        entries.append(deepcopy(entries[key]))


def _grown(value: Any, chance: random.Random) -> Any:
    if isinstance(value, str):
        cut = chance.randrange(len(value) + 1)
        return value[:cut] + str(chance.choice(_JUNK)) + value[cut:]
    if isinstance(value, int):
        return value + chance.choice((-1, 1))
    return [value]


def _sites(node: Any) -> Iterator[_Site]:
    """Every place in a JSON value where another value may stand."""
    entries: Any = ()
    if isinstance(node, dict):
        entries = cast("dict[str, Any]", node).items()
    elif isinstance(node, list):
        entries = enumerate(cast("list[Any]", node))
    for key, value in entries:
        yield node, key
        yield from _sites(value)
