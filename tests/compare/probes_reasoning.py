"""Reasoning: read, shown, sent back, switched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from langchain_core.messages import HumanMessage, ToolMessage
from qwen_sandbox import Reply

from tests.compare.replies import Json, called, chunk, counted, said, stream, thought, whole
from tests.compare.row import Row
from tests.compare.sides import Side, merged, object_of, reasoning_of
from tests.compare.verdicts import Found, parts

_THOUGHT: Final = "Let me think."
_DETAILS: Final[list[Json]] = [
    {"type": "reasoning.text", "text": _THOUGHT, "signature": "s1", "id": "rt-1", "format": "unknown", "index": 0},
    {"type": "reasoning.encrypted", "data": "Zm9v", "id": "re-1", "format": "unknown", "index": 1},
]


def _thinking_stream(field: str) -> Reply:
    return stream(
        thought(field, "Let me"),
        thought(field, " think."),
        chunk(content="Hel"),
        chunk(content="lo"),
        chunk("stop"),
        counted(),
    )


def _reads(field: str) -> Callable[[Side], Found]:
    def probe(side: Side) -> Found:
        return parts(
            whole=lambda: reasoning_of(side.model(said(**{field: _THOUGHT})).invoke("hi")) == _THOUGHT,
            streamed=lambda: reasoning_of(merged(side.model(_thinking_stream(field)).stream("hi"))) == _THOUGHT,
        )

    return probe


def _comes_piece_by_piece(chunks: list[Any]) -> bool:
    kinds = ["reasoning" if reasoning_of(piece) else "text" for piece in chunks if reasoning_of(piece) or piece.text]
    return kinds == ["reasoning", "reasoning", "text", "text"]


def _streamed(side: Side) -> Found:
    model = side.model(_thinking_stream(side.peer.reasoning_field))
    return _comes_piece_by_piece(list(model.stream("hi")))


def _streamed_with_a_format(side: Side) -> Found:
    model = side.model(_thinking_stream(side.peer.reasoning_field))
    chunks = list(model.bind(response_format={"type": "json_object"}).stream("Answer in JSON"))
    return "response_format" in side.body and _comes_piece_by_piece(chunks)


def _in_blocks(side: Side) -> Found:
    message = side.model(said(**{side.peer.reasoning_field: _THOUGHT})).invoke("hi")
    return [block["type"] for block in message.content_blocks] == ["reasoning", "text"]


def _loop(side: Side, given: Json, **settings: Any) -> Json:
    """Ask, answer the model's tool call, and return its first turn as it was sent back."""
    model = side.model(called(**given), said("Sunny"), **settings)
    asked = model.invoke("weather in Paris")
    model.invoke([HumanMessage("weather in Paris"), asked, ToolMessage("sunny", tool_call_id="call-1")])
    return side.answers[0] if side.answers else {}


def _goes_back(output_version: str) -> Callable[[Side], Found]:
    def probe(side: Side) -> Found:
        turn = _loop(side, {side.peer.reasoning_field: _THOUGHT}, output_version=output_version)
        return any(turn.get(field) == _THOUGHT for field in ("reasoning_content", "reasoning"))

    return probe


def _details_kept(side: Side) -> Found:
    def found(message: Any) -> bool:
        beside = message.additional_kwargs
        places = [beside, object_of(beside.get("provider_specific_fields"))]  # litellm keeps extras in the second
        return any(place.get("reasoning_details") == _DETAILS for place in places)

    chunks = [chunk(reasoning_details=[detail]) for detail in _DETAILS]
    streamed = stream(*chunks, chunk(content="Hello"), chunk("stop"), counted())
    return parts(
        whole=lambda: found(side.model(said(reasoning_details=_DETAILS), service="openrouter").invoke("hi")),
        streamed=lambda: found(merged(side.model(streamed, service="openrouter").stream("hi"))),
    )


