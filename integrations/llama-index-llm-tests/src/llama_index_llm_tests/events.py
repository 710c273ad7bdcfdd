"""Group K: events, spans, callbacks and the rate limit around each call."""

# The framework hands its handlers bare dicts and `Any`.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.llms.llm import LLM
from typing_extensions import override

from llama_index_llm_tests.answers import Answer, Call, chunk, failed, stream
from llama_index_llm_tests.asking import (
    COMPLETIONS,
    HI,
    MODES,
    CompletionMode,
    Mode,
    ask,
    every_method,
    every_mode,
    frames,
    is_stream,
    run,
)
from llama_index_llm_tests.bench import KEY, Bench, UnderTest
from llama_index_llm_tests.observing import observed

_every_streaming_method = pytest.mark.parametrize("mode", [mode for mode in (*MODES, *COMPLETIONS) if is_stream(mode)])


class EventTests(UnderTest):
    """Each call is reported once, in order, whole, and without secrets."""

    @every_method
    def test_events_come_in_order(self, bench: Bench, mode: Mode | CompletionMode) -> None:
        """A call gives a start event, one for each frame and an end event, of its own kind only."""
        with observed() as seen:
            given = ask(bench.answering(mode, Answer(text="Good day.")), mode)
        kind = "LLMCompletion" if "complete" in mode else "LLMChat"
        between = [f"{kind}InProgressEvent"] * len(given) if is_stream(mode) else []
        assert seen.names == [f"{kind}StartEvent", *between, f"{kind}EndEvent"]
        assert len(bench.bodies) == 1

    @every_method
    def test_the_end_event_holds_the_answer(self, bench: Bench, mode: Mode | CompletionMode) -> None:
        """The response in the end event is the whole answer."""
        with observed() as seen:
            given = ask(bench.answering(mode, Answer(text="Good day.")), mode)
        response = seen.events[-1].model_dump()["response"]
        assert response["text" if "complete" in mode else "message"]
        assert getattr(seen.events[-1], "response") == given[-1]  # noqa: B009 - the base class has no such field
        assert str(given[-1]).endswith("Good day.")

    @every_mode
    def test_the_start_event_holds_the_question(self, bench: Bench, mode: Mode) -> None:
        """The start event has the messages, the options of the call and what the LLM is."""
        with observed() as seen:
            frames(bench.answering(mode, Answer(text="ok")), mode, temperature=0.25)
        (start,) = seen.of("LLMChatStartEvent")
        assert start.messages == list(HI)
        assert start.additional_kwargs["temperature"] == 0.25
        assert start.model_dict
        assert len(bench.bodies) == 1

    @every_method
    def test_events_are_json(self, bench: Bench, mode: Mode | CompletionMode) -> None:
        """Events of an answer of every kind can be written as JSON, and the key is not in it."""
        with observed() as seen:
            ask(bench.answering(mode, Answer(text="Let me look.", reasoning="Hm.", calls=[Call()])), mode)
        written = [event.model_dump_json() for event in seen.events]
        assert "Let me look." in written[-1]
        assert KEY not in "".join(written)

    @_every_streaming_method
    def test_a_broken_stream_gives_an_exception_event(self, bench: Bench, mode: Mode | CompletionMode) -> None:
        """A stream that breaks gives an exception event, and no end event."""
        llm = bench.llm(stream(chunk(role="assistant", content="Good"), done=False, abort=True))
        with observed() as seen, pytest.raises(Exception):  # noqa: B017, PT011 - what it is, is up to the class
            ask(llm, mode)
        assert seen.names[-1] == "ExceptionEvent"
        assert not any(name.endswith("EndEvent") for name in seen.names)

    @_every_streaming_method
    def test_an_abandoned_stream_gives_an_exception_event(self, bench: Bench, mode: Mode | CompletionMode) -> None:
        """A stream that the caller leaves early is reported as ended."""
        with observed() as seen:
            _leave_early(bench.answering(mode, Answer(text="Good day to you.")), mode)
        assert seen.names[-1] == "ExceptionEvent"
        assert len(bench.bodies) == 1

    @every_method
    def test_a_refused_call_has_no_end_event(self, bench: Bench, mode: Mode | CompletionMode) -> None:
        """A call that the server refuses has a start, a failure and no end."""
        with observed() as seen, pytest.raises(Exception):  # noqa: B017, PT011 - what it is, is up to the class
            ask(bench.llm(failed(400, "no")), mode)
        assert seen.names[0].endswith("StartEvent")
        assert not any(name.endswith("EndEvent") for name in seen.names)
        assert seen.dropped or seen.of("ExceptionEvent")

    @every_method
    def test_a_call_is_a_span(self, bench: Bench, mode: Mode | CompletionMode) -> None:
        """A call is a span that bears the names of the class and the method, and it ends."""
        with observed() as seen:
            ask(bench.answering(mode, Answer(text="ok")), mode)
        # A method that hands over to the same one of its base class makes two spans of one name.
        assert set(seen.entered) == {f"{self.llm_class.__name__}.{mode}"}
        assert seen.ended == seen.entered
        assert len(bench.bodies) == 1

    @every_method
    def test_callbacks_are_called_once(self, bench: Bench, mode: Mode | CompletionMode) -> None:
        """A callback handler is told of the start and the end once each, with what was said."""
        handler = _Handler()
        ask(bench.answering(mode, Answer(text="ok"), callback_manager=CallbackManager([handler])), mode)
        (began, ended) = handler.told
        asked, answered = (
            (EventPayload.PROMPT, EventPayload.COMPLETION)
            if "complete" in mode
            else (EventPayload.MESSAGES, EventPayload.RESPONSE)
        )
        assert began[asked]
        assert str(ended[answered]).endswith("ok")

    @every_method
    def test_callbacks_hear_of_failures(self, bench: Bench, mode: Mode | CompletionMode) -> None:
        """A callback handler is handed the exception of a call that failed."""
        handler = _Handler()
        llm = bench.llm(failed(400, "the flux is not compensated"), callback_manager=CallbackManager([handler]))
        with pytest.raises(Exception, match="flux"):
            ask(llm, mode)
        assert "flux" in str(handler.told[-1][EventPayload.EXCEPTION])

    @pytest.mark.skipif("rate_limiter" not in LLM.model_fields, reason="this llama-index-core has no rate limiter")
    @every_method
    def test_the_rate_limiter_is_asked_once(self, bench: Bench, mode: Mode | CompletionMode) -> None:
        """A call waits for the LLM's rate limiter once, in its own way: sync or async."""
        limiter = _limiter()
        llm = bench.answering(mode, Answer(text="ok"))
        llm.rate_limiter = limiter
        ask(llm, mode)
        assert limiter.asked == (["async"] if mode.startswith("a") else ["sync"])
        assert len(bench.bodies) == 1


