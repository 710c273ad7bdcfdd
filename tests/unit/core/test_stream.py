# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import json
from typing import Any

import pytest
from qwen_endpoints import (
    Choice,
    MalformedResponseError,
    QwenError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
)

from .support import (
    HELLO,
    SSE,
    call_piece,
    chunk,
    decode,
    decode_pieces,
    decode_whole,
    endpoint,
    sse_body,
    whole,
    whole_body,
)

# Reasoning


@pytest.mark.parametrize(
    "delta",
    [
        pytest.param({"reasoning_content": "why"}, id="reasoning_content"),
        pytest.param({"reasoning": "why"}, id="reasoning"),
        pytest.param({"reasoning_content": "why", "reasoning": "why"}, id="both, once"),
        pytest.param({"reasoning_content": None, "reasoning": "why"}, id="one null"),
        pytest.param({"reasoning_content": "", "reasoning": "why"}, id="one empty"),
        pytest.param(
            {"reasoning": "why", "reasoning_details": [{"type": "reasoning.text", "text": "why"}]},
            id="a field and details, once",
        ),
        pytest.param({"reasoning_details": [{"type": "reasoning.text", "text": "why"}]}, id="details text alone"),
        pytest.param({"reasoning_details": [{"type": "reasoning.summary", "summary": "why"}]}, id="details summary"),
        pytest.param(
            {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}, {"text": "why"}]}, id="mixed details"
        ),
        pytest.param({"content": "<think>why</think>"}, id="inline tags"),
    ],
)
def test_reasoning_comes_from_whichever_field_has_it_and_is_never_doubled(delta: dict[str, Any]) -> None:
    streamed = decode(chunk({"role": "assistant", **delta}), chunk({"content": "Hi"}), chunk({}, "stop"))
    assert (streamed.reasoning(), streamed.text()) == ("why", "Hi")
    assert (streamed.completion.first.reasoning, streamed.completion.first.text) == ("why", "Hi")
    message = {**delta, "content": delta.get("content", "") + "Hi"}
    assert decode_whole(whole(message)).first.reasoning == "why"


def test_reasoning_and_content_may_share_a_delta() -> None:
    decoded = decode(chunk({"reasoning": "why", "content": "Hi"}), chunk({}, "stop"))
    assert (decoded.reasoning(), decoded.text()) == ("why", "Hi")


@pytest.mark.parametrize("beside", [{}, {"reasoning_details": [{"type": "reasoning.text", "text": "why", "index": 0}]}])
def test_details_after_a_plain_field_add_no_text(beside: dict[str, Any]) -> None:
    decoded = decode(
        chunk({"reasoning": "why", **beside}),
        chunk({"reasoning_details": [{"type": "reasoning.text", "text": "why", "signature": "s", "index": 0}]}),
        chunk({"content": "Hi"}, "stop"),
    )
    assert decoded.reasoning() == decoded.completion.first.reasoning == "why"
    assert [detail["signature"] for detail in decoded.completion.first.reasoning_details] == ["s"]


def test_details_fragments_of_one_block_are_joined_and_others_kept_apart() -> None:
    parts = [
        [{"type": "reasoning.text", "index": 0, "text": "a", "format": None}],
        [{"type": "reasoning.text", "index": 0, "text": "b", "signature": "s"}],
        [{"type": "reasoning.encrypted", "index": 1, "data": "xx", "id": "e"}, {"type": "new", "index": 0, "v": [1]}],
        [{"type": "reasoning.text", "index": 2, "text": "c"}],
        [{"type": "reasoning.text", "text": "d"}, "junk", None, {}],
    ]
    decoded = decode(*(chunk({"reasoning_details": part}) for part in parts), chunk({}, "stop"))
    assert decoded.completion.first.reasoning_details == (
        {"type": "reasoning.text", "index": 0, "text": "ab", "format": None, "signature": "s"},
        {"type": "reasoning.encrypted", "index": 1, "data": "xx", "id": "e"},
        {"type": "new", "index": 0, "v": [1]},
        {"type": "reasoning.text", "index": 2, "text": "c"},
        {"type": "reasoning.text", "text": "d"},
    )
    assert decoded.reasoning() == "abcd"


