"""`QwenClient`: the core without a framework, the planning of each call included."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from typing_extensions import override

from benchmarks import drivers, wire
from benchmarks.drivers import KEY
from benchmarks.history import ARGUMENTS, CALL_ID, TOOL_NAME, Turn


class Driver(drivers.Driver):
    """Uses a client and the settings of its calls."""

    @override
    def model(self, base_url: str) -> Any:
        from qwen_endpoints import QwenSettings  # noqa: PLC0415 - what an import takes is measured

        given: dict[str, Any] = {**self.side.settings, "base_url": base_url, "api_key": KEY}
        return self.class_(), QwenSettings(**given)

    @override
    def prompt(self, turns: Sequence[Turn]) -> Any:
        return [_message(turn) for turn in turns]

    @override
    def stream(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Iterator[Any]:
        return model[0].stream(_planned(model, prompt, tools))

    @override
    def astream(self, model: Any, prompt: Any) -> AsyncIterator[Any]:
        return model[0].astream(_planned(model, prompt))

    @override
    def call(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Any:
        return model[0].complete(_planned(model, prompt, tools))

    @override
    async def acall(self, model: Any, prompt: Any) -> Any:
        return await model[0].acomplete(_planned(model, prompt))

    @override
    def carried(self, pieces: Sequence[Any]) -> int:
        calls = (call for piece in pieces for call in piece.tool_calls)
        return sum(len(piece.text) + len(piece.reasoning) for piece in pieces) + sum(
            len(call.arguments) for call in calls
        )


def _message(turn: Turn) -> Any:
    from qwen_endpoints import Message, ToolCall  # noqa: PLC0415 - as above

    calls = (
        [ToolCall(id=CALL_ID, name=TOOL_NAME, arguments=json.dumps(ARGUMENTS), parsed=ARGUMENTS)] if turn.calls else []
    )
    answered = CALL_ID if turn.role == "tool" else None
    role: Any = turn.role
    return Message(role=role, content=wire.content(turn), tool_calls=calls, tool_call_id=answered)


def _planned(model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Any:
    from qwen_endpoints import plan_call  # noqa: PLC0415 - as above

    return plan_call(model[1], prompt, tools=tools)
