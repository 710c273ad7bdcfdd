"""Text, reasoning, usage and finish reasons: whole or streamed, sync or async, at each documented endpoint."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGeneration

from tests.unit.langchain.conftest import (
    ENDPOINTS,
    PIXEL,
    Chats,
    Chunk,
    blocks,
    chunk,
    each_of_chat_completions,
    each_thinker,
    facts,
    four_ways,
    merged,
    usage_chunk,
    whole,
)

_VIDEO = {"type": "video", "url": "https://example.com/clip.mp4"}
_IMAGE = {"type": "image", "base64": PIXEL, "mime_type": "image/png"}
_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}

EVERYWHERE = tuple(ENDPOINTS)
THINKERS = ("cn", "flash", "text", "messages")

CASES: dict[str, tuple[tuple[str, ...], Any, dict[str, Any]]] = {
    "text": (EVERYWHERE, "Say exactly: blue whale", {}),
    "chinese": (EVERYWHERE, "你好！😀", {}),
    "thinking": (THINKERS, "Say exactly: blue whale", {"enable_thinking": True}),
    "not thinking": (THINKERS, "Say exactly: blue whale", {"enable_thinking": False}),
    "effort": (("text",), "Say exactly: blue whale", {"reasoning_effort": "high", "max_tokens": 90}),
    "effort as a budget": (("messages",), "Say exactly: blue whale", {"reasoning_effort": "low"}),
    "budget": (("messages",), "Say exactly: blue whale", {"thinking_budget": 1024, "max_tokens": 1025}),
    "stop": (EVERYWHERE, "Count from 1 to 9", {"stop": ["7"]}),
    "length": (EVERYWHERE, "Count from 1 to 40", {"max_tokens": 33}),
    "filtered": (EVERYWHERE, "tell me a story [[sandbox:content_filter]]", {}),
    "two choices": (("cn", "flash", "text", "vision"), "Count from 1 to 9", {"n": 2}),
    "logprobs": (("text", "vision"), "Say exactly: blue whale", {"logprobs": True, "top_logprobs": 2}),
    "tools": (EVERYWHERE, "weather in Paris and London", {"tools": [_WEATHER]}),
    "tools while thinking": (
        THINKERS,
        "weather in Paris and London",
        {"tools": [_WEATHER], "enable_thinking": True},
    ),
    "cut tools": (
        ("cn", "flash", "vision"),
        "weather in Paris and London",
        {"tools": [_WEATHER], "max_tokens": 7, "enable_thinking": None},
    ),
    "image": (("flash", "vision"), [HumanMessage([{"type": "text", "text": "What is it?"}, _IMAGE])], {}),
    "video": (("flash", "vision"), [HumanMessage([{"type": "text", "text": "What is it?"}, _VIDEO])], {}),
}


@pytest.mark.parametrize(
    ("case", "place"), [(case, place) for case, (places, _, _) in CASES.items() for place in places]
)
async def test_four_ways_give_one_message(chats: Chats, case: str, place: str) -> None:
    _, prompt, kwargs = CASES[case]
    messages = await four_ways(chats.at(place), prompt, **kwargs)
    expected = facts(messages["invoke"])
    assert expected["content"] or expected["tool_calls"] or expected["invalid_tool_calls"]
    for message in messages.values():
        assert facts(message) == expected
    kinds = [block["type"] for block in blocks(messages["invoke"])]
    for message in messages.values():
        assert [block["type"] for block in blocks(message)] == kinds
        assert message.id


@each_of_chat_completions
def test_a_plain_answer(chats: Chats, endpoint: str) -> None:
    answer = chats.at(endpoint, **({"enable_thinking": False} if endpoint != "vision" else {})).invoke(
        "Say exactly: blue whale"
    )
    provider, model = ENDPOINTS[endpoint]
    assert answer.content == answer.text == "blue whale"
    assert blocks(answer) == [{"type": "text", "text": "blue whale"}]
    assert answer.additional_kwargs == {}
    assert answer.tool_calls == answer.invalid_tool_calls == []
    metadata = answer.response_metadata
    assert metadata["model_name"] == model
    assert (metadata["model_provider"], metadata["provider"]) == ("qwen", provider)
    assert metadata["finish_reason"] == "stop"
    assert metadata["id"].startswith("chatcmpl-")
    assert metadata["created"] > 0
    assert metadata["token_usage"]["prompt_tokens"] > 0
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == metadata["token_usage"]["total_tokens"]
    assert chats.body["model"] == model
    assert set(chats.body) <= {"model", "messages", "enable_thinking", "reasoning"}, "what is unset must not be sent"


@each_thinker
async def test_reasoning(chats: Chats, thinker: str) -> None:
    for answer in (await four_ways(chats.at(thinker, enable_thinking=True), "Say exactly: blue whale")).values():
        reasoning = answer.additional_kwargs["reasoning_content"]
        assert reasoning.startswith("The user writes: “Say exactly: blue whale”.")
        assert answer.content == "blue whale"
        assert blocks(answer) == [{"type": "reasoning", "reasoning": reasoning}, {"type": "text", "text": "blue whale"}]
    assert bool(chats.bodies[0].get("stream")) is (thinker == "cn"), "this model reasons only in streams"


def test_reasoning_is_counted(chats: Chats) -> None:
    usage = chats.at("flash", enable_thinking=True).invoke("hello").usage_metadata
    assert usage is not None
    assert usage["output_token_details"]["reasoning"] > 0  # pyright: ignore[reportTypedDictNotRequiredAccess]


def test_usage_details(chats: Chats) -> None:
    usage = chats.at("flash").invoke([HumanMessage([_IMAGE, _VIDEO])]).usage_metadata
    assert usage is not None
    details: dict[str, Any] = {**usage["input_token_details"]}  # pyright: ignore[reportTypedDictNotRequiredAccess]
    assert details["image"] == 256
    assert details["video"] == 1024
    assert details["cache_read"] == 0
    assert sum(details.values()) == usage["input_tokens"]


def test_details_never_exceed_their_total(chats: Chats) -> None:
    inputs = {"cached_tokens": 60, "cache_write_tokens": 10, "text_tokens": 80, "image_tokens": 20}
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 150,
        "prompt_tokens_details": inputs,
        "completion_tokens_details": {"reasoning_tokens": 70},
    }
    answer = chats.answering(whole({"content": "x"}, usage=usage)).invoke("hi")
    assert answer.usage_metadata == {
        "input_tokens": 100,
        "output_tokens": 50,
        "total_tokens": 150,
        "input_token_details": {"cache_read": 60, "cache_creation": 10, "image": 20},
        "output_token_details": {"reasoning": 50},
    }
    assert answer.response_metadata["token_usage"] == usage


def test_a_reply_without_usage(chats: Chats) -> None:
    answer = chats.answering(whole({"content": "x"}, usage=None)).invoke("hi")
    assert answer.usage_metadata is None
    assert "token_usage" not in answer.response_metadata


@pytest.mark.parametrize(
    ("finish", "native", "expected", "kept"),
    [
        ("stop", None, "stop", None),
        ("stop", "stop", "stop", "stop"),
        ("tool_use", None, "tool_calls", "tool_use"),
        ("eos", "EOS", "stop", "EOS"),
        ("odd", None, "unknown", "odd"),
        (None, None, None, None),
    ],
)
async def test_finish_reasons(
    chats: Chats, finish: str | None, native: str | None, expected: str | None, kept: str | None
) -> None:
    last = chunk(finish)
    last["choices"][0]["native_finish_reason"] = native
    again = {**chunk(finish), "usage": usage_chunk()["usage"]}  # some gateways tell the end twice
    for answer in (await four_ways(chats.streaming(chunk(content="x"), last, again), "hi")).values():
        assert answer.response_metadata["finish_reason"] == expected
        assert answer.response_metadata.get("native_finish_reason") == kept
        assert answer.response_metadata["model_name"] == "m"
        assert answer.usage_metadata == {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}


async def test_counts_in_every_chunk_are_not_added_up(chats: Chats) -> None:
    counted: list[Chunk] = [
        {**chunk(content="a"), "usage": usage_chunk(3, 1)["usage"]},
        {**chunk("stop", content="b"), "usage": usage_chunk(3, 2)["usage"]},
    ]
    for answer in (await four_ways(chats.streaming(*counted), "hi")).values():
        assert answer.usage_metadata == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


async def test_facts_of_an_upstream_are_kept(chats: Chats) -> None:
    chunks: list[Chunk] = [{**item, "provider": "Alibaba", "system_fingerprint": "fp"} for item in [
        chunk(reasoning="R", reasoning_details=[{"type": "reasoning.text", "text": "R", "index": 0}]),
        chunk("stop", content="x"),
    ]]  # fmt: skip
    for answer in (await four_ways(chats.streaming(*chunks, endpoint="text"), "hi")).values():
        assert answer.response_metadata["provider"] == "wcode"
        assert answer.response_metadata["upstream_provider"] == "Alibaba"
        assert answer.response_metadata["system_fingerprint"] == "fp"
        assert answer.additional_kwargs == {
            "reasoning_content": "R",
            "reasoning_details": [{"type": "reasoning.text", "text": "R", "index": 0}],
        }


async def test_a_cost_where_the_price_is_known(chats: Chats) -> None:
    for answer in (await four_ways(chats.at("vision"), "hello")).values():
        cost = answer.response_metadata["cost"]
        assert cost["currency"] == "CNY"
        assert cost["amount"] > 0


@each_of_chat_completions
async def test_two_choices_stay_apart(chats: Chats, endpoint: str) -> None:
    answers = await four_ways(chats.at(endpoint), "Say exactly: blue whale", n=2)
    for answer in answers.values():
        assert answer.text == "blue whale"
        (other,) = answer.response_metadata["other_choices"]
        assert other["text"] == "blue whale [choice 2]"
        assert other["finish_reason"] == "stop"


def test_each_choice_is_a_generation(chats: Chats) -> None:
    (generations,) = chats.at("flash").generate([[HumanMessage("Say exactly: blue whale")]], n=2).generations
    assert [generation.text for generation in generations] == ["blue whale", "blue whale [choice 2]"]
    second = generations[1]
    assert isinstance(second, ChatGeneration)
    assert "other_choices" not in second.message.response_metadata


# Settings of one call


def test_stop(chats: Chats) -> None:
    llm = chats.at("flash", stop="7")
    assert llm.invoke("Count from 1 to 9").text == "1, 2, 3, 4, 5, 6, "
    assert chats.body["stop"] == ["7"]
    assert llm.invoke("Count from 1 to 9", stop=["3", "4"]).text == "1, 2, "
    assert chats.body["stop"] == ["3", "4"]
    assert llm.bind(stop=["2"]).invoke("Count from 1 to 9").text == "1, "
    assert llm.stop == "7"
    chats.at("flash", stop=[]).invoke("hello", stop=[])
    assert "stop" not in chats.body


def test_a_call_overrides_and_leaves_the_instance_alone(chats: Chats) -> None:
    settings: dict[str, Any] = {"temperature": 0.5, "max_tokens": 50, "extra_body": {"trace": {"a": 1}}}
    llm = chats.answering(whole({"content": "x"}), endpoint="text", enable_thinking=True, **settings)
    before = llm.model_dump()
    given: dict[str, Any] = {"extra_body": {"trace": {"b": 2}}, "provider_options": {"c": 3}}
    llm.invoke("hi", temperature=0, max_completion_tokens=9, top_k=3, enable_thinking=False, **given)
    assert chats.body == {
        "model": "qwen/qwen3-235b-a22b",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0,
        "max_tokens": 9,
        "top_k": 3,
        "reasoning": {"effort": "none"},
        "trace": {"a": 1, "b": 2},
        "provider_options": {"c": 3},
    }
    assert given == {"extra_body": {"trace": {"b": 2}}, "provider_options": {"c": 3}}
    assert llm.model_dump() == before
    assert settings == {"temperature": 0.5, "max_tokens": 50, "extra_body": {"trace": {"a": 1}}}
    llm.invoke("hi")
    assert chats.body == {
        "model": "qwen/qwen3-235b-a22b",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "max_tokens": 50,
        "reasoning": {"effort": "medium"},
        "trace": {"a": 1},
    }


async def test_another_model_for_one_call(chats: Chats) -> None:
    other = "qwen/qwen3-vl-32b-instruct"
    for answer in (await four_ways(chats.at("text"), "hello", model=other)).values():
        assert answer.response_metadata["model_name"] == other
    assert {body["model"] for body in chats.bodies} == {other}
    assert all("reasoning" not in body for body in chats.bodies)


def test_framework_arguments_do_not_reach_the_body(chats: Chats) -> None:
    llm = chats.at("flash")
    llm.invoke("hi", stream=False, ls_structured_output_format={"kwargs": {}, "schema": {}})
    assert set(chats.body) == {"model", "messages"}
    llm.generate([[HumanMessage("hi")]], ls_structured_output_format={"kwargs": {}, "schema": {}})
    assert set(chats.body) == {"model", "messages"}


# Many calls


def test_batch(chats: Chats) -> None:
    answers = chats.at("flash").batch([f"Say exactly: {number}" for number in range(8)])
    assert [answer.text for answer in answers] == [str(number) for number in range(8)]


async def test_abatch(chats: Chats) -> None:
    answers = await chats.at("flash").abatch([f"Say exactly: {number}" for number in range(8)])
    assert [answer.text for answer in answers] == [str(number) for number in range(8)]


async def test_streams_of_one_loop_do_not_mix(chats: Chats) -> None:
    llm = chats.at("flash")

    async def said(number: int) -> str:
        pieces: list[AIMessageChunk] = [piece async for piece in llm.astream(f"Say exactly: {number} and {number}")]
        return merged(pieces).text

    answers = await asyncio.gather(*map(said, range(8)))
    assert list(answers) == [f"{number} and {number}" for number in range(8)]
