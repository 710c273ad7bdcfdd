"""Failures on demand.

A fault token is a status, `429`, or a status for the first so many requests, `429*1`; after `#` comes a label that
makes the token another one with its own count, `429*1#retry-test`. It is sent in the header `x-sandbox-fault`, or
inside the last user message as `[[sandbox:429]]`. In that message `[[sandbox:content_filter]]` and `[[sandbox:length]]`
end the answer half-way with that finish reason. Over Messages `[[sandbox:redacted]]` hides the thoughts
and `[[sandbox:error_event]]` breaks a stream off with an error.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from qwen_sandbox.refusal import Refusal
from qwen_sandbox.tokens import split_tokens

if TYPE_CHECKING:
    from qwen_sandbox.answer import Answer
    from qwen_sandbox.gateways import Gateway

_TOKEN = re.compile(r"(?P<status>\d{3})(?:\*(?P<times>\d{1,6}))?(?:#[\w.-]*)?")
_IN_PROMPT = re.compile(r"\[\[sandbox:([^\]\s]+)\]\]")

# status: (code, type, message); the wording of 402, 413 and 429 is what wcode's list of errors is classified by.
FAULTS: dict[int, tuple[str, str, str]] = {
    400: ("invalid_parameter_error", "invalid_request_error", "The request was refused on demand"),
    401: ("invalid_api_key", "authentication_error", "Incorrect API_KEY provided"),
    402: ("insufficient_quota", "new_api_error", "API_KEY exceeded the current quota"),
    403: ("insufficient_user_quota", "new_api_error", "The quota of this user is used up"),
    404: ("model_not_found", "new_api_error", "The model does not exist"),
    408: ("request_timeout", "upstream_error", "The request took too long"),
    413: ("request_body_too_large", "new_api_error", "The request body (or file) is too large"),
    429: ("rate_limit_exceeded", "upstream_error", "Rate limit exceeded, please try again later"),
    500: ("do_request_failed", "new_api_error", "The request to the upstream failed"),
    502: ("bad_response_body", "upstream_error", "The upstream sent a bad response"),
    503: ("get_channel_failed", "new_api_error", "No channel is available for this model"),
    504: ("bad_response_status_code", "upstream_error", "The upstream did not answer in time"),
    529: ("upstream_overloaded", "upstream_error", "The upstream is overloaded"),
}
_RETRY_AFTER = {429: "1", 503: "1"}


class FaultCounter:
    """Counts how often each fault token was used, so that `429*1` fails once; safe across threads."""

    def __init__(self) -> None:
        self._used: Counter[str] = Counter()
        self._lock = Lock()

    def clear(self) -> None:
        """Forget every count."""
        with self._lock:
            self._used.clear()

    def due(self, gateway: Gateway, token: str) -> Refusal | None:
        """Return the failure `token` asks for now, or None when it has had its times; an unknown token is a 400."""
        match = _TOKEN.fullmatch(token)
        status = int(match["status"]) if match else 0
        if match is None or status not in FAULTS:
            known = ", ".join(map(str, FAULTS))
            return Refusal(400, f"unknown sandbox fault {token!r:.80}; known are {known}, also as 429*1 or 429*1#label")
        if match["times"] is not None:
            with self._lock:
                self._used[token] += 1
                if self._used[token] > int(match["times"]):
                    return None
        code, kind, message = FAULTS[status]
        headers = {"retry-after": _RETRY_AFTER[status]} if status in _RETRY_AFTER else {}
        # The page of anyfast-cn gives no code list: the words are the same as anyfast's.
        return Refusal(status, f"{message} (fault on demand, {gateway.name})", code, kind, headers)


def status_fault(prompt: str) -> str | None:
    """Return the status token a user message carries, or None."""
    return next((token for token in _IN_PROMPT.findall(prompt) if _TOKEN.fullmatch(token)), None)


def asks_for(prompt: str, token: str) -> bool:
    """Return whether a user message carries `token`."""
    return token in _IN_PROMPT.findall(prompt)


def finish_fault(prompt: str, answer: Answer) -> Answer:
    """Cut `answer` half-way when the prompt asks for another end: content_filter or length."""
    tokens: list[str] = _IN_PROMPT.findall(prompt)
    half = split_tokens(answer.text)[: len(split_tokens(answer.text)) // 2]
    if "content_filter" in tokens:
        return replace(answer, text="".join(half), calls=(), finish="content_filter")
    if "length" in tokens:
        return replace(answer, text="".join(half), calls=(), finish="length")
    return answer


def without_tokens(prompt: str) -> str:
    """Return the prompt without its fault tokens."""
    return _IN_PROMPT.sub("", prompt).strip()
