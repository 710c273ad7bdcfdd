"""What callbacks and tracers hear of a call: in order, once, whole, and never a secret."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from importlib.metadata import version
from typing import Any, cast

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.callbacks.usage import get_usage_metadata_callback
from langchain_core.load import dumps
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import add_usage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_core.tracers import BaseTracer
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_qwen import QwenError, RateLimitError
from pydantic import BaseModel
from typing_extensions import override

from tests.unit.langchain.conftest import Chats, amerged, chunk, facts, four_ways, merged, refusal, sse, whole

COUNTED = "1, 2, 3, 4, 5, 6, 7, 8, 9"


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


class _Listener(BaseCallbackHandler):
    """Writes down what it hears, and the arguments by event."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.given: dict[str, list[Any]] = {}

    def _note(self, event: str, given: Any) -> None:
        if not self.heard or self.heard[-1] != event:
            self.heard.append(event)
        self.given.setdefault(event, []).append(given)

    @override
    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self._note("start", {"serialized": serialized, "messages": messages, **kwargs})

    @override
    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **kwargs: Any) -> None:
        self._note("token", (token, chunk))

    @override
    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self._note("end", response)

    @override
    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self._note("error", (error, kwargs.get("response")))


class _AsyncListener(AsyncCallbackHandler):
    def __init__(self) -> None:
        self.inner = _Listener()

    @override
    async def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.inner.on_chat_model_start(*args, **kwargs)

    @override
    async def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None:
        self.inner.on_llm_new_token(*args, **kwargs)

    @override
    async def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        self.inner.on_llm_end(*args, **kwargs)

    @override
    async def on_llm_error(self, *args: Any, **kwargs: Any) -> None:
        self.inner.on_llm_error(*args, **kwargs)


async def _ask(llm: Any, way: str, prompt: Any, config: Any) -> Any:
    if way == "invoke":
        return llm.invoke(prompt, config)
    if way == "stream":
        return merged(llm.stream(prompt, config))
    return await (llm.ainvoke(prompt, config) if way == "ainvoke" else amerged(llm.astream(prompt, config)))


def _listen(way: str) -> tuple[_Listener, Any]:
    """A listener of the kind that suits the call, and the configuration with it."""
    listening = _AsyncListener()
    handler = listening if way.startswith("a") else listening.inner
    return listening.inner, {"callbacks": [handler]}


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("way", ["invoke", "stream", "ainvoke", "astream"])
async def test_the_order(chats: Chats, way: str, streaming: bool) -> None:
    """A whole call gives no tokens; a streamed one gives each once, reasoning and the end included."""
    settings = {"streaming": True} if streaming else {}
    listener, config = _listen(way)
    answer = await _ask(chats.at("flash", enable_thinking=True, **settings), way, "Count from 1 to 9", config)
    streamed = streaming or "stream" in way
    assert listener.heard == (["start", "token", "end"] if streamed else ["start", "end"])
    tokens = listener.given.get("token", [])
    assert "".join(token for token, _ in tokens) == (COUNTED if streamed else "")
    if streamed:
        chunks = [piece for _, piece in tokens]
        assert all(isinstance(piece, ChatGenerationChunk) for piece in chunks)
        together = merged(piece.message for piece in chunks)
        assert facts(together) == facts(answer)
        assert "reasoning_content" in together.additional_kwargs
        assert [piece.message.chunk_position for piece in chunks][-2:] == [None, "last"]
    (ended,) = listener.given["end"]
    assert facts(ended.generations[0][0].message) == facts(answer)
    (started,) = listener.given["start"]
    assert started["metadata"]["ls_provider"] == "qwen"
    assert started["invocation_params"]["_type"] == "qwen-chat"


async def test_a_failure_is_heard_with_what_had_come(chats: Chats) -> None:
    broken = sse([chunk(reasoning_content="R"), chunk(content="one "), {"error": {"message": "slow", "code": 429}}])
    for reply, partial in ((refusal(429, {"error": {"message": "slow"}}), None), (broken, "one ")):
        for way in ("invoke", "stream", "ainvoke", "astream"):
            listener, config = _listen(way)
            with pytest.raises(RateLimitError) as caught:
                await _ask(chats.answering(reply), way, "hi", config)
            ((error, response),) = listener.given["error"]
            assert error is caught.value
            assert listener.heard[-1] == "error"
            assert "end" not in listener.heard
            assert (error.partial.first.text if error.partial else None) == partial
            if partial and "stream" in way:
                came = response.generations[0][0].message
                assert (came.text, came.additional_kwargs) == (partial, {"reasoning_content": "R"})


# Tracers


