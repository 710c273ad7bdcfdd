"""The ids that join the tool calls of a history to their results, whatever a framework or a person left there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from qwen_endpoints.types import ToolCall


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A call that no result has answered yet."""

    given_id: str
    """As in the history; may be empty, and may stand twice in one answer."""
    name: str
    sent_id: str
    invalid: bool


class CallIds:
    """Gives each call an id of its own, and each result the id of the call it answers."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def open(self, calls: Iterable[ToolCall], position: int) -> list[ToolCall]:
        """Take the calls of the answer at `position`, oldest first; earlier calls no longer wait."""
        self._waiting = []
        taken: set[str] = set()
        opened: list[ToolCall] = []
        for place, call in enumerate(calls):
            sent_id = call.id if call.id and call.id not in taken else f"call_{position}_{place}"
            taken.add(sent_id)
            opened.append(replace(call, id=sent_id))
            self._waiting.append(_Waiting(call.id, call.name, sent_id, invalid=call.error is not None))
        # A call that could not be executed is the last that a result may mean.
        self._waiting.sort(key=lambda call: call.invalid)
        return opened

    def close(self, given_id: str, name: str | None) -> str:
        """Return the id to send with a result: that of the call it names, else of the next call that it may mean.

        An id that no call has stays as it is: memories that forget their oldest messages leave such results, and some
        servers take them.

        Args:
            given_id: The id of the call, as the result states it; may be empty.
            name: The function's name, where the result states it.

        Returns:
            The id; empty where nothing fits and none was given.
        """
        found = next((call for call in self._waiting if given_id and call.given_id == given_id), None)
        if found is None:
            candidates = (call for call in self._waiting if not (given_id and call.given_id))
            found = next((call for call in candidates if name in (None, call.name)), None)
        if found is None:
            return given_id
        self._waiting.remove(found)
        return found.sent_id
