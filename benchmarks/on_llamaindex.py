"""A LlamaIndex LLM."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from typing_extensions import override

from benchmarks import drivers
from benchmarks.history import ARGUMENTS, CALL_ID, PICTURE, TOOL_NAME, Turn


class Driver(drivers.Driver):
    """Uses `stream_chat`, `chat` and the like."""

    @override
    def prompt(self, turns: Sequence[Turn]) -> Any:
        return [_message(turn) for turn in turns]

    @override
    def stream(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Iterator[Any]:
        return model.stream_chat(prompt, **_given(tools))

    @override
    async def astream(self, model: Any, prompt: Any) -> AsyncIterator[Any]:
        async for frame in await model.astream_chat(prompt):
            yield frame

    @override
    def call(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Any:
        return model.chat(prompt, **_given(tools))

    @override
    async def acall(self, model: Any, prompt: Any) -> Any:
        return await model.achat(prompt)

    @override
    def look(self, frame: Any) -> object:
        return frame.message.content

    @override
    def carried(self, pieces: Sequence[Any]) -> int:
        message = pieces[-1].message
        kinds = [(getattr(block, "block_type", ""), block) for block in message.blocks]
        reasoning = sum(len(block.content or "") for kind, block in kinds if kind == "thinking")
        arguments = sum(_length(block.tool_kwargs) for kind, block in kinds if kind == "tool_call")
        more = message.additional_kwargs
        beside = sum(_length(_function(call)["arguments"]) for call in more.get("tool_calls") or ())
        thought = len(more.get("reasoning_content") or "")
        return sum(len(piece.delta or "") for piece in pieces) + max(reasoning, thought) + max(arguments, beside)


def _length(arguments: Any) -> int:
    return len(arguments if isinstance(arguments, str) else json.dumps(arguments))


def _function(call: Any) -> Any:
    """Return the function of a call that is a type of the SDK's, or a mapping."""
    return call.model_dump()["function"] if hasattr(call, "model_dump") else call["function"]


def _given(tools: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"tools": tools} if tools else {}


def _message(turn: Turn) -> Any:
    # What an import takes is measured, so that none is made before.
    from llama_index.core.base.llms.types import (  # noqa: PLC0415
        ChatMessage,
        ImageBlock,
        TextBlock,
        ToolCallBlock,
    )

    blocks: list[Any] = [TextBlock(text=turn.text)] if turn.text else []
    if turn.picture:
        blocks.append(ImageBlock(image=PICTURE.encode(), image_mimetype="image/png"))
    if turn.calls:
        blocks.append(ToolCallBlock(tool_call_id=CALL_ID, tool_name=TOOL_NAME, tool_kwargs=dict(ARGUMENTS)))
    more = {"tool_call_id": CALL_ID} if turn.role == "tool" else {}
    return ChatMessage(role=turn.role, blocks=blocks, additional_kwargs=more)
