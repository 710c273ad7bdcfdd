"""The model in single agents: which tools are run, what is shown meanwhile, what goes back."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import AgentStream, CodeActAgent, FunctionAgent, ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool
from qwen_endpoints import RateLimitError

from tests.unit.llamaindex.ecosystem import CORE, MULTIPLY, PIXEL, THOUGHT, WEATHER, multiply, quiet, said, sent, start

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox
    from workflows.handler import WorkflowHandler

pytestmark = quiet

either = pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "whole"])


async def watch(handler: WorkflowHandler) -> tuple[str, list[Any]]:
    """The answer, and all that was shown until it came."""
    events = [event async for event in handler.stream_events()]
    return str(await handler), events


def of(kind: type, events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


# Function calling


@either
async def test_an_agent_uses_a_tool(llm: Qwen, qwen_sandbox: Sandbox, *, streaming: bool) -> None:
    agent = FunctionAgent(tools=[MULTIPLY], llm=llm, streaming=streaming)
    answer, events = await watch(start(agent, "What is 6 times 7?"))
    assert "42" in answer
    (result,) = of(ToolCallResult, events)
    assert (result.tool_name, result.tool_kwargs) == ("multiply", {"a": 6, "b": 7})
    first, second = (request.json for request in qwen_sandbox.requests)
    assert first["parallel_tool_calls"] is True or (CORE < (0, 14, 8) and not streaming)
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "tool"]
    assert second["messages"][2]["tool_call_id"] == second["messages"][1]["tool_calls"][0]["id"]


@either
async def test_an_agent_uses_tools_side_by_side(llm: Qwen, qwen_sandbox: Sandbox, *, streaming: bool) -> None:
    if CORE < (0, 14, 8) and not streaming:
        pytest.skip("the framework forbids parallel calls there")
    agent = FunctionAgent(tools=[WEATHER, MULTIPLY], llm=llm, streaming=streaming)
    answer, events = await watch(start(agent, "Get the weather in Paris and London"))
    # The framework runs tools at the same time: their results come as they are done.
    assert sorted(result.tool_kwargs["city"] for result in of(ToolCallResult, events)) == ["London", "Paris"]
    assert "21 degrees in Paris" in answer
    assert "21 degrees in London" in answer
    _, calls, *results = sent(qwen_sandbox)
    asked = {call["id"]: json.loads(call["function"]["arguments"])["city"] for call in calls["tool_calls"]}
    told = {result["tool_call_id"]: result["content"] for result in results}
    assert len(asked) == len(results) == 2
    assert told == {call: f"21 degrees in {city}" for call, city in asked.items()}


async def test_one_call_at_a_time_where_parallel_calls_are_not_allowed(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    agent = FunctionAgent(tools=[WEATHER], llm=llm, allow_parallel_tool_calls=False)
    _, events = await watch(start(agent, "Get the weather in Paris and London"))
    assert qwen_sandbox.requests[0].json["parallel_tool_calls"] is False
    assert len(of(ToolCallResult, events)) == 1


async def test_an_agent_streams_its_thoughts_and_sends_them_back(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox
) -> None:
    agent = FunctionAgent(tools=[MULTIPLY], llm=make_llm(enable_thinking=True))
    answer, events = await watch(start(agent, "What is 6 times 7?"))
    shown = of(AgentStream, events)
    thought = "".join(event.thinking_delta or "" for event in shown)
    text = "".join(event.delta for event in shown)
    assert THOUGHT in thought
    assert THOUGHT not in text + answer
    assert text == answer
    replayed = sent(qwen_sandbox)[1]["reasoning_content"]
    assert thought.startswith(replayed)
    json.dumps([event.model_dump() for event in shown])


async def test_an_agent_with_a_first_tool_choice(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    agent = FunctionAgent(tools=[MULTIPLY, WEATHER], llm=llm, initial_tool_choice="multiply")
    await start(agent, "Say something about 6 and 7")
    named = {"type": "function", "function": {"name": "multiply"}}
    assert [request.json.get("tool_choice") for request in qwen_sandbox.requests] == [named, None]


async def test_a_first_tool_choice_of_a_thinking_agent(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    # This endpoint refuses a forced call beside reasoning: the first request does without.
    agent = FunctionAgent(tools=[MULTIPLY], llm=make_llm(enable_thinking=True), initial_tool_choice="required")
    answer, _ = await watch(start(agent, "Say something about 6 and 7"))
    assert "42" in answer
    assert [request.json["enable_thinking"] for request in qwen_sandbox.requests] == [False, True]


@either
async def test_a_tool_that_answers_directly(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, *, streaming: bool
) -> None:
    direct = FunctionTool.from_defaults(multiply, return_direct=True)
    llm = make_llm(enable_thinking=True)
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    agent = FunctionAgent(tools=[direct], llm=llm, streaming=streaming)
    assert str(await start(agent, "What is 6 times 7?", memory)) == "42"
    assert len(qwen_sandbox.requests) == 1
    assert "your" in str(await start(agent, "What is my name?", memory)).lower()
    told = sent(qwen_sandbox)
    assert [message["role"] for message in told] == ["user", "assistant", "tool", "assistant", "user"]
    assert told[3] == {"role": "assistant", "content": "42"}


async def test_a_tool_that_fails_is_told(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    def multiply(a: int, b: int) -> int:
        """Multiply two numbers."""
        raise RuntimeError(f"no {a} and {b} today")

    answer, events = await watch(start(FunctionAgent(tools=[multiply], llm=llm), "What is 6 times 7?"))
    (result,) = of(ToolCallResult, events)
    assert result.tool_output.is_error
    assert "no 6 and 7 today" in sent(qwen_sandbox)[2]["content"]
    assert "no 6 and 7 today" in answer


async def test_a_tool_that_returns_nothing(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    def note(text: str) -> list[TextBlock]:  # noqa: ARG001 - the tool's argument
        """Note a text."""
        return []

    await start(FunctionAgent(tools=[note], llm=llm, initial_tool_choice="note"), "Note this: milk")
    assert sent(qwen_sandbox)[2]["content"] == ""


async def test_pictures_go_into_and_come_out_of_tools(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    picture = ImageBlock(image=PIXEL.encode(), image_mimetype="image/png")

    def draw(what: str) -> list[TextBlock | ImageBlock]:
        """Draw a picture."""
        return [TextBlock(text=what), picture]

    agent = FunctionAgent(tools=[draw], llm=llm, initial_tool_choice="draw")
    question = ChatMessage(blocks=[TextBlock(text="Draw this again"), picture])
    await start(agent, question)
    asked, _, drawn = sent(qwen_sandbox)
    shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    assert asked["content"] == [{"type": "text", "text": "Draw this again"}, shown]
    assert drawn["content"] == [{"type": "text", "text": "Draw"}, shown]


async def test_a_cut_call_is_not_run(scripted: Callable[..., Qwen]) -> None:
    function = {"name": "multiply", "arguments": '{"a": 6, "b": 7'}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    chunks: list[dict[str, Any]] = [
        {"id": "c", "choices": [{"index": 0, "delta": {"content": "Let me see.", "tool_calls": [call]}}]},
        {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]},
    ]
    answer, events = await watch(start(FunctionAgent(tools=[MULTIPLY], llm=scripted(chunks)), "What is 6 times 7?"))
    assert not of(ToolCallResult, events)
    assert answer == "Let me see."


async def test_an_error_ends_the_run(make_llm: Callable[..., Qwen]) -> None:
    agent = FunctionAgent(tools=[MULTIPLY], llm=make_llm(max_retries=0))
    handler = start(agent, "[[sandbox:429]]")
    with pytest.raises(RateLimitError):
        await handler


# By text


@pytest.mark.skipif(CORE < (0, 14, 8), reason="the framework's ReAct agent fails on messages with several blocks")
@either
async def test_a_react_agent_never_sees_the_thoughts(scripted: Callable[..., Qwen], *, streaming: bool) -> None:
    steps = [
        'Thought: I need a tool.\nAction: multiply\nAction Input: {"a": 6, "b": 7}',
        "Thought: I can answer without using any more tools.\nAnswer: 42",
    ]
    llm = scripted(*(spoken(step, streaming=streaming) for step in steps))
    agent = ReActAgent(tools=[MULTIPLY], llm=llm, streaming=streaming)
    answer, events = await watch(start(agent, "What is 6 times 7?"))
    assert answer == "42"
    (result,) = of(ToolCallResult, events)
    assert result.tool_kwargs == {"a": 6, "b": 7}
    shown = of(AgentStream, events)
    assert "nonsense" not in "".join(event.delta for event in shown)
    assert not streaming or "nonsense" in "".join(event.thinking_delta or "" for event in shown)


@either
async def test_an_agent_that_acts_in_code(
    scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, *, streaming: bool
) -> None:
    ran: list[str] = []

    async def execute(code: str) -> str:
        """Run Python code."""
        ran.append(code)
        return "42"

    steps = ["Let me see.\n<execute>\nprint(multiply(6, 7))\n</execute>", "It is 42."]
    llm = scripted(*(spoken(step, "<execute>1/0</execute>", streaming=streaming) for step in steps))
    agent = CodeActAgent(execute, tools=[multiply], llm=llm, streaming=streaming)
    answer, _ = await watch(start(agent, "What is 6 times 7?"))
    assert ran == ["print(multiply(6, 7))"]
    assert answer == "It is 42."
    assert "42" in str(sent(qwen_sandbox)[-1]["content"])


def spoken(text: str, thought: str = "Action: nonsense", *, streaming: bool) -> Any:
    if not streaming:
        return said(text, reasoning_content=thought)
    deltas: list[dict[str, Any]] = [
        {"reasoning_content": thought},
        *({"content": word} for word in text.splitlines(keepends=True)),
    ]
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    return [{"id": "c", "choices": [choice]} for choice in choices]


def test_predict_and_call(llm: Qwen) -> None:
    assert llm.predict_and_call([MULTIPLY], "What is 6 times 7?").response == "42"
    assert asyncio.run(llm.apredict_and_call([MULTIPLY], "What is 6 times 7?")).response == "42"


def test_predict_and_call_side_by_side(llm: Qwen) -> None:
    ask = "Get the weather in Paris and London"
    answer = llm.predict_and_call([WEATHER], ask, allow_parallel_tool_calls=True)
    assert [source.content for source in answer.sources] == ["21 degrees in Paris", "21 degrees in London"]
    assert len(llm.predict_and_call([WEATHER], ask).sources) == 1
