"""The model where it plans: which engine to ask, what to ask it, what of it matters."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.postprocessor import LLMRerank, StructuredLLMRerank
from llama_index.core.query_engine import RouterQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.schema import NodeWithScore
from llama_index.core.selectors import (
    LLMMultiSelector,
    LLMSingleSelector,
    PydanticMultiSelector,
    PydanticSingleSelector,
)
from llama_index.core.selectors.utils import get_selector_from_llm
from llama_index.core.tools import QueryEngineTool, ToolMetadata

from tests.unit.llamaindex.ecosystem import BUILT, THOUGHT, index, notes, own_loop, said, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

loop = pytest.fixture(own_loop)

CHOICES = [
    ToolMetadata(name="weather", description="Knows the weather."),
    ToolMetadata(name="orla", description="Knows the island of Orla."),
]
DOUBT = 'Or rather choice 1, [{"choice": 1}]?'
"""Reasoning that a parser of text would stumble over."""


def engine(llm: Qwen, name: str = "orla") -> QueryEngineTool:
    return QueryEngineTool.from_defaults(
        index().as_query_engine(llm=llm, similarity_top_k=3), name=name, description=f"Knows the island of {name}."
    )


def calling(name: str, **arguments: Any) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
    return said(None, "tool_calls", tool_calls=[call], reasoning_content=DOUBT)


# Choosing


async def test_one_is_chosen_by_text(scripted: Callable[..., Qwen]) -> None:
    chosen = json.dumps([{"choice": 2, "reason": "It is about Orla."}])
    selector = LLMSingleSelector.from_defaults(llm=scripted(said(chosen, reasoning_content=DOUBT)))
    for result in (selector.select(CHOICES, BUILT), await selector.aselect(CHOICES, BUILT)):
        assert (result.ind, result.reason) == (1, "It is about Orla.")


async def test_some_are_chosen_by_text(scripted: Callable[..., Qwen]) -> None:
    chosen = json.dumps([{"choice": 1, "reason": "a"}, {"choice": 2, "reason": "b"}])
    selector = LLMMultiSelector.from_defaults(llm=scripted(said(chosen, reasoning_content=DOUBT)))
    for result in (selector.select(CHOICES, BUILT), await selector.aselect(CHOICES, BUILT)):
        assert result.inds == [0, 1]


async def test_one_is_chosen_by_type(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm: Any = scripted(calling("SingleSelection", index=2, reason="It is about Orla."))
    selector = PydanticSingleSelector.from_defaults(llm=llm)
    assert selector.select(CHOICES, BUILT).ind == 1
    assert (await selector.aselect(CHOICES, BUILT)).ind == 1
    assert qwen_sandbox.last_request.json["tool_choice"] == "required"


async def test_some_are_chosen_by_type(scripted: Callable[..., Qwen]) -> None:
    selections = [{"index": 1, "reason": "a"}, {"index": 2, "reason": "b"}]
    llm: Any = scripted(calling("MultiSelection", selections=selections))
    selector = PydanticMultiSelector.from_defaults(llm=llm)
    assert selector.select(CHOICES, BUILT).inds == [0, 1]
    assert (await selector.aselect(CHOICES, BUILT)).inds == [0, 1]


@pytest.mark.usefixtures("loop")
def test_a_router_asks_the_engine_it_chose(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm: Any = make_llm(enable_thinking=True)
    tools = [engine(llm, "orla"), engine(llm, "elsewhere")]
    # The sandbox takes the first number it reads.
    question = "1: when was the lighthouse of Orla built?"
    router = RouterQueryEngine.from_defaults(tools, llm=llm, selector=PydanticSingleSelector.from_defaults(llm=llm))
    answer = router.query(question)
    assert "1887" in str(answer)
    assert THOUGHT not in str(answer)
    choosing, asking = (request.json for request in qwen_sandbox.requests)
    assert choosing["enable_thinking"] is False
    assert asking["enable_thinking"] is True


def test_how_a_router_chooses_follows_from_what_the_model_can(make_llm: Callable[..., Qwen]) -> None:
    assert isinstance(get_selector_from_llm(make_llm()), PydanticSingleSelector)
    textual = make_llm(is_function_calling_model=False)
    assert isinstance(get_selector_from_llm(textual), LLMSingleSelector)


# Asking piece by piece


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("use_async", [True, False], ids=["async", "sync"])
def test_a_question_becomes_several(
    make_llm: Callable[..., Qwen], scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, *, use_async: bool
) -> None:
    questions = [
        {"sub_question": BUILT, "tool_name": "orla"},
        {"sub_question": "When do ferries to Orla leave?", "tool_name": "orla"},
    ]
    # Fenced and with another example in its thoughts, as models write it.
    planner = scripted(said(f"```json\n{json.dumps({'items': questions})}\n```", reasoning_content=DOUBT))
    llm = make_llm(enable_thinking=True)
    asked = SubQuestionQueryEngine.from_defaults(
        [engine(llm)],
        llm=llm,
        question_gen=LLMQuestionGenerator.from_defaults(llm=planner),
        use_async=use_async,
        verbose=False,
    )
    answer: Any = asked.query("When was the lighthouse of Orla built, and when do ferries leave?")
    found = [source.node.text for source in answer.source_nodes]
    assert any("built in 1887" in text for text in found)
    assert any("leave at noon" in text for text in found)
    assert len(qwen_sandbox.requests) == 4  # the plan, two questions, the answer
    assert all(THOUGHT not in str(message["content"]) for message in sent(qwen_sandbox))


# Ranking


async def test_passages_are_ranked_by_text(scripted: Callable[..., Qwen]) -> None:
    llm = scripted(said("Doc: 3, Relevance: 9\nDoc: 1, Relevance: 4", reasoning_content="Doc: 2, Relevance: 10"))
    ranked = LLMRerank(llm=llm, top_n=2).postprocess_nodes(
        [NodeWithScore(node=node) for node in notes()], query_str=BUILT
    )
    assert [(item.node.node_id, item.score) for item in ranked] == [("note-2", 9.0), ("note-0", 4.0)]


@pytest.mark.parametrize("thinking", [None, True])
async def test_passages_are_ranked_by_type(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, *, thinking: bool | None
) -> None:
    rerank = StructuredLLMRerank(llm=make_llm(enable_thinking=thinking))
    nodes = [NodeWithScore(node=node) for node in notes()]
    ranked = rerank.postprocess_nodes(nodes, query_str=BUILT)
    assert ranked
    assert all(item.node.node_id.startswith("note-") for item in ranked)
    assert not qwen_sandbox.last_request.json.get("enable_thinking")
