"""Group N: a prompt instead of messages."""

from __future__ import annotations

import json
from typing import Final

import pytest
from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from llama_index.core.llms.llm import LLM
from qwen_sandbox import Reply

from llama_index_llm_tests.answers import SERVED, Answer, Call, Json, chunk, counted, failed, stream
from llama_index_llm_tests.asking import (
    CompletionMode,
    Mode,
    ask,
    completions,
    every_completion,
    every_method,
    is_stream,
    run,
)
from llama_index_llm_tests.bench import Bench, UnderTest
from llama_index_llm_tests.wire import text_of

_every_streamed_completion = pytest.mark.parametrize("mode", ["stream_complete", "astream_complete"])
_TOKENS: Final[tuple[Json, ...]] = (
    {
        "token": "Good",
        "bytes": [71, 111, 111, 100],
        "logprob": -0.25,
        "top_logprobs": [
            {"token": "Good", "bytes": [71, 111, 111, 100], "logprob": -0.25},
            {"token": "Fine", "bytes": [70, 105, 110, 101], "logprob": -1.5},
        ],
    },
    {
        "token": " day",
        "bytes": [32, 100, 97, 121],
        "logprob": -0.5,
        "top_logprobs": [{"token": " day", "bytes": [32, 100, 97, 121], "logprob": -0.5}],
    },
)


class CompletionTests(UnderTest):
    """A completion is a chat over one user message."""

    @every_completion
    def test_a_prompt_is_one_user_message(self, bench: Bench, mode: CompletionMode) -> None:
        """A prompt is sent as the one message of a user, to the chat endpoint."""
        completions(bench.answering(mode, Answer(text="ok")), mode, 'Say "hi", {name}\n')
        assert [(message["role"], text_of(message)) for message in bench.messages] == [("user", 'Say "hi", {name}\n')]
        assert bench.server.requests[-1].path.endswith(bench.protocol.path)

    @every_completion
    def test_a_completion_is_the_text(self, bench: Bench, mode: CompletionMode) -> None:
        """The text of a completion is exactly the answer's, without thoughts."""
        text = "  \n Für 日本 👩‍🚀\n\n"
        given = completions(bench.answering(mode, Answer(text=text, reasoning="Hm.")), mode)
        assert given[-1].text == text

    @_every_streamed_completion
    def test_a_streamed_completion_grows(self, bench: Bench, mode: CompletionMode) -> None:
        """Each frame of a completion has the text so far, and in `delta` what it adds."""
        given = completions(bench.answering(mode, Answer(text="Good day to you.", reasoning="Hm.")), mode)
        so_far = ""
        for frame in given:
            so_far += frame.delta or ""
            assert frame.text == so_far
        assert so_far == "Good day to you."
        assert len(given) > 2

    @every_completion
    def test_a_completion_without_text_is_empty(self, bench: Bench, mode: CompletionMode) -> None:
        """An answer without text, such as one of calls, is empty text."""
        assert completions(bench.answering(mode, Answer(calls=[Call()])), mode)[-1].text == ""
        assert len(bench.bodies) == 1

    @every_completion
    def test_a_completion_says_who_answered(self, bench: Bench, mode: CompletionMode) -> None:
        """The name of the model that answered is in `raw` or `additional_kwargs` of a completion."""
        response = completions(bench.answering(mode, Answer(text="ok")), mode)[-1]
        assert SERVED in str(response.model_dump(include={"raw", "additional_kwargs"}))

    @every_completion
    @pytest.mark.parametrize("formatted", [False, True])
    def test_a_prompt_is_wrapped_once(self, bench: Bench, mode: CompletionMode, formatted: bool) -> None:
        """`completion_to_prompt` is applied, and not to a prompt that is `formatted`."""
        llm = bench.answering(mode, Answer(text="ok"), completion_to_prompt=_wrap)
        completions(llm, mode, "hi", formatted=formatted)
        assert text_of(bench.messages[0]) == ("hi" if formatted else "<hi>")

    @every_completion
    def test_a_prompt_may_have_its_name(self, bench: Bench, mode: CompletionMode) -> None:
        """The prompt may be given as `prompt=`."""
        llm = bench.answering(mode, Answer(text="ok"))
        assert _by_name(llm, mode)[-1].text == "ok"
        assert text_of(bench.messages[0]) == "hi"

    @every_completion
    def test_options_of_a_completion_are_sent(self, bench: Bench, mode: CompletionMode) -> None:
        """Options of a completion go over the LLM's own, as for a chat."""
        llm = bench.answering(mode, Answer(text="ok"), temperature=0.75)
        completions(llm, mode, temperature=0.25)
        assert bench.body["temperature"] == 0.25

    @every_completion
    def test_a_failed_completion_is_raised(self, bench: Bench, mode: CompletionMode) -> None:
        """The server's own words are in the exception of a completion."""
        with pytest.raises(Exception, match="flux is not compensated"):
            completions(bench.llm(failed(400, "the flux is not compensated")), mode)

    @_every_streamed_completion
    def test_a_completion_that_breaks_is_raised(self, bench: Bench, mode: CompletionMode) -> None:
        """A completion whose connection drops is an error, not a short text."""
        broken = stream(chunk(role="assistant", content="Good"), done=False, abort=True)
        with pytest.raises(Exception):  # noqa: B017, PT011 - what it is, is up to the class
            completions(bench.llm(broken), mode)
        assert len(bench.bodies) == 1

    @every_method
    def test_logprobs_are_kept(self, bench: Bench, mode: Mode | CompletionMode) -> None:
        """The response lists each token's log probability, and those of its alternatives."""
        told = [token for frame in ask(bench.llm(_likely(mode)), mode) for token in _listed(frame)]
        # Frames of a stream may list the tokens so far, or those that they add.
        assert told
        assert told[-1] == {(" day", -0.5)}
        assert {("Good", -0.25), ("Fine", -1.5)} in told


def _wrap(prompt: str) -> str:
    return f"<{prompt}>"


def _likely(mode: Mode | CompletionMode) -> Reply:
    """An answer with log probabilities."""
    if is_stream(mode):
        chunks = [chunk(content=token["token"]) for token in _TOKENS]
        for made, token in zip(chunks, _TOKENS, strict=True):
            made["choices"][0]["logprobs"] = {"content": [token]}
        return stream(*chunks, chunk(finish="stop"), counted())
    reply: Json = json.loads(Answer(text="Good day").whole().body)
    reply["choices"][0]["logprobs"] = {"content": list(_TOKENS)}
    return Reply(json.dumps(reply).encode())


def _listed(response: ChatResponse | CompletionResponse) -> list[set[tuple[str, float]]]:
    return [{(entry.token, entry.logprob) for entry in token} for token in response.logprobs or []]


def _by_name(llm: LLM, mode: CompletionMode) -> list[CompletionResponse]:
    if mode == "complete":
        return [llm.complete(prompt="hi")]
    if mode == "stream_complete":
        return list(llm.stream_complete(prompt="hi"))
    return run(_aby_name(llm, mode))


async def _aby_name(llm: LLM, mode: CompletionMode) -> list[CompletionResponse]:
    if mode == "acomplete":
        return [await llm.acomplete(prompt="hi")]
    return [frame async for frame in await llm.astream_complete(prompt="hi")]
