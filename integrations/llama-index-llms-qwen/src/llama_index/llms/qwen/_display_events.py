"""What `qwen_endpoints.display.ashow` has to know of LlamaIndex's agents: the events of a run."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from llama_index.core.agent.workflow import (
    AgentOutput,
    AgentStream,
    AgentStreamStructuredOutput,
    ToolCall,
    ToolCallResult,
)
from llama_index.core.workflow import Event
from llama_index.core.workflow.handler import WorkflowHandler  # pyright: ignore[reportPrivateImportUsage] - passed on
from qwen_endpoints.display import (
    Collector,
    Opened,
    Shown,
    ShownCall,
    arguments_text,
    collector_for,
    mapping_in,
    opened,
    shown_of,
    tokens_from,
)

from llama_index.llms.qwen._display import turn_of

_COUNTS: Final = {
    "input": "prompt_tokens",
    "output": "completion_tokens",
    "reasoning": "reasoning",
    "cached": "cached",
}
"""Field of `ShownTokens` -> where an agent's event has it."""


class EventCollector:
    """Keeps the events of a run, and makes a turn of each answer and of each tool's result."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._turns: list[Shown] = []
        self._thoughts: list[str] = []

    def add(self, item: Event) -> bool:
        """Take an event. Those of no agent are kept, and not shown."""
        self._events.append(item)
        match item:
            case AgentStream():
                return self._grow(item)
            case AgentOutput():
                self._answer(item)
            case ToolCall():
                self._call(item)
            case ToolCallResult():
                self._turns.append(_result(item))
            case AgentStreamStructuredOutput():
                self._turns.append(Shown(text=json.dumps(item.output, ensure_ascii=False, indent=1, default=str)))
            case _:
                return False
        return True

    def _grow(self, event: AgentStream) -> bool:
        if not (self._turns and self._turns[-1].growing):
            self._thoughts = []
            self._turns.append(Shown(growing=True))
        self._thoughts.append(event.thinking_delta or "")
        calls = tuple(
            ShownCall(id=call.tool_id, name=call.tool_name, arguments=arguments_text(call.tool_kwargs))
            for call in event.tool_calls
        )
        new = len(calls) > len(self._turns[-1].calls)
        self._turns[-1] = Shown(name=event.current_agent_name, text=event.response, calls=calls, growing=True)
        return new

    def _answer(self, event: AgentOutput) -> None:
        """Put the whole answer in place of what was streamed of it."""
        if self._turns and self._turns[-1].growing:
            del self._turns[-1]
        raw = mapping_in(event.raw)
        model, usage = raw.get("model"), mapping_in(raw.get("usage"))
        details = {
            "reasoning": mapping_in(usage.get("completion_tokens_details")).get("reasoning_tokens"),
            "cached": mapping_in(usage.get("prompt_tokens_details")).get("cached_tokens"),
        }
        self._turns.append(
            replace(
                turn_of(event.response),
                name=event.current_agent_name,
                model=model if isinstance(model, str) else "",
                tokens=tokens_from({**usage, **details}, **_COUNTS),
            )
        )

    def _call(self, event: ToolCall) -> None:
        """Add a call that no message holds: some agents read calls from an answer's text."""
        place = next((at for at in reversed(range(len(self._turns))) if self._turns[at].speaker == "assistant"), None)
        if place is None or any(call.id == event.tool_id for turn in self._turns for call in turn.calls):
            return
        turn = self._turns[place]
        call = ShownCall(id=event.tool_id, name=event.tool_name, arguments=_written(event))
        self._turns[place] = replace(turn, calls=(*turn.calls, call))

    def turns(self, *, growing: bool) -> tuple[Shown, ...]:
        """Return the turns; the thoughts of the last one are joined only now."""
        if not (self._turns and self._turns[-1].growing):
            return tuple(self._turns)
        self._thoughts = ["".join(self._thoughts)]
        return (*self._turns[:-1], replace(self._turns[-1], reasoning=self._thoughts[0], growing=growing))

    def whole(self) -> list[Event]:
        """Return the events."""
        return self._events


def _written(event: ToolCall) -> str:
    return arguments_text(event.tool_kwargs)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - a bare dict


def _result(event: ToolCallResult) -> Shown:
    return Shown(
        speaker="tool",
        name=event.tool_name,
        text=str(event.tool_output.content),
        call_id=event.tool_id,
        failed=event.tool_output.is_error,
    )


async def _events(handler: WorkflowHandler) -> AsyncGenerator[Event, None]:
    """Give the events of a run, then raise what it raised. Leaving early ends the run."""
    try:
        async with aclosing(handler.stream_events()) as events:
            async for event in events:
                yield event
    except BaseException:
        await handler.cancel_run()
        raise
    await handler


@opened.register(WorkflowHandler)
def _(thing: WorkflowHandler) -> Opened:
    return Opened(items=_events(thing), collector=EventCollector())


@collector_for.register(Event)
def _(item: object) -> Collector:
    del item
    return EventCollector()


@shown_of.register(Event)
def _(thing: Event) -> tuple[Shown, ...]:
    collector = EventCollector()
    collector.add(thing)
    return collector.turns(growing=False)
