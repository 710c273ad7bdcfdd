"""What the script answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Api

RED_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
CONTEXT = "The Eiffel Tower is in Paris. It was completed in 1889. Its height is 330 metres."


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("hello", "no model inside"),
        ("Hi!", "no model inside"),
        ("你好", "没有模型"),
        ("Who are you?", "scripted"),
        ("你是谁？", "脚本"),
        ("2+2", "2+2 = 4"),
        ("What is 12 times 7?", "= 84"),
        ("What is (1 + 2) * 3.5?", "= 10.5"),
        ("Calculate 10 / 4", "= 2.5"),
        ("What is 1 / 0?", "division by zero"),
        ("3加4等于多少？", "= 7"),
        ("Count from 2 to 5", "2, 3, 4, 5"),
        ("从1数到3", "1, 2, 3"),
        ("Repeat after me: blue cat", "blue cat"),
        ("Say hello", "hello"),
        ("请说：天空", "天空"),
        ("Tell me a joke", "sandbox"),
        ("The sky is blue", "You said: The sky is blue"),
        ("天空是蓝的", "你说的是：天空是蓝的"),
    ],
)
def test_small_talk(api: Api, prompt: str, words: str) -> None:
    assert words in api.text("vision", prompt)


def test_answers_are_the_same_every_time(api: Api) -> None:
    assert api.text("flash", "Tell me something") == api.text("flash", "Tell me something")


def test_ids_are_not_the_same(api: Api) -> None:
    assert api.reply("flash", "hi")["id"] != api.reply("flash", "hi")["id"]


@pytest.mark.parametrize(
    ("said", "asked", "answer"),
    [
        ("Hi, my name is Bob and I like tea.", "What is my name?", "Your name is Bob."),
        ("My favourite colour is dark blue.", "What's my favourite colour?", "Your favourite colour is dark blue."),
        ("Nothing.", "What is my name?", "You have not told me your name yet."),
        ("我叫小明", "我叫什么名字？", "你叫小明。"),
    ],
)
def test_memory(api: Api, said: str, asked: str, answer: str) -> None:
    messages = [
        {"role": "user", "content": said},
        {"role": "assistant", "content": "OK."},
        {"role": "user", "content": asked},
    ]
    assert api.text("cn", messages) == answer


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        (
            (
                f"Context information is below.\n---------------------\n{CONTEXT}\n---------------------\n"
                "Given the context information and not prior knowledge, answer the query.\n"
                "Query: What is the height?\nAnswer: "
            ),
            "Its height is 330 metres.",
        ),
        (
            f"Use the context.\n\nContext: {CONTEXT}\n\nQuestion: Where is the Eiffel Tower?\nHelpful Answer:",
            "in Paris.",
        ),
        ("上下文：北京是中国的首都。上海是最大的城市。\n问题：中国的首都是哪里？", "北京是中国的首都。"),
        (f"<context>\n{CONTEXT}\n</context>\nWhat is the height?", "Its height is 330 metres."),
        (f"Context: {CONTEXT}\nQuestion: Who discovered penicillin?", "The given context does not say."),
        (
            (
                "The original query is as follows: What is the height?\n"
                "We have provided an existing answer: 330 metres\n"
                "Refine it with the context below.\n------------\nBananas are yellow.\n------------\nRefined Answer: "
            ),
            "330 metres",
        ),
        (
            "Chat History:\nhi\n\nFollow Up Message:\nHow tall is it?\n\nStandalone question:",
            "How tall is it?",
        ),
    ],
)
def test_answers_from_a_given_text(api: Api, prompt: str, answer: str) -> None:
    assert api.text("flash", prompt).endswith(answer)


def test_context_in_the_system_message(api: Api) -> None:
    system = f"Answer questions from the following context, and from nothing else, in a sentence.\n\n{CONTEXT}"
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "When was it completed?"}]
    assert api.text("text", messages) == "It was completed in 1889."


def _picture(url: str, text: str = "What is this?") -> list[dict[str, Any]]:
    parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
    return [{"role": "user", "content": parts}]


@pytest.mark.parametrize("endpoint", ["flash", "vision"])
def test_image_data_is_described(api: Api, endpoint: str) -> None:
    text = api.text(endpoint, _picture(f"data:image/png;base64,{RED_PIXEL}"))
    for words in ("image/png", "70 bytes", "1×1 pixels", "mostly red", "What is this?", "no model"):
        assert words in text


def test_other_image_headers(api: Api) -> None:
    gif = "data:image/gif;base64,R0lGODlhAwACAIAAAP///wAAACH5BAAAAAAALAAAAAADAAIAAAIChF8AOw=="
    assert "3×2 pixels" in api.text("flash", _picture(gif))
    jpeg = "data:image/jpeg;base64,/9j/4AAEAAD/wAALCAAFAAcBAREA"
    assert "7×5 pixels" in api.text("flash", _picture(jpeg))


def test_broken_image_data_is_told(api: Api) -> None:
    assert "cannot be decoded" in api.text("flash", _picture("data:image/png;base64,a?b"))


def test_remote_media_are_named_and_not_fetched(api: Api) -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": "https://example.invalid/a/photo%201.jpg"}},
        {"type": "video_url", "video_url": {"url": "https://example.invalid/clip.mp4"}},
    ]
    text = api.text("vision", [{"role": "user", "content": parts}])
    assert "image photo 1.jpg, which was not fetched" in text
    assert "video clip.mp4, which was not fetched" in text


def test_flash_tells_media_tokens_apart(api: Api) -> None:
    usage = api.reply("flash", _picture("https://example.invalid/a.jpg"))["usage"]
    details = usage["prompt_tokens_details"]
    assert details["image_tokens"] > 0
    assert details["text_tokens"] + details["image_tokens"] + details["video_tokens"] == usage["prompt_tokens"]


def test_thinking_is_derived_from_the_question(api: Api) -> None:
    message = api.reply("flash", "Why is grass green?", enable_thinking=True)["choices"][0]["message"]
    assert "Why is grass green?" in message["reasoning_content"]
    chinese = api.reply("text", "草为什么是绿的")["choices"][0]["message"]
    assert "用户" in chinese["reasoning"]


@pytest.mark.parametrize(
    ("endpoint", "fields", "thinks"),
    [
        ("flash", {}, False),
        ("flash", {"enable_thinking": False}, False),
        ("flash", {"enable_thinking": True}, True),
        ("cn", {}, False),
        ("text", {}, True),
        ("text", {"reasoning": {"effort": "low"}}, True),
        ("text", {"reasoning": {"effort": "none"}}, False),
        ("vision", {}, False),
    ],
)
def test_who_thinks_when(api: Api, endpoint: str, fields: dict[str, Any], *, thinks: bool) -> None:
    reply = api.reply(endpoint, "hi", **fields)
    message = reply["choices"][0]["message"]
    assert bool(message.get("reasoning") or message.get("reasoning_content")) is thinks
    assert ("completion_tokens_details" in reply["usage"]) is thinks


def test_json_object_without_keys_holds_the_answer(api: Api) -> None:
    text = api.text("cn", "Reply in JSON. What is 2 + 3?", response_format={"type": "json_object"})
    assert json.loads(text) == {"answer": "2 + 3 = 5"}


def test_json_object_with_named_keys(api: Api) -> None:
    prompt = "Tell me a joke about cats. Return JSON with 'setup' and 'punchline' keys."
    value = json.loads(api.text("vision", prompt, response_format={"type": "json_object"}))
    assert set(value) == {"setup", "punchline"}
    assert "cats" in value["setup"]


def test_schema_written_into_the_prompt(api: Api) -> None:
    schema = {"properties": {"city": {"type": "string"}, "year": {"type": "integer"}}, "required": ["city", "year"]}
    prompt = f"Berlin was founded in 1237.\nConform to the JSON schema below.\n```\n{json.dumps(schema)}\n```"
    assert json.loads(api.text("text", prompt)) == {"city": "Berlin", "year": 1237}
