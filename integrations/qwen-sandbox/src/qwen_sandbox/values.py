"""Values a message mentions: numbers, quoted texts, proper names, labelled values and the subject."""

from __future__ import annotations

import itertools
import re

from qwen_sandbox.words import name_words

_NUMBER = re.compile(r"(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w])")
_CJK_NUMBER = re.compile(r"(?<=[\u4e00-\u9fff])\d+(?:\.\d+)?|\d+(?:\.\d+)?(?=[\u4e00-\u9fff])")
_QUOTED = re.compile(r"\"([^\"\n]+)\"|(?<!\w)'([^'\n]+)'(?!\w)|[“「『《]([^”」』》\n]+)[”」』》]|`([^`\n]+)`")
_NAME = re.compile(r"[A-Z][\w'’-]*(?:[ ](?:of[ ]|de[ ])?[A-Z][\w'’-]*)*(?:,[ ][A-Z]{2}\b)?")
_STARTERS = frozenset(
    """
    A Add An And Answer Are As Book Calculate Call Can Check Compare Compute Convert Could Create Describe Do Does
    Explain Extract Fetch Find For From Get Give Greet Hello Hey Hi How I I'd I'll I'm If In Is It JSON List Look Make
    My Now Ok Order Please Query Question Return Say Schedule Search Send Show Summarize Tell Thanks That The Then There
    This To Tool Translate Use Using We Weather What What's When Where Which Who Why Will With Write You
    """.split()
)
_AFTER = re.compile(
    r"\b(?:named|called|about|for|in|of|at|near|to|on)\s+(?:the\s+|a\s+|an\s+)?"
    r"((?:(?!(?:and|today|tomorrow|now|right|please|using|with|is|are|that|who|in|on|for|at|to)\b)[\w'’-]+\s?){1,5})",
    re.IGNORECASE,
)
_CJK_NOISE = re.compile(
    "请问|请|帮我|帮忙|告诉我|我想知道|查询|查一下|查查|查|看看|今天|明天|昨天|现在|天气|气温|温度|时间|怎么样|怎样|如何|"
    "是多少|多少|是什么|什么|几点|吗|呢|的|在|了|一下|搜索|翻译|介绍|关于|给我|并|用|使用|工具|我|你|是|有|会|下雨"
)
_CJK_NAME = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]{2,8}")
_CJK_JOIN = re.compile("[和与跟及、，,。？！?!\\s]+")
_EXACT_DIGITS = 15
_LONGEST_NUMBER = 100


def numbers_in(text: str) -> list[float | int]:
    """Return the numbers of `text` in order, leaving out digits inside words."""
    found: list[tuple[int, str]] = [(match.start(), match[0]) for match in _NUMBER.finditer(text)]
    found += [(match.start(), match[0]) for match in _CJK_NUMBER.finditer(text)]
    numbers: list[float | int] = []
    for _place, digits in sorted(set(found)):
        plain = digits.replace(",", "")
        if len(plain) <= _LONGEST_NUMBER:
            numbers.append(_number(plain))
    return numbers


def _number(plain: str) -> float | int:
    return float(plain) if "." in plain or len(plain) > _EXACT_DIGITS else int(plain)


def quoted_in(text: str) -> list[str]:
    """Return the texts in quotation marks, in order."""
    return [next(group for group in match.groups() if group is not None) for match in _QUOTED.finditer(text)]


def names_in(text: str) -> list[str]:
    """Return proper names, in order and once each: capitalised words, or what Chinese leaves without its filler."""
    unquoted = _QUOTED.sub(" ", text)
    found = [name for match in _NAME.finditer(unquoted) if (name := _without_starters(match[0]))]
    for part in _CJK_JOIN.split(unquoted):
        found += _CJK_NAME.findall(_CJK_NOISE.sub(" ", part))
    return list(dict.fromkeys(found))


def _without_starters(name: str) -> str:
    words = name.split(" ")
    while words and words[0].rstrip(",") in _STARTERS:
        words.pop(0)
    return " ".join(words).removesuffix("'s").removesuffix("’s")


def enumerated_names(text: str) -> list[str]:
    """Return names that stand in one list, as in "Paris, London and Rome" or "北京和上海"; else nothing."""
    candidates = quoted_in(text) or names_in(text)
    for name, after in itertools.pairwise(candidates):
        start = text.find(name) + len(name)
        between = text[start : text.find(after, start)].strip(" '\"”’。」《》`,，、")
        if between.lower() not in {"", "and", "or", "&", "and in", "and for", "和", "与", "跟", "及"}:
            return []
    return candidates if len(candidates) > 1 else []


def words_after_preposition(text: str) -> str | None:
    """Return the words after the last in, for, about, ..., or None."""
    found: list[str] = [match.strip() for match in _AFTER.findall(text) if match.strip()]
    return found[-1] if found else None


def labelled_number(text: str, label: str) -> float | int | None:
    """Return the number written beside `label`, as in "age: 30", "age is 30", "30 years old"."""
    words = r"[\s_-]*".join(map(re.escape, name_words(label)))
    if not words:
        return None
    match = re.search(
        rf"\b{words}\b\W*(?:is|are|was|of|to|as|equals|:|=)?\W*?(-?\d{1, 15}(?:\.\d{1, 15})?)\b", text, re.IGNORECASE
    )
    if match is None and "age" in name_words(label):
        match = re.search(r"(\d{1,15})(?:[- ]years?[- ]old|岁)", text)
    if match is None:
        return None
    return _number(match[1])


def labelled_text(text: str, label: str) -> str | None:
    """Return the text written after `label` and "is", "=", ":" and the like, or None."""
    words = r"[\s_-]*".join(map(re.escape, name_words(label)))
    if not words:
        return None
    end = r"(?=\s+and\b|[\n,;.\"”，。；]|$)"
    pattern = rf"\b{words}\b[\"']?\s*(?:\bis\b|\bare\b|=|:|为|是)\s*[\"'“]?([^\n,;.\"”，。；]+?)[\"'”]?{end}"
    match = re.search(pattern, text, re.IGNORECASE)
    return match[1].strip() or None if match else None
