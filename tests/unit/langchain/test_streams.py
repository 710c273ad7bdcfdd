"""Streams: what each chunk carries, who hears of it, and what happens when they are left."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from qwen_sandbox import Sandbox

from tests.unit.langchain.conftest import ENDPOINTS, Chats, amerged, chunk, each_endpoint, facts, merged


@each_endpoint
@pytest.mark.parametrize("kwargs", [{}, {"enable_thinking": True}], ids=["plain", "thinking"])
def test_what_is_known_at_the_end_comes_once(chats: Chats, endpoint: str, kwargs: dict[str, Any]) -> None:
    if endpoint == "vision":
        kwargs = {}
    chunks = list(chats.at(endpoint).stream("Count from 1 to 9", **kwargs))
    assert [piece.chunk_position for piece in chunks] == [None] * (len(chunks) - 1) + ["last"]
    last = chunks[-1]
    assert last.content == ""
    assert not last.tool_call_chunks
    for piece in chunks[:-1]:
        assert piece.usage_metadata is None
        assert piece.response_metadata == {"model_provider": "qwen"}
        assert bool(piece.content) != bool(piece.additional_kwargs), "a chunk is text or reasoning, never both"
    assert last.usage_metadata is not None
    assert last.response_metadata["finish_reason"] == "stop"
    assert len(chunks) > 4
    assert len({piece.id for piece in chunks}) == 1


def test_reasoning_and_text_of_one_chunk_come_apart(chats: Chats) -> None:
    llm = chats.streaming(chunk(reasoning_content="R", content="T"), chunk("stop"))
    pieces = [(piece.additional_kwargs.get("reasoning_content"), piece.content) for piece in llm.stream("hi")]
    assert pieces == [("R", ""), (None, "T"), (None, "")]


def test_inline_think_tags_become_reasoning(chats: Chats) -> None:
    llm = chats.streaming(chunk(content="<thi"), chunk(content="nk>R</think>\n\nT"), chunk("stop"))
    answer = merged(llm.stream("hi"))
    assert answer.content == "T"
    assert answer.additional_kwargs == {"reasoning_content": "R"}


def test_a_stream_without_token_counts(chats: Chats) -> None:
    answer = merged(chats.at("flash", stream_usage=False).stream("hello"))
    assert answer.usage_metadata is None
    assert "stream_options" not in chats.body
    merged(chats.at("flash").stream("hello"))
    assert chats.body["stream_options"] == {"include_usage": True}


def test_streaming_models_stream_under_invoke(chats: Chats) -> None:
    expected = facts(chats.at("flash").invoke("Count from 1 to 9"))
    assert facts(chats.at("flash", streaming=True).invoke("Count from 1 to 9")) == expected
    assert chats.body["stream"] is True
    assert facts(chats.at("flash").invoke("Count from 1 to 9", stream=True)) == expected
    assert chats.body["stream"] is True
    (only,) = chats.at("flash", disable_streaming=True).stream("Count from 1 to 9")
    assert "stream" not in chats.body
    assert only.text == "1, 2, 3, 4, 5, 6, 7, 8, 9"


# Leaving


@pytest.fixture(scope="module")
def slow_sandbox() -> Iterator[Sandbox]:
    with Sandbox(chunk_delay=0.02) as sandbox:
        yield sandbox


@pytest.fixture(params=["flash", "messages"])
def slow(chats: Chats, slow_sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Makes models whose answers take half a minute, one for each protocol."""
    gateway = slow_sandbox.base_url(cast("Any", ENDPOINTS[request.param][0]))

    def build(**settings: Any) -> Any:
        return chats.at(request.param, base_url=gateway, enable_thinking=True, **settings)

    yield build
    assert slow_sandbox.open_streams == 0


LONG = "Count from 1 to 900"