def test_details_of_a_whole_reply_are_verbatim() -> None:
    details = [{"type": "reasoning.text", "index": 0, "text": text} for text in ("a", "b")]
    assert decode_whole(whole({"content": "Hi", "reasoning_details": details})).first.reasoning_details == tuple(
        details
    )


def test_reasoning_alone_is_no_content() -> None:
    first = decode_whole(whole({"reasoning_content": "too long"}, "length")).first
    assert (first.text, first.reasoning, first.finish_reason) == ("", "too long", "length")


# Content


@pytest.mark.parametrize("content", [{}, {"content": None}, {"content": ""}, {"content": []}], ids=repr)
def test_absent_null_and_empty_content_are_one_thing(content: dict[str, Any]) -> None:
    assert decode_whole(whole({"role": "assistant", **content})).first == Choice(text="", finish_reason="stop")
    streamed = decode(chunk({"role": "assistant", **content}), chunk({**content}, "stop"))
    assert streamed.completion.first == Choice(text="", finish_reason="stop")


def test_content_in_parts_is_joined() -> None:
    parts = [{"type": "text", "text": "Hel"}, "lo", {"type": "other"}, None]
    assert decode_whole(whole({"content": parts})).first.text == "Hello"


def test_a_role_alone_gives_no_delta() -> None:
    assert len(decode(chunk({"role": "assistant", "content": ""}), chunk({}, "stop")).deltas) == 1


def test_refusals_and_unknown_fields_are_kept() -> None:
    completion = decode_whole(whole({"content": None, "refusal": "No.", "audio": {"id": 1}}, service_tier="x", cost=1))
    assert completion.first.refusal == "No."
    assert completion.first.extra == {"audio": {"id": 1}}
    assert completion.extra == {"service_tier": "x", "cost": 1}
    assert (completion.id, completion.model, completion.created) == ("r-1", "m", 11)


def test_logprobs_are_joined() -> None:
    pieces = [
        {"choices": [{"index": 0, "delta": {"content": word}, "logprobs": {"content": [{"token": word}]}}]}
        for word in ("a", "b")
    ]
    end = {"choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]}
    assert decode(*pieces, end).completion.first.logprobs == {"content": [{"token": "a"}, {"token": "b"}]}


# Finish reasons


@pytest.mark.parametrize(
    ("raw", "reason", "native"),
    [
        ("stop", "stop", None),
        ("length", "length", None),
        ("tool_calls", "tool_calls", None),
        ("content_filter", "content_filter", None),
        ("eos", "stop", "eos"),
        ("function_call", "tool_calls", "function_call"),
        ("max_tokens", "length", "max_tokens"),
        ("STOP", "stop", "STOP"),
        ("sensitive", "content_filter", "sensitive"),
        ("brand new", "unknown", "brand new"),
        (None, None, None),
        ("", None, None),
        (7, None, None),
    ],
)
def test_finish_reasons_are_mapped_and_the_native_word_kept(raw: Any, reason: str | None, native: str | None) -> None:
    first = decode_whole(whole(finish=raw)).first
    assert (first.finish_reason, first.native_finish_reason) == (reason, native)


def test_the_upstreams_own_finish_reason_is_kept() -> None:
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "native_finish_reason": "end_turn"}]}
    first = decode(chunk({"content": "Hi"}), end).completion.first
    assert (first.finish_reason, first.native_finish_reason) == ("stop", "end_turn")


def test_a_repeated_finish_reason_is_one_and_the_last_wins() -> None:
    again = decode(chunk({"content": "Hi"}), chunk({}, "stop"), chunk({"content": ""}, "stop"), chunk({}))
    assert again.completion.first.finish_reason == "stop"
    last = decode(chunk({"content": "Hi"}), chunk({}, "stop"), chunk({}, "length"), chunk({}, ""))
    assert last.completion.first.finish_reason == "length"


# Choices


def several(index: int, text: str, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]}


def test_several_choices_stay_apart() -> None:
    decoded = decode(
        several(0, "a"),
        several(1, "x"),
        several(0, "b", "stop"),
        several(1, "y", "length"),
        {"choices": [], "usage": {}},
    )
    assert [(choice.index, choice.text, choice.finish_reason) for choice in decoded.completion.choices] == [
        (0, "ab", "stop"), (1, "xy", "length"),
    ]  # fmt: skip
    assert (decoded.text(0), decoded.text(1)) == ("ab", "xy")
    messages = [{"message": {"content": text}, "finish_reason": "stop"} for text in ("a", "b")]
    assert [choice.text for choice in decode_whole({"choices": messages}).choices] == ["a", "b"]


