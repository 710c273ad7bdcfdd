"""What stands in a response, wherever the framework lets a class put it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import LLM
from pydantic import BaseModel

SLIPS: Final = (TypeError, AttributeError, LookupError, NameError, AssertionError)
"""Errors that say nothing to a user about what a server did."""
PROMPT_COUNTS: Final = ("prompt_tokens", "input_tokens", "prompt_token_count")
"""The names under which the framework's token counter looks for the prompt's count."""
ANSWER_COUNTS: Final = ("completion_tokens", "output_tokens", "candidates_token_count")
"""As `PROMPT_COUNTS`, for the answer's."""

_Outline = list[tuple[str, Any]]


def found(response: ChatResponse, *names: str) -> list[Any]:
    """Every value but `None` under one of these names, however deep in `raw` or in `additional_kwargs`."""
    holders: list[object] = [response.raw, _facts(response), response.message.additional_kwargs]
    return [value for holder in holders for name, value in _entries(holder) if name in names and value is not None]


def thoughts(message: ChatMessage) -> str:
    """The text of the thinking blocks."""
    return "".join(block.content or "" for block in message.blocks if isinstance(block, ThinkingBlock))


def thought_added(frame: ChatResponse) -> str:
    """What a frame says it adds to the thoughts, in the place where the framework's agents look."""
    added: object = _facts(frame).get("thinking_delta")
    return added if isinstance(added, str) else ""


def outline(message: ChatMessage) -> _Outline:
    """The kind and content of each block that is not empty. Arguments that are JSON are compared by value."""
    both = [(block.block_type, _content(block)) for block in message.blocks]
    return [(kind, content) for kind, content in both if content]


def selected(llm: LLM, response: ChatResponse, *, error: bool = False) -> list[tuple[str, dict[str, Any]]]:
    """Name and arguments of each call that the framework would execute."""
    assert isinstance(llm, FunctionCallingLLM)
    chosen = llm.get_tool_calls_from_response(response, error_on_no_tool_call=error)
    return [(call.tool_name, call.tool_kwargs) for call in chosen]


def ids_of(llm: LLM, response: ChatResponse) -> list[str]:
    """The ids of those calls."""
    assert isinstance(llm, FunctionCallingLLM)
    return [call.tool_id for call in llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)]


def _facts(response: ChatResponse) -> dict[str, Any]:
    return response.additional_kwargs  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - a bare dict


def _content(block: object) -> Any:
    if isinstance(block, TextBlock):
        return block.text
    if isinstance(block, ThinkingBlock):
        return block.content
    if isinstance(block, ToolCallBlock):
        return block.tool_call_id, block.tool_name, _value(block.tool_kwargs)
    return block


def _value(arguments: object) -> object:
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return arguments


def _entries(holder: object) -> Iterator[tuple[str, Any]]:
    value = holder.model_dump() if isinstance(holder, BaseModel) else holder
    if isinstance(value, Mapping):
        for name, item in cast("Mapping[str, Any]", value).items():
            yield name, item
            yield from _entries(item)
    elif isinstance(value, list | tuple):
        for item in cast("list[Any]", value):
            yield from _entries(item)
