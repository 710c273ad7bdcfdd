"""Questions about a given text: find the text, find the question, answer with the closest sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen_sandbox.words import meaningful

if TYPE_CHECKING:
    from qwen_sandbox.turn import Turn

_CONTEXT = "context(?: information)?|documents?|passages?|sources?|上下文|已知信息|背景信息|资料|参考内容"
_QUESTION = "query|question|问题|提问"
_BETWEEN_RULES = re.compile(r"\n?-{5,}\n(.*?)\n-{5,}\n", re.DOTALL)
_TAGGED = re.compile(r"<(context|documents?|passages?)>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_LABELLED_CONTEXT = re.compile(
    rf"(?:^|\n)\W*(?:{_CONTEXT})\W*[:：]\s*(.*?)(?=\n\W*(?:{_QUESTION})\W*[:：]|\Z)", re.DOTALL | re.IGNORECASE
)
_LABELLED_QUESTION = re.compile(
    rf"(?:^|\n|[.。]\s)\W*(?:{_QUESTION})\W*[:：]\s*(.+?)"
    rf"(?=\n\W*(?:helpful |refined |original )?(?:answer|答案|回答)\W*[:：]|\n-{{5,}}|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_ORIGINAL_QUERY = re.compile(r"original query is as follows:\s*(.+?)\n", re.IGNORECASE)
_EXISTING = re.compile(r"existing answer:\s*(.+?)\n", re.IGNORECASE)
_FOLLOW_UP = re.compile(
    r"follow[- ]?up (?:message|question|input)>?:?\s*\n?(.+?)\n+\W*standalone (?:question|message)",
    re.DOTALL | re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?:[^.!?。！？\n]|\.(?=\d))*(?:[.!?。！？]|\n|$)")
_LONG = 300
_LONG_INSTRUCTIONS = 120


@dataclass(frozen=True)
class _Task:
    context: str
    question: str
    fallback: str | None = None


def answer_from_passages(turn: Turn, prompt: str) -> str | None:
    """Return an answer taken from the text the prompt brings along, or None when it brings none."""
    follow_up = _FOLLOW_UP.search(prompt)
    if follow_up:
        return follow_up[1].strip()
    task = _task(prompt) or _task_in_instructions(turn, prompt)
    if task is None:
        return None
    found = best_sentences(task.context, task.question)
    if found:
        return found
    if task.fallback:
        return task.fallback
    return "所给内容没有提到这一点。" if turn.chinese else "The given context does not say."


def _task(prompt: str) -> _Task | None:
    context = _context(prompt)
    original = _ORIGINAL_QUERY.search(prompt)
    existing = _EXISTING.search(prompt)
    if context and original and existing:
        return _Task(context, original[1].strip(), existing[1].strip())
    if context:
        outside = prompt.replace(context, "\n", 1)
        asked = _LABELLED_QUESTION.search(outside)
        question = asked[1].strip() if asked else _last_question(outside)
        return _Task(context, question) if question else None
    if len(prompt) > _LONG:
        question = _last_question(prompt)
        return _Task(prompt.replace(question, "", 1), question) if question else None
    return None


def _task_in_instructions(turn: Turn, prompt: str) -> _Task | None:
    """Find the context in the system message, where chains put it when the user's message is the question."""
    instructions = turn.instructions
    speaks_of_it = re.search(_CONTEXT, instructions, re.IGNORECASE)
    if len(instructions) < _LONG_INSTRUCTIONS or not speaks_of_it:
        return None
    return _Task(_context(instructions) or instructions, prompt)


def _context(text: str) -> str | None:
    ruled = _BETWEEN_RULES.search(text)
    if ruled:
        return ruled[1].strip()
    tagged = _TAGGED.search(text)
    if tagged:
        return tagged[2].strip()
    labelled = _LABELLED_CONTEXT.search(text)
    return labelled[1].strip() or None if labelled else None


def _last_question(text: str) -> str | None:
    """Return the last sentence that ends in a question mark, or None."""
    found = [sentence.strip() for sentence in _SENTENCE.findall(text) if sentence.strip().endswith(("?", "？"))]
    return found[-1] if found else None


def best_sentences(context: str, question: str, most: int = 2) -> str | None:
    """Return the sentences of `context` that share the most words with `question`, or None when none does.

    A second sentence is added only when it shares as many words as the first.
    """
    wanted = meaningful(question)
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(context) if sentence.strip()]
    scores = [len(meaningful(sentence) & wanted) for sentence in sentences]
    top = max(scores, default=0)
    if top == 0:
        return None
    best = [sentence for sentence, score in zip(sentences, scores, strict=True) if score == top]
    return " ".join(list(dict.fromkeys(best))[:most])
