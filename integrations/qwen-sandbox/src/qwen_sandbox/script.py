"""The order of the rules: which of them answers a turn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwen_sandbox.answer import Answer, limit_reasoning, limit_tokens, stop_at
from qwen_sandbox.faults import finish_fault, without_tokens
from qwen_sandbox.json_answers import json_answer
from qwen_sandbox.media import describe_media
from qwen_sandbox.passages import answer_from_passages
from qwen_sandbox.smalltalk import small_talk
from qwen_sandbox.thinking import reasoning_for
from qwen_sandbox.tools import wanted_calls, words_about_results

if TYPE_CHECKING:
    from qwen_sandbox.turn import Turn


def answers_to(turn: Turn) -> list[Answer]:
    """Return one answer for each choice asked for, cut as the request asks."""
    prompt = without_tokens(turn.prompt)
    answer = _calls_or_text(turn, prompt)
    if turn.thinking:
        answer = replace(answer, reasoning=reasoning_for(turn, prompt))
    answer = finish_fault(turn.prompt, answer)
    return [_cut(turn, _numbered(turn, answer, place)) for place in range(turn.choices)]


def _calls_or_text(turn: Turn, prompt: str) -> Answer:
    calls = wanted_calls(turn, prompt)
    if calls:
        return Answer(calls=tuple(calls), finish="tool_calls")
    return Answer(_text(turn, prompt))


def _text(turn: Turn, prompt: str) -> str:
    """Answer in JSON where that is asked for, else in words."""
    seen = f"{prompt}\n{words_about_results(turn)}" if turn.tool_results else prompt
    return json_answer(turn, seen, lambda: _words(turn, prompt)) or _words(turn, prompt)


def _words(turn: Turn, prompt: str) -> str:
    """Ask the rules in order: tool results, media, a given text, then small talk, which always answers."""
    if turn.tool_results:
        return words_about_results(turn)
    return describe_media(turn, prompt) or answer_from_passages(turn, prompt) or small_talk(turn, prompt)


def _numbered(turn: Turn, answer: Answer, place: int) -> Answer:
    """Mark every choice after the first, so that a client that mixes choices up is noticed."""
    if place == 0 or answer.calls or turn.json_mode:
        return answer
    return replace(answer, text=f"{answer.text} [choice {place + 1}]")


def _cut(turn: Turn, answer: Answer) -> Answer:
    if turn.reasoning_limit is not None:
        answer = limit_reasoning(answer, turn.reasoning_limit)
    return limit_tokens(stop_at(answer, turn.stops), turn.limit)
