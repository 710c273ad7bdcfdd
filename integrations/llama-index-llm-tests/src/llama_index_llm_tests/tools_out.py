"""Group G: tool calls on their way from the model."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.tools import FunctionTool
from qwen_sandbox import Reply

from llama_index_llm_tests.answers import USAGE, Answer, Call, Json, chunk, stream
from llama_index_llm_tests.asking import (
    STREAMS,
    WHOLES,
    Mode,
    every_mode,
    every_whole,
    frames,
    is_stream,
    last,
    with_tools,
)
from llama_index_llm_tests.bench import Bench, UnderTest
from llama_index_llm_tests.reading import ids_of, outline, selected

_KWARGS: Final[Json] = {
    "city": 'Zoë\'s "日本"\n\\ 👩‍🚀',
    "days": 3,
    "share": 0.1,
    "big": 12345678901234567890,
    "exact": True,
    "none": None,
    "deep": {"list": [1, [2, {"three": 3}]], "empty": {}},
}
_TWO: Final = (Call(), Call(arguments='{"city": "London"}', id="call-2"))
_CITIES: Final = [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "London"})]
_SPOILT: Final = {
    "cut in a text": '{"path": "/home/us',
    "cut between values": '{"path": "/home/user", "force": true',
    "cut after a comma": '{"path": "/home/user",',
    "no JSON": "path=/home/user",
    "a list": '["/home/user"]',
    "a text": '"/home/user"',
    "two objects": '{"path": "/home/user"}{"path": "/"}',
}
_FIELDS: Final = {"type": "function", "id": "call-1"}


def _odd(mode: Mode, *calls: Json) -> Reply:
    """An answer whose calls are spelled as given; a stream has each in one piece."""
    if not is_stream(mode):
        return Answer(message={"tool_calls": list(calls)}, finish="tool_calls").whole()
    pieces = [chunk(tool_calls=[{"index": place, **call}]) for place, call in enumerate(calls)]
    return stream(*pieces, chunk(finish="tool_calls", usage=USAGE))


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"mild in {city}"


_WEATHER: Final = FunctionTool.from_defaults(get_weather)


class ToolCallTests(UnderTest):
    """A call arrives with the arguments that the model wrote, in the places where the framework looks."""

    @every_mode
    def test_calls_can_be_executed(self, bench: Bench, mode: Mode) -> None:
        """`get_tool_calls_from_response` gives id, name and arguments of each call, in order."""
        llm = bench.answering(mode, Answer(calls=_TWO))
        response = last(llm, mode)
        assert selected(llm, response, error=True) == _CITIES
        assert ids_of(llm, response) == ["call-1", "call-2"]

    @every_mode
    @pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "plain"])
    def test_arguments_keep_their_values(self, bench: Bench, mode: Mode, *, ascii_only: bool) -> None:
        """Quotes, line breaks, other scripts, numbers, nulls and nesting arrive as written."""
        written = json.dumps(_KWARGS, ensure_ascii=ascii_only)
        llm = bench.answering(mode, Answer(calls=[Call(arguments=written)]))
        assert selected(llm, last(llm, mode)) == [("get_weather", _KWARGS)]

    @every_mode
    def test_calls_are_blocks(self, bench: Bench, mode: Mode) -> None:
        """Each call is a `ToolCallBlock` of the message."""
        message = last(bench.answering(mode, Answer(calls=_TWO)), mode).message
        assert outline(message) == [
            ("tool_call", ("call-1", "get_weather", {"city": "Paris"})),
            ("tool_call", ("call-2", "get_weather", {"city": "London"})),
        ]

    @every_mode
    def test_calls_are_listed_beside_the_message(self, bench: Bench, mode: Mode) -> None:
        """`additional_kwargs["tool_calls"]`, which streamed structured output reads, has the calls."""
        message = last(bench.answering(mode, Answer(calls=_TWO)), mode).message
        assert len(message.additional_kwargs["tool_calls"]) == 2
        plain = last(bench.answering(mode, Answer(text="hi")), mode).message
        assert (plain.content, plain.additional_kwargs.get("tool_calls", [])) == ("hi", [])

    @every_mode
    def test_calls_survive_storage(self, bench: Bench, mode: Mode) -> None:
        """A message that went through JSON, as chat stores do it, gives the same calls."""
        llm = bench.answering(mode, Answer(text="Let me look.", calls=_TWO))
        response = last(llm, mode)
        stored = ChatMessage.model_validate_json(response.message.model_dump_json())
        assert outline(stored) == outline(response.message)
        assert selected(llm, ChatResponse(message=stored)) == _CITIES

    @every_mode
    @pytest.mark.parametrize("finish", ["stop", "tool_calls", "function_call"])
    def test_any_finish_reason_may_end_a_call(self, bench: Bench, mode: Mode, finish: str) -> None:
        """Servers disagree on the finish reason of calls, and none of them takes a call away."""
        llm = bench.answering(mode, Answer(calls=[Call()], finish=finish))
        assert selected(llm, last(llm, mode)) == _CITIES[:1]

    @every_mode
    @pytest.mark.parametrize("written", ["", None, "{}", " \n"], ids=["empty", "null", "object", "blank"])
    def test_no_arguments_are_an_empty_object(self, bench: Bench, mode: Mode, written: str | None) -> None:
        """A call of a function without parameters may have no arguments at all."""
        llm = bench.llm(_odd(mode, {**_FIELDS, "function": {"name": "get_time", "arguments": written}}))
        assert selected(llm, last(llm, mode), error=True) == [("get_time", {})]

    @every_mode
    def test_arguments_may_be_an_object(self, bench: Bench, mode: Mode) -> None:
        """Arguments that a server sends as an object instead of text are read."""
        llm = bench.llm(_odd(mode, {**_FIELDS, "function": {"name": "get_weather", "arguments": {"city": "Paris"}}}))
        assert selected(llm, last(llm, mode), error=True) == _CITIES[:1]

    @every_mode
    def test_a_call_may_have_no_type(self, bench: Bench, mode: Mode) -> None:
        """`type` may be missing: there is but one."""
        llm = bench.llm(
            _odd(mode, {"id": "call-1", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}})
        )
        assert selected(llm, last(llm, mode), error=True) == _CITIES[:1]

    @every_mode
    @pytest.mark.parametrize("given", ["", None, "absent"], ids=["empty", "null", "absent"])
    def test_a_missing_id_is_made_up(self, bench: Bench, mode: Mode, given: str | None) -> None:
        """Calls without ids get some, each its own, and the same in every frame."""
        identity: Json = {} if given == "absent" else {"id": given}
        calls = [{"type": "function", **identity, "function": _function(call)} for call in _TWO]
        llm = bench.llm(_odd(mode, *calls))
        seen = frames(llm, mode)
        made = ids_of(llm, seen[-1])
        assert len({*made, ""}) == 3
        assert selected(llm, seen[-1]) == _CITIES
        held = [
            [block.tool_call_id for block in frame.message.blocks if isinstance(block, ToolCallBlock)] for frame in seen
        ]
        assert held[-1] == made
        assert [ids for ids in held if ids != made[: len(ids)]] == []

    def test_sync_and_async_give_the_same_calls(self, bench: Bench) -> None:
        """Calls without ids have the same names and arguments in all four modes."""
        calls = [{"type": "function", "function": _function(call)} for call in _TWO]
        seen = [last(bench.llm(_odd(mode, *calls)), mode).message for mode in (*WHOLES, *STREAMS)]
        told = [[(name, kwargs) for _, (_, name, kwargs) in outline(message)] for message in seen]
        assert told == [_CITIES] * 4


class SpoiltCallTests(UnderTest):
    """What the model did not write is not executed."""

    @every_mode
    @pytest.mark.parametrize("spoilt", _SPOILT)
    def test_spoilt_arguments_are_not_repaired(self, bench: Bench, mode: Mode, spoilt: str) -> None:
        """Arguments that are cut off or no JSON object are not repaired, and not lost either."""
        written = _SPOILT[spoilt]
        llm = bench.answering(mode, Answer(calls=[Call("delete", written)], finish="length"))
        response = last(llm, mode)
        assert [kwargs for _, kwargs in selected(llm, response) if kwargs] == []
        kept = json.dumps(response.model_dump(exclude={"raw"}), default=str)
        assert json.dumps(written)[1:-1] in kept or written in kept

    @every_mode
    def test_a_good_call_beside_a_spoilt_one_counts(self, bench: Bench, mode: Mode) -> None:
        """Of a whole call and a cut one, the whole one is executed."""
        cut = Call("delete", '{"path": "/home/user", "force": tr', "call-2")
        llm = bench.answering(mode, Answer(calls=[Call(), cut], finish="length"))
        assert [call for call in selected(llm, last(llm, mode)) if call[1]] == _CITIES[:1]


class ToolSelectionTests(UnderTest):
    """How many calls come back, and what happens where none does."""

    @every_whole
    def test_one_call_where_one_is_allowed(self, bench: Bench, mode: Mode) -> None:
        """Without parallel calls the first of two is kept, with them both are."""
        for allowed, kept in ((False, _CITIES[:1]), (True, _CITIES)):
            llm = bench.answering(mode, Answer(text="Well.", calls=_TWO))
            response = with_tools(llm, mode, [_WEATHER], user_msg="hi", allow_parallel_tool_calls=allowed)[-1]
            assert selected(llm, response) == kept
            assert response.message.content == "Well."

    @every_mode
    def test_no_call_is_an_error_where_one_is_expected(self, bench: Bench, mode: Mode) -> None:
        """`error_on_no_tool_call` raises a `ValueError` for words alone; without it, nothing does."""
        llm = bench.answering(mode, Answer(text="No."))
        response = last(llm, mode)
        assert response.message.content == "No."
        assert selected(llm, response) == []
        with pytest.raises(ValueError, match=r"."):
            selected(llm, response, error=True)

    def test_a_call_can_be_predicted_and_executed(self, bench: Bench) -> None:
        """`predict_and_call` runs the tool with the model's arguments."""
        llm: Any = bench.answering("chat", Answer(calls=[Call()]))
        assert llm.predict_and_call([_WEATHER], user_msg="hi").response == "mild in Paris"


def _function(call: Call) -> Json:
    return {"name": call.name, "arguments": call.arguments}
