"""A streamed chunk is what LangChain's constructors make of the same delta, to the last field, and is nobody else's."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from functools import reduce
from operator import add
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_qwen._decode import decode_deltas
from pydantic import BaseModel, SecretStr
from qwen_endpoints import CompletionDelta, QwenSettings, ToolCallDelta, resolve

busy = settings(deadline=None)
"""For a machine that does other work as well."""

PIECES = (
    "", " ", "{", " \n{", "\u00a0{", "\ufeff{}", "{}", '{"a": "b', '{"a": [1, ', '{"a": "b"}', '{"a": 1}}', "[", "[{}]",
    "}", "]", '"', '"b"}', "null", "true", "7", "-", "NaN", "lo wor", ", {",
    '\\"', "\\", "\x00", "\x1f{", "答",
)  # fmt: skip
"""Beginnings, middles and ends of arguments, and what is none."""
ENDPOINT = resolve(QwenSettings(model="qwen3-32b", provider="anyfast-cn", api_key=SecretStr("key")))

calls = st.builds(
    ToolCallDelta,
    index=st.integers(0, 9),
    id=st.none() | st.text(),
    name=st.none() | st.text(),
    arguments=st.sampled_from(PIECES) | st.text(),
)
deltas = st.builds(
    CompletionDelta,
    choice=st.just(0),
    text=st.text(),
    reasoning=st.text(),
    tool_calls=st.lists(calls, max_size=3).map(tuple),
    completion=st.none(),
)


def _piece(arguments: str) -> CompletionDelta:
    return CompletionDelta(tool_calls=(ToolCallDelta(index=0, id=None, name=None, arguments=arguments),))


def _ours(*given: CompletionDelta) -> list[ChatGenerationChunk]:
    return [chunk for delta in given for chunk in decode_deltas(delta, ENDPOINT)]


def _constructed(*given: CompletionDelta) -> list[ChatGenerationChunk]:
    return [
        ChatGenerationChunk(message=AIMessageChunk(response_metadata={"model_provider": "qwen"}, **fields))
        for delta in given
        for fields in _fields(delta)
    ]


def _fields(delta: CompletionDelta) -> Iterator[dict[str, Any]]:
    if delta.reasoning:
        yield {"content": "", "additional_kwargs": {"reasoning_content": delta.reasoning}}
    if delta.text:
        yield {"content": delta.text}
    if delta.tool_calls:
        pieces = [
            tool_call_chunk(name=call.name, args=call.arguments, id=call.id, index=call.index)
            for call in delta.tool_calls
        ]
        yield {"content": "", "tool_call_chunks": pieces}


def _state(thing: Any) -> Any:
    """Everything that a value holds, with the types and the order it holds it in."""
    if isinstance(thing, BaseModel):
        state = vars(thing), thing.model_fields_set, thing.__pydantic_extra__, thing.__pydantic_private__
        return type(thing), _state(state)
    if isinstance(thing, dict):
        return [(name, _state(value)) for name, value in cast("dict[str, Any]", thing).items()]
    if isinstance(thing, (list, tuple)):
        return type(cast("object", thing)), [_state(value) for value in cast("list[Any]", thing)]
    return type(thing), repr(thing) if isinstance(thing, float) else thing  # NaN equals nothing


def _changeable(thing: Any) -> Iterator[int]:
    """The identities of all that can be changed in a value."""
    if isinstance(thing, BaseModel):
        yield id(thing)
        parts: list[Any] = [vars(thing), thing.__pydantic_fields_set__, thing.__pydantic_extra__]
    elif isinstance(thing, (dict, list, set)):
        yield id(cast("object", thing))
        parts = list(cast("dict[str, Any]", thing).values() if isinstance(thing, dict) else cast("list[Any]", thing))
    else:
        return
    for part in parts:
        yield from _changeable(part)


@busy
@given(deltas)
@example(_piece("[" * 2000))
@example(_piece(" \n{"))
@example(_piece("7" * 5000))
@example(_piece("lo wor"))
@example(_piece(""))
def test_a_chunk_is_what_the_constructors_make(delta: CompletionDelta) -> None:
    ours, constructed = _ours(delta), _constructed(delta)
    assert _state(ours) == _state(constructed)
    assert ours == constructed
    assert list(map(repr, ours)) == list(map(repr, constructed))
    for one, other in zip(ours, constructed, strict=True):
        assert one.model_dump() == other.model_dump()
        assert one.model_dump(exclude_unset=True) == other.model_dump(exclude_unset=True)
        assert one.model_dump_json() == other.model_dump_json()
        assert dumpd(one.message) == dumpd(other.message)
        assert one.message.content_blocks == other.message.content_blocks
        assert _state(pickle.loads(pickle.dumps(one))) == _state(other)  # noqa: S301 - this test's own bytes
        assert _state(one.model_copy(deep=True)) == _state(other)


@busy
@given(st.lists(deltas, min_size=1, max_size=6))
def test_chunks_merge_as_those_of_the_constructors(given: list[CompletionDelta]) -> None:
    ours, constructed = _ours(*given), _constructed(*given)
    if constructed:
        assert _state(reduce(add, ours)) == _state(reduce(add, constructed))
        assert _state(ours[0] + ours[1:]) == _state(constructed[0] + constructed[1:])
    assert _state(ours) == _state(constructed), "merging changed a chunk"


@busy
@given(deltas)
def test_chunks_share_nothing_that_can_be_changed(delta: CompletionDelta) -> None:
    ours = _ours(delta, delta)
    changeable = [part for chunk in ours for part in _changeable(chunk)]
    assert len(changeable) == len(set(changeable))


@pytest.mark.parametrize(
    "delta", [CompletionDelta(text="a"), CompletionDelta(reasoning="a"), _piece("a"), _piece("{")], ids=repr
)
def test_what_a_caller_does_to_a_chunk_stays_there(delta: CompletionDelta) -> None:
    (chunk,) = _ours(delta)
    message = cast("AIMessageChunk", chunk.message)
    message.id = "changed"
    message.additional_kwargs["changed"] = message.response_metadata["changed"] = True
    cast("Any", message).changed = True
    for found in (message.tool_calls, message.invalid_tool_calls, message.tool_call_chunks):
        for call in found:
            call["name"] = "changed"
        found.clear()
    chunk.generation_info = {"changed": True}
    assert _state(_ours(delta)) == _state(_constructed(delta))