def test_every_choice_needs_its_own_end() -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        decode(several(0, "a", "stop"), several(1, "x"), done=False)
    assert caught.value.partial is not None
    assert [choice.text for choice in caught.value.partial.choices] == ["a", "x"]


# How a stream ends


def test_done_without_a_finish_reason_is_an_end() -> None:
    assert decode(chunk({"content": "Hi"})).completion.first == Choice(text="Hi")


def test_a_finish_reason_without_done_is_an_end() -> None:
    assert decode(*HELLO, done=False).completion.first.text == "Hello."


def test_nothing_after_done_matters() -> None:
    stream = sse_body(*HELLO) + b'data: [DONE]\n\ndata: {"error": "late"}\n\n<html>'
    assert decode_pieces([stream]).completion.first.text == "Hello."


@pytest.mark.parametrize("mark", [b"data:[DONE]\n\n", b"data:  [DONE]\n\n", b"data: [DONE]", b"data: [DONE]\r\n"])
def test_done_is_recognised_however_it_is_spaced(mark: bytes) -> None:
    assert decode_pieces([sse_body(chunk({"content": "Hi"}), done=False) + mark]).text() == "Hi"


def test_a_cut_stream_is_an_error_that_holds_what_arrived() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    with pytest.raises(StreamInterruptedError) as caught:
        decode(chunk({"reasoning": "why", "content": "Hel"}, usage=usage), done=False)
    partial = caught.value.partial
    assert partial is not None
    assert (partial.first.text, partial.first.reasoning) == ("Hel", "why")
    assert partial.usage is not None
    assert caught.value.retryable


@pytest.mark.parametrize("body", [b"", b"\n\n", b": PING\n\n", b"event: x\n\n"])
def test_a_stream_that_says_nothing_was_interrupted(body: bytes) -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        decode_pieces([body])
    assert caught.value.partial is None


def test_done_alone_is_no_answer() -> None:
    with pytest.raises(MalformedResponseError):
        decode()


# Errors inside a reply that claimed success


def failing(body: bytes, content_type: str = SSE) -> QwenError:
    with pytest.raises(QwenError) as caught:
        decode_pieces([body], content_type=content_type)
    return caught.value


ERROR = {"error": {"message": "Slow down", "code": 429}}
STARTED = sse_body(chunk({"content": "Hel"}), done=False)


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(sse_body(ERROR), id="an error event"),
        pytest.param(sse_body({**ERROR, "choices": []}), id="an error event with empty choices"),
        pytest.param(sse_body({**ERROR, "choices": [{"delta": {}, "finish_reason": "error"}]}), id="beside a choice"),
        pytest.param(b'error: {"message": "Slow down", "code": 429}\n\n', id="an error line"),
        pytest.param(b'error: {"error": {"message": "Slow down", "code": "429"}}', id="an error line at the end"),
        pytest.param(sse_body({"code": "429", "message": "Slow down"}), id="a flat error event"),
        pytest.param(b": PING\n\n" + json.dumps(ERROR).encode(), id="a bare error body after a keep-alive"),
        pytest.param(b"event: error\n" + sse_body(ERROR), id="a named event"),
        pytest.param(sse_body({"choices": [{"index": 0, "delta": {}, **ERROR}]}), id="inside the choice"),
    ],
)
def test_an_error_in_mid_stream_is_raised_with_what_had_arrived(tail: bytes) -> None:
    error = failing(STARTED + tail)
    assert type(error) is RateLimitError
    assert error.message == "Slow down"
    assert error.status == 429
    assert error.partial is not None
    assert error.partial.first.text == "Hel"


def test_what_comes_in_the_chunk_of_the_error_is_not_lost() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    last = {**chunk({"content": "lo"}, usage=usage), **ERROR}
    error = failing(STARTED + sse_body(last))
    assert error.partial is not None
    assert error.partial.first.text == "Hello"
    assert error.partial.usage is not None


