"""Types of frameworks that `qwen_endpoints.display` is told of when it meets the first, since few programs show any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_WAITING: Final[list[Callable[[], object]]] = []


def when_shown(register: Callable[[], object]) -> None:
    """Have `register` called before anything is shown: it imports the module that registers a framework's types.

    Args:
        register: Called once, or never; twice where two threads show their first at the same time. What it returns is
            not used.
    """
    _WAITING.append(register)


def registered_more() -> bool:
    """Call whatever waits. Returns whether anything did."""
    waiting = tuple(_WAITING)
    for register in waiting:
        register()
    del _WAITING[: len(waiting)]  # after the calls, as another thread may show something meanwhile
    return bool(waiting)
