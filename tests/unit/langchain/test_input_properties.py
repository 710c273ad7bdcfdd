"""Any mixture of blocks goes out with every word of it, or is refused by name before anything is sent."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_qwen import ChatQwen, ConfigurationError

from tests.unit.langchain.conftest import Chats, whole

KEYS = (
    "url", "base64", "data", "file_id", "source", "image_url", "video_url", "input_audio", "file", "video", "image",
    "value", "id", "index", "extras", "annotations", "cache_control", "mime_type", "title", "filename", "metadata",
    "content", "output", "tool_use_id", "call_id", "name", "args", "input", "arguments", "reasoning", "thinking",
    "summary", "signature", "fps", "x",
)  # fmt: skip
TYPES = (
    "text", "text-plain", "image", "video", "audio", "file", "image_url", "video_url", "audio_url", "input_audio",
    "refusal", "input_text", "output_text", "input_image", "input_file", "image_generation_call", "document",
    "search_result", "media", "file_data", "reasoning", "thinking", "reasoning_content", "redacted_thinking",
    "tool_call", "tool_call_chunk", "invalid_tool_call", "tool_use", "function_call", "custom_tool_call",
    "tool_result", "function_call_output", "non_standard", "server_tool_call", "web_search_tool_result", "hologram",
)  # fmt: skip

words = st.integers(0, 10**9).map("word{}x".format)  # none is part of another
plain = st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | words
special = st.sampled_from(["", "https://x.test/a.png", "QUJD"]) | st.binary(max_size=3)
nested_keys = st.sampled_from((*KEYS, "type", "text"))
scraps: st.SearchStrategy[Any] = st.recursive(
    plain | special,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(nested_keys, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def _junk(draw: st.DrawFn) -> dict[str, Any]:
    """A block of any type that holds anything."""
    block: dict[str, Any] = draw(st.dictionaries(st.sampled_from(KEYS), scraps, max_size=4))
    kind = draw(st.sampled_from(TYPES) | st.none())
    if kind is not None:
        block["type"] = kind
    if "base64" in block:
        block["mime_type"] = draw(st.sampled_from(["image/png", "text/plain", "audio/mpeg"]))  # LangChain wants it
    return block


def _ways_to_say(word: str) -> st.SearchStrategy[Any]:
    inner = [{"type": "text", "text": word}]
    ways: list[Any] = [
        word,
        {"type": "text", "text": word},
        {"type": "text", "text": word, "index": 0, "annotations": [], "id": "lc_1"},
        {"text": word},
        {"type": "text-plain", "text": word},
        {"type": "output_text", "text": word},
        {"type": "non_standard", "value": {"type": "input_text", "text": word}},
        {"type": "document", "source": {"type": "text", "data": word}},
        {"type": "document", "title": word, "source": {"type": "content", "content": inner}},
        {"type": "search_result", "source": "s", "title": "t", "content": inner},
    ]
    return st.sampled_from(ways)


said: st.SearchStrategy[Any] = words.flatmap(_ways_to_say)
contents: st.SearchStrategy[Any] = words | st.lists(said | _junk(), max_size=4)
only_said: st.SearchStrategy[Any] = st.lists(said, max_size=4)


@st.composite
def _conversations(draw: st.DrawFn, inside: st.SearchStrategy[Any]) -> list[BaseMessage]:
    messages: list[BaseMessage] = []
    for kind in draw(st.lists(st.sampled_from("hsat"), min_size=1, max_size=4)):
        content = draw(inside)
        if kind == "h":
            messages.append(HumanMessage(content))
        elif kind == "s":
            messages.append(SystemMessage(content))
        elif kind == "a":
            call: Any = {"name": "f", "args": draw(st.dictionaries(words, scraps, max_size=2)), "id": draw(IDS)}
            messages.append(AIMessage(content, tool_calls=[call] if draw(st.booleans()) else []))
        else:
            status: Any = draw(st.sampled_from(["success", "error"]))
            messages.append(ToolMessage(content, tool_call_id=draw(st.sampled_from(["c1", "c2", ""])), status=status))
    return messages


IDS = st.sampled_from([None, "", "c1", "c2"])
quick = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def llm(chats: Chats) -> ChatQwen:
    return chats.answering(whole({"content": "x"}), endpoint="vision", reasoning_replay="always")


@quick
@given(messages=_conversations(contents))
@example(messages=[HumanMessage([{"type": "image_url", "image_url": {"url": b"x"}}])])
@example(messages=[AIMessage([{"type": "tool_use", "id": 5, "name": [], "input": b"x"}])])
@example(messages=[ToolMessage([{"type": "video", "url": ["a"]}], tool_call_id="c1")])
def test_anything_goes_out_or_is_refused_by_name(chats: Chats, llm: ChatQwen, messages: list[BaseMessage]) -> None:
    before, seen = copy.deepcopy(messages), len(chats.bodies)
    try:
        llm.invoke(messages)
    except ConfigurationError as error:
        assert len(chats.bodies) == seen
        assert len(str(error)) > 30  # noqa: PT017 - that it says something
    else:
        assert len(chats.bodies) == seen + 1
    assert repr(messages) == repr(before)  # `==` knows no NaN


@quick
@given(messages=_conversations(only_said))
def test_no_word_is_lost(chats: Chats, llm: ChatQwen, messages: list[BaseMessage]) -> None:
    seen = len(chats.bodies)
    try:
        llm.invoke(messages)
    except ConfigurationError as error:
        assert "does not say which call it answers" in str(error)  # noqa: PT017
        assert len(chats.bodies) == seen
        return
    asked = re.findall(r"word\d+x", json.dumps([message.content for message in messages]))
    assert [word for word in asked if word not in json.dumps(chats.sent)] == []
    said_by = [{"human": "user", "ai": "assistant"}.get(message.type, message.type) for message in messages]
    others = [role for role in said_by if role != "system"]
    assert [message["role"] for message in chats.sent if message["role"] != "system"] == others
