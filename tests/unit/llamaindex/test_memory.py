"""What is remembered of a conversation, and what of it is sent back."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.core.memory import (
    BaseMemoryBlock,
    ChatMemoryBuffer,
    ChatSummaryMemoryBuffer,
    FactExtractionMemoryBlock,
    Memory,
)
from llama_index.core.memory.memory_blocks import StaticMemoryBlock
from sqlalchemy.ext.asyncio import create_async_engine

from tests.unit.llamaindex.ecosystem import MULTIPLY, THOUGHT, quiet, said, sent, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = quiet


@pytest.fixture
async def database() -> AsyncIterator[AsyncEngine]:
    """The framework's newer memory keeps messages in a database, which it never closes."""
    engine = create_async_engine("sqlite+aiosqlite:///:memory:")
    yield engine
    await engine.dispose()


def test_an_answer_survives_storage(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(enable_thinking=True)
    answer = llm.chat([ChatMessage("What is 2 + 3?")]).message
    stored = ChatMessage.model_validate_json(answer.model_dump_json())
    assert stored == answer
    assert [type(block) for block in stored.blocks] == [ThinkingBlock, TextBlock]
    llm.chat([ChatMessage("What is 2 + 3?"), stored, ChatMessage("Thanks")])
    assert sent(qwen_sandbox)[1]["content"] == "2 + 3 = 5"
    assert stored.role == MessageRole.ASSISTANT


async def test_an_agent_remembers_in_a_database(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, database: AsyncEngine
) -> None:
    llm = make_llm(enable_thinking=True)
    memory = Memory.from_defaults(session_id="s", async_engine=database)
    agent = FunctionAgent(tools=[MULTIPLY], llm=llm)
    await start(agent, "My name is Ada. What is 6 times 7?", memory)
    kept = await memory.aget()
    assert [message.role.value for message in kept] == ["user", "assistant", "tool", "assistant"]
    assert [type(block) for block in kept[1].blocks] == [ThinkingBlock, ToolCallBlock]
    assert "Ada" in str(await start(agent, "What is my name?", memory))
    told = sent(qwen_sandbox)
    assert [message["role"] for message in told] == ["user", "assistant", "tool", "assistant", "user"]
    assert told[1]["tool_calls"][0]["id"] == told[2]["tool_call_id"]
    assert THOUGHT not in str([message["content"] for message in told])


async def test_facts_are_drawn_from_what_is_forgotten(
    make_llm: Callable[..., Qwen], scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, database: AsyncEngine
) -> None:
    facts = "<facts><fact>Her name is Ada.</fact></facts>"
    drawn = FactExtractionMemoryBlock(
        name="facts", llm=scripted(said(facts, reasoning_content="<fact>No.</fact>")), max_facts=5
    )
    blocks: list[BaseMemoryBlock[Any]] = [
        StaticMemoryBlock(name="about", static_content=[TextBlock(text="It is Monday.")]),
        drawn,
    ]
    memory = Memory.from_defaults(
        session_id="s",
        async_engine=database,
        token_limit=60,
        token_flush_size=10,
        chat_history_token_ratio=0.5,
        memory_blocks=blocks,
    )
    llm = make_llm(enable_thinking=True)
    agent = FunctionAgent(tools=[MULTIPLY], llm=llm)
    await start(agent, "My name is Ada and I would like to know this: what is 6 times 7?", memory)
    await start(agent, "Thanks, and how do you do today? I am well, if a little tired of sums.", memory)
    await start(agent, "hi", memory)
    assert drawn.facts == ["Her name is Ada."]
    system = sent(qwen_sandbox)[0]
    assert system["role"] == "system"
    assert "It is Monday." in system["content"]
    assert "Her name is Ada." in system["content"]


def test_a_buffer_holds_what_fits_the_window(make_llm: Callable[..., Qwen]) -> None:
    llm = make_llm(context_window=400, max_tokens=50)
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    assert memory.token_limit == 300
    for turn in range(20):
        memory.put(ChatMessage(f"Count from {turn} to {turn + 1} and say so in one sentence of ten words."))
        memory.put(llm.chat(memory.get()).message)
    assert 2 <= len(memory.get()) < 40


def test_a_summary_takes_the_place_of_what_does_not_fit(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(enable_thinking=True)
    memory = ChatSummaryMemoryBuffer.from_defaults(llm=llm, token_limit=40)
    for _ in range(3):
        memory.put(ChatMessage("Repeat after me: the quick brown fox jumps over the lazy dog"))
        memory.put(llm.chat([ChatMessage("Repeat after me: the quick brown fox jumps over the lazy dog")]).message)
    remembered = memory.get()
    asked = sent(qwen_sandbox)
    assert [message["role"] for message in asked] == ["system", "user"]
    assert THOUGHT not in asked[1]["content"]
    assert remembered[0].role == MessageRole.SYSTEM
    assert remembered[0].content
    assert THOUGHT not in remembered[0].content
    llm.chat([*remembered, ChatMessage("hi")])


def test_calls_are_summed_up_too(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm()
    called = llm.chat([ChatMessage("What is 6 times 7?")], tools=[MULTIPLY]).message
    result = ChatMessage(role=MessageRole.TOOL, content="42", additional_kwargs={"tool_call_id": "c"})
    history = [ChatMessage("What is 6 times 7?"), called, result, ChatMessage("Thanks " * 40)]
    memory = ChatSummaryMemoryBuffer.from_defaults(chat_history=history, llm=llm, token_limit=45)
    assert memory.get()[0].role == MessageRole.SYSTEM
    assert "What is 6 times 7?" in sent(qwen_sandbox)[1]["content"]
