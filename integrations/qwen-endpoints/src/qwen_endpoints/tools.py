"""Tool definitions and tool choice in an endpoint's spelling."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from qwen_endpoints.errors import ConfigurationError

if TYPE_CHECKING:
    from qwen_endpoints.dialects import Dialect
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.errors import QwenError
    from qwen_endpoints.types import ChatRequest
    from qwen_endpoints.words import Json

_CHOICES: Final = {"auto": "auto", "none": "none", "required": "required", "any": "required"}
_MOST_NAMED: Final = 20
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedTools:
    """What a request says about tools."""

    tools: list[dict[str, Any]]
    """Not sent where there are none."""
    choice: str | dict[str, Any] | None
    notes: tuple[str, ...] = ()
    """What does not hold here, in words for the user."""


def encode_tools(request: ChatRequest, endpoint: Endpoint) -> EncodedTools:
    """Spell tools and tool choice, as far as the endpoint heeds them.

    Where it does not take the object that names a tool, that tool alone is sent. Where it ignores every choice, `none`
    sends no tools, and a note says that a forced choice may not be met.

    Raises:
        ConfigurationError: The choice names a tool that is not among the tools, or there are none to choose from.
    """
    dialect = endpoint.dialect
    tools, choice = request.tools, encode_tool_choice(request, endpoint)
    notes: list[str] = []
    if dialect.tool_choice != "full":
        named = tool_name(choice) if isinstance(choice, dict) else None
        if named is not None:
            tools, choice = [tool for tool in tools if tool_name(tool) == named], "required"
        if dialect.tool_choice == "ignored" and choice is not None:
            tools = () if choice == "none" else tools
            if choice == "required":
                notes.append(f"{endpoint.provider.name} does not enforce tool_choice: the model may not call a tool")
            choice = None
    if tools and dialect.schema_beside_tools is False and _wants_json(request):
        notes.append(f"{endpoint.provider.name} lets response_format decide the whole answer: no tool will be called")
    return EncodedTools(tools=[_encode_tool(tool, dialect) for tool in tools], choice=choice, notes=tuple(notes))


def _wants_json(request: ChatRequest) -> bool:
    return (request.response_format or {}).get("type") in ("json_object", "json_schema")


def _encode_tool(tool: Json, dialect: Dialect) -> dict[str, Any]:
    encoded: dict[str, Any] = deepcopy(dict(tool))
    function = encoded.get("function")
    if not isinstance(function, dict):
        return encoded  # a built-in tool of the endpoint's own
    fields = cast("dict[str, Any]", function)
    if not dialect.keeps_strict:
        fields.pop("strict", None)
    parameters = fields.get("parameters")
    if dialect.inline_refs and isinstance(parameters, dict):
        fields["parameters"] = inline_refs(cast("dict[str, Any]", parameters))
    return encoded


def tool_name(tool: Json) -> str | None:
    """The function's name in a tool definition; `None` for a built-in tool."""
    function = tool.get("function")
    return cast("Mapping[str, Any]", function).get("name") if isinstance(function, Mapping) else None


def encode_tool_choice(request: ChatRequest, endpoint: Endpoint) -> str | dict[str, Any] | None:
    """Spell a tool choice: a word, or the object that names a function. `None` is not sent.

    Raises:
        ConfigurationError: The choice names a tool that is not among the tools, or there are none to choose from.
    """
    choice = request.tool_choice
    if choice is None:
        return None
    names = [name for name in map(tool_name, request.tools) if name]
    if isinstance(choice, str) and choice not in names:
        if choice in _CHOICES:
            if request.tools:
                return _CHOICES[choice]
            if _CHOICES[choice] != "required":
                return None  # nothing to choose from, and nothing was demanded
        raise _unmet(request, names, endpoint)
    if isinstance(choice, str):
        return {"type": "function", "function": {"name": choice}}
    named = tool_name(choice)
    if not request.tools or (named is not None and named not in names):
        raise _unmet(request, names, endpoint)
    return deepcopy(dict(choice))


def _unmet(request: ChatRequest, names: list[str], endpoint: Endpoint) -> QwenError:
    """Say so, in few words however many tools there are and however long their names."""
    some = ", ".join(str(name)[:_LONGEST_NAME] for name in names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    what = f"the tools are {some}{more}" if request.tools else "no tools were given"
    asked = repr(request.tool_choice)[: 2 * _LONGEST_NAME]
    return endpoint.scope.error(ConfigurationError, f"tool_choice={asked} cannot be met: {what}.")


def inline_refs(schema: dict[str, Any]) -> dict[str, Any]:
    """Replace each local `$ref` of a JSON schema by what it points to.

    A definition that contains itself cannot be inlined: such references stay, and so do the definitions they need.
    Definitions that hold each other in many ways, or long lists, would become more than memory holds: then the schema
    stays as it is.
    """
    inliner = _Inliner(schema)
    try:
        result = inliner.visit({key: value for key, value in schema.items() if key not in _DEFINITIONS}, ())
    except (_TooLargeError, RecursionError):
        return deepcopy(schema)
    if inliner.kept:
        for key in _DEFINITIONS:
            if key in schema:
                result[key] = deepcopy(schema[key])
    return result


_DEFINITIONS: Final = ("$defs", "definitions")
_MOST_INLINED: Final = 100_000
"""Values that references may grow into; beyond it a prompt would hold nothing but the schema."""


class _TooLargeError(Exception):
    """References grow into more than `_MOST_INLINED` values."""


class _Inliner:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._inlined = 0
        self.kept = False

    def visit(self, node: Any, open_refs: tuple[str, ...]) -> Any:
        self._inlined += bool(open_refs)
        if self._inlined > _MOST_INLINED:
            raise _TooLargeError
        if isinstance(node, Mapping):
            return self._visit_object(cast("Mapping[str, Any]", node), open_refs)
        if isinstance(node, list):
            return [self.visit(item, open_refs) for item in cast("list[Any]", node)]
        return node

    def _visit_object(self, node: Mapping[str, Any], open_refs: tuple[str, ...]) -> dict[str, Any]:
        reference = node.get("$ref")
        siblings = {key: self.visit(value, open_refs) for key, value in node.items() if key != "$ref"}
        if not isinstance(reference, str):
            return {**({"$ref": reference} if "$ref" in node else {}), **siblings}
        target = self._look_up(reference)
        if target is None or reference in open_refs:
            self.kept = True
            return {"$ref": reference, **siblings}
        return {**self.visit(target, (*open_refs, reference)), **siblings}

    def _look_up(self, reference: str) -> Mapping[str, Any] | None:
        if not reference.startswith("#/"):
            return None
        node: Any = self._root
        for step in reference[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, Mapping) or key not in node:
                return None
            node = cast("Mapping[str, Any]", node)[key]
        return cast("Mapping[str, Any]", node) if isinstance(node, Mapping) else None
