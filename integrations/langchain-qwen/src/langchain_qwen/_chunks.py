"""The chunks of a stream, each a copy of one that LangChain's constructors made.

The constructors check what is known to be right here, and read each piece of a call's arguments as if it were a JSON
document of its own. With thousands of chunks to an answer that was most of what LangChain and this package spent on
one. What comes out is what the constructors would have made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from pydantic import BaseModel

from langchain_qwen._content_blocks import MODEL_PROVIDER

if TYPE_CHECKING:
    from langchain_core.messages import InvalidToolCall, ToolCallChunk
    from qwen_endpoints import ToolCallDelta

Model = TypeVar("Model", bound=BaseModel)


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
    pieces: list[ToolCallChunk] = []
    invalid: list[InvalidToolCall] = []
    begins = False
    for call in calls:
        name, args = call.name, call.arguments
        pieces.append({"name": name, "args": args, "id": call.id, "index": call.index, "type": "tool_call_chunk"})
        invalid.append({"name": name, "args": args, "id": call.id, "error": None, "type": "invalid_tool_call"})
        begins = begins or not args or args.lstrip().startswith("{")
    if begins:
        return ChatGenerationChunk(message=_message(content="", tool_call_chunks=pieces))
    return _CALLS.copy(tool_call_chunks=pieces, invalid_tool_calls=invalid)


def _message(**fields: Any) -> AIMessageChunk:
    return AIMessageChunk(response_metadata={"model_provider": MODEL_PROVIDER}, **fields)


class _Kind:
    """Chunks that have the same fields set."""

    def __init__(self, **example: Any) -> None:
        self._fields = example

    @cached_property
    def _moulds(self) -> tuple[_Mould[AIMessageChunk], _Mould[ChatGenerationChunk]]:
        """What chunks are copied from. It is made for the first of them, not while the package is imported."""
        message = _message(**self._fields)
        return _Mould(message), _Mould(ChatGenerationChunk(message=message))

    def copy(self, **fields: Any) -> ChatGenerationChunk:
        """Return a chunk with these fields in the place of the example's; it shares nothing that can be changed."""
        of_messages, of_generations = self._moulds
        message = of_messages.copy(fields)
        if "content" in fields:
            return of_generations.copy({"message": message, "text": message.text})
        return of_generations.copy({"message": message})


class _Mould(Generic[Model]):
    """Copies one object, as `model_copy` does in twice the time.

    Fields go around pydantic's setters and `update`, which would note them as set where the constructor does not.
    """

    def __init__(self, example: Model) -> None:
        self._class = type(example)
        self._values = vars(example)
        self._containers: tuple[tuple[str, Callable[[], Any]], ...] = tuple(
            (name, value.copy) for name, value in self._values.items() if isinstance(value, (dict, list))
        )
        self._set = example.__pydantic_fields_set__
        self._extra = example.__pydantic_extra__
        self._private = example.__pydantic_private__

    def copy(self, fields: dict[str, Any]) -> Model:
        """Return a copy with these values in the place of the example's."""
        made = self._class.__new__(self._class)
        _put(made, "__dict__", {**self._values, **{name: copied() for name, copied in self._containers}, **fields})
        _put(made, "__pydantic_fields_set__", self._set.copy())
        _put(made, "__pydantic_extra__", None if self._extra is None else self._extra.copy())
        _put(made, "__pydantic_private__", None if self._private is None else self._private.copy())
        return made


_put: Final = object.__setattr__

_TEXT: Final = _Kind(content="text")
_REASONING: Final = _Kind(content="", additional_kwargs={"reasoning_content": "thought"})
_CALLS: Final = _Kind(content="", tool_call_chunks=[tool_call_chunk(name=None, args="piece", id=None, index=0)])
