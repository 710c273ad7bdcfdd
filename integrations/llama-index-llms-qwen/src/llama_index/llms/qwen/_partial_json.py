"""JSON that is still being written."""

from __future__ import annotations

import re
from typing import Any, Final, cast

from pydantic_core import from_json

_DIGITS: Final = "0123456789"
_OPEN_ESCAPE: Final = re.compile(
    r"(?:\\u[dD][89abAB][0-9a-fA-F]{2})?\\(?:u[0-9a-fA-F]{0,3})?$|\\u[dD][89abAB][0-9a-fA-F]{2}$"
)
"""An escape that has begun, or the first half of a character that takes two."""
_LONGEST_ESCAPE: Final = 12


def parse_so_far(written: str) -> Any:
    """Parse the beginning of a JSON value.

    The string at its end is taken as far as it has come. A number there is left out: 3 may yet become 3000. Whatever
    follows a complete value is ignored.

    Raises:
        ValueError: It does not begin like JSON.
    """
    written = _without_open_escape(written)
    value = _parse(written)
    if written[-1] in _DIGITS:
        holder, place = _last_place(value)
        if holder is not None and isinstance(holder[place], (int, float)) and _may_go_on(written, holder[place]):
            del holder[place]
    return value


def _without_open_escape(written: str) -> str:
    """Cut off half a character: older parsers (pydantic 2.11) would drop the whole string for it."""
    found = _OPEN_ESCAPE.search(written, max(0, len(written) - _LONGEST_ESCAPE))
    if found is None:
        return written
    before = written[: found.start()]
    is_escaped = (len(before) - len(before.rstrip("\\"))) % 2
    return written if is_escaped else before


def _parse(written: str) -> Any:
    return from_json(written, allow_partial="trailing-strings")


def _may_go_on(written: str, number: float) -> bool:
    """Whether the last number of the value stands at the very end of the text, and not before a name with digits."""
    try:
        holder, place = _last_place(_parse(f"{written}1e9"))
    except ValueError:
        return True  # nothing of this kind may follow 0 or an exponent
    return holder is None or holder[place] != number


def _last_place(value: Any) -> tuple[Any, Any]:
    """Return the innermost container that was written last and the place of its last item; `None` where it has none."""
    holder: Any = None
    place: Any = None
    node: Any = value
    while isinstance(node, (dict, list)) and node:
        holder = cast("Any", node)
        place = next(reversed(holder)) if isinstance(node, dict) else -1
        node = holder[place]
    return holder, place
