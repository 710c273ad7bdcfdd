"""Greetings, sums, counting, repeating, memory of what was said, and the echo that answers everything else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qwen_sandbox.arithmetic import solve
from qwen_sandbox.turn import Turn, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

_GREETING = "Hello! This is qwen-sandbox: the answers are scripted and there is no model inside. How can I help you?"
_GREETING_ZH = "你好！这里是 qwen-sandbox：回答由脚本写成，里面没有模型。有什么可以帮你？"
_HELLO = re.compile(
    r"\W*(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening)|你好|您好|嗨|早上好)"
    r"(?: there| world| again|呀|啊|世界)?[\s,!.，！。?？]*",
    re.IGNORECASE,
)
_WHO = re.compile(
    r"who are you|what are you\b|are you (?:a |an )?(?:real|human|ai|model)|"
    r"introduce yourself|你是谁|你是什么|介绍一下?你",
    re.IGNORECASE,
)
_HOW_ARE_YOU = re.compile(r"\W*how are you\b.{0,20}|\W*你好吗\W*", re.IGNORECASE)
_COUNT = re.compile(
    r"count (?:from )?(?:(\d{1,9}) )?(?:up )?to (\d{1,9})\b|从\s*(\d{1,9})\s*数到\s*(\d{1,9})", re.IGNORECASE
)
_REPEAT = re.compile(
    r"\W*(?:please )?(?:repeat after me|repeat(?: exactly)?(?: this)?|say(?: exactly)?|reply (?:only )?with|respond"
    r" with)\s*[:：]?\s+?(.+)",
    re.DOTALL | re.IGNORECASE,
)
_REPEAT_ZH = re.compile(r"\W*(?:跟我说|请说|请重复|重复)\s*[:：]?\s*(.+)", re.DOTALL)
_MY = re.compile(r"what(?:'s|’s| is| are| was) my ([\w ]{1,40}?)\s*\?", re.IGNORECASE)
_MY_NAME_ZH = re.compile("我(?:叫|的名字)(?:是)?什么|我是谁")
_NAME_SAID = re.compile(
    r"(?:my name is|my name's|call me|\bI am|\bI'm|我叫|我的名字(?:是|叫))\s*(?!什么)([A-Z\u4e00-\u9fff][\w'-]*)"
)
_COUNT_MOST = 1000
_ECHO_LENGTH = 300
_SMALL = 2000
"""Longer prompts are not small talk."""
_STORY = {
    "haiku": "Quiet loopback port,\nanswers written in advance:\nno model inside.",
    "poem": (
        "A scripted stream goes by,\nits words were set before;\nno model tells them why,\nand none will ask for more."
    ),
    "story": (
        "Once there was a test that wanted an answer. It asked a small server on its own machine, which had a script"
        " and no model. The server said what the script said, the same words every time, and the test was glad."
    ),
    "joke": "Why did the test call the sandbox? Because it always gets the same answer.",
}


def small_talk(turn: Turn, prompt: str) -> str:
    """Return the answer to a prompt that nothing else claims."""
    for rule in _RULES if len(prompt) <= _SMALL else ():
        answer = rule(turn, prompt)
        if answer is not None:
            return answer
    return _echo(turn, prompt)


def _greet(turn: Turn, prompt: str) -> str | None:
    if _HELLO.fullmatch(prompt) or _WHO.search(prompt) or _HOW_ARE_YOU.fullmatch(prompt):
        return _GREETING_ZH if turn.chinese else _GREETING
    return None


def _remember(turn: Turn, prompt: str) -> str | None:
    """Answer "what is my ..." from what the user said before."""
    said = [text_of(message) for message in turn.messages if message.get("role") == "user"]
    if _MY_NAME_ZH.search(prompt):
        names = _NAME_SAID.findall("\n".join(said))
        return f"你叫{names[-1]}。" if names else "你还没有告诉我你的名字。"
    asked = _MY.search(prompt)
    if asked is None:
        return None
    thing = asked[1].lower()
    earlier = "\n".join(said)
    found = re.findall(
        rf"\bmy {re.escape(thing)} (?:is|are|was) ([^.!?\n,]+?)(?: and\b|[.!?\n,]|$)", earlier, re.IGNORECASE
    )
    if not found and thing == "name":
        found = _NAME_SAID.findall(earlier)
    return f"Your {thing} is {found[-1]}." if found else f"You have not told me your {thing} yet."


def _sum(_turn: Turn, prompt: str) -> str | None:
    return solve(prompt)


def _count(_turn: Turn, prompt: str) -> str | None:
    match = _COUNT.search(prompt)
    if match is None:
        return None
    first, last = int(match[1] or match[3] or 1), int(match[2] or match[4])
    if last - first > _COUNT_MOST:
        return f"I count at most {_COUNT_MOST} numbers."
    return ", ".join(map(str, range(first, last + 1)))


def _repeat(_turn: Turn, prompt: str) -> str | None:
    match = _REPEAT.fullmatch(prompt) or _REPEAT_ZH.fullmatch(prompt)
    return match[1].strip().strip('"“”') if match else None


def _tell(turn: Turn, prompt: str) -> str | None:
    if turn.chinese or not re.search(r"\b(?:write|tell|compose|give)\b", prompt, re.IGNORECASE):
        return None
    return next((text for kind, text in _STORY.items() if re.search(rf"\b{kind}s?\b", prompt, re.IGNORECASE)), None)


def _echo(turn: Turn, prompt: str) -> str:
    said = prompt if len(prompt) <= _ECHO_LENGTH else prompt[:_ECHO_LENGTH] + "…"
    if turn.chinese:
        return f"你说的是：{said}（qwen-sandbox 的脚本回答，里面没有模型。）"
    return f"You said: {said} (A scripted answer of qwen-sandbox; no model inside.)"


_RULES: tuple[Callable[[Turn, str], str | None], ...] = (_repeat, _greet, _remember, _count, _sum, _tell)
