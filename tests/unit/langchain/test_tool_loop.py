"""Tool loops: results, replayed reasoning, and agents."""

from __future__ import annotations

import sys
from typing import Any, cast

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool

from tests.unit.langchain.conftest import Chats, call_piece, chunk, each_endpoint, four_ways, whole


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


@tool
def get_time(city: str) -> str:
    """Get the time in a city."""
    return f"noon in {city}"


@each_endpoint
async def test_round_trip(chats: Chats, endpoint: str) -> None:
    bound = chats.at(endpoint).bind_tools([get_weather])
    for asked in (await four_ways(bound, "weather in Paris and London")).values():
        history: list[BaseMessage] = [HumanMessage("weather in Paris and London"), asked]
        history += [cast("ToolMessage", get_weather.invoke(call)) for call in asked.tool_calls]
        answer = bound.invoke(history)
        assert "21 degrees in Paris" in answer.text
        assert "21 degrees in London" in answer.text
        assert chats.roles == ["user", "assistant", "tool", "tool"]
        assert _called(chats.sent) == _answered(chats.sent) == [call["id"] for call in asked.tool_calls]


def _called(sent: list[dict[str, Any]]) -> list[str]:
    """The ids of the calls among messages, whichever protocol spells them."""
    calls = [call for message in sent for call in message.get("tool_calls", ())]
    return [call["id"] for call in [*calls, *_blocks_of_type("tool_use", sent)]]


def _answered(sent: list[dict[str, Any]]) -> list[str]:
    """The ids of the calls that results answer."""
    results = [message["tool_call_id"] for message in sent if "tool_call_id" in message]
    return results + [block["tool_use_id"] for block in _blocks_of_type("tool_result", sent)]


def _blocks_of_type(kind: str, sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    contents = [message["content"] for message in sent if not isinstance(message["content"], str)]
    return [block for content in contents for block in content if block["type"] == kind]


@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_reasoning_goes_back_within_a_tool_loop_only(chats: Chats, output_version: str) -> None:
    bound = chats.at("text", enable_thinking=True, output_version=output_version).bind_tools([get_weather])
    history: list[BaseMessage] = [HumanMessage("weather in Paris")]
    asked = bound.invoke(history)
    thought = next(cast("Any", block)["reasoning"] for block in asked.content_blocks if block["type"] == "reasoning")
    history += [asked, cast("ToolMessage", get_weather.invoke(asked.tool_calls[0]))]
    answer = bound.invoke(history)
    assert chats.sent[1]["reasoning"] == thought
    assert chats.sent[1]["content"] == ""
    bound.invoke([*history, answer, HumanMessage("thanks")])
    assert all("reasoning" not in message and "reasoning_content" not in message for message in chats.sent)


def test_reasoning_goes_back_under_the_name_the_endpoint_has_for_it(chats: Chats) -> None:
    asked = AIMessage(
        "", tool_calls=[_call("get_weather", {"city": "Rome"})], additional_kwargs={"reasoning_content": "R"}
    )
    history = [HumanMessage("hi"), asked, ToolMessage("x", tool_call_id="c1")]
    for endpoint, field in (("cn", "reasoning_content"), ("flash", "reasoning_content"), ("text", "reasoning")):
        llm = chats.answering(whole({"content": "x"}), endpoint=endpoint)
        llm.invoke(history)
        assert chats.sent[1][field] == "R"
        llm.invoke(history, reasoning_replay="never")
        assert field not in chats.sent[1]
        llm.invoke([*history, AIMessage("y"), HumanMessage("z")], reasoning_replay="always")
        assert chats.sent[1][field] == "R"


def test_structured_reasoning_goes_back_verbatim(chats: Chats) -> None:
    details = [{"type": "reasoning.encrypted", "data": "abc", "id": "r1", "index": 0}]
    asked = AIMessage("", tool_calls=[_call("f", {})], additional_kwargs={"reasoning_details": details})
    history = [HumanMessage("hi"), asked, ToolMessage("x", tool_call_id="c1")]
    chats.answering(whole({"content": "x"}), endpoint="text").invoke(history)
    assert chats.sent[1]["reasoning_details"] == details
    chats.answering(whole({"content": "x"}), endpoint="flash").invoke(history)
    assert "reasoning_details" not in chats.sent[1]


@pytest.mark.parametrize(("provider", "sent"), [("wcode", True), ("openrouter", False)])
def test_structured_reasoning_stays_with_its_provider(chats: Chats, provider: str, sent: bool) -> None:
    details = [{"type": "reasoning.encrypted", "data": "abc"}]
    calls = [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}]
    thought = whole({"content": "", "reasoning": "R", "reasoning_details": details, "tool_calls": calls}, "tool_calls")
    answer = chats.answering(thought, endpoint="text", provider=provider).invoke("hi")
    history = [HumanMessage("hi"), answer, ToolMessage("x", tool_call_id="c1")]
    chats.answering(whole({"content": "x"}), endpoint="text").invoke(history)
    assert chats.sent[1]["reasoning"] == "R"
    assert chats.sent[1].get("reasoning_details") == (details if sent else None)


