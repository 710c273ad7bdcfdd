"""What each reply in `tests/fixtures/replies` must be read as; its README.md says what is special about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from tests.contract.views import NOTHING, CallView, ErrorView, View

MODEL: Final = "qwen3-32b"
_TEMPLATE_OPENS: Final = {"provider": "vllm", "model": "qwen3-235b-a22b-thinking-2507"}

SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "think_no_opener.json": _TEMPLATE_OPENS,
    "think_no_opener.jsonl": _TEMPLATE_OPENS,
    "think_no_opener_cut.json": _TEMPLATE_OPENS,
    "think_no_opener_off.json": _TEMPLATE_OPENS,
    "think_no_opener_parsed.jsonl": _TEMPLATE_OPENS,
}
"""Settings other than the usual ones."""

CONTENT_TYPES: Final = {
    "labelled_plain.sse": "text/plain; charset=utf-8",
    "labelled_html.json": "text/html",
    "html_page.json": "text/html",
    "error_502_page.json": "text/html",
}
"""Content types other than the usual ones."""

COUNTS: Final = {"input": 10, "output": 5, "total": 15}
HI: Final = View(text="Hi")
PARIS: Final = View(text="It is Paris.", reasoning="France? Paris.")
THOUGHT: Final = View(text="It is Paris.", reasoning="\nFrance? Paris.\n")


def weather(city: str = "Paris", call_id: str = "call-a") -> CallView:
    return CallView(id=call_id, name="get_weather", arguments={"city": city})


def time(call_id: str, **arguments: str) -> CallView:
    return CallView(id=call_id, name="get_time", arguments=arguments)


def invalid(arguments: str, error: str, *, call_id: str = "call-a", name: str = "get_weather") -> CallView:
    return CallView(id=call_id, name=name, arguments=arguments, error=error)


def calls(*valid: CallView, **more: Any) -> View:
    return replace(View(calls=valid, finish="tool_calls"), **more)


def failure(kind: str, message: str, **more: Any) -> View:
    return replace(NOTHING, error=ErrorView(kind=kind, message=message, **more))


CUT: Final = "the answer was cut off while the arguments were being written"
NOT_JSON: Final = "the arguments are not valid JSON"
SO_FAR: Final = View(text="It is ", finish=None)

EXPECTED: Final[Mapping[str, View]] = {
    # Reasoning
    "reasoning_content.jsonl": PARIS,
    "reasoning_content.json": PARIS,
    "reasoning.jsonl": replace(PARIS, reasoned_in="reasoning"),
    "reasoning_details.jsonl": replace(
        PARIS, details=({"type": "reasoning.text", "text": "France? Paris.", "format": "unknown", "index": 0},)
    ),
    "reasoning_and_details.jsonl": replace(
        PARIS, reasoned_in="reasoning", details=({"type": "reasoning.text", "text": "France? Paris.", "index": 0},)
    ),
    "reasoning_two_names.json": PARIS,
    "reasoning_encrypted.json": View(
        text="It is Paris.",
        reasoning="France.",
        details=(
            {"type": "reasoning.summary", "summary": "France.", "id": "rs-1"},
            {"type": "reasoning.encrypted", "data": "b64==", "id": "rs-2"},
        ),
    ),
    "reasoning_only.json": View(reasoning="Hm, France", finish="length"),
    "think_inline.jsonl": THOUGHT,
    "think_inline.json": THOUGHT,
    "think_empty.json": View(text="It is Paris.", reasoning="\n\n"),
    "think_later.json": View(text="HTML knows no <think>tag</think>."),
    "think_cut.jsonl": View(reasoning="France? Par", finish="length"),
    "think_no_opener.jsonl": PARIS,
    "think_no_opener.json": PARIS,
    "think_no_opener_cut.json": View(reasoning="France? Par", finish="length"),
    "think_no_opener_off.json": View(text="It is Paris."),
    "think_no_opener_parsed.jsonl": replace(PARIS, reasoned_in="reasoning"),
    # Content
    "content_absent.json": calls(time("call-a")),
    "content_null.json": View(),
    "content_empty.jsonl": HI,
    "content_parts.json": View(text="It is Paris."),
    "unicode.jsonl": View(text="你好，世界 👩‍💻\u2028naïve"),
    # Finish reasons
    "finish_twice.jsonl": View(text="Hi", native="stop", usage=COUNTS),
    "finish_native.json": View(text="Hi", native="end_turn"),
    "finish_eos.json": View(text="Hi", native="eos"),
    "finish_odd.json": View(text="Hi", finish="unknown", native="out_of_luck"),
    "finish_filter.json": View(text="Once upon", finish="content_filter"),
    "finish_null.jsonl": View(text="Hi", finish=None),
    # Usage
    "usage_empty_choices.jsonl": View(text="Hi", usage={**COUNTS, "cached": 4, "reasoning": 2}),
    "usage_last_choice.jsonl": View(text="Hi", usage=COUNTS),
    "usage_every_chunk.jsonl": View(text="Hi there", usage=COUNTS),
    "usage_twice.jsonl": View(text="Hi", usage=COUNTS),
    "usage_x_groq.jsonl": View(
        text="Hi",
        usage=COUNTS,
        extra={"x_groq": {"id": "req-1", "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}},
    ),
    "usage_in_choice.jsonl": View(text="Hi", usage=COUNTS),
    "usage_nulls.json": View(text="Hi", usage=COUNTS),
    "usage_clamped.json": View(text="Hi", usage={**COUNTS, "reasoning": 5}),
    "usage_odd_numbers.json": View(text="Hi", usage={**COUNTS, "cached": 0}),
    "usage_details.json": View(
        text="Hi",
        usage={"input": 100, "output": 20, "total": 120, "cached": 10, "cache_write": 5, "audio": 0, "reasoning": 12},
        modalities={"text": 40, "image": 30, "video": 15},
    ),
    # Tool calls
    "calls_split.jsonl": calls(weather()),
    "calls_split_parallel.jsonl": calls(weather(), weather("London", "call-b")),
    "calls_interleaved.jsonl": calls(weather(), time("call-b", zone="CET")),
    "calls_repeated_id.jsonl": calls(weather()),
    "calls_empty_id.jsonl": calls(weather()),
    "calls_empty_name.jsonl": calls(weather()),
    "calls_repeated_name.jsonl": calls(weather()),
    "calls_index_0_ids.jsonl": calls(weather(), weather("London", "call-b")),
    "calls_index_0_no_ids.jsonl": calls(weather("Paris", "made up 1"), weather("London", "made up 2")),
    "calls_index_drift.jsonl": calls(weather()),
    "calls_no_index.jsonl": calls(weather(), time("call-b")),
    "calls_one_chunk.jsonl": calls(weather(), time("call-b")),
    "calls_identical.jsonl": calls(weather(), weather("Paris", "call-b")),
    "calls_same_id.json": calls(weather(), weather("London", "made up 1")),
    "calls_no_ids.json": calls(weather("Paris", "made up 1"), weather("London", "made up 2")),
    "calls_no_ids.jsonl": calls(weather("Paris", "made up 1"), weather("London", "made up 2")),
    "calls_dict_arguments.json": calls(weather("Zürich")),
    "calls_empty_arguments.jsonl": calls(time("call-a"), time("call-b"), time("call-c")),
    "calls_cut.jsonl": View(invalid=(invalid('{"city": "Par', CUT),), finish="length"),
    "calls_cut_before_arguments.jsonl": View(invalid=(invalid("", CUT),), finish="length"),
    "calls_second_cut.jsonl": calls(
        weather(), invalid=(invalid('{"city": "Lon', CUT, call_id="call-b"),), finish="length"
    ),
    "calls_not_an_object.json": calls(invalid=(invalid('["Paris"]', "the arguments are JSON, but not an object"),)),
    "calls_broken.json": calls(invalid=(invalid('{"city": "Paris"}}', NOT_JSON),)),
    "calls_broken.jsonl": calls(invalid=(invalid('{"city": "Paris"}}', NOT_JSON),)),
    "calls_no_name.json": calls(invalid=(invalid('{"city": "Paris"}', "the endpoint sent no function name", name=""),)),
    "calls_with_text.jsonl": calls(weather(), text="Let me look.", reasoning="I need the weather."),
    "calls_blank_text.jsonl": calls(weather(), reasoning="I need the weather."),
    "calls_finish_stop.json": calls(weather(), finish="stop"),
    # Several choices
    "choices_two.jsonl": View(text="Hello", usage=COUNTS, others=(replace(NOTHING, text="Good day", finish="length"),)),
    "choices_two.json": View(
        text="Hello", usage=COUNTS, others=(replace(NOTHING, text="Good day", reasoning="Hm.", finish="length"),)
    ),
    "choices_null.json": failure("MalformedResponseError", "The reply holds no answer (no `choices`)."),
    "choices_empty.json": failure(
        "MalformedResponseError",
        "The reply holds no answer (no `choices`).",
        partial=View(usage=COUNTS, finish=None),
    ),
    # Errors before an answer
    "error_in_200.json": failure("ServerError", "The upstream is down", code="do_request_failed", retryable=True),
    "rate_limit_in_200.json": failure(
        "RateLimitError", "Provider returned error: try again shortly", status=429, code="429", retryable=True
    ),
    "error_400_flat.json": failure("InvalidRequestError", "temperature is out of range", status=400, code="400"),
    "error_400_context.json": failure(
        "ContextOverflowError",
        "This model's maximum context length is 4096 tokens",
        status=400,
        code="context_length_exceeded",
    ),
    "error_401_key.json": failure(
        "AuthenticationError",
        "Incorrect API key provided",
        status=401,
        code="invalid_api_key",
        request_id="req-1",
    ),
    "error_403_quota.json": failure(
        "QuotaExhaustedError",
        "用户额度不足 (request id: 2025abcdef)",
        status=403,
        code="insufficient_user_quota",
        request_id="2025abcdef",
    ),
    "error_429_busy.json": failure(
        "RateLimitError", "Requests rate limit exceeded", status=429, code="limit_requests", retryable=True
    ),
    "error_502_page.json": failure(
        "ServerError", "<html><body>502 Bad Gateway</body></html>", status=502, retryable=True
    ),
    "html_page.json": failure(
        "MalformedResponseError",
        "The endpoint sent a web page instead of a reply: '<!DOCTYPE html> <html><body>Sign in</body></html>'. "
        "Check base_url='URL'.",
    ),
    "empty.json": failure("MalformedResponseError", "The endpoint sent an empty reply."),
    "not_json.json": failure(
        "MalformedResponseError", "The endpoint sent something that is not JSON: 'Service ready.'."
    ),
    "not_an_object.json": failure("MalformedResponseError", "The endpoint sent JSON that is not an object."),
    # Errors within an answer
    "error_frame.sse": failure(
        "ServerError", "The upstream broke off", status=502, code="502", retryable=True, partial=SO_FAR
    ),
    "error_line.sse": failure("ServerError", "slot lost", status=500, code="500", retryable=True, partial=SO_FAR),
    "error_finish.sse": failure(
        "ServerError",
        "The provider failed",
        status=500,
        code="500",
        retryable=True,
        partial=replace(SO_FAR, finish="unknown", native="error"),
    ),
    "cut.sse": failure(
        "StreamInterruptedError",
        "The stream ended without a finish reason and without [DONE]: it was cut off.",
        retryable=True,
        partial=SO_FAR,
    ),
    "cut_in_event.sse": failure(
        "StreamInterruptedError",
        "The stream ended without a finish reason and without [DONE]: it was cut off.",
        retryable=True,
        partial=SO_FAR,
    ),
    "cut_in_call.sse": failure(
        "StreamInterruptedError",
        "The stream ended without a finish reason and without [DONE]: it was cut off.",
        retryable=True,
        partial=View(invalid=(invalid('{"city": "Par', CUT),), finish=None),
    ),
    # The wire
    "no_end_mark.sse": HI,
    "no_blank_line.sse": HI,
    "keep_alive.sse": HI,
    "no_space.sse": HI,
    "crlf.sse": HI,
    "bom.sse": HI,
    "after_end.sse": HI,
    "labelled_plain.sse": HI,
    "labelled_html.json": HI,
    # The rest
    "logprobs.jsonl": View(text="Hi!", tokens=(("Hi", -0.5), ("!", -0.25))),
    "logprobs.json": View(text="Hi!", tokens=(("Hi", -0.5), ("!", -0.25))),
    "refusal.jsonl": View(refusal="I cannot help with that."),
    "unknown_fields.jsonl": View(
        text="Hi",
        extra={"system_fingerprint": "fp-1", "provider": "Upstream", "timings": {"ms": 7}, "cost": {"usd": 0.5}},
        message_extra={"annotations": [{"url": "a"}, {"url": "b"}]},
    ),
    # Documented samples
    "documented_anyfast_cn.json": View(id="chatcmpl-abc123", text="你好！", usage=COUNTS),
    "error_400_anyfast_cn.json": failure(
        "InvalidRequestError", "max_tokens must be between 1 and 8192", status=400, code="invalid_parameter"
    ),
    "documented_anyfast.json": View(
        id="<string>",
        model="<string>",
        text="你好!",
        reasoning="<string>",
        finish=None,
        usage={"input": 123, "output": 123, "total": 123, "cached": 123},
        modalities={"text": 123, "image": 123, "video": 123},
    ),
    "documented_wcode_text.json": View(
        id="chatcmpl-1",
        model="qwen/qwen3-235b-a22b",
        text="你好!\n\n**核心功能:** 对话",
        reasoning="\n嗯,用户让我介绍一下自己。\n",
        reasoned_in="reasoning",
        native="stop",
        usage={"input": 13, "output": 559, "total": 572},
    ),
    "documented_wcode_vision.json": View(
        id="chatcmpl-2",
        model="qwen/qwen3-vl-32b-instruct",
        text="你好!😊",
        native="stop",
        usage={"input": 12, "output": 141, "total": 153, "cached": 0},
    ),
}
