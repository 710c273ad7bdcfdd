"""What a conversation becomes on the wire: roles, texts, reasoning, cache points, and what is refused."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import (
    CacheControl,
    CachePoint,
    ChatMessage,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from pydantic import BaseModel
from qwen_endpoints import ConfigurationError

from tests.unit.llamaindex.wire import Send, result, said, sender

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

POINT = CachePoint(cache_control=CacheControl(type="ephemeral", ttl="1h"))
MARK = {"cache_control": {"type": "ephemeral"}}
DETAILS = [{"type": "reasoning.encrypted", "data": "abc", "index": 0, "deep": {"a": [1, None]}}]
CALL = ToolCallBlock(tool_call_id="c", tool_name="f", tool_kwargs={})
DONE = result(TextBlock(text="r"), tool_call_id="c")


def text(content: str, **rest: Any) -> dict[str, Any]:
    return {"type": "text", "text": content, **rest}


@pytest.fixture
def sent(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> Send:
    return sender(scripted, qwen_sandbox)


# Roles and texts


@pytest.mark.parametrize(
    ("role", "wire"),
    [
        (MessageRole.SYSTEM, "system"),
        (MessageRole.DEVELOPER, "system"),
        (MessageRole.USER, "user"),
        (MessageRole.ASSISTANT, "assistant"),
        (MessageRole.CHATBOT, "assistant"),
        (MessageRole.MODEL, "assistant"),
    ],
)
def test_roles(sent: Send, role: MessageRole, wire: str) -> None:
    assert sent(ChatMessage(role=role, content="x")) == [{"role": wire, "content": "x"}]


@pytest.mark.parametrize("role", [MessageRole.TOOL, MessageRole.FUNCTION])
def test_roles_of_results(sent: Send, role: MessageRole) -> None:
    back = result(TextBlock(text="r"), role=role, tool_call_id="c")
    assert sent(ChatMessage("q"), said(CALL), back)[2] == {"role": "tool", "content": "r", "tool_call_id": "c"}


def test_every_role_is_known() -> None:
    assert len(MessageRole) == 8


def test_texts(sent: Send) -> None:
    assert sent(TextBlock(text="one")) == "one"
    assert sent(TextBlock(text="one"), TextBlock(text="two")) == [text("one"), text("two")]
    assert sent(TextBlock(text=" \n\t 😀 ")) == " \n\t 😀 "


def test_an_answers_texts_are_one_as_the_framework_joins_them(sent: Send) -> None:
    answer = said(TextBlock(text="one"), TextBlock(text=""), TextBlock(text="two"))
    assert sent(ChatMessage("q"), answer)[1]["content"] == "one\ntwo"


@pytest.mark.parametrize("role", [MessageRole.SYSTEM, MessageRole.USER, MessageRole.ASSISTANT, MessageRole.TOOL])
@pytest.mark.parametrize("blocks", [[], [TextBlock(text="")]], ids=["no blocks", "empty text"])
def test_a_message_without_content_is_an_empty_one(sent: Send, role: MessageRole, blocks: list[Any]) -> None:
    message = ChatMessage(role=role, blocks=blocks, additional_kwargs={"tool_call_id": "c"})
    (arrived,) = sent(ChatMessage("q"), said(CALL), message)[2:]
    assert arrived["content"] == ""


def test_a_message_made_with_no_content(sent: Send) -> None:
    assert sent(ChatMessage(role=MessageRole.ASSISTANT, content=None), ChatMessage("x"))[0]["content"] == ""


def test_system_messages_that_open_are_one_and_later_ones_stay(sent: Send) -> None:
    arrived = sent(
        ChatMessage(role=MessageRole.SYSTEM, content="Be kind."),
        ChatMessage(role=MessageRole.DEVELOPER, content="Be brief."),
        ChatMessage("q"),
        ChatMessage(role=MessageRole.SYSTEM, content="Be quick."),
    )
    assert arrived == [
        {"role": "system", "content": "Be kind.\n\nBe brief."},
        {"role": "user", "content": "q"},
        {"role": "system", "content": "Be quick."},
    ]


def test_of_notes_beside_a_message_its_name_is_sent(sent: Send) -> None:
    notes = {"name": "ada", "tool_call_id": "call_1", "anything": {"else": 1}, "refusal": "no"}
    arrived = sent(
        ChatMessage(role=MessageRole.SYSTEM, content="s", additional_kwargs=notes),
        ChatMessage("q", additional_kwargs=notes),
        said(TextBlock(text="a"), **notes),
    )
    assert arrived == [
        {"role": "system", "content": "s", "name": "ada"},
        {"role": "user", "content": "q", "name": "ada"},
        {"role": "assistant", "content": "a", "name": "ada"},
    ]
    assert "name" not in sent(ChatMessage("q", additional_kwargs={"name": 7}))[0]


def test_what_an_answer_refused_goes_back_as_its_text(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    refused = {"role": "assistant", "content": None, "refusal": "I must not."}
    llm = scripted({"id": "c", "choices": [{"index": 0, "message": refused, "finish_reason": "stop"}]})
    answer = llm.chat([ChatMessage("q")])
    assert answer.message.content is None
    llm.chat([ChatMessage("q"), answer.message, ChatMessage("Why?")])
    assert qwen_sandbox.last_request.json["messages"][1] == {"role": "assistant", "content": "I must not."}


def test_nothing_of_the_callers_is_changed(sent: Send) -> None:
    thought = ThinkingBlock(content="t", additional_information={"reasoning_details": DETAILS})
    messages = [
        ChatMessage(blocks=[TextBlock(text="q"), POINT]),
        said(thought, TextBlock(text="a"), CALL, POINT, reasoning_content="x", tool_calls=[]),
        DONE,
    ]
    before = copy.deepcopy(messages)
    sent(*messages, reasoning_replay="always", provider="openrouter")
    assert messages == before


# Reasoning


def turn(*thoughts: ThinkingBlock, **extra: Any) -> list[ChatMessage]:
    return [ChatMessage("q"), said(*thoughts, CALL, **extra), DONE]


def test_reasoning_goes_back_within_a_tool_turn(sent: Send) -> None:
    messages = turn(ThinkingBlock(content="Look it up."))
    assert sent(*messages)[1]["reasoning_content"] == "Look it up."
    assert sent(*messages)[1]["content"] == ""
    assert sent(*messages, provider="openrouter")[1]["reasoning"] == "Look it up."


@pytest.mark.parametrize(
    ("policy", "old", "new"),
    [("auto", False, True), ("tool_turns", False, True), ("always", True, True), ("never", False, False)],
)
def test_which_reasoning_goes_back_is_a_setting(sent: Send, policy: str, *, old: bool, new: bool) -> None:
    past = [*turn(ThinkingBlock(content="old")), said(TextBlock(text="a"))]
    arrived = sent(*past, *turn(ThinkingBlock(content="new")), reasoning_replay=policy)
    assert ("reasoning_content" in arrived[1], "reasoning_content" in arrived[5]) == (old, new)


def test_several_thoughts_are_one(sent: Send) -> None:
    thoughts = [ThinkingBlock(content="one"), ThinkingBlock(content=None), ThinkingBlock(content="two")]
    assert sent(*turn(*thoughts))[1]["reasoning_content"] == "one\ntwo"


@pytest.mark.parametrize(
    "information",
    [
        {"signature": "EqQB"},  # Anthropic
        {"thought_signature": "Cp8B", "thought": True},  # Google
        {"id": "rs_1", "encrypted_content": "gAAA", "type": "reasoning", "summary": []},  # OpenAI's Responses
        {"reasoning_details": "no list"},
        {"reasoning_details": ["no object"]},
    ],
)
def test_of_other_providers_thoughts_the_text_alone_goes_back(sent: Send, information: dict[str, Any]) -> None:
    messages = turn(ThinkingBlock(content="Look it up.", additional_information=information))
    for provider in ("generic", "openrouter", "wcode"):
        arrived = sent(*messages, provider=provider)[1]
        assert {key for key in arrived if key not in ("role", "content", "tool_calls")} in (
            {"reasoning_content"},
            {"reasoning"},
        )
        assert "Look it up." in arrived.values()


def test_a_thought_without_text_is_not_sent(sent: Send) -> None:
    messages = turn(ThinkingBlock(additional_information={"encrypted_content": "gAAA"}))
    assert set(sent(*messages)[1]) == {"role", "content", "tool_calls"}


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_beside_a_message_counts_where_it_has_no_block(sent: Send, key: str) -> None:
    assert sent(*turn(**{key: "beside"}))[1]["reasoning_content"] == "beside"
    assert sent(*turn(ThinkingBlock(content="within"), **{key: "beside"}))[1]["reasoning_content"] == "within"
    assert "reasoning_content" not in sent(*turn(**{key: {"no": "text"}}))[1]


@pytest.mark.parametrize("store", [False, True], ids=["kept", "stored"])
def test_details_go_back_verbatim_to_their_provider_and_no_other(
    scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, *, store: bool
) -> None:
    function = {"name": "f", "arguments": "{}"}
    message = {
        "role": "assistant",
        "content": None,
        "reasoning": "Look it up.",
        "reasoning_details": DETAILS,
        "tool_calls": [{"id": "c", "type": "function", "function": function}],
    }
    reply = {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    llm = scripted(reply, provider="openrouter", api_key="k")
    answer = llm.chat([ChatMessage("q")]).message
    if store:
        answer = ChatMessage.model_validate_json(answer.model_dump_json())
    assert "reasoning_details" not in str(answer.additional_kwargs)
    conversation = [ChatMessage("q"), answer, DONE]
    llm.chat(conversation)
    assert qwen_sandbox.last_request.json["messages"][1]["reasoning_details"] == DETAILS
    other = {"base_url": llm.base_url, "api_key": "k", "provider": "wcode"}  # takes details as well, but its own
    llm.chat(conversation, **other)
    arrived = qwen_sandbox.last_request.json["messages"][1]
    assert "reasoning_details" not in arrived
    assert arrived["reasoning"] == "Look it up."


def test_details_that_name_no_provider_are_the_callers_own(sent: Send) -> None:
    messages = turn(ThinkingBlock(content="t", additional_information={"reasoning_details": DETAILS}))
    for provider in ("openrouter", "wcode"):
        assert sent(*messages, provider=provider)[1]["reasoning_details"] == DETAILS
    assert "reasoning_details" not in sent(*messages)[1]


def test_details_of_two_providers_do_not_mix(sent: Send) -> None:
    def thought(provider: str) -> ThinkingBlock:
        details = [{"type": "x", "data": provider}]
        return ThinkingBlock(content="t", additional_information={"reasoning_details": details, "provider": provider})

    arrived = sent(*turn(thought("openrouter"), thought("wcode")), provider="openrouter")[1]
    assert arrived["reasoning_details"] == [{"type": "x", "data": "openrouter"}]


# Cache points


def test_a_cache_point_marks_the_part_before_it(sent: Send) -> None:
    parts = sent(POINT, TextBlock(text="long"), TextBlock(text=""), POINT, TextBlock(text="short"))
    assert parts == [text("long", **MARK), text(""), text("short")]


def test_a_cache_point_that_opens_a_message_marks_the_one_before(sent: Send) -> None:
    arrived = sent(
        ChatMessage(role=MessageRole.SYSTEM, content="long"), ChatMessage(blocks=[POINT, TextBlock(text="q")])
    )
    assert arrived == [{"role": "system", "content": [text("long", **MARK)]}, {"role": "user", "content": "q"}]


def test_cache_points_in_answers_and_results(sent: Send) -> None:
    arrived = sent(
        ChatMessage("q"),
        said(TextBlock(text="one"), POINT, TextBlock(text="two"), CALL, POINT),
        result(TextBlock(text="r"), POINT, tool_call_id="c"),
    )
    assert arrived[1]["content"] == [text("one\ntwo", **MARK)]
    assert arrived[2]["content"] == [text("r", **MARK)]
    bare = sent(ChatMessage("q"), said(CALL, POINT), DONE)
    assert [message["content"] for message in bare] == [[text("q", **MARK)], "", "r"]


def test_a_cache_point_is_nothing_to_an_endpoint_that_knows_none(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm.chat([ChatMessage(blocks=[TextBlock(text="hi"), POINT])])
    assert qwen_sandbox.last_request.json["messages"] == [{"role": "user", "content": "hi"}]


# What has no place


class HologramBlock(BaseModel):
    """What a later framework may add."""

    block_type: str = "hologram"


@pytest.mark.parametrize("role", list(MessageRole))
def test_an_unknown_block_is_named(sent: Send, role: MessageRole) -> None:
    message = ChatMessage(role=role, content="x", additional_kwargs={"tool_call_id": "c"})
    message.blocks.append(HologramBlock())  # pyright: ignore[reportArgumentType] - as said
    with pytest.raises(ConfigurationError, match="class HologramBlock"):
        sent(ChatMessage("q"), said(CALL), message)


@pytest.mark.parametrize("role", [MessageRole.USER, MessageRole.SYSTEM, MessageRole.DEVELOPER])
@pytest.mark.parametrize("block", [ThinkingBlock(content="t"), CALL], ids=["thinking", "call"])
def test_what_belongs_in_an_answer_is_refused_elsewhere(sent: Send, role: MessageRole, block: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"holds a {type(block).__name__}, which belongs in an assistant"):
        sent(ChatMessage(role=role, blocks=[TextBlock(text="x"), block]))


def test_what_a_tool_returned_is_data(sent: Send) -> None:
    back = result(TextBlock(text="r"), ThinkingBlock(content="t"), tool_call_id="c")
    said_back = sent(ChatMessage("q"), said(CALL), back)[2]["content"]
    assert said_back.startswith('r\n{"block_type":"thinking","content":"t"')


def test_a_conversation_without_messages_is_refused(llm: Qwen) -> None:
    with pytest.raises(ConfigurationError, match="no messages"):
        llm.chat([])
