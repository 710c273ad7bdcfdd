"""Content blocks: what of LangChain's forms arrives, in the form that Chat Completions has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from langchain_core.messages import AIMessage, HumanMessage

from tests.compare.replies import Json, said
from tests.compare.row import Row
from tests.compare.sides import Side, list_of, object_of
from tests.compare.verdicts import Found, parts, raised_by

_DATA: Final = "iVBORw0KGgo="
_AT: Final = "https://example.com/file"

Accepts = Callable[[Json], bool]


def _sends(block: Json, accepts: Accepts, *, model: str = "qwen3-omni-flash") -> Callable[[Side], Found]:
    """Whether a message with this block arrives with a part that `accepts`. The model takes images, video and audio."""

    def probe(side: Side) -> Found:
        side.model(said(), **side.named(model)).invoke(
            [HumanMessage([{"type": "text", "text": "What is this?"}, block])]
        )
        content = side.messages[-1].get("content") if side.messages else None
        return any(accepts(object_of(part)) for part in list_of(content))

    return probe


def _both(**probes: Callable[[Side], Found]) -> Callable[[Side], Found]:
    def probe(side: Side) -> Found:
        return parts(**{name: partial(each, side) for name, each in probes.items()})

    return probe


def _is(kind: str, key: str, value: Any) -> Accepts:
    """Whether a part is of this kind and holds this value, as its field or as the field's `key`."""

    def accepts(part: Json) -> bool:
        held = part.get(kind)
        return part.get("type") == kind and value in (held, object_of(held).get(key))

    return accepts


def _is_audio(data: str, form: str | None = None) -> Accepts:
    def accepts(part: Json) -> bool:
        audio = object_of(part.get("input_audio"))
        return audio.get("data") == data and form in (None, audio.get("format"))

    return accepts


def _is_file(data: str) -> Accepts:
    def accepts(part: Json) -> bool:
        file = object_of(part.get("file"))
        return data in (file.get("file_data"), file.get("file_url"))

    return accepts


def _inline(mime_type: str) -> str:
    return f"data:{mime_type};base64,{_DATA}"


def _block(kind: str, mime_type: str | None = None, **more: Any) -> Json:
    """A standard block: with data if it has a media type, else with an address."""
    data = {"base64": _DATA, "mime_type": mime_type} if mime_type else {"url": _AT}
    return {"type": kind, **data, **more}


_IMAGE: Final = _both(
    url=_sends(_block("image"), _is("image_url", "url", _AT)),
    base64=_sends(_block("image", "image/png"), _is("image_url", "url", _inline("image/png"))),
)
_VIDEO: Final = _both(
    url=_sends(_block("video"), _is("video_url", "url", _AT)),
    base64=_sends(_block("video", "video/mp4"), _is("video_url", "url", _inline("video/mp4"))),
)
_AUDIO: Final = _both(
    wav=_sends(_block("audio", "audio/wav"), _is_audio(_DATA, "wav")),
    # The media type of MP3 is audio/mpeg; the format that servers know is mp3.
    mp3=_sends(_block("audio", "audio/mpeg"), _is_audio(_DATA, "mp3")),
)
# No Qwen model takes files of itself, so this is one that no list knows, behind a gateway that reads them.
_FILE: Final = _both(
    base64=_sends(
        _block("file", "application/pdf", filename="a.pdf"), _is_file(_inline("application/pdf")), model="my-qwen"
    ),
    url=_sends(_block("file", filename="a.pdf"), _is_file(_AT), model="my-qwen"),
)
_ANTHROPIC: Final = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _DATA}}
_CACHED: Final = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}


def _plain_document(side: Side) -> Found:
    block = {"type": "text-plain", "text": "notes", "mime_type": "text/plain"}
    return _sends(block, lambda part: part.get("type") == "text" and "notes" in part.get("text", ""))(side)


def _history(side: Side, content: list[Any]) -> Found:
    """An answer's blocks, sent back: its text alone, without what only LangChain or another provider knows."""
    call: Any = {"name": "f", "args": {}, "id": "call-1", "type": "tool_call"}
    answer = AIMessage(content, tool_calls=[call])
    side.model(said()).invoke([HumanMessage("a"), answer, HumanMessage("b")])
    sent = side.answers[0].get("content") if side.answers else None
    if sent in ("Yes.", [{"type": "text", "text": "Yes."}]):
        return True
    texts = [object_of(part).get("text") for part in list_of(sent)]
    return "partly: with LangChain's `index`" if texts == ["Yes."] else False


def _v1_history(side: Side) -> Found:
    return _history(
        side,
        [
            {"type": "reasoning", "reasoning": "Hm.", "index": 0},
            {"type": "text", "text": "Yes.", "annotations": [], "index": 1},
            {"type": "tool_call", "name": "f", "args": {}, "id": "call-1", "index": 2},
        ],
    )


def _anthropic_history(side: Side) -> Found:
    return _history(
        side,
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "text", "text": "Yes."},
            {"type": "tool_use", "name": "f", "input": {}, "id": "call-1"},
        ],
    )


def _unknown(side: Side) -> Found:
    message = HumanMessage([{"type": "hologram", "data": "x"}])
    error = raised_by(lambda: side.model(said()).invoke([message]))
    return error is not None and not side.bodies and "hologram" in str(error)


ROWS: Final = (
    Row("Images", _IMAGE),
    Row("Video", _VIDEO),
    Row("Audio", _AUDIO),
    Row("Audio by address", _sends(_block("audio"), _is_audio(_AT))),
    Row("Files (PDF)", _FILE),
    Row("Plain-text documents", _plain_document),
    Row("Anthropic's image blocks", _sends(_ANTHROPIC, _is("image_url", "url", _inline("image/png")))),
    Row("`cache_control` arrives", _sends(_CACHED, lambda part: part == _CACHED)),
    Row("v1 blocks in the history are sent back as text", _v1_history),
    Row("Anthropic's `thinking` and `tool_use` in the history do not leak", _anthropic_history),
    Row("An unknown block is an error that names it, before anything is sent", _unknown),
)
