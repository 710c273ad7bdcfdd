"""Tool calls in a history, wherever they were written, and the results that belong to them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.tools import tool
from langchain_qwen import ConfigurationError, InvalidRequestError

from tests.unit.langchain.conftest import Chats, whole

URL = "https://x.test/a.png"
HI = HumanMessage("hi")


def _sent(chats: Chats, *messages: BaseMessage, endpoint: str = "flash", **kwargs: Any) -> list[dict[str, Any]]:
    """Send messages to an endpoint that takes anything, and return what it got. They must not be changed."""
    before = copy.deepcopy(messages)
    chats.answering(whole({"content": "x"}), endpoint=endpoint, **kwargs).invoke(list(messages))
    assert messages == before
    return chats.sent


def _calls(sent: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """The calls of a message that was sent: id, name, arguments."""
    calls = [(call["id"], call["function"]) for call in sent.get("tool_calls", ())]
    return [(call_id, function["name"], json.loads(function["arguments"])) for call_id, function in calls]


def _call(call_id: str | None, name: str = "f", **args: Any) -> Any:
    return {"name": name, "args": args, "id": call_id, "type": "tool_call"}


def _raw(call_id: str | None, arguments: Any, name: Any = "f") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _result(call_id: str, content: Any = "42", **fields: Any) -> ToolMessage:
    return ToolMessage(content, tool_call_id=call_id, **fields)


# Calls that stand in the content alone

BLOCKS: list[dict[str, Any]] = [
    {"type": "tool_use", "id": "c1", "name": "f", "input": {"q": 1}},
    {"type": "tool_use", "id": "c1", "name": "f", "input": '{"q": 1}', "index": 1},
    {"type": "tool_call", "id": "c1", "name": "f", "args": {"q": 1}},
    {"type": "tool_call_chunk", "id": "c1", "name": "f", "args": '{"q": 1}', "index": 0},
    {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"q": 1}'},
    {"type": "non_standard", "value": {"type": "tool_use", "id": "c1", "name": "f", "input": {"q": 1}}},
]


@pytest.mark.parametrize("block", BLOCKS, ids=repr)
def test_calls_written_as_blocks(chats: Chats, block: dict[str, Any]) -> None:
    sent = _sent(chats, HI, AIMessage([{"type": "text", "text": "T"}, block]), _result("c1"))
    assert (sent[1]["content"], _calls(sent[1]), sent[2]["tool_call_id"]) == ("T", [("c1", "f", {"q": 1})], "c1")


@pytest.mark.parametrize("block", [{"type": "tool_use", "id": "c1", "name": "f"}, {**BLOCKS[0], "input": ""}], ids=repr)
def test_a_call_without_arguments(chats: Chats, block: dict[str, Any]) -> None:
    assert _calls(_sent(chats, HI, AIMessage([block]), _result("c1"))[1]) == [("c1", "f", {})]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "tool_use", "id": "c1", "name": "f", "input": '{"q": '},
        {"type": "tool_use", "id": "c1", "name": "f", "input": [1]},
        {"type": "invalid_tool_call", "id": "c1", "name": "f", "args": '{"q": 1}', "error": "no such tool"},
        {"type": "custom_tool_call", "id": "i1", "call_id": "c1", "name": "f", "input": "SELECT 1"},
        {"type": "tool_use", "id": "c1", "input": {}},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"n": float("nan")}},
    ],
    ids=repr,
)
def test_broken_calls_go_back_empty_and_only_with_their_result(chats: Chats, block: dict[str, Any]) -> None:
    answer = AIMessage(["T", block])
    assert _calls(_sent(chats, HI, answer, _result("c1", "Error"))[1]) == [("c1", block.get("name", ""), {})]
    assert "tool_calls" not in _sent(chats, HI, answer, HI)[1]


def test_what_middleware_made_of_the_calls_holds(chats: Chats) -> None:
    """An agent's middleware edits `tool_calls` and leaves the content as the model wrote it."""
    content: list[Any] = [_call("c1", q=1), _call("c2", q=2), _call("c3", q=3)]
    edited = AIMessage(content, tool_calls=[_call("c1", q=9)])
    assert _calls(_sent(chats, HI, edited, _result("c1"))[1]) == [("c1", "f", {"q": 9})]
    # What a result answers was not taken out.
    assert _calls(_sent(chats, HI, edited, _result("c1"), _result("c3"))[1]) == [
        ("c1", "f", {"q": 9}),
        ("c3", "f", {"q": 3}),
    ]


