"""The line below an answer, and what a reader must not miss."""

from __future__ import annotations

from typing import Final

from qwen_endpoints.display.shown import Shown, ShownMedia, ShownSource, ShownTokens
from qwen_endpoints.pricing import Cost

_ENDS: Final = {
    "length": "cut off at the token limit",
    "content_filter": "stopped by the endpoint's moderation",
}
"""Finish reasons that mean the answer is not whole."""
_BEGUN: Final = 60
"""Characters of a source that are shown beside its name."""


def warnings(turn: Shown) -> list[str]:
    """Return what is wrong with a turn: a half answer must not look like a whole one."""
    found = [f"refused: {turn.refusal}"] if turn.refusal else []
    if turn.finish_reason in _ENDS:
        found.append(_ENDS[turn.finish_reason])
    if turn.failed:
        found.append("the tool failed")
    return found


def facts(turn: Shown) -> list[str]:
    """Return what is known of the call behind a turn; nothing for a turn that no model's call is known of."""
    if turn.growing:
        return []
    found = [" at ".join(filter(None, (turn.model, turn.provider)))] if turn.model else []
    # An adapter names the provider, and knows everything else; an agent's event may hold no more than token counts.
    if turn.tokens or turn.provider:
        found.append(_tokens(turn.tokens))
    if turn.cost or turn.provider:
        found.append(_cost(turn.cost))
    if turn.finish_reason or turn.provider:
        found.append(_finish(turn))
    return found


def _tokens(tokens: ShownTokens | None) -> str:
    if tokens is None:
        return "tokens unknown"
    cached = f" ({tokens.cached} cached)" if tokens.cached else ""
    thought = f" ({tokens.reasoning} thinking)" if tokens.reasoning else ""
    return f"tokens {tokens.input} in{cached}, {tokens.output} out{thought}"


def _cost(cost: Cost | None) -> str:
    return "cost unknown" if cost is None else f"cost {cost.amount:.6f} {cost.currency}, {cost.origin}"


def _finish(turn: Shown) -> str:
    native = turn.native_finish_reason
    native = f" ({native})" if native not in ("", turn.finish_reason) else ""
    return f"finish {turn.finish_reason or 'not stated'}{native}"


def described(media: ShownMedia) -> str:
    """Name a medium in a line."""
    if media.address[:5].lower() == "data:":
        head = media.address[5:].partition(",")[0].partition(";")[0]
        return f"{media.kind}: {head}, {len(media.address) * 3 // 4 // 1000} kB"
    return f"{media.kind}: {media.address or 'no address'}"


def label(source: ShownSource) -> str:
    """Name a source in a line: several may be of one document, so its first words stand there, too."""
    score = "" if source.score is None else f"score {source.score:.3g}"
    words = " ".join(source.text.split())
    begun = words if len(words) <= _BEGUN else f"{words[:_BEGUN]}…"
    return " · ".join(filter(None, (source.label, score, begun)))
