"""Words that carry meaning: what is left of a text without filler words, endings and punctuation."""

from __future__ import annotations

import re

from qwen_sandbox.tokens import CJK

_FILLER = frozenset(
    """
    a about above after again all also am an and any are as at be been before being below but by can could did do does
    doing for from had has have he her here him his how i if in into is it its just me might more most my no not now of
    on or our out over please she should so some such than that the their them then there these they this those to too
    under up use used using very was we were what what's when where which while who whom why will with would you your
    tell give show get let make want need know question answer context query given information
    """.split()
)
_WORD = re.compile(rf"[{CJK}]+|(?:(?![{CJK}_])\w)+")
_CJK_RUN = re.compile(rf"[{CJK}]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SHORTEST_STEM = 3
_ENDINGS = ("ing", "ies", "ed", "es", "s")


def name_words(name: str) -> list[str]:
    """Return the words of an identifier in lower case: `getWeather_now` gives get, weather, now."""
    return [word.lower() for word in re.split(r"[\W_]+", _CAMEL.sub("_", name)) if word]


def stem(word: str) -> str:
    """Return the word without a common English ending, when enough is left."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word


def meaningful(text: str) -> set[str]:
    """Return the stems of the meaningful words of `text`; Chinese and Japanese count by pairs of characters."""
    found: set[str] = set()
    for word in _WORD.findall(text.lower()):
        if _CJK_RUN.fullmatch(word):
            found |= {word[start : start + 2] for start in range(len(word) - 1)} or {word}
        elif word not in _FILLER and (len(word) > 1 or word.isdigit()):
            found.add(stem(word))
    return found


def topics(text: str, most: int) -> list[str]:
    """Return the first meaningful words of `text` as they are written, at most `most`."""
    words = [word for word in _WORD.findall(text) if _CJK_RUN.fullmatch(word) or _tells(word.lower())]
    return list(dict.fromkeys(words))[:most]


def _tells(word: str) -> bool:
    return word not in _FILLER and len(word) > _SHORTEST_STEM


def contains_word(text: str, word: str) -> bool:
    """Return whether `word` stands in `text` on its own, in any case; CJK words need no borders."""
    if _CJK_RUN.search(word):
        return word in text
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None
