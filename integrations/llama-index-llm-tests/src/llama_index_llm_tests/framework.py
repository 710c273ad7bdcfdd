"""Pieces of the framework around an LLM: tools, notes to find, agents to start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Final, TypeVar

import pytest
from llama_index.core.llms.llm import LLM
from llama_index.core.memory import BaseMemory, ChatMemoryBuffer
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import FunctionTool
from typing_extensions import override

from llama_index_llm_tests.asking import run

CORE: Final = tuple(int(part) for part in version("llama-index-core").split(".")[:3])
"""The version of the framework."""
NOTES: Final = (
    "The lighthouse of Orla was built in 1887.",
    "The harbour of Orla freezes in January.",
    "Ferries to Orla leave at noon.",
)
_WARNINGS: Final = (
    # The workflow package looks at every attribute of an agent, pydantic's deprecated ones included.
    "ignore:The `__fields:DeprecationWarning",
    "ignore:Accessing the 'model_:DeprecationWarning",
    # The ReAct agent asks its context in a way that the workflow package has since deprecated.
    "ignore:is_running called from within a step:DeprecationWarning",
)
_Test = TypeVar("_Test", bound=Callable[..., Any])


def about_agents(test: _Test) -> _Test:
    """Mark a test in which the framework's agents warn about themselves."""
    for warning in _WARNINGS:
        test = pytest.mark.filterwarnings(warning)(test)
    return test


def _get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


WEATHER: Final = FunctionTool.from_defaults(_get_weather, name="get_weather")
WEATHER_DIRECT: Final = FunctionTool.from_defaults(_get_weather, name="get_weather", return_direct=True)


class Notes(BaseRetriever):
    """Three notes, all of them found by every query."""

    @override
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [NodeWithScore(node=TextNode(text=note), score=1.0) for note in NOTES]


def buffer(llm: LLM | None = None) -> ChatMemoryBuffer:
    """A memory. The one that agents make for themselves is a database, which they leave open."""
    return ChatMemoryBuffer.from_defaults(llm=llm)  # pyright: ignore[reportUnknownMemberType] - a bare `List`


def started(
    agent: Any, question: str = "What is the weather in Paris?", memory: BaseMemory | None = None, ctx: Any = None
) -> tuple[Any, list[Any]]:
    """Run an agent or a workflow of agents to its end; return its result and the events on the way."""
    return run(_started(agent, question, memory, ctx))


async def _started(agent: Any, question: str, memory: BaseMemory | None, ctx: Any) -> tuple[Any, list[Any]]:
    handler = agent.run(user_msg=question, memory=memory or buffer(), ctx=ctx)
    events = [event async for event in handler.stream_events()]
    return await handler, events


@contextmanager
def loop_of_ours() -> Generator[None]:
    """An event loop for the framework's sync methods, which otherwise make one and leave it open."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        made.run_until_complete(made.shutdown_asyncgens())  # as `asyncio.run` does
        made.close()
