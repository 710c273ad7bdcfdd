"""The messages of frames: written out at the first look, whichever that is, and then what the constructors make."""

# LlamaIndex types its dicts barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ContentBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.llms.qwen._unread import GrowingAnswer, UnreadMessage, partial_frame
from pydantic import TypeAdapter
from qwen_endpoints import CompletionDelta, ToolCallDelta

busy = settings(deadline=None)
"""For a machine that does other work as well."""

if TYPE_CHECKING:
    from llama_index.llms.qwen import Qwen

Call = tuple[str, str, str]
"""Id, name and arguments."""


def made(reasoning: str, text: str, calls: list[Call], delta: str, facts: dict[str, Any]) -> ChatResponse:
    """A frame by the framework's own constructors."""
    blocks: list[ContentBlock] = [ThinkingBlock(content=reasoning)] if reasoning else []
    blocks += [TextBlock(text=text)] if text else []
    blocks += [ToolCallBlock(tool_call_id=id_, tool_name=name, tool_kwargs=written) for id_, name, written in calls]
    listed = [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": written}}
        for id_, name, written in calls
    ]
    extra = {"tool_calls": listed} if calls else {}
    message = ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=extra)
    return ChatResponse(message=message, delta=delta, additional_kwargs=facts)


words = st.text(st.sampled_from('a {"\\é笔😀\n'), max_size=5)


@st.composite
def streams(draw: st.DrawFn) -> list[CompletionDelta]:
    """Pieces in any order; calls are opened in turn, and the name of one may come late."""
    deltas: list[CompletionDelta] = []
    named: list[bool] = []
    for _ in range(draw(st.integers(1, 8))):
        pieces: list[ToolCallDelta] = []
        for _ in range(draw(st.integers(0, 2))):
            index = draw(st.integers(0, len(named)))
            opens = index == len(named)
            names = (opens or not named[index]) and draw(st.booleans())
            named[index:] = [names or (not opens and named[index]), *named[index + 1 :]]
            pieces.append(
                ToolCallDelta(index, f"c{index}" if opens else None, f"f{index}" if names else None, draw(words))
            )
        deltas.append(CompletionDelta(0, draw(words), draw(words), tuple(pieces)))
    return deltas


def expected(deltas: list[CompletionDelta]) -> list[ChatResponse]:
    """The frames, each put together from all the pieces before it."""
    frames: list[ChatResponse] = []
    for end, last in enumerate(deltas, 1):
        said = deltas[:end]
        pieces = [piece for delta in said for piece in delta.tool_calls]
        calls = [
            (
                next((piece.id for piece in pieces if piece.index == index and piece.id), ""),
                next((piece.name for piece in pieces if piece.index == index and piece.name), ""),
                "".join(piece.arguments for piece in pieces if piece.index == index),
            )
            for index in range(len({piece.index for piece in pieces}))
        ]
        reasoning, text = "".join(delta.reasoning for delta in said), "".join(delta.text for delta in said)
        frames.append(made(reasoning, text, calls, last.text, {"partial": True}))
    return frames


def unread(deltas: list[CompletionDelta]) -> list[ChatResponse]:
    answer = GrowingAnswer()
    return [partial_frame(answer.add(delta), delta.text, {"partial": True}) for delta in deltas]


def all_of(frame: ChatResponse) -> list[Any]:
    """Everything that can be seen of a frame, in its order."""
    models = [frame, frame.message, *frame.message.blocks]
    return [
        *((type(each), list(vars(each).items()), each.model_fields_set, each.model_extra) for each in models),
        [each.__getstate__() for each in models],
        frame.model_dump(),
        frame.model_dump(exclude_unset=True),
        frame.model_dump_json(),
        repr(frame),
    ]


def again(pickled: Any, **how: Any) -> Any:
    return pickle.loads(pickle.dumps(pickled, **how))  # noqa: S301 - our own bytes


@busy
@given(deltas=streams(), order=st.randoms(use_true_random=False))
def test_looked_at_in_any_order_they_are_what_the_constructors_make(deltas: list[CompletionDelta], order: Any) -> None:
    pairs = list(zip(unread(deltas), expected(deltas), strict=True))
    order.shuffle(pairs)
    for frame, plain in pairs:
        assert type(frame.message) is UnreadMessage
        assert all_of(again(frame)) == all_of(plain)
        assert all_of(frame) == all_of(plain)


PIECES = [
    CompletionDelta(0, "Hi ", "Let me think.", (ToolCallDelta(0, "a", "f", '{"x": 1'),)),
    CompletionDelta(0, "there", "", (ToolCallDelta(0, None, None, "}"), ToolCallDelta(1, "b", "g", "{}"))),
]


def _changed(frame: ChatResponse) -> object:
    frame.message.role = MessageRole.TOOL
    return frame


