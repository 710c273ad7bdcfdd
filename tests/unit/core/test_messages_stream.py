"""How replies over Messages are read, whole and as events."""

from __future__ import annotations

from typing import Any

import pytest
from qwen_endpoints import (
    Choice,
    MalformedResponseError,
    StreamInterruptedError,
)

from .messages_support import (
    HELLO,
    PING,
    REDACTED,
    SIGNED,
    USAGE,
    closed,
    decode,
    decode_pieces,
    decode_whole,
    ended,
    failure,
    grown,
    message,
    opened,
    said,
    sse,
    start,
    text,
    use,
)

THINKING = {"type": "thinking", "thinking": "", "signature": ""}


def thought(words: str, index: Any = 0) -> dict[str, Any]:
    return grown(index, "thinking_delta", thinking=words)


def signed(signature: str, index: Any = 0) -> dict[str, Any]:
    return grown(index, "signature_delta", signature=signature)


def argument(piece: str, index: Any = 0) -> dict[str, Any]:
    return grown(index, "input_json_delta", partial_json=piece)


EVERYTHING = (
    start(),
    PING,
    opened(0, THINKING),
    thought("wh"),
    thought("y"),
    signed("s1"),
    signed("g"),
    closed(0),
    opened(1, REDACTED),
    closed(1),
    opened(2, text("")),
    said("Hel", 2),
    PING,
    said("lo.", 2),
    closed(2),
    opened(3, use("c1")),
    argument("", 3),
    argument('{"city":', 3),
    argument(' "Ulm"}', 3),
    closed(3),
    opened(4, use("c2", "now")),
    closed(4),
    *ended("tool_use"),
)
THE_SAME = message(
    SIGNED, REDACTED, text(), use("c1", city="Ulm"), use("c2", "now"), stop="tool_use", usage=dict(USAGE)
)


def test_the_full_sequence_of_events() -> None:
    decoded = decode(*EVERYTHING)
    first = decoded.completion.first
    assert (decoded.text(), decoded.reasoning()) == (first.text, first.reasoning) == ("Hello.", "why")
    assert first.reasoning_details == (SIGNED, REDACTED)
    assert decoded.calls() == [("c1", "weather", '{"city": "Ulm"}'), ("c2", "now", "")]
    assert [call.parsed for call in first.tool_calls] == [{"city": "Ulm"}, {}]
    assert (first.finish_reason, first.native_finish_reason) == ("tool_calls", "tool_use")
    assert (decoded.completion.id, decoded.completion.model) == ("msg_1", "m")
    assert decoded.completion.extra == {}
    assert first.extra == {}


def test_a_whole_reply_reads_as_its_stream() -> None:
    assert decode_whole(THE_SAME) == decode(*EVERYTHING).completion
    assert decode_whole(message(text())) == decode(*HELLO).completion


@pytest.mark.parametrize(
    "extra",
    [
        PING,
        {"type": "vendor_event", "index": 0, "delta": {"type": "text_delta", "text": "no"}},
        {"kind": "no type"},
        {},
        grown(0, "vendor_delta", text="no"),
        grown(0, "citations_delta", citation={"type": "char_location"}),
        {"type": "content_block_delta", "index": 0},
        {"type": "content_block_delta", "index": 0, "delta": None},
        {"type": "content_block_delta", "index": 0, "delta": {"type": ["text_delta"], "text": "no"}},
        {"type": "content_block_stop", "index": 77},
        {"type": "message_delta"},
        {"type": "message_delta", "delta": {"stop_reason": None}, "usage": None},
        {"type": ["ping"]},
    ],
    ids=repr,
)
def test_what_is_not_known_is_ignored(extra: dict[str, Any]) -> None:
    expected = decode(*HELLO)
    for place in range(1, len(HELLO)):
        decoded = decode(*HELLO[:place], extra, *HELLO[place:])
        assert (decoded.completion, decoded.text()) == (expected.completion, "Hello.")


def test_blocks_of_unknown_types_are_kept_aside() -> None:
    vendor = {"type": "server_tool_use", "id": "s1", "name": "search", "input": {"q": "x"}}
    streamed = decode(
        start(),
        opened(0, vendor),
        argument('{"no":1}'),
        said("no"),
        opened(1, text("Hello.")),
        closed(0),
        *ended(),
    )
    whole = decode_whole(message(vendor, text()))
    assert streamed.completion == whole
    assert (whole.first.text, whole.first.tool_calls, whole.first.extra) == ("Hello.", (), {"blocks": [vendor]})
    assert streamed.text() == "Hello."