def _details_go_back(side: Side) -> Found:
    turn = _loop(side, {"reasoning": _THOUGHT, "reasoning_details": _DETAILS}, service="openrouter")
    return turn.get("reasoning_details") == _DETAILS


def _inline(side: Side) -> Found:
    tags = [chunk(content=text) for text in ("<thi", f"nk>\n{_THOUGHT}\n</thi", "nk>\n\nHello")]

    def split(message: Any) -> bool:
        return message.text == "Hello" and reasoning_of(message).strip() == _THOUGHT

    return parts(
        whole=lambda: split(side.model(said(f"<think>\n{_THOUGHT}\n</think>\n\nHello")).invoke("hi")),
        streamed=lambda: split(merged(side.model(stream(*tags, chunk("stop"), counted())).stream("hi"))),
    )


# The spellings that servers know, each with where it stands.
_SWITCHES: Final = (("enable_thinking",), ("chat_template_kwargs", "enable_thinking"), ("reasoning", "effort"))
_BUDGETS: Final = (("thinking_budget",), ("reasoning", "max_tokens"))


def _at(body: Json, path: tuple[str, ...]) -> Any:
    found: Any = body
    for name in path:
        found = object_of(found).get(name)
    return found


def _stated(body: Json, paths: tuple[tuple[str, ...], ...]) -> list[Any]:
    return [value for path in paths if (value := _at(body, path)) is not None]


def _switches(body: Json) -> set[bool]:
    """What a request says about thinking, in whatever spelling. OpenRouter's effort is a word, and `none` is off."""
    return {value not in (False, "none") for value in _stated(body, _SWITCHES)}


def _through(settings: Any) -> Found:
    """Yes if the class has a name for it, else where it lets the user spell it out."""
    spelt = [name for name in ("model_kwargs", "extra_body") if name in settings]
    return f"partly: through `{spelt[0]}`" if spelt else True


def _switch(side: Side) -> Found:
    stated: list[set[bool]] = []
    for state in ("on", "off"):
        side.model(said(), **side.peer.thinking.get(state, {})).invoke("hi")
        stated.append(_switches(side.body))
    return stated == [{True}, {False}] and _through(side.peer.thinking["on"])


def _switch_per_call(side: Side) -> Found:
    given = side.peer.thinking_per_call or side.peer.thinking.get("on", {})
    model = side.model(said())
    model.invoke("hi", **given)
    if _switches(side.body) != {True}:
        return False
    model.invoke("hi")
    return not _switches(side.body) and _through(given)


def _budget(side: Side) -> Found:
    given = side.peer.thinking.get("budget", {})
    side.model(said(), **given).invoke("hi")
    return _stated(side.body, _BUDGETS) == [100] and _through(given)


def _only_reasoning(side: Side) -> Found:
    """A reply that the token limit cut while the model was thinking: no content at all."""
    field = side.peer.reasoning_field
    reply = whole({"content": None, field: _THOUGHT}, "length")
    message = side.model(reply).invoke("hi")
    return message.text == "" and reasoning_of(message) == _THOUGHT


ROWS: Final = (
    Row("Reads `reasoning_content`", _reads("reasoning_content")),
    Row("Reads `reasoning`", _reads("reasoning")),
    Row("Streams reasoning piece by piece", _streamed),
    Row("… also with a `response_format`", _streamed_with_a_format),
    Row("Shows reasoning in `content_blocks`", _in_blocks),
    Row("Reads a reply that was cut while thinking (`content: null`)", _only_reasoning),
    Row("Splits inline `<think>` tags", _inline),
    Row("Sends reasoning back in a tool loop", _goes_back("v0")),
    Row('… also with `output_version="v1"`', _goes_back("v1")),
    Row("Keeps `reasoning_details`", _details_kept),
    Row("… and sends them back verbatim", _details_go_back),
    Row("Thinking switch on construction", _switch),
    Row("Thinking switch for one call", _switch_per_call),
    Row("Thinking budget", _budget),
)
