"""What becomes of a long conversation: opening instructions, media in places, sound, and whose reasoning goes back."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from qwen_endpoints import ConfigurationError, Message

from .support import encoded, endpoint, user

DETAIL = {"type": "reasoning.encrypted", "data": "abc"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def system(content: Any, name: str | None = None) -> Message:
    return Message(role="system", content=content, name=name)


def bodies(*messages: Message, provider: str = "dashscope", model: str = "qwen-plus") -> list[dict[str, Any]]:
    return encoded(endpoint(provider, model), messages=messages).body["messages"]


@pytest.mark.parametrize(
    ("opening", "content"),
    [
        ([system("a"), system("b")], "a\n\nb"),
        ([system("a"), system(""), system("c")], "a\n\nc"),
        ([system("")], ""),
        ([system("a"), system([text("b"), text("c")])], [text("a"), text("b"), text("c")]),
        ([system("a", "ann"), system("b", "ann")], "a\n\nb"),
    ],
    ids=["two", "an empty one", "one", "parts", "one name"],
)
def test_opening_system_messages_become_one(opening: list[Message], content: Any) -> None:
    before = deepcopy(opening)
    first, last = bodies(*opening, user())
    assert (first["role"], first["content"]) == ("system", content)
    assert last == {"role": "user", "content": "Hi"}
    assert opening == before


def test_other_system_messages_stay_where_they_are() -> None:
    assert [body["role"] for body in bodies(system("a"), user(), system("b"), user())] == [
        "system", "user", "system", "user"
    ]  # fmt: skip
    assert [body["name"] for body in bodies(system("a", "ann"), system("b", "bob"), user())[:2]] == ["ann", "bob"]


@pytest.mark.parametrize(("role", "article"), [("assistant", "An"), ("system", "A")])
def test_media_belong_in_user_messages_and_tool_results(role: Any, article: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{article} {role} message holds a part of type image_url"):
        bodies(Message(role=role, content=[IMAGE]), user(), model="qwen3-vl-plus")
    result = Message(role="tool", content=[text("a"), IMAGE], tool_call_id="c")
    assert bodies(user(), result, model="qwen3-vl-plus")[1]["content"] == [text("a"), IMAGE]


@pytest.mark.parametrize("key", ["fps", "max_frames", "min_pixels", "max_pixels", "total_pixels"])
def test_sampling_that_would_be_lost_is_refused(key: str) -> None:
    sampled = user([{**IMAGE, key: 2}])
    assert bodies(sampled, model="qwen3-vl-plus")[0]["content"] == [{**IMAGE, key: 2}]
    with pytest.raises(ConfigurationError, match=f"{key} on a part of type image_url would not reach the model"):
        bodies(sampled, provider="anyfast", model="qwen3.6-flash")


def test_a_list_of_frames_is_refused_where_the_page_has_none() -> None:
    frames = user([{"type": "video", "video": ["https://example.com/1.png"]}])
    with pytest.raises(ConfigurationError, match="which wcode does not take"):
        bodies(frames, provider="wcode", model="qwen/qwen3-vl-32b-instruct")
    assert bodies(frames, model="qwen3-vl-plus")


@pytest.mark.parametrize("data", ["AAAA", "data:;base64,AAAA", "data:audio/wav;base64,AAAA"])
@pytest.mark.parametrize(("provider", "sent"), [("dashscope", "data:;base64,AAAA"), ("vllm", "AAAA")])
def test_sound_in_the_form_the_endpoint_takes(provider: str, sent: str, data: str) -> None:
    part: dict[str, Any] = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    (body,) = bodies(user([part]), provider=provider, model="qwen3-omni-flash")
    assert body["content"] == [{"type": "input_audio", "input_audio": {"data": sent, "format": "wav"}}]
    assert part["input_audio"]["data"] == data
    link = {"type": "input_audio", "input_audio": {"data": "https://example.com/a.wav", "format": "wav"}}
    assert bodies(user([link]), provider=provider, model="qwen3-omni-flash")[0]["content"] == [link]


@pytest.mark.parametrize(("origin", "sent"), [(None, True), ("wcode", True), ("openrouter", False)])
def test_details_go_back_to_the_provider_they_are_from(origin: str | None, sent: bool) -> None:
    answer = Message(role="assistant", content="a", reasoning="r", reasoning_details=[DETAIL], origin=origin)
    body = bodies(user(), answer, provider="wcode", model="qwen/qwen3-235b-a22b")[1]
    assert body["reasoning"] == "r"
    assert body.get("reasoning_details") == ([DETAIL] if sent else None)
