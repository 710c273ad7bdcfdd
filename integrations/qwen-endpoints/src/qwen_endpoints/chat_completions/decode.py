"""Parts of a Chat Completions reply: usage, reasoning details, fields that come in pieces."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

from qwen_endpoints.types import Usage
from qwen_endpoints.wire_values import count_of, first_of, mapping, number_of, text_of
from qwen_endpoints.words import Json


def decode_usage(raw: object) -> Usage | None:
    """Read a usage object. Counts are made whole numbers of at least 0; `None` where nothing is counted."""
    usage = mapping(raw)
    known = [usage.get(key) for key in ("prompt_tokens", "completion_tokens", "total_tokens")]
    if all(value is None for value in known):
        return None
    prompt, completion, total = (count_of(value) or 0 for value in known)
    inputs = mapping(usage.get("prompt_tokens_details"))
    outputs = mapping(usage.get("completion_tokens_details"))
    reasoning = count_of(first_of(outputs.get("reasoning_tokens"), usage.get("reasoning_tokens")))
    return Usage(
        input_tokens=prompt,
        output_tokens=completion,
        total_tokens=total or prompt + completion,
        reasoning_tokens=None if reasoning is None else min(reasoning, completion),
        cached_tokens=count_of(first_of(inputs.get("cached_tokens"), usage.get("prompt_cache_hit_tokens"))),
        cache_write_tokens=count_of(
            first_of(
                inputs.get("cache_write_tokens"),
                inputs.get("cache_creation_input_tokens"),
                inputs.get("cache_creation_tokens"),
            )
        ),
        text_tokens=count_of(inputs.get("text_tokens")),
        image_tokens=count_of(inputs.get("image_tokens")),
        video_tokens=count_of(inputs.get("video_tokens")),
        audio_tokens=count_of(inputs.get("audio_tokens")),
        reported_cost=number_of(usage.get("cost")),
        raw=usage,
    )


class FieldCollector:
    """Joins the fields of objects that come in pieces. What it has given out never changes.

    The pieces are kept as they come and joined at the end: a new list or text for each would take the square of the
    time.
    """

    def __init__(self) -> None:
        self._pieces: dict[str, list[Any]] = {}

    def get(self, key: str) -> Any:
        """The first piece of a field; `None` where there is none."""
        pieces = self._pieces.get(key)
        return pieces[0] if pieces else None

    def put(self, key: str, value: object) -> None:
        """Let a value take the place of what a field holds."""
        self._pieces[key] = [value]

    def grow(self, key: str, value: Any) -> None:
        """Let a list or a text continue one; anything else replaces."""
        held = self.get(key)
        if type(value) is type(held) and isinstance(held, (list, str)):
            self._pieces[key].append(value)
        else:
            self.put(key, value)

    def whole(self) -> dict[str, Any]:
        """Return the joined fields."""
        return {key: _joined(pieces) for key, pieces in self._pieces.items()}


def _joined(pieces: list[Any]) -> Any:
    if len(pieces) == 1:
        return pieces[0]
    return "".join(pieces) if isinstance(pieces[0], str) else [*chain.from_iterable(pieces)]


def join_details(fragments: Iterable[Json]) -> tuple[Json, ...]:
    """Join streamed `reasoning_details` fragments of one block: those of equal type, index and id that follow a block
    of theirs. Text grows; anything else is set by the last fragment that has it. Unknown types pass through.
    """
    joined: list[_Detail] = []
    opened: dict[tuple[Any, ...], _Detail] = {}
    for fragment in fragments:
        place, name = (fragment.get("type"), fragment.get("index")), fragment.get("id")
        if place[1] is None or not all(isinstance(key, _PLAIN) for key in (*place, name)):
            joined.append(_Detail(fragment))
            continue
        # Only the first block of a place can lack an id: whatever lacks one, or follows it, continues the first.
        first = opened.get(place)
        held = first if first is not None and None in (name, first.name) else opened.get((*place, name))
        if held is None:
            joined.append(held := _Detail(fragment))
        else:
            held.add(fragment)
        opened.setdefault(place, held)
        opened[(*place, held.name)] = held
    return tuple(detail.whole() for detail in joined)


_GROWING: Final = frozenset({"text", "summary", "data"})
_PLAIN: Final = (str, int, float, type(None))


class _Detail:
    """One block as far as it has arrived."""

    def __init__(self, fragment: Json) -> None:
        self._fields = FieldCollector()
        for key, value in fragment.items():
            self._fields.put(key, value)

    @property
    def name(self) -> Any:
        return self._fields.get("id")

    def add(self, fragment: Json) -> None:
        for key, value in fragment.items():
            if key in _GROWING and isinstance(value, str):
                self._fields.grow(key, value)
            elif value is not None:
                self._fields.put(key, value)

    def whole(self) -> Json:
        return self._fields.whole()


def details_text(details: Iterable[Json]) -> str:
    """The readable text of `reasoning_details`."""
    return "".join(text_of(detail.get("text")) or text_of(detail.get("summary")) for detail in details)
