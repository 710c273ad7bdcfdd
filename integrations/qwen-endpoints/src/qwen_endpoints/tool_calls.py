"""Puts tool calls together from the pieces in which endpoints send them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NoReturn, cast

from qwen_endpoints.types import ToolCall, ToolCallDelta
from qwen_endpoints.wire_values import items_of, mapping
from qwen_endpoints.words import Json


@dataclass(slots=True)
class _OpenCall:
    position: int
    id: str
    """What the caller sees; never changes once given out."""
    wire_id: str
    """What the endpoint sent, to recognise the call by; may come later than the call."""
    name: str = ""
    pieces: list[str] = field(default_factory=list[str])
    last: str = ""
    """The last piece of the arguments that is not blank."""

    def add(self, piece: str) -> None:
        self.pieces.append(piece)
        if piece and not piece.isspace():
            self.last = piece

    @property
    def arguments(self) -> str:
        self.pieces = ["".join(self.pieces)]  # so that asking after every piece does not join all of them anew
        return self.pieces[0]

    @property
    def is_complete(self) -> bool:
        """Whether the arguments are an object by now; in most cases told without reading them."""
        return self.last.rstrip().endswith("}") and parse_arguments(self.arguments)[0] is not None


class ToolCallAssembler:
    """Takes the `tool_calls` lists of one answer, in order, and gives out clean pieces.

    What endpoints do, and what holds here: a call is known by index and id. A new id opens a call, whatever its index;
    so does an index that has not been seen, if it brings an id or a name. Ids and names that are empty or repeated on
    continuations are ignored, and so is an index that drifts. Without an index a piece continues the open call.
    Parallel calls of one index without ids are told apart by a name that comes after complete arguments.
    """

    def __init__(self, make_id: Callable[[int], str]) -> None:
        self._make_id = make_id
        self._calls: list[_OpenCall] = []
        self._by_index: dict[int | None, _OpenCall] = {}
        self._by_id: dict[str, _OpenCall] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def feed(self, entries: object, *, whole: bool) -> tuple[ToolCallDelta, ...]:
        """Take one `tool_calls` value. `whole`: it holds complete calls, so that each entry is a call of its own."""
        calls = [_read_piece(cast("Json", entry)) for entry in items_of(entries) if isinstance(entry, dict)]
        return tuple([self._take(call, whole=whole) for call in calls])

    def finish(self, *, cut: bool) -> tuple[ToolCall, ...]:
        """Return the calls. `cut`: the answer broke off, so that its last call may be incomplete."""
        last = len(self._calls) - 1
        return tuple(_finished(call, cut=cut and call.position == last) for call in self._calls)

    def _take(self, piece: _Piece, *, whole: bool) -> ToolCallDelta:
        # Nearly every piece has an index and arguments, and nothing else.
        held = None if whole or piece.wire_id or piece.name else self._by_index.get(piece.place)
        call = held if held is not None or whole else self._find(piece)
        opened = call is None
        if call is None:
            call = self._open(piece.wire_id)
        if piece.place is not None:
            self._by_index[piece.place] = call
        if piece.wire_id:
            call.wire_id = call.wire_id or piece.wire_id
            self._by_id.setdefault(piece.wire_id, call)
        fresh_name = piece.name if not call.name else ""
        call.name = call.name or piece.name
        call.add(piece.arguments)
        return ToolCallDelta(call.position, call.id if opened else None, fresh_name or None, piece.arguments)

    def _find(self, piece: _Piece) -> _OpenCall | None:
        """Return the call that a piece continues, or `None` where it opens one."""
        held = self._by_index.get(piece.place) if piece.place is not None else None
        known = self._by_id.get(piece.wire_id) if piece.wire_id else None
        candidate = known or held or (self._calls[-1] if self._calls else None)
        if candidate is None:
            return None
        unseen_index = piece.place is not None and held is None
        if known is not None:
            # The same id under a new index: a drifting index, or two calls that were given one id.
            return None if unseen_index and piece.starts_anew(known, silent=True) else known
        if piece.wire_id and candidate.wire_id:
            return None  # another id than the one it has
        if unseen_index and (piece.wire_id or piece.name):
            return None  # an index not seen before that names a call
        if piece.starts_anew(candidate):
            return None
        return candidate

    def _open(self, wire_id: str) -> _OpenCall:
        position = len(self._calls)
        usable = wire_id and wire_id not in self._by_id
        call = _OpenCall(position=position, id=wire_id if usable else self._make_id(position), wire_id=wire_id)
        self._calls.append(call)
        return call


class _Piece(NamedTuple):
    """One entry of a `tool_calls` list; empty text where the endpoint sent nothing usable."""

    place: int | None
    """The endpoint's index."""
    wire_id: str
    name: str
    arguments: str

    def starts_anew(self, call: _OpenCall, *, silent: bool = False) -> bool:
        """Whether the name on this piece is that of the next call, and not a repetition on a continuation.

        `silent`: even without arguments.
        """
        if not self.name or not call.name:
            return False
        return self.name != call.name or ((silent or bool(self.arguments.strip())) and call.is_complete)


