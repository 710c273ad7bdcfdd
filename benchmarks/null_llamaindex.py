"""The floor in LlamaIndex: a model that asks nobody and makes nothing but LlamaIndex's own frame of each piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from importlib import import_module
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ContentBlock,
    LLMMetadata,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.tools import ToolSelection
from typing_extensions import override

from benchmarks.answers import WHOLE, Piece, pieces

_observed: Any = import_module("llama_index.core.llms.callbacks").llm_chat_callback
"""It has no types."""


class Null(FunctionCallingLLM):
    """Answers what the server would answer at `base_url`."""

    base_url: str
    api_key: str = ""

    @property
    @override
    def metadata(self) -> LLMMetadata:
        return LLMMetadata()

    @_observed()
    @override
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return _whole()

    @_observed()
    @override
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Generator[ChatResponse, None, None]:
        return (frame for frame in _frames(self._pieces()))

    @_observed()
    @override
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return _whole()

    @_observed()
    @override
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> AsyncGenerator[ChatResponse, None]:
        return _awaited(_frames(self._pieces()))

    @override
    def complete(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    @override
    def stream_complete(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    @override
    async def acomplete(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    @override
    async def astream_complete(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    @override
    def _prepare_chat_with_tools(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        raise NotImplementedError

    @override
    def get_tool_calls_from_response(self, *args: Any, **kwargs: Any) -> list[ToolSelection]:
        raise NotImplementedError

    def _pieces(self) -> list[Piece]:
        """Make all pieces before the first is given: the clock runs from there."""
        *_, said, count, _ = self.base_url.split("/")
        return list(pieces(said, int(count)))


def _whole() -> ChatResponse:
    return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=WHOLE))


def _frames(ready: Sequence[Piece]) -> Iterator[ChatResponse]:
    """Give a frame for each piece: all that was said so far, as LlamaIndex wants it, and what is new of the text."""
    so_far: dict[tuple[str, int], str] = {}
    for piece in ready:
        place = piece.field, piece.index
        so_far[place] = so_far.get(place, "") + piece.text
        blocks = [_block(field, index, text) for (field, index), text in so_far.items()]
        delta = piece.text if piece.field == "content" else ""
        yield ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks), delta=delta)


def _block(field: str, index: int, text: str) -> ContentBlock:
    if field == "content":
        return TextBlock(text=text)
    if field == "reasoning_content":
        return ThinkingBlock(content=text)
    return ToolCallBlock(tool_call_id=f"call-{index}", tool_name="write", tool_kwargs=text)


async def _awaited(frames: Iterator[ChatResponse]) -> AsyncGenerator[ChatResponse, None]:
    for frame in frames:
        yield frame
