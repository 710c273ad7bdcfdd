"""Tools as LlamaIndex describes them, calls as its messages state them, and which of those may be executed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import qwen_endpoints
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools.types import ToolMetadata
from pydantic import PydanticUserError
from pydantic_core import from_json
from qwen_endpoints import ConfigurationError, Json

if TYPE_CHECKING:
    from llama_index.core.tools import BaseTool
    from qwen_endpoints import ToolCall

PARTIAL: Final = "partial"
"""Key on `ChatResponse.additional_kwargs`: `True` while an answer is still growing, absent once it is whole."""
INVALID_CALLS: Final = "invalid_tool_calls"
"""Key on `ChatResponse.additional_kwargs`: the calls that must not be executed, each with the reason."""
DROPPED_CALLS: Final = "dropped_tool_calls"
"""Key on `ChatResponse.additional_kwargs`: the calls that were taken out because one was allowed."""
TOOL_NAMES: Final = "tool_names"
"""Key on `ChatResponse.additional_kwargs`: name on the wire -> a tool's own name, which no endpoint would take."""
REFUSAL: Final = "refusal"
"""Key on `additional_kwargs` of a response and of its message: what the model said instead of an answer."""
_ID_KEYS: Final = ("call_id", "id")  # OpenAI Responses' items have both, and results name the first
_ARGUMENT_KEYS: Final = ("arguments", "input", "args")  # OpenAI's, Anthropic's, Google's
_NOTHING: Final[Json] = {}
_SHOWN: Final = 200
"""Characters of an answer that an error quotes."""


def facts_of(response: ChatResponse) -> dict[str, Any]:
    """Return the response's `additional_kwargs`, which the framework types as a bare `dict`."""
    return response.additional_kwargs  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - as said


def stated_calls(message: ChatMessage) -> list[ToolCall]:
    """Return the calls of a message: from its blocks, or where it has none from its `additional_kwargs`, in the forms
    that integrations without blocks leave there, as objects of their SDKs or as plain dicts.

    A call without an id has an empty one.
    """
    return [_call(*call) for call in _written(message)]


def selections(response: ChatResponse, *, error_on_none: bool) -> list[ToolSelection]:
    """Return the calls to execute; of an answer that is still growing, the calls as far as they can be read.

    Raises:
        ValueError: The answer is whole, `error_on_none` is set and nothing can be executed; the message says why.
    """
    facts = facts_of(response)
    names: Mapping[str, str] = facts.get(TOOL_NAMES) or {}

    def selected(call_id: str, name: str, arguments: Json) -> ToolSelection:
        return ToolSelection(tool_id=call_id, tool_name=names.get(name, name), tool_kwargs=dict(arguments))

    # A response that somebody else put together has no such key: it is whole, so nothing half-written is executed.
    if facts.get(PARTIAL) is True:
        return [selected(call_id, name, _so_far(stated)) for call_id, name, stated in _written(response.message)]
    calls = stated_calls(response.message)
    valid = [selected(call.id, call.name, call.parsed) for call in calls if call.parsed is not None]
    if error_on_none and not valid:
        raise ValueError(_why_none(response, calls))
    return valid


def keep_one_call(response: ChatResponse) -> ChatResponse:
    """Return the response with its first executable call only (the first of all, if none is).

    The others are noted in `additional_kwargs["dropped_tool_calls"]`.
    """
    if len(_written(response.message)) < 2:  # noqa: PLR2004 - nothing to choose from
        return response
    calls = stated_calls(response.message)
    kept = next((place for place, call in enumerate(calls) if call.parsed is not None), 0)
    message = response.message
    called = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    others = [block for block in message.blocks if not isinstance(block, ToolCallBlock)]
    blocks = [*others, *called[kept : kept + 1]]
    extra = dict(message.additional_kwargs)
    listed: object = extra.get("tool_calls")
    if isinstance(listed, list):
        extra["tool_calls"] = cast("list[object]", listed)[kept : kept + 1]
    dropped = [plain_call(call.id, call.name, call.arguments) for call in (*calls[:kept], *calls[kept + 1 :])]
    trimmed = message.model_copy(update={"blocks": blocks, "additional_kwargs": extra})
    facts = {**facts_of(response), DROPPED_CALLS: dropped}
    return response.model_copy(update={"message": trimmed, "additional_kwargs": facts})


def encode_tools(tools: Sequence[BaseTool | ToolMetadata | Json]) -> list[Json]:
    """Describe tools in the Chat Completions shape; what has that shape already is taken as it is.

    Raises:
        ConfigurationError: Something is no tool, or a tool has no name.
    """
    return [tool if isinstance(tool, Mapping) else _described(tool) for tool in tools]


def wire_choice(choice: str | Json | None, tools: Sequence[BaseTool | ToolMetadata | Json]) -> str | Json | None:
    """Spell a choice that names a tool as that tool is named on the wire."""
    return (
        qwen_endpoints.wire_name(choice) if isinstance(choice, str) and choice in own_names(tools).values() else choice
    )


def own_names(tools: Sequence[BaseTool | ToolMetadata | Json]) -> dict[str, str]:
    """Return name on the wire -> own name for tools whose names endpoints do not take (`vector search`)."""
    names = [name for tool in tools if (name := getattr(_metadata(tool), "name", None))]
    return {qwen_endpoints.wire_name(name): name for name in names if qwen_endpoints.wire_name(name) != name}


