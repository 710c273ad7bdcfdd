"""Deep merging of JSON objects, and paths into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, cast


def merge_deeply(target: dict[str, Any], source: Mapping[str, Any]) -> None:
    """Merge `source` into `target`: objects key by key, anything else replaces. `source` is copied, never shared."""
    for key, value in source.items():
        held = target.get(key)
        if isinstance(value, Mapping) and isinstance(held, dict):
            merge_deeply(cast("dict[str, Any]", held), cast("Mapping[str, Any]", value))
        else:
            target[key] = deepcopy(cast("Any", value))


def leaf_paths(tree: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Give the path of every value of `tree` that is no object itself."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from ((key, *path) for path in leaf_paths(cast("Mapping[str, Any]", value)))
        else:
            yield (key,)


def remove(target: dict[str, Any], path: tuple[str, ...]) -> None:
    """Take what stands at `path` out of `target`, if there is anything, and the objects that this leaves empty."""
    head, *rest = path
    held = target.get(head)
    if rest and isinstance(held, dict):
        nested = cast("dict[str, Any]", held)
        remove(nested, tuple(rest))
        if not nested:
            del target[head]
    elif not rest:
        target.pop(head, None)
