"""A whole reply in the shape of each gateway."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from qwen_sandbox.logprobs import logprobs_of
from qwen_sandbox.usage import usage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen_sandbox.answer import Answer
    from qwen_sandbox.json_types import JsonObject
    from qwen_sandbox.turn import Turn


def new_reply_id() -> str:
    """Return a reply id no other reply has."""
    return f"chatcmpl-{secrets.token_hex(12)}"


def reply_frame(turn: Turn, kind: str) -> JsonObject:
    """Return what every reply and every chunk begins with."""
    return {"id": new_reply_id(), "object": kind, "created": int(time.time()), "model": turn.model.id}


def whole_reply(turn: Turn, answers: Sequence[Answer]) -> JsonObject:
    """Return the body of a reply that is not streamed."""
    write = _openrouter_choice if turn.gateway.family == "openrouter" else _new_api_choice
    choices = [write(turn, index, answer) for index, answer in enumerate(answers)]
    return reply_frame(turn, "chat.completion") | {"choices": choices, "usage": usage_of(turn, answers)}


def _new_api_choice(turn: Turn, index: int, answer: Answer) -> JsonObject:
    message: JsonObject = {"role": "assistant", "content": answer.text}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.calls:
        message["tool_calls"] = _calls(answer, with_index=True)
    choice: JsonObject = {"index": index, "message": message, "finish_reason": answer.finish}
    if turn.top_logprobs is not None:
        choice["logprobs"] = logprobs_of(answer.text, turn.top_logprobs)
    return choice


def _openrouter_choice(turn: Turn, index: int, answer: Answer) -> JsonObject:
    # A call without text comes with null content on this family.
    content = None if answer.calls and not answer.text else answer.text
    message: JsonObject = {"role": "assistant", "content": content, "refusal": None}
    message["reasoning"] = answer.reasoning or None
    if answer.calls:
        message["tool_calls"] = _calls(answer, with_index=False)
    logprobs = None if turn.top_logprobs is None else logprobs_of(answer.text, turn.top_logprobs)
    return {
        "logprobs": logprobs,
        "finish_reason": answer.finish,
        "native_finish_reason": answer.finish,
        "index": index,
        "message": message,
    }


def _calls(answer: Answer, *, with_index: bool) -> list[JsonObject]:
    calls: list[JsonObject] = []
    for index, call in enumerate(answer.calls):
        place: JsonObject = {"index": index} if with_index else {}
        function = {"name": call.name, "arguments": call.arguments}
        calls.append(place | {"id": call.id, "type": "function", "function": function})
    return calls
