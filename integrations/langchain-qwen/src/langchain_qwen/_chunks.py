"""The chunks of a stream, each a copy of one that LangChain's constructors made.

The constructors check what is known to be right here, and read each piece of a call's arguments as if it were a JSON
document of its own. With thousands of chunks to an answer that was most of what LangChain and this package spent on
one. What comes out is what the constructors would have made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import invalid_tool_call, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from qwen_endpoints import ToolCallDelta

from langchain_qwen._content_blocks import MODEL_PROVIDER


def text_chunk(text: str) -> ChatGenerationChunk:
    """Return a chunk of the answer's text."""
    return _TEXT.copy(content=text)


def reasoning_chunk(reasoning: str) -> ChatGenerationChunk:
    """Return a chunk of what the model thinks."""
    return _REASONING.copy(additional_kwargs={"reasoning_content": reasoning})


def calls_chunk(calls: Sequence[ToolCallDelta]) -> ChatGenerationChunk:
    """Return a chunk with pieces of tool calls.

    A chunk alone also holds what LangChain makes of its pieces: a call where a piece can be read as the beginning of an
    object, or as no arguments at all, else an invalid call. Most pieces are from the middle and begin with anything but
    a brace, so that they need not be read to be told invalid.
    """
    pieces = [tool_call_chunk(name=call.name, args=call.arguments, id=call.id, index=call.index) for call in calls]
    if any(not call.arguments or call.arguments.lstrip().startswith("{") for call in calls):
        return ChatGenerationChunk(message=_message(content="", tool_call_chunks=pieces))
    invalid = [invalid_tool_call(name=call.name, args=call.arguments, id=call.id, error=None) for call in calls]
    return _CALLS.copy(tool_call_chunks=pieces, invalid_tool_calls=invalid)


def _message(**fields: Any) -> AIMessageChunk:
    return AIMessageChunk(response_metadata={"model_provider": MODEL_PROVIDER}, **fields)


class _Kind:
    """Chunks that have the same fields set."""

    def __init__(self, **example: Any) -> None:
        self._message = _message(**example)
        self._generation = ChatGenerationChunk(message=self._message)
        self._containers: tuple[tuple[str, Callable[[], Any]], ...] = tuple(
            (name, value.copy) for name, value in vars(self._message).items() if isinstance(value, (dict, list))
        )

    def copy(self, **fields: Any) -> ChatGenerationChunk:
        """Return a chunk with these fields in the place of the example's; it shares nothing that can be changed.

        What is new goes around pydantic's setters and `update`, which would note further fields as set.
        """
        message, generation = self._message.model_copy(), self._generation.model_copy()
        vars(message).update({name: copied() for name, copied in self._containers}, **fields)
        vars(generation)["message"] = message
        if "content" in fields:
            vars(generation)["text"] = message.text
        return generation


_TEXT: Final = _Kind(content="text")
_REASONING: Final = _Kind(content="", additional_kwargs={"reasoning_content": "thought"})
_CALLS: Final = _Kind(content="", tool_call_chunks=[tool_call_chunk(name=None, args="piece", id=None, index=0)])
