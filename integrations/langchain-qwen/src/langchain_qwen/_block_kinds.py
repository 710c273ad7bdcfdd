"""What each type of content block is.

What becomes of a kind is decided by the message it stands in:

| kind | in an answer | in a human or system message | in a tool result |
|---|---|---|---|
| content | text is joined; media are refused | parts | parts; without data, its JSON |
| reasoning | replayed as text by policy | refused | its JSON |
| call | a tool call | refused | its JSON |
| result | refused | a tool message of its own (human only) | its JSON |
| private | dropped | refused | its JSON |
| unknown | refused | refused | its JSON |

A refusal names the block. What a tool returns is data, so nothing of it is dropped or refused for its type alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, cast

BlockKind = Literal["content", "reasoning", "call", "result", "private"]

_TYPES: Final[Mapping[BlockKind, tuple[str, ...]]] = {
    "content": (
        *("text", "text-plain", "image", "video", "audio", "file"),  # LangChain
        *("image_url", "video_url", "audio_url", "input_audio", "refusal"),  # Chat Completions, vLLM
        *("input_text", "output_text", "input_image", "input_file", "image_generation_call"),  # OpenAI Responses
        *("document", "search_result"),  # Anthropic
        *("media", "file_data"),  # Google
    ),
    "reasoning": ("reasoning", "thinking", "reasoning_content", "redacted_thinking"),
    "call": (
        *("tool_call", "tool_call_chunk", "invalid_tool_call"),
        *("tool_use", "function_call", "custom_tool_call"),
    ),
    "result": ("tool_result", "function_call_output"),
    # What a provider's own server did or noted for itself. The answer's text has been written with it in view.
    "private": (
        *("non_standard", "server_tool_call", "server_tool_call_chunk", "server_tool_result"),
        *("server_tool_use", "mcp_tool_use", "input_json_delta", "container_upload"),  # Anthropic
        *("web_search_call", "file_search_call", "code_interpreter_call", "mcp_call", "mcp_list_tools"),  # OpenAI
        *("tool_search_call", "tool_search_output"),
        *("executable_code", "code_execution_result", "function_call_signature"),  # Google
        "reference",  # Mistral
    ),
}
_KINDS: Final[Mapping[str, BlockKind]] = {name: kind for kind, names in _TYPES.items() for name in names}
_SERVER_RESULT: Final = "_tool_result"
"""How Anthropic's types of server tool results end (`web_search_tool_result`, ...); there is a new one every month."""


def kind_of(block: Mapping[str, Any]) -> BlockKind | None:
    """Return what a block is; `None` for a type that is not known."""
    name = block.get("type")
    if name is None and set(block) == {"text"}:
        return "content"  # Bedrock's text blocks have no type
    if not isinstance(name, str):
        return None
    return _KINDS.get(name) or ("private" if name.endswith(_SERVER_RESULT) else None)


def unwrapped(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the block inside LangChain's wrapper for types its standard lacks, where that type is known here."""
    value = block.get("value")
    if block.get("type") != "non_standard" or not isinstance(value, Mapping):
        return block
    inner = cast("Mapping[str, Any]", value)
    return block if kind_of(inner) is None else unwrapped(inner)
