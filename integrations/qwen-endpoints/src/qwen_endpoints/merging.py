"""Deep merging of JSON objects."""

from __future__ import annotations

from collections.abc import Mapping
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
