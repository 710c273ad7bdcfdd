"""What the arguments of a call may show in traces and in the keys of caches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

_CHOOSING: Final = ("default_headers", "default_query", "extra_headers", "extra_query")
"""Hidden settings and arguments that may change an answer."""
_MASKED: Final = frozenset({"api_key", *_CHOOSING})
_OBJECTS: Final = frozenset({"http_client", "async_http_client"})
"""Objects that say nothing of an answer and differ for each run of a program."""


def masked(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments fit to be shown: whether a credential was given, never which."""
    return {
        name: "***" if name in _MASKED and value else value for name, value in arguments.items() if name not in _OBJECTS
    }


def digest(address: str | None, settings: object, arguments: Mapping[str, Any]) -> str:
    """Sum up where a call goes and what it hides but may change the answer, so that unequal calls have unequal keys."""
    hidden = [arguments.get(name) or getattr(settings, name, None) for name in _CHOOSING]
    told = json.dumps([address, hidden], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()
