"""The floor in LangChain: a model that asks nobody and makes nothing but LangChain's own chunk of each piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from typing_extensions import override

from benchmarks.answers import WHOLE, Piece, pieces


class Null(BaseChatModel):
    """Answers what the server would answer at `base_url`."""

    base_url: str
    api_key: str = ""

    @property
    @override
    def _llm_type(self) -> str:
        return "null"

    @override
    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(WHOLE))])

    @override
    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return self._generate(messages)

    @override
    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        for piece in self._pieces():
            yield ChatGenerationChunk(message=_chunk(piece))

    @override
    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for piece in self._pieces():
            yield ChatGenerationChunk(message=_chunk(piece))

    def _pieces(self) -> list[Piece]:
        """Make all pieces before the first is given: the clock runs from there."""
        *_, said, count, _ = self.base_url.split("/")
        return list(pieces(said, int(count)))


def _chunk(piece: Piece) -> AIMessageChunk:
    if piece.field == "content":
        return AIMessageChunk(content=piece.text)
    if piece.field == "reasoning_content":
        return AIMessageChunk(content="", additional_kwargs={"reasoning_content": piece.text})
    opener = {"id": f"call-{piece.index}", "name": "write"} if piece.opens else {"id": None, "name": None}
    chunk: Any = {"index": piece.index, "args": piece.text, "type": "tool_call_chunk", **opener}
    return AIMessageChunk(content="", tool_call_chunks=[chunk])
