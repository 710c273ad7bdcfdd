"""What tracers and logs make of a call: OpenTelemetry spans with the GenAI names, and log records."""

# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from qwen_endpoints import AuthenticationError, QwenError

from tests.unit.llamaindex.watching import CHATS, STREAMS, ask, each_way
from tests.unit.spans import Spans, genai, spans_in_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox


# The instrumentor dumps metadata in pydantic's old way; as an error that would end its span unseen.
instrumented = pytest.mark.filterwarnings("default::DeprecationWarning")


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


@pytest.fixture
def spans() -> Iterator[Spans]:
    with spans_in_memory("openinference.instrumentation.llama_index", "LlamaIndexInstrumentor") as ended:
        yield ended


@instrumented
@each_way
async def test_a_span_says_who_was_asked_what_and_how_it_went(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, spans: Spans, way: str
) -> None:
    await ask(make_llm(temperature=0.5, enable_thinking=True), way, "What is 2 + 3?", stop=["END"])
    (span,) = spans()
    expected = {
        "operation.name": "chat" if way in CHATS else "text_completion",
        "request.model": "qwen3.6-flash",
        "response.finish_reasons": ("stop",),
        "usage.input_tokens": 10,
        "usage.output_tokens": 41,
        "usage.cache_read.input_tokens": 0,
        "input.messages": [{"role": "user", "parts": [{"type": "text", "content": "What is 2 + 3?"}]}],
    }
    told = genai(span)
    assert {name: told.get(name) for name in expected} == expected
    assert span.attributes["output.value"].endswith("2 + 3 = 5")
    assert span.attributes["llm.token_count.completion_details.reasoning"] == 34
    assert span.status.is_ok
    assert [event.name for event in span.events] == ["First Token Stream Event"] * (way in STREAMS)
    assert qwen_sandbox.api_key not in span.to_json()


@instrumented
@pytest.mark.parametrize("way", CHATS)
async def test_tool_calls(make_llm: Callable[..., Qwen], spans: Spans, way: str) -> None:
    await ask(make_llm(), way, "What is 6 times 7?", tools=[FunctionTool.from_defaults(multiply)])
    (span,) = spans()
    told = genai(span)
    assert told["response.finish_reasons"] == ("tool_call",)
    assert told["tool.definitions"][0]["name"] == "multiply"
    ((call,),) = [message["parts"] for message in told["output.messages"]]
    assert (call["type"], call["name"], call["arguments"]) == ("tool_call", "multiply", {"a": 6, "b": 7})


@instrumented
@each_way
async def test_a_failure(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, spans: Spans, way: str) -> None:
    with pytest.raises(AuthenticationError):
        await ask(make_llm(max_retries=0), way, "[[sandbox:401]]")
    (span,) = spans()
    assert not span.status.is_ok
    assert "AuthenticationError" in str(span.status.description)
    assert genai(span)["request.model"] == "qwen3.6-flash"
    assert qwen_sandbox.api_key not in span.to_json()


def test_what_readers_of_raw_replies_look_for(llm: Qwen) -> None:
    """Tracers and evaluators read the names of Chat Completions there, whichever class answered."""
    raw: Any = llm.chat([ChatMessage("What is 2 + 3?")]).raw
    assert (raw["model"], raw["finish_reason"]) == ("qwen3.6-flash", "stop")
    assert raw["id"]
    assert {"prompt_tokens", "completion_tokens", "total_tokens"} <= raw["usage"].keys()


@each_way
async def test_log_records(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    caplog.set_level(logging.DEBUG)
    llm = make_llm(max_retries=0)
    await ask(llm, way, "Say exactly: red")
    with pytest.raises(QwenError):
        await ask(llm, way, "[[sandbox:500]]")
    ours = [record for record in caplog.records if record.name == "qwen_endpoints"]
    assert [record.__dict__["qwen"]["event"] for record in ours] == ["sent", "begun", "ended", "sent", "failed"]
    assert ours[0].__dict__["qwen"]["streamed"] is (way in STREAMS)
    assert "red" not in "".join(record.getMessage() for record in ours)
    assert qwen_sandbox.api_key not in caplog.text
