"""What each message and content block becomes on the wire."""

from __future__ import annotations

import copy
import json
from typing import Any, cast

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.prompts import ChatPromptTemplate
from langchain_qwen import ConfigurationError

from tests.unit.langchain.conftest import PIXEL, Chats, call_piece, chunk, merged, whole

URL = "https://example.com/a%20b.png?sig=x%2By"
DATA = f"data:image/png;base64,{PIXEL}"
CALL: Any = {"name": "f", "args": {"q": "日本"}, "id": "c1", "type": "tool_call"}
ASKED = AIMessage("", tool_calls=[CALL])
SENT_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"q": "日本"}'}}


def _sent(chats: Chats, *messages: Any, endpoint: str = "flash", **kwargs: Any) -> list[dict[str, Any]]:
    """Send messages to an endpoint that takes anything, and return what it got. They must not be changed."""
    before = copy.deepcopy(messages)
    chats.answering(whole({"content": "x"}), endpoint=endpoint, **kwargs).invoke(list(messages))
    assert messages == before
    return chats.sent


# Messages


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (HumanMessage("hi"), {"role": "user", "content": "hi"}),
        (HumanMessage("hi", name="ann"), {"role": "user", "content": "hi", "name": "ann"}),
        (SystemMessage("be brief"), {"role": "system", "content": "be brief"}),
        (AIMessage("yes", name="bot"), {"role": "assistant", "content": "yes", "name": "bot"}),
        (AIMessageChunk(content="yes"), {"role": "assistant", "content": "yes"}),
        (ChatMessage(content="hi", role="user"), {"role": "user", "content": "hi"}),
        (ChatMessage(content="hi", role="Human"), {"role": "user", "content": "hi"}),
        (ChatMessage(content="hi", role="developer"), {"role": "system", "content": "hi"}),
        (ChatMessage(content="hi", role="assistant"), {"role": "assistant", "content": "hi"}),
        (("human", "hi"), {"role": "user", "content": "hi"}),
        (("system", "hi"), {"role": "system", "content": "hi"}),
        ({"role": "user", "content": "hi"}, {"role": "user", "content": "hi"}),
        ({"role": "developer", "content": "hi"}, {"role": "system", "content": "hi"}),
        (HumanMessage("日本 😀"), {"role": "user", "content": "日本 😀"}),
        (HumanMessage(""), {"role": "user", "content": ""}),
    ],
    ids=repr,
)
def test_messages(chats: Chats, message: Any, sent: dict[str, Any]) -> None:
    assert _sent(chats, message) == [sent]


def test_prompts(chats: Chats) -> None:
    prompt = ChatPromptTemplate.from_messages([("system", "be {how}"), ("human", "{what}")])
    (prompt | chats.at("flash")).invoke({"how": "brief", "what": "hello"})
    assert chats.sent == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
    chats.at("flash").invoke("hello")
    assert chats.sent == [{"role": "user", "content": "hello"}]


def test_messages_that_are_none(chats: Chats) -> None:
    with pytest.raises(ConfigurationError, match="RemoveMessage"):
        chats.at("flash").invoke([HumanMessage("hi"), RemoveMessage(id="1")])
    with pytest.raises(ConfigurationError, match="no messages"):
        chats.at("flash").invoke([])
    with pytest.raises(ConfigurationError, match="'critic'"):
        chats.at("flash").invoke([ChatMessage(content="hi", role="critic")])
    assert chats.bodies == []


# Tool calls and their results


def test_a_result(chats: Chats) -> None:
    result = ToolMessage("42", tool_call_id="c1", name="f", artifact={"big": 1}, status="success")
    assert _sent(chats, HumanMessage("hi"), ASKED, result)[1:] == [
        {"role": "assistant", "content": "", "tool_calls": [SENT_CALL]},
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
    ]


