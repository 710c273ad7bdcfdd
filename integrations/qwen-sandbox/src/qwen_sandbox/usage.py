"""Token counts as each gateway reports them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from qwen_sandbox.tokens import count_tokens
from qwen_sandbox.turn import Turn, media_of, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen_sandbox.answer import Answer
    from qwen_sandbox.json_types import JsonObject

_PER_MESSAGE = 3
_PER_MEDIUM = {"image": 256, "video": 1024}


def prompt_counts(turn: Turn) -> dict[str, int]:
    """Count the prompt by kind: text (with three tokens a message, and the tools), image and video."""
    counts = {"text": 0, "image": 0, "video": 0}
    for message in turn.messages:
        calls = json.dumps(message["tool_calls"]) if "tool_calls" in message else ""
        counts["text"] += _PER_MESSAGE + count_tokens(text_of(message)) + count_tokens(calls)
        for kind, _url in media_of(message):
            counts[kind] += _PER_MEDIUM[kind]
    counts["text"] += sum(count_tokens(json.dumps(tool)) for tool in turn.body.get("tools", ()))
    return counts


def usage_of(turn: Turn, answers: Sequence[Answer]) -> JsonObject:
    """Return the usage object; the completion counts every choice, and reasoning as part of it."""
    counts = prompt_counts(turn)
    prompt, completion = sum(counts.values()), sum(answer.completion_tokens for answer in answers)
    usage: JsonObject = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if turn.gateway.media_usage:
        details = {f"{kind}_tokens": count for kind, count in counts.items()}
        usage["prompt_tokens_details"] = {"cached_tokens": 0} | details
    elif turn.gateway.family == "openrouter":
        usage["prompt_tokens_details"] = {"cached_tokens": 0} if turn.model.cache_details else None
    reasoning = sum(answer.reasoning_tokens for answer in answers)
    if reasoning and "prompt_tokens_details" in usage:
        usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return usage
