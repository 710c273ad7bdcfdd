"""Reading tool calls: whole, growing, broken, and never running a broken one."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import json
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, ToolCallBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool
from llama_index.llms.qwen._decode import aeach_frame, each_frame
from llama_index.llms.qwen._tool_calls import keep_one_call
from pydantic_core import from_json

from tests.unit.llamaindex.calling import ASK, LOOKUP, MULTIPLY, call, executable, streamed, whole

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox


def test_a_whole_answer_with_a_call(scripted: Callable[..., Qwen]) -> None:
    llm = scripted(whole(call("multiply", '{"a": 6, "b": 7}')))
    answer = llm.chat(ASK)
    assert answer.message.blocks == [
        ToolCallBlock(tool_call_id="call_1", tool_name="multiply", tool_kwargs={"a": 6, "b": 7})
    ]
    assert answer.message.additional_kwargs == {
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "multiply", "arguments": '{"a": 6, "b": 7}'}}
        ]
    }
    assert answer.additional_kwargs["finish_reason"] == "tool_calls"
    assert executable(llm, answer) == [("call_1", "multiply", {"a": 6, "b": 7})]


def test_calls_grow_and_the_last_frame_is_whole(scripted: Callable[..., Qwen]) -> None:
    first, second = call("lookup", '{"word": "\\u4f'), call("multiply", '{"a": 6,', "call_2", 1)
    rest = [{"index": 0, "function": {"arguments": '60"}'}}, {"index": 1, "function": {"arguments": ' "b": 7}'}}]
    finished = [call("lookup", '{"word": "\\u4f60"}'), call("multiply", '{"a": 6, "b": 7}', "call_2", 1)]
    llm = scripted(whole(*finished), streamed([first], [second], rest))
    answer = llm.chat(ASK)
    frames = list(llm.stream_chat(ASK))
    half = from_json('{"word": "\\u4f', allow_partial="trailing-strings")  # how much is read depends on pydantic
    assert half in ({"word": ""}, {})
    assert [executable(llm, frame) for frame in frames] == [
        [("call_1", "lookup", half)],
        [("call_1", "lookup", half), ("call_2", "multiply", {"a": 6})],
        [("call_1", "lookup", {"word": "你"}), ("call_2", "multiply", {"a": 6, "b": 7})],
        [("call_1", "lookup", {"word": "你"}), ("call_2", "multiply", {"a": 6, "b": 7})],
    ]
    assert frames[-1].model_copy(update={"delta": None}) == answer
    lists = [frame.message.additional_kwargs["tool_calls"] for frame in frames]
    assert [len(calls) for calls in lists] == [1, 2, 2, 2]


# Every prefix

LONG = '{"word": "a \\" b \\\\ \\ud83d\\ude00 \\u4f60 é😀\\n", "more": [1, -2.5e3, true, {"x": null}], "none": {}}'


def test_reading_a_growing_frame_never_raises(scripted: Callable[..., Qwen]) -> None:
    pieces = [[call("lookup", "")], *([{"index": 0, "function": {"arguments": letter}}] for letter in LONG)]
    llm = scripted(streamed(*pieces))
    found = [llm.get_tool_calls_from_response(frame) for frame in llm.stream_chat(ASK)]
    assert [len(calls) for calls in found] == [1] * (len(LONG) + 2)
    assert found[-1][0].tool_kwargs == json.loads(LONG)
    assert next(item.tool_kwargs for calls in found for item in calls if "more" in item.tool_kwargs)["more"] == []


def test_reading_half_a_character_never_raises(scripted: Callable[..., Qwen]) -> None:
    """Some servers cut UTF-16 text between the halves of a character, which JSON can carry and UTF-8 cannot."""
    halves = [[call("lookup", '{"word": "\ud83d')], [{"index": 0, "function": {"arguments": '\ude00"}'}}]]
    llm = scripted(streamed(*halves))
    for frame in llm.stream_chat(ASK):
        (found,) = llm.get_tool_calls_from_response(frame)
        assert found.tool_name == "lookup"


def test_a_growing_frame_without_calls_has_none(llm: Qwen) -> None:
    frames = list(llm.stream_chat([ChatMessage("Count from 1 to 5")]))
    assert [llm.get_tool_calls_from_response(frame) for frame in frames[:-1]] == [[]] * (len(frames) - 1)


# Broken calls


@pytest.mark.parametrize("arguments", ['{"a": 6, "b": 7', '{"a": 6, "b": ', "", "[6, 7]", '{"a": NaN}'])
def test_a_broken_call_is_shown_but_never_run(scripted: Callable[..., Qwen], arguments: str) -> None:
    llm = scripted(
        whole(call("multiply", arguments), finish="length"), streamed([call("multiply", arguments)], finish="length")
    )
    answers = [llm.chat(ASK), list(llm.stream_chat(ASK))[-1]]
    assert answers[1].model_copy(update={"delta": None}) == answers[0]
    for answer in answers:
        assert executable(llm, answer) == []
        assert answer.message.blocks == [
            ToolCallBlock(tool_call_id="call_1", tool_name="multiply", tool_kwargs=arguments)
        ]
        (reported,) = answer.additional_kwargs["invalid_tool_calls"]
        assert (reported["name"], reported["arguments"]) == ("multiply", arguments)
        with pytest.raises(ValueError, match="multiply") as caught:
            llm.get_tool_calls_from_response(answer)
        assert reported["error"] in str(caught.value)


def test_a_valid_call_beside_a_broken_one_is_run(scripted: Callable[..., Qwen]) -> None:
    reply = whole(call("lookup", '{"word": "x"}'), call("multiply", '{"a":', "call_2", 1), finish="length")
    llm = scripted(reply)
    answer = llm.chat(ASK)
    assert executable(llm, answer) == [("call_1", "lookup", {"word": "x"})]
    assert [item["id"] for item in answer.additional_kwargs["invalid_tool_calls"]] == ["call_2"]


def test_a_half_written_call_that_somebody_repacked_is_not_repaired(llm: Qwen) -> None:
    block = ToolCallBlock(tool_call_id="c", tool_name="multiply", tool_kwargs='{"a": 6, "b": 7')
    repacked = ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, blocks=[block]))
    assert executable(llm, repacked) == []


CUT = [call("multiply", '{"a": 6, "b": 7')]


def spy() -> tuple[FunctionTool, list[Any]]:
    """A tool that notes how it was run."""
    runs: list[Any] = []

    def multiply(**given: Any) -> str:
        """Multiply two numbers."""
        runs.append(given)
        return "42"

    return FunctionTool.from_defaults(multiply, fn_schema=MULTIPLY.metadata.fn_schema), runs


def test_predict_and_call_runs_no_broken_call(scripted: Callable[..., Qwen]) -> None:
    llm, (tool, runs) = scripted(whole(*CUT, finish="length", content="Let me see.")), spy()
    with pytest.raises(ValueError, match="none can be executed: 'multiply': the answer was cut off"):
        llm.predict_and_call([tool], "x")
    with pytest.raises(ValueError, match="none can be executed: 'multiply': the answer was cut off"):
        asyncio.run(llm.apredict_and_call([tool], "x"))
    assert llm.predict_and_call([tool], "x", error_on_no_tool_call=False).response == "Let me see."
    assert runs == []


@pytest.mark.filterwarnings("ignore:The `__fields:DeprecationWarning")  # the workflow package looks at every attribute
@pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")
@pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "whole"])
async def test_an_agent_runs_no_broken_call(scripted: Callable[..., Qwen], *, streaming: bool) -> None:
    chunks = streamed(CUT, finish="length")
    chunks[0]["choices"][0]["delta"]["content"] = "Let me see."
    llm, (tool, runs) = scripted(chunks if streaming else whole(*CUT, finish="length", content="Let me see.")), spy()
    agent = FunctionAgent(tools=[tool], llm=llm, streaming=streaming)
    handler = agent.run(user_msg="What is 6 times 7?", memory=ChatMemoryBuffer.from_defaults())  # pyright: ignore[reportDeprecated] - new overloads come later
    events = [event async for event in handler.stream_events()]
    assert not [event for event in events if isinstance(event, ToolCallResult)]
    assert str(await handler) == "Let me see."
    assert runs == []


# No call


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ({"content": "Hello there."}, r"holds none \(finish reason: stop\). It says: 'Hello there.'"),
        ({"content": "He", "finish": "length"}, r"holds none \(finish reason: length\): it hit its token limit"),
        ({"finish": "content_filter"}, "content filter stopped it"),
        ({"refusal": "I must not.", "finish": "stop"}, "the model refused: I must not."),
        ({"finish": "stop"}, "and no text either"),
    ],
    ids=["prose", "cut", "filtered", "refused", "nothing"],
)
def test_an_answer_without_calls_says_why(scripted: Callable[..., Qwen], reply: dict[str, Any], reason: str) -> None:
    llm = scripted(whole(**{"finish": "stop", **reply}))
    answer = llm.chat(ASK)
    assert llm.get_tool_calls_from_response(answer, error_on_no_tool_call=False) == []
    with pytest.raises(ValueError, match=reason):
        llm.get_tool_calls_from_response(answer)
    with pytest.raises(ValueError, match=reason):
        llm.predict_and_call([MULTIPLY], "x")


def test_a_response_of_another_llm_without_calls(llm: Qwen) -> None:
    foreign = ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content="Hello."))
    with pytest.raises(ValueError, match=r"the answer holds none\. It says: 'Hello.'"):
        llm.get_tool_calls_from_response(foreign)


# Calls without blocks

PLAIN = call("multiply", '{"a": 6, "b": 7}')
ENTRIES: dict[str, Any] = {
    "a dict": PLAIN,
    "an object": SimpleNamespace(id="call_1", type="function", function=SimpleNamespace(**PLAIN["function"])),
    "arguments as an object": {"id": "call_1", "function": {"name": "multiply", "arguments": {"a": 6, "b": 7}}},
    "OpenAI Responses": {"call_id": "call_1", "id": "fc_1", "name": "multiply", "arguments": '{"a": 6, "b": 7}'},
    "Anthropic": {"id": "call_1", "type": "tool_use", "name": "multiply", "input": {"a": 6, "b": 7}},
}


@pytest.mark.parametrize("form", ENTRIES)
def test_calls_in_additional_kwargs_alone(llm: Qwen, form: str) -> None:
    message = ChatMessage(role=MessageRole.ASSISTANT, additional_kwargs={"tool_calls": [ENTRIES[form]]})
    assert executable(llm, ChatResponse(message=message)) == [("call_1", "multiply", {"a": 6, "b": 7})]


def test_a_call_of_the_oldest_form(llm: Qwen) -> None:
    message = ChatMessage(role=MessageRole.ASSISTANT, additional_kwargs={"function_call": PLAIN["function"]})
    assert executable(llm, ChatResponse(message=message)) == [("", "multiply", {"a": 6, "b": 7})]


@pytest.mark.parametrize("odd", [None, "text", {}, [], [None], [{}], [{"function": None}], [[1]]])
def test_odd_lists_of_calls_hold_nothing_to_run(llm: Qwen, odd: Any) -> None:
    message = ChatMessage(role=MessageRole.ASSISTANT, additional_kwargs={"tool_calls": odd})
    assert executable(llm, ChatResponse(message=message)) == []


# One call


def test_one_call_is_kept_where_parallel_calls_are_not_allowed(scripted: Callable[..., Qwen]) -> None:
    broken, fine = call("multiply", "{", "call_1"), call("multiply", '{"a": 1, "b": 2}', "call_2", 1)
    more = call("multiply", '{"a": 3, "b": 4}', "call_3", 2)
    llm = scripted(whole(broken, fine, more, content="Let me see."))
    answer = llm.chat_with_tools([MULTIPLY], user_msg="x")
    assert executable(llm, answer) == [("call_2", "multiply", {"a": 1, "b": 2})]
    assert answer.message.content == "Let me see."
    assert [item["id"] for item in answer.message.additional_kwargs["tool_calls"]] == ["call_2"]
    assert [item["id"] for item in answer.additional_kwargs["dropped_tool_calls"]] == ["call_1", "call_3"]
    both = llm.chat_with_tools([MULTIPLY], user_msg="x", allow_parallel_tool_calls=True)
    assert [item[0] for item in executable(llm, both)] == ["call_2", "call_3"]


async def test_one_call_is_kept_in_streams_as_well(scripted: Callable[..., Qwen]) -> None:
    """The framework checks whole answers only, while its agents stream."""
    one, two = call("lookup", '{"word": ', "a"), call("lookup", '{"word": "b"}', "b", 1)
    rest: dict[str, Any] = {"index": 0, "function": {"arguments": '"a"}'}}
    finished = [call("lookup", '{"word": "a"}', "a"), two]
    llm = scripted(whole(*finished), streamed([one], [rest], [two]))
    answer = llm.chat_with_tools([LOOKUP], user_msg="x")
    frames = list(llm.stream_chat_with_tools([LOOKUP], user_msg="x"))
    assert [executable(llm, frame) for frame in frames] == [
        [("a", "lookup", {})],
        *[[("a", "lookup", {"word": "a"})]] * 3,
    ]
    assert all(len(frame.message.additional_kwargs["tool_calls"]) == 1 for frame in frames)
    assert frames[-1].model_copy(update={"delta": None}) == answer
    assert frames == [frame async for frame in await llm.astream_chat_with_tools([LOOKUP], user_msg="x")]
    both = list(llm.stream_chat_with_tools([LOOKUP], user_msg="x", allow_parallel_tool_calls=True))
    assert len(executable(llm, both[-1])) == 2


async def test_leaving_a_stream_with_tools_ends_it(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    async def all_ended() -> bool:
        deadline = time.monotonic() + 5
        while qwen_sandbox.open_streams and time.monotonic() < deadline:  # noqa: ASYNC110 - a server's own count
            await asyncio.sleep(0.01)
        return qwen_sandbox.open_streams == 0

    count = [ChatMessage("Count to 1000")]
    stream = llm.stream_chat_with_tools([LOOKUP], chat_history=count)
    next(stream)
    assert qwen_sandbox.open_streams == 1
    stream.close()
    assert await all_ended()
    astream = await llm.astream_chat_with_tools([LOOKUP], chat_history=count)
    await anext(astream)
    assert qwen_sandbox.open_streams == 1
    await astream.aclose()
    assert await all_ended()
    await llm.aclose()


async def test_leaving_ends_the_inner_stream_before_it_returns() -> None:
    ended: list[str] = []
    frame = ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT))

    def frames() -> Generator[ChatResponse, None, None]:
        try:
            yield frame
        finally:
            ended.append("sync")

    async def aframes() -> AsyncGenerator[ChatResponse, None]:
        try:
            yield frame
        finally:
            ended.append("async")

    inner, ainner = frames(), aframes()  # held here, so that nothing is closed for want of an owner
    outer, aouter = each_frame(inner, keep_one_call), aeach_frame(ainner, keep_one_call)
    assert next(outer) == await anext(aouter) == frame
    outer.close()
    await aouter.aclose()
    assert ended == ["sync", "async"]
