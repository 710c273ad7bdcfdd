"""What tracers and logs make of a call: OpenTelemetry spans with the GenAI names, LangSmith's runs, log records."""

# ruff: noqa: PLC0415 - instrumentors are optional and imported by the tests that need them
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import json
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import Runnable
from langchain_qwen import AuthenticationError, QwenError
from typing_extensions import override

from tests.unit.langchain.conftest import Chats, chunk
from tests.unit.spans import Spans, genai, spans_in_memory

Way = Callable[[Any, str], Awaitable[Any]]


async def invoke(llm: Any, question: str) -> Any:
    return llm.invoke(question)


async def ainvoke(llm: Any, question: str) -> Any:
    return await llm.ainvoke(question)


async def stream(llm: Any, question: str) -> Any:
    return list(llm.stream(question))


async def astream(llm: Any, question: str) -> Any:
    return [piece async for piece in llm.astream(question)]


each_way = pytest.mark.parametrize("way", [invoke, ainvoke, stream, astream])


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


# OpenTelemetry


@pytest.fixture
def spans() -> Iterator[Spans]:
    with spans_in_memory("openinference.instrumentation.langchain", "LangChainInstrumentor") as ended:
        yield ended


def shown(spans: list[Any]) -> str:
    return "".join(span.to_json() for span in spans)


@each_way
async def test_a_span_says_who_was_asked_what_and_how_it_went(chats: Chats, spans: Spans, way: Way) -> None:
    llm = chats.at("flash", temperature=0.5, top_p=0.9, stop=["END"], enable_thinking=True)
    await way(llm, "What is 2 + 3?")
    await llm.aclose()
    (span,) = spans()
    told = genai(span)
    expected = {
        "operation.name": "chat",
        "provider.name": "qwen",
        "request.model": "qwen3.6-flash",
        "request.temperature": 0.5,
        "request.top_p": 0.9,
        "request.stop_sequences": ("END",),
        "response.finish_reasons": ("stop",),
        "usage.input_tokens": 10,
        "usage.output_tokens": 41,
        "input.messages": [{"role": "user", "parts": [{"type": "text", "content": "What is 2 + 3?"}]}],
        "output.messages": [
            {"role": "assistant", "parts": [{"type": "text", "content": "2 + 3 = 5"}], "finish_reason": "stop"}
        ],
    }
    assert {name: told.get(name) for name in expected} == expected
    assert span.attributes["llm.token_count.completion_details.reasoning"] == 34
    assert json.loads(span.attributes["llm.invocation_parameters"])["provider"] == "anyfast"
    assert span.status.is_ok
    assert chats.sandbox.api_key not in shown([span])


@pytest.mark.parametrize("way", [invoke, stream])
async def test_cached_tokens(chats: Chats, spans: Spans, way: Way) -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 5,
        "total_tokens": 105,
        "prompt_tokens_details": {"cached_tokens": 60},
    }
    await way(chats.streaming(chunk(content="Yes."), {**chunk("stop"), "usage": usage}), "hi")
    (span,) = spans()
    told = genai(span)
    assert (told["usage.input_tokens"], told["usage.cache_read.input_tokens"]) == (100, 60)


@each_way
async def test_tool_calls(chats: Chats, spans: Spans, way: Way) -> None:
    llm = chats.at("flash")
    await way(llm.bind_tools([multiply]), "What is 6 times 7?")
    await llm.aclose()
    (span,) = spans()
    told = genai(span)
    assert told["response.finish_reasons"] == ("tool_call",)
    assert told["tool.definitions"][0]["name"] == "multiply"
    ((call,),) = [message["parts"] for message in told["output.messages"]]
    assert (call["type"], call["name"], call["arguments"]) == ("tool_call", "multiply", {"a": 6, "b": 7})


@each_way
async def test_a_failure(chats: Chats, spans: Spans, way: Way) -> None:
    llm = chats.at("flash", max_retries=0)
    with pytest.raises(AuthenticationError):
        await way(llm, "[[sandbox:401]]")
    await llm.aclose()
    (span,) = spans()
    assert not span.status.is_ok
    (event,) = span.events
    assert event.attributes["exception.type"].endswith("AuthenticationError")
    assert "HTTP 401" in event.attributes["exception.stacktrace"]
    assert genai(span)["request.model"] == "qwen3.6-flash"
    assert chats.sandbox.api_key not in shown([span])


