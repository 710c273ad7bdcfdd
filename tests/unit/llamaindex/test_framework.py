"""The model inside LlamaIndex: agents, retrieval, structured output, events."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock, ThinkingBlock
from llama_index.core.base.response.schema import Response, StreamingResponse
from llama_index.core.chat_engine import ContextChatEngine, SimpleChatEngine
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.memory import BaseMemory, ChatMemoryBuffer
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import FunctionTool
from llama_index_instrumentation import get_dispatcher
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llama_index.llms.qwen import Qwen
    from llama_index_instrumentation.base import BaseEvent
    from qwen_sandbox import Sandbox
    from workflows.handler import WorkflowHandler

pytestmark = [
    # The workflow package looks at every attribute of an agent, pydantic's deprecated ones included.
    pytest.mark.filterwarnings("ignore:The `__fields:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning"),
    # The framework's ReAct agent asks its context in a way the workflow package has since deprecated.
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
]


CORE = tuple(int(part) for part in version("llama-index-core").split(".")[:3])


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


MULTIPLY = FunctionTool.from_defaults(multiply)


def run(agent: FunctionAgent | ReActAgent, question: str, memory: BaseMemory | None = None) -> WorkflowHandler:
    """Start an agent. The default memory is a database that the framework leaves open, so another one is given."""
    memory = memory or ChatMemoryBuffer.from_defaults()
    return agent.run(user_msg=question, memory=memory)  # pyright: ignore[reportDeprecated] - new overloads come later


@pytest.fixture
def loop() -> Iterator[None]:
    """An event loop for the framework's sync methods, which otherwise make one and leave it open."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield
    asyncio.set_event_loop(None)
    made.close()


class Notes(BaseRetriever):
    """Three notes, all of them found by every query."""

    @override
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        notes = (
            "The lighthouse of Orla was built in 1887.",
            "The harbour of Orla freezes in January.",
            "Ferries to Orla leave at noon.",
        )
        return [NodeWithScore(node=TextNode(text=note), score=1.0) for note in notes]


# Agents


@pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "whole"])
async def test_an_agent_uses_a_tool(llm: Qwen, qwen_sandbox: Sandbox, *, streaming: bool) -> None:
    agent = FunctionAgent(tools=[MULTIPLY], llm=llm, streaming=streaming)
    handler = run(agent, "What is 6 times 7?")
    events = [event async for event in handler.stream_events()]
    assert "42" in str(await handler)
    (result,) = [event for event in events if isinstance(event, ToolCallResult)]
    assert (result.tool_name, result.tool_kwargs) == ("multiply", {"a": 6, "b": 7})
    first, second = (request.json for request in qwen_sandbox.requests)
    assert first["parallel_tool_calls"] is True or (CORE < (0, 14, 8) and not streaming)
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "tool"]
    assert second["messages"][2]["tool_call_id"] == second["messages"][1]["tool_calls"][0]["id"]


async def test_an_agent_streams_its_thoughts_and_sends_them_back(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox
) -> None:
    agent = FunctionAgent(tools=[MULTIPLY], llm=make_llm(enable_thinking=True))
    handler = run(agent, "What is 6 times 7?")
    events = [event async for event in handler.stream_events() if isinstance(event, AgentStream)]
    await handler
    assert "".join(event.thinking_delta or "" for event in events)
    replayed = qwen_sandbox.last_request.json["messages"][1]
    assert replayed["reasoning_content"]
    json.dumps([event.model_dump() for event in events])


async def test_an_agent_with_a_first_tool_choice(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    agent = FunctionAgent(tools=[MULTIPLY], llm=llm, initial_tool_choice="multiply")
    await run(agent, "Say something about 6 and 7")
    named = {"type": "function", "function": {"name": "multiply"}}
    assert [request.json.get("tool_choice") for request in qwen_sandbox.requests] == [named, None]


async def test_a_tool_that_answers_directly(llm: Qwen) -> None:
    direct = FunctionTool.from_defaults(multiply, return_direct=True)
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    agent = FunctionAgent(tools=[direct], llm=llm)
    assert "42" in str(await run(agent, "What is 6 times 7?", memory))
    assert "your" in str(await run(agent, "What is my name?", memory)).lower()


async def test_a_cut_call_is_not_run(scripted: Callable[..., Qwen]) -> None:
    function = {"name": "multiply", "arguments": '{"a": 6, "b": 7'}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    chunks: list[dict[str, Any]] = [
        {"id": "c", "choices": [{"index": 0, "delta": {"content": "Let me see.", "tool_calls": [call]}}]},
        {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]},
    ]
    handler = run(FunctionAgent(tools=[MULTIPLY], llm=scripted(chunks)), "What is 6 times 7?")
    events = [event async for event in handler.stream_events()]
    assert not [event for event in events if isinstance(event, ToolCallResult)]
    assert str(await handler) == "Let me see."


