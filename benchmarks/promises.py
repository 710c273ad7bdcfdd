"""What is promised: figures of ours, divided by those of others, and the limits of what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.answers import SAID
from benchmarks.runs import Results

_TRANSPORT: Final = "mapping transport"
_NULLS: Final = {"ChatQwen": "null LangChain model", "Qwen": "null LlamaIndex model"}
WAYS: Final = ("sync", "async")
SHOWN: Final = {"text": "text", "reasoning": "reasoning", "call": "1 call", "calls": "8 calls"}
"""What a stream says, in the head of a table."""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """One ratio, or one figure where it is divided by nothing."""

    title: str
    """What is divided, and by what."""
    group: str
    """Promises of one group with one title are one row; `column` tells them apart."""
    column: str
    side: str
    figure: str
    by: tuple[tuple[str, str], ...] = ()
    """Sides and figures, whose sum is divided by."""
    limit: float
    guard: float | None = None
    """The limit in the short run, with much slack; `None` where the short run does not judge."""

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """The sides and figures that it needs."""
        return ((self.side, self.figure), *self.by)


@dataclass(frozen=True)
class Verdict:
    """What came of a promise."""

    promise: Promise
    ratio: float | None
    """Of the least figures; `None` if one is missing."""
    range: tuple[float, float] | None
    """The least and the largest ratio within one round; `None` without a round that has all figures."""

    @property
    def met(self) -> bool:
        """Whether it is as promised."""
        return self.ratio is not None and self.ratio <= self.promise.limit


def judge(promise: Promise, results: Results) -> Verdict:
    """Compare a promise with what was found."""
    least = {place: results.least(*place) for place in promise.places}
    within = [
        ratio
        for found in results.rounds
        if (ratio := _ratio(promise, {place: found.get(place[0], {}).get(place[1]) for place in least})) is not None
    ]
    return Verdict(promise, _ratio(promise, least), (min(within), max(within)) if within else None)


def _ratio(promise: Promise, values: Mapping[tuple[str, str], float | None]) -> float | None:
    present = {place: value for place, value in values.items() if value is not None}
    if len(present) < len(values):
        return None
    divisor = sum(present[place] for place in promise.by) if promise.by else 1.0
    return present[promise.side, promise.figure] / divisor if divisor else None


def _streams() -> Iterator[Promise]:
    """A streamed chunk, of each kind and both ways, beside the peer, the bare SDK and the floor."""
    peers = {
        "ChatQwen": ("ChatOpenAI", "ChatOpenAI, openai 2"),
        "Qwen": ("OpenAILike", "ChatOpenAI", "ChatOpenAI, openai 2"),
    }
    for side, names in peers.items():
        for name in names:
            yield from _stream(side, name, (name,), 0.25)
        for name in ("openai SDK 3", "openai SDK 2"):
            yield from _stream(side, name, (name,), 0.35)
        yield from _stream(side, f"({_NULLS[side]} + {_TRANSPORT})", (_NULLS[side], _TRANSPORT), 1.5)


def _stream(side: str, title: str, by: tuple[str, ...], limit: float) -> Iterator[Promise]:
    for said in SAID:
        for way in WAYS:
            figure = f"streams.{said}.{way}"
            yield Promise(
                title=f"`{side}` / {title}",
                group="A streamed chunk",
                column=f"{SHOWN[said]}, {way}",
                side=side,
                figure=figure,
                by=tuple((name, figure) for name in by),
                limit=limit,
                guard=3 * limit if said == "text" else None,
            )


def _calls() -> Iterator[Promise]:
    """A call: whole, in a batch, as one of many streams, with a long history, and retried."""
    rows = {
        "calls.sync": ("a whole answer", 0.6),
        "calls.async": ("a whole answer, async", 0.6),
        "calls.abatch": ("one of 200 calls, 50 at a time", 0.5),
        "calls.astreams": ("one of 100 streams at once", 0.5),
        "encode.1000": ("a call with 1,000 messages", 0.5),
    }
    for side, peer in (("ChatQwen", "ChatOpenAI"), ("Qwen", "OpenAILike")):
        for figure, (title, limit) in rows.items():
            yield _call(f"{title}: `{side}` / {peer}", side, figure, (peer, figure), limit, 1.3)
        refused = "encode.1000.refused"
        title = f"the same, refused once: `{side}` / not refused"
        yield _call(title, side, refused, (side, "encode.1000"), 1.25, 2.5)


def _rest() -> Iterator[Promise]:
    """Growth, imports and beginnings."""
    for side, peer in (("ChatQwen", "ChatOpenAI"), ("Qwen", "OpenAILike")):
        title = f"a chunk of 100,000 / of 1,000: `{side}`"
        yield _call(title, side, "growth.100000", (side, "growth.1000"), 1.2, 4.0)
        floor = (_NULLS[side], _TRANSPORT)
        yield Promise(
            title=f"a chunk of 100,000: `{side}` / ({' + '.join(floor)})",
            group="All else",
            column="",
            side=side,
            figure="growth.100000",
            by=tuple((name, "growth.100000") for name in floor),
            limit=1.5,
            guard=4.5,
        )
        title = f"import to first chunk: `{side}` / {peer}"
        yield _call(title, side, "start.first_chunk", (peer, "start.first_chunk"), 0.6, 1.2)
        title = f"import: `{side}` / its framework's base of models"
        yield _call(title, side, "start.import", (_NULLS[side], "start.import"), 1.1, 2.0)
        yield _alone(f"making a model, in ms: `{side}`", side, "start.model", 1.0)
        title = f"TLS contexts of a second, equal model: `{side}`"
        yield _alone(title, side, "start.second_contexts", 0.0, guard=0.0)


def _call(title: str, side: str, figure: str, by: tuple[str, str], limit: float, guard: float) -> Promise:  # noqa: PLR0917 - a row of a table
    return Promise(
        title=title, group="All else", column="", side=side, figure=figure, by=(by,), limit=limit, guard=guard
    )


def _alone(title: str, side: str, figure: str, limit: float, guard: float | None = None) -> Promise:
    """No ratio: times are no guard, since they are the machine's."""
    return Promise(title=title, group="All else", column="", side=side, figure=figure, limit=limit, guard=guard)


PROMISES: Final = (*_streams(), *_calls(), *_rest())
