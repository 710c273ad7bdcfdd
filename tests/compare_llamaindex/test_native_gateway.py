"""The gateway says to the dashscope SDK what the server behind it said, and to the server what the SDK said.

Were it wrong, the column of `DashScope` would be about the gateway.
"""

from __future__ import annotations

import time
from importlib import import_module
from itertools import pairwise
from typing import Any

import pytest
from llama_index_llm_tests import Answer, Call
from llama_index_llm_tests.answers import chunk, counted, failed, stream
from qwen_sandbox import Reply, Sandbox

from tests.compare_llamaindex.native_gateway import point_sdk_at

HI = [{"role": "user", "content": "hi"}]
EVERYTHING = Answer(text="Let me look.", reasoning="It is about weather.", calls=[Call(), Call("pack", "{}", "call-2")])
TOKENS = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}

dashscope: Any = import_module("dashscope")


class Asked:
    """The SDK at a server that gives one reply."""

    def __init__(self, server: Sandbox) -> None:
        self.server = server

    def ask(self, reply: Reply, **parameters: Any) -> Any:
        point_sdk_at(self.server.script_sequence("native", [reply]))
        return dashscope.Generation.call(
            **{"model": "qwen3-32b", "messages": HI, "api_key": "sk-1", "result_format": "message", **parameters}
        )

    def events(self, reply: Reply, **parameters: Any) -> list[Any]:
        return list(self.ask(reply, stream=True, **parameters))

    @property
    def body(self) -> Any:
        return self.server.last_request.json


@pytest.fixture
def sdk(qwen_sandbox: Sandbox) -> Asked:
    return Asked(qwen_sandbox)


def said(event: Any) -> Any:
    return event.output.choices[0].message


def test_a_request_arrives_in_the_other_protocol(sdk: Asked) -> None:
    tool: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    sdk.ask(EVERYTHING.whole(), tools=[tool], temperature=0.5, enable_thinking=True)
    assert sdk.body == {
        "model": "qwen3-32b",
        "messages": HI,
        "tools": [tool],
        "temperature": 0.5,
        "enable_thinking": True,
    }
    assert sdk.server.last_request.headers["authorization"] == "Bearer sk-1"
    assert sdk.server.last_request.path.endswith("/v1/chat/completions")


def test_a_stream_is_asked_for_with_usage(sdk: Asked) -> None:
    sdk.events(EVERYTHING.streamed(), incremental_output=True)
    assert sdk.body == {
        "model": "qwen3-32b",
        "messages": HI,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_whole_answer(sdk: Asked) -> None:
    reply = sdk.ask(EVERYTHING.whole())
    assert (reply.status_code, reply.output.choices[0].finish_reason) == (200, "tool_calls")
    assert (said(reply).content, said(reply).reasoning_content) == ("Let me look.", "It is about weather.")
    assert [call["function"]["name"] for call in said(reply).tool_calls] == ["get_weather", "pack"]
    assert dict(reply.usage) == TOKENS


def test_text_that_is_null_is_empty(sdk: Asked) -> None:
    assert not said(sdk.ask(Answer(calls=[Call()]).whole())).content


def test_the_pieces_of_a_stream(sdk: Asked) -> None:
    events = sdk.events(EVERYTHING.streamed(), incremental_output=True)
    assert "".join(said(event).content for event in events) == "Let me look."
    assert "".join(said(event).get("reasoning_content", "") for event in events) == "It is about weather."
    pieces = [call for event in events for call in said(event).get("tool_calls", [])]
    arguments = ["".join(piece["function"]["arguments"] for piece in pieces if piece["index"] == n) for n in (0, 1)]
    assert arguments == ['{"city": "Paris"}', "{}"]
    assert [event.output.choices[0].finish_reason for event in events[-2:]] == ["null", "tool_calls"]
    assert dict(events[-1].usage) == TOKENS


def test_a_stream_that_repeats_what_it_said(sdk: Asked) -> None:
    events = sdk.events(EVERYTHING.streamed())
    assert said(events[-1]).content == "Let me look."
    assert said(events[-1]).reasoning_content == "It is about weather."
    assert [call["function"]["arguments"] for call in said(events[-1]).tool_calls] == ['{"city": "Paris"}', "{}"]
    texts = [said(event).content for event in events]
    assert all(after.startswith(before) for before, after in pairwise(texts))


def test_a_stream_ends_once_with_its_counts(sdk: Asked) -> None:
    ends = [chunk(finish="length"), chunk(finish="length"), chunk(), counted()]
    *_, before, last = sdk.events(stream(chunk(content="One"), *ends), incremental_output=True)
    assert (said(before).content, before.output.choices[0].finish_reason) == ("One", "null")
    assert (said(last).content, last.output.choices[0].finish_reason) == ("", "length")
    assert dict(last.usage) == TOKENS


def test_counts_that_came_early_are_in_the_last_event(sdk: Asked) -> None:
    reply = stream(chunk(content="One"), counted(), chunk(finish="stop"))
    assert dict(sdk.events(reply, incremental_output=True)[-1].usage) == TOKENS


def test_pictures(sdk: Asked) -> None:
    point_sdk_at(sdk.server.script_sequence("native", [Answer(text="A cat.").whole()]))
    content = [{"image": "http://127.0.0.1/cat.png"}, {"text": "What is it?"}]
    messages = [{"role": "user", "content": content}]
    reply = dashscope.MultiModalConversation.call(model="qwen-vl-max", messages=messages, api_key="sk-1")
    assert said(reply).content == [{"text": "A cat."}]
    assert sdk.body["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "http://127.0.0.1/cat.png"}},
        {"type": "text", "text": "What is it?"},
    ]


@pytest.mark.parametrize("streamed", [False, True])
def test_an_error_status(sdk: Asked, streamed: bool) -> None:
    reply = failed(429, "too fast", code="limit_requests")
    (told,) = sdk.events(reply) if streamed else [sdk.ask(reply)]
    assert (told.status_code, told.code, told.message) == (429, "limit_requests", "too fast")


def test_an_error_inside_a_stream(sdk: Asked) -> None:
    reply = stream(chunk(content="One"), {"error": {"message": "the flux is out", "code": "e1"}})
    first, last = sdk.events(reply, incremental_output=True)
    assert said(first).content == "One"
    assert (last.status_code, last.code, last.message) == (400, "e1", "the flux is out")


def test_a_broken_stream_is_broken(sdk: Asked) -> None:
    reply = stream(chunk(content="One"), done=False, abort=True)
    with pytest.raises(OSError, match=r"ended prematurely|InvalidChunkLength|IncompleteRead"):
        sdk.events(reply, incremental_output=True)


def test_a_client_that_goes_ends_the_stream_behind() -> None:
    with Sandbox(chunk_delay=20) as slow:
        reply = stream(chunk(content="One"), chunk(content="two"))
        events = Asked(slow).ask(reply, stream=True, incremental_output=True)
        assert said(next(events)).content == "One"
        assert slow.open_streams == 1
        del events
        deadline = time.monotonic() + 10
        while slow.open_streams and time.monotonic() < deadline:
            time.sleep(0.01)
        assert slow.open_streams == 0


def test_a_page_is_given_as_it_is(sdk: Asked) -> None:
    reply = sdk.ask(Reply(b"<html>Bad gateway</html>", 502, "text/html"))
    assert (reply.status_code, reply.message) == (502, "<html>Bad gateway</html>")
