"""Signed thinking over Messages goes back as it came: from a chat, from storage, from agents."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock, ToolCallBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index_llm_tests import Answer
from qwen_endpoints import InvalidRequestError

from tests.unit.llamaindex.ecosystem import CORE, THOUGHT, WEATHER, quiet, start
from tests.unit.llamaindex.messages import OVER_MESSAGES, reply, result, thoughts_sent
from tests.unit.llamaindex.watching import CHATS, ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox


either = pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "whole"])
each_chat = pytest.mark.parametrize("way", CHATS)
WORLD = "Get the weather in Paris and London"
HIDDEN = f"{WORLD} [[sandbox:redacted]]"
TOOLS: Any = [WEATHER]


@pytest.fixture
def llm(make_llm: Callable[..., Qwen]) -> Qwen:
    return make_llm(**OVER_MESSAGES, enable_thinking=True)


def stored(message: ChatMessage) -> ChatMessage:
    return ChatMessage.model_validate_json(message.model_dump_json())


def details(message: ChatMessage) -> list[dict[str, Any]]:
    blocks = [block for block in message.blocks if isinstance(block, ThinkingBlock)]
    return [detail for block in blocks for detail in block.additional_information["reasoning_details"]]


def results(message: ChatMessage) -> list[ChatMessage]:
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    return [result(call, "21 degrees") for call in calls]


@each_chat
@pytest.mark.parametrize("question", [WORLD, HIDDEN], ids=["signed", "redacted"])
@pytest.mark.parametrize("kept", ["as it is", "stored"])
async def test_thoughts_go_back_as_they_came(
    llm: Qwen, qwen_sandbox: Sandbox, way: str, question: str, kept: str
) -> None:
    asked = ChatMessage(question)
    answer = (await ask(llm, way, [asked], tools=TOOLS))[-1].message
    came = details(answer)
    assert [set(detail) for detail in came] == [
        {"type", "data"} if question == HIDDEN else {"type", "thinking", "signature"}
    ]
    back = answer if kept == "as it is" else stored(answer)
    before = back.model_dump_json()
    after = (await ask(llm, way, [asked, back, *results(answer)], tools=TOOLS))[-1]
    assert json.dumps(thoughts_sent(qwen_sandbox)) == json.dumps(came)
    assert qwen_sandbox.last_request.json["messages"][1]["content"][0] == came[0]
    assert "21 degrees" in (after.message.content or "")
    assert "notes" not in after.additional_kwargs
    assert back.model_dump_json() == before


@each_chat
async def test_hidden_thoughts_are_a_block_without_words(llm: Qwen, way: str) -> None:
    response = (await ask(llm, way, "hello [[sandbox:redacted]]"))[-1]
    block = response.message.blocks[0]
    assert isinstance(block, ThinkingBlock)
    assert (block.content, block.num_tokens) == (None, response.additional_kwargs["reasoning_tokens"])
    assert block.num_tokens
    assert [detail["type"] for detail in details(response.message)] == ["redacted_thinking"]


async def test_thoughts_of_finished_turns_go_back_as_well(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    talk = [ChatMessage("My name is Ada.")]
    talk += [llm.chat(talk).message, ChatMessage("What is my name?")]
    assert "Ada" in (llm.chat(talk).message.content or "")
    assert thoughts_sent(qwen_sandbox) == details(talk[1])


async def test_a_changed_thought_is_refused_by_the_endpoint(llm: Qwen) -> None:
    # The sandbox checks signatures: that nothing is refused elsewhere means something.
    answer = llm.chat([ChatMessage(WORLD)], tools=TOOLS).message
    details(answer)[0]["thinking"] += "!"
    with pytest.raises(InvalidRequestError, match="signature"):
        llm.chat([ChatMessage(WORLD), answer, *results(answer)], tools=TOOLS)


@each_chat
async def test_calls_from_elsewhere_switch_thinking_off(llm: Qwen, qwen_sandbox: Sandbox, way: str) -> None:
    call = ToolCallBlock(tool_call_id="call_1", tool_name="get_weather", tool_kwargs={"city": "Paris"})
    foreign = ThinkingBlock(content="Hm.", additional_information={"signature": "c2lnbmVk"})
    talk = [ChatMessage(WORLD), ChatMessage(role="assistant", blocks=[foreign, call]), result(call, "21 degrees")]
    response = (await ask(llm, way, talk, tools=TOOLS))[-1]
    assert "signed thinking" in response.additional_kwargs["notes"][0]
    assert qwen_sandbox.last_request.json["thinking"] == {"type": "disabled"}
    assert thoughts_sent(qwen_sandbox) == []
    assert "21 degrees" in (response.message.content or "")


async def test_thoughts_go_to_no_other_provider(
    llm: Qwen, make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox
) -> None:
    answer = llm.chat([ChatMessage(WORLD)], tools=TOOLS).message
    signature = details(answer)[0]["signature"]
    other = make_llm(provider="wcode", model="qwen/qwen3-235b-a22b")
    other.chat([ChatMessage(WORLD), answer, *results(answer)], tools=TOOLS)
    assert signature not in qwen_sandbox.last_request.body.decode()
    assert THOUGHT in qwen_sandbox.last_request.json["messages"][1]["reasoning"]


# Agents


class TestAgents:
    pytestmark = quiet

    @either
    @pytest.mark.parametrize("question", [WORLD, HIDDEN], ids=["signed", "redacted"])
    async def test_an_agent_sends_its_thoughts_back(
        self, llm: Qwen, qwen_sandbox: Sandbox, question: str, *, streaming: bool
    ) -> None:
        if CORE < (0, 14, 8) and not streaming:
            pytest.skip("the framework forbids parallel calls there")
        handler = start(FunctionAgent(tools=[WEATHER], llm=llm, streaming=streaming), question)
        events = [event async for event in handler.stream_events()]
        answer = str(await handler)
        ran = [event.tool_kwargs["city"] for event in events if isinstance(event, ToolCallResult)]
        assert sorted(ran) == ["London", "Paris"]  # the framework runs them at the same time
        assert "21 degrees in Paris" in answer
        assert THOUGHT not in answer
        asked, told = (request.json for request in qwen_sandbox.requests)
        assert asked["thinking"] == told["thinking"]
        assert told["thinking"]["type"] == "enabled"
        (thought,) = thoughts_sent(qwen_sandbox)
        assert told["messages"][1]["content"][0] == thought
        assert thought["type"] == ("redacted_thinking" if question == HIDDEN else "thinking")
        shown = "".join(event.thinking_delta or "" for event in events if isinstance(event, AgentStream))
        assert shown.startswith(thought.get("thinking", "")) or not streaming

    async def test_an_agent_goes_on_from_a_stored_memory(self, llm: Qwen, qwen_sandbox: Sandbox) -> None:
        memory, later = ChatMemoryBuffer.from_defaults(), ChatMemoryBuffer.from_defaults()
        await start(FunctionAgent(tools=[WEATHER], llm=llm), WORLD, memory)
        before = thoughts_sent(qwen_sandbox)
        later.set([stored(message) for message in memory.get_all()])
        answer = str(await start(FunctionAgent(tools=[WEATHER], llm=llm), "What is 2 + 3?", later))
        assert "5" in answer
        assert thoughts_sent(qwen_sandbox)[:1] == before
        assert len(thoughts_sent(qwen_sandbox)) == 2

    @pytest.mark.skipif(CORE < (0, 14, 13), reason="the framework's agents only raise at the limit")
    async def test_an_agent_that_runs_out_of_steps_sums_up(self, llm: Qwen, qwen_sandbox: Sandbox) -> None:
        """The framework then adds a system message at the end."""
        agent = FunctionAgent(tools=[WEATHER], llm=llm, early_stopping_method="generate", streaming=False)
        assert str(await start(agent, WORLD, max_iterations=1))
        (turn,) = qwen_sandbox.last_request.json["messages"]
        assert turn["role"] == "user"
        assert turn["content"][1]["text"].startswith("You have reached the maximum number of iterations")

    @either
    async def test_an_agent_runs_no_call_that_was_cut(
        self, make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, *, streaming: bool
    ) -> None:
        llm = make_llm(**OVER_MESSAGES, max_tokens=6)
        handler = start(FunctionAgent(tools=[WEATHER], llm=llm, streaming=streaming), WORLD)
        events = [event async for event in handler.stream_events()]
        await handler
        assert [event for event in events if isinstance(event, ToolCallResult)] == []
        assert len(qwen_sandbox.requests) == 1

    @either
    async def test_a_react_agent_reads_the_text_alone(
        self, scripted_messages: Callable[..., Qwen], qwen_sandbox: Sandbox, *, streaming: bool
    ) -> None:
        if CORE < (0, 14, 8):
            pytest.skip("its ReActAgent fails on messages of several blocks")
        act = 'Thought: I need a tool.\nAction: get_weather\nAction Input: {"city": "Paris"}'
        said = (act, "Thought: I can answer without using any more tools.\nAnswer: It is mild.")
        answers = [Answer(text=text, reasoning="Action: nonsense") for text in said]
        way = "stream_chat" if streaming else "chat"
        llm = scripted_messages(*(reply(way, answer) for answer in answers), enable_thinking=True)
        agent = ReActAgent(tools=[WEATHER], llm=llm, streaming=streaming)
        assert str(await start(agent, "What is the weather in Paris?")) == "It is mild."
        body = qwen_sandbox.last_request.json
        assert body["thinking"]["type"] == "enabled"
        assert "tools" not in body
        assert "get_weather" in json.dumps(body["system"])
        assert "21 degrees in Paris" in json.dumps(body["messages"][-1])