def test_a_failed_result(chats: Chats) -> None:
    result = ToolMessage("Error: no such city", tool_call_id="c1", status="error")
    assert _sent(chats, HumanMessage("hi"), ASKED, result)[2] == {
        "role": "tool",
        "content": "Error: no such city",
        "tool_call_id": "c1",
    }


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        (["a", "b"], "a\nb"),
        ([{"type": "text", "text": "a"}], "a"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
        ([{"rows": [1, 2], "name": "日本"}], '{"rows": [1, 2], "name": "日本"}'),
        ([{"type": "table", "rows": 3}], '{"type": "table", "rows": 3}'),
        ([], ""),
    ],
    ids=str,
)
def test_results_of_several_blocks(chats: Chats, content: list[Any], sent: str) -> None:
    result = ToolMessage(content, tool_call_id="c1")
    assert _sent(chats, HumanMessage("hi"), ASKED, result)[2]["content"] == sent


def test_an_image_as_a_result(chats: Chats) -> None:
    result = ToolMessage([{"type": "image", "url": URL}], tool_call_id="c1")
    assert _sent(chats, HumanMessage("hi"), ASKED, result)[2]["content"] == [
        {"type": "image_url", "image_url": {"url": URL}}
    ]


def test_a_function_message(chats: Chats) -> None:
    asked = AIMessage("", tool_calls=[{**CALL, "id": "f"}])
    assert _sent(chats, HumanMessage("hi"), asked, FunctionMessage(content="42", name="f"))[2] == {
        "role": "tool",
        "content": "42",
        "tool_call_id": "f",
    }


def test_odd_arguments_are_written_as_json(chats: Chats) -> None:
    asked = AIMessage("", tool_calls=[{**CALL, "args": {"s": {1}, "n": None}}])
    sent = _sent(chats, HumanMessage("hi"), asked, ToolMessage("x", tool_call_id="c1"))
    assert json.loads(sent[1]["tool_calls"][0]["function"]["arguments"]) == {"s": "{1}", "n": None}


def test_invalid_calls_go_back_only_with_their_result(chats: Chats) -> None:
    broken: Any = {"name": "f", "args": '{"a": ', "id": "c2", "error": "cut", "type": "invalid_tool_call"}
    asked = AIMessage("", tool_calls=[CALL], invalid_tool_calls=[broken])
    results = [ToolMessage("42", tool_call_id="c1")]
    assert _sent(chats, HumanMessage("hi"), asked, *results)[1]["tool_calls"] == [SENT_CALL]
    results.append(ToolMessage("Error: the arguments were cut off", tool_call_id="c2"))
    # Endpoints refuse replayed arguments that are no object, so what was broken goes back empty.
    assert _sent(chats, HumanMessage("hi"), asked, *results)[1]["tool_calls"] == [
        SENT_CALL,
        {"id": "c2", "type": "function", "function": {"name": "f", "arguments": "{}"}},
    ]


def test_a_streamed_answer_with_a_broken_call_goes_back_as_a_whole_one_does(chats: Chats) -> None:
    llm = chats.streaming(
        call_piece(0, '{"q": "日本"}', name="f", id_="c1"),
        call_piece(1, "[1]", name="g", id_="c2"),
        chunk("tool_calls"),
    )
    results = [ToolMessage("42", tool_call_id="c1"), ToolMessage("Error", tool_call_id="c2")]
    answers = [llm.invoke("hi"), merged(llm.stream("hi"))]
    for version in ("v1",):
        versioned = chats.streaming(
            call_piece(0, '{"q": "日本"}', name="f", id_="c1"),
            call_piece(1, "[1]", name="g", id_="c2"),
            chunk("tool_calls"),
            output_version=version,
        )
        answers += [versioned.invoke("hi"), merged(versioned.stream("hi"))]
    for answer in answers:
        sent = _sent(chats, HumanMessage("hi"), answer, *results)
        assert sent[1] == {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                SENT_CALL,
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        }


# Text blocks


TEXTS: list[tuple[list[Any], Any]] = [
    ([], ""),
    (["a"], "a"),
    ([{"type": "text", "text": "a"}], "a"),
    ([{"type": "text", "text": "a", "index": 0, "id": "b1", "annotations": []}], "a"),
    ([{"type": "text", "text": "a"}, "b"], [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
    ([{"type": "text-plain", "text": "a", "mime_type": "text/plain"}], "a"),
    ([{"type": "text-plain", "base64": "YWJj", "mime_type": "text/plain"}], "abc"),
]


@pytest.mark.parametrize(("content", "sent"), TEXTS, ids=str)
def test_text(chats: Chats, content: list[Any], sent: Any) -> None:
    assert _sent(chats, HumanMessage(content))[0]["content"] == sent


def test_text_parts_are_joined_where_parts_are_not_taken(chats: Chats) -> None:
    content: list[Any] = ["a", {"type": "text", "text": "b"}]
    assert _sent(chats, HumanMessage(content), endpoint="cn")[0]["content"] == "a\nb"


def test_cache_marks(chats: Chats) -> None:
    content: list[Any] = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]
    marked = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]
    assert _sent(chats, HumanMessage(content), endpoint="text")[0]["content"] == marked
    assert _sent(chats, SystemMessage(content), endpoint="text")[0]["content"] == marked
    assert _sent(chats, HumanMessage(content), endpoint="flash")[0]["content"] == "a"


