"""The tool calls of earlier answers, wherever a framework or a person has put them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

import qwen_endpoints
from langchain_core.messages import AIMessage, BaseMessage

from langchain_qwen._block_kinds import kind_of, unwrapped

if TYPE_CHECKING:
    from qwen_endpoints import ToolCall

_ID_KEYS: Final = ("call_id", "id")  # OpenAI Responses' items have both, and results name the first
_ARGUMENT_KEYS: Final = ("args", "input", "arguments")


def blocks_of(message: BaseMessage) -> Iterator[Mapping[str, Any]]:
    """Yield the blocks of a message's content that are not bare text."""
    if not isinstance(message.content, str):
        yield from (unwrapped(block) for block in message.content if isinstance(block, dict))


def calls_of(message: BaseMessage, answered: frozenset[str]) -> list[ToolCall]:
    """Return the calls an answer made.

    `tool_calls` and `invalid_tool_calls` are what agents and middleware read and edit, so they count first. Calls that
    stand in the content alone (written by hand in Anthropic's or LangChain's blocks) are added where there are no
    others, or where a result answers them; the rest may have been taken out on purpose. The forms of OpenAI's older
    APIs in `additional_kwargs` count only where there is nothing else.

    Args:
        message: An answer, as `AIMessage` or `ChatMessage`.
        answered: The ids that results of the conversation name.
    """
    own = [*_valid(message), *_invalid(message)] if isinstance(message, AIMessage) else []
    known = {call.id for call in own}
    inside = [_from_block(block) for block in blocks_of(message) if kind_of(block) == "call"]
    if own:
        return [*own, *(call for call in inside if call.id in answered and call.id not in known)]
    return inside or list(_from_notes(message.additional_kwargs))


def _valid(message: AIMessage) -> Iterator[ToolCall]:
    for call in message.tool_calls:
        yield _call(call["id"], call["name"], call["args"])


def _invalid(message: AIMessage) -> Iterator[ToolCall]:
    for call in message.invalid_tool_calls:
        yield qwen_endpoints.ToolCall(
            id=call["id"] or "", name=call["name"] or "", arguments=call["args"] or "", error="invalid"
        )


def _from_block(block: Mapping[str, Any]) -> ToolCall:
    arguments = next((block[key] for key in _ARGUMENT_KEYS if block.get(key) is not None), None)
    call = _call(next((block[key] for key in _ID_KEYS if block.get(key)), None), block.get("name"), arguments)
    return replace(call, parsed=None, error="invalid") if block.get("type") == "invalid_tool_call" else call


def _from_notes(notes: Mapping[str, Any]) -> Iterator[ToolCall]:
    stated = notes.get("tool_calls")
    entries: Sequence[Any] = cast("list[Any]", stated) if isinstance(stated, list) else ()
    legacy = notes.get("function_call")
    if not entries and legacy is not None:
        entries = ({"function": legacy},)
    for entry in entries:
        given = _mapping(entry)
        function = _mapping(given.get("function"))
        yield _call(given.get("id"), function.get("name"), function.get("arguments"))


def _call(call_id: object, name: object, arguments: object) -> ToolCall:
    """Make a call of whatever arguments there are: an object, its JSON text, or nothing."""
    known: Any = {"id": call_id if isinstance(call_id, str) else "", "name": name if isinstance(name, str) else ""}
    text, error = (arguments, None) if isinstance(arguments, str) else _as_json({} if arguments is None else arguments)
    if error is None and not known["name"]:
        error = "the call names no function"
    if error is not None:
        return qwen_endpoints.ToolCall(**known, arguments=text, error=error)
    parsed, error = qwen_endpoints.parse_arguments(text)  # also refuses NaN, as endpoints that parse arguments do
    return qwen_endpoints.ToolCall(**known, arguments=text, parsed=parsed, error=error)


def _as_json(value: object) -> tuple[str, str | None]:
    """Write a value as JSON text, odd values in it as their `str`. Returns the text, or why there is none."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str), None
    except (TypeError, ValueError, RecursionError) as error:
        return "", f"the value cannot be written as JSON ({error})"


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
