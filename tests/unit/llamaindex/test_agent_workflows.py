"""The model in agents that hand over to each other, remember, are stored in mid-conversation, and answer in types."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context, HumanResponseEvent, InputRequiredEvent, JsonSerializer
from pydantic import BaseModel

from tests.unit.llamaindex.ecosystem import CORE, MULTIPLY, THOUGHT, WEATHER, quiet, said, sent, start

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

pytestmark = quiet


class Weather(BaseModel):
    """The weather in a city."""

    city: str
    degrees: int


def calling(name: str, **arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": f"call_{name}", "type": "function", "function": function}
    return said(None, "tool_calls", tool_calls=[call], reasoning_content=f"Now {name}.")


# Handing over


def team(llm: Qwen, **more: Any) -> AgentWorkflow:
    front = FunctionAgent(
        name="front",
        description="Takes questions.",
        system_prompt="You are the front desk.",
        tools=[MULTIPLY],
        can_handoff_to=["forecaster"],
        llm=llm,
        streaming=False,
    )
    forecaster = FunctionAgent(
        name="forecaster",
        description="Knows the weather.",
        system_prompt="You forecast.",
        tools=[WEATHER],
        can_handoff_to=[],
        llm=llm,
        streaming=False,
    )
    return AgentWorkflow(agents=[front, forecaster], root_agent="front", **more)


async def test_an_agent_hands_over_to_another(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = scripted(
        calling("handoff", to_agent="forecaster", reason="weather"),
        calling("get_weather", city="Paris"),
        said("21 degrees.", reasoning_content="Done."),
    )
    handler = start(team(llm), "How is the weather in Paris?")
    events = [event async for event in handler.stream_events()]
    answer = await handler
    assert str(answer) == "21 degrees."
    assert answer.current_agent_name == "forecaster"
    assert [event.tool_name for event in events if isinstance(event, ToolCallResult)] == ["handoff", "get_weather"]
    offered = [[tool["function"]["name"] for tool in request.json["tools"]] for request in qwen_sandbox.requests]
    assert offered == [["multiply", "handoff"], ["get_weather"], ["get_weather"]]
    system, question, *loop = sent(qwen_sandbox)
    assert system == {"role": "system", "content": "You forecast."}
    assert question == {"role": "user", "content": "How is the weather in Paris?"}
    assert [message["role"] for message in loop] == ["assistant", "tool", "assistant", "tool"]
    assert [call["id"] for message in loop[::2] for call in message["tool_calls"]] == [
        message["tool_call_id"] for message in loop[1::2]
    ]
    # One tool loop, though two agents took part: the reasoning of both goes back.
    assert [message["reasoning_content"] for message in loop[::2]] == ["Now handoff.", "Now get_weather."]


async def test_a_team_answers_in_a_type(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(enable_thinking=True)
    answer = await start(team(llm, output_cls=Weather), "What is 6 times 7?")
    assert set(answer.structured_response) == {"city", "degrees"}
    assert isinstance(answer.get_pydantic_model(Weather), Weather)
    last = qwen_sandbox.last_request.json
    assert last["enable_thinking"] is False
    assert THOUGHT not in str(last)


async def test_a_team_answers_in_a_type_of_the_callers_making(llm: Qwen) -> None:
    seen: list[ChatMessage] = []

    def settle(messages: list[ChatMessage]) -> dict[str, Any]:
        seen.extend(messages)
        return {"city": "Paris", "degrees": 42}

    answer = await start(team(llm, structured_output_fn=settle), "What is 6 times 7?")
    assert answer.structured_response == {"city": "Paris", "degrees": 42}
    assert [message.role.value for message in seen] == ["user", "assistant", "tool", "assistant"]


async def test_tools_alone_make_a_workflow_with_a_state(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    async def visit(ctx: Context, city: str) -> str:
        """Visit a city."""
        async with ctx.store.edit_state() as kept:
            kept["state"]["visited"].append(city)
        return f"visited so far: {kept['state']['visited']}"

    # The framework does not see through annotations that are text.
    visit.__annotations__ = {"ctx": Context, "city": str, "return": str}
    workflow = AgentWorkflow.from_tools_or_functions(
        [FunctionTool.from_defaults(async_fn=visit)],
        llm=make_llm(enable_thinking=True),
        system_prompt="You travel.",
        initial_state={"visited": []},
    )
    assert isinstance(workflow.agents["Agent"], FunctionAgent)
    answer = await start(workflow, "Visit. The city is Paris.")
    assert "visited so far: ['Paris']" in str(answer)
    system, question = sent(qwen_sandbox, 0)
    assert system == {"role": "system", "content": "You travel."}
    assert "{'visited': []}" in question["content"]
    assert list(qwen_sandbox.requests[0].json["tools"][0]["function"]["parameters"]["properties"]) == ["city"]


def test_without_function_calls_tools_make_an_agent_that_acts_by_text(make_llm: Callable[..., Qwen]) -> None:
    llm = make_llm(is_function_calling_model=False)
    workflow = AgentWorkflow.from_tools_or_functions([WEATHER], llm=llm)
    assert isinstance(workflow.agents["Agent"], ReActAgent)


# Answers in types


@pytest.mark.parametrize("thinking", [None, True])
async def test_an_agent_answers_in_a_type(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, *, thinking: bool | None
) -> None:
    llm = make_llm(enable_thinking=thinking)
    answer = await start(FunctionAgent(tools=[WEATHER], llm=llm, output_cls=Weather), "Get the weather in Paris")
    assert answer.structured_response["degrees"] == 21
    assert answer.response.content == "According to get_weather: 21 degrees in Paris"
    typed = qwen_sandbox.last_request.json
    assert "21 degrees in Paris" in str(typed["messages"])
    assert THOUGHT not in str(typed["messages"])
    assert not typed.get("enable_thinking")
    assert llm.enable_thinking is thinking


@pytest.mark.skipif(CORE < (0, 14, 13), reason="the framework's agents only raise at the limit")
async def test_an_agent_that_runs_out_of_steps_sums_up(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    agent = FunctionAgent(
        tools=[WEATHER], llm=make_llm(enable_thinking=True), early_stopping_method="generate", streaming=False
    )
    answer = await start(agent, "Get the weather in Paris", max_iterations=1)
    assert str(answer)
    assert THOUGHT not in str(answer)
    assert "tools" not in qwen_sandbox.last_request.json


# Stored in mid-conversation


@pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key")
async def test_a_conversation_goes_on_after_storage(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    def agent() -> FunctionAgent:
        return FunctionAgent(tools=[MULTIPLY], llm=make_llm(enable_thinking=True))

    # Of a context, the framework leaves the memory to the caller.
    first, memory = agent(), ChatMemoryBuffer.from_defaults()
    context = Context(first)
    await start(first, "My name is Ada. What is 6 times 7?", memory, ctx=context)
    stored = json.dumps(
        {
            "context": context.to_dict(serializer=JsonSerializer()),
            "messages": [message.model_dump_json() for message in memory.get_all()],
        }
    )
    assert qwen_sandbox.api_key not in stored

    loaded = json.loads(stored)
    messages = [ChatMessage.model_validate_json(message) for message in loaded["messages"]]
    assert messages == memory.get_all()
    second = agent()
    resumed = Context.from_dict(second, loaded["context"], serializer=JsonSerializer())
    memory = ChatMemoryBuffer.from_defaults(chat_history=messages)
    assert "Ada" in str(await start(second, "What is my name?", memory, ctx=resumed))
    told = sent(qwen_sandbox)
    assert [message["role"] for message in told] == ["user", "assistant", "tool", "assistant", "user"]
    assert told[1]["tool_calls"][0]["id"] == told[2]["tool_call_id"]
    assert THOUGHT in told[1]["reasoning_content"]


@pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key")
@pytest.mark.skipif(CORE < (0, 14, 7), reason="the framework's agents take a tool that waits for one that failed")
async def test_a_run_that_waits_for_a_person_goes_on_after_storage(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox
) -> None:
    async def approve(ctx: Context, what: str) -> str:
        """Have a person approve something."""
        answer = await ctx.wait_for_event(HumanResponseEvent, waiter_id="ask", waiter_event=InputRequiredEvent())
        return f"{what}: {answer.response}"

    approve.__annotations__ = {"ctx": Context, "what": str, "return": str}

    def agent() -> FunctionAgent:
        return FunctionAgent(tools=[FunctionTool.from_defaults(async_fn=approve)], llm=make_llm(enable_thinking=True))

    first, memory, stored = agent(), ChatMemoryBuffer.from_defaults(), ""
    context = Context(first)
    handler = start(first, "Approve the Plan", memory, ctx=context)
    async for event in handler.stream_events():
        if isinstance(event, InputRequiredEvent):
            stored = json.dumps(context.to_dict(serializer=JsonSerializer()))
            await handler.cancel_run()
            break
    second = agent()
    resumed = Context.from_dict(second, json.loads(stored), serializer=JsonSerializer())
    handler = second.run(ctx=resumed)  # pyright: ignore[reportDeprecated] - new overloads come later
    await resumed.store.set("memory", memory)  # which the framework does not store with the context
    resumed.send_event(HumanResponseEvent.model_validate({"response": "yes"}))
    assert "Approve: yes" in str(await handler)
    question, call, result = sent(qwen_sandbox)
    assert question == {"role": "user", "content": "Approve the Plan"}
    assert THOUGHT in call["reasoning_content"]
    assert result == {"role": "tool", "content": "Approve: yes", "tool_call_id": call["tool_calls"][0]["id"]}
