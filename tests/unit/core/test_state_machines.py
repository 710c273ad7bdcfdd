"""Streams of both protocols, made of events in any order and cut anywhere, held against what was put into them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from qwen_endpoints import Completion, CompletionDelta, QwenError, ServerError, StreamInterruptedError
from qwen_endpoints.reply import ReplyDecoder
from typing_extensions import override

from tests.fuzz.target import PLACES, Reading, look_at

from .messages_support import PING, closed, failure, grown, opened, said, sse, start
from .support import SSE, call_piece, calls_chunk, chunk, sse_body
from .test_properties import cut, cuts, keys, names, objects, odd, odd_payload

words = st.text(alphabet='ab \né你😀"\\{}', max_size=6).map("w{}".format)
"""Neither blank nor with a tag: both would be held back, which is for other tests."""
TEMPLATE = 1
"""The place whose model's template opens the reasoning, so that text is held back."""
_JUNK = odd_payload | odd | st.dictionaries(keys | st.just("type"), odd, max_size=3)
finishes = st.sampled_from(["stop", "length", "tool_calls", "unheard_of"])


@dataclass
class Sent:
    """What the events so far amount to, counted beside the decoder."""

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    began: bool = False
    finish: str | None = None
    plain: bool = True
    """Nothing but what the protocol knows was sent, so that the decoder must agree to the letter."""