def _read_piece(entry: Json) -> _Piece:
    function = mapping(entry.get("function"))
    index = entry.get("index")
    return _Piece(
        index if isinstance(index, int) else None,
        _text(entry.get("id")),
        _text(function.get("name")),
        _arguments_text(function.get("arguments")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _arguments_text(value: object) -> str:
    """Arguments are JSON text; some servers send the object itself."""
    if isinstance(value, str):
        return value
    try:
        return "" if value is None else json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "[nested too deeply"  # no JSON, so that the call becomes invalid


def _finished(call: _OpenCall, *, cut: bool) -> ToolCall:
    arguments = call.arguments
    parsed, error = parse_arguments(arguments)
    if cut and (error is not None or not arguments.strip()):
        parsed, error = None, "the answer was cut off while the arguments were being written"
    if not call.name:
        parsed, error = None, "the endpoint sent no function name"
    return ToolCall(id=call.id, name=call.name, arguments=arguments, parsed=parsed, error=error)


def parse_arguments(text: str) -> tuple[Json | None, str | None]:
    """Read the arguments of a call: `(object, None)`, or `(None, why not)`. Nothing is repaired.

    Empty text is an empty object: that is how some endpoints call a function that takes nothing.
    """
    if not text.strip():
        return {}, None
    try:
        value: object = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return None, f"the arguments are not valid JSON ({error})"
    if not isinstance(value, dict):
        return None, "the arguments are JSON, but not an object"
    return value, None  # pyright: ignore[reportUnknownVariableType] - parsed JSON


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class MadeUpIds:
    """Makes up ids for calls that came without one: the same reply to the same request gives the same ids.

    It does not know the decoder that has it: the two, and the key with them, would be left to the garbage collector.
    """

    def __init__(self, body: Json) -> None:
        self._body = body
        self._digest = ""
        self.reply: tuple[object, ...] = ()
        """What the reply has said of itself."""

    def of(self, *place: int) -> str:
        """Return the id of the call at this place of the reply."""
        # Some servers send the same reply id every time, so that the request is part of it.
        self._digest = self._digest or _request_digest(self._body)
        return f"call_{_digest(_SEPARATOR.join(map(str, (*self.reply, *place, self._digest))))}"


_SEPARATOR: Final = "\x1f"


def _request_digest(body: Json) -> str:
    """A request in few characters, for the ids of its calls: it may be large, and the calls many.

    Whether it asks for a stream makes no difference.
    """
    asked = {key: value for key, value in body.items() if key not in _STREAM_KEYS}
    return _digest(json.dumps(asked, default=str, sort_keys=True))


_STREAM_KEYS: Final = frozenset({"stream", "stream_options"})


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
