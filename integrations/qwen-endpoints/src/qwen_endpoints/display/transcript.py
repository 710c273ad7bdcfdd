"""Turns as lines of text in styles, in an order in which they can be written while they grow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from qwen_endpoints.display.facts import described, facts, label, warnings
from qwen_endpoints.display.shown import ASSISTANT, Frame, Shown, ShownCall

_LONG: Final = 60
"""Characters of a call's arguments that are repeated above its result."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text in one style."""

    text: str
    style: str = ""
    """As rich names it."""


def plain(frame: Frame) -> str:
    """Return a whole frame as text without styles."""
    turns = (pieces(turn, place, frame, styled=False) for place, turn in enumerate(frame.turns))
    lines = "".join(piece.text for turn in turns for piece in turn)
    return (lines + "".join(piece.text for piece in failure(frame))).rstrip("\n")


def pieces(turn: Shown, place: int, frame: Frame, *, styled: bool) -> list[Piece]:
    """Return a turn's pieces. Of a growing turn, those that will stay as they are, or only get longer at the end.

    Args:
        turn: The turn.
        place: Its place in the frame.
        frame: The frame that it stands in.
        styled: Whether styles can be seen; where not, words say what a piece is.
    """
    found = [*_heading(turn, place, frame), *_said(turn, styled=styled)]
    if turn.calls or not turn.growing:
        found.append(Piece(_next_line(found)))
    calls = [piece for call in turn.calls for piece in _call(call)]
    if turn.growing:  # arguments may be written differently once they are whole
        return [piece for piece in (*found, *calls[:1]) if piece.text]
    found += calls
    found += [Piece(f"{text}\n", "bold yellow") for text in warnings(turn)]
    found += [Piece(f"from {label(source)}\n", "cyan") for source in turn.sources]
    for number, other in enumerate(turn.others, 2):
        found += [Piece(f"answer {number}\n", "bold"), *pieces(other, 0, Frame(turns=(other,)), styled=styled)]
    found += [Piece(f"{' · '.join(told)}\n", "green") for told in [facts(turn)] if told]
    found += [Piece(f"note: {note}\n", "yellow") for note in turn.notes]
    return [piece for piece in found if piece.text]


def failure(frame: Frame) -> list[Piece]:
    """Return what ends a frame that broke off."""
    return [Piece(f"not finished: {frame.failure}\n", "bold red")] if frame.failure else []


def _heading(turn: Shown, place: int, frame: Frame) -> Iterator[Piece]:
    call = next(
        (frame.turns[at].calls[number] for (at, number), answer in frame.replies().items() if answer == place), None
    )
    asked = f"{call.name} {_short(call.arguments)}" if call else ""
    if place or asked or turn.name or turn.speaker != ASSISTANT:
        yield Piece(f"[{' · '.join(filter(None, (turn.speaker, asked or turn.name)))}]\n", "bold")


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


def _said(turn: Shown, *, styled: bool) -> Iterator[Piece]:
    if turn.reasoning:
        yield Piece(turn.reasoning if styled else f"thinking: {turn.reasoning}", "dim italic")
    for media in turn.media:
        yield Piece(f"{described(media)}\n", "cyan")
    if turn.text:
        if turn.reasoning:
            yield Piece(("" if turn.reasoning.endswith("\n") else "\n") + ("" if styled else "answer: "))
        yield Piece(turn.text)


def _next_line(before: list[Piece]) -> str:
    return "\n" if before and not before[-1].text.endswith("\n") else ""


def _call(call: ShownCall) -> Iterator[Piece]:
    yield Piece(f"calls {call.name or '(no name)'}", "magenta")
    yield Piece(f" {call.arguments}\n", "magenta")
    if call.error:
        yield Piece(f"invalid call, not to be executed: {call.error}\n", "bold red")