class StreamMachine(RuleBasedStateMachine):
    """The rules, whichever protocol spells the events."""

    rows: ClassVar[tuple[int, ...]]

    def __init__(self) -> None:
        super().__init__()
        self.sent = Sent()
        self.deltas: list[CompletionDelta] = []
        self.decoder: ReplyDecoder | None = None
        self.headless: bool = False

    @precondition(lambda self: not self.live)
    @rule(data=st.data())
    def begin(self, data: Any) -> None:
        row: int = data.draw(st.sampled_from(self.rows))
        self.sent, self.deltas = Sent(), []
        self.headless = row == TEMPLATE
        self.decoder = PLACES[row].decoder(SSE)

    # How a protocol spells it

    def spell_text(self, text: str) -> bytes:
        raise NotImplementedError

    def spell_reasoning(self, text: str) -> bytes:
        raise NotImplementedError

    def spell_call(self, name: str, pieces: list[str]) -> bytes:
        raise NotImplementedError

    def spell_finish(self, reason: str) -> bytes:
        raise NotImplementedError

    def spell_harmless(self) -> list[bytes]:
        raise NotImplementedError

    def spell_failure(self) -> bytes:
        raise NotImplementedError

    end_mark: ClassVar[bytes]
    finish_is_an_answer: ClassVar[bool]
    """Whether a finish reason alone makes an answer, an empty one."""

    # What happens

    @property
    def live(self) -> bool:
        return self.decoder is not None

    @precondition(lambda self: self.live)
    @rule(text=words, where=cuts)
    def say(self, text: str, where: list[int]) -> None:
        self.sent.text += text
        self.deliver(self.spell_text(text), where)

    @precondition(lambda self: self.live)
    @rule(text=words, where=cuts)
    def think(self, text: str, where: list[int]) -> None:
        self.sent.reasoning += text
        self.deliver(self.spell_reasoning(text), where)

    @precondition(lambda self: self.live)
    @rule(name=names, arguments=objects, end=st.integers(0, 40), where=cuts)
    def call(self, name: str, arguments: Any, end: int, where: list[int]) -> None:
        """A call, which may never get all of its arguments."""
        written = json.dumps(arguments)[:end]
        self.sent.calls.append((name, written))
        self.deliver(self.spell_call(name, cut(written, where)), where)

    @precondition(lambda self: self.live)
    @rule(reason=finishes, where=cuts)
    def stop(self, reason: str, where: list[int]) -> None:
        self.sent.finish = reason
        self.deliver(self.spell_finish(reason), where, says=self.finish_is_an_answer)

    @precondition(lambda self: self.live)
    @rule(which=st.integers(0, 99), where=cuts)
    def send_what_says_nothing(self, which: int, where: list[int]) -> None:
        spelled = self.spell_harmless()
        before = len(self.deltas)
        self.deliver(spelled[which % len(spelled)], where, says=False)
        assert len(self.deltas) == before

    @precondition(lambda self: self.live)
    @rule(comment=st.sampled_from([b": PING\n\n", b":\n\n", b"\n", b"\r\n\r\n", b"id: 7\nretry: 9\n\n"]), where=cuts)
    def keep_alive(self, comment: bytes, where: list[int]) -> None:
        assert self.decoder is not None
        before, told = self.decoder.progress, len(self.deltas)
        self.deliver(comment, where, says=False)
        assert (self.decoder.progress, len(self.deltas)) == (before, told)

    @precondition(lambda self: self.live)
    @rule(data=st.data(), where=cuts)
    def send_junk(self, data: Any, where: list[int]) -> None:
        self.sent.plain = False
        junk = data.draw(_JUNK)
        self.deliver(b"data: " + json.dumps(junk).encode() + b"\n\n", where)

    # How it ends

    @precondition(lambda self: self.live)
    @rule(how=st.sampled_from(["failure", "error line", "mark", "nothing", "half an event"]), text=words, where=cuts,
          at=st.sampled_from([-1, -2]) | st.integers(0, 400))  # fmt: skip
    def end(self, how: str, text: str, where: list[int], at: int) -> None:
        if how == "mark":
            error = self.breaks(self.end_mark, where)
            assert (error is None) == self.sent.began or not self.sent.plain
        elif how == "nothing":
            self.judge_cut(self.breaks(b"", [], hangs_up=True))
        elif how == "half an event" and not self.headless:
            self.hang_up_within(text, at, where)
        else:
            line = b"error: " + json.dumps({"error": {"message": "x", "code": 500}}).encode() + b"\n\n"
            error = self.breaks(line if how == "error line" else self.spell_failure(), where)
            assert isinstance(error, ServerError) or (error is not None and not self.sent.plain)

    def hang_up_within(self, text: str, at: int, where: list[int]) -> None:
        """What had arrived of the event counts if all of its line had."""
        whole = self.spell_text(text)
        part = whole[: at % len(whole)]
        if part.rstrip(b"\n") == whole.rstrip(b"\n"):
            self.sent.text += text
            self.sent.began = True
        self.judge_cut(self.breaks(part, where, hangs_up=True))

    # Looking at it

    def deliver(self, event: bytes, where: list[int], *, says: bool = True) -> None:
        """Feed an event in pieces; afterwards nothing of what was sent is missing."""
        assert self.decoder is not None
        self.sent.began = self.sent.began or says
        try:
            for piece in cut(event, where):
                self.deltas += self.decoder.feed(piece)
        except QwenError as error:
            self.over(error)
            failed = True
        else:
            failed = self.decoder.ended  # junk may say so
            if failed:
                self.over(None)
        assert not (failed and self.sent.plain)
        if self.sent.plain:
            self.compare(self.decoder.partial(), broken=True)

    def breaks(self, last: bytes, where: list[int], *, hangs_up: bool = False) -> QwenError | None:
        """Feed what ends the stream; return the error that it ends with."""
        assert self.decoder is not None
        try:
            for piece in cut(last, where):
                self.deltas += self.decoder.feed(piece)
            assert hangs_up or self.decoder.ended or not self.sent.plain
            self.deltas += self.decoder.finish()
        except QwenError as error:
            self.over(error)
            return error
        self.over(None)
        return None

    def judge_cut(self, error: QwenError | None) -> None:
        """A stream that has given its finish reason is whole, also where the mark is missing; any other is not."""
        if not self.sent.plain:
            return
        if not self.sent.began:
            assert error is not None
        elif self.sent.finish is None:
            assert isinstance(error, StreamInterruptedError)
        else:
            assert error is None

    def over(self, error: QwenError | None) -> None:
        self.decoder = None
        reading = Reading(tuple(self.deltas), error)
        look_at(reading)
        if self.sent.plain:
            self.compare(reading.completion, broken=error is not None)

    def compare(self, completion: Completion | None, *, broken: bool) -> None:
        if completion is None:
            assert self.sent == Sent(began=self.sent.began)
            return
        first = completion.first
        # Without a tag it cannot be told what a model of this template wrote before it was cut off.
        held = self.headless and not self.sent.reasoning and (broken or self.sent.finish == "length")
        expected = ("", self.sent.text) if held else (self.sent.text, self.sent.reasoning)
        assert (first.text, first.reasoning) == expected
        assert [(call.name, call.arguments) for call in first.tool_calls] == self.sent.calls
        assert all((call.parsed is None) != (call.error is None) for call in first.tool_calls)
        cut_off = self.sent.finish == "length" or (broken and self.sent.finish is None)
        if cut_off and self.sent.calls and not self.sent.calls[-1][1]:
            assert first.tool_calls[-1].error  # it may not have been over
        assert (first.native_finish_reason or first.finish_reason) == self.sent.finish


