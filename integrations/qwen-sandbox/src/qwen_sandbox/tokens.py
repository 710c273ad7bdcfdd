"""The sandbox's token rule, shared by counting, cutting, streaming and log probabilities.

A token is one Chinese, Japanese or Korean character, or up to eight letters or digits with the one space before them,
or a run of white space, or any other single character. The tokens of a text joined give the text again, and the first
n tokens of a text are the tokens of what they join to, so a cut text counts exactly what it was cut to.
"""

from __future__ import annotations

import re

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{CJK}]| ?(?:(?![{CJK}])\w){{1,8}}|\s+|.", re.DOTALL)
_TOKENS_A_PIECE = 2
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


def split_tokens(text: str) -> list[str]:
    """Return the tokens of `text`; joined they are `text`."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """Return how many tokens `text` has."""
    return len(split_tokens(text))


def in_pieces(text: str) -> list[str]:
    """Return `text` in the pieces a stream sends, of two tokens each."""
    tokens = split_tokens(text)
    return ["".join(tokens[start : start + _TOKENS_A_PIECE]) for start in range(0, len(tokens), _TOKENS_A_PIECE)]


def is_chinese(text: str) -> bool:
    """Return whether `text` holds a Chinese character, so that an answer to it should be in Chinese."""
    return _HAN.search(text) is not None