FIRST_LOOKS: dict[str, Callable[[ChatResponse], object]] = {
    "the text": lambda frame: frame.message.content,
    "the blocks": lambda frame: frame.message.blocks,
    "a setting": _changed,
    "the class": lambda frame: frame.message.__class__,
    "the fields": lambda frame: dict(frame.message),
    "what is set": lambda frame: frame.message.model_fields_set,
    "vars": lambda frame: vars(frame.message),
    "repr": lambda frame: repr(frame.message),
    "str": str,
    "equal": lambda frame: frame == made("", "", [], "", {}),
    "equal, on the right": lambda frame: made("", "", [], "", {}).message == frame.message,
    "a dump": lambda frame: frame.message.model_dump(),
    "a dump of the frame": lambda frame: frame.model_dump(),
    "a dump of the frame, of what is set": lambda frame: frame.model_dump(exclude_unset=True),
    "JSON of the frame": lambda frame: json.loads(frame.model_dump_json()),
    "a dump as any": lambda frame: TypeAdapter(Any).dump_python(frame.message),
    "a dump by an adapter": lambda frame: TypeAdapter(ChatMessage).dump_json(frame.message),
    "a validation": lambda frame: ChatMessage.model_validate(frame.message),
    "another frame": lambda frame: ChatResponse(message=frame.message),
    "a shallow copy": lambda frame: copy.copy(frame.message),
    "a shallow copy of the frame": copy.copy,
    "a deep copy": copy.deepcopy,
    "a model's copy": lambda frame: frame.message.model_copy(update={"role": MessageRole.USER}),
    "a deep copy by the model": lambda frame: frame.model_copy(deep=True),
    "a pickle": lambda frame: again(frame.message),
    "an old pickle": lambda frame: again(frame, protocol=0),
    "a list of messages": lambda frame: TypeAdapter(list[ChatMessage]).validate_python([frame.message]),
}


@pytest.mark.parametrize("look", FIRST_LOOKS.values(), ids=FIRST_LOOKS)
def test_any_look_sees_the_message(look: Callable[[ChatResponse], object]) -> None:
    frame, plain = unread(PIECES)[-1], expected(PIECES)[-1]
    assert type(frame.message) is UnreadMessage
    assert look(frame) == look(plain)
    assert all_of(frame) == all_of(plain)


def test_a_copy_of_an_unread_message_shares_what_a_copy_shares() -> None:
    frame = unread(PIECES)[-1]
    copied = copy.copy(frame.message)
    assert copied.blocks is frame.message.blocks
    copied.role = MessageRole.USER
    assert frame.message.role == MessageRole.ASSISTANT
    assert copied.model_copy(update={"role": MessageRole.ASSISTANT}) == frame.message


def test_what_is_done_to_a_frame_stays_there() -> None:
    frames = unread(PIECES)
    for block in frames[-1].message.blocks:
        block.block_type = "spoilt"  # pyright: ignore[reportAttributeAccessIssue] - of every class of blocks
    frames[-1].message.additional_kwargs["tool_calls"][0]["function"]["arguments"] = "spoilt"
    frames[-1].message.model_fields_set.clear()
    frames[-1].model_fields_set.clear()
    frames[-1].additional_kwargs.clear()
    assert all_of(frames[0]) == all_of(expected(PIECES)[0])
    assert all_of(unread(PIECES)[-1]) == all_of(expected(PIECES)[-1])


def blocks_of(frame: ChatResponse) -> list[ContentBlock]:
    return frame.message.blocks


def test_threads_see_one_message() -> None:
    deltas = PIECES + [CompletionDelta(0, "word ", "", ())] * 300
    plain = expected(deltas)
    frames = unread(deltas)
    with ThreadPoolExecutor(8) as pool:
        looks = [pool.submit(blocks_of, frame) for frame in frames for _ in range(8)]
        seen = [look.result() for look in looks]
    for place, frame in enumerate(frames):
        assert all(blocks is frame.message.blocks for blocks in seen[place * 8 : place * 8 + 8])
    assert frames == plain


# Who looks


def chunk(delta: dict[str, Any]) -> dict[str, Any]:
    return {"id": "c", "created": 7, "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


async def test_the_framework_does_not_look(scripted: Callable[..., Qwen]) -> None:
    """Else each frame would cost what all the text and calls before it cost."""
    llm = scripted([chunk({"content": "Hi "}), chunk({"content": "there"})])
    ask = [ChatMessage("Hello")]
    streamed = list(llm.stream_chat(ask)), [frame async for frame in await llm.astream_chat(ask)]
    with_tools = llm.stream_chat_with_tools([], chat_history=ask, allow_parallel_tool_calls=True)
    for frames in (*streamed, list(with_tools)):
        assert [type(frame.message) for frame in frames] == [UnreadMessage, UnreadMessage, ChatMessage]
        assert [frame.message.content for frame in frames] == ["Hi ", "Hi there", "Hi there"]
