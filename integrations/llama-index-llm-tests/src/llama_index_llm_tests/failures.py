"""Group L: what is tried again, what a call may override, and many calls at once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core.llms.llm import LLM
from qwen_sandbox import Reply

from llama_index_llm_tests.answers import Answer, chunk, failed, stream
from llama_index_llm_tests.asking import HI, Mode, every_mode, every_stream, heard, last, reply_for, run
from llama_index_llm_tests.bench import Bench, UnderTest
from llama_index_llm_tests.silence import SilentServer
from llama_index_llm_tests.wire import limit_of

_AT_ONCE = {"Retry-After": "0", "retry-after-ms": "1"}


class FailureTests(UnderTest):
    """A failure is repeated as often as said, or told at once; a call's options hold for that call."""

    @every_mode
    @pytest.mark.parametrize("status", [400, 401, 404])
    def test_a_mistake_is_not_sent_again(self, bench: Bench, mode: Mode, status: int) -> None:
        """A request that the server calls wrong is sent once, however many retries are allowed."""
        _, error = heard(bench.llm(failed(status, "no such thing"), max_retries=2), mode)
        assert "no such thing" in str(error)
        assert len(bench.bodies) == 1

    @every_mode
    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_passing_failure_is_retried(self, bench: Bench, mode: Mode, status: int) -> None:
        """A busy or broken server is asked again, and its answer is the answer."""
        llm = bench.llm(_busy(status), reply_for(mode, Answer(text="Good day.")), max_retries=1)
        assert last(llm, mode).message.content == "Good day."
        assert len(bench.bodies) == 2

    @every_mode
    def test_there_are_as_many_retries_as_said(self, bench: Bench, mode: Mode) -> None:
        """With `max_retries=2` a server that stays busy gets three requests."""
        _, error = heard(bench.llm(_busy(503), max_retries=2), mode)
        assert error is not None
        assert len(bench.bodies) == 3

    @every_mode
    def test_no_retries_are_none(self, bench: Bench, mode: Mode) -> None:
        """With `max_retries=0` a busy server gets one request."""
        _, error = heard(bench.llm(_busy(503), max_retries=0), mode)
        assert error is not None
        assert len(bench.bodies) == 1

    @pytest.mark.parametrize("mode", ["chat", "astream_chat"])
    def test_the_server_says_when_to_retry(self, bench: Bench, mode: Mode) -> None:
        """A retry waits for the seconds in `Retry-After`."""
        busy = Reply(json.dumps({"error": {"message": "busy"}}).encode(), 429, headers={"Retry-After": "1"})
        llm = bench.llm(busy, reply_for(mode, Answer(text="Good day.")), max_retries=1)
        began = time.monotonic()
        assert last(llm, mode).message.content == "Good day."
        assert time.monotonic() - began >= 0.95

    @every_stream
    def test_a_stream_that_has_begun_is_not_repeated(self, bench: Bench, mode: Mode) -> None:
        """A stream that breaks after its first piece is an error, not a second request."""
        broken = stream(chunk(role="assistant", content="Good"), done=False, abort=True)
        frames, error = heard(bench.llm(broken, Answer(text="Good day.").streamed(), max_retries=2), mode)
        assert error is not None
        assert frames[-1].message.content == "Good"
        assert len(bench.bodies) == 1

    @pytest.fixture
    def silent(self, bench: Bench) -> Iterator[SilentServer]:
        """A server that says nothing."""
        last(bench.answering("chat", Answer(text="hi")), "chat")  # what is imported late, is imported now
        with SilentServer() as server:
            yield server

    @every_mode
    def test_a_silent_server_is_given_up(self, silent: SilentServer, mode: Mode) -> None:
        """`timeout` limits the wait for a server that says nothing; then it is asked once more."""
        began = time.monotonic()
        _, error = heard(self.make_llm(silent.url, timeout=0.6, max_retries=1), mode)
        assert error is not None
        assert time.monotonic() - began < 8
        assert silent.requests == 2

    @every_mode
    def test_a_call_has_its_own_timeout(self, silent: SilentServer, mode: Mode) -> None:
        """`timeout` given with a call goes over that of the LLM."""
        began = time.monotonic()
        _, error = heard(self.make_llm(silent.url, timeout=30.0), mode, timeout=0.6)
        assert error is not None
        assert time.monotonic() - began < 8
        assert silent.requests == 1

    @every_mode
    def test_headers_of_a_call_join_those_of_the_llm(self, bench: Bench, mode: Mode) -> None:
        """`extra_headers` of a call are sent beside the LLM's headers, and go over them."""
        settings = {self.headers: {"X-One": "llm", "X-Two": "llm"}}
        llm = bench.answering(mode, Answer(text="ok"), **settings)
        last(llm, mode, extra_headers={"X-Two": "call"})
        assert (bench.headers["x-one"], bench.headers["x-two"]) == ("llm", "call")

    @every_mode
    def test_extra_body_of_a_call_is_sent(self, bench: Bench, mode: Mode) -> None:
        """What stands in `extra_body` of a call is in the body."""
        last(bench.answering(mode, Answer(text="ok")), mode, extra_body={"guided_regex": "[a-z]+"})
        assert bench.body["guided_regex"] == "[a-z]+"

    @every_mode
    def test_an_option_nobody_knows_is_sent(self, bench: Bench, mode: Mode) -> None:
        """An argument of a call that the class does not know is in the body, for servers that do."""
        last(bench.answering(mode, Answer(text="ok")), mode, guided_regex="[a-z]+")
        assert bench.body["guided_regex"] == "[a-z]+"

    @every_mode
    def test_an_option_of_a_call_goes_over_the_llms(self, bench: Bench, mode: Mode) -> None:
        """`max_tokens` and `temperature` of a call are sent in place of the LLM's own."""
        llm = bench.answering(mode, Answer(text="ok"), max_tokens=100, temperature=0.75)
        last(llm, mode, max_tokens=5, temperature=0.25)
        assert (limit_of(bench.body), bench.body["temperature"]) == (5, 0.25)

    def test_an_option_of_a_call_is_gone_with_it(self, bench: Bench) -> None:
        """The call after one with options is as if that had not been."""
        llm = bench.answering("chat", Answer(text="ok"), max_tokens=100)
        for options in ({}, {"max_tokens": 5, "temperature": 0.25, "extra_body": {"guided_regex": "a"}}, {}):
            llm.chat(list(HI), **options)
        first, second, third = bench.bodies
        assert second["guided_regex"] == "a"
        assert third == first

    def test_options_given_are_left_alone(self, bench: Bench) -> None:
        """The mappings handed over as options of a call are not changed."""
        llm = bench.answering("chat", Answer(text="ok"))
        body, headers = {"nested": {"a": [1]}}, {"X-One": "1"}
        llm.chat(list(HI), extra_body=body, extra_headers=headers)
        assert bench.body["nested"] == {"a": [1]}
        assert (body, headers) == ({"nested": {"a": [1]}}, {"X-One": "1"})

    @pytest.mark.parametrize("mode", ["achat", "astream_chat"])
    def test_an_llm_survives_its_event_loop(self, bench: Bench, mode: Mode) -> None:
        """One LLM can be used in one event loop after the other."""
        llm = bench.answering(mode, Answer(text="ok"))
        assert [last(llm, mode).message.content for _ in range(3)] == ["ok"] * 3
        assert len(bench.bodies) == 3

    def test_an_llm_works_in_threads(self, bench: Bench) -> None:
        """One LLM can be used by many threads at once, sync and in event loops of their own."""
        llm = bench.answering("chat", Answer(text="ok"))

        def ask(place: int) -> str | None:
            return last(llm, "achat" if place % 2 else "chat").message.content

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(ask, range(16))) == ["ok"] * 16

    def test_fifty_calls_at_once(self, bench: Bench) -> None:
        """Fifty calls at once in one event loop are all answered."""
        llm = bench.answering("achat", Answer(text="ok"))
        assert run(_at_once(llm, 50)) == ["ok"] * 50
        assert len(bench.bodies) == 50


def _busy(status: int) -> Reply:
    """A failure that asks to be retried without delay."""
    body: dict[str, Any] = {"error": {"message": "busy"}}
    return Reply(json.dumps(body).encode(), status, headers=_AT_ONCE)


async def _at_once(llm: LLM, calls: int) -> list[str | None]:
    answers = await asyncio.gather(*(llm.achat(list(HI)) for _ in range(calls)))
    return [answer.message.content for answer in answers]
