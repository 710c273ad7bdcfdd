"""Streams of which nobody hears: they end, fail and are left as others are, and a long conversation costs nothing."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, EventPayload
from llama_index_instrumentation import get_dispatcher
from qwen_endpoints import RateLimitError

from tests.unit.llamaindex.watching import CHATS, CallbackLog, EventLog, ask, begin, each_stream, listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen


def chunk(text: str) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": {"content": text}}]}


WORDS = [chunk(f"{place} ") for place in range(5)]
TEXTS = ["0 ", "0 1 ", "0 1 2 ", "0 1 2 3 ", "0 1 2 3 4 ", "0 1 2 3 4 "]


@pytest.fixture
def callbacks() -> CallbackLog:
    return CallbackLog()


@pytest.fixture
def make(scripted: Callable[..., Qwen], callbacks: CallbackLog) -> Callable[..., Qwen]:
    """Make a model whose callback manager tells `callbacks`; nobody hears of its events."""

    def make(chunks: list[dict[str, Any]]) -> Qwen:
        llm = scripted(chunks)
        llm.callback_manager = CallbackManager([callbacks])
        return llm

    return make


def text_of(frame: Any) -> str:
    return frame.text if hasattr(frame, "text") else frame.message.content


async def next_of(frames: Any) -> Any:
    return await anext(frames) if hasattr(frames, "__anext__") else next(frames)


async def rest_of(frames: Any) -> list[Any]:
    return [frame async for frame in frames] if hasattr(frames, "__anext__") else list(frames)


@each_stream
async def test_heard_or_not_the_frames_are_the_same(scripted: Callable[..., Qwen], way: str) -> None:
    llm = scripted(WORDS)
    unheard = await ask(llm, way, "hi")
    with listening() as watch:
        heard = await ask(llm, way, "hi")
    assert unheard == heard
    assert len(watch.events.names) == 2 + len(heard)
    assert [text_of(frame) for frame in unheard] == TEXTS


@each_stream
async def test_callbacks_are_given_the_last_frame(make: Callable[..., Qwen], callbacks: CallbackLog, way: str) -> None:
    frames = await ask(make(WORDS), way, "hi")
    ((_, end),) = callbacks.pairs
    assert end[EventPayload.RESPONSE if way in CHATS else EventPayload.COMPLETION] is frames[-1]


@each_stream
async def test_callbacks_are_given_a_failure(make: Callable[..., Qwen], callbacks: CallbackLog, way: str) -> None:
    frames = await begin(make([*WORDS, {"error": {"message": "slow down", "code": 429}}]), way, "hi")
    seen: list[str] = []
    with pytest.raises(RateLimitError) as caught:  # noqa: PT012 - the frames before it are looked at as well
        while True:
            seen.append(text_of(await next_of(frames)))
    assert seen == TEXTS[:-1]
    ((_, end),) = callbacks.pairs
    assert end == {EventPayload.EXCEPTION: caught.value}
    assert caught.value.__context__ is None
    assert await rest_of(frames) == []


@each_stream
@pytest.mark.parametrize("count", [1, 3, 6])
async def test_callbacks_are_told_when_a_stream_is_left(
    make: Callable[..., Qwen], callbacks: CallbackLog, way: str, count: int
) -> None:
    frames = await begin(make(WORDS), way, "hi")
    seen = [text_of(await next_of(frames)) for _ in range(count)]
    await frames.aclose() if way.startswith("a") else frames.close()
    assert seen == TEXTS[:count]
    ((_, end),) = callbacks.pairs
    assert isinstance(end[EventPayload.EXCEPTION], GeneratorExit)


@pytest.mark.parametrize("way", ["astream_chat", "astream_complete"])
async def test_callbacks_are_told_when_a_stream_is_cancelled(
    make: Callable[..., Qwen], callbacks: CallbackLog, way: str
) -> None:
    frames = await begin(make([*WORDS, *WORDS]), way, "hi")

    async def read() -> None:
        async for _ in frames:
            reading.set()
            await asyncio.sleep(0)

    reading = asyncio.Event()
    task = asyncio.create_task(read())
    await reading.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await frames.aclose()
    ((_, end),) = callbacks.pairs
    assert isinstance(end[EventPayload.EXCEPTION], (asyncio.CancelledError, GeneratorExit))


@each_stream
async def test_who_comes_in_the_middle_hears_the_rest(scripted: Callable[..., Qwen], way: str) -> None:
    frames = await begin(scripted(WORDS), way, "hi")
    before = [await next_of(frames) for _ in range(3)]
    with listening() as watch:
        heard = [await next_of(frames) for _ in range(2)]
    after = await rest_of(frames)
    assert [text_of(frame) for frame in (*before, *heard, *after)] == TEXTS
    assert [event.response for event in watch.events.seen] == heard


@pytest.mark.parametrize("name", ["root", "llama_index.core.llms.callbacks"])
async def test_a_handler_hears_wherever_it_is(scripted: Callable[..., Qwen], name: str) -> None:
    log, dispatcher = EventLog(), get_dispatcher(name)
    dispatcher.add_event_handler(log)
    try:
        await ask(scripted(WORDS), "stream_chat", "hi")
    finally:
        dispatcher.event_handlers.remove(log)
    assert log.names.count("LLMChatInProgressEvent") == len(TEXTS)


# What they cost


def seconds(llm: Qwen, conversation: list[ChatMessage]) -> float:
    """CPU time from the first frame on; the least of several streams."""

    def run() -> float:
        with closing(llm.stream_chat(conversation)) as frames:
            next(frames)
            started = time.thread_time()
            assert sum(1 for _ in frames) > 300
            return time.thread_time() - started

    return min(run() for _ in range(4))


def test_a_frame_costs_the_same_in_a_long_conversation(scripted: Callable[..., Qwen]) -> None:
    """Measured are 30 and 40 us; with an event of the whole conversation for each it would be 400."""
    counted = {
        "id": "c",
        "choices": [],
        "usage": {"prompt_tokens": 4000, "completion_tokens": 400, "total_tokens": 4400},
    }
    llm = scripted([*WORDS * 80, counted])  # without a count of its own the prompt would be counted at the end
    long = [ChatMessage("word")] * 4000
    assert seconds(llm, long) <= 3 * seconds(llm, long[:1])
