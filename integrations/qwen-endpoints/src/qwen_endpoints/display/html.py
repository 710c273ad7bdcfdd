"""Turns as HTML for a notebook, without scripts. Everything that a model, a tool or a person wrote is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from qwen_endpoints.display.facts import described, facts, label, warnings
from qwen_endpoints.display.markdown import to_html
from qwen_endpoints.display.shown import ASSISTANT, TOOL, Frame, Shown, ShownCall, ShownMedia, ShownSource

# Colours are the notebook's own, thinned or over a grey that stands on white as on black; so one sheet does for light
# and dark. Where a notebook drops the sheet, the elements alone still read well.
_STYLE: Final = """<style>
.qwen-shown{line-height:1.5;overflow-wrap:anywhere;max-width:60rem}
.qwen-shown .turn{margin:.3em 0;padding:.1em 0 .1em .8em;border-left:3px solid rgba(128,128,128,.35)}
.qwen-shown .turn.assistant{border-left-color:#7c6ce0}
.qwen-shown .turn.tool{border-left-color:#2f9e77}
.qwen-shown .who{font-size:.8em;opacity:.7;letter-spacing:.02em}
.qwen-shown .plain{white-space:pre-wrap}
.qwen-shown details{margin:.2em 0}
.qwen-shown summary{cursor:pointer;opacity:.7;font-size:.9em}
.qwen-shown .thinking>.plain{opacity:.75;font-size:.9em;padding:.1em 0 .1em .8em;
 border-left:2px dotted rgba(128,128,128,.5);max-height:20em;overflow-y:auto}
.qwen-shown a{color:inherit;text-decoration:underline}
.qwen-shown .rich p,.qwen-shown .rich ul,.qwen-shown .rich ol{margin:.4em 0}
.qwen-shown .rich h1,.qwen-shown .rich h2{font-size:1.25em;margin:.6em 0 .3em}
.qwen-shown .rich h3,.qwen-shown .rich h4{font-size:1.1em;margin:.6em 0 .3em}
.qwen-shown blockquote{margin:.4em 0;padding-left:.8em;border-left:3px solid rgba(128,128,128,.35)}
.qwen-shown .rich>:first-child{margin-top:0}
.qwen-shown .rich>:last-child{margin-bottom:0}
.qwen-shown .rich pre,.qwen-shown .call pre{overflow-x:auto;overflow-wrap:normal;padding:.5em .7em;margin:.4em 0;
 background:rgba(128,128,128,.13);border-radius:4px}
.qwen-shown pre,.qwen-shown code{font-family:var(--jp-code-font-family,ui-monospace,monospace)}
.qwen-shown .rich pre{white-space:pre}
.qwen-shown code{background:rgba(128,128,128,.13);border-radius:3px;padding:0 .25em;color:inherit}
.qwen-shown pre code{background:none;padding:0}
.qwen-shown .call pre{white-space:pre-wrap;overflow-wrap:anywhere;max-height:20em;overflow-y:auto}
.qwen-shown details details{margin-left:.8em}
.qwen-shown .call{margin:.3em 0}
.qwen-shown .result{margin:.2em 0 .2em .5em;padding-left:.7em;border-left:3px solid #2f9e77}
.qwen-shown .result>.plain{max-height:20em;overflow-y:auto}
.qwen-shown table{border-collapse:collapse;margin:.4em 0;display:block;overflow-x:auto}
.qwen-shown th,.qwen-shown td{border:1px solid rgba(128,128,128,.4);padding:.2em .6em;text-align:left}
.qwen-shown .warn{margin:.3em 0;padding:.1em .6em;border-left:3px solid #d9822b;background:rgba(217,130,43,.14)}
.qwen-shown .fail{border-left-color:#d64545;background:rgba(214,69,69,.14)}
.qwen-shown .facts{font-size:.8em;opacity:.7;margin-top:.2em}
.qwen-shown img{max-width:16rem;max-height:12rem;display:block;margin:.3em 0;border-radius:4px}
</style>"""
_THUMBNAILS: Final = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "gif", "webp"))
_NONE: Final[Mapping[int, Shown]] = {}
_ONE_LINE: Final = 100
"""Characters of arguments that stand beside the name of their function."""
_LARGEST: Final = 2_000_000
"""Characters of a data URL that is drawn; the notebook's file holds it once more."""


def page(frame: Frame) -> str:
    """Return a frame as one block. A tool's result stands below the call that it answers."""
    replies = frame.replies()
    answers = set(replies.values())
    shown = [_turn(place, frame, replies) for place in range(len(frame.turns)) if place not in answers]
    if not shown and not frame.failure:
        shown.append('<div class="facts">nothing came</div>')
    if frame.failure:
        shown.append(_box(f"not finished: {frame.failure}", "warn fail"))
    return f'<div class="qwen-shown">{_STYLE}{"".join(shown)}</div>'


def _turn(place: int, frame: Frame, replies: Mapping[tuple[int, int], int]) -> str:
    turn = frame.turns[place]
    kind = turn.speaker if turn.speaker in (ASSISTANT, TOOL) else "other"
    results = {number: frame.turns[answer] for (at, number), answer in replies.items() if at == place}
    return f'<div class="turn {kind}">{_heading(turn, frame)}{_body(turn, results)}</div>'


def _heading(turn: Shown, frame: Frame) -> str:
    """Say who speaks, where it is not the model alone."""
    if len(frame.turns) == 1 and turn.speaker == ASSISTANT and not turn.name:
        return ""
    return f'<div class="who">{escape(" · ".join(filter(None, (turn.speaker, turn.name))))}</div>'


def _body(turn: Shown, results: Mapping[int, Shown] = _NONE) -> str:
    parts = [
        _thinking(turn),
        "".join(_picture(media) for media in turn.media),
        _text(turn),
        "".join(_call(call, results.get(number)) for number, call in enumerate(turn.calls)),
        "".join(_box(text, "warn") for text in warnings(turn)),
        _sources(turn.sources),
        *(_fold(f"answer {place}", _body(other)) for place, other in enumerate(turn.others, 2)),
        f'<div class="facts">{escape(" · ".join(facts(turn)))}</div>' if facts(turn) else "",
        "".join(f'<div class="facts">note: {escape(note)}</div>' for note in turn.notes),
    ]
    return "".join(parts)


def _thinking(turn: Shown) -> str:
    """Draw the reasoning, unfolded while there is nothing else to look at."""
    if not turn.reasoning:
        return ""
    alone = not (turn.text or turn.calls)
    summary = "thinking…" if alone and turn.growing else "thinking"
    body = f'<div class="plain">{escape(turn.reasoning)}</div>'
    return f'<details class="thinking"{" open" if alone else ""}><summary>{summary}</summary>{body}</details>'


def _text(turn: Shown) -> str:
    if not turn.text:
        return ""
    formatted = to_html(turn.text) if turn.speaker == ASSISTANT else None
    if formatted is None:
        return f'<div class="plain">{escape(turn.text)}</div>'
    return f'<div class="rich">{formatted}</div>'


def _call(call: ShownCall, result: Shown | None) -> str:
    name = f"<code>{escape(call.name or '(no name)')}</code>"
    written = escape(call.arguments)
    arguments = f"<code>{written}</code>" if len(call.arguments) <= _ONE_LINE else f"<pre>{written}</pre>"
    error = _box(f"invalid call, not to be executed: {call.error}", "warn fail") if call.error else ""
    answer = f'<div class="result">{_body(result)}</div>' if result else ""
    return f'<div class="call"><span class="who">calls</span> {name} {arguments}{error}{answer}</div>'


def _picture(media: ShownMedia) -> str:
    """Draw an image that is here; of any other, name the address. An image from elsewhere would be fetched unasked."""
    small = len(media.address) <= _LARGEST
    if media.kind == "image" and small and media.address.startswith(_THUMBNAILS):
        return f'<img alt="image" src="{escape(media.address)}">'
    return f'<div class="facts">{escape(described(media))}</div>'


def _sources(sources: tuple[ShownSource, ...]) -> str:
    if not sources:
        return ""
    return _fold("1 source" if len(sources) == 1 else f"{len(sources)} sources", "".join(map(_source, sources)))


def _source(source: ShownSource) -> str:
    return _fold(label(source), f'<div class="plain">{escape(source.text)}</div>')


def _fold(summary: str, body: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def _box(text: str, kind: str) -> str:
    return f'<div class="{kind} plain">{escape(text)}</div>'
