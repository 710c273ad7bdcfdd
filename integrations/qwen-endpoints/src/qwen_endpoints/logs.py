"""What calls tell `logging`, under the name `qwen_endpoints`: who was asked, how it went, how long it took.

All of it at level DEBUG, because failures are raised and notes are in the answer. At no level a key, a header, a query,
a prompt, an answer or an endpoint's own words about them: those who want to see what is sent put a proxy in between.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from qwen_endpoints.failures import request_id_of

if TYPE_CHECKING:
    from qwen_endpoints.calls import Call
    from qwen_endpoints.errors import QwenError
    from qwen_endpoints.types import Completion, Usage

LOGGER: Final = logging.getLogger("qwen_endpoints")
_NUMBERS: Final = count(1)


class CallLog:
    """The records of one call: `sent`, `begun`, and then one of `ended`, `failed` and `left`; `repeated` in between.

    Each record has an attribute `qwen` with the same facts as plain JSON, for handlers that write JSON. `call` in it
    counts the calls of this process, so that those that run at the same time can be told apart.
    """

    def __init__(self, call: Call, method: str, url: str, *, streams: bool) -> None:
        self._endpoint = call.endpoint
        self._retries = call.transport.max_retries
        self._method, self._url = method, url
        self._streams = streams
        self._number = next(_NUMBERS)
        self._began = time.monotonic()
        self._over = False

    def sent(self) -> None:
        """The request is about to be sent."""
        self._began = time.monotonic()
        facts = {"url": self._url, "streamed": self._streams, "max_retries": self._retries}
        self._say("sent", f"{self._method} {self._url}, {'streamed' if self._streams else 'whole'}", facts)

    def begun(self, response: Any, repeated: int) -> None:
        """The reply's headers have arrived, after so many repetitions."""
        facts = {
            "status": response.status_code,
            "request_id": request_id_of(response.headers),
            "retries": repeated,
            "seconds": self._seconds(),
        }
        self._say("begun", _joined(f"HTTP {response.status_code}", facts), facts)

    def ended(self, completion: Completion) -> None:
        """The reply is whole."""
        self._over = True
        usage, cost, choice = completion.usage, completion.cost, completion.first
        facts = {
            "finish_reason": choice.finish_reason,
            "id": completion.id,
            "usage": _counts(usage) if usage else None,
            "cost": cost.as_json() if cost else None,
            "notes": list(completion.notes) or None,
            "seconds": self._seconds(),
        }
        said = [f"finished ({choice.finish_reason or 'no reason given'})"]
        if usage:
            said.append(_tokens(usage))
        if cost:
            said.append(f"cost {cost.amount:.6g} {cost.currency}")
        self._say("ended", _joined(", ".join(said), facts), facts)

    def repeated(self, error: QwenError, pause: float) -> None:
        """An attempt has failed, and there is to be another."""
        facts = {**self._facts(error), "pause": round(pause, 3)}
        self._say("repeated", f"{_failure(error, facts)}, again in {pause:.1f} s", facts)

    def failed(self, error: QwenError, repeated: int) -> None:
        """The call ends with an error, after so many repetitions; it is raised, and says more."""
        self._over = True
        facts = {**self._facts(error), "retries": repeated}
        self._say("failed", _failure(error, facts), facts)

    def left(self) -> None:
        """Whoever made the call does not wait for the rest: a stream was left, or a task cancelled."""
        if not self._over:
            self._over = True
            facts = {"seconds": self._seconds()}
            self._say("left", _joined("left unfinished", facts), facts)

    def _facts(self, error: QwenError) -> dict[str, Any]:
        return {
            "error": type(error).__name__,
            "status": error.status,
            "code": error.code,
            "request_id": error.request_id,
            "retryable": error.retryable,
            "seconds": self._seconds(),
        }

    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 3)

    def _say(self, event: str, text: str, facts: Mapping[str, Any]) -> None:
        provider, model, scrub = self._endpoint.provider.name, self._endpoint.model, self._endpoint.scope.scrub
        known = {
            name: scrub(value) if isinstance(value, str) else value
            for name, value in facts.items()
            if value is not None
        }
        record = {"event": event, "call": self._number, "provider": provider, "model": model, **known}
        LOGGER.debug("call %d, %s %s: %s", self._number, provider, model, scrub(text), extra={"qwen": record})


def log_of(call: Call, method: str, url: str, *, streams: bool) -> CallLog | None:
    """Return the log of a call that is about to be made, or `None` where nobody listens."""
    return CallLog(call, method, url, streams=streams) if LOGGER.isEnabledFor(logging.DEBUG) else None


def _failure(error: QwenError, facts: Mapping[str, Any]) -> str:
    status = f", HTTP {error.status}" if error.status else ""
    code = f", code {error.code}" if error.code else ""
    return _joined(f"{type(error).__name__}{status}{code}", facts)


def _joined(text: str, facts: Mapping[str, Any]) -> str:
    said = [f"{text} after {facts['seconds']:.2f} s"]
    if facts.get("request_id"):
        said.append(f"request {facts['request_id']}")
    if facts.get("retries"):
        said.append(f"retries: {facts['retries']}")
    return ", ".join([*said, *(facts.get("notes") or ())])


def _tokens(usage: Usage) -> str:
    cached = f" ({usage.cached_tokens} cached)" if usage.cached_tokens else ""
    reasoning = f" ({usage.reasoning_tokens} reasoning)" if usage.reasoning_tokens else ""
    return f"tokens {usage.input_tokens} in{cached}, {usage.output_tokens} out{reasoning}"


def _counts(usage: Usage) -> dict[str, int]:
    names = ("input_tokens", "output_tokens", "total_tokens", "reasoning_tokens", "cached_tokens", "cache_write_tokens")
    counts = {name: getattr(usage, name) for name in names}
    return {name: count for name, count in counts.items() if count is not None}