# Agents


def _agent(llm: Any, tools: list[Any]) -> Any:
    agents = pytest.importorskip("langchain.agents", reason="needs the langchain package")
    return agents.create_agent(llm, tools)


@each_endpoint
@pytest.mark.parametrize("settings", [{}, {"output_version": "v1"}, {"streaming": True}], ids=str)
async def test_an_agent_uses_a_result(chats: Chats, endpoint: str, settings: dict[str, Any]) -> None:
    agent = _agent(chats.at(endpoint, **settings), [get_weather, get_time])
    question = {"messages": [HumanMessage("What is the weather in Paris?")]}
    for state in (agent.invoke(question), await agent.ainvoke(question)):
        kinds = [message.type.removesuffix("MessageChunk").lower() for message in state["messages"]]
        assert kinds == ["human", "ai", "tool", "ai"]
        assert "21 degrees in Paris" in state["messages"][-1].text
        again = agent.invoke({"messages": [*state["messages"], HumanMessage("What is the time in Rome?")]})
        assert "noon in Rome" in again["messages"][-1].text


@each_endpoint
@pytest.mark.parametrize("output_version", ["v0", "v1"])
async def test_an_agent_streams_tokens(chats: Chats, endpoint: str, output_version: str) -> None:
    agent = _agent(chats.at(endpoint, output_version=output_version, **_thinking(endpoint)), [get_weather])
    question = {"messages": [HumanMessage("What is the weather in Paris?")]}
    whole_stream = list(agent.stream(question, stream_mode="messages"))
    streams = [whole_stream]
    if sys.version_info >= (3, 11):  # before, tasks could not be given the context by which LangGraph hears of tokens
        streams.append([item async for item in agent.astream(question, stream_mode="messages")])
    for stream in streams:
        said = [message for message, _ in stream if isinstance(message, AIMessageChunk)]
        text = "".join(message.text for message in said)
        assert text == "According to get_weather: 21 degrees in Paris"
        thought = [
            cast("Any", block)["reasoning"]
            for message in said
            for block in message.content_blocks
            if block["type"] == "reasoning"
        ]
        assert bool(thought) == (endpoint != "vision")
        assert all(
            metadata["ls_provider"] == "qwen" for message, metadata in stream if isinstance(message, AIMessageChunk)
        )


async def test_an_agent_tells_the_model_of_a_broken_call(chats: Chats) -> None:
    """A call that was cut off is not run; the agent ends with it instead of guessing its arguments."""
    llm = chats.streaming(call_piece(0, '{"city": "Par', name="get_weather", id_="c1"), chunk("length"))
    agent = _agent(llm, [get_weather])
    state = agent.invoke({"messages": [HumanMessage("weather")]})
    assert [message.type for message in state["messages"]] == ["human", "ai"]
    (_, *streamed) = [
        item async for item in agent.astream({"messages": [HumanMessage("weather")]}, stream_mode="values")
    ]
    assert not any(isinstance(message, ToolMessage) for item in streamed for message in item["messages"])


def _call(name: str, args: dict[str, Any]) -> Any:
    return {"name": name, "args": args, "id": "c1", "type": "tool_call"}


def _thinking(endpoint: str) -> dict[str, Any]:
    return {} if endpoint == "vision" else {"enable_thinking": True}
