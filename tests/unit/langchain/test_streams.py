"""Streams: what each chunk carries, who hears of it, and what happens when they are left."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.outputs import ChatGenerationChunk
from typing_extensions import override

from tests.unit.langchain.conftest import Chats, chunk, each_endpoint, facts, merged


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


class _Tokens(BaseCallbackHandler):
    def __init__(self) -> None:
        self.tokens: list[Any] = []
        self.chunks: list[Any] = []
        self.ends = 0

    @override
    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **kwargs: Any) -> None:
        self.tokens.append(token)
        self.chunks.append(chunk)

    @override
    def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        self.ends += 1


class _AsyncTokens(AsyncCallbackHandler):
    def __init__(self) -> None:
        self.tokens: list[Any] = []

    @override
    async def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        self.tokens.append(token)


async def test_callbacks_hear_each_token_once(chats: Chats) -> None:
    llm = chats.at("flash", enable_thinking=True)
    config: Any
    for run in ("stream", "invoke", "astream", "ainvoke"):
        seen = _Tokens()
        config = {"callbacks": [seen]}
        if run == "stream":
            merged(llm.stream("Count from 1 to 9", config=config))
        elif run == "invoke":
            chats.at("flash", enable_thinking=True, streaming=True).invoke("Count from 1 to 9", config=config)
        elif run == "astream":
            async for _ in llm.astream("Count from 1 to 9", config=config):
                pass
        else:
            streaming = chats.at("flash", enable_thinking=True, streaming=True)
            await streaming.ainvoke("Count from 1 to 9", config=config)
        assert "".join(seen.tokens) == "1, 2, 3, 4, 5, 6, 7, 8, 9"
        assert all(isinstance(piece, ChatGenerationChunk) for piece in seen.chunks)
        assert seen.ends == 1
    heard = _AsyncTokens()
    async for _ in llm.astream("Count from 1 to 9", config={"callbacks": [heard]}):
        pass
    assert "".join(heard.tokens) == "1, 2, 3, 4, 5, 6, 7, 8, 9"


def test_usage_callback_counts_by_model(chats: Chats) -> None:
    counter = UsageMetadataCallbackHandler()
    answer = chats.at("flash").invoke("hello", config={"callbacks": [counter]})
    merged(chats.at("vision").stream("hello", config={"callbacks": [counter]}))
    assert set(counter.usage_metadata) == {"qwen3.6-flash", "qwen/qwen3-vl-32b-instruct"}
    assert counter.usage_metadata["qwen3.6-flash"] == answer.usage_metadata


def test_streaming_models_stream_under_invoke(chats: Chats) -> None:
    expected = facts(chats.at("flash").invoke("Count from 1 to 9"))
    assert facts(chats.at("flash", streaming=True).invoke("Count from 1 to 9")) == expected
    assert chats.body["stream"] is True
    assert facts(chats.at("flash").invoke("Count from 1 to 9", stream=True)) == expected
    assert chats.body["stream"] is True
    (only,) = chats.at("flash", disable_streaming=True).stream("Count from 1 to 9")
    assert "stream" not in chats.body
    assert only.text == "1, 2, 3, 4, 5, 6, 7, 8, 9"


def test_leaving_a_stream_early_closes_the_connection(chats: Chats) -> None:
    endless = [chunk(content="x")] * 20_000
    stream: Any = chats.streaming(*endless).stream("hi")
    assert next(stream).text == "x"
    assert chats.sandbox.open_streams == 1
    stream.close()
    _wait_until_quiet(chats)


async def test_leaving_an_async_stream_early_closes_the_connection(chats: Chats) -> None:
    async for piece in chats.streaming(*[chunk(content="x")] * 20_000).astream("hi"):
        assert piece.text == "x"
        break
    await asyncio.to_thread(_wait_until_quiet, chats)


def _wait_until_quiet(chats: Chats) -> None:
    deadline = time.monotonic() + 5
    while chats.sandbox.open_streams:
        assert time.monotonic() < deadline, "the stream is still being written"
        time.sleep(0.01)