def test_a_finish_reason_error_without_words_is_a_server_error() -> None:
    assert type(failing(STARTED + sse_body(chunk({}, "error")))) is ServerError


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Slow down", "code": 429}},
        {"error": {"message": "Slow down", "code": 429}, "choices": None},
        {"error": "Slow down", "code": 429, "type": "rate_limit"},
        {"code": "Throttling.RateQuota", "message": "Slow down", "request_id": "q"},
    ],
    ids=["wrapped", "choices null", "text", "native DashScope"],
)
def test_an_error_with_status_200_is_an_error(body: Any) -> None:
    for error in (failing(json.dumps(body).encode(), "application/json"), failing(sse_body(body))):
        assert type(error) is RateLimitError
        assert error.message == "Slow down"
        assert error.partial is None


@pytest.mark.parametrize(
    "body", [{"choices": None}, {"choices": []}, {"choices": [None]}, {}, {"id": "x"}, {"choices": "?"}], ids=repr
)
def test_a_whole_reply_without_choices_is_malformed(body: Any) -> None:
    assert type(failing(json.dumps(body).encode(), "application/json")) is MalformedResponseError


@pytest.mark.parametrize("value", [None, [], "x", 3, True, [chunk()]], ids=repr)
def test_json_that_is_no_object_is_malformed(value: Any) -> None:
    assert type(failing(json.dumps(value).encode(), "application/json")) is MalformedResponseError
    assert type(failing(STARTED + sse_body(value))) is MalformedResponseError


@pytest.mark.parametrize("label", ["text/html; charset=utf-8", "application/json", "", "text/plain"])
def test_a_web_page_is_named_as_such(label: str) -> None:
    error = failing(b"<!DOCTYPE html>\n<html><body>Bad gateway</body></html>", label)
    assert type(error) is MalformedResponseError
    assert "web page" in error.message
    assert endpoint().base_url in error.message
    assert isinstance(error.body, str)


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_an_empty_body_is_named_as_such(body: bytes) -> None:
    error = failing(body, "application/json")
    assert type(error) is MalformedResponseError
    assert "empty" in error.message


@pytest.mark.parametrize("body", [b"{", b'{"choices": [', b"nonsense", b'{"a": 1}}', b"\xff\xfe\xfa"])
def test_broken_json_is_malformed(body: bytes) -> None:
    assert type(failing(body, "application/json")) is MalformedResponseError
    assert type(failing(STARTED + b"data: " + body + b"\n\n")) is MalformedResponseError


@pytest.mark.parametrize("nested", ['{"choices":' + "[" * 100_000, '{"error":' + '{"a":' * 600 + "1" + "}" * 601])
def test_nesting_beyond_reason_is_an_error_of_ours(nested: str) -> None:
    failing(nested.encode(), "application/json")
    failing(f"data: {nested}\n\n".encode())
    failing(f"error: {nested}\n\n".encode())


def test_nested_content_parts_beyond_reason_are_an_error_of_ours() -> None:
    depth = 20_000  # more than any Python's parser or ours goes into
    content = '{"choices":[{"message":{"content":' + '[{"text":' * depth + '"x"' + "}]" * depth + "}}]}"
    assert type(failing(content.encode(), "application/json")) is MalformedResponseError


# Replies that are not what was asked for or labelled


@pytest.mark.parametrize(
    "label", ["application/json", "text/event-stream", "", "text/plain", "application/octet-stream"]
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "byte order mark"])
def test_the_body_decides_what_it_is_not_the_label(label: str, mark: bytes) -> None:
    events = decode_pieces([mark + sse_body(*HELLO)], content_type=label)
    json_ = decode_pieces([mark + whole_body()], content_type=label)
    assert events.completion.first == json_.completion.first
    if not (mark and label == SSE):
        assert events.text() == json_.text() == "Hello."


@pytest.mark.parametrize("start", [b": OPENROUTER PROCESSING\n\n", b"event: message\n", b"\n\n", b"id: 1\n"])
def test_unlabelled_events_may_start_with_other_lines(start: bytes) -> None:
    assert decode_pieces([start + sse_body(*HELLO)], content_type="text/plain").text() == "Hello."


def test_a_call_with_text_and_reasoning_keeps_all_three() -> None:
    message = {"reasoning": "why", "content": "Let me look.", "tool_calls": [call_piece("{}", id="c", name="f")]}
    first = decode_whole(whole(message, "tool_calls")).first
    assert (first.reasoning, first.text, len(first.tool_calls)) == ("why", "Let me look.", 1)
