"""A LangChain chat model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from typing_extensions import override

from benchmarks import drivers, wire
from benchmarks.history import ARGUMENTS, CALL_ID, TOOL_NAME, Turn


class Driver(drivers.Driver):
    """Uses `stream`, `invoke`, `abatch` and the like."""

    @override
    def prompt(self, turns: Sequence[Turn]) -> Any:
        return [_message(turn) for turn in turns]

    @override
    def stream(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Iterator[Any]:
        return (model.bind_tools(tools) if tools else model).stream(prompt)

    @override
    def astream(self, model: Any, prompt: Any) -> AsyncIterator[Any]:
        return model.astream(prompt)

    @override
    def call(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Any:
        return (model.bind_tools(tools) if tools else model).invoke(prompt)

    @override
    async def acall(self, model: Any, prompt: Any) -> Any:
        return await model.ainvoke(prompt)

    @override
    async def abatch(self, model: Any, prompts: Sequence[Any], at_once: int) -> None:
        await model.abatch(list(prompts), {"max_concurrency": at_once})

    @override
    def carried(self, pieces: Sequence[Any]) -> int:
        return sum(map(_carried, pieces))


def _carried(piece: Any) -> int:
    reasoning = (block["reasoning"] for block in piece.content_blocks if block.get("reasoning"))
    arguments = (chunk["args"] or "" for chunk in piece.tool_call_chunks)
    return len(piece.text) + sum(map(len, reasoning)) + sum(map(len, arguments))


def _message(turn: Turn) -> Any:
    # What an import takes is measured, so that none is made before.
    from langchain_core.messages import (  # noqa: PLC0415
        AIMessage,
        HumanMessage,
        SystemMessage,
        ToolMessage,
    )

    if turn.role == "system":
        return SystemMessage(turn.text)
    if turn.role == "tool":
        return ToolMessage(turn.text, tool_call_id=CALL_ID)
    if turn.role == "assistant":
        calls: list[Any] = [{"id": CALL_ID, "name": TOOL_NAME, "args": ARGUMENTS}] if turn.calls else []
        return AIMessage(turn.text, tool_calls=calls)
    said: Any = wire.content(turn)
    return HumanMessage(said)
