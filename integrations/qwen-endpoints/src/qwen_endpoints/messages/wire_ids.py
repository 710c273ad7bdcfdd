"""The ids that join tool calls to their results, as Messages takes them."""

from __future__ import annotations

import re
from typing import Final

_FOREIGN: Final = re.compile(r"[^a-zA-Z0-9_-]")


class WireIds:
    """Gives each call of a conversation an id of its own, and each result that of the latest call it names.

    Ids made elsewhere may hold what the protocol refuses, may be empty, and may stand in several turns, which it
    refuses as well (anomalyco/opencode#1279, Jul 2025). Ask in the order of the conversation: the same beginning then
    always gets the same ids, so that a cache finds it again.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._sent: dict[str, str] = {}
        self._next: dict[str, int] = {}

    def of_call(self, given: str) -> str:
        """Return the id to send for a call."""
        plain = _FOREIGN.sub("_", given) or "call"
        sent = plain
        while sent in self._taken:  # counted on from the last time, because a history may have one id for all calls
            number = self._next.get(plain, 2)
            self._next[plain] = number + 1
            sent = f"{plain}_{number}"
        self._taken.add(sent)
        self._sent[given] = sent
        return sent

    def of_result(self, given: str) -> str:
        """Return the id to send with the result of a call."""
        return self._sent.get(given, _FOREIGN.sub("_", given))
