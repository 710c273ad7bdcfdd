"""Which thinking goes back over Messages, and what follows where none can."""

# ruff: noqa: PLR0917 - parameters come from the table above each test
from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from qwen_endpoints import Message, QwenClient

from .messages_support import REDACTED, SIGNED, UNSIGNED_ROWS, answer, ask, call_of, result, text, use, whole_reply
from .support import ABSENT, TOOL, Server, at, make, send, user

OFF = {"type": "disabled"}
OLD = {**SIGNED, "thinking": "old", "signature": "s0"}
NOTE = (
    "thinking was switched off for this request: wcode-anthropic does not combine it with tool calls that came without "
    "its own signed thinking"
)


def loop(details: Any = (SIGNED, REDACTED), origin: str | None = "wcode-anthropic", **fields: Any) -> list[Message]:
    """A turn that has ended, and one in the midst of a tool loop."""
    return [
        user("a"),
        answer("b", reasoning="old", reasoning_details=(OLD,), origin=origin),
        user("c"),
        answer("d", call_of(), reasoning="why", reasoning_details=details, origin=origin, **fields),
        result(),
    ]


def thoughts_of(body: Any) -> list[Any]:
    """The thinking in each turn of the assistant."""
    answers = [turn["content"] for turn in body["messages"] if turn["role"] == "assistant"]
    return [[block for block in said if "thinking" in block["type"]] for said in answers]


@pytest.mark.parametrize("asked", [{}, {"enable_thinking": True}, {"thinking_budget": 2000}], ids=repr)
@pytest.mark.parametrize("origin", [None, "wcode-anthropic"])
@pytest.mark.parametrize(
    ("policy", "sent"),
    [
        ("auto", [[OLD], [SIGNED, REDACTED]]),
        ("always", [[OLD], [SIGNED, REDACTED]]),
        ("tool_turns", [[], [SIGNED, REDACTED]]),
    ],
)
def test_signed_thinking_goes_back_word_for_word(
    server: Server, client: QwenClient, policy: str, sent: Any, origin: str | None, asked: dict[str, Any]
) -> None:
    messages = loop(origin=origin)
    before = deepcopy(messages)
    body, completion = ask(
        server, client, settings={"reasoning_replay": policy, **asked}, tools=[TOOL], messages=messages
    )
    assert thoughts_of(body) == sent
    assert body["messages"][3]["content"] == [SIGNED, REDACTED, text("d"), use()]
    assert completion.notes == ()
    assert (at(body, "thinking") == ABSENT) == (asked == {})
    assert messages == before


@pytest.mark.parametrize("asked", [{}, {"enable_thinking": True}, {"reasoning_effort": "low"}], ids=repr)
@pytest.mark.parametrize(
    ("policy", "origin"),
    [
        ("never", "wcode-anthropic"),
        ("never", None),
        ("auto", "openrouter"),
        ("always", "vllm-anthropic"),
        ("tool_turns", "wcode"),
    ],
)
def test_calls_without_their_own_thinking_switch_it_off_for_that_request_only(
    server: Server, client: QwenClient, policy: str, origin: str | None, asked: dict[str, Any]
) -> None:
    settings = {"reasoning_replay": policy, **asked}
    body, completion = ask(server, client, settings=settings, tools=[TOOL], messages=loop(origin=origin))
    assert thoughts_of(body) == [[], []]
    assert body["thinking"] == OFF
    assert completion.notes == (NOTE,)
    completion = send(client, make(server, "wcode-anthropic", **settings), tools=[TOOL])
    assert at(server.last.json, "thinking") != OFF
    assert completion.notes == ()


@pytest.mark.parametrize("signed_first", [True, False])
def test_answers_that_follow_each_other_begin_with_thinking_as_one(
    server: Server, client: QwenClient, signed_first: bool
) -> None:
    signed = answer("b", reasoning_details=(SIGNED,), origin="wcode-anthropic")
    calling = answer("c", call_of(), reasoning_details=(SIGNED,), origin="wcode-anthropic")
    said = [signed, answer("c", call_of())] if signed_first else [answer("b"), calling]
    settings = {"enable_thinking": True}
    body, completion = ask(server, client, settings=settings, tools=[TOOL], messages=[user("a"), *said, result()])
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert (body["thinking"] != OFF, completion.notes) == (signed_first, () if signed_first else (NOTE,))


@pytest.mark.parametrize(
    "details",
    [
        (),
        ({"type": "reasoning.text", "text": "why"},),
        ({"type": "reasoning.encrypted", "data": "x"}, {"text": "why"}),
    ],
    ids=["none", "another protocol's", "of no type"],
)
def test_details_that_are_no_blocks_of_thinking_are_left_out(server: Server, client: QwenClient, details: Any) -> None:
    body, completion = ask(server, client, tools=[TOOL], messages=loop(details, None))
    assert thoughts_of(body) == [[OLD], []]
    assert (body["thinking"], completion.notes) == (OFF, (NOTE,))


