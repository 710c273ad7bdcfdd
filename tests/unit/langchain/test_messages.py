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


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        ("Error: no such city", "Error: no such city"),
        ([{"type": "text", "text": "No such city"}], "No such city"),
        ("", "Error: the tool failed and gave no reason."),
        ([], "Error: the tool failed and gave no reason."),
    ],
    ids=repr,
)
def test_a_failed_result(chats: Chats, content: Any, sent: str) -> None:
    """The wire has no field for the status: what the tool says stays as it is, and silence is not taken for success."""
    result = ToolMessage(content, tool_call_id="c1", status="error")
    assert _sent(chats, HumanMessage("hi"), ASKED, result)[2] == {
        "role": "tool",
        "content": sent,
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
        ([{"type": "json", "json": {"a": None}}], '{"type": "json", "json": {"a": null}}'),
        ([{"text": "a"}], "a"),
        ([{"text": "a", "score": 1}], '{"text": "a", "score": 1}'),
        # What tools list may look like a block and is none.
        ([{"type": "file", "name": "a.py"}], '{"type": "file", "name": "a.py"}'),
        ([{"type": "text", "lines": 3}], '{"type": "text", "lines": 3}'),
        ([{"type": "image", "source": "camera"}], '{"type": "image", "source": "camera"}'),
        ([{"type": "reasoning", "reasoning": "r"}], '{"type": "reasoning", "reasoning": "r"}'),
        ([{"type": "tool_call", "name": "f"}], '{"type": "tool_call", "name": "f"}'),
        ([{"type": "non_standard", "value": {"a": 1}}], '{"type": "non_standard", "value": {"a": 1}}'),
        ([{"type": "non_standard", "value": {"type": "text", "text": "a"}}], "a"),
        ([{"when": {1}}, {"n": float("nan")}], '{"when": "{1}"}\n{"n": NaN}'),
        ({"a": 1}, "{'a': 1}"),  # LangChain's own doing, as the next two
        (5, "5"),
        ([1, None], "1\nNone"),
        ([], ""),
        ("", ""),
    ],
    ids=str,
)
def test_results_in_other_forms(chats: Chats, content: Any, sent: str) -> None:
    result = ToolMessage(content, tool_call_id="c1")
    assert _sent(chats, HumanMessage("hi"), ASKED, result)[2]["content"] == sent


def test_an_image_as_a_result(chats: Chats) -> None:
    result = ToolMessage(["Here:", {"type": "image", "url": URL, "id": "lc_1"}], tool_call_id="c1")
    assert _sent(chats, HumanMessage("hi"), ASKED, result)[2]["content"] == [
        {"type": "text", "text": "Here:"},
        {"type": "image_url", "image_url": {"url": URL}},
    ]
    with pytest.raises(
        ConfigurationError, match=r"tool message holds a part of type image_url, but .* takes text only"
    ):
        chats.at("text").invoke([HumanMessage("hi"), ASKED, result])


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
    ([{"type": "text-plain", "text": "a", "title": "T", "context": "C"}], "T\nC\na"),
    ([{"type": "text", "text": ""}], ""),
    ([{"type": "text", "text": None}], ""),
    ([{"type": "text", "text": " \n"}], " \n"),
    ([{"text": "a"}], "a"),
    ([{"type": "input_text", "text": "a"}], "a"),
    ([{"type": "file", "base64": "YSxi", "mime_type": "text/csv", "filename": "t.csv"}], "t.csv\na,b"),
    ([{"type": "file", "source_type": "base64", "data": "YSxi", "mime_type": "text/csv"}], "a,b"),
    ([{"type": "document", "source": {"type": "text", "data": "a", "media_type": "text/plain"}}], "a"),
    (
        [{"type": "document", "source": {"type": "base64", "data": "YWJj", "media_type": "text/plain"}, "title": "T"}],
        "T\nabc",
    ),
    (
        [{"type": "document", "source": {"type": "content", "content": "a"}, "title": "T", "citations": {}}],
        [{"type": "text", "text": "T"}, {"type": "text", "text": "a"}],
    ),
    (
        [
            {
                "type": "search_result",
                "title": "T",
                "source": "https://x.test",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            }
        ],
        [{"type": "text", "text": words} for words in ("T\nhttps://x.test", "a", "b")],
    ),
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
    moved: list[Any] = [{"type": "text", "text": "a", "extras": {"cache_control": {"type": "ephemeral"}}}]
    assert _sent(chats, HumanMessage(moved), endpoint="text")[0]["content"] == marked
    result = ToolMessage(content, tool_call_id="c1")
    assert _sent(chats, HumanMessage("hi"), ASKED, result, endpoint="text")[2]["content"] == marked


