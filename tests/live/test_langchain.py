"""What LangChain users build on a model: structured output, an agent, event streams."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_qwen import ChatQwen
from pydantic import BaseModel, Field
from qwen_endpoints import ConfigurationError

from tests.live.conftest import Server

pytestmark = pytest.mark.filterwarnings("ignore:Model .* is not in the catalogue", "ignore:.*is in beta")


class Capital(BaseModel):
    """The capital of a country, as JSON."""

    capital: str = Field(description="The capital's name.")


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode", None])
async def test_structured_output(
    server: Server, method: Literal["json_schema", "function_calling", "json_mode"] | None
) -> None:
    model = ChatQwen(**server.settings, max_tokens=300)
    llm = model.with_structured_output(Capital, method=method)
    prompt = "What is the capital of France? Answer in JSON with the key capital."
    if method in {"json_schema", "json_mode"} and server.speaks_messages:
        with pytest.raises(ConfigurationError, match="response_format"):
            llm.invoke(prompt)
        return
    answers = [llm.invoke(prompt), await llm.ainvoke(prompt), list(llm.stream(prompt))[-1]]
    answers.append([piece async for piece in llm.astream(prompt)][-1])
    assert all(isinstance(answer, Capital) for answer in answers)
    model.close()
    await model.aclose()


def test_agent(server: Server) -> None:
    agents: Any = pytest.importorskip("langchain.agents")

    def get_weather(city: str) -> str:
        """Get the weather in a city."""
        return f"21 degrees in {city}"

    model = ChatQwen(**server.settings)
    agent = agents.create_agent(model, [get_weather])
    messages = agent.invoke({"messages": [("user", "What is the weather in Paris? Use the tool.")]})["messages"]
    assert any(isinstance(message, ToolMessage) and "21 degrees in Paris" in message.text for message in messages)
    assert isinstance(messages[-1], AIMessage)
    assert not messages[-1].tool_calls
    model.close()


def test_event_stream(server: Server) -> None:
    lifecycle: Any = pytest.importorskip("langchain_tests.utils.stream_lifecycle")
    model: Any = ChatQwen(**server.settings)
    stream = model.stream_events("What is the capital of France?", version="v3")
    lifecycle.assert_valid_event_stream(list(stream))
    assert "Paris" in stream.output.text
    model.close()