class ChatCompletionsMachine(StreamMachine):
    rows = (0, 1)
    end_mark = b"data: [DONE]\n\n"
    finish_is_an_answer = True

    @override
    def spell_text(self, text: str) -> bytes:
        return sse_body(chunk({"content": text}), done=False)

    @override
    def spell_reasoning(self, text: str) -> bytes:
        return sse_body(chunk({"reasoning_content": text}), done=False)

    @override
    def spell_call(self, name: str, pieces: list[str]) -> bytes:
        index = len(self.sent.calls) - 1
        first, *rest = pieces
        opening = calls_chunk(call_piece(first, index=index, id=f"c{index}", name=name))
        return sse_body(opening, *(calls_chunk(call_piece(piece, index=index)) for piece in rest), done=False)

    @override
    def spell_finish(self, reason: str) -> bytes:
        return sse_body(chunk({}, reason), done=False)

    @override
    def spell_harmless(self) -> list[bytes]:
        empty: list[Any] = [{"choices": []}, {"choices": None, "x": 1}, {"object": "chat.completion.chunk"}, {}]
        return [sse_body(payload, done=False) for payload in empty]

    @override
    def spell_failure(self) -> bytes:
        return sse_body({"error": {"message": "x", "code": 500}}, done=False)


class MessagesMachine(StreamMachine):
    rows = (2, 3)
    end_mark = sse({"type": "message_stop"})
    finish_is_an_answer = False

    def __init__(self) -> None:
        super().__init__()
        self.index = -1

    def block(self, stated: dict[str, Any], *inner: tuple[str, dict[str, str]]) -> bytes:
        self.index += 1
        return sse(
            opened(self.index, stated),
            *(grown(self.index, kind, **fields) for kind, fields in inner),
            closed(self.index),
            ascii_only=False,
        )

    @override
    def spell_text(self, text: str) -> bytes:
        return sse(said(text, 1000))  # a block that was never opened

    @override
    def spell_reasoning(self, text: str) -> bytes:
        return self.block({"type": "thinking", "thinking": ""}, ("thinking_delta", {"thinking": text}))

    @override
    def spell_call(self, name: str, pieces: list[str]) -> bytes:
        """The next block is opened before this one grows, as llama.cpp does."""
        stated: dict[str, Any] = {"type": "tool_use", "id": f"c{len(self.sent.calls)}", "name": name, "input": {}}
        self.index += 2
        here, following = self.index - 1, self.index
        return sse(
            opened(here, stated),
            opened(following, {"type": "text", "text": ""}),
            *(grown(here, "input_json_delta", partial_json=piece) for piece in pieces),
            closed(here),
            closed(following),
            ascii_only=False,
        )

    @override
    def spell_finish(self, reason: str) -> bytes:
        return sse({"type": "message_delta", "delta": {"stop_reason": reason}})

    @override
    def spell_harmless(self) -> list[bytes]:
        strangers: tuple[dict[str, Any], ...] = (
            {"type": "vendor_event", "delta": {"type": "text_delta", "text": "no"}},
            closed(99),
            {},
            PING,
        )
        return [sse(event) for event in strangers]

    @override
    def spell_failure(self) -> bytes:
        return sse(failure("api_error"))

    @precondition(lambda self: self.live)
    @rule(where=cuts)
    def start(self, where: list[int]) -> None:
        self.deliver(sse(start(stop_reason=self.sent.finish)), where)


_RUN = settings(
    max_examples=60, stateful_step_count=30, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
TestChatCompletions = ChatCompletionsMachine.TestCase
TestChatCompletions.settings = _RUN
TestMessages = MessagesMachine.TestCase
TestMessages.settings = _RUN