@pytest.mark.skipif(CORE < (0, 14, 8), reason="the framework's ReAct agent fails on messages with several blocks")
async def test_a_react_agent_never_sees_the_thoughts(scripted: Callable[..., Qwen]) -> None:
    def said(text: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "reasoning_content": "Action: nonsense"}
        return {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}

    llm = scripted(
        said('Thought: I need a tool.\nAction: multiply\nAction Input: {"a": 6, "b": 7}'),
        said("Thought: I can answer without using any more tools.\nAnswer: 42"),
    )
    agent = ReActAgent(tools=[MULTIPLY], llm=llm, streaming=False)
    assert str(await run(agent, "What is 6 times 7?")) == "42"


def test_predict_and_call(llm: Qwen) -> None:
    assert llm.predict_and_call([MULTIPLY], "What is 6 times 7?").response == "42"
    assert asyncio.run(llm.apredict_and_call([MULTIPLY], "What is 6 times 7?")).response == "42"


# Retrieval


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize(
    "mode", [ResponseMode.COMPACT, ResponseMode.REFINE, ResponseMode.TREE_SUMMARIZE], ids=lambda mode: mode.value
)
def test_retrieval(make_llm: Callable[..., Qwen], mode: ResponseMode) -> None:
    llm = make_llm(enable_thinking=True)
    engine = RetrieverQueryEngine.from_args(Notes(), llm=llm, response_mode=mode)
    answer = engine.query("When was the lighthouse of Orla built?")
    assert isinstance(answer, Response)
    assert answer.response is not None
    assert "1887" in answer.response
    assert "user writes" not in answer.response
    assert len(answer.source_nodes) == 3


async def test_async_retrieval(llm: Qwen) -> None:
    answer = await RetrieverQueryEngine.from_args(Notes(), llm=llm).aquery("When do ferries to Orla leave?")
    assert "noon" in str(answer)


@pytest.mark.usefixtures("loop")
def test_streamed_retrieval(make_llm: Callable[..., Qwen]) -> None:
    engine = RetrieverQueryEngine.from_args(Notes(), llm=make_llm(enable_thinking=True), streaming=True)
    answer = engine.query("When was the lighthouse of Orla built?")
    assert isinstance(answer, StreamingResponse)
    text = "".join(answer.response_gen)
    assert "1887" in text
    assert "user writes" not in text


@pytest.mark.usefixtures("loop")
def test_chat_engines(llm: Qwen) -> None:
    simple = SimpleChatEngine.from_defaults(llm=llm, system_prompt="Be kind.", memory=ChatMemoryBuffer.from_defaults())
    simple.chat("My name is Ada.")
    assert "Ada" in simple.chat("What is my name?").response
    assert "Ada" in "".join(simple.stream_chat("What is my name?").response_gen)
    context = ContextChatEngine.from_defaults(retriever=Notes(), llm=llm, memory=ChatMemoryBuffer.from_defaults())
    assert "1887" in context.chat("When was the lighthouse of Orla built?").response


# Memory and events


def test_a_conversation_survives_storage(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(enable_thinking=True)
    answer = llm.chat([ChatMessage("What is 2 + 3?")]).message
    stored = ChatMessage.model_validate_json(answer.model_dump_json())
    assert stored == answer
    assert [type(block) for block in stored.blocks] == [ThinkingBlock, TextBlock]
    llm.chat([ChatMessage("What is 2 + 3?"), stored, ChatMessage("Thanks")])
    assert qwen_sandbox.last_request.json["messages"][1]["content"] == "2 + 3 = 5"
    assert stored.role == MessageRole.ASSISTANT


class Recorder(BaseEventHandler):
    """Keeps the events it is given."""

    seen: list[Any] = []  # noqa: RUF012 - a pydantic field, copied for each instance

    @override
    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.seen.append(event)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    root = get_dispatcher()
    root.add_event_handler(recorder)
    yield recorder
    root.event_handlers.remove(recorder)


def test_events_of_each_call(llm: Qwen, recorder: Recorder, qwen_sandbox: Sandbox) -> None:
    llm.chat([ChatMessage("hi")])
    assert [event.class_name() for event in recorder.seen] == ["LLMChatStartEvent", "LLMChatEndEvent"]
    recorder.seen.clear()
    frames = list(llm.stream_complete("hi"))
    names = [event.class_name() for event in recorder.seen]
    assert names == [
        "LLMCompletionStartEvent",
        *(["LLMCompletionInProgressEvent"] * len(frames)),
        "LLMCompletionEndEvent",
    ]
    assert qwen_sandbox.api_key not in str([event.model_dump() for event in recorder.seen])