def test_what_else_a_reply_says_is_kept() -> None:
    assert decode_whole(message(stop_sequence="END", container={"id": "c"})).extra == {
        "stop_sequence": "END",
        "container": {"id": "c"},
    }
    delta = {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"}}
    assert decode(*HELLO[:-2], delta).completion.extra == {"stop_sequence": "END"}


# Blocks that do not keep to the order


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(
            (opened(0, THINKING), thought("why"), opened(1, text("")), said("Hel", 1), closed(0), said("lo.", 1)),
            id="opened before the last is closed",
        ),
        pytest.param(
            (
                opened(0, THINKING),
                opened(1, text("")),
                thought("wh"),
                said("Hel", 1),
                thought("y"),
                said("lo.", 1),
                closed(1),
                closed(0),
            ),
            id="side by side",
        ),
        pytest.param(
            (opened(7, THINKING), thought("why", 7), opened(3, text("")), said("Hello.", 3)), id="odd indexes"
        ),
        pytest.param(
            (opened(0, THINKING), thought("why"), opened(0, text("")), said("Hello.")), id="one index for two blocks"
        ),
        pytest.param(
            (opened(None, THINKING), thought("why", None), opened(None, text("")), said("Hello.", None)), id="no index"
        ),
        pytest.param(
            (opened("0", THINKING), thought("why", "0"), opened("1", text("")), said("Hello.", "1")),
            id="indexes as text",
        ),
        pytest.param((opened(1, THINKING), thought("why", 1), opened(None, text("")), said("Hello.", 7)), id="mixed"),
        pytest.param((thought("why"), said("Hello.", 1)), id="never opened"),
        pytest.param((thought("why"), said("Hello.")), id="never opened, of one index"),
        pytest.param((opened(0, text("")), thought("why"), said("Hello.")), id="of another kind than was opened"),
        pytest.param((opened(0, THINKING), thought("why"), said("Hel"), opened(1, text("lo."))), id="both ways"),
        pytest.param((opened(0, {**THINKING, "thinking": "why"}), opened(1, text("Hello."))), id="whole at the start"),
    ],
)
def test_blocks_out_of_order_lose_nothing(events: tuple[Any, ...]) -> None:
    decoded = decode(start(), *events, *ended())
    first = decoded.completion.first
    assert (decoded.text(), decoded.reasoning()) == (first.text, first.reasoning) == ("Hello.", "why")
    assert (first.tool_calls, first.extra) == ((), {})


@pytest.mark.parametrize(
    "events",
    [
        (opened(0, use("a")), opened(1, use("b", "now")), argument('{"x":', 0), argument("{}", 1), argument("1}", 0)),
        (opened(0, use("a")), argument('{"x":1}'), opened(0, use("b", "now")), argument("{}")),
        (opened(None, use("a")), argument('{"x":1}', None), opened(None, use("b", "now")), argument("{}", None)),
        (opened(None, use("a")), opened(None, use("b", "now")), argument('{"x":1}', 0), argument("{}", 1)),
        (opened(4, use("a")), argument('{"x":1}', 4), opened(2, use("b", "now")), argument("{}", 2)),
        (opened(0, use("a", x=1)), opened(1, use("b", "now"))),
        (opened(0, use("a", x=1)), argument('{"x":1}'), opened(1, use("b", "now")), argument("")),
    ],
    ids=[
        "overlapping",
        "one index",
        "no index",
        "indexes on the pieces alone",
        "odd indexes",
        "whole at the start",
        "whole and in pieces",
    ],
)
def test_calls_are_put_together_whatever_their_indexes(events: tuple[Any, ...]) -> None:
    decoded = decode(start(), *events, *ended("tool_use"))
    calls = decoded.completion.first.tool_calls
    assert [(call.id, call.name, call.parsed) for call in calls] == [("a", "weather", {"x": 1}), ("b", "now", {})]
    assert decoded.calls() == [(call.id, call.name, call.arguments) for call in calls]


def test_arguments_that_nobody_opened_are_an_invalid_call() -> None:
    [call] = decode(start(), argument('{"x":1}'), *ended("tool_use")).completion.first.tool_calls
    assert (call.name, call.arguments, call.parsed) == ("", '{"x":1}', None)
    assert call.error is not None


@pytest.mark.parametrize("given", [[1], 5, "words", True])
def test_input_that_is_no_object_is_an_invalid_call(given: Any) -> None:
    [call] = decode_whole(message({**use(), "input": given}, stop="tool_use")).first.tool_calls
    assert (call.parsed, bool(call.error)) == (None, True)


@pytest.mark.parametrize("given", [{}, None, ""])
def test_no_input_is_an_empty_object(given: Any) -> None:
    [call] = decode_whole(message({**use(), "input": given}, stop="tool_use")).first.tool_calls
    assert (call.parsed, call.error) == ({}, None)


