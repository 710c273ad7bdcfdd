"""Tool calls and their results on the way back, wherever they come from and whatever happened to them meanwhile."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock, ToolCallBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool, ToolOutput
from openai.types.chat import ChatCompletionMessageToolCall
from qwen_endpoints import ConfigurationError

from tests.unit.llamaindex.calling import LOOKUP, call, streamed, whole
from tests.unit.llamaindex.wire import Send, result, said, sender

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

QUESTION = ChatMessage("q")
FUNCTION = {"name": "lookup", "arguments": '{"word": "你好"}'}
WIRE = {"id": "call_1", "type": "function", "function": FUNCTION}


def block(word: str = "你好", call_id: str | None = "call_1", name: str = "lookup") -> ToolCallBlock:
    return ToolCallBlock(tool_call_id=call_id, tool_name=name, tool_kwargs={"word": word})


def returned(text: str = "r", call_id: str | None = "call_1", **extra: Any) -> ChatMessage:
    stated = {} if call_id is None else {"tool_call_id": call_id}
    return result(TextBlock(text=text), **stated, **extra)


def ids(message: dict[str, Any]) -> list[str]:
    return [item["id"] for item in message["tool_calls"]]


@pytest.fixture
def sent(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> Send:
    return sender(scripted, qwen_sandbox)


# Calls


@pytest.mark.parametrize("kwargs", [{"word": "你好"}, '{"word": "你好"}'], ids=["dict", "text"])
def test_a_call_and_its_result_go_back(sent: Send, kwargs: dict[str, Any] | str) -> None:
    conversation = [
        QUESTION,
        said(ToolCallBlock(tool_call_id="call_1", tool_name="lookup", tool_kwargs=kwargs)),
        result(tool_call_id="call_1", name="lookup"),
    ]
    arrived = sent(*conversation)
    assert arrived[1:] == [
        {"role": "assistant", "content": "", "tool_calls": [WIRE]},
        {"role": "tool", "content": "", "tool_call_id": "call_1"},
    ]
    stored = [ChatMessage.model_validate_json(message.model_dump_json()) for message in conversation]
    assert sent(*stored) == arrived


SDK_CALL = ChatCompletionMessageToolCall.model_validate(WIRE)
LEGACY: dict[str, dict[str, Any]] = {
    "dicts": {"tool_calls": [WIRE]},
    "objects of the SDK": {"tool_calls": [SDK_CALL]},
    "objects of the SDK that were stored": {"tool_calls": [SDK_CALL.model_dump()]},
    "other objects": {"tool_calls": [SimpleNamespace(id="call_1", function=SimpleNamespace(**FUNCTION))]},
    "arguments as an object": {
        "tool_calls": [{"id": "call_1", "function": {"name": "lookup", "arguments": {"word": "你好"}}}]
    },
    "items of OpenAI's Responses": {"tool_calls": [{"id": "fc_1", "call_id": "call_1", **FUNCTION}]},
    "Anthropic's": {"tool_calls": [{"id": "call_1", "type": "tool_use", "name": "lookup", "input": {"word": "你好"}}]},
}


@pytest.mark.parametrize("form", LEGACY)
def test_calls_beside_the_blocks_go_back(sent: Send, form: str) -> None:
    assert sent(QUESTION, said(TextBlock(text="a"), **LEGACY[form]), returned())[1] == {
        "role": "assistant",
        "content": "a",
        "tool_calls": [WIRE],
    }


@pytest.mark.parametrize("form", LEGACY)
def test_calls_that_stand_in_both_places_go_back_once(sent: Send, form: str) -> None:
    assert sent(QUESTION, said(block(), **LEGACY[form]), returned())[1]["tool_calls"] == [WIRE]
    (edited,) = sent(QUESTION, said(block("new"), **LEGACY[form]), returned())[1]["tool_calls"]
    assert edited["function"]["arguments"] == '{"word": "new"}'


def test_a_call_of_the_oldest_form_and_its_result(sent: Send) -> None:
    answer = said(function_call=FUNCTION)
    back = result(TextBlock(text="r"), role=MessageRole.FUNCTION, name="lookup")
    arrived = sent(QUESTION, answer, back)
    assert arrived[1]["tool_calls"][0]["function"] == FUNCTION
    assert arrived[2] == {"role": "tool", "content": "r", "tool_call_id": arrived[1]["tool_calls"][0]["id"]}


def test_odd_values_in_arguments_are_written_as_text(sent: Send) -> None:
    odd = ToolCallBlock(tool_call_id="c", tool_name="f", tool_kwargs={"when": SimpleNamespace(a=1), "n": {1: 2}})
    arguments = sent(QUESTION, said(odd), returned(call_id="c"))[1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"when": "namespace(a=1)", "n": {"1": 2}}


# Invalid calls

CIRCLE: dict[str, Any] = {}
CIRCLE["self"] = CIRCLE
BROKEN: dict[str, Any] = {
    "cut": '{"word": "x',
    "no object": "[1]",
    "blank": " ",
    "not a number": {"x": float("nan")},
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_call_that_nobody_answered_is_not_sent_back(sent: Send, kind: str) -> None:
    broken = ToolCallBlock(tool_call_id="call_2", tool_name="lookup", tool_kwargs=BROKEN[kind])
    arrived = sent(QUESTION, said(TextBlock(text="Let me see."), broken), ChatMessage("go on"))
    assert arrived[1] == {"role": "assistant", "content": "Let me see."}
    beside = sent(QUESTION, said(broken, block()), returned())
    assert beside[1]["tool_calls"] == [WIRE]


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_call_that_was_answered_goes_back_empty(sent: Send, kind: str) -> None:
    broken = ToolCallBlock(tool_call_id="call_1", tool_name="lookup", tool_kwargs=BROKEN[kind])
    arrived = sent(QUESTION, said(broken), returned("bad arguments"))
    assert arrived[1]["tool_calls"][0]["function"] == {"name": "lookup", "arguments": "{}"}
    assert arrived[2]["content"] == "bad arguments"


def test_a_call_that_names_no_function_goes_back_only_if_it_was_answered(sent: Send) -> None:
    assert "tool_calls" not in sent(QUESTION, said(block(name="")))[1]
    assert ids(sent(QUESTION, said(block(name="")), returned())[1]) == ["call_1"]


def test_arguments_that_contain_themselves(sent: Send) -> None:
    answer = said(tool_calls=[{"id": "call_1", "function": {"name": "f", "arguments": CIRCLE}}])
    assert sent(QUESTION, answer, returned())[1]["tool_calls"][0]["function"]["arguments"] == "{}"


# Ids


def test_calls_without_ids_find_their_results(sent: Send) -> None:
    calls = [block("a", None), block("b", None)]
    arrived = sent(QUESTION, said(*calls), returned("a", None), returned("b", None))
    assert len(set(ids(arrived[1]))) == 2
    assert [message["tool_call_id"] for message in arrived[2:]] == ids(arrived[1])


def test_results_without_ids_go_by_the_functions_name(sent: Send) -> None:
    calls = [block("a", None, "first"), block("b", None, "second")]
    arrived = sent(QUESTION, said(*calls), returned("b", None, name="second"), returned("a", None, name="first"))
    assert [message["tool_call_id"] for message in arrived[2:]] == ids(arrived[1])[::-1]


def test_a_result_without_an_id_is_not_that_of_a_broken_call(sent: Send) -> None:
    broken = ToolCallBlock(tool_name="lookup", tool_kwargs='{"word": "x')
    arrived = sent(QUESTION, said(broken, block("a", None)), returned("a", None))
    assert [item["function"]["arguments"] for item in arrived[1]["tool_calls"]] == ['{"word": "a"}']
    assert arrived[2]["tool_call_id"] == ids(arrived[1])[0]


def test_results_may_come_in_any_order(sent: Send) -> None:
    calls = [block("a", "A"), block("b", "B"), block("c", "C")]
    arrived = sent(QUESTION, said(*calls), returned("c", "C"), returned("a", "A"), returned("b", "B"))
    assert ids(arrived[1]) == ["A", "B", "C"]
    assert [(message["content"], message["tool_call_id"]) for message in arrived[2:]] == [
        ("c", "C"),
        ("a", "A"),
        ("b", "B"),
    ]


def test_two_calls_of_one_id_are_told_apart(sent: Send) -> None:
    arrived = sent(QUESTION, said(block("a"), block("b")), returned("a"), returned("b"))
    assert len(set(ids(arrived[1]))) == 2
    assert [message["tool_call_id"] for message in arrived[2:]] == ids(arrived[1])


def test_ids_that_begin_anew_in_each_turn(sent: Send) -> None:
    turn = [said(block()), returned()]
    arrived = sent(QUESTION, *turn, ChatMessage("more"), *turn)
    assert [message["tool_call_id"] for message in arrived if message["role"] == "tool"] == ["call_1"] * 2


def test_a_result_without_an_id_is_of_the_latest_answer(sent: Send) -> None:
    earlier, later = said(block("a", None)), said(block("b", None))
    arrived = sent(QUESTION, earlier, ChatMessage("Not that."), later, returned("b", None))
    assert [arrived[4]["tool_call_id"]] == ids(arrived[3]) != ids(arrived[1])


def test_a_result_that_answers_nothing_is_refused(sent: Send) -> None:
    with pytest.raises(ConfigurationError, match=r"tool message does not say which call it answers.*tool_call_id"):
        sent(QUESTION, returned(call_id=None))
    with pytest.raises(ConfigurationError, match="function message does not say"):
        sent(QUESTION, result(role=MessageRole.FUNCTION, name="lookup"))
    with pytest.raises(ConfigurationError, match="no earlier answer has one that waits"):
        sent(QUESTION, said(block()), returned(), returned(call_id=None))


def test_a_result_whose_call_was_forgotten_goes_out_as_it_is(sent: Send) -> None:
    """Memories forget their oldest messages, and some servers take such results."""
    assert sent(returned(), QUESTION)[0] == {"role": "tool", "content": "r", "tool_call_id": "call_1"}


# Results and what agents write down


def test_what_a_tool_returned_goes_back(sent: Send) -> None:
    outputs = [
        ToolOutput(tool_name="lookup", content="fine", raw_input={}, raw_output=1),
        ToolOutput(tool_name="lookup", content="", raw_input={}, raw_output=None),
        ToolOutput(
            tool_name="lookup", blocks=[TextBlock(text="a"), TextBlock(text="b")], raw_input={}, raw_output=None
        ),
        ToolOutput(tool_name="lookup", content="Error: no", raw_input={}, raw_output="no", is_error=True),
        FunctionTool.from_defaults(LOOKUP.fn).call("x"),
    ]
    contents = [
        sent(QUESTION, said(block()), result(*output.blocks, tool_call_id="call_1"))[2]["content"] for output in outputs
    ]
    assert contents == ["fine", "", "a\nb", "Error: no", "x"]


def test_notes_of_the_framework_stay_at_home(sent: Send) -> None:
    """After a tool that answers directly the agent notes the call's id on an answer."""
    note = {"tool_call_id": "call_1", "anything": {"else": 1}}
    arrived = sent(QUESTION, said(TextBlock(text="done"), **note), ChatMessage("go on", additional_kwargs=note))
    assert arrived[1:] == [{"role": "assistant", "content": "done"}, {"role": "user", "content": "go on"}]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_answer_goes_back_as_it_came(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, *, stream: bool) -> None:
    calls = [call("lookup", '{"word": "你"}', "a"), call("lookup", '{"word": "好"}', "b", 1)]
    llm = scripted(streamed(calls) if stream else whole(*calls), whole(content="done", finish="stop"))
    answer = list(llm.stream_chat([QUESTION]))[-1] if stream else llm.chat([QUESTION])
    memory = ChatMemoryBuffer.from_defaults(
        chat_history=[QUESTION, answer.message, returned("1", "a"), returned("2", "b")]
    )
    llm.chat([ChatMessage.model_validate_json(message.model_dump_json()) for message in memory.get()])
    arrived = qwen_sandbox.last_request.json["messages"]
    assert [item["function"]["arguments"] for item in arrived[1]["tool_calls"]] == ['{"word": "你"}', '{"word": "好"}']
    assert [message.get("tool_call_id") for message in arrived] == [None, None, "a", "b"]
