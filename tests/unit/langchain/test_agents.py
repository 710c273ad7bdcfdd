"""Agents and graphs: tools, what streams out of them, and that it adds up to what they return."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool

from tests.unit.langchain.conftest import Chats, each_endpoint, each_thinker, facts, merged

pytest.importorskip("langchain.agents", reason="needs the langchain package")

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType] - its checkpointer has no types
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph  # pyright: ignore[reportMissingTypeStubs] - has none

HAS_CONTEXT = sys.version_info >= (3, 11)
"""Before, tasks could not be given the context by which LangGraph hears of tokens."""
ANSWER = "According to get_weather: 21 degrees in Paris"
QUESTION: Any = {"messages": [HumanMessage("What is the weather in Paris?")]}
COUNTED = "1, 2, 3, 4, 5, 6, 7, 8, 9"


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


@tool
async def get_time(city: str) -> str:
    """Get the time in a city."""
    await asyncio.sleep(0)
    return f"noon in {city}"


def _agent(llm: Any, *tools: Any, **more: Any) -> Any:
    return create_agent(llm, list(tools), **more)


def _graph_around(agent: Any) -> Any:
    """A graph of which the agent is a part."""
    graph: Any = StateGraph(MessagesState)
    graph.add_node("agent", agent)
    graph.add_edge(START, "agent")
    graph.add_edge("agent", END)
    return graph.compile()


def _said(state: Any) -> list[Any]:
    """A conversation, without what is new for each run of it."""
    return [facts(message) if isinstance(message, AIMessage) else message.text for message in state["messages"]]


def _thoughts(message: Any) -> str:
    return "".join(block["reasoning"] for block in message.content_blocks if block["type"] == "reasoning")


@each_endpoint
async def test_several_tools_at_once(chats: Chats, endpoint: str) -> None:
    """Calls of one answer run side by side; async tools run in async agents."""
    agent = _agent(chats.at(endpoint), get_weather, system_prompt="Be brief.")
    state = agent.invoke({"messages": [HumanMessage("weather in Paris and London")]})
    kinds = [message.type for message in state["messages"]]
    assert kinds == ["human", "ai", "tool", "tool", "ai"]
    assert "21 degrees in Paris" in state["messages"][-1].text
    assert "21 degrees in London" in state["messages"][-1].text
    assert chats.roles == ["system", "user", "assistant", "tool", "tool"]
    agent = _agent(chats.at(endpoint), get_weather, get_time)
    state = await agent.ainvoke({"messages": [HumanMessage("What is the time in Rome?")]})
    assert "noon in Rome" in state["messages"][-1].text
    assert [message.name for message in state["messages"] if isinstance(message, ToolMessage)] == ["get_time"]


@pytest.mark.parametrize("settings", [{}, {"output_version": "v1"}, {"streaming": True}], ids=str)
@each_thinker
async def test_a_conversation_goes_on(chats: Chats, thinker: str, settings: dict[str, Any]) -> None:
    """Messages that were checkpointed are as good as new; thoughts go back within a tool loop only."""
    llm = chats.at(thinker, enable_thinking=True, reasoning_replay="tool_turns", **settings)
    agent = _agent(llm, get_weather, checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": [HumanMessage("My name is Ada.")]}, config)
    await agent.ainvoke(QUESTION, config)
    sign = {"text": '"reasoning": ', "messages": '"type": "thinking"'}.get(thinker, '"reasoning_content": ')
    assert [sign in json.dumps(message) for message in chats.sent] == [False, False, False, True, False]
    state = agent.invoke({"messages": [HumanMessage("What is my name?")]}, config)
    assert "Ada" in state["messages"][-1].text
    assert len(state["messages"]) == len(chats.sent) + 1 == 8


# Tokens


@pytest.mark.parametrize("nested", [False, True])
@each_thinker
async def test_tokens_add_up_to_the_state(chats: Chats, thinker: str, nested: bool) -> None:
    """With and without a graph around the agent: thoughts, calls and text arrive as they are written."""
    agent = _agent(chats.at(thinker, enable_thinking=True), get_weather)
    runnable = _graph_around(agent) if nested else agent
    expected = _said(agent.invoke(QUESTION))
    options: Any = {"stream_mode": ["messages", "values"], "subgraphs": nested}
    runs = [list(runnable.stream(QUESTION, **options))]
    if HAS_CONTEXT:
        runs.append([item async for item in runnable.astream(QUESTION, **options)])
    for run in runs:
        told = [item[-2:] for item in run]  # in front of it is where in the graph it happened
        answers: dict[str, list[AIMessageChunk]] = {}
        for mode, given in told:
            if mode == "messages" and isinstance(given[0], AIMessageChunk):
                answers.setdefault(str(given[0].id), []).append(given[0])
        asked, answered = (merged(chunks) for chunks in answers.values())
        assert [facts(asked), facts(answered)] == [expected[1], expected[3]]
        assert _thoughts(asked)
        assert asked.tool_calls[0]["args"] == {"city": "Paris"}
        assert answered.text == ANSWER
        assert len([chunk for chunk in list(answers.values())[1] if chunk.text]) > 4
        assert _said([state for mode, state in told if mode == "values"][-1]) == expected


@pytest.mark.filterwarnings("ignore:.*(in beta|experimental)")
@each_thinker
async def test_events_of_protocol_v3(chats: Chats, thinker: str) -> None:
    """The state holds standard blocks then; they say the same."""
    agent = _agent(chats.at(thinker, enable_thinking=True), get_weather)
    expected = agent.invoke(QUESTION)["messages"]

    def compare(heard: list[tuple[str, str, Any]], state: Any) -> None:
        (called, answered) = heard
        assert (called[0], answered[0]) == ("", ANSWER)
        assert called[1] == _thoughts(expected[1])
        assert answered[1] == _thoughts(expected[3])
        assert [call["args"] for call in called[2].tool_calls] == [{"city": "Paris"}]
        for theirs, ours in zip(state["messages"][1::2], expected[1::2], strict=True):
            assert theirs.usage_metadata == ours.usage_metadata
            assert [block["type"] for block in theirs.content] == [block["type"] for block in ours.content_blocks]

    run: Any = agent.stream_events(QUESTION, version="v3")
    compare([("".join(part.text), "".join(part.reasoning), part.output) for part in run.messages], run.output)
    if HAS_CONTEXT:
        later: Any = await agent.astream_events(QUESTION, version="v3")
        heard = [(await part.text, await part.reasoning, await part.output) async for part in later.messages]
        compare(heard, await later.output())


def _of_the_model(event: Any) -> bool:
    return event["event"].startswith("on_chat_model")


@pytest.mark.filterwarnings("ignore:astream_events version='v1' is deprecated")
@pytest.mark.parametrize("protocol", ["v1", "v2"])
async def test_events_of_a_chain(chats: Chats, protocol: Any) -> None:
    llm = chats.at("flash", enable_thinking=True).with_config(tags=["mine"], metadata={"who": "me"})
    chain: Any = ChatPromptTemplate.from_template("Count from 1 to {last}") | llm | StrOutputParser()
    events: list[Any] = [event async for event in chain.astream_events({"last": 9}, version=protocol)]
    mine = [event for event in events if _of_the_model(event)]
    assert [event["event"].rpartition("_")[2] for event in (mine[0], mine[-1])] == ["start", "end"]
    chunks = [event["data"]["chunk"] for event in mine[1:-1]]
    ended = mine[-1]["data"]["output"]
    ended = ended["generations"][0][0]["message"] if protocol == "v1" else ended
    assert facts(merged(chunks)) == facts(ended)
    assert _thoughts(merged(chunks))
    assert merged(chunks).text == COUNTED
    assert all("mine" in event["tags"] and event["metadata"]["who"] == "me" for event in mine)
    texts = [event["data"]["chunk"] for event in events if event["event"] == "on_parser_stream"]
    assert "".join(texts) == COUNTED


@pytest.mark.skipif(not HAS_CONTEXT, reason="tasks could not be given a context before Python 3.11")
async def test_events_of_an_agent(chats: Chats) -> None:
    agent = _agent(chats.at("text", enable_thinking=True), get_weather)
    events: list[Any] = [event async for event in agent.astream_events(QUESTION, version="v2")]
    ends = [event["data"]["output"] for event in events if event["event"] == "on_chat_model_end"]
    assert [message.text for message in ends] == ["", ANSWER]
    assert all(_thoughts(message) for message in ends)
    assert [event["event"] for event in events if event["name"] == "get_weather"] == ["on_tool_start", "on_tool_end"]
    pieces = [event["data"]["chunk"] for event in events if event["event"] == "on_chat_model_stream"]
    assert "".join(piece.text for piece in pieces) == ANSWER
    assert _said(events[-1]["data"]["output"]) == _said(agent.invoke(QUESTION))
