"""What both ways of the translation need: words of the protocol, and the signatures of thoughts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, cast

from llama_index_llm_tests.answers import Json


class UnsayableError(Exception):
    """The protocol has no words for this; the message says why."""


STOP_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
"""Why an answer ended, by the word of Chat Completions."""
REASONING: Final = ("reasoning_content", "reasoning")
SAID: Final = frozenset({"role", "content", "tool_calls", "refusal", *REASONING})
"""What is told of a message in words of the protocol; any other field stays as it is."""
"""The names under which Chat Completions has thoughts."""
_ERRORS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def signature_of(thought: str) -> str:
    """The signature that the server gives with a thought, and looks for when it comes back."""
    return "sig-" + hashlib.sha256(thought.encode()).hexdigest()


def thought_of(message: Mapping[str, Any]) -> str:
    """What a message or a delta thinks.

    Raises:
        UnsayableError: It says so in two places, or in one that the protocol lacks.
    """
    stated = [message[name] for name in REASONING if message.get(name)]
    if len(stated) > 1 or message.get("reasoning_details"):
        raise UnsayableError("thoughts have one place, and one spelling")
    return stated[0] if stated else ""


def usage_of(usage: Mapping[str, Any]) -> Json:
    """Token counts, as far as they are there. Those of the input leave out what was read from a cache."""
    told: Json = {}
    if "prompt_tokens" in usage:
        details: Json = usage.get("prompt_tokens_details") or {}
        cached: int | None = details.get("cached_tokens")
        prompt: int | None = usage["prompt_tokens"]
        told["input_tokens"] = prompt if prompt is None else prompt - (cached or 0)
        if cached is not None:
            told["cache_read_input_tokens"] = cached
    if "completion_tokens" in usage:
        told["output_tokens"] = usage["completion_tokens"]
        details = usage.get("completion_tokens_details") or {}
        if details:
            told["output_tokens_details"] = {"thinking_tokens": details["reasoning_tokens"]}
    return told


def error_of(error: Any, status: int = 500) -> Json:
    """An error, as it stands in a reply or in a stream."""
    told = cast("Json", error) if isinstance(error, dict) else {"message": str(error)}
    return {"type": "error", "error": {**told, "type": _ERRORS.get(status, "api_error")}}
