"""The model in query engines: every way to put an answer together, streamed, structured and cited."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.response.schema import AsyncStreamingResponse, PydanticResponse, Response, StreamingResponse
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.schema import NodeWithScore
from pydantic import BaseModel

from tests.unit.llamaindex.ecosystem import BUILT, CORE, NOTES, THOUGHT, index, notes, own_loop, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.core.base.base_query_engine import BaseQueryEngine
    from llama_index.core.response_synthesizers import BaseSynthesizer
    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

loop = pytest.fixture(own_loop)
streams_types = pytest.mark.skipif(CORE < (0, 14, 22), reason="the framework does not stream typed answers")
whole_or_streaming = pytest.mark.parametrize(
    "streaming", [pytest.param(False, id="whole"), pytest.param(True, id="streaming", marks=streams_types)]
)
MODES = [
    ResponseMode.COMPACT,
    ResponseMode.REFINE,
    ResponseMode.TREE_SUMMARIZE,
    ResponseMode.ACCUMULATE,
    ResponseMode.COMPACT_ACCUMULATE,
    ResponseMode.SIMPLE_SUMMARIZE,
    ResponseMode.GENERATION,
]
CALLS = {ResponseMode.REFINE: 3, ResponseMode.ACCUMULATE: 3}
STREAMED = [mode for mode in MODES if "accumulate" not in mode.value]  # the framework cannot stream several answers


TYPED = [ResponseMode.COMPACT, ResponseMode.REFINE, ResponseMode.TREE_SUMMARIZE]


class Built(BaseModel):
    """What was built, and when."""

    what: str
    year: int


class Remark(BaseModel):
    """A remark."""

    answer: str


def asks(sandbox: Sandbox) -> list[str]:
    return [str(messages[-1]["content"]) for messages in (request.json["messages"] for request in sandbox.requests)]


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_an_answer_is_put_together(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, mode: ResponseMode) -> None:
    llm = make_llm(enable_thinking=True)
    answer = index().as_query_engine(llm=llm, response_mode=mode, similarity_top_k=3).query(BUILT)
    assert isinstance(answer, Response)
    assert answer.response is not None
    assert ("1887" in answer.response) is (mode != ResponseMode.GENERATION)
    assert THOUGHT not in answer.response
    assert all(BUILT in ask for ask in asks(qwen_sandbox))
    found = [note for note in NOTES if note in "".join(asks(qwen_sandbox))]
    assert len(found) == (0 if mode == ResponseMode.GENERATION else 3)
    assert len(qwen_sandbox.requests) == CALLS.get(mode, 1)
    assert all(request.json["enable_thinking"] is True for request in qwen_sandbox.requests)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
async def test_an_answer_is_put_together_async(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, mode: ResponseMode
) -> None:
    llm = make_llm(enable_thinking=True)
    answer = await index().as_query_engine(llm=llm, response_mode=mode, similarity_top_k=3).aquery(BUILT)
    assert ("1887" in str(answer)) is (mode != ResponseMode.GENERATION)
    assert THOUGHT not in str(answer)
    assert len(qwen_sandbox.requests) == CALLS.get(mode, 1)


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("mode", STREAMED, ids=lambda mode: mode.value)
def test_an_answer_streams(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, mode: ResponseMode) -> None:
    engine = index().as_query_engine(
        llm=make_llm(enable_thinking=True), response_mode=mode, similarity_top_k=3, streaming=True
    )
    answer = engine.query(BUILT)
    assert isinstance(answer, StreamingResponse)
    pieces = list(answer.response_gen)
    assert len(pieces) > 3
    assert ("1887" in "".join(pieces)) is (mode != ResponseMode.GENERATION)
    assert THOUGHT not in "".join(pieces)
    assert qwen_sandbox.last_request.json["stream"] is True


@pytest.mark.parametrize("mode", STREAMED, ids=lambda mode: mode.value)
async def test_an_answer_streams_async(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, mode: ResponseMode
) -> None:
    engine = index().as_query_engine(
        llm=make_llm(enable_thinking=True), response_mode=mode, similarity_top_k=3, streaming=True
    )
    answer = await engine.aquery(BUILT)
    assert isinstance(answer, AsyncStreamingResponse)
    pieces = [piece async for piece in answer.async_response_gen()]
    assert len(pieces) > 3
    assert ("1887" in "".join(pieces)) is (mode != ResponseMode.GENERATION)
    assert THOUGHT not in "".join(pieces)
    assert qwen_sandbox.last_request.json["stream"] is True


# Typed answers. Forcing a call and reasoning exclude each other at this endpoint, so these requests do not reason.


def typed(mode: ResponseMode, llm: Any, **more: Any) -> BaseQueryEngine:
    return index().as_query_engine(llm=llm, response_mode=mode, output_cls=Built, similarity_top_k=3, **more)


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("thinking", [None, True])
@pytest.mark.parametrize("mode", TYPED, ids=lambda mode: mode.value)
def test_an_answer_has_a_type(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, mode: ResponseMode, *, thinking: bool | None
) -> None:
    llm = make_llm(enable_thinking=thinking)
    answer = typed(mode, llm).query(BUILT)
    assert isinstance(answer, PydanticResponse)
    assert isinstance(answer.response, Built)
    assert len(qwen_sandbox.requests) == CALLS.get(mode, 1)
    assert not any(request.json.get("enable_thinking") for request in qwen_sandbox.requests)
    assert llm.enable_thinking is thinking


@pytest.mark.parametrize("mode", TYPED, ids=lambda mode: mode.value)
async def test_an_answer_has_a_type_async(make_llm: Callable[..., Qwen], mode: ResponseMode) -> None:
    answer = await typed(mode, make_llm(enable_thinking=True)).aquery(BUILT)
    assert isinstance(answer, PydanticResponse)
    assert isinstance(answer.response, Built)


@pytest.mark.usefixtures("loop")
@streams_types
async def test_a_typed_answer_streams(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    # Of a type the framework streams one field, `answer`, once it is complete.
    engine = index().as_query_engine(llm=make_llm(enable_thinking=True), output_cls=Remark, streaming=True)
    answer = await engine.aquery(BUILT)
    assert isinstance(answer, AsyncStreamingResponse)
    pieces = [piece async for piece in answer.async_response_gen()]
    assert pieces[-1]
    assert THOUGHT not in "".join(pieces)
    assert qwen_sandbox.last_request.json["stream"] is True


@pytest.mark.usefixtures("loop")
def test_a_structured_llm_in_a_query_engine(make_llm: Callable[..., Qwen]) -> None:
    answer = index().as_query_engine(llm=make_llm(enable_thinking=True).as_structured_llm(Built)).query(BUILT)
    assert isinstance(answer, PydanticResponse)
    assert isinstance(answer.response, Built)


@pytest.mark.usefixtures("loop")
@whole_or_streaming
def test_passages_that_do_not_answer_are_left_out(scripted: Callable[..., Qwen], *, streaming: bool) -> None:
    verdicts = [(False, "no"), (True, "In 1887."), (False, "no")]
    llm = scripted(*(judged(*verdict, streaming=streaming) for verdict in verdicts))
    answer = judge(llm, streaming=streaming).synthesize(BUILT, [NodeWithScore(node=node) for node in notes()])
    assert str(answer) == "In 1887."


@whole_or_streaming
async def test_passages_that_do_not_answer_are_left_out_async(
    scripted: Callable[..., Qwen], *, streaming: bool
) -> None:
    verdicts = [(False, "no"), (True, "In 1887."), (False, "no")]
    llm = scripted(*(judged(*verdict, streaming=streaming) for verdict in verdicts))
    synthesizer = judge(llm, streaming=streaming)
    answer = await synthesizer.asynthesize(BUILT, [NodeWithScore(node=node) for node in notes()])
    if isinstance(answer, AsyncStreamingResponse):
        assert [piece async for piece in answer.async_response_gen()] == ["In 1887."]
    else:
        assert str(answer) == "In 1887."


def judge(llm: Qwen, *, streaming: bool) -> BaseSynthesizer:
    return get_response_synthesizer(
        llm, response_mode=ResponseMode.REFINE, structured_answer_filtering=True, streaming=streaming
    )


def judged(satisfied: bool, answer: str, *, streaming: bool) -> Any:
    arguments = json.dumps({"query_satisfied": satisfied, "answer": answer})
    call: dict[str, Any] = {
        "index": 0,
        "id": "c1",
        "type": "function",
        "function": {"name": "StructuredRefineResponse"},
    }
    if not streaming:
        call["function"]["arguments"] = arguments
        return said(None, "tool_calls", tool_calls=[call])
    pieces = [call, *({"index": 0, "function": {"arguments": letter}} for letter in arguments)]
    deltas = [{"index": 0, "delta": {"tool_calls": [piece]}, "finish_reason": None} for piece in pieces]
    choices = [*deltas, {"index": 0, "delta": {}, "finish_reason": "tool_calls"}]
    return [{"id": "c", "choices": [choice]} for choice in choices]


# Citations


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streaming"])
def test_an_answer_cites_its_sources(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, *, streaming: bool) -> None:
    chunks = [
        {"id": "c", "choices": [{"index": 0, "delta": {"reasoning_content": "[2]?"}}]},
        {"id": "c", "choices": [{"index": 0, "delta": {"content": "In 1887 [1]."}}]},
        {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    llm = scripted(chunks if streaming else said("In 1887 [1].", reasoning_content="[2]?"))
    engine = CitationQueryEngine.from_args(
        index(), llm=llm, similarity_top_k=3, text_splitter=TokenTextSplitter(), streaming=streaming
    )
    answer = engine.query(BUILT)
    assert isinstance(answer, StreamingResponse if streaming else Response)
    assert str(answer) == "In 1887 [1]."
    assert answer.source_nodes[0].text == f"Source 1:\n{NOTES[0]}\n"
    assert all(f"Source {place}:" in asks(qwen_sandbox)[0] for place in (1, 2, 3))
