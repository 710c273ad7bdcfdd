"""Tool definitions and tool choice as Messages spells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from qwen_endpoints.tools import EncodedTools, tool_name

if TYPE_CHECKING:
    from qwen_endpoints.types import ChatRequest

_WORDS: Final = {"auto": "auto", "none": "none", "required": "any"}


def put_tools(body: dict[str, Any], tooling: EncodedTools, request: ChatRequest) -> None:
    """Put tools and tool choice into a body, where there are tools."""
    if not tooling.tools:
        return
    body["tools"] = [_tool(tool) for tool in tooling.tools]
    choice = _choice(tooling.choice)
    if request.parameters.get("parallel_tool_calls") is False and (choice or {}).get("type") != "none":
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    if choice is not None:
        body["tool_choice"] = choice


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return tool  # a built-in tool of the endpoint's own, or one in the protocol's own shape
    fields = dict(cast("Mapping[str, Any]", function))
    schema: Any = fields.pop("parameters", None) or dict[str, Any](type="object", properties={})
    rest = {key: value for key, value in tool.items() if key not in ("type", "function")}
    return {**fields, "input_schema": schema, **rest}


def _choice(choice: str | dict[str, Any] | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    if isinstance(choice, str):
        return {"type": _WORDS[choice]}
    named = tool_name(choice)
    return choice if named is None else {"type": "tool", "name": named}
