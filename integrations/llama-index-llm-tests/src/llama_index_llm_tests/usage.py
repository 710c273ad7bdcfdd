"""Group K: what a call cost, where the framework and its users look for it."""

from __future__ import annotations

from typing import Any, Final

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.tools import FunctionTool

from llama_index_llm_tests.answers import Answer, Call, chunk, counted, stream
from llama_index_llm_tests.asking import (
    HI,
    CompletionMode,
    Mode,
    ask,
    every_method,
    every_mode,
    every_stream,
    last,
    with_tools,
)
from llama_index_llm_tests.bench import Bench, UnderTest
from llama_index_llm_tests.reading import found

_DETAILED: Final = {
    "prompt_tokens": 40_009,
    "completion_tokens": 30_011,
    "total_tokens": 70_020,
    "prompt_tokens_details": {"cached_tokens": 20_011, "image_tokens": 5_003, "video_tokens": 4_001},
    "completion_tokens_details": {"reasoning_tokens": 10_007},
}


class UsageTests(UnderTest):
    """Token counts reach the framework's counter and the user."""

    @every_method
    def test_tokens_are_counted_once(self, bench: Bench, mode: Mode | CompletionMode) -> None:
        """The framework's token counter has the server's numbers, once for each call."""
        counter = _counter()
        llm = bench.answering(mode, Answer(text="Good day."), callback_manager=CallbackManager([counter]))
        ask(llm, mode)
        assert _counts(counter) == [(11, 7)]

    @every_mode
    def test_tokens_of_a_call_are_counted(self, bench: Bench, mode: Mode) -> None:
        """The token counter has the server's numbers for an answer of tool calls, too."""
        counter = _counter()
        llm = bench.answering(mode, Answer(calls=[Call()]), callback_manager=CallbackManager([counter]))
        with_tools(llm, mode, [FunctionTool.from_defaults(_get_weather, name="get_weather")], user_msg="hi")
        assert _counts(counter) == [(11, 7)]

    @every_stream
    def test_counts_beside_the_last_piece_are_counted(self, bench: Bench, mode: Mode) -> None:
        """Counts that come in the chunk with the finish reason are counted, once."""
        counter = _counter()
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        reply = stream(chunk(role="assistant", content="Good day."), chunk(finish="stop", usage=usage))
        last(bench.llm(reply, callback_manager=CallbackManager([counter])), mode)
        assert _counts(counter) == [(11, 7)]

    @every_stream
    def test_counts_on_every_piece_are_totals(self, bench: Bench, mode: Mode) -> None:
        """Where every chunk has counts so far, the last ones are the counts; they are not added up."""
        counter = _counter()
        usages = [{"prompt_tokens": 11, "completion_tokens": n, "total_tokens": 11 + n} for n in (3, 5, 7)]
        chunks = [chunk(content="a", usage=usages[0]), chunk(content="b", usage=usages[1]), chunk(finish="stop")]
        last(bench.llm(stream(*chunks, counted(usages[2])), callback_manager=CallbackManager([counter])), mode)
        assert _counts(counter) == [(11, 7)]

    @every_mode
    @pytest.mark.parametrize(
        "usage",
        [
            {"prompt_tokens": None, "completion_tokens": 7, "total_tokens": None},
            {"prompt_tokens": 11, "completion_tokens": None, "total_tokens": None},
            {},
            None,
        ],
        ids=["no prompt count", "no answer count", "no counts", "no usage"],
    )
    def test_missing_counts_do_no_harm(self, bench: Bench, mode: Mode, usage: dict[str, Any] | None) -> None:
        """An answer whose counts are missing or null is read, and the token counter survives it."""
        counter = _counter()
        llm = bench.answering(mode, Answer(text="ok", usage=usage), callback_manager=CallbackManager([counter]))
        assert last(llm, mode).message.content == "ok"
        assert len(_counts(counter)) == 1
        assert all(isinstance(count, int) for counts in _counts(counter) for count in counts)

    @every_mode
    def test_details_of_counts_are_kept(self, bench: Bench, mode: Mode) -> None:
        """Counts of cached, reasoning, image and video tokens can be read from the response."""
        response = last(bench.answering(mode, Answer(text="ok", usage=_DETAILED)), mode)
        counts = {"cached_tokens": 20_011, "reasoning_tokens": 10_007, "image_tokens": 5_003, "video_tokens": 4_001}
        told = {kind: set(found(response, kind)) for kind in bench.protocol.counts}
        assert told == {kind: {counts[kind]} for kind in bench.protocol.counts}

    @every_mode
    def test_counts_leave_the_message_alone(self, bench: Bench, mode: Mode) -> None:
        """Counts do not stand on the message, where memories would send them on and count them."""
        llm = bench.answering(mode, Answer(text="ok", usage=_DETAILED))
        response = last(llm, mode)
        assert found(response, "prompt_tokens", "input_tokens")
        assert "40009" not in str(response.message.additional_kwargs)

    @every_mode
    def test_the_prompt_is_not_opened_for_counting(self, bench: Bench, mode: Mode) -> None:
        """Counting the tokens of a call with an image does not open the image's URL."""
        counter = _counter()
        manager = CallbackManager([counter])
        llm = bench.answering(mode, Answer(text="ok"), callback_manager=manager, **self.media_settings)
        image = {"block_type": "image", "url": f"{bench.server.url}/a.png"}
        last(llm, mode, [*HI, ChatMessage.model_validate({"role": "user", "blocks": [image]})])
        assert _counts(counter) == [(11, 7)]
        assert [request.method for request in bench.server.requests] == ["POST"]


def _get_weather(city: str) -> str:
    """Get the weather in a city."""
    return city


def _counter() -> TokenCountingHandler:
    """A counter that would see words where it is given no numbers, and needs no vocabulary for that."""
    return TokenCountingHandler(tokenizer=str.split)


def _counts(counter: TokenCountingHandler) -> list[tuple[int, int]]:
    return [(event.prompt_token_count, event.completion_token_count) for event in counter.llm_token_counts]
