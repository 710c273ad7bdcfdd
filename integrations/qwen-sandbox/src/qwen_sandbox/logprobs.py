"""Made-up but well-formed log probabilities: the same token always gets the same number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_sandbox.tokens import split_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwen_sandbox.json_types import JsonObject

_WORDS = "the a of and to in is it for on as at by or an be we no so if up".split()
_RIVALS = [f" {word}" for word in _WORDS]
"""One more than a request can ask for, since one of them can be the token itself."""


def logprobs_of(text: str, top: int) -> JsonObject:
    """Return the log probabilities of the tokens of `text`, with `top` likely tokens at each place."""
    return {"content": [_entry(token, top) for token in split_tokens(text)]}


def _entry(token: str, top: int) -> JsonObject:
    likely = _logprob(token)
    rivals = (rival for rival in _RIVALS if rival != token)
    ranked = [_scored(token, likely), *_rank(rivals, likely, top - 1)] if top else []
    return _scored(token, likely) | {"top_logprobs": ranked}


def _rank(rivals: Iterable[str], likely: float, count: int) -> list[JsonObject]:
    return [_scored(rival, likely - 1 - place) for place, rival in zip(range(count), rivals, strict=False)]


def _logprob(token: str) -> float:
    return -(sum(token.encode()) % 50) / 100


def _scored(token: str, logprob: float) -> JsonObject:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}