def test_blocks_of_thinking_among_other_details_go_back(server: Server, client: QwenClient) -> None:
    mixed = ({"type": "reasoning.text", "text": "x"}, REDACTED, SIGNED)
    body, completion = ask(server, client, tools=[TOOL], messages=loop(mixed, None))
    assert thoughts_of(body) == [[OLD], [REDACTED, SIGNED]]
    assert completion.notes == ()


def test_where_thinking_is_off_anyway_there_is_nothing_to_note(server: Server, client: QwenClient) -> None:
    body, completion = ask(
        server, client, settings={"enable_thinking": False}, tools=[TOOL], messages=loop(origin="openrouter")
    )
    assert (body["thinking"], completion.notes) == (OFF, ())


def test_answers_without_calls_need_no_thinking(server: Server, client: QwenClient) -> None:
    messages = [user("a"), answer("b"), user("c")]
    body, completion = ask(server, client, settings={"enable_thinking": True}, messages=messages)
    assert (body["thinking"]["type"], completion.notes) == ("enabled", ())


def test_the_last_answer_alone_decides(server: Server, client: QwenClient) -> None:
    foreign = answer("", call_of("1"), origin="wcode")
    own = answer("", call_of("2"), reasoning_details=(SIGNED,), origin="wcode-anthropic")
    for calls, off in (((foreign, own), False), ((own, foreign), True)):
        messages = [user("a")]
        for call in calls:
            messages += [call, result("x", call.tool_calls[0].id)]
        body, _ = ask(server, client, settings={"enable_thinking": True}, tools=[TOOL], messages=messages)
        assert (body["thinking"] == OFF) == off


def test_both_reasons_make_one_note(server: Server, client: QwenClient) -> None:
    _, completion = ask(server, client, tools=[TOOL], tool_choice="any", messages=loop(()))
    [note] = completion.notes
    assert "a forced tool choice and tool calls that came without" in note


# Servers that sign nothing

WHY = {"type": "thinking", "thinking": "why", "signature": ""}
BEFORE = {"type": "thinking", "thinking": "old", "signature": ""}


REPLAYED: list[tuple[dict[str, Any], list[Any]]] = [
    ({}, [[], [WHY]]),
    ({"model": "qwen3.6-27b"}, [[BEFORE], [WHY]]),
    ({"reasoning_replay": "always"}, [[BEFORE], [WHY]]),
    ({"reasoning_replay": "tool_turns"}, [[], [WHY]]),
    ({"reasoning_replay": "never"}, [[], []]),
]


@pytest.mark.parametrize("provider", UNSIGNED_ROWS)
@pytest.mark.parametrize(
    ("settings", "sent"),
    REPLAYED,
    ids=["auto", "auto, preserving model", "always", "tool_turns", "never"],
)
@pytest.mark.parametrize("origin", ["wcode-anthropic", "openrouter"])
def test_elsewhere_the_text_goes_back_unsigned(
    server: Server, client: QwenClient, provider: str, settings: dict[str, Any], sent: Any, origin: str
) -> None:
    body, completion = ask(server, client, provider, settings, messages=loop(origin=origin))
    assert thoughts_of(body) == sent
    assert completion.notes == ()


@pytest.mark.parametrize("provider", UNSIGNED_ROWS)
def test_there_too_blocks_of_their_own_go_back_as_they_came(server: Server, client: QwenClient, provider: str) -> None:
    for origin in (None, provider):
        body, _ = ask(server, client, provider, {"reasoning_replay": "always"}, messages=loop(origin=origin))
        assert thoughts_of(body) == [[OLD], [SIGNED, REDACTED]]
    own = [user(), answer("b", reasoning="why", origin=provider), user()]
    body, _ = ask(server, client, provider, {"reasoning_replay": "always"}, messages=own)
    assert thoughts_of(body) == [[WHY]]


def test_a_reply_goes_back_as_it_came(server: Server, client: QwenClient) -> None:
    server.script(whole_reply(SIGNED, REDACTED, text("d"), use(city="Ulm"), stop="tool_use"))
    first = send(client, make(server, "wcode-anthropic"), tools=[TOOL]).first
    said = Message(
        role="assistant",
        content=first.text,
        reasoning=first.reasoning,
        reasoning_details=first.reasoning_details,
        tool_calls=first.tool_calls,
        origin="wcode-anthropic",
    )
    send(
        client,
        make(server, "wcode-anthropic"),
        tools=[TOOL],
        messages=[user(), said, result("x", first.tool_calls[0].id)],
    )
    assert server.last.json["messages"][1]["content"] == [SIGNED, REDACTED, text("d"), use(city="Ulm")]