class _Handler(BaseCallbackHandler):
    """Keeps what it is told about LLMs."""

    def __init__(self) -> None:
        super().__init__(event_starts_to_ignore=[], event_ends_to_ignore=[])
        self.told: list[dict[str, Any]] = []

    @override
    def on_event_start(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        parent_id: str = "",
        **kwargs: Any,
    ) -> str:
        self._note(event_type, payload)
        return event_id

    @override
    def on_event_end(
        self, event_type: CBEventType, payload: dict[str, Any] | None = None, event_id: str = "", **kwargs: Any
    ) -> None:
        self._note(event_type, payload)

    @override
    def start_trace(self, trace_id: str | None = None) -> None:
        pass

    @override
    def end_trace(self, trace_id: str | None = None, trace_map: dict[str, list[str]] | None = None) -> None:
        pass

    def _note(self, event_type: CBEventType, payload: dict[str, Any] | None) -> None:
        if event_type == CBEventType.LLM:
            self.told.append(payload or {})


def _limiter() -> Any:
    """A rate limiter that never waits and notes who asked."""
    from llama_index.core.rate_limiter import BaseRateLimiter  # noqa: PLC0415 - older versions have none

    class Limiter(BaseRateLimiter):
        def __init__(self) -> None:
            self.asked: list[str] = []

        @override
        def acquire(self, num_tokens: int = 0) -> None:
            self.asked.append("sync")

        @override
        async def async_acquire(self, num_tokens: int = 0) -> None:
            self.asked.append("async")

    return Limiter()


def _leave_early(llm: LLM, mode: str) -> None:
    """Read one frame of a stream and close it."""
    given: Any = "hi" if "complete" in mode else list(HI)
    if mode.startswith("a"):
        run(_aleave_early(getattr(llm, mode), given))
    else:
        with contextlib.closing(getattr(llm, mode)(given)) as given_frames:
            next(given_frames)


async def _aleave_early(method: Any, given: Any) -> None:
    async with contextlib.aclosing(await method(given)) as given_frames:
        await given_frames.__anext__()
