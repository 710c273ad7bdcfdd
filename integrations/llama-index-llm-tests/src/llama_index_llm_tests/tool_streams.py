"""Group G, second part: tool calls in pieces, as servers stream them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from llama_index.core.base.llms.types import ChatResponse, ToolCallBlock
from llama_index.core.llms.llm import LLM

from llama_index_llm_tests.answers import Answer, Call, Json, argued, chunk, opened, stream, thirds
from llama_index_llm_tests.asking import STREAMS, Mode, every_stream, frames, last
from llama_index_llm_tests.bench import Bench, UnderTest
from llama_index_llm_tests.reading import ids_of, outline, selected

_KWARGS: Final[Json] = {"text": 'Zoë 日本 👩‍🚀 "q" \\ \n', "n": -1.5e3, "list": [True, None, {"a": ""}]}
_ESCAPED: Final = json.dumps(_KWARGS)
_FIRST: Final = Call("get_weather", '{"city": "Paris"}', "call-1")
_SECOND: Final = Call("get_time", '{"zone": "CET", "days": 2}', "call-2")
_TWICE: Final = Call("get_weather", '{"city": "London"}', "call-2")
_BOTH: Final = [("get_weather", {"city": "Paris"}), ("get_time", {"zone": "CET", "days": 2})]
_CITIES: Final = [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "London"})]


def _piece(call: Call, arguments: str, index: int | None = 0, **fields: Any) -> Json:
    """One entry of `tool_calls` in a chunk; `fields` go over id and function, and `None` keeps `index` out of it."""
    position = {} if index is None else {"index": index}
    return {
        **position,
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
        **fields,
    }


def _later(arguments: str, index: int = 0, **fields: Any) -> Json:
    return {"index": index, "function": {"arguments": arguments}, **fields}


def _repeating(call: Call, **later: Any) -> list[Json]:
    """A call in three pieces, the later ones with these fields."""
    first, *rest = thirds(call.arguments)
    return [_piece(call, first), *(_later(piece, **later) for piece in rest)]


_HEADS: Final[dict[str, list[Json]]] = {
    "the id again": _repeating(_FIRST, id=_FIRST.id),
    "an empty id": _repeating(_FIRST, id=""),
    "a null id": _repeating(_FIRST, id=None, type=None),
    "id and name again": [_piece(_FIRST, piece) for piece in thirds(_FIRST.arguments)],
    "an empty name": [
        _piece(_FIRST, "", function={"name": _FIRST.name if place == 0 else "", "arguments": piece})
        for place, piece in enumerate(thirds(_FIRST.arguments))
    ],
    "a null name": [
        _piece(_FIRST, "", function={"name": _FIRST.name if place == 0 else None, "arguments": piece})
        for place, piece in enumerate(thirds(_FIRST.arguments))
    ],
    "null arguments first": [
        _piece(_FIRST, "", function={"name": _FIRST.name, "arguments": None}),
        *(_later(piece) for piece in thirds(_FIRST.arguments)),
    ],
    "no arguments first": [
        _piece(_FIRST, "", function={"name": _FIRST.name}),
        *(_later(piece) for piece in thirds(_FIRST.arguments)),
    ],
}


def _chunks(*pieces: Json) -> list[Json]:
    return [chunk(tool_calls=[piece]) for piece in pieces]


_PAIRS: Final[dict[str, list[Json]]] = {
    "both in one chunk": [chunk(tool_calls=[_piece(_FIRST, _FIRST.arguments), _piece(_SECOND, _SECOND.arguments, 1)])],
    "pieces of both in each chunk": [
        chunk(tool_calls=[_piece(_FIRST, ""), _piece(_SECOND, "", 1)]),
        *(
            chunk(tool_calls=[_later(first), _later(second, 1)])
            for first, second in zip(thirds(_FIRST.arguments), thirds(_SECOND.arguments), strict=True)
        ),
    ],
    "pieces in turns": [
        opened(_FIRST),
        opened(_SECOND, 1),
        *(
            argued(piece, index)
            for pair in zip(thirds(_FIRST.arguments), thirds(_SECOND.arguments), strict=True)
            for index, piece in enumerate(pair)
        ),
    ],
    "all with index 0": [
        *_chunks(*_repeating(_FIRST, id=_FIRST.id)),
        *_chunks(*_repeating(_SECOND, id=_SECOND.id)),
    ],
    "all with index 0, the id said once": [*_chunks(*_repeating(_FIRST)), *_chunks(*_repeating(_SECOND))],
    "without an index": _chunks(_piece(_FIRST, _FIRST.arguments, None), _piece(_SECOND, _SECOND.arguments, None)),
    "indexes from 1": [
        opened(_FIRST, 1),
        argued(_FIRST.arguments, 1),
        opened(_SECOND, 2),
        argued(_SECOND.arguments, 2),
    ],
    "indexes with a gap": [
        opened(_FIRST, 0),
        argued(_FIRST.arguments, 0),
        opened(_SECOND, 5),
        argued(_SECOND.arguments, 5),
    ],
}


class ToolStreamTests(UnderTest):
    """Pieces of calls are put together as they were meant."""

    @every_stream
    @pytest.mark.parametrize("size", [1, 2, 5])
    def test_arguments_may_be_cut_anywhere(self, bench: Bench, mode: Mode, size: int) -> None:
        """Arguments come together from pieces of any size, even inside an escape."""
        pieces = [argued(_ESCAPED[start : start + size]) for start in range(0, len(_ESCAPED), size)]
        llm = bench.llm(stream(opened(Call("note")), *pieces, chunk(finish="tool_calls")))
        assert selected(llm, last(llm, mode), error=True) == [("note", _KWARGS)]

    @every_stream
    @pytest.mark.parametrize("head", _HEADS)
    def test_heads_of_later_pieces_do_no_harm(self, bench: Bench, mode: Mode, head: str) -> None:
        """Ids and names that later pieces repeat or leave empty are not joined to the first."""
        llm = bench.llm(stream(*_chunks(*_HEADS[head]), chunk(finish="tool_calls")))
        response = last(llm, mode)
        assert selected(llm, response, error=True) == _BOTH[:1]
        assert ids_of(llm, response) == ["call-1"]

    @every_stream
    @pytest.mark.parametrize("pair", _PAIRS)
    def test_two_calls_are_kept_apart(self, bench: Bench, mode: Mode, pair: str) -> None:
        """Two calls come out as two, however their pieces are ordered and indexed."""
        llm = bench.llm(stream(*_PAIRS[pair], chunk(finish="tool_calls")))
        response = last(llm, mode)
        assert selected(llm, response, error=True) == _BOTH
        assert ids_of(llm, response) == ["call-1", "call-2"]

    @every_stream
    @pytest.mark.parametrize("second", [1, 0], ids=["index 1", "index 0"])
    def test_two_calls_of_one_tool_are_kept_apart(self, bench: Bench, mode: Mode, second: int) -> None:
        """The same tool, called twice, is two calls."""
        whole = [_piece(_FIRST, _FIRST.arguments), _piece(_TWICE, _TWICE.arguments, second)]
        llm = bench.llm(stream(*_chunks(*whole), chunk(finish="tool_calls")))
        assert selected(llm, last(llm, mode), error=True) == _CITIES

    @every_stream
    def test_words_around_calls_are_kept(self, bench: Bench, mode: Mode) -> None:
        """Text before, between and after the pieces of a call is text."""
        pieces = [chunk(content=word) for word in ("Let me ", "look ", "it up.")]
        said = [pieces[0], opened(_FIRST), pieces[1], argued(_FIRST.arguments), pieces[2], chunk(finish="tool_calls")]
        llm = bench.llm(stream(*said))
        response = last(llm, mode)
        assert response.message.content == "Let me look it up."
        assert selected(llm, response, error=True) == _BOTH[:1]

    @every_stream
    @pytest.mark.parametrize("pair", _PAIRS)
    def test_calls_can_be_read_from_every_frame(self, bench: Bench, mode: Mode, pair: str) -> None:
        """The calls of every frame can be read, as agents do, with arguments that are an object."""
        llm = bench.llm(stream(*_PAIRS[pair], chunk(finish="tool_calls")))
        seen = [selected(llm, frame) for frame in frames(llm, mode)]
        assert [kwargs for calls in seen for _, kwargs in calls if not isinstance(kwargs, dict)] == []
        assert seen[-1]

    @every_stream
    def test_every_cut_can_be_read(self, bench: Bench, mode: Mode) -> None:
        """Half-written calls, cut after any character, keep name and id and invent no argument."""
        llm = bench.llm(stream(opened(Call("note")), *map(argued, _ESCAPED), chunk(finish="tool_calls")))
        seen = frames(llm, mode)
        calls = [call for frame in seen for call in selected(llm, frame)]
        assert {name for name, _ in calls} == {"note"}
        assert {key for _, kwargs in calls for key in kwargs} <= set(_KWARGS)
        assert calls[-1] == ("note", _KWARGS)
        assert {call_id for frame in seen for call_id in ids_of(llm, frame)} == {"call-1"}

    @every_stream
    def test_ids_stay_over_the_frames(self, bench: Bench, mode: Mode) -> None:
        """An id that a server never sends is made up once, not once a frame."""
        nameless = [_piece(_FIRST, "", id=None), *(_later(piece) for piece in thirds(_FIRST.arguments))]
        llm = bench.llm(stream(*_chunks(*nameless), chunk(finish="tool_calls")))
        seen = [list(_block_ids(frame)) for frame in frames(llm, mode)]
        assert seen[-1]
        assert len({ids[0] for ids in seen if ids}) == 1
        assert seen[-1][0]

    @pytest.mark.parametrize("pair", _PAIRS)
    def test_sync_and_async_calls_are_equal(self, bench: Bench, pair: str) -> None:
        """Frame for frame, both kinds of stream give the same calls."""
        reply = stream(chunk(content="Hm."), *_PAIRS[pair], chunk(finish="tool_calls"))
        sync, other = ([outline(frame.message) for frame in frames(bench.llm(reply), mode)] for mode in STREAMS)
        assert sync == other
        assert len(sync[-1]) > 1

    @pytest.mark.parametrize("answer", [Answer(calls=[_FIRST, _SECOND]), Answer(text="Hm.", calls=[_FIRST, _TWICE])])
    def test_streamed_calls_are_the_whole_ones(self, bench: Bench, answer: Answer) -> None:
        """The last frame of a stream gives the calls that the answer would have given in one piece."""
        whole = bench.answering("chat", answer)
        expected = _read(whole, last(whole, "chat"))
        assert len(expected[0]) == 2
        for mode in STREAMS:
            llm = bench.answering(mode, answer)
            assert _read(llm, last(llm, mode)) == expected


def _block_ids(frame: ChatResponse) -> Iterator[str | None]:
    for block in frame.message.blocks:
        if isinstance(block, ToolCallBlock):
            yield block.tool_call_id


def _read(llm: LLM, response: ChatResponse) -> tuple[list[tuple[str, dict[str, Any]]], list[str], str]:
    return selected(llm, response), ids_of(llm, response), response.message.content or ""
