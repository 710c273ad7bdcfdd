"""What tests of tool calls share: tools, and replies that call them."""

# LlamaIndex types `FunctionTool.from_defaults` barely.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.tools import FunctionTool

if TYPE_CHECKING:
    from llama_index.llms.qwen import Qwen

ASK = [ChatMessage("What is 6 times 7?")]


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def lookup(word: str) -> str:
    """Look a word up."""
    return word


MULTIPLY = FunctionTool.from_defaults(multiply)
LOOKUP = FunctionTool.from_defaults(lookup)


def call(name: str, arguments: str, call_id: str = "call_1", index: int = 0) -> dict[str, Any]:
    return {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def whole(*calls: dict[str, Any], finish: str = "tool_calls", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": None, "tool_calls": list(calls), **message}
    return {"id": "c", "model": "m", "choices": [{"index": 0, "message": said, "finish_reason": finish}]}


def streamed(*pieces: list[dict[str, Any]], finish: str = "tool_calls") -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [
        {"index": 0, "delta": {"tool_calls": piece}, "finish_reason": None} for piece in pieces
    ]
    choices: list[dict[str, Any]] = [*deltas, {"index": 0, "delta": {}, "finish_reason": finish}]
    return [{"id": "c", "model": "m", "choices": [choice]} for choice in choices]


def executable(llm: Qwen, response: ChatResponse) -> list[tuple[str, str, dict[str, Any]]]:
    found = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    return [(item.tool_id, item.tool_name, item.tool_kwargs) for item in found]
