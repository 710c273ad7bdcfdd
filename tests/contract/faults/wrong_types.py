"""Real replies with one value each that is of the wrong type, or missing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import httpx2
from qwen_sandbox import Sandbox

FOLDER: Final = Path(__file__).parents[2] / "fixtures" / "replies"
WRONG: Final = ("null", "true", "0", "-1", "1e400", '""', '"x"', "[]", "{}", "[[]]", '{"a": {}}')
"""As JSON, because Python writes a number beyond all floats in no way that another parser reads."""
UNIMPORTANT: Final = frozenset(
    {
        *("id", "object", "created", "model", "system_fingerprint", "usage", "logprobs", "finish_reason"),
        *("stop_reason", "stop_sequence", "role", "signature"),
    }
)
"""Whatever stands under these names, the text of an answer does not hang on it."""
_ENVELOPE: Final = frozenset({"id", "object", "created", "model"})
"""Nearly every reply has these; they are spoilt in what the sandbox answers."""
_PLACE: Final = "the value that is spoilt"

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Known:
    """A reply that is read well: a whole one has one payload, a stream has several."""

    name: str
    protocol: str
    payloads: tuple[Any, ...]
    streamed: bool
    status: int = 200
    left: frozenset[str] = frozenset()
    """Fields of a payload that are not spoilt."""

    @property
    def content_type(self) -> str:
        return "text/event-stream" if self.streamed else "application/json"

    @cached_property
    def _written(self) -> tuple[str, ...]:
        return tuple(map(json.dumps, self.payloads))

    def body(self, place: int = 0, changed: str | None = None) -> bytes:
        """Write it, with the payload at `place` changed; one that is empty is left out."""
        texts = [*self._written]
        texts[place] = texts[place] if changed is None else changed
        if not self.streamed:
            return texts[0].encode()
        events = [f"{self._event(of)}data: {text}\n\n" for of, text in zip(self.payloads, texts, strict=True) if text]
        return "".join([*events, "" if self.protocol == "messages" else "data: [DONE]\n\n"]).encode()

    def _event(self, payload: Any) -> str:
        return f"event: {payload['type']}\n" if self.protocol == "messages" else ""


@dataclass(frozen=True, kw_only=True)
class Spoilt:
    """A reply with one value spoilt."""

    reply: Known
    where: Path_
    wrong: str
    """As JSON; empty: the value is missing."""
    body: bytes

    @property
    def matters(self) -> bool:
        """Whether the answer's text may hang on what was spoilt."""
        return not UNIMPORTANT.intersection(self.where)

    @property
    def label(self) -> str:
        return f"{self.reply.name}, {'.'.join(map(str, self.where))}: {self.wrong or 'missing'}"


def written_replies() -> list[Known]:
    """The project's own replies, as far as they are JSON."""
    found: list[Known] = []
    for file in sorted(FOLDER.iterdir()):
        payloads = _parsed(file.read_text("utf-8-sig").splitlines() if file.suffix == ".jsonl" else [file.read_text()])
        if file.suffix in {".json", ".jsonl"} and payloads:
            status = file.stem.partition("error_")[2][:3]
            known = Known(
                name=file.name,
                protocol="chat_completions",
                payloads=payloads,
                left=_ENVELOPE,
                streamed=file.suffix == ".jsonl",
            )
            found.append(replace(known, status=int(status)) if status.isdecimal() else known)
    return found


_WEATHER: Final = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_QUESTION: Final = [{"role": "user", "content": "What is the weather in Paris and London?"}]
_SUM: Final = [{"role": "user", "content": "What is 2+2?"}]
_CHAT_TOOL: Final = {"type": "function", "function": {"name": "get_weather", "parameters": _WEATHER}}
_BUDGET: Final = {"max_tokens": 2048, "thinking": {"type": "enabled", "budget_tokens": 1024}}
_ASKED: Final[Sequence[tuple[str, str, dict[str, Any]]]] = (
    ("anyfast", "qwen3.6-flash", {"messages": _SUM, "logprobs": True, "top_logprobs": 2}),
    ("anyfast", "qwen3.6-flash", {"messages": _QUESTION, "tools": [_CHAT_TOOL]}),
    ("wcode", "qwen/qwen3-235b-a22b", {"messages": _SUM}),
    ("wcode-anthropic", "qwen/qwen3-235b-a22b", {"messages": _SUM, **_BUDGET}),
    (
        "wcode-anthropic",
        "qwen/qwen3-235b-a22b",
        {"messages": _QUESTION, **_BUDGET, "tools": [{"name": "get_weather", "input_schema": _WEATHER}]},
    ),
)