def test_a_thought_for_a_block_of_text_gets_a_block_of_its_own() -> None:
    reply = decode(start(), opened(0, {"type": "text", "text": ""}), thought("why"), signed("s1g"), *ended()).completion
    assert reply.first.reasoning_details == ({"type": "thinking", "thinking": "why", "signature": "s1g"},)


def test_calls_without_ids_get_some_that_stay() -> None:
    reply = message({**use(), "id": None}, {**use(), "id": ""}, stop="tool_use")
    ids = [call.id for call in decode_whole(reply).first.tool_calls]
    assert len({*ids, ""}) == 3
    assert [call.id for call in decode_whole(reply).first.tool_calls] == ids


# Why it ended


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "unknown"),
        ("something_new", "unknown"),
    ],
)
def test_the_endpoints_own_word_is_kept_beside_ours(native: str, reason: str) -> None:
    for first in (decode_whole(message(stop=native)).first, decode(*HELLO[:-2], *ended(native)).completion.first):
        assert (first.finish_reason, first.native_finish_reason) == (reason, native)


@pytest.mark.parametrize("junk", [None, "", 5, [5], {}])
def test_no_reason_is_none(junk: Any) -> None:
    first = decode_whole(message(stop=junk)).first
    assert (first.finish_reason, first.native_finish_reason) == (None, None)


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
@pytest.mark.parametrize("pieces", [[], ['{"city": "U']])
def test_arguments_cut_off_make_the_last_call_invalid(reason: str, pieces: list[str]) -> None:
    calls = decode(
        start(), opened(0, use("a")), opened(1, use("b")), *(argument(piece, 1) for piece in pieces), *ended(reason)
    ).completion.first.tool_calls
    assert (calls[0].parsed, calls[0].error) == ({}, None)
    assert calls[1].parsed is None
    assert "cut off" in str(calls[1].error)


# Cut streams


def test_a_stream_may_lack_its_last_event() -> None:
    assert decode(*HELLO[:-1]).completion == decode(*HELLO).completion


def test_a_stream_may_lack_its_reason() -> None:
    decoded = decode(*HELLO[:-2], HELLO[-1])
    assert (decoded.completion.first.text, decoded.completion.first.finish_reason) == ("Hello.", None)


def test_nothing_after_the_last_event_is_read() -> None:
    assert decode(*HELLO, said("no"), failure("api_error")).completion == decode(*HELLO).completion


@pytest.mark.parametrize("count", range(len(HELLO) - 1))
def test_a_stream_without_both_was_cut(count: int) -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        decode(*HELLO[:count])
    assert caught.value.retryable
    partial = caught.value.partial
    assert (partial is None) == (count == 0)
    if partial is not None:
        assert "Hello.".startswith(partial.first.text)
        assert partial.usage is not None


@pytest.mark.parametrize("pieces", [[], [""], ['{"city": "U']])
def test_a_call_in_a_cut_stream_is_not_to_be_trusted(pieces: list[str]) -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        decode(start(), opened(0, use("a")), *map(argument, pieces))
    assert caught.value.partial is not None
    [call] = caught.value.partial.first.tool_calls
    assert (call.arguments, call.parsed) == ("".join(pieces), None)
    assert "cut off" in str(call.error)


@pytest.mark.parametrize("payload", [{}, {"type": "vendor"}, {"id": "x", "choices": []}, {"content": []}, PING])
def test_a_body_that_is_no_message_is_malformed(payload: Any) -> None:
    with pytest.raises(MalformedResponseError, match="no answer"):
        decode_whole(payload)


@pytest.mark.parametrize("payload", [[], "x", 5, None])
def test_what_is_no_object_is_malformed(payload: Any) -> None:
    with pytest.raises(MalformedResponseError, match="not an object"):
        decode_whole(payload)
    with pytest.raises(MalformedResponseError, match="not an object") as caught:
        decode_pieces([sse(*HELLO[:4]), b"data: " + str(payload or "null").replace("x", '"x"').encode() + b"\n\n"])
    assert caught.value.partial is not None
    assert caught.value.partial.first.text == "Hel"


def test_no_blocks_are_an_empty_answer() -> None:
    first = decode_whole(message(content=[])).first
    assert first == Choice(finish_reason="stop", native_finish_reason="end_turn")


@pytest.mark.parametrize("content", [None, {}, 5])
def test_no_content_is_no_answer(content: Any) -> None:
    with pytest.raises(MalformedResponseError, match="no answer"):
        decode_whole(message(content=content))


def test_content_may_be_a_string() -> None:
    assert decode_whole(message(content="Hello.")) == decode_whole(message(text()))
