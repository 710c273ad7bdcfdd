"""An object together with the message it was read from, or with the reason why there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import BaseTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import AddableDict
from typing_extensions import override

from langchain_qwen._structured import AnswerParser


class RawAnswerParser(BaseTransformOutputParser[dict[str, Any]]):
    """Gives `raw`, `parsed` and `parsing_error` for each message, and raises nothing for an answer without an object.

    While a message streams, so do its pieces under `raw`; the other two come last, and once, because dicts cannot be
    added up: the sum of a stream is what `invoke` returns.
    """

    parser: AnswerParser

    @property
    @override
    def _type(self) -> str:
        return "qwen-raw-answer"

    @override
    def parse(self, text: str) -> dict[str, Any]:
        return self.parse_result([Generation(text=text)])

    @override
    def parse_result(self, result: list[Generation], *, partial: bool = False) -> dict[str, Any]:
        first = result[0]
        message = first.message if isinstance(first, ChatGeneration) else AIMessage(first.text)
        return {"raw": message, **_outcome(self.parser, message)}

    @override
    async def aparse_result(self, result: list[Generation], *, partial: bool = False) -> dict[str, Any]:
        return self.parse_result(result, partial=partial)  # nothing here waits, so no thread is needed

    @override
    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[dict[str, Any]]:
        pieces: list[Any] = []
        for piece in input:
            pieces.append(piece)
            yield AddableDict(raw=piece)
        yield AddableDict(_outcome(self.parser, _sum(pieces)))

    @override
    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[dict[str, Any]]:
        pieces: list[Any] = []
        async for piece in input:
            pieces.append(piece)
            yield AddableDict(raw=piece)
        yield AddableDict(_outcome(self.parser, _sum(pieces)))


def _sum(pieces: list[Any]) -> BaseMessage:
    first, *others = pieces
    return first + others if others else first  # all at once: one by one would be slow for a long answer


def _outcome(parser: AnswerParser, message: BaseMessage) -> dict[str, Any]:
    try:
        return {"parsed": parser.read(message), "parsing_error": None}
    except Exception as error:  # noqa: BLE001 - validators of the caller's class may raise anything
        return {"parsed": None, "parsing_error": error}
