"""The messages of a growing answer, each written out when somebody first looks at it.

A frame of a stream has the whole message so far. Most who read a stream look at what is new in each frame and at the
message of the last; to write all of them out takes longer than all else that is done for a frame, and the more text
and calls there are, the longer. So a frame is given a message that knows which pieces it consists of.
"""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ContentBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from pydantic import BaseModel
from typing_extensions import override

from llama_index.llms.qwen._tool_calls import plain_call

if TYPE_CHECKING:
    from qwen_endpoints import CompletionDelta, ToolCallDelta

_PIECES: Final = "pieces"
"""Where a message that is not written out keeps what it consists of: an answer, and how far it had come."""
_Place = tuple[int, int, int]
"""How far an answer has come: the number of pieces of its reasoning, of its text and of its calls."""


class GrowingAnswer:
    """What a stream has said. Pieces are only ever added, so what it had said at any time can be told at any other."""

    def __init__(self) -> None:
        self._reasoning = _Text()
        self._text = _Text()
        self._calls = _Calls()

    def add(self, delta: CompletionDelta) -> ChatMessage:
        """Add a piece; return the message so far. It is the caller's own and shares nothing that can be changed."""
        reasoning, text, calls = self._reasoning.pieces, self._text.pieces, self._calls.pieces
        if delta.reasoning:
            reasoning.append(delta.reasoning)
        if delta.text:
            text.append(delta.text)
        if delta.tool_calls:
            calls.extend(delta.tool_calls)
        message = UnreadMessage.__new__(UnreadMessage)
        object.__setattr__(message, "__dict__", {_PIECES: (self, (len(reasoning), len(text), len(calls)))})
        return message

    def fields(self, place: _Place) -> dict[str, Any]:
        """Return the fields of the message as it was at `place`, all of them new."""
        reasoning, text = self._reasoning.until(place[0]), self._text.until(place[1])
        calls = self._calls.until(place[2])
        blocks: list[ContentBlock] = []
        if reasoning:
            blocks.append(ThinkingBlock(content=reasoning))
        if text:
            blocks.append(TextBlock(text=text))
        blocks.extend(
            ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=call.arguments) for call in calls
        )
        listed = [plain_call(call.id, call.name, call.arguments) for call in calls]
        return {"blocks": blocks, "additional_kwargs": {"tool_calls": listed} if listed else {}}


class UnreadMessage(ChatMessage, defer_build=True):
    """A message until somebody looks at it: its first attribute, whichever it is, makes it a plain `ChatMessage`.

    Comparing, copying, pickling and dumping begin with an attribute, too.
    """

    @override
    def __getattribute__(self, name: str) -> Any:
        """Write the message out."""
        with _WRITING:  # a frame may be looked at in several threads
            if type(self) is UnreadMessage:
                unread = object.__getattribute__(self, "__dict__").get(_PIECES)
                if unread is not None:  # a shallow copy is of this class, and written out
                    answer, place = unread
                    _MESSAGE.fill(self, answer.fields(place))
                object.__setattr__(self, "__class__", ChatMessage)
        return getattr(self, name)


_WRITING: Final = RLock()


def partial_frame(message: ChatMessage, delta: str, facts: dict[str, Any]) -> ChatResponse:
    """Return `ChatResponse(message=message, delta=delta, additional_kwargs=facts)`, without a look at the message."""
    frame = ChatResponse.__new__(ChatResponse)
    _FRAME.fill(frame, {"message": message, "delta": delta, "additional_kwargs": facts})
    return frame


class _Text:
    """Text in pieces, joined as far as somebody asked for it: the frames are looked at in turn, if at all."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._count = 0
        self._joined = ""

    def until(self, count: int) -> str:
        if count < self._count:
            self._count, self._joined = 0, ""
        self._joined += "".join(self.pieces[self._count : count])
        self._count = count
        return self._joined


class _Calls:
    """As `_Text`, of the calls."""

    def __init__(self) -> None:
        self.pieces: list[ToolCallDelta] = []
        self._count = 0
        self._joined: list[_Call] = []

    def until(self, count: int) -> list[_Call]:
        if count < self._count:
            self._count, self._joined = 0, []
        written: dict[int, list[str]] = {}
        for piece in self.pieces[self._count : count]:
            if piece.index == len(self._joined):
                self._joined.append(_Call())
            call = self._joined[piece.index]
            call.id = piece.id or call.id
            call.name = piece.name or call.name
            written.setdefault(piece.index, []).append(piece.arguments)
        for index, arguments in written.items():
            self._joined[index].arguments += "".join(arguments)
        self._count = count
        return self._joined


class _Call:
    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments = ""


class _Mould:
    """Makes objects that differ from an example in the fields that were given for it. Nothing is validated."""

    def __init__(self, example: BaseModel) -> None:
        self._state = example.__getstate__()
        self._fields: dict[str, Any] = self._state["__dict__"]
        self._given: set[str] = self._state["__pydantic_fields_set__"]

    def fill(self, made: BaseModel, given: dict[str, Any]) -> None:
        """Give `made`, which has nothing yet, the fields of the example but for `given`."""
        fields, names = {**self._fields, **given}, set(self._given)
        # By the class, as an attribute of `made` would be a look at it.
        BaseModel.__setstate__(made, {**self._state, "__dict__": fields, "__pydantic_fields_set__": names})


_MESSAGE: Final = _Mould(ChatMessage(role=MessageRole.ASSISTANT, blocks=[], additional_kwargs={}))
_FRAME: Final = _Mould(ChatResponse(message=ChatMessage(), delta="", additional_kwargs={}))
