"""Tools: how they are bound, what is sent, what comes back, and what an agent makes of it."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict, cast

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import RunnableBinding
from langchain_core.tools import tool
from langchain_qwen import ConfigurationError
from pydantic import BaseModel, Field
from pydantic.v1 import BaseModel as BaseModelV1

from tests.unit.langchain.conftest import (
    Chats,
    Chunk,
    call_piece,
    chunk,
    each_endpoint,
    each_thinker,
    four_ways,
    merged,
    usage_chunk,
    whole,
)


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


def get_time(city: str) -> str:
    """Get the time in a city.

    Args:
        city: Where.
    """
    return f"noon in {city}"


class Add(BaseModel):
    """Add two numbers."""

    a: int
    b: int = Field(description="The second one.")


class Subtract(TypedDict):
    """Subtract two numbers."""

    a: Annotated[int, ..., "The first one."]
    b: int


class Divide(BaseModelV1):
    """Divide two numbers."""

    a: int


ABSENT = "absent"

SCHEMA = {
    "title": "multiply",
    "description": "Multiply two numbers.",
    "type": "object",
    "properties": {"a": {"type": "integer"}},
}
ANTHROPIC = {"name": "power", "description": "Raise.", "input_schema": {"type": "object"}}
WIRE = {"type": "function", "function": {"name": "ready", "description": "As it is.", "parameters": {"type": "object"}}}


# Binding


def test_every_kind_of_tool(chats: Chats) -> None:
    bound = chats.at("text").bind_tools([get_weather, get_time, Add, Subtract, Divide, SCHEMA, ANTHROPIC, WIRE])
    assert isinstance(bound, RunnableBinding)
    bound.invoke("hello")
    functions = {item["function"]["name"]: item["function"] for item in chats.body["tools"]}
    assert list(functions) == ["get_weather", "get_time", "Add", "Subtract", "Divide", "multiply", "power", "ready"]
    assert functions["get_weather"]["description"] == "Get the weather in a city."
    assert functions["get_time"]["parameters"]["required"] == ["city"]
    assert functions["Add"]["parameters"]["properties"]["b"]["description"] == "The second one."
    assert functions["multiply"]["parameters"]["properties"] == {"a": {"type": "integer"}}
    assert functions["Subtract"]["parameters"]["properties"]["a"] == {
        "type": "integer",
        "description": "The first one.",
    }
    assert functions["Divide"]["parameters"]["required"] == ["a"]
    assert functions["power"] == {"name": "power", "description": "Raise.", "parameters": {"type": "object"}}
    assert functions["ready"] == WIRE["function"]
    assert "tool_choice" not in chats.body
    assert "parallel_tool_calls" not in chats.body


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, None),
        (False, None),
        ("auto", "auto"),
        ("none", "none"),
        ("any", "required"),
        ("required", "required"),
        (True, "required"),
        ("get_weather", {"type": "function", "function": {"name": "get_weather"}}),
        (
            {"type": "function", "function": {"name": "get_weather"}},
            {"type": "function", "function": {"name": "get_weather"}},
        ),
        ({"type": "tool", "name": "get_weather"}, {"type": "function", "function": {"name": "get_weather"}}),
        ({"type": "any"}, "required"),
        ({"type": "auto"}, "auto"),
    ],
    ids=str,
)
def test_tool_choice(chats: Chats, choice: Any, sent: Any) -> None:
    answer = chats.at("flash").bind_tools([get_weather, get_time], tool_choice=choice).invoke("Say hello")
    assert chats.body.get("tool_choice") == sent
    assert len(answer.tool_calls) == (0 if sent in (None, "auto", "none") else 1)


@pytest.mark.parametrize(("choice", "sent"), [(True, "required"), (False, ABSENT), ("any", "required")], ids=str)
def test_tool_choice_of_a_call(chats: Chats, choice: Any, sent: Any) -> None:
    chats.at("flash").invoke("Say hello", tools=[WIRE, get_time], tool_choice=choice)
    assert chats.body.get("tool_choice", ABSENT) == sent
    assert [tool["function"]["name"] for tool in chats.body["tools"]] == ["ready", "get_time"]


def test_a_choice_that_cannot_be_met(chats: Chats) -> None:
    with pytest.raises(ConfigurationError, match=r"'get_wether'.*get_weather"):
        chats.at("flash").bind_tools([get_weather], tool_choice="get_wether").invoke("hi")
    with pytest.raises(ConfigurationError, match="no tools"):
        chats.at("flash").bind_tools([], tool_choice="any").invoke("hi")
    assert chats.bodies == []


@pytest.mark.parametrize("choice", [None, "auto", "none", False], ids=str)
def test_no_tools_are_not_sent(chats: Chats, choice: Any) -> None:
    chats.at("flash").bind_tools([], tool_choice=choice).invoke("hi")
    assert set(chats.body) == {"model", "messages"}


@each_thinker
def test_forced_choice_while_thinking(chats: Chats, thinker: str) -> None:
    """Some endpoints refuse it: there, that request does not reason, and says so; the model goes on reasoning."""
    llm = chats.at(thinker, enable_thinking=True)
    answer = llm.bind_tools([get_weather], tool_choice="any").invoke("weather in Paris")
    assert answer.tool_calls[0]["args"] == {"city": "Paris"}
    notes = answer.response_metadata.get("notes")
    if thinker == "text":
        assert notes is None
        assert answer.additional_kwargs["reasoning_content"]
    else:
        assert "thinking was switched off for this request" in str(notes)
        off = {"thinking": {"type": "disabled"}} if thinker == "messages" else {"enable_thinking": False}
        assert off.items() <= chats.body.items()
    assert llm.invoke("hi").additional_kwargs["reasoning_content"]


@pytest.mark.parametrize("strict", [True, False, None])
def test_strict(chats: Chats, strict: bool | None) -> None:
    chats.at("text").bind_tools([Add], strict=strict).invoke("hi")
    assert chats.body["tools"][0]["function"].get("strict") is strict
    chats.at("flash").bind_tools([Add], strict=strict).invoke("hi")
    assert "strict" not in chats.body["tools"][0]["function"], "this endpoint has no such field"


def test_parallel_calls(chats: Chats) -> None:
    llm = chats.at("text")
    assert len(_calls(llm.bind_tools([get_weather]).invoke("weather in Paris and London"))) == 2
    one = llm.bind_tools([get_weather], parallel_tool_calls=False).invoke("weather in Paris and London")
    assert len(_calls(one)) == 1
    assert chats.body["parallel_tool_calls"] is False
    chats.at("text", parallel_tool_calls=False).invoke("hi")
    assert "parallel_tool_calls" not in chats.body, "it means nothing without tools"


def test_more_arguments_of_a_call(chats: Chats) -> None:
    chats.at("text").bind_tools([get_weather], temperature=0.1).invoke("hi", stop=["x"])
    assert chats.body["temperature"] == 0.1
    assert chats.body["stop"] == ["x"]


def test_definitions_are_inlined_and_left_alone(chats: Chats) -> None:
    class Inner(BaseModel):
        x: int

    class Outer(BaseModel):
        """Nested."""

        inner: Inner
        more: list[Inner]

    bound = chats.at("flash").bind_tools([Outer])
    held = cast("Any", bound).kwargs["tools"][0]
    before = repr(held)
    bound.invoke("hi")
    assert "$ref" not in str(chats.body["tools"])
    assert (
        chats.body["tools"][0]["function"]["parameters"]["properties"]["inner"]["properties"]["x"]["type"] == "integer"
    )
    assert repr(held) == before


# Calls


@each_endpoint
async def test_calls_of_an_answer(chats: Chats, endpoint: str) -> None:
    bound = chats.at(endpoint).bind_tools([get_weather, Add])
    for answer in (await four_ways(bound, "weather in Paris and London")).values():
        assert _calls(answer) == [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "London"})]
        assert answer.response_metadata["finish_reason"] == "tool_calls"
        ids = [call["id"] for call in answer.tool_calls]
        assert all(ids)
        assert len(set(ids)) == 2
        assert answer.content == ""


def test_pieces_of_calls_in_a_stream(chats: Chats) -> None:
    stream = chats.at("flash").bind_tools([get_weather]).stream("weather in Paris and London")
    chunks = cast("list[AIMessageChunk]", list(stream))
    pieces = [piece for message in chunks for piece in message.tool_call_chunks]
    assert [piece["index"] for piece in pieces] == sorted(cast("int", piece["index"]) for piece in pieces)
    opening = [piece for piece in pieces if piece["id"]]
    assert [(piece["name"], piece["index"]) for piece in opening] == [("get_weather", 0), ("get_weather", 1)]
    assert all(piece["name"] is None for piece in pieces if not piece["id"])


async def test_repeated_names_and_drifting_indexes(chats: Chats) -> None:
    chunks = [
        call_piece(1, "", name="f", id_="c1"),
        call_piece(0, '{"a":', name="f", id_="c1"),
        call_piece(0, "1}"),
        chunk("tool_calls"),
    ]
    for answer in (await four_ways(chats.streaming(*chunks), "hi")).values():
        assert answer.tool_calls == [{"name": "f", "args": {"a": 1}, "id": "c1", "type": "tool_call"}]
        assert answer.invalid_tool_calls == []


async def test_a_call_without_arguments_or_id(chats: Chats) -> None:
    for answer in (
        await four_ways(chats.streaming(call_piece(0, "", name="now", id_=""), chunk("tool_calls")), "hi")
    ).values():
        assert _calls(answer) == [("now", {})]
        assert answer.tool_calls[0]["id"]


BROKEN: dict[str, tuple[list[Chunk], list[tuple[str | None, str]]]] = {
    "cut in a text": ([call_piece(0, '{"path": "/a', name="f", id_="c1"), chunk("length")], [("f", '{"path": "/a')]),
    "cut after a comma": ([call_piece(0, '{"a": 1,', name="f", id_="c1"), chunk("length")], [("f", '{"a": 1,')]),
    "cut in a list": (
        [call_piece(0, '{"a": [1, {"b": 2', name="f", id_="c1"), chunk("length")],
        [("f", '{"a": [1, {"b": 2')],
    ),
    "cut before the arguments": ([call_piece(0, "", name="f", id_="c1"), chunk("length")], [("f", "")]),
    "cut after a backslash": ([call_piece(0, '{"a": "\\', name="f", id_="c1"), chunk("length")], [("f", '{"a": "\\')]),
    "cut in a nested text": ([call_piece(0, '{"a": ["x', name="f", id_="c1"), chunk("length")], [("f", '{"a": ["x')]),
    "a list": ([call_piece(0, "[1, 2]", name="f", id_="c1"), chunk("tool_calls")], [("f", "[1, 2]")]),
    "a text": ([call_piece(0, '"x"', name="f", id_="c1"), chunk("tool_calls")], [("f", '"x"')]),
    "a number": ([call_piece(0, "5", name="f", id_="c1"), chunk("tool_calls")], [("f", "5")]),
    "null": ([call_piece(0, "null", name="f", id_="c1"), chunk("tool_calls")], [("f", "null")]),
    "no JSON": ([call_piece(0, "{a: 1}", name="f", id_="c1"), chunk("tool_calls")], [("f", "{a: 1}")]),
    "half an object": ([call_piece(0, '{"a": 1', name="f", id_="c1"), chunk("tool_calls")], [("f", '{"a": 1')]),
    "not a number": ([call_piece(0, '{"a": NaN}', name="f", id_="c1"), chunk("tool_calls")], [("f", '{"a": NaN}')]),
    "two of them": (
        [call_piece(0, "[]", name="f", id_="c1"), call_piece(1, "{", name="g", id_="c2"), chunk("tool_calls")],
        [("f", "[]"), ("g", "{")],
    ),
    "no name": ([call_piece(0, '{"a": 1}', name="", id_="c1"), chunk("tool_calls")], [(None, '{"a": 1}')]),
}


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("case", BROKEN)
async def test_a_broken_call_is_never_run(chats: Chats, case: str, output_version: str) -> None:
    chunks, broken = BROKEN[case]
    good = call_piece(9, '{"ok": true}', name="good", id_="c9")
    llm = chats.streaming(good, *chunks, usage_chunk(), output_version=output_version)
    for way, answer in (await four_ways(llm, "hi")).items():
        assert answer.tool_calls == [{"name": "good", "args": {"ok": True}, "id": "c9", "type": "tool_call"}], way
        assert [call["name"] or None for call in answer.invalid_tool_calls] == [name for name, _ in broken], way
        assert [call["id"] for call in answer.invalid_tool_calls] == [f"c{n + 1}" for n in range(len(broken))]
        # Merging cannot keep the text as it was, so that is in the metadata, together with the reason.
        told = answer.response_metadata["invalid_tool_calls"]
        assert [(call.get("name") or None, call["args"]) for call in told] == broken, way
        assert all(call["error"] for call in told)
        assert answer.usage_metadata is not None
        if way in ("invoke", "ainvoke"):
            assert [call["args"] or "" for call in answer.invalid_tool_calls] == [args for _, args in broken]
            assert all(call["error"] for call in answer.invalid_tool_calls)
        if output_version == "v1":
            shown = [block for block in answer.content_blocks if block["type"] not in ("reasoning", "text")]
            assert [cast("Any", block).get("id") for block in shown] == [
                "c9",
                *(f"c{n + 1}" for n in range(len(broken))),
            ]
            assert [block["type"] for block in shown].count("tool_call") == 1


async def test_a_broken_call_of_a_whole_reply(chats: Chats) -> None:
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"path": "/a'}},
    ]
    llm = chats.answering(whole({"content": None, "tool_calls": calls}, finish="length"))
    for answer in (await four_ways(llm, "hi")).values():
        assert answer.tool_calls == []
        assert [(call["name"], call["id"]) for call in answer.invalid_tool_calls] == [("f", "c1")]
        assert answer.content == ""


@each_endpoint
def test_arguments_cut_by_the_token_limit(chats: Chats, endpoint: str) -> None:
    bound = chats.at(endpoint, **_quiet(endpoint)).bind_tools([get_weather], max_tokens=5)
    for answer in (bound.invoke("weather in Paris"), merged(cast("Any", bound.stream("weather in Paris")))):
        assert answer.response_metadata["finish_reason"] == "length"
        assert answer.tool_calls == []
        assert [call["name"] for call in answer.invalid_tool_calls] == ["get_weather"]


def _calls(message: AIMessage) -> list[tuple[str, Any]]:
    return [(call["name"], call["args"]) for call in message.tool_calls]


def _quiet(endpoint: str) -> dict[str, Any]:
    return {} if endpoint == "vision" else {"enable_thinking": False}
