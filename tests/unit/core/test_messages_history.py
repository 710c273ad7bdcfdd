"""What a server receives over Messages: the system's words, the turns, pictures, calls and their results."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from qwen_endpoints import (
    PROVIDERS,
    ConfigurationError,
    Message,
    ModelOffer,
    QwenClient,
    QwenSettings,
    ToolCall,
)

from .messages_support import answer, ask, call_of, result, system, text, turns, use
from .support import ABSENT, Server, at, make, send, user

MARK = {"type": "ephemeral"}
PNG = "iVBORw0KGgo="
VISION = {"model": "qwen3-vl-32b-instruct"}


def part(words: str, **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **fields}


def image(url: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": url, **fields}


# The system's words


@pytest.mark.parametrize(
    ("messages", "sent"),
    [
        ([system()], "Be brief."),
        ([system(), system("Be kind.")], "Be brief.\n\nBe kind."),
        ([system([part("a"), part("b")])], "a\n\nb"),
        ([system(""), system(" \n")], ABSENT),
        ([system(""), system("Be kind.")], "Be kind."),
        ([system([part("a", cache_control=MARK)])], [part("a", cache_control=MARK)]),
        ([system("a"), system([part("b", cache_control=MARK)])], [part("a"), part("b", cache_control=MARK)]),
        ([system([part("a", cache_control=None)])], "a"),
    ],
)
def test_opening_system_messages_stand_apart(
    server: Server, client: QwenClient, messages: list[Message], sent: Any
) -> None:
    before = deepcopy(messages)
    body, _ = ask(server, client, messages=[*messages, user()])
    assert at(body, "system") == sent
    assert body["messages"] == [{"role": "user", "content": [text("Hi")]}]
    assert messages == before


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([user(), system()], "takes system messages at the beginning only. Make a later one a user message"),
        ([system(), user(), answer("x"), system(), user()], "at the beginning only"),
        ([], "There are no messages"),
        ([system()], "There are no messages"),
        ([user("")], "takes no empty messages"),
        ([user(" \n\t")], "takes no empty messages"),
        ([user([])], "takes no empty messages"),
        ([user([part(" "), part("")])], "takes no empty messages"),
        ([user("a"), answer("b"), user(" ")], "takes no empty messages"),
        ([answer(" ")], "takes no empty messages"),
        ([system([image("https://a.example/a.png")]), user()], "A system message holds a part of type image_url"),
        ([user(), answer([image("https://a.example/a.png")])], "An assistant message holds a part of type image_url"),
    ],
)
def test_conversations_that_cannot_be_sent_are_refused(
    server: Server, client: QwenClient, messages: list[Message], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        ask(server, client, messages=messages)
    assert "wcode-anthropic" in str(caught.value)
    assert server.received == []


# Turns


@pytest.mark.parametrize(
    ("messages", "sent"),
    [
        ([user("a"), user("b")], [("user", "a", "b")]),
        ([user("a"), answer("b"), answer("c"), user("d")], [("user", "a"), ("assistant", "b", "c"), ("user", "d")]),
        ([user([part("a"), part("b")]), user("c")], [("user", "a", "b", "c")]),
        ([user("a"), user(" \n")], [("user", "a")]),
        ([user([part(""), part("a"), part("\n")])], [("user", "a")]),
        ([user("a"), answer(""), user("b")], [("user", "a", "b")]),
        ([user("a"), answer(" "), answer("b"), user("c")], [("user", "a"), ("assistant", "b"), ("user", "c")]),
        ([user(" a ")], [("user", " a ")]),
        ([answer("a"), user("b")], [("assistant", "a"), ("user", "b")]),
        ([user("a"), answer("Once \n")], [("user", "a"), ("assistant", "Once")]),
        ([user("a"), answer("x "), answer("Once ")], [("user", "a"), ("assistant", "x ", "Once")]),
        ([user("a"), answer("x "), user("b")], [("user", "a"), ("assistant", "x "), ("user", "b")]),
        ([user("a"), answer("Once"), answer(" ")], [("user", "a"), ("assistant", "Once")]),
    ],
)
def test_messages_of_one_side_make_one_turn(
    server: Server, client: QwenClient, messages: list[Message], sent: Any
) -> None:
    before = deepcopy(messages)
    said = turns(server, client, *messages)
    assert [(turn["role"], *(block["text"] for block in turn["content"])) for turn in said] == sent
    assert messages == before


def test_of_names_a_note_is_left(server: Server, client: QwenClient) -> None:
    messages = [Message(role="user", content="Hi", name="ann"), Message(role="user", content="Ho", name="bob")]
    body, completion = ask(server, client, messages=messages)
    assert "name" not in body["messages"][0]
    assert completion.notes == ("the names ann, bob were left out: Messages has no place for them",)


def test_a_mark_stays_on_its_block(server: Server, client: QwenClient) -> None:
    [turn] = turns(server, client, user([part("a", cache_control=MARK), part("b")]))
    assert turn["content"] == [part("a", cache_control=MARK), part("b")]


# Pictures


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://a.example/a.png", {"type": "url", "url": "https://a.example/a.png"}),
        ({"url": "https://a.example/a.png", "detail": "low"}, {"type": "url", "url": "https://a.example/a.png"}),
        (f"data:image/webp;base64,{PNG}", {"type": "base64", "media_type": "image/webp", "data": PNG}),
        (f"data:image/png;name=a.png;base64,{PNG}", {"type": "base64", "media_type": "image/png", "data": PNG}),
        (f"DATA:Image/JPEG;BASE64,{PNG}", {"type": "base64", "media_type": "image/jpeg", "data": PNG}),
        (f"data:;base64,{PNG}", {"type": "base64", "media_type": "image/png", "data": PNG}),
        ("data:;base64,/9j/4AAQ", {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"}),
        ("data:;base64,R0lGODlh", {"type": "base64", "media_type": "image/gif", "data": "R0lGODlh"}),
        ("data:;base64,UklGRiQA", {"type": "base64", "media_type": "image/webp", "data": "UklGRiQA"}),
    ],
)
def test_a_picture_is_told_by_url_or_sent(server: Server, client: QwenClient, url: Any, source: Any) -> None:
    content = [part("What?"), image(url, cache_control=MARK)]
    before = deepcopy(content)
    body, _ = ask(server, client, "vllm-anthropic", VISION, messages=[user(content)])
    assert body["messages"][0]["content"] == [
        part("What?"),
        {"type": "image", "source": source, "cache_control": MARK},
    ]
    assert content == before


@pytest.mark.parametrize("url", [None, "", {}, {"url": None}, {"url": ""}, 5])
def test_a_picture_without_an_address_is_refused(server: Server, client: QwenClient, url: Any) -> None:
    for broken in (image(url), {"type": "image_url"}):
        with pytest.raises(ConfigurationError, match="image_url has no url"):
            ask(server, client, "vllm-anthropic", VISION, messages=[user([part("a"), broken])])
    assert server.received == []


ALL_SENSES = replace(PROVIDERS["vllm-anthropic"], models={"m": ModelOffer(profile={"inputs": None})})


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "video_url", "video_url": {"url": "https://a.example/a.mp4"}},
        {"type": "video", "video": ["https://a.example/a.png"]},
        {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}},
        {"type": "audio_url", "audio_url": {"url": "https://a.example/a.wav"}},
        {"type": "file", "file": {"file_id": "f"}},
        {"type": "hologram"},
        {},
    ],
    ids=lambda broken: str(broken.get("type")),
)
def test_other_parts_are_refused_and_named(server: Server, client: QwenClient, broken: dict[str, Any]) -> None:
    for message in (user([part("a"), broken]), result([part("a"), broken])):
        with pytest.raises(ConfigurationError, match=f"of type {broken.get('type')}") as caught:
            send(client, QwenSettings(model="m", provider=ALL_SENSES, base_url=server.url), messages=[message])
        assert message.role in str(caught.value)
    assert server.received == []


def test_a_model_without_eyes_gets_no_picture(server: Server, client: QwenClient) -> None:
    with pytest.raises(ConfigurationError, match="takes text only"):
        ask(server, client, messages=[user([image("https://a.example/a.png")])])


# Calls and results


def results_of(said: Any) -> list[Any]:
    return [block for turn in said for block in turn["content"] if block["type"] == "tool_result"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("sunny", {"content": "sunny"}),
        ("", {}),
        (" \n", {}),
        ([], {}),
        ([part("sunny")], {"content": "sunny"}),
        ([part("sunny", cache_control=MARK)], {"content": "sunny", "cache_control": MARK}),
        ([part("a"), part("b")], {"content": [part("a"), part("b")]}),
        ([part("a"), part(" "), part("")], {"content": "a"}),
        (
            [image("https://a.example/a.png")],
            {"content": [{"type": "image", "source": {"type": "url", "url": "https://a.example/a.png"}}]},
        ),
    ],
)
@pytest.mark.parametrize("failed", [False, True])
def test_a_result_stands_with_its_call(
    server: Server, client: QwenClient, given: Any, sent: dict[str, Any], *, failed: bool
) -> None:
    messages = [user("a"), answer("", call_of(city="Ulm")), result(given, is_error=failed)]
    before = deepcopy(messages)
    body, _ = ask(server, client, "vllm-anthropic", VISION, messages=messages)
    expected = {"type": "tool_result", "tool_use_id": "toolu_1", **sent, **({"is_error": True} if failed else {})}
    assert body["messages"] == [
        {"role": "user", "content": [text("a")]},
        {"role": "assistant", "content": [use(city="Ulm")]},
        {"role": "user", "content": [expected]},
    ]
    assert messages == before


def test_results_come_before_what_the_user_said_meanwhile(server: Server, client: QwenClient) -> None:
    said = turns(
        server,
        client,
        user("a"),
        answer("Let me see.", call_of("1"), call_of("2")),
        user("Quick!"),
        result("x", "1"),
        user("Please!"),
        result("y", "2"),
    )
    assert [block["type"] for block in said[1]["content"]] == ["text", "tool_use", "tool_use"]
    assert [block.get("tool_use_id") or block["text"] for block in said[2]["content"]] == [
        "1",
        "2",
        "Quick!",
        "Please!",
    ]


INVALID = ToolCall(id="bad", name="weather", arguments='{"city"', error="broken")


def test_an_invalid_call_goes_with_its_result_or_not_at_all(server: Server, client: QwenClient) -> None:
    said = turns(server, client, user("a"), answer("", INVALID), result("Broken.", "bad", is_error=True))
    assert said[1]["content"] == [{"type": "tool_use", "id": "bad", "name": "weather", "input": {}}]
    assert results_of(said)[0]["tool_use_id"] == "bad"
    said = turns(server, client, user("a"), answer("Hm.", INVALID, call_of("good")), result("x", "good"))
    assert [block.get("id") for block in said[1]["content"]] == [None, "good"]
    assert len(turns(server, client, user("a"), answer("", INVALID), user("b"))) == 1


def ids_of(said: Any) -> tuple[list[str], list[str]]:
    called = [block["id"] for turn in said for block in turn["content"] if block["type"] == "tool_use"]
    return called, [block["tool_use_id"] for block in results_of(said)]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (["toolu_1", "A-b_9"], ["toolu_1", "A-b_9"]),
        (["a.b", "c:d/e"], ["a_b", "c_d_e"]),
        (["a.b", "a_b"], ["a_b", "a_b_2"]),
        (["a_b", "a.b", "a:b"], ["a_b", "a_b_2", "a_b_3"]),
        (["a_b_2", "a.b", "a_b"], ["a_b_2", "a_b", "a_b_3"]),
        (["天", "气"], ["_", "__2"]),
        (["", "x"], ["call", "x"]),
    ],
)
def test_foreign_ids_are_changed_alike_in_call_and_result(
    server: Server, client: QwenClient, given: list[str], sent: list[str]
) -> None:
    calls = [call_of(id_) for id_ in given]
    results = [result(str(number), id_) for number, id_ in enumerate(given)]
    said = turns(server, client, user("a"), answer("", *calls), *reversed(results))
    assert ids_of(said) == (sent, sent[::-1])
    assert [block["content"] for block in results_of(said)] == [str(number) for number in range(len(given))][::-1]


def test_ids_that_come_again_in_a_later_turn_are_told_apart(server: Server, client: QwenClient) -> None:
    turn = [answer("", call_of("call_0")), result("x", "call_0")]
    said = turns(server, client, user("a"), *turn, *turn, user("b"), *turn)
    assert ids_of(said) == (["call_0", "call_0_2", "call_0_3"],) * 2
    longer = turns(server, client, user("a"), *turn, *turn, user("b"), *turn, answer("Done."), user("c"))
    assert longer[: len(said)] == said


def test_a_result_without_its_call_keeps_its_id(server: Server, client: QwenClient) -> None:
    assert ids_of(turns(server, client, result("x", "a.b"), user("b"))) == ([], ["a_b"])


def test_nothing_on_the_wire_is_the_callers(server: Server, client: QwenClient) -> None:
    call, mark = call_of(city={"name": "Ulm"}), {"type": "ephemeral"}
    messages = [
        user([part("a", cache_control=mark)]),
        answer("", call),
        result([part("x", cache_control=mark)]),
    ]
    before = deepcopy(messages)
    settings = make(server, "wcode-anthropic", extra_body={"messages": [], "system": "s"})
    ask(server, client)  # scripts the reply
    send(client, settings, messages=messages, overrides={"extra_body": {"x": mark}})
    assert messages == before
    assert mark == MARK