def with_own_names(response: ChatResponse, names: Mapping[str, str]) -> ChatResponse:
    """Note `own_names` in a response. Its message keeps the names of the wire, as it goes back there."""
    if not names:
        return response
    return response.model_copy(update={"additional_kwargs": {**facts_of(response), TOOL_NAMES: dict(names)}})


def plain_call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    """Return a call as plain JSON, in the shape of Chat Completions."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _written(message: ChatMessage) -> list[tuple[str, str, object]]:
    """Return id, name and arguments of each call as they stand in a message: text, an object, or `None`."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        return [(block.tool_call_id or "", block.tool_name, block.tool_kwargs) for block in blocks]
    listed: object = message.additional_kwargs.get("tool_calls")
    entries = cast("list[object]", listed) if isinstance(listed, list) else []
    single: object = message.additional_kwargs.get("function_call")
    if not entries and single is not None:
        entries = [{"function": single}]
    return [_entry(entry) for entry in entries]


def _entry(entry: object) -> tuple[str, str, object]:
    function = _field(entry, "function")
    holder = entry if function is None else function
    stated = (_field(holder, key) for key in _ARGUMENT_KEYS)
    # Unlike a block's, a blank text here is how some endpoints call a function that takes nothing.
    arguments = next((value for value in stated if value is not None and str(value).strip()), _NOTHING)
    call_id = next((value for key in _ID_KEYS if (value := _field(entry, key))), "")
    return str(call_id), str(_field(holder, "name") or ""), arguments


def _field(holder: object, name: str) -> object:
    return cast("Json", holder).get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def _call(call_id: str, name: str, stated: object) -> ToolCall:
    """Make a call of the arguments that stand in a message: an object, or text that is not blank if it is whole."""
    text, error = (stated, None) if isinstance(stated, str) else _as_json(stated)
    if error is None and not text.strip():
        error = "the arguments were never written"
    if error is None and not name:
        error = "it names no function"
    if error is not None:
        return qwen_endpoints.ToolCall(id=call_id, name=name, arguments=text, error=error)
    parsed, error = qwen_endpoints.parse_arguments(text)  # also refuses NaN, as endpoints that parse arguments do
    return qwen_endpoints.ToolCall(id=call_id, name=name, arguments=text, parsed=parsed, error=error)


def _as_json(value: object) -> tuple[str, str | None]:
    """Write a value as JSON text, odd values in it as their `str`. Returns the text, or why there is none."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str), None
    except (TypeError, ValueError, RecursionError) as error:
        return "", f"the value cannot be written as JSON ({error})"


def _so_far(stated: object) -> Json:
    """Read arguments that are being written: for show, never for execution."""
    if isinstance(stated, Mapping):
        return cast("Json", stated)
    try:
        # Half a surrogate pair, which the parser does not take, may come from a stream that is cut anywhere.
        value: object = from_json(str(stated).encode("utf-8", "replace"), allow_partial="trailing-strings")
    except ValueError:
        return {}
    return cast("Json", value) if isinstance(value, dict) else {}


def _why_none(response: ChatResponse, calls: Sequence[ToolCall]) -> str:
    facts = facts_of(response)
    if calls:
        reported: list[Json] = facts.get(INVALID_CALLS) or []
        reasons = {entry.get("id"): entry.get("error") for entry in reported}
        invalid = "; ".join(f"{call.name!r}: {reasons.get(call.id) or call.error}" for call in calls)
        return f"Expected at least one tool call, but none can be executed: {invalid}."
    finish = facts.get("finish_reason")
    ended = f" (finish reason: {finish})" if finish else ""
    return f"Expected at least one tool call, but the answer holds none{ended}{_instead(response, finish)}"


def _instead(response: ChatResponse, finish: object) -> str:
    """What the answer did instead of calling a tool."""
    refusal = facts_of(response).get(REFUSAL)
    if refusal:
        return f": the model refused: {refusal}"
    if finish == "length":
        return ": it hit its token limit. Raise max_tokens, or switch thinking off."
    if finish == "content_filter":
        return ": the endpoint's content filter stopped it."
    said = " ".join((response.message.content or "").split())[:_SHOWN]
    return f". It says: {said!r}" if said else ", and no text either."


def _described(tool: BaseTool | ToolMetadata) -> Json:
    metadata = _metadata(tool)
    if metadata is None:
        raise ConfigurationError(
            f"A {type(tool).__name__} is no tool: give a BaseTool (e.g. FunctionTool.from_defaults(function)), its "
            "metadata, or the Chat Completions object."
        )
    if not metadata.name:
        raise ConfigurationError(f"A tool has no name; its description is {metadata.description!r}.")
    try:
        # The check for long descriptions is about OpenAI's own service.
        described: dict[str, Any] = metadata.to_openai_tool(skip_length_check=True)
    except PydanticUserError as error:
        raise ConfigurationError(
            f"The parameters of the tool {metadata.name!r} cannot be described: {error.message}."
        ) from error
    function = {**described["function"], "name": qwen_endpoints.wire_name(metadata.name)}
    return {**described, "function": {name: value for name, value in function.items() if value is not None}}


def _metadata(tool: object) -> ToolMetadata | None:
    metadata = tool if isinstance(tool, ToolMetadata) else getattr(tool, "metadata", None)
    return metadata if isinstance(metadata, ToolMetadata) else None
