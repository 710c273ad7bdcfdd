"""Function calls: asking for them, reading them, and never running a broken one."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock, ToolCallBlock
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel
from pydantic_core import from_json
from qwen_endpoints import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

ASK = [ChatMessage("What is 6 times 7?")]


class Point(BaseModel):
    x: int


class Move(BaseModel):
    to: Point


def move(to: Any) -> str:
    """Move to a point."""
    return str(to)


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def lookup(word: str) -> str:
    """Look a word up."""
    return word


MULTIPLY = FunctionTool.from_defaults(multiply)
LOOKUP = FunctionTool.from_defaults(lookup)


def call(name: str, arguments: str, call_id: str = "call_1", index: int = 0) -> dict[str, Any]:
    return {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def whole(*calls: dict[str, Any], finish: str = "tool_calls", content: str | None = None) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "tool_calls": list(calls)}
    return {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def streamed(*pieces: list[dict[str, Any]], finish: str = "tool_calls") -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [
        {"index": 0, "delta": {"tool_calls": piece}, "finish_reason": None} for piece in pieces
    ]
    choices: list[dict[str, Any]] = [*deltas, {"index": 0, "delta": {}, "finish_reason": finish}]
    return [{"id": "c", "model": "m", "choices": [choice]} for choice in choices]


def executable(llm: Qwen, response: ChatResponse) -> list[tuple[str, str, dict[str, Any]]]:
    found = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    return [(item.tool_id, item.tool_name, item.tool_kwargs) for item in found]


# Asking


def test_what_is_sent(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm.chat_with_tools([MULTIPLY], user_msg="What is 6 times 7?", chat_history=[ChatMessage("hi")])
    body = qwen_sandbox.last_request.json
    assert [message["content"] for message in body["messages"]] == ["hi", "What is 6 times 7?"]
    assert [tool["function"]["name"] for tool in body["tools"]] == ["multiply"]
    assert body["tools"][0]["function"]["parameters"]["required"] == ["a", "b"]
    assert body["parallel_tool_calls"] is False
    assert "tool_choice" not in body


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, None),
        ({"tool_choice": None}, None),
        ({"tool_choice": "auto"}, "auto"),
        ({"tool_choice": "none"}, "none"),
        ({"tool_required": True}, "required"),
        ({"tool_required": True, "tool_choice": None}, "required"),
        ({"tool_required": True, "tool_choice": "auto"}, "auto"),
        ({"tool_choice": "multiply"}, {"type": "function", "function": {"name": "multiply"}}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "lookup"}}},
            {"type": "function", "function": {"name": "lookup"}},
        ),
    ],
)
def test_tool_choice(llm: Qwen, qwen_sandbox: Sandbox, given: dict[str, Any], sent: object) -> None:
    llm.chat_with_tools([MULTIPLY, LOOKUP], user_msg="What is 6 times 7?", **given)
    assert qwen_sandbox.last_request.json.get("tool_choice") == sent


def test_a_choice_among_no_tools_is_refused(llm: Qwen) -> None:
    with pytest.raises(ConfigurationError, match="no tools"):
        llm.chat_with_tools([], user_msg="hi", tool_required=True)


def test_without_tools_nothing_about_tools_is_sent(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm.chat_with_tools([], user_msg="hi", allow_parallel_tool_calls=True, tool_choice="auto")
    assert set(qwen_sandbox.last_request.json) == {"model", "messages"}


def test_a_setting_against_parallel_calls_holds_in_agents(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(parallel_tool_calls=False)
    llm.chat_with_tools([MULTIPLY], user_msg="What is 6 times 7?", allow_parallel_tool_calls=True)
    assert qwen_sandbox.last_request.json["parallel_tool_calls"] is False
    make_llm().chat_with_tools([MULTIPLY], user_msg="What is 6 times 7?", allow_parallel_tool_calls=True)
    assert qwen_sandbox.last_request.json["parallel_tool_calls"] is True


def test_the_callers_lists_stay_as_they_are(llm: Qwen) -> None:
    history = [ChatMessage("hi")]
    tools = [MULTIPLY]
    llm.chat_with_tools(tools, user_msg=ChatMessage("What is 6 times 7?"), chat_history=history)
    assert (len(history), len(tools)) == (1, 1)


def test_chat_takes_tools_itself(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    described = MULTIPLY.metadata.to_openai_tool()
    for tools in ([MULTIPLY], [described]):
        answer = llm.chat(ASK, tools=tools, tool_choice="required", parallel_tool_calls=True)
        assert executable(llm, answer)[0][1:] == ("multiply", {"a": 6, "b": 7})
        assert qwen_sandbox.last_request.json["tools"] == [described]


def test_a_nested_schema_keeps_its_definitions(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm.chat(ASK, tools=[FunctionTool.from_defaults(move, fn_schema=Move)])
    parameters = qwen_sandbox.last_request.json["tools"][0]["function"]["parameters"]
    assert parameters["properties"]["to"]["properties"]["x"]["type"] == "integer"


# Reading


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


def test_reading_a_growing_frame_never_raises(scripted: Callable[..., Qwen]) -> None:
    arguments = '{"word": "a \\" b", "more": [1, 2.5, {"x": null}]}'
    pieces = [[call("lookup", "")], *([{"index": 0, "function": {"arguments": letter}}] for letter in arguments)]
    llm = scripted(streamed(*pieces))
    found = [llm.get_tool_calls_from_response(frame) for frame in llm.stream_chat(ASK)]
    assert [len(calls) for calls in found] == [1] * len(found)
    assert found[-1][0].tool_kwargs == json.loads(arguments)


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


def test_no_call_at_all(llm: Qwen) -> None:
    answer = llm.chat([ChatMessage("hi")])
    assert llm.get_tool_calls_from_response(answer, error_on_no_tool_call=False) == []
    with pytest.raises(ValueError, match=r"holds none.*stop"):
        llm.get_tool_calls_from_response(answer)


def test_a_half_written_call_that_somebody_repacked_is_not_repaired(llm: Qwen) -> None:
    block = ToolCallBlock(tool_call_id="c", tool_name="multiply", tool_kwargs='{"a": 6, "b": 7')
    repacked = ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, blocks=[block]))
    assert executable(llm, repacked) == []


@pytest.mark.parametrize("style", ["dict", "object"])
def test_calls_in_additional_kwargs_alone(llm: Qwen, style: str) -> None:
    plain = call("multiply", '{"a": 6, "b": 7}')
    entry: Any = plain
    if style == "object":
        entry = SimpleNamespace(id="call_1", type="function", function=SimpleNamespace(**plain["function"]))
    message = ChatMessage(role=MessageRole.ASSISTANT, additional_kwargs={"tool_calls": [entry]})
    assert executable(llm, ChatResponse(message=message)) == [("call_1", "multiply", {"a": 6, "b": 7})]


def test_one_call_is_kept_where_parallel_calls_are_not_allowed(scripted: Callable[..., Qwen]) -> None:
    broken, fine = call("multiply", "{", "call_1"), call("multiply", '{"a": 1, "b": 2}', "call_2", 1)
    more = call("multiply", '{"a": 3, "b": 4}', "call_3", 2)
    llm = scripted(whole(broken, fine, more, content="Let me see."))
    answer = llm.chat_with_tools([MULTIPLY], user_msg="x")
    assert executable(llm, answer) == [("call_2", "multiply", {"a": 1, "b": 2})]
    assert answer.message.content == "Let me see."
    assert [item["id"] for item in answer.message.additional_kwargs["tool_calls"]] == ["call_2"]
    both = llm.chat_with_tools([MULTIPLY], user_msg="x", allow_parallel_tool_calls=True)
    assert [item[0] for item in executable(llm, both)] == ["call_2", "call_3"]


# Sending back


def sent_messages(llm: Qwen, sandbox: Sandbox, messages: list[ChatMessage]) -> list[dict[str, Any]]:
    llm.chat(messages)
    return sandbox.last_request.json["messages"]


@pytest.mark.parametrize("kwargs", [{"word": "你好"}, '{"word": "你好"}'], ids=["dict", "text"])
def test_a_call_and_its_result_go_back(llm: Qwen, qwen_sandbox: Sandbox, kwargs: dict[str, Any] | str) -> None:
    block = ToolCallBlock(tool_call_id="call_1", tool_name="lookup", tool_kwargs=kwargs)
    conversation = [
        *ASK,
        ChatMessage(role=MessageRole.ASSISTANT, blocks=[block]),
        ChatMessage(role=MessageRole.TOOL, blocks=[], additional_kwargs={"tool_call_id": "call_1", "name": "lookup"}),
    ]
    sent = sent_messages(llm, qwen_sandbox, conversation)
    function = {"name": "lookup", "arguments": '{"word": "你好"}'}
    assert sent[1:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "", "tool_call_id": "call_1"},
    ]
    stored = [ChatMessage.model_validate_json(message.model_dump_json()) for message in conversation]
    assert sent_messages(llm, qwen_sandbox, stored) == sent


def test_notes_of_the_framework_stay_at_home(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    note = {"tool_call_id": "call_1", "anything": {"else": 1}}
    said = ChatMessage(role=MessageRole.ASSISTANT, content="done", additional_kwargs=note)
    sent = sent_messages(llm, qwen_sandbox, [*ASK, said, ChatMessage("go on", additional_kwargs=note)])
    assert sent[1:] == [{"role": "assistant", "content": "done"}, {"role": "user", "content": "go on"}]


def test_a_broken_call_that_nobody_answered_is_not_sent_back(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    broken = ToolCallBlock(tool_call_id="call_1", tool_name="lookup", tool_kwargs='{"word": "x')
    said = ChatMessage(role=MessageRole.ASSISTANT, blocks=[TextBlock(text="Let me see."), broken])
    sent = sent_messages(llm, qwen_sandbox, [*ASK, said, ChatMessage("go on")])
    assert sent[1] == {"role": "assistant", "content": "Let me see."}


def test_a_broken_call_that_was_answered_goes_back_empty(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    broken = ToolCallBlock(tool_call_id="call_1", tool_name="lookup", tool_kwargs='{"word": "x')
    said = ChatMessage(role=MessageRole.ASSISTANT, blocks=[broken])
    answer = ChatMessage(role=MessageRole.TOOL, content="bad arguments", additional_kwargs={"tool_call_id": "call_1"})
    sent = sent_messages(llm, qwen_sandbox, [*ASK, said, answer])
    assert sent[1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_calls_without_ids_find_their_results(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    blocks = [ToolCallBlock(tool_name="lookup", tool_kwargs={"word": word}) for word in "ab"]
    results = [ChatMessage(role=MessageRole.FUNCTION, content=word) for word in "ab"]
    sent = sent_messages(
        llm, qwen_sandbox, [*ASK, ChatMessage(role=MessageRole.ASSISTANT, blocks=list(blocks)), *results]
    )
    ids = [item["id"] for item in sent[1]["tool_calls"]]
    assert len(set(ids)) == 2
    assert [message["tool_call_id"] for message in sent[2:]] == ids
