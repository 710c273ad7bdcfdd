"""An answer before it is written to the wire, and the cuts a request asks of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Literal

from qwen_sandbox.tokens import count_tokens, split_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

FinishReason = Literal["stop", "length", "content_filter", "tool_calls"]


@dataclass(frozen=True)
class Call:
    """One tool call; `arguments` is JSON text, possibly cut short by the token limit."""

    id: str
    name: str
    arguments: str

    @property
    def cost(self) -> int:
        """Return the tokens of the name and the arguments."""
        return count_tokens(self.name) + count_tokens(self.arguments)


@dataclass(frozen=True)
class Answer:
    """Reasoning, text and tool calls of one choice."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    finish: FinishReason = "stop"
    stopped_by: str | None = None
    """The stop sequence that cut the text, where one did."""

    @property
    def reasoning_tokens(self) -> int:
        """Return the tokens of the reasoning."""
        return count_tokens(self.reasoning)

    @property
    def completion_tokens(self) -> int:
        """Return the tokens of everything, the reasoning included."""
        return self.reasoning_tokens + count_tokens(self.text) + sum(call.cost for call in self.calls)


def stop_at(answer: Answer, stops: Sequence[str]) -> Answer:
    """Cut the text before the earliest of `stops`; reasoning and calls are left alone."""
    found = [(place, stop) for stop in stops if stop and (place := answer.text.find(stop)) >= 0]
    if not found:
        return answer
    place, stop = min(found, key=itemgetter(0))
    return replace(answer, text=answer.text[:place], stopped_by=stop)


def limit_reasoning(answer: Answer, tokens: int) -> Answer:
    """Keep at most `tokens` tokens of the reasoning."""
    return replace(answer, reasoning="".join(split_tokens(answer.reasoning)[:tokens]))


def limit_tokens(answer: Answer, tokens: int | None) -> Answer:
    """Cut the answer to `tokens` tokens: reasoning first, then text, then calls, down to half an argument."""
    if tokens is None or answer.completion_tokens <= tokens:
        return answer
    reasoning = split_tokens(answer.reasoning)[:tokens]
    left = tokens - len(reasoning)
    text = split_tokens(answer.text)[:left]
    left -= len(text)
    return Answer("".join(text), "".join(reasoning), tuple(_limit_calls(answer.calls, left)), "length")


def _limit_calls(calls: Sequence[Call], left: int) -> list[Call]:
    kept: list[Call] = []
    for call in calls:
        room = left - count_tokens(call.name)
        if room < 0 or left <= 0:
            break
        kept.append(replace(call, arguments="".join(split_tokens(call.arguments)[:room])))
        left -= kept[-1].cost
    return kept