async def test_a_call_within_a_chain_is_a_span_within_a_span(chats: Chats, spans: Spans) -> None:
    chain: Runnable[Any, str] = chats.at("flash") | StrOutputParser()
    assert chain.invoke("What is 2 + 3?") == "2 + 3 = 5"
    llm, *_, whole = sorted(spans(), key=lambda span: span.parent is None)
    assert whole.context.span_id in {span.parent.span_id for span in spans() if span.parent}
    assert llm.context.trace_id == whole.context.trace_id


# LangSmith


class _Collector:
    """Takes runs as LangSmith does, on a port of this machine."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        runs = self.runs

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name is http.server's
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name = body.get("id") or self.path.rpartition("/")[2]
                runs[name] = {**runs.get(name, {}), **body}
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_PATCH = do_POST  # noqa: N815 - as do_POST

            @override
            def log_message(self, format: str, *args: Any) -> None:  # the name is http.server's
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def langsmith() -> Iterator[tuple[_Collector, Any]]:
    from langchain_core.tracers.langchain import LangChainTracer
    from langsmith import Client

    collector = _Collector()
    client = Client(api_url=collector.url, api_key="local", auto_batch_tracing=False)
    yield collector, LangChainTracer(client=client)
    client.cleanup()
    client.session.close()
    collector.close()


@pytest.mark.parametrize("way", [invoke, stream])
async def test_a_run_at_langsmith(chats: Chats, langsmith: tuple[_Collector, Any], way: Way) -> None:
    collector, tracer = langsmith
    llm = chats.at("flash", temperature=0.5, stop="END", enable_thinking=True)
    await way(llm.with_config(callbacks=[tracer]), "What is 2 + 3?")
    tracer.wait_for_futures()
    (run,) = collector.runs.values()
    metadata = run["extra"]["metadata"]
    wanted = {"ls_provider": "qwen", "ls_model_name": "qwen3.6-flash", "ls_model_type": "chat", "ls_temperature": 0.5}
    assert wanted.items() <= metadata.items()
    assert {"input_tokens": 10, "output_tokens": 41}.items() <= metadata["usage_metadata"].items()
    assert metadata["usage_metadata"]["output_token_details"] == {"reasoning": 34}
    ((answer,),) = run["outputs"]["generations"]
    assert answer["text"] == "2 + 3 = 5"
    assert metadata["ls_stop"] == ["END"]
    assert answer["message"]["kwargs"]["response_metadata"]["provider"] == "anyfast"
    assert chats.sandbox.api_key not in json.dumps(run)


# What callbacks read beside the messages


def test_a_result_names_its_reply(chats: Chats) -> None:
    heard: list[Any] = []

    class Listening(BaseCallbackHandler):
        @override
        def on_llm_end(self, response: Any, **kwargs: Any) -> None:
            heard.append(response)

    both = chats.at("flash").generate([[HumanMessage("hi")], [HumanMessage("ho")]], callbacks=[Listening()])
    for result in heard:
        assert result.llm_output["id"] == result.generations[0][0].message.response_metadata["id"]
        assert result.llm_output["model_name"] == "qwen3.6-flash"
    assert len({result.llm_output["id"] for result in heard}) == 2
    assert set(both.llm_output or ()) == {"model_name", "token_usage"}


# Logging


@each_way
async def test_log_records(chats: Chats, caplog: pytest.LogCaptureFixture, way: Way) -> None:
    caplog.set_level(logging.DEBUG)
    llm = chats.at("flash", max_retries=0)
    await way(llm, "Say exactly: red")
    with pytest.raises(QwenError):
        await way(llm, "[[sandbox:500]]")
    await llm.aclose()
    ours = [record for record in caplog.records if record.name == "qwen_endpoints"]
    events = [record.__dict__["qwen"]["event"] for record in ours]
    assert events == ["sent", "begun", "ended", "sent", "failed"]
    assert ours[0].__dict__["qwen"]["streamed"] is (way in {stream, astream})
    assert "red" not in "".join(record.getMessage() for record in ours)
    assert chats.sandbox.api_key not in caplog.text