def test_a_cache_mark_on_an_answer(chats: Chats) -> None:
    content: list[Any] = [
        {"type": "text", "text": "Let me"},
        {"type": "text", "text": " look.", "cache_control": {"type": "ephemeral"}},
    ]
    marked = [{"type": "text", "text": "Let me look.", "cache_control": {"type": "ephemeral"}}]
    for endpoint, sent in (("text", marked), ("flash", "Let me look."), ("cn", "Let me look.")):
        assert _sent(chats, HumanMessage("hi"), AIMessage(content), endpoint=endpoint)[1]["content"] == sent


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({"type": "text-plain", "base64": "!!!"}, "'text-plain' is not UTF-8 text in base64"),
        ({"type": "text-plain", "base64": "/w=="}, "'text-plain' is not UTF-8 text in base64"),
        ({"type": "file", "base64": "/w==", "mime_type": "text/plain"}, "'file' is not UTF-8 text in base64"),
        ({"type": "text-plain", "file_id": "file-1"}, "'text-plain'.*file_id"),
        ({"type": "text", "content": "a"}, "'text' holds neither `text`.*content, type"),
        ({"type": "document", "source": "x"}, "'document' holds neither"),
        ({"type": "document", "source": {"type": "content", "content": [{"type": "video"}]}}, "'video': text and"),
        ({"type": "search_result", "title": "T"}, "'search_result' holds neither"),
    ],
    ids=str,
)
def test_texts_that_are_none(chats: Chats, block: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        chats.at("flash").invoke([HumanMessage([block])])
    assert chats.bodies == []


# Conversations


def test_a_human_message_built_of_standard_blocks(chats: Chats) -> None:
    message = HumanMessage(
        content_blocks=cast("Any", [{"type": "text", "text": "Look:"}, {"type": "image", "url": URL}])
    )
    assert _sent(chats, message, endpoint="vision")[0]["content"] == [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": URL}},
    ]


def test_a_long_conversation_keeps_its_order(chats: Chats) -> None:
    """System messages that open it become one: newer chat templates of Qwen refuse a second one."""
    history: list[BaseMessage] = [
        SystemMessage("one"),
        SystemMessage(""),
        ChatMessage(content="two", role="developer"),
        HumanMessage("a"),
        HumanMessage("b"),
        AIMessage("c"),
        AIMessage("d"),
        SystemMessage("three"),
        HumanMessage("e"),
    ]
    assert [(message["role"], message["content"]) for message in _sent(chats, *history)] == [
        ("system", "one\n\ntwo"), ("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d"),
        ("system", "three"), ("user", "e"),
    ]  # fmt: skip


def test_opening_system_messages_keep_their_marks_and_names(chats: Chats) -> None:
    mark = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}
    opening = [SystemMessage("one"), SystemMessage(cast("Any", [mark]))]
    sent = _sent(chats, *opening, HumanMessage("hi"), endpoint="text")
    assert sent[0] == {"role": "system", "content": [{"type": "text", "text": "one"}, mark]}
    opening[0].name = "first"
    assert [message["role"] for message in _sent(chats, *opening, HumanMessage("hi"))] == ["system", "system", "user"]
