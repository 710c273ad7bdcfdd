"""Readers for the core's own replies: `show(QwenClient().stream(call))`."""

from __future__ import annotations

from dataclasses import replace

from qwen_endpoints.display.readers import Collector, collector_for, shown_of
from qwen_endpoints.display.shown import Shown, ShownCall, ShownTokens, arguments_text
from qwen_endpoints.types import Choice, Completion, CompletionDelta, ToolCall, ToolCallDelta, Usage


def _turn(choice: Choice) -> Shown:
    calls = sorted(map(_call, choice.tool_calls), key=lambda call: bool(call.error))
    return Shown(
        reasoning=choice.reasoning,
        text=choice.text,
        calls=tuple(calls),
        finish_reason=choice.finish_reason or "",
        native_finish_reason=choice.native_finish_reason or "",
        refusal=choice.refusal or "",
    )


def _call(call: ToolCall) -> ShownCall:
    written = call.arguments if call.parsed is None else arguments_text(call.parsed)
    return ShownCall(id=call.id, name=call.name, arguments=written, error=call.error or "")


def _tokens(usage: Usage) -> ShownTokens:
    return ShownTokens(
        input=usage.input_tokens,
        output=usage.output_tokens,
        reasoning=usage.reasoning_tokens,
        cached=usage.cached_tokens,
    )


class DeltaCollector:
    """Joins the deltas of the first answer; the last one holds the completion, with all answers."""

    def __init__(self) -> None:
        self._deltas: list[CompletionDelta] = []
        self._fresh: list[CompletionDelta] = []
        self._turn = Shown(growing=True)

    def add(self, item: CompletionDelta) -> bool:
        """Take a delta."""
        self._deltas.append(item)
        if item.choice == 0:
            self._fresh.append(item)
        return item.completion is not None or any(piece.name for piece in item.tool_calls)

    def turns(self, *, growing: bool) -> tuple[Shown, ...]:
        """Return the one turn."""
        last = self._deltas[-1].completion
        if last is not None:
            return shown_of(last)
        fresh, self._fresh = self._fresh, []
        calls = dict(enumerate(self._turn.calls))
        for piece in (piece for delta in fresh for piece in delta.tool_calls):
            calls[piece.index] = _grown(calls.get(piece.index, ShownCall()), piece)
        self._turn = replace(
            self._turn,
            reasoning=self._turn.reasoning + "".join(delta.reasoning for delta in fresh),
            text=self._turn.text + "".join(delta.text for delta in fresh),
            calls=tuple(calls.values()),
        )
        return (replace(self._turn, growing=growing),)

    def whole(self) -> Completion | list[CompletionDelta]:
        """Return the completion; of a stream that had none, its deltas."""
        return self._deltas[-1].completion or self._deltas


def _grown(call: ShownCall, piece: ToolCallDelta) -> ShownCall:
    return ShownCall(id=piece.id or call.id, name=piece.name or call.name, arguments=call.arguments + piece.arguments)


@shown_of.register(Completion)
def _(thing: Completion) -> tuple[Shown, ...]:
    answer = replace(
        _turn(thing.first),
        others=tuple(map(_turn, thing.choices[1:])),
        model=thing.model or "",
        tokens=thing.usage and _tokens(thing.usage),
        cost=thing.cost,
        notes=thing.notes,
    )
    return (answer,)


@collector_for.register(CompletionDelta)
def _(item: object) -> Collector:
    del item
    return DeltaCollector()