def test_calls_are_sent_once(chats: Chats) -> None:
    notes = {"tool_calls": [_raw("c1", '{"q": 1}')], "function_call": {"name": "f", "arguments": '{"q": 1}'}}
    answer = AIMessage([BLOCKS[0], BLOCKS[2]], tool_calls=[_call("c1", q=1)], additional_kwargs=notes)
    assert _calls(_sent(chats, HI, answer, _result("c1"))[1]) == [("c1", "f", {"q": 1})]


# OpenAI's forms


RAW: list[tuple[Any, list[Any]]] = [
    ([_raw("c1", '{"q": 1}')], [("c1", "f", {"q": 1})]),
    ([_raw("c1", {"q": 1})], [("c1", "f", {"q": 1})]),  # LangChain reads neither this nor the next ones
    ([_raw("c1", None), {"id": "c2"}, "?"], [("c1", "f", {})]),
    ([_raw("c1", {"q": 1}, None)], [("c1", "", {})]),
]


@pytest.mark.parametrize(("raw", "sent"), RAW, ids=repr)
def test_raw_calls(chats: Chats, raw: Any, sent: list[Any]) -> None:
    answer = AIMessage("", additional_kwargs={"tool_calls": raw})
    assert _calls(_sent(chats, HI, answer, _result("c1"))[1]) == sent


def test_the_first_tool_api(chats: Chats) -> None:
    """It knew one call per answer and no ids."""
    asked = [
        AIMessage("", additional_kwargs={"function_call": {"name": name, "arguments": '{"q": 1}'}}) for name in "fg"
    ]
    results = [FunctionMessage(content=name.upper(), name=name) for name in "fg"]
    sent = _sent(chats, HI, asked[0], results[0], asked[1], results[1])
    assert [_calls(message)[0][1:] for message in sent if "tool_calls" in message] == [("f", {"q": 1}), ("g", {"q": 1})]
    ids = [call["id"] for message in sent for call in message.get("tool_calls", ())]
    assert [(message["tool_call_id"], message["content"]) for message in sent if message["role"] == "tool"] == [
        (ids[0], "F"),
        (ids[1], "G"),
    ]
    assert len({*ids, ""}) == 3


# Ids


def test_results_find_calls_without_ids(chats: Chats) -> None:
    asked = AIMessage("", tool_calls=[_call(None, "f"), _call(None, "g"), _call("c3", "h")])
    for results in (
        [_result("", "F"), _result("", "G"), _result("c3", "H")],
        [_result("c3", "H"), _result("", "F"), _result("", "G")],
        [_result("x", "F"), _result("y", "G"), _result("c3", "H")],
        [_result("", "G", name="g"), _result("", "F", name="f"), _result("", "H", name="h")],
        [FunctionMessage(content=name.upper(), name=name) for name in "hfg"],
        [ChatMessage(content=name, role="tool") for name in "FGH"],
    ):
        sent = _sent(chats, HI, asked, *results)
        names = {call_id: name for call_id, name, _ in _calls(sent[1])}
        assert len({*names, ""}) == 4
        assert [names[message["tool_call_id"]] for message in sent[2:]] == [
            message["content"].lower() for message in sent[2:]
        ]


def test_made_up_ids_are_told_apart_and_stay_the_same(chats: Chats) -> None:
    asked = AIMessage("", tool_calls=[_call(None), _call("")])
    history = [HI, asked, _result(""), _result(""), asked, _result(""), _result("")]
    first, again = _sent(chats, *history), _sent(chats, *history)
    assert first == again
    ids = [call[0] for message in first for call in _calls(message)]
    assert len({*ids, ""}) == 5
    assert ids == [message["tool_call_id"] for message in first if message["role"] == "tool"]


def test_a_result_answers_the_answer_before_it(chats: Chats) -> None:
    asked = [AIMessage("", tool_calls=[_call(None, n=n)]) for n in range(2)]
    sent = _sent(chats, HI, asked[0], HI, asked[1], _result(""))
    assert sent[4]["tool_call_id"] == _calls(sent[3])[0][0] != _calls(sent[1])[0][0]


def test_ids_that_stand_twice(chats: Chats) -> None:
    """Within one answer they are told apart; from one answer to the next they may repeat."""
    asked = AIMessage("", tool_calls=[_call("c1", n=1), _call("c1", n=2)])
    sent = _sent(
        chats, HI, asked, _result("c1", "1"), _result("c1", "2"), AIMessage("", tool_calls=[_call("c1")]), _result("c1")
    )
    (first, second), third = [call[0] for call in _calls(sent[1])], _calls(sent[4])[0][0]
    assert first == third == "c1" != second
    assert [message["tool_call_id"] for message in sent if message["role"] == "tool"] == [first, second, third]