class _Tracer(BaseTracer):
    """Keeps every run as text, as a tracing service would store it, and what kind of run it was."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Any] = []

    @override
    def _persist_run(self, run: Any) -> None:
        self.runs.append(run)

    @property
    def text(self) -> str:
        return "".join(repr(run) + _dumped(run) for top in self.runs for run in _family(top))


def _family(run: Any) -> list[Any]:
    return [run, *(relative for child in run.child_runs for relative in _family(child))]


def _dumped(run: Any) -> str:
    told = (run.inputs, run.outputs, run.extra, run.serialized, run.error, run.tags, run.events)
    return dumps(told) + str(told)


SECRETS = ("sk-secret-key", "header-secret", "query-secret")
HIDDEN: dict[str, Any] = {
    "api_key": SECRETS[0], "default_headers": {"x-own": SECRETS[1]}, "default_query": {"token": SECRETS[2]}
}  # fmt: skip


@pytest.mark.parametrize("reply", ["good", "refused", "broken"])
@pytest.mark.parametrize(
    ("settings", "kwargs"),
    [
        (HIDDEN, {}),
        ({}, HIDDEN),
        ({}, {"api_key": SECRETS[0], "extra_headers": {"x-own": SECRETS[1]}}),
    ],
    ids=["model", "call", "headers of a call"],
)
async def test_traces_hold_no_secrets(
    chats: Chats, settings: dict[str, Any], kwargs: dict[str, Any], reply: str
) -> None:
    """Neither of the model nor of a chain around it; not even where the endpoint repeats the key."""
    echo = {"error": {"message": f"Incorrect API key provided: {SECRETS[0]}"}}
    replies = {
        "good": whole({"content": "x"}),
        "refused": refusal(401, echo),
        "broken": sse([chunk(content="x"), echo]),
    }
    llm: Any = chats.answering(replies[reply], **settings)
    ways = ["invoke", "ainvoke", "stream", "astream"]
    parts = ChatPromptTemplate.from_template("{q}"), llm.bind_tools([get_weather], **kwargs), StrOutputParser()
    for runnable, given in ((llm.bind(**kwargs), "hi"), (parts[0] | parts[1] | parts[2], {"q": "hi"})):
        tracer = _Tracer()
        for way in ways:
            with suppress(QwenError) if reply != "good" else nullcontext():
                await _ask(runnable, way, given, {"callbacks": [tracer]})
        assert [bool(run.error) for run in tracer.runs] == [reply != "good"] * len(ways)
        assert "qwen3.6-flash" in tracer.text
        for secret in SECRETS:
            assert secret not in tracer.text
    assert chats.sandbox.last_request.headers["authorization"] == f"Bearer {SECRETS[0]}"


@pytest.mark.filterwarnings("ignore:The `dict` method is deprecated")  # pydantic, of langsmith's runs
def test_traces_name_the_model_of_the_call(chats: Chats) -> None:
    tracer = _Tracer()
    llm = chats.at("text", temperature=0.5).with_config(tags=["t"], metadata={"m": 1}, run_name="ask")
    llm.invoke("hi", {"callbacks": [tracer]}, model="qwen/qwen3-vl-32b-instruct", max_tokens=5)
    (run,) = tracer.runs
    assert run.name == "ask"
    assert "t" in run.tags
    seen = run.extra["metadata"]
    assert {"m": 1, "ls_provider": "qwen", "ls_model_type": "chat", "ls_temperature": 0.5}.items() <= seen.items()
    assert (seen["ls_model_name"], seen["ls_max_tokens"]) == ("qwen/qwen3-vl-32b-instruct", 5)
    answer = run.outputs["generations"][0][0]["message"]["kwargs"]
    assert answer["usage_metadata"]["total_tokens"] == answer["response_metadata"]["token_usage"]["total_tokens"]


class Report(BaseModel):
    """A weather report."""

    city: str


@pytest.mark.parametrize("way", ["invoke", "stream", "ainvoke", "astream"])
@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
async def test_traces_tell_which_object_is_asked_for(chats: Chats, method: Any, way: str) -> None:
    """Under the method that was asked for, which is what LangSmith shows; the endpoint is sent none of it."""
    listener, config = _listen(way)
    strict = None if method == "json_mode" else True
    asked: Any = chats.at("flash").with_structured_output(Report, method=method, strict=strict)
    if way == "astream":
        assert [piece async for piece in asked.astream("Paris", config)]
    elif way == "stream":
        assert list(asked.stream("Paris", config))
    else:
        assert await _ask(asked, way, "Paris", config)
    (started,) = listener.given["start"]
    assert started["options"]["ls_structured_output_format"] == {
        "kwargs": {"method": method, **({} if strict is None else {"strict": strict})},
        "schema": convert_to_json_schema(Report),
    }
    assert "ls_structured_output_format" not in chats.body


def test_traces_tell_the_versions(chats: Chats) -> None:
    listener, config = _listen("invoke")
    chats.at("flash", metadata={"lc_versions": {"mine": "1"}, "m": 1}).invoke("hi", config)
    seen = listener.given["start"][0]["metadata"]
    assert seen["m"] == 1
    assert {"langchain-qwen": version("langchain-qwen"), "langchain-core": version("langchain-core")}.items() <= seen[
        "lc_versions"
    ].items()


# Token counts


async def test_counts_add_up_by_model(chats: Chats) -> None:
    flash, text = chats.at("flash", enable_thinking=True), chats.at("text")
    answers: dict[str, list[AIMessage]] = {flash.model: [], text.model: []}
    with get_usage_metadata_callback() as context:
        counter = UsageMetadataCallbackHandler()
        config: Any = {"callbacks": [counter]}
        for llm in (flash, text):
            heard = answers[llm.model]
            heard += (await four_ways(llm, "hello", config=config)).values()
            assert all(answer.usage_metadata == heard[0].usage_metadata for answer in heard)
            heard += llm.batch(["a", "b"], config)
            heard += await llm.abatch(["c", "d"], config)
    expected = {}
    for model, heard in answers.items():
        total = None
        for answer in heard:
            total = add_usage(total, answer.usage_metadata)
        expected[model] = total
    assert len(answers[flash.model]) == 8
    assert counter.usage_metadata == context.usage_metadata == expected
    assert cast("Any", expected)[flash.model]["output_token_details"]["reasoning"] > 0


def test_counts_of_an_endpoint_that_names_no_model(chats: Chats) -> None:
    counter = UsageMetadataCallbackHandler()
    answer = chats.answering(whole({"content": "x"}, model=None)).invoke("hi", {"callbacks": [counter]})
    assert counter.usage_metadata == {"qwen3.6-flash": answer.usage_metadata}
