"""Agents that end with an object, by the endpoint's JSON schema or by a call of their own."""

from __future__ import annotations

import sys
from typing import Any, cast

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_qwen import ConfigurationError
from pydantic import BaseModel
from qwen_sandbox import Reply

from tests.unit.langchain.conftest import CHAT_COMPLETIONS, ENDPOINTS, Chats, merged, whole

pytest.importorskip("langchain.agents", reason="needs the langchain package")

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType] - its checkpointer has no types
from langchain.agents.structured_output import ProviderStrategy, StructuredOutputValidationError, ToolStrategy

HAS_CONTEXT = sys.version_info >= (3, 11)  # see `test_agents`
QUESTION: Any = {"messages": [HumanMessage("What is the weather in Paris?")]}


class Report(BaseModel):
    """A weather report."""

    city: str
    degrees: int


PARIS = Report(city="Paris", degrees=21)


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


def _agent(llm: Any, response_format: Any, *tools: Any) -> Any:
    return cast("Any", create_agent)(llm, list(tools), response_format=response_format)


BY_SCHEMA = {"flash", "vision"}
"""Endpoints that are known to take a JSON schema; agents ask the others by a tool call."""


@pytest.mark.parametrize(
    ("endpoint", "thinking"),
    [(name, thinking) for name in ENDPOINTS for thinking in (None, True) if name != "vision" or not thinking],
)
async def test_the_profile_decides(chats: Chats, endpoint: str, thinking: bool | None) -> None:
    """A tool first, then the object; the model itself goes on thinking afterwards."""
    llm = chats.at(endpoint, enable_thinking=thinking)
    agent = _agent(llm, Report, get_weather)
    states = [agent.invoke(QUESTION), await agent.ainvoke(QUESTION)]
    assert [state["structured_response"] for state in states] == [PARIS, PARIS]
    first, last = chats.bodies[:2]
    if endpoint in BY_SCHEMA:
        assert first["response_format"]["json_schema"]["schema"]["properties"].keys() == {"city", "degrees"}
        assert "tool_choice" not in first
        assert [message.type for message in states[0]["messages"]] == ["human", "ai", "tool", "ai"]
    else:
        some_tool = "required" if endpoint in CHAT_COMPLETIONS else {"type": "any"}
        assert {offered.get("function", offered)["name"] for offered in first["tools"]} == {"get_weather", "Report"}
        assert first["tool_choice"] == last["tool_choice"] == some_tool
        assert "response_format" not in first
        assert [message.type for message in states[0]["messages"]] == ["human", "ai", "tool", "ai", "tool"]
    assert len(chats.bodies) == 4
    if thinking:
        notes = [message.response_metadata.get("notes") for message in states[0]["messages"] if message.type == "ai"]
        assert all(notes) == (endpoint != "text"), "where thinking had to pause, the message says so"
        assert "reasoning_content" in llm.invoke("hello").additional_kwargs


STRATEGIES: list[tuple[str, Any]] = [
    *((name, ToolStrategy) for name in ENDPOINTS),
    *((name, ProviderStrategy) for name in ENDPOINTS if name not in ("text", "messages")),
]


@pytest.mark.parametrize(("endpoint", "strategy"), STRATEGIES)
@pytest.mark.parametrize("settings", [{}, {"output_version": "v1"}, {"streaming": True}], ids=str)
async def test_either_strategy(chats: Chats, endpoint: str, strategy: Any, settings: dict[str, Any]) -> None:
    agent = _agent(chats.at(endpoint, **settings), strategy(Report))
    for state in (agent.invoke(QUESTION), await agent.ainvoke(QUESTION)):
        assert state["structured_response"] == Report(city="Paris", degrees=1)
    assert ("tools" in chats.body) == (strategy is ToolStrategy), "no empty list of tools is sent"
    assert ("response_format" in chats.body) == (strategy is ProviderStrategy)


@pytest.mark.parametrize(("endpoint", "said"), [("text", "JSON schema"), ("messages", "has no response_format")])
def test_a_schema_that_an_endpoint_does_not_take(chats: Chats, endpoint: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        _agent(chats.at(endpoint), ProviderStrategy(Report)).invoke(QUESTION)
    assert chats.bodies == []


def _report(arguments: str) -> Reply:
    call = {"id": "c1", "type": "function", "function": {"name": "Report", "arguments": arguments}}
    return whole({"content": "", "tool_calls": [call]}, "tool_calls")


def test_a_call_that_does_not_fit_is_asked_for_again(chats: Chats) -> None:
    wrong, right = _report('{"city": "Paris", "degrees": "warm"}'), _report('{"city": "Paris", "degrees": 21}')
    state = _agent(chats.answering(wrong, right), ToolStrategy(Report)).invoke(QUESTION)
    assert state["structured_response"] == PARIS
    result = next(message for message in state["messages"] if isinstance(message, ToolMessage))
    assert "degrees" in result.text
    assert [message["role"] for message in chats.sent] == ["user", "assistant", "tool"]


def test_json_that_does_not_fit(chats: Chats) -> None:
    for text in ('{"city": "Paris"}', "no JSON", ""):
        with pytest.raises(StructuredOutputValidationError):
            _agent(chats.answering(whole({"content": text})), ProviderStrategy(Report)).invoke(QUESTION)


@pytest.mark.parametrize("endpoint", ["flash", "text", "messages"])
async def test_the_object_streams(chats: Chats, endpoint: str) -> None:
    agent = _agent(chats.at(endpoint), Report, get_weather)
    options: Any = {"stream_mode": ["messages", "values"]}
    runs = [list(agent.stream(QUESTION, **options))]
    if HAS_CONTEXT:
        runs.append([item async for item in agent.astream(QUESTION, **options)])
    for run in runs:
        pieces = [given[0] for mode, given in run if mode == "messages" and isinstance(given[0], AIMessageChunk)]
        last = merged(piece for piece in pieces if piece.id == pieces[-1].id)
        by_schema = endpoint in BY_SCHEMA
        wrote = Report.model_validate_json(last.text).model_dump() if by_schema else last.tool_calls[0]["args"]
        assert wrote == PARIS.model_dump()
        state = [given for mode, given in run if mode == "values"][-1]
        assert state["structured_response"] == PARIS
        assert isinstance(state["messages"][1], AIMessage)
