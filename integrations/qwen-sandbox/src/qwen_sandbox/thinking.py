"""The reasoning a thinking model would show: a few sentences made from the question."""

from __future__ import annotations

from qwen_sandbox.turn import Turn, media_of

_QUOTE_LENGTH = 120


def reasoning_for(turn: Turn, prompt: str) -> str:
    """Return the reasoning for `prompt`, in its language."""
    asked = " ".join(prompt.split())[:_QUOTE_LENGTH]
    if turn.chinese:
        return f"用户说：“{asked}”。先看看需要什么。{_aid_chinese(turn)}现在可以回答了。\n"
    return f"The user writes: “{asked}”. Let me see what the answer needs. {_aid(turn)}Now I can answer.\n"


def _aid(turn: Turn) -> str:
    if turn.tool_results:
        return f"{_there_are(len(turn.tool_results), 'tool result')} to use. "
    if any(media_of(message) for message in turn.messages):
        return "There is something to look at. "
    return f"{_there_are(len(turn.tools), 'tool')} on offer. " if turn.tools else "No tool is needed. "


def _there_are(count: int, noun: str) -> str:
    return f"There is 1 {noun}" if count == 1 else f"There are {count} {noun}s"


def _aid_chinese(turn: Turn) -> str:
    if turn.tool_results:
        return f"有 {len(turn.tool_results)} 个工具结果可用。"
    if any(media_of(message) for message in turn.messages):
        return "有图像或视频要看。"
    return f"有 {len(turn.tools)} 个工具可用。" if turn.tools else "不需要工具。"