def _streams(llm: Any) -> dict[str, Callable[[str], Any]]:
    """Streams of the model and of what is built of it, opened by the name of a method: `stream` or `astream`."""
    chain = ChatPromptTemplate.from_template("{q}") | llm.bind(stop=["901"]) | StrOutputParser()
    return {
        "model": lambda method: getattr(llm, method)(LONG),
        "bound": lambda method: getattr(llm.bind(temperature=1).with_config(tags=["x"]), method)(LONG),
        "fallback": lambda method: getattr(llm.with_fallbacks([llm]), method)(LONG),
        "chain": lambda method: getattr(chain, method)({"q": LONG}),
    }


def test_leaving_early_closes_the_connection(slow: Any, slow_sandbox: Sandbox) -> None:
    streams = _streams(slow())
    del streams["chain"]  # LangChain reads a sync chain's input to its end, to show it in traces, before it lets go
    for open_stream in streams.values():
        for number, _ in enumerate(open_stream("stream")):
            assert slow_sandbox.open_streams == 1
            if number == 2:
                break
        _wait_until_quiet(slow_sandbox)
        stream = open_stream("stream")
        next(stream)
        stream.close()
        _wait_until_quiet(slow_sandbox)


async def test_leaving_early_closes_the_connection_async(slow: Any, slow_sandbox: Sandbox) -> None:
    streams = _streams(slow())
    streams["events"] = lambda _: slow().astream_events(LONG, version="v2")
    for open_stream in streams.values():
        heard = 0
        async for _ in open_stream("astream"):
            heard += 1
            if heard == 3:
                break
        await asyncio.to_thread(_wait_until_quiet, slow_sandbox)


async def test_leaving_an_agent_early_closes_the_connection(slow: Any, slow_sandbox: Sandbox) -> None:
    """Async only: a sync graph lets the steps that have begun come to their end."""
    agents = pytest.importorskip("langchain.agents", reason="needs the langchain package")
    agent = agents.create_agent(slow(streaming=True), [])
    question: Any = {"messages": [HumanMessage(LONG)]}
    if sys.version_info >= (3, 11):  # before, tasks could not be given the context by which LangGraph hears of tokens
        async for _ in agent.astream(question, stream_mode="messages"):
            break
        await asyncio.to_thread(_wait_until_quiet, slow_sandbox)
    task = asyncio.ensure_future(agent.ainvoke(question))
    await asyncio.to_thread(_wait_until, lambda: slow_sandbox.open_streams == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(_wait_until_quiet, slow_sandbox)


async def test_being_cancelled_closes_the_connection(slow: Any, slow_sandbox: Sandbox) -> None:
    streaming = slow(streaming=True)
    calls: list[tuple[Callable[[], Any], int]] = [
        (lambda: streaming.ainvoke(LONG), 1),
        (lambda: streaming.abatch([LONG, LONG, LONG]), 3),
        (lambda: amerged(slow().astream(LONG)), 1),
        (lambda: streaming.with_retry().ainvoke(LONG), 1),
    ]
    for call, streams in calls:
        task = asyncio.ensure_future(call())
        await asyncio.to_thread(_wait_until, lambda wanted=streams: slow_sandbox.open_streams == wanted)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(_wait_until_quiet, slow_sandbox)
    with pytest.raises((asyncio.TimeoutError, TimeoutError)):
        await asyncio.wait_for(streaming.ainvoke(LONG), 0.3)
    await asyncio.to_thread(_wait_until_quiet, slow_sandbox)


@pytest.mark.filterwarnings("ignore:.*is in beta")
async def test_leaving_events_of_protocol_v3(slow: Any, slow_sandbox: Sandbox) -> None:
    """The async stream can be closed; LangChain's sync one has nothing to close it with."""
    stream: Any = await slow().astream_events(LONG, version="v3")
    async for _ in stream.reasoning:
        break
    assert slow_sandbox.open_streams == 1
    await stream.aclose()
    await asyncio.to_thread(_wait_until_quiet, slow_sandbox)


def _wait_until_quiet(sandbox: Sandbox) -> None:
    _wait_until(lambda: sandbox.open_streams == 0)


def _wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not reached():
        assert time.monotonic() < deadline, "streams are not as they should be"
        time.sleep(0.005)
