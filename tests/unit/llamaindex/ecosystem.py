"""What the tests of the framework around the model share: notes to find, an index over them, agents to start."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import hashlib
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.memory import BaseMemory, ChatMemoryBuffer
from llama_index.core.schema import TextNode
from llama_index.core.tools import FunctionTool
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llama_index.core.agent.workflow import AgentWorkflow, BaseWorkflowAgent
    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.chat_engine.types import BaseChatEngine
    from qwen_sandbox import Sandbox
    from workflows.handler import WorkflowHandler

CORE = tuple(int(part) for part in version("llama-index-core").split(".")[:3])

quiet = [
    # The workflow package looks at every attribute of an agent, pydantic's deprecated ones included.
    pytest.mark.filterwarnings("ignore:The `__fields:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning"),
    # The framework's ReAct agent asks its context in a way the workflow package has since deprecated.
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
]
"""Marks for tests of agents: warnings of the framework about itself."""

NOTES = (
    "The lighthouse of Orla was built in 1887.",
    "The harbour of Orla freezes in January.",
    "Ferries to Orla leave at noon.",
)
BUILT = "When was the lighthouse of Orla built?"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="  # a 1x1 PNG
THOUGHT = "user writes"
"""What the sandbox's reasoning says; no answer may."""

_WIDTH = 64


class WordEmbedding(BaseEmbedding):
    """Each word has a place of its own: texts are near where they share words."""

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * _WIDTH
        for word in re.findall(r"\w+", text.lower()):
            vector[hashlib.sha256(word.encode()).digest()[0] % _WIDTH] += 1
        return vector

    @override
    def _get_text_embedding(self, text: str) -> list[float]:
        return self._vector(text)

    @override
    def _get_query_embedding(self, query: str) -> list[float]:
        return self._vector(query)

    @override
    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._vector(query)


def notes() -> list[TextNode]:
    return [TextNode(text=text, id_=f"note-{place}") for place, text in enumerate(NOTES)]


def index() -> VectorStoreIndex:
    """The notes in a vector store. Given as nodes, for the default splitter would load a data file."""
    return VectorStoreIndex(notes(), embed_model=WordEmbedding())


def own_loop() -> Iterator[None]:
    """A fixture: an event loop for the framework's sync methods, which otherwise make one and leave it open."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield
    asyncio.set_event_loop(None)
    made.run_until_complete(made.shutdown_asyncgens())  # as `asyncio.run` does
    made.close()


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


MULTIPLY = FunctionTool.from_defaults(multiply)
WEATHER = FunctionTool.from_defaults(get_weather)


def start(
    agent: BaseWorkflowAgent | AgentWorkflow, question: str | ChatMessage, memory: BaseMemory | None = None, **more: Any
) -> WorkflowHandler:
    """Start an agent. The default memory is a database that the framework leaves open, so another one is given."""
    memory = memory or ChatMemoryBuffer.from_defaults()
    return agent.run(user_msg=question, memory=memory, **more)  # pyright: ignore[reportDeprecated] - new overloads come later


async def say(talk: BaseChatEngine, way: str, text: str) -> str:
    if way == "chat":
        return talk.chat(text).response
    if way == "achat":
        return (await talk.achat(text)).response
    if way == "stream":
        return "".join(talk.stream_chat(text).response_gen)
    return "".join([piece async for piece in (await talk.astream_chat(text)).async_response_gen()])


def sent(sandbox: Sandbox, place: int = -1) -> list[dict[str, Any]]:
    """The messages of a request, by default the last one."""
    return sandbox.requests[place].json["messages"]


def said(content: str | None = None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A whole reply."""
    told = {"role": "assistant", "content": content, **message}
    return {"id": "c", "choices": [{"index": 0, "message": told, "finish_reason": finish}]}
