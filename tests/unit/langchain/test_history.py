"""Answers in a history: of other models, in all output versions, written by hand."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_qwen import ConfigurationError
from langchain_qwen._block_kinds import BlockKind, kind_of

from tests.unit.langchain.conftest import PIXEL, Chats, whole

CALL: Any = {"name": "f", "args": {"q": 1}, "id": "c1", "type": "tool_call"}
SENT_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"q": 1}'}}
SENT = {"role": "assistant", "content": "T", "tool_calls": [SENT_CALL], "reasoning_content": "R"}
PICTURE = f"data:image/png;base64,{PIXEL}"


def _sent(chats: Chats, *messages: BaseMessage, endpoint: str = "flash", **kwargs: Any) -> list[dict[str, Any]]:
    """Send messages to an endpoint that takes anything, and return what it got. They must not be changed."""
    before = copy.deepcopy(messages)
    chats.answering(whole({"content": "x"}), endpoint=endpoint, **kwargs).invoke(list(messages))
    assert messages == before
    return chats.sent


def _sent_answer(chats: Chats, answer: BaseMessage, **kwargs: Any) -> dict[str, Any]:
    """What is sent of an answer that a result follows, if it makes the call c1."""
    calls = getattr(answer, "tool_calls", None)
    results = [ToolMessage("42", tool_call_id="c1")] if calls else []
    return _sent(chats, HumanMessage("hi"), answer, *results, **kwargs)[1]


# What other integrations leave in a history of a reply that thinks "R", says "T" and calls f: as langchain-openai 1.7,
# langchain-anthropic 1.7 and langchain-google-genai 4.4 made it, cut down; Bedrock's as langchain-core 1.7 reads it;
# Mistral's after its own content chunks.

OPENAI_ITEM = {"id": "rs_1", "type": "reasoning", "encrypted_content": "ENC"}
OPENAI_NOTES = {
    "reasoning": {**OPENAI_ITEM, "summary": [{"type": "summary_text", "text": "R"}]},
    "tool_outputs": [{"type": "web_search_call", "id": "ws_1", "status": "completed"}],
    "__openai_function_call_ids__": {"c1": "fc_1"},
}
GOOGLE_NOTES = {
    "function_call": {"name": "f", "arguments": '{"q": 1}'},
    "__gemini_function_call_thought_signatures__": {"c1": "SIG"},
}
DETAILS = [{"type": "reasoning.text", "text": "R", "signature": "SIG"}, {"type": "reasoning.encrypted", "data": "ENC"}]
FOREIGN: dict[str, tuple[Any, dict[str, Any], str]] = {
    "openai responses": (
        [
            {**OPENAI_ITEM, "summary": [{"type": "summary_text", "text": "R"}]},
            {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}},
            {"type": "text", "text": "T", "annotations": [{"type": "url_citation", "url": "u"}], "id": "msg_1"},
            {"type": "function_call", "call_id": "c1", "id": "fc_1", "name": "f", "arguments": '{"q": 1}'},
        ],
        {},
        "openai",
    ),
    "openai v0": ([{"type": "text", "text": "T", "annotations": []}], OPENAI_NOTES, "openai"),
    "openai v1": (
        [
            {"type": "reasoning", "reasoning": "R", "id": "rs_1", "encrypted_content": "ENC"},
            {"type": "server_tool_call", "name": "web_search", "args": {}, "id": "ws_1"},
            {"type": "server_tool_result", "tool_call_id": "ws_1", "status": "success"},
            {"type": "text", "text": "T", "annotations": [{"type": "citation", "url": "u"}], "phase": "final"},
            {"type": "non_standard", "value": {"type": "mcp_list_tools", "id": "m_1"}},
            {**CALL, "extras": {"item_id": "fc_1"}},
        ],
        {},
        "openai",
    ),
    "anthropic": (
        [
            {"type": "thinking", "thinking": "R", "signature": "SIG"},
            {"type": "redacted_thinking", "data": "ENC"},
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
            {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
            {"type": "some_new_tool_result", "tool_use_id": "s1", "content": []},
            {"type": "text", "text": "T", "citations": [{"type": "char_location", "cited_text": "c"}]},
            {"type": "tool_use", "id": "c1", "name": "f", "input": {"q": 1}, "toolset_name": None},
        ],
        {},
        "anthropic",
    ),
    "anthropic v1": (
        [
            {"type": "reasoning", "reasoning": "R", "extras": {"signature": "SIG"}},
            {"type": "non_standard", "value": {"type": "redacted_thinking", "data": "ENC"}},
            {"type": "server_tool_result", "tool_call_id": "s1", "extras": {"block_type": "web_search_tool_result"}},
            {"type": "text", "text": "T", "annotations": [{"type": "citation", "cited_text": "c"}]},
            CALL,
        ],
        {},
        "anthropic",
    ),
    "google": (
        [
            {"type": "thinking", "thinking": "R", "signature": "SIG"},
            {"type": "text", "text": "T", "extras": {"signature": "SIG"}},
            {"type": "executable_code", "executable_code": "1", "language": "PYTHON", "id": "e1"},
            {"type": "code_execution_result", "code_execution_result": "1", "outcome": 1},
            {"type": "function_call_signature", "signature": "SIG", "index": 0},
        ],
        GOOGLE_NOTES,
        "google_genai",
    ),
    "google v1": (
        [{"type": "reasoning", "reasoning": "R", "extras": {"signature": "SIG"}}, "T", CALL],
        GOOGLE_NOTES,
        "google_genai",
    ),
    "bedrock": (
        [
            {"type": "reasoning_content", "reasoning_content": {"type": "text", "text": "R", "signature": "SIG"}},
            {"text": "T"},
            {"type": "tool_use", "id": "c1", "name": "f", "input": {"q": 1}},
        ],
        {},
        "bedrock_converse",
    ),
    "mistral": (
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": "R"}]},
            {"type": "text", "text": "T"},
            {"type": "reference", "reference_ids": [1]},
        ],
        {},
        "mistralai",
    ),
    "deepseek": ("T", {"reasoning_content": "R", "refusal": None}, "deepseek"),
    "openrouter": ("T", {"reasoning_content": "R", "reasoning_details": DETAILS}, "openrouter"),
    "details alone": ("T", {"reasoning_details": DETAILS}, "openrouter"),
}


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("kind", [AIMessage, AIMessageChunk])
def test_answers_of_other_models(chats: Chats, origin: str, kind: type[AIMessage]) -> None:
    """Text, thoughts and calls go on; signatures, ids and encrypted items of their providers do not, anywhere."""
    content, notes, provider = copy.deepcopy(FOREIGN[origin])
    answer = kind(
        content,
        additional_kwargs=notes,
        tool_calls=[CALL],
        response_metadata={"model_provider": provider, "output_version": "v1" if origin.endswith("v1") else "v0"},
    )
    assert _sent_answer(chats, answer) == SENT
    sent = dict(SENT)
    sent["reasoning"] = sent.pop("reasoning_content")
    assert _sent_answer(chats, answer, endpoint="text") == sent


def test_a_message_translated_to_standard_blocks_goes_out_as_the_original_does(chats: Chats) -> None:
    for origin in ("anthropic", "openai responses", "google"):
        content, notes, provider = copy.deepcopy(FOREIGN[origin])
        native = AIMessage(
            content, additional_kwargs=notes, tool_calls=[CALL], response_metadata={"model_provider": provider}
        )
        assert any(block["type"] in ("reasoning", "non_standard") for block in native.content_blocks)
        assert _sent_answer(chats, AIMessage(content_blocks=native.content_blocks)) == SENT


# What becomes of each kind of block

BLOCKS: dict[BlockKind, list[dict[str, Any]]] = {
    "reasoning": [
        {"type": "reasoning", "reasoning": "R"},
        {"type": "thinking", "thinking": "R", "signature": "SIG"},
        {"type": "redacted_thinking", "data": "ENC"},
    ],
    "call": [
        CALL,
        {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    ],
    "private": [
        {"type": "server_tool_call", "id": "s1", "name": "g", "args": {}},
        {"type": "server_tool_result", "tool_call_id": "s1", "status": "success"},
        {"type": "web_fetch_tool_result", "tool_use_id": "s1"},
        {"type": "executable_code", "executable_code": "1"},
        {"type": "non_standard", "value": {"type": "unheard_of"}},
        {"type": "non_standard", "value": "x"},
    ],
    "result": [{"type": "tool_result", "tool_use_id": "c1", "content": "x"}],
}
UNKNOWN: list[dict[str, Any]] = [{"type": "hologram", "x": 1}, {"type": "compaction", "content": "x"}, {"x": 1, "y": 2}]
BY_KIND = [(kind, block) for kind, blocks in BLOCKS.items() for block in blocks]


@pytest.mark.parametrize(("kind", "block"), BY_KIND, ids=repr)
def test_blocks_that_are_no_content(chats: Chats, kind: BlockKind, block: dict[str, Any]) -> None:
    assert kind_of(block) == kind
    words = {"type": "text", "text": "T"}
    asking: list[type[BaseMessage]] = [SystemMessage] if kind == "result" else [SystemMessage, HumanMessage]
    for asks in asking:
        for content in ([block], [words, block]):
            with pytest.raises(ConfigurationError, match=f"A {asks.__name__} holds a content block of type '"):
                chats.at("vision").invoke([asks(cast("Any", content)), HumanMessage("hi")])
    if kind == "result":
        with pytest.raises(ConfigurationError, match="An AIMessage holds a content block of type 'tool_result'"):
            chats.at("vision").invoke([HumanMessage("hi"), AIMessage([words, block]), HumanMessage("go on")])
        assert chats.bodies == []
        return
    assert chats.bodies == []
    sent = _sent(chats, HumanMessage("hi"), AIMessage([block, words, block], tool_calls=[CALL]))[1]
    assert sent["content"] == "T"
    assert sent["tool_calls"] == [SENT_CALL]


@pytest.mark.parametrize("block", UNKNOWN, ids=repr)
@pytest.mark.parametrize("kind", [SystemMessage, HumanMessage, AIMessage])
def test_unknown_blocks_are_named(chats: Chats, block: dict[str, Any], kind: type[BaseMessage]) -> None:
    named = repr(block["type"]) if "type" in block else r"without a type \(it has x, y\)"
    with pytest.raises(ConfigurationError, match=f"An? {kind.__name__} holds a content block .*{named}"):
        chats.at("vision").invoke([kind(cast("Any", ["T", block])), HumanMessage("hi")])
    assert chats.bodies == []


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "image", "base64": PIXEL, "mime_type": "image/png"}, "image_url"),
        ({"type": "image_url", "image_url": {"url": PICTURE}}, "image_url"),
        ({"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": PIXEL}, "image_url"),
        ({"type": "non_standard", "value": {"type": "image_generation_call", "result": PIXEL}}, "image_url"),
        ({"type": "video", "url": "https://x.test/a.mp4"}, "video_url"),
        ({"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"}, "input_audio"),
        ({"type": "file", "file_id": "file-1"}, "file"),
    ],
    ids=str,
)
def test_media_in_an_answer(chats: Chats, block: dict[str, Any], part: str) -> None:
    for content in ([block], [{"type": "text", "text": "Here:"}, block]):
        with pytest.raises(ConfigurationError, match=f"An assistant message holds a part of type {part}"):
            chats.at("vision").invoke([HumanMessage("draw"), AIMessage(cast("Any", content)), HumanMessage("again")])
    assert chats.bodies == []


def test_a_picture_that_was_not_made_leaves_nothing_behind(chats: Chats) -> None:
    block = {"type": "image_generation_call", "id": "ig_1", "status": "failed", "result": None}
    assert _sent_answer(chats, AIMessage([block, {"type": "text", "text": "T"}]))["content"] == "T"


# Text


TEXTS: list[tuple[Any, dict[str, Any], str]] = [
    ("", {}, ""),
    ([], {}, ""),
    ([""], {}, ""),
    (["a", {"type": "text", "text": "b", "index": 0}, "c"], {}, "abc"),
    ([{"type": "text", "text": " a\n"}, {"type": "text", "text": "\tb "}], {}, " a\n\tb "),
    ([{"type": "text", "citations": []}, {"type": "text", "text": None}, "a"], {}, "a"),
    ([{"type": "text-plain", "text": "a"}, {"type": "output_text", "text": "b"}], {}, "ab"),
    ([{"type": "non_standard", "value": {"type": "refusal", "refusal": "No."}}], {}, "No."),
    ([{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "No."}], {"refusal": "No."}, "a\nNo."),
    ("", {"refusal": "No."}, "No."),
    ("a", {"refusal": "No."}, "a\nNo."),
    ("", {"audio": {"id": "a1", "data": "AAAA", "transcript": "Hello"}}, "Hello"),
    ("a", {"audio": {"id": "a1", "data": "AAAA", "transcript": "Hello"}}, "a"),
    ("a", {"audio": b"RIFF"}, "a"),
]


@pytest.mark.parametrize(("content", "notes", "sent"), TEXTS, ids=repr)
def test_the_text_of_an_answer(chats: Chats, content: Any, notes: dict[str, Any], sent: str) -> None:
    answer = AIMessage(content, additional_kwargs=notes)
    assert _sent_answer(chats, answer) == {"role": "assistant", "content": sent}


@pytest.mark.parametrize("audio", [b"RIFF", {"id": "a1", "data": "AAAA"}])
def test_an_answer_of_nothing_but_sound(chats: Chats, audio: Any) -> None:
    with pytest.raises(ConfigurationError, match="An AIMessage holds nothing but audio"):
        chats.at("vision").invoke([HumanMessage("hi"), AIMessage("", additional_kwargs={"audio": audio})])
    assert chats.bodies == []


# Reasoning


@pytest.mark.parametrize(
    ("content", "notes", "sent"),
    [
        ([{"type": "reasoning", "reasoning": "R"}], {"reasoning_content": "R"}, "R"),
        ([{"type": "reasoning", "reasoning": "within"}], {"reasoning_content": "beside"}, "beside"),
        ([{"type": "reasoning", "reasoning": "R"}], {"reasoning_content": ""}, "R"),
        ([{"type": "reasoning", "reasoning": "a"}, "T", {"type": "reasoning", "reasoning": "b"}], {}, "a\nb"),
        ([{"type": "reasoning", "summary": [{"text": "a"}, {"text": "b"}], "encrypted_content": "E"}], {}, "a\nb"),
        (
            [{"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "a"}], "id": "r"}],
            {},
            "a",
        ),
        ([{"type": "thinking", "thinking": ""}, {"type": "thinking", "thinking": "a"}], {}, "a"),
        ([{"type": "reasoning"}, {"type": "reasoning", "reasoning": None}, {"type": "reasoning", "id": "r"}], {}, None),
        ([{"type": "redacted_thinking", "data": "ENC"}], {}, None),
        ("T", {"reasoning": "R"}, "R"),
        ("T", {"reasoning_content": 5, "reasoning": {"effort": None}}, None),
        ("T", {"reasoning_details": [{"type": "reasoning.summary", "summary": "R"}]}, "R"),
    ],
    ids=repr,
)
def test_the_reasoning_of_an_answer(chats: Chats, content: Any, notes: dict[str, Any], sent: str | None) -> None:
    answer = AIMessage(content, additional_kwargs=notes, tool_calls=[CALL])
    assert _sent_answer(chats, answer).get("reasoning_content") == sent


def test_a_chat_message_can_be_an_answer(chats: Chats) -> None:
    raw = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"q": 1}'}}
    answer = ChatMessage(
        content="T", role="assistant", additional_kwargs={"reasoning_content": "R", "tool_calls": [raw]}
    )
    result = ChatMessage(content="42", role="tool", additional_kwargs={"tool_call_id": "c1"})
    assert _sent(chats, HumanMessage("hi"), answer, result)[1:] == [
        SENT,
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
    ]