# Answers of other models, and of other output versions


def test_an_answer_of_blocks(chats: Chats) -> None:
    content: list[Any] = [
        {"type": "reasoning", "reasoning": "R", "index": "lc_rs_0"},
        {"type": "text", "text": "Let me", "index": "lc_txt_0"},
        {"type": "text", "text": " look."},
        {"type": "tool_call", **CALL},
    ]
    answer = AIMessage(content, tool_calls=[CALL], response_metadata={"output_version": "v1", "model_provider": "qwen"})
    assert _sent(chats, HumanMessage("hi"), answer, ToolMessage("42", tool_call_id="c1"))[1] == {
        "role": "assistant",
        "content": "Let me look.",
        "tool_calls": [SENT_CALL],
        "reasoning_content": "R",
    }


def test_reasoning_is_sent_once(chats: Chats) -> None:
    content: list[Any] = [{"type": "reasoning", "reasoning": "R"}, {"type": "text", "text": "T"}]
    answer = AIMessage(content, tool_calls=[CALL], additional_kwargs={"reasoning_content": "R"})
    sent = _sent(chats, HumanMessage("hi"), answer, ToolMessage("42", tool_call_id="c1"))
    assert sent[1]["reasoning_content"] == "R"
    assert sent[1]["content"] == "T"


FOREIGN: dict[str, list[Any]] = {
    "anthropic": [
        {"type": "thinking", "thinking": "R", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xxx"},
        {"type": "text", "text": "T", "citations": []},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"q": "日本"}},
    ],
    "openai": [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "R"}]},
        {"type": "text", "text": "T", "annotations": []},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    ],
    "google": [
        {"type": "thinking", "thinking": "R"},
        "T",
        {"type": "executable_code", "executable_code": "1", "language": 1},
    ],
    "standard": [
        {"type": "reasoning", "reasoning": "R", "extras": {"signature": "x"}},
        {"type": "server_tool_call", "id": "s1", "name": "web_search", "args": {}},
        {"type": "server_tool_result", "tool_call_id": "s1", "output": "o"},
        {"type": "non_standard", "value": {"a": 1}},
        {"type": "text", "text": "T"},
    ],
}


@pytest.mark.parametrize("origin", FOREIGN)
def test_answers_of_other_models(chats: Chats, origin: str) -> None:
    answer = AIMessage(copy.deepcopy(FOREIGN[origin]), tool_calls=[CALL])
    sent = _sent(chats, HumanMessage("hi"), answer, ToolMessage("42", tool_call_id="c1"))[1]
    assert sent["content"] == "T"
    assert sent["tool_calls"] == [SENT_CALL]
    assert set(sent) <= {"role", "content", "tool_calls", "reasoning_content"}


def test_a_human_message_built_of_standard_blocks(chats: Chats) -> None:
    message = HumanMessage(
        content_blocks=cast("Any", [{"type": "text", "text": "Look:"}, {"type": "image", "url": URL}])
    )
    assert _sent(chats, message, endpoint="vision")[0]["content"] == [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": URL}},
    ]


def test_a_long_conversation_keeps_its_order(chats: Chats) -> None:
    history: list[BaseMessage] = [
        SystemMessage("one"),
        SystemMessage("two"),
        HumanMessage("a"),
        HumanMessage("b"),
        AIMessage("c"),
        AIMessage("d"),
        HumanMessage("e"),
    ]
    assert [(message["role"], message["content"]) for message in _sent(chats, *history)] == [
        ("system", "one"), ("system", "two"), ("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d"),
        ("user", "e"),
    ]  # fmt: skip
