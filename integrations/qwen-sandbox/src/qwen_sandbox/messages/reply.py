"""An answer as a message: its blocks, why it stopped, and its token counts."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from qwen_sandbox.faults import asks_for
from qwen_sandbox.json_types import JsonObject, as_object
from qwen_sandbox.messages.signatures import redacted, signature_of
from qwen_sandbox.messages.translation import chat_body
from qwen_sandbox.turn import Turn
from qwen_sandbox.usage import prompt_counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen_sandbox.answer import Answer, Call, FinishReason
    from qwen_sandbox.messages.prefixes import PrefixCache
    from qwen_sandbox.messages.turn import MessagesTurn

_STOP_REASONS: Mapping[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "tool_calls": "tool_use",
}


def message_of(turn: MessagesTurn, answer: Answer, usage: JsonObject) -> JsonObject:
    """Return the message that tells of `answer`."""
    frame: JsonObject = {"id": f"msg_{secrets.token_hex(12)}", "type": "message", "role": "assistant"}
    return (
        frame | {"model": turn.model.id, "content": blocks_of_answer(turn, answer)} | stop_of(answer) | {"usage": usage}
    )


def stop_of(answer: Answer) -> JsonObject:
    """Return why the answer ended."""
    if answer.stopped_by is not None:
        return {"stop_reason": "stop_sequence", "stop_sequence": answer.stopped_by}
    return {"stop_reason": _STOP_REASONS[answer.finish], "stop_sequence": None}


def usage_of(turn: MessagesTurn, answer: Answer, prefixes: PrefixCache) -> JsonObject:
    """Return the token counts; what the prompt marks is remembered in `prefixes`."""

    def count(body: JsonObject) -> int:
        return sum(prompt_counts(Turn(turn.gateway, turn.model, chat_body(body))).values())

    cache = prefixes.use(turn.request, count)
    usage: JsonObject = {
        "input_tokens": sum(prompt_counts(turn).values()) - cache.read - cache.written,
        "cache_creation_input_tokens": cache.written,
        "cache_read_input_tokens": cache.read,
        "output_tokens": answer.completion_tokens,
    }
    if answer.reasoning:
        usage["output_tokens_details"] = {"thinking_tokens": answer.reasoning_tokens}
    return usage


def blocks_of_answer(turn: Turn, answer: Answer) -> list[JsonObject]:
    """Return thought, text and calls; what is empty has no block."""
    blocks: list[JsonObject] = []
    if answer.reasoning:
        blocks.append(_thought(turn, answer.reasoning))
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    return blocks + [_tool_use(call) for call in answer.calls]


def _thought(turn: Turn, reasoning: str) -> JsonObject:
    if asks_for(turn.prompt, "redacted"):
        return {"type": "redacted_thinking", "data": redacted(reasoning)}
    return {"type": "thinking", "thinking": reasoning, "signature": signature_of(reasoning)}


def _tool_use(call: Call) -> JsonObject:
    try:
        arguments = as_object(json.loads(call.arguments))
    except ValueError:
        # Cut short by the limit; an object cannot show half a text.
        arguments = {}
    return {"type": "tool_use", "id": call.id.replace("call_", "toolu_", 1), "name": call.name, "input": arguments}