@pytest.mark.parametrize(
    "result", [_result(""), FunctionMessage(content="x", name="g"), ChatMessage(content="x", role="tool")], ids=repr
)
def test_a_result_of_no_call(chats: Chats, result: BaseMessage) -> None:
    answered = AIMessage("", tool_calls=[_call("c1")])
    with pytest.raises(ConfigurationError, match=f"A {type(result).__name__} does not say which call it answers"):
        chats.at("flash").invoke([HI, answered, _result("c1"), result])
    assert chats.bodies == []


def test_a_result_whose_call_was_trimmed_away(chats: Chats) -> None:
    """Whether an endpoint takes one is known only there: servers of one's own do."""
    assert _sent(chats, _result("c9"), HI)[0] == {"role": "tool", "content": "42", "tool_call_id": "c9"}
    with pytest.raises(InvalidRequestError, match="tool_call_id"):
        chats.at("flash").invoke([_result("c9"), HI])


# Anthropic's results


def test_results_within_a_human_message(chats: Chats) -> None:
    asked = AIMessage([{"type": "tool_use", "id": f"c{n}", "name": "f", "input": {}} for n in range(4)])
    answers: list[Any] = [
        {"type": "text", "text": "Here you are."},
        {"type": "tool_result", "tool_use_id": "c0", "content": "zero", "cache_control": {"type": "ephemeral"}},
        {
            "type": "tool_result",
            "tool_use_id": "c1",
            "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "1"}],
        },
        {"type": "tool_result", "tool_use_id": "c2", "is_error": True},
        {
            "type": "non_standard",
            "value": {
                "type": "tool_result",
                "tool_use_id": "c3",
                "content": [{"type": "image", "source": {"type": "url", "url": URL}}],
            },
        },
        "Go on.",
    ]
    sent = _sent(chats, HI, asked, HumanMessage(answers), endpoint="vision")
    assert sent[2:] == [
        {"role": "tool", "tool_call_id": "c0", "content": "zero"},
        {"role": "tool", "tool_call_id": "c1", "content": "one\n1"},
        {"role": "tool", "tool_call_id": "c2", "content": "Error: the tool failed and gave no reason."},
        {"role": "tool", "tool_call_id": "c3", "content": [{"type": "image_url", "image_url": {"url": URL}}]},
        {"role": "user", "content": [{"type": "text", "text": "Here you are."}, {"type": "text", "text": "Go on."}]},
    ]


def test_results_alone_leave_no_empty_message(chats: Chats) -> None:
    asked = AIMessage([BLOCKS[0]], additional_kwargs={"reasoning_content": "R"})
    for block in (
        {"type": "tool_result", "tool_use_id": "c1", "content": "42"},
        {"type": "function_call_output", "call_id": "c1", "output": "42"},
    ):
        sent = _sent(chats, HI, asked, HumanMessage([block]))
        assert sent[2:] == [{"role": "tool", "tool_call_id": "c1", "content": "42"}]
        assert sent[1]["reasoning_content"] == "R"  # the loop goes on
    with pytest.raises(ConfigurationError, match="A SystemMessage holds a content block of type 'tool_result'"):
        chats.answering(whole({})).invoke([SystemMessage([{"type": "tool_result", "tool_use_id": "c1"}]), HI])


# Calls of an agent


def test_an_agent_is_told_of_calls_to_tools_it_lacks(chats: Chats) -> None:
    agents = pytest.importorskip("langchain.agents", reason="needs the langchain package")

    @tool
    def lookup(what: str) -> list[dict[str, Any]]:
        """Look something up."""
        return [{"type": "file", "name": what}]

    calls = [_raw("c1", '{"what": "a.py"}', "lookup"), _raw("c2", "{}", "absent")]
    llm = chats.answering(whole({"content": None, "tool_calls": calls}, "tool_calls"), whole({"content": "done"}))
    state = agents.create_agent(llm, [lookup]).invoke({"messages": [HI]})
    assert state["messages"][-1].content == "done"
    assert [call[:2] for call in _calls(chats.sent[1])] == [("c1", "lookup"), ("c2", "absent")]
    found, absent = (message["content"] for message in chats.sent[2:])
    assert json.loads(found) == {"type": "file", "name": "a.py"}
    assert "absent is not a valid tool" in absent