def sandbox_replies(sandbox: Sandbox) -> list[Known]:
    """What the sandbox answers to a sum and to a call of a tool, over both protocols, whole and streamed."""
    return [
        _asked(sandbox, gateway, {"model": model, "stream": streamed, **body})
        for gateway, model, body in _ASKED
        for streamed in (False, True)
    ]


def _asked(sandbox: Sandbox, gateway: str, body: dict[str, Any]) -> Known:
    messages = gateway == "wcode-anthropic"
    url = sandbox.base_url(cast("Any", gateway)) + ("/v1/messages" if messages else "/chat/completions")
    headers = {"authorization": f"Bearer {sandbox.api_key}", "anthropic-version": "2023-06-01"}
    reply = httpx2.post(url, json=body, headers=headers).raise_for_status()
    lines = [line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: {")]
    return Known(
        name=f"{gateway}, {'streamed' if body['stream'] else 'whole'}{', tools' if 'tools' in body else ''}",
        protocol="messages" if messages else "chat_completions",
        payloads=_parsed(lines if body["stream"] else [reply.text]),
        streamed=body["stream"],
    )


def _parsed(texts: Sequence[str]) -> tuple[Any, ...]:
    """The payloads, or nothing where one of them is no JSON object."""
    try:
        payloads = tuple(json.loads(text) for text in texts if text)
    except ValueError:
        return ()
    return payloads if all(isinstance(payload, dict) for payload in payloads) else ()


def spoilt(reply: Known) -> Iterator[Spoilt]:
    """Give the reply with each of its values replaced by each wrong one, and without it.

    Payloads of a stream are much alike, and so are items of a list: of values with one name, the first and the last.
    """
    for place, where in _values(reply):
        text = json.dumps(_put(reply.payloads[place], where))
        for wrong in WRONG:
            body = reply.body(place, text.replace(json.dumps(_PLACE), wrong))
            yield Spoilt(reply=reply, where=where, wrong=wrong, body=body)
        without = json.dumps(_without(reply.payloads[place], where)) if where else ""
        yield Spoilt(reply=reply, where=where, wrong="", body=reply.body(place, without))


def _values(reply: Known) -> list[tuple[int, Path_]]:
    first: dict[object, tuple[int, Path_]] = {}
    last: dict[object, tuple[int, Path_]] = {}
    for place, payload in enumerate(reply.payloads):
        for where in _paths(payload):
            if where and where[0] in reply.left:
                continue
            kind = payload.get("type"), tuple("*" if isinstance(key, int) else key for key in where)
            first.setdefault(kind, (place, where))
            last[kind] = place, where
    return sorted({*first.values(), *last.values()}, key=repr)


def _paths(value: Any, where: Path_ = ()) -> Iterator[Path_]:
    yield where
    for key, inner in _items(value):
        yield from _paths(inner, (*where, key))


def _items(value: Any) -> Sequence[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).items())
    return list(enumerate(cast("list[Any]", value))) if isinstance(value, list) else []


def _put(value: Any, where: Path_) -> Any:
    if not where:
        return _PLACE
    copy = value.copy()
    copy[where[0]] = _put(value[where[0]], where[1:])
    return copy


def _without(value: Any, where: Path_) -> Any:
    copy = value.copy()
    if len(where) == 1:
        del copy[where[0]]
    else:
        copy[where[0]] = _without(value[where[0]], where[1:])
    return copy
