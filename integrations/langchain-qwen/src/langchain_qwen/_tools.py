"""Tools and tool choices in LangChain's spellings -> those of the core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from langchain_core.utils.function_calling import convert_to_openai_tool

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    Tool: TypeAlias = Mapping[str, Any] | type | Callable[..., Any] | BaseTool
else:
    # LangChain reads type hints at run time, but no chat model imports its tools before somebody gives it one.
    Tool = Mapping[str, Any] | type | Callable[..., Any]
ToolChoice = str | Mapping[str, Any] | bool | None


def described_tools(tools: Iterable[Tool], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Describe tools as Chat Completions wants them; what is described already stays as it is."""
    return [convert_to_openai_tool(cast("Any", tool), strict=strict) for tool in tools]


def named_choice(tool_choice: ToolChoice) -> str | Mapping[str, Any] | None:
    """Spell a tool choice as the core does.

    LangChain also says `True` for "some tool" and `False` for "no matter"; Anthropic's object names a kind, and a tool
    under `name`.
    """
    if isinstance(tool_choice, bool):
        return "required" if tool_choice else None
    if not isinstance(tool_choice, Mapping):
        return tool_choice
    kind = tool_choice.get("type")
    if kind in ("auto", "any", "none", "required"):
        return str(kind)
    if kind == "tool" or (kind is None and set(tool_choice) == {"name"}):
        return str(tool_choice.get("name"))
    return tool_choice
