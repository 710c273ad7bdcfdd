"""Group D, second part: the shapes in which servers send chunks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from llama_index_llm_tests.answers import Answer, Json, chunk, counted, stream
from llama_index_llm_tests.asking import Mode, every_stream, frames, heard
from llama_index_llm_tests.bench import Bench, Spelled, UnderTest
from llama_index_llm_tests.reading import SLIPS, found

_TEXT: Final = "Zoë sagt 日本 👩‍🚀"
_EMPTY: Final = chunk()


def _choice(**fields: Any) -> Json:
    return {**_EMPTY, "choices": [{"index": 0, **fields}]}


_BETWEEN: Final[dict[str, Json | bytes]] = {
    "choices []": {**_EMPTY, "choices": []},
    "choices null": {**_EMPTY, "choices": None},
    "no choices": {name: value for name, value in _EMPTY.items() if name != "choices"},
    "delta {}": _choice(delta={}),
    "delta null": _choice(delta=None),
    "no delta": _choice(finish_reason=None),
    "content null": chunk(content=None),
    "content empty": chunk(content=""),
    "tool_calls null": chunk(content=None, tool_calls=None),
    "tool_calls []": chunk(content="", tool_calls=[]),
    "the role again": chunk(role="assistant", content=""),
    "role null": chunk(role=None, content=""),
    "usage null": {**_EMPTY, "usage": None},
    "unknown fields": {**chunk(weather={"is": "mild"}), "provider": "X", "timings": [1, 2]},
    "a comment": b": keep-alive\n\n",
    "blank lines": b"\n\n\n",
    "event, id and retry": b"event: message\nid: 7\nretry: 100\ndata: " + json.dumps(_EMPTY).encode() + b"\n\n",
}
_FRAMED: Final[dict[str, Callable[[bytes], list[bytes]]]] = {
    "in one piece": lambda body: [body],
    "byte by byte": lambda body: [body[place : place + 1] for place in range(len(body))],
    "with carriage returns": lambda body: [body.replace(b"\n", b"\r\n")],
    "without the space": lambda body: [body.replace(b"data: ", b"data:")],
    "with every letter escaped or not": lambda body: [_unescaped(body)],
}


def _unescaped(body: bytes) -> bytes:
    return "".join(f"{_line_unescaped(line)}\n" for line in body.decode().splitlines()).encode()


def _line_unescaped(line: str) -> str:
    name, _, value = line.partition(": ")
    return f"{name}: {json.dumps(json.loads(value), ensure_ascii=False)}" if value.startswith("{") else line


class StreamShapeTests(UnderTest):
    """Chunks may be empty, odd or cut anywhere: the text is the text."""

    @every_stream
    @pytest.mark.parametrize("shape", _BETWEEN)
    def test_odd_chunks_do_no_harm(self, bench: Bench, mode: Mode, shape: str) -> None:
        """Chunks that say nothing, before, between and after the words, change nothing."""
        odd = _BETWEEN[shape]
        words = [chunk(content="One "), odd, chunk(content="two "), odd, chunk(content="three")]
        seen = frames(bench.llm(stream(odd, *words, odd, chunk(finish="stop"), odd, counted(), odd)), mode)
        assert seen[-1].message.content == "One two three"
        assert "".join(frame.delta or "" for frame in seen) == "One two three"

    @every_stream
    @pytest.mark.parametrize("framing", [*_FRAMED, "without the end mark"])
    def test_events_may_be_cut_anywhere(self, bench: Bench, mode: Mode, framing: str) -> None:
        """Events may come in one piece, byte by byte, or with other line ends."""
        body = b"".join(bench.spelled(Answer(text=_TEXT).streamed()).chunks or ())
        pieces = _FRAMED[framing](body) if framing in _FRAMED else [body.removesuffix(bench.protocol.end)]
        llm = bench.llm(Spelled(chunks=pieces, content_type="text/event-stream"))
        assert frames(llm, mode)[-1].message.content == _TEXT

    @every_stream
    def test_a_stream_may_end_twice(self, bench: Bench, mode: Mode) -> None:
        """A finish reason that comes twice, or again as null, ends the answer once."""
        ends = [chunk(finish="length"), chunk(finish="length"), chunk()]
        seen = frames(bench.llm(stream(chunk(content="One"), *ends, counted())), mode)
        assert seen[-1].message.content == "One"
        words = {"length", bench.protocol.finish.get("length")}
        assert words & set(found(seen[-1], "finish_reason", "stop_reason", "done_reason"))

    @every_stream
    def test_a_stream_may_count_nothing(self, bench: Bench, mode: Mode) -> None:
        """Without token counts the answer is whole nevertheless."""
        seen = frames(bench.answering(mode, Answer(text="One two three", usage=None)), mode)
        assert seen[-1].message.content == "One two three"

    @every_stream
    def test_a_stream_may_be_one_chunk(self, bench: Bench, mode: Mode) -> None:
        """Text, finish reason and token counts may come at once."""
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        seen = frames(bench.llm(stream(chunk(content="One two", finish="stop", usage=usage))), mode)
        assert [seen[0].delta, seen[-1].message.content] == ["One two", "One two"]

    @every_stream
    def test_a_whole_answer_to_a_stream_is_not_lost(self, bench: Bench, mode: Mode) -> None:
        """A whole reply, where a stream was asked for, is read or refused, not dropped."""
        seen, error = heard(bench.llm(Answer(text="One two").whole()), mode)
        assert not isinstance(error, SLIPS), repr(error)
        assert error is not None or seen[-1].message.content == "One two"
