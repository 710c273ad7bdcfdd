"""Group D: the frames of a stream, its end, and leaving it early."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from llama_index.core.base.llms.types import ChatResponse, MessageRole, ToolCallBlock
from qwen_sandbox import Sandbox

from llama_index_llm_tests.answers import Answer, Call, Json, chunk, counted, stream
from llama_index_llm_tests.asking import HI, STREAMS, Mode, every_stream, frames, heard, last, run
from llama_index_llm_tests.bench import Bench, UnderTest
from llama_index_llm_tests.reading import ANSWER_COUNTS, PROMPT_COUNTS, SLIPS, found, outline, thought_added, thoughts

_CALLS: Final = (Call(), Call("get_time", '{"zone": "CET", "formats": ["h", "m"]}', "call-2"))
_ANSWERS: Final = {
    "text": Answer(text="One two three four"),
    "thought and text": Answer(reasoning="First, I count.", text="One two three."),
    "calls": Answer(calls=_CALLS),
    "everything": Answer(text="Let me look.", reasoning="It is about weather.", calls=_CALLS),
    "a cut text": Answer(text="Once upon a", finish="length"),
    "a cut thought": Answer(reasoning="Once upon a", finish="length"),
}
_RISING: Final = [{"prompt_tokens": 11, "completion_tokens": n, "total_tokens": 11 + n} for n in (1, 4, 7)]
_COUNTED: Final[dict[str, list[Json]]] = {
    "in a chunk without a choice": [chunk(content="hi"), chunk(finish="stop"), counted()],
    "in a chunk with an empty choice": [chunk(content="hi"), chunk(finish="stop"), chunk(usage=_RISING[2])],
    "beside the finish reason": [chunk(content="hi"), chunk(finish="stop", usage=_RISING[2])],
    "before the finish reason": [chunk(content="hi"), counted(), chunk(finish="stop")],
    "on every chunk": [
        chunk(content="h", usage=_RISING[0]),
        chunk(content="i", usage=_RISING[1]),
        chunk(finish="stop", usage=_RISING[2]),
    ],
    "null until the last": [{**chunk(content="hi"), "usage": None}, {**chunk(finish="stop"), "usage": None}, counted()],
}
_PAUSE: Final = 10.0
"""Seconds that the slow server waits after each chunk."""
_SOON: Final = 8.0
"""Seconds within which a client has left: less than a pause, so it cannot have waited for the next chunk."""

every_answer = pytest.mark.parametrize("answer", _ANSWERS)


class StreamTests(UnderTest):
    """A stream gives growing frames, and the last one is the answer."""

    @every_stream
    @every_answer
    def test_frames_add_up(self, bench: Bench, mode: Mode, answer: str) -> None:
        """The text of each frame is the sum of all deltas so far, even when read later."""
        given = _ANSWERS[answer]
        seen = frames(bench.answering(mode, given), mode)
        for place, frame in enumerate(seen):
            assert (frame.message.content or "") == "".join(earlier.delta or "" for earlier in seen[: place + 1])
        assert outline(seen[-1].message)
        assert (seen[-1].message.content or "", thoughts(seen[-1].message)) == (given.text or "", given.reasoning or "")

    @every_stream
    def test_frames_grow(self, bench: Bench, mode: Mode) -> None:
        """Each piece of thought, text and arguments makes a frame, and none takes anything back."""
        seen = frames(bench.answering(mode, _ANSWERS["everything"]), mode)
        for size in (_text_size, _thought_size, _argument_size):
            sizes = [size(frame) for frame in seen]
            assert sizes == sorted(sizes)
            assert len(set(sizes)) >= 3, sizes  # what comes in three pieces

    @every_stream
    def test_every_frame_is_the_assistants(self, bench: Bench, mode: Mode) -> None:
        """The role is `assistant` on each frame, although servers state it once or never."""
        llm = bench.llm(stream(chunk(content="One "), chunk(content="two"), chunk(finish="stop")))
        seen = frames(llm, mode)
        assert seen[-1].message.content == "One two"
        assert {frame.message.role for frame in seen} == {MessageRole.ASSISTANT}

    @every_stream
    @every_answer
    def test_the_last_frame_is_the_whole_answer(self, bench: Bench, mode: Mode, answer: str) -> None:
        """The last frame has the blocks and token counts of an answer in one piece."""
        whole = last(bench.answering("chat", _ANSWERS[answer]), "chat")
        streamed = last(bench.answering(mode, _ANSWERS[answer]), mode)
        assert outline(streamed.message) == outline(whole.message) != []
        assert _counts(streamed) == _counts(whole) == ({11}, {7})

    @every_answer
    def test_sync_and_async_streams_are_equal(self, bench: Bench, answer: str) -> None:
        """Frame for frame, `astream_chat` gives what `stream_chat` gives."""
        both = [frames(bench.answering(mode, _ANSWERS[answer]), mode) for mode in STREAMS]
        first, second = ([_shown(frame) for frame in seen] for seen in both)
        assert first == second
        assert len(first) > 1

    @every_stream
    @pytest.mark.parametrize("place", _COUNTED)
    def test_token_counts_are_found_wherever_they_come(self, bench: Bench, mode: Mode, place: str) -> None:
        """The last frame has the text and the final token counts, whichever chunk brought them."""
        response = last(bench.llm(stream(*_COUNTED[place])), mode)
        assert response.message.content == "hi"
        assert _counts(response) == ({11}, {7})

    @every_stream
    def test_a_stream_asks_for_token_counts(self, bench: Bench, mode: Mode) -> None:
        """The request says `include_usage`; without it many servers count nothing."""
        last(bench.answering(mode, Answer(text="hi")), mode)
        assert bench.body["stream_options"]["include_usage"] is True

    @every_stream
    def test_a_second_answer_is_kept_apart(self, bench: Bench, mode: Mode) -> None:
        """Where a server gives several answers at once, the message is the first of them."""
        other = {**chunk(), "choices": [{"index": 1, "delta": {"content": "No."}, "finish_reason": None}]}
        llm = bench.llm(stream(chunk(content="Yes"), other, chunk(content=", sir."), other, chunk(finish="stop")))
        assert last(llm, mode).message.content == "Yes, sir."

    def test_two_streams_at_once_are_kept_apart(self, bench: Bench) -> None:
        """Streams of one LLM that are read in turns do not mix."""
        llm = bench.answering("stream_chat", Answer(text="one two three"), Answer(text="four five six"))
        both = [*zip(llm.stream_chat(HI), llm.stream_chat(HI), strict=True)]
        assert [frame.message.content for frame in both[-1]] == ["one two three", "four five six"]


class StreamEndTests(UnderTest):
    """A stream that breaks says so, and one that is left is closed."""

    @every_stream
    def test_an_empty_stream_is_an_error(self, bench: Bench, mode: Mode) -> None:
        """A stream without a single chunk raises an error; it is not an empty answer."""
        _, error = heard(bench.llm(stream()), mode)
        assert error is not None
        assert not isinstance(error, SLIPS), repr(error)

    @every_stream
    def test_an_error_in_mid_stream_is_raised(self, bench: Bench, mode: Mode) -> None:
        """After the frames so far, an error in mid-stream is raised in the server's own words."""
        failure = {"error": {"message": "the flux is out", "type": "server_error", "code": 500}}
        seen, error = heard(bench.llm(stream(chunk(content="One "), chunk(content="two"), failure)), mode)
        assert seen[-1].message.content == "One two"
        assert "the flux is out" in str(error)

    @every_stream
    def test_a_broken_connection_is_raised(self, bench: Bench, mode: Mode) -> None:
        """After the frames so far, a broken connection is raised: half an answer is no answer."""
        seen, error = heard(
            bench.llm(stream(chunk(content="One "), chunk(content="two"), done=False, abort=True)), mode
        )
        assert seen[-1].message.content == "One two"
        assert error is not None
        assert not isinstance(error, SLIPS), repr(error)

    @pytest.fixture
    def slow(self, bench: Bench) -> Iterator[Bench]:
        """A bench whose server waits for a long time after each chunk."""
        last(bench.answering("stream_chat", Answer(text="hi")), "stream_chat")  # what is imported late, is imported now
        with Sandbox(chunk_delay=_PAUSE) as server:
            yield Bench(self, server)

    def test_frames_come_as_they_are_sent(self, slow: Bench) -> None:
        """The first frame is there while the server is still writing."""
        began = time.monotonic()
        answer = slow.llm(_SLOW).stream_chat(HI)
        assert next(iter(answer)).delta == "One"
        assert time.monotonic() - began < _SOON

    def test_async_frames_come_as_they_are_sent(self, slow: Bench) -> None:
        """The first frame of an async stream is there while the server is still writing."""

        async def first() -> tuple[str | None, float]:
            async for frame in await slow.llm(_SLOW).astream_chat(HI):
                return frame.delta, time.monotonic()
            return None, 0.0

        began = time.monotonic()
        delta, reached = run(first())
        assert delta == "One"
        assert reached - began < _SOON

    def test_leaving_a_stream_closes_it(self, slow: Bench) -> None:
        """`close` ends the stream at the server as well, which else writes and bills on."""
        answer: Any = slow.llm(_SLOW).stream_chat(HI)
        assert next(answer).delta == "One"
        answer.close()
        _until(lambda: slow.server.open_streams == 0)

    def test_leaving_an_async_stream_closes_it(self, slow: Bench) -> None:
        """`aclose` ends the stream at the server as well."""

        async def leave() -> None:
            answer: Any = await slow.llm(_SLOW).astream_chat(HI)
            assert (await anext(answer)).delta == "One"
            await answer.aclose()
            await _auntil(lambda: slow.server.open_streams == 0)

        run(leave())

    def test_cancelling_a_task_closes_its_stream(self, slow: Bench) -> None:
        """A task that waits for the next frame can be cancelled, and the stream ends at the server."""

        async def cancel() -> None:
            seen: list[ChatResponse] = []

            async def read() -> None:
                async for frame in await slow.llm(_SLOW).astream_chat(HI):
                    seen.append(frame)  # noqa: PERF401 - to be seen before the end

            task = asyncio.create_task(read())
            await _auntil(lambda: bool(seen))
            assert slow.server.open_streams == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await _auntil(lambda: slow.server.open_streams == 0)

        run(cancel())


_SLOW: Final = stream(chunk(content="One"), chunk(content=" more"), chunk(finish="stop"))


def _shown(frame: ChatResponse) -> tuple[Any, ...]:
    return (
        outline(frame.message),
        frame.delta or "",
        thought_added(frame),
        sorted(map(str, found(frame, "finish_reason"))),
    )


def _counts(response: ChatResponse) -> tuple[set[int], set[int]]:
    return set(found(response, *PROMPT_COUNTS)), set(found(response, *ANSWER_COUNTS))


def _text_size(frame: ChatResponse) -> int:
    return len(frame.message.content or "")


def _thought_size(frame: ChatResponse) -> int:
    return len(thoughts(frame.message))


def _argument_size(frame: ChatResponse) -> int:
    blocks = [block for block in frame.message.blocks if isinstance(block, ToolCallBlock)]
    return sum(len(str(block.tool_kwargs)) for block in blocks)


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SOON
    while not reached():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


async def _auntil(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SOON
    while not reached():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)
