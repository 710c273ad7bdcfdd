"""What a gateway refuses although each field by itself is in order."""

from __future__ import annotations

import json
from typing import Any

from qwen_sandbox.json_types import as_list, as_object, as_text
from qwen_sandbox.refusal import Refusal
from qwen_sandbox.schema_check import is_schema
from qwen_sandbox.turn import Turn, text_of
from qwen_sandbox.usage import prompt_counts


def check_rules(turn: Turn) -> None:
    """Raise a `Refusal` for the first rule the turn breaks."""
    for rule in (
        _log_probabilities,
        _tools,
        _tool_history,
        _json_answers,
        _thinking_needs_a_stream,
        _thinking_and_force,
        check_context,
    ):
        rule(turn)


def _log_probabilities(turn: Turn) -> None:
    if "top_logprobs" in turn.body and turn.body.get("logprobs") is not True:
        raise Refusal(400, "top_logprobs needs logprobs to be true")
    if "stream_options" in turn.body and not turn.streamed:
        raise Refusal(400, "stream_options is only accepted when stream is true")


def _tools(turn: Turn) -> None:
    names = [tool.name for tool in turn.tools]
    for place, tool in enumerate(turn.tools):
        if not is_schema(tool.parameters):
            raise Refusal(400, f"tools[{place}].function.parameters is not a valid JSON Schema")
    if not names and "tool_choice" in turn.body and turn.tool_choice != "none":
        raise Refusal(400, "tool_choice is only accepted together with tools")
    if turn.named_tool is not None and turn.named_tool not in names:
        raise Refusal(400, f"tool_choice names {turn.named_tool}, which is not among tools: {', '.join(names)}")


def _tool_history(turn: Turn) -> None:
    called: set[str] = set()
    for place, message in enumerate(turn.messages):
        for call in map(as_object, as_list(message.get("tool_calls"))):
            called.add(as_text(call.get("id")))
            if not _is_json_object(as_text(as_object(call.get("function")).get("arguments"))):
                raise Refusal(400, f'messages[{place}]: the "function.arguments" parameter must be in JSON format')
        if message.get("role") == "tool" and message.get("tool_call_id") not in called:
            raise Refusal(400, f"messages[{place}].tool_call_id does not match any earlier tool call")


def _is_json_object(text: str) -> bool:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict)


def _json_answers(turn: Turn) -> None:
    kind = as_object(turn.body.get("response_format")).get("type")
    if kind == "json_object" and not any("json" in text_of(message).lower() for message in turn.messages):
        raise Refusal(400, "messages must contain the word 'json' to use response_format of type json_object")
    if turn.json_schema is not None and not is_schema(turn.json_schema):
        raise Refusal(400, "response_format.json_schema.schema is not a valid JSON Schema")


def _thinking_needs_a_stream(turn: Turn) -> None:
    if turn.gateway.thinks_only_in_streams and turn.thinking and not turn.streamed:
        raise Refusal(400, "parameter.enable_thinking must be set to false for non-streaming calls")


def _thinking_and_force(turn: Turn) -> None:
    if not (turn.gateway.refuses_forced_tools_while_thinking and turn.thinking):
        return
    if turn.tool_choice == "required":
        message = "The tool_choice parameter does not support being set to required or object in thinking mode"
        raise Refusal(400, message)
    if turn.json_mode:
        raise Refusal(400, "Json mode response is not supported when enable_thinking is true")


def check_context(turn: Turn) -> None:
    """Refuse a prompt and a token limit that together exceed the model's context."""
    if turn.model.context is None:
        return
    prompt, asked = sum(prompt_counts(turn).values()), turn.limit or 0
    if prompt + asked > turn.model.context:
        raise Refusal(
            400,
            f"max_tokens ({asked}) and the prompt ({prompt}) exceed the context of {turn.model.context} tokens",
            code="context_length_exceeded",
        )
