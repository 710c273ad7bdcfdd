"""A streamed reply: the chunks of each gateway family, in the order their servers send them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_sandbox.logprobs import logprobs_of
from qwen_sandbox.tokens import in_pieces
from qwen_sandbox.usage import usage_of
from qwen_sandbox.whole import reply_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qwen_sandbox.answer import Answer, Call
    from qwen_sandbox.json_types import JsonObject
    from qwen_sandbox.turn import Turn


def stream_chunks(turn: Turn, answers: Sequence[Answer]) -> Iterator[JsonObject]:
    """Yield the chunks of a stream; several choices take turns."""
    frame = reply_frame(turn, "chat.completion.chunk")
    family = _OpenRouter(turn) if turn.gateway.family == "openrouter" else _NewApi(turn)
    for choice in _take_turns([family.choices(index, answer) for index, answer in enumerate(answers)]):
        yield frame | {"choices": [choice]} | family.beside
    if turn.reports_usage:
        yield frame | {"choices": family.closing_choices(answers), "usage": usage_of(turn, answers)}


def _take_turns(streams: list[Iterator[JsonObject]]) -> Iterator[JsonObject]:
    """Yield one chunk of each stream in turn until all are spent."""
    while streams:
        for stream in list(streams):
            chunk = next(stream, None)
            if chunk is None:
                streams.remove(stream)
            else:
                yield chunk


class _NewApi:
    """Deltas as new-api relays them from DashScope: nulls beside the text, empty ids on continued calls."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.beside: JsonObject = {"usage": None} if turn.reports_usage else {}

    def choices(self, index: int, answer: Answer) -> Iterator[JsonObject]:
        yield self._choice(index, {"role": "assistant", "content": ""})
        for piece in in_pieces(answer.reasoning):
            yield self._choice(index, {"content": None, "reasoning_content": piece})
        for piece in in_pieces(answer.text):
            # Once there was reasoning, its field stays on the deltas, as null.
            silence: JsonObject = {"reasoning_content": None} if answer.reasoning else {}
            yield self._choice(index, {"content": piece} | silence, text=piece)
        for place, call in enumerate(answer.calls):
            for piece in self._call_pieces(place, call):
                yield self._choice(index, {"content": None, "tool_calls": [piece]})
        yield self._choice(index, {}, finish=answer.finish)

    def closing_choices(self, _answers: Sequence[Answer]) -> list[JsonObject]:
        return []

    def _choice(self, index: int, delta: JsonObject, *, text: str = "", finish: str | None = None) -> JsonObject:
        choice: JsonObject = {"index": index, "delta": delta, "finish_reason": finish}
        if self._turn.top_logprobs is not None:
            choice["logprobs"] = logprobs_of(text, self._turn.top_logprobs) if text else None
        return choice

    def _call_pieces(self, place: int, call: Call) -> Iterator[JsonObject]:
        opening = {"name": call.name, "arguments": ""}
        yield {"index": place, "id": call.id, "type": "function", "function": opening}
        for piece in in_pieces(call.arguments):
            yield {"index": place, "id": "", "type": "function", "function": {"arguments": piece}}


class _OpenRouter:
    """Deltas as OpenRouter sends them: role and content on each, the finish told again beside the usage."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.beside: JsonObject = {}

    def choices(self, index: int, answer: Answer) -> Iterator[JsonObject]:
        yield self._choice(index, {"role": "assistant", "content": ""})
        for piece in in_pieces(answer.reasoning):
            yield self._choice(index, {"role": "assistant", "content": "", "reasoning": piece})
        for piece in in_pieces(answer.text):
            yield self._choice(index, {"role": "assistant", "content": piece}, text=piece)
        for place, call in enumerate(answer.calls):
            for piece in self._call_pieces(place, call):
                yield self._choice(index, {"role": "assistant", "content": None, "tool_calls": [piece]})
        yield self._finish(index, answer)

    def closing_choices(self, answers: Sequence[Answer]) -> list[JsonObject]:
        return [self._finish(index, answer) for index, answer in enumerate(answers)]

    def _finish(self, index: int, answer: Answer) -> JsonObject:
        return self._choice(index, {"role": "assistant", "content": ""}, finish=answer.finish)

    def _choice(self, index: int, delta: JsonObject, *, text: str = "", finish: str | None = None) -> JsonObject:
        top = self._turn.top_logprobs
        return {
            "index": index,
            "delta": delta,
            "finish_reason": finish,
            "native_finish_reason": finish,
            "logprobs": logprobs_of(text, top) if text and top is not None else None,
        }

    def _call_pieces(self, place: int, call: Call) -> Iterator[JsonObject]:
        opening = {"name": call.name, "arguments": ""}
        yield {"index": place, "id": call.id, "type": "function", "function": opening}
        for piece in in_pieces(call.arguments):
            yield {"index": place, "function": {"arguments": piece}}
