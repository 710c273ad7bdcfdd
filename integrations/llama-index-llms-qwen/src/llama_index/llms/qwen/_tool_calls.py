"""Tool calls as LlamaIndex messages state them, and which of them may be executed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from pydantic_core import from_json
from qwen_endpoints import Json, ToolCall, parse_arguments

if TYPE_CHECKING:
    from llama_index.core.tools import BaseTool

PARTIAL: Final = "partial"
"""Key on `ChatResponse.additional_kwargs`: `True` while an answer is still growing, absent once it is whole."""
INVALID_CALLS: Final = "invalid_tool_calls"
"""Key on `ChatResponse.additional_kwargs`: the calls that must not be executed, each with the reason."""


def facts_of(response: ChatResponse) -> dict[str, Any]:
    """Return the response's `additional_kwargs`, which the framework types as a bare `dict`."""
    return response.additional_kwargs  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - as said


def stated_calls(message: ChatMessage) -> list[ToolCall]:
    """Return the calls of a message, from its blocks or, where it has none, from `additional_kwargs["tool_calls"]`.

    A call without an id has an empty one.
    """
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        return [_call_of_block(block) for block in blocks]
    legacy: object = message.additional_kwargs.get("tool_calls")
    return [_legacy_call(entry) for entry in cast("list[object]", legacy)] if isinstance(legacy, list) else []


def selections(response: ChatResponse, *, error_on_none: bool) -> list[ToolSelection]:
    """Return the calls to execute; of an answer that is still growing, the calls as far as they can be read.

    Raises:
        ValueError: The answer is whole, `error_on_none` is set and nothing can be executed; the message says why.
    """
    calls = stated_calls(response.message)
    if _is_growing(response):
        return [_selection(call, _arguments_so_far(call)) for call in calls]
    valid = [_selection(call, call.parsed) for call in calls if call.parsed is not None]
    if error_on_none and not valid:
        raise ValueError(_why_none(response, calls))
    return valid


def keep_one_call(response: ChatResponse) -> ChatResponse:
    """Return the response with its first executable call only (the first of all, if none is)."""
    calls = stated_calls(response.message)
    if len(calls) < 2:  # noqa: PLR2004 - nothing to choose from
        return response
    kept = next((place for place, call in enumerate(calls) if call.parsed is not None), 0)
    message = response.message
    called = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    others = [block for block in message.blocks if not isinstance(block, ToolCallBlock)]
    blocks = [*others, *called[kept : kept + 1]]
    extra = dict(message.additional_kwargs)
    listed: object = extra.get("tool_calls")
    if isinstance(listed, list):
        extra["tool_calls"] = cast("list[object]", listed)[kept : kept + 1]
    trimmed = message.model_copy(update={"blocks": blocks, "additional_kwargs": extra})
    return response.model_copy(update={"message": trimmed})


def encode_tools(tools: Sequence[BaseTool | Json]) -> list[Json]:
    """Describe tools in the Chat Completions shape; what has that shape already is taken as it is."""
    # The check for long descriptions is about OpenAI's own service.
    return [
        tool if isinstance(tool, Mapping) else tool.metadata.to_openai_tool(skip_length_check=True) for tool in tools
    ]


def _is_growing(response: ChatResponse) -> bool:
    # A response that somebody else put together has no such key: it is whole, so nothing half-written is executed.
    return facts_of(response).get(PARTIAL) is True


def _call_of_block(block: ToolCallBlock) -> ToolCall:
    call_id, name, stated = block.tool_call_id or "", block.tool_name, block.tool_kwargs
    if isinstance(stated, str) and not stated.strip():
        return ToolCall(id=call_id, name=name, arguments="", error="the arguments were never written")
    return _call(call_id, name, stated)


def _legacy_call(entry: object) -> ToolCall:
    """Read a plain dict, or an object of the OpenAI SDK."""
    function = _field(entry, "function")
    stated = _field(function, "arguments")
    arguments = cast("dict[str, Any]", stated) if isinstance(stated, dict) else str(stated or "")
    return _call(str(_field(entry, "id") or ""), str(_field(function, "name") or ""), arguments)


def _field(holder: object, name: str) -> object:
    return cast("Json", holder).get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def _call(call_id: str, name: str, stated: dict[str, Any] | str) -> ToolCall:
    parsed: Json | None
    if isinstance(stated, str):
        arguments = stated
        parsed, error = parse_arguments(stated)
    else:
        arguments, error = json.dumps(stated, ensure_ascii=False, default=str), None
        parsed = stated
    if not name:
        parsed, error = None, "it names no function"
    return ToolCall(id=call_id, name=name, arguments=arguments, parsed=parsed, error=error)


def _selection(call: ToolCall, arguments: Json) -> ToolSelection:
    return ToolSelection(tool_id=call.id, tool_name=call.name, tool_kwargs=dict(arguments))


def _arguments_so_far(call: ToolCall) -> Json:
    """Read arguments that are being written: for show, never for execution."""
    try:
        value: object = from_json(call.arguments, allow_partial="trailing-strings")
    except ValueError:
        return {}
    return cast("Json", value) if isinstance(value, dict) else {}


def _why_none(response: ChatResponse, calls: Sequence[ToolCall]) -> str:
    if not calls:
        reason = facts_of(response).get("finish_reason")
        ended = f" (finish reason: {reason})" if reason else ""
        return f"Expected at least one tool call, but the answer holds none{ended}."
    reported: list[Json] = facts_of(response).get(INVALID_CALLS) or []
    reasons = {entry.get("id"): entry.get("error") for entry in reported}
    invalid = "; ".join(f"{call.name!r}: {reasons.get(call.id) or call.error}" for call in calls)
    return f"Expected at least one tool call, but none can be executed: {invalid}."
