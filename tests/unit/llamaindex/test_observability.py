"""What events, spans and callbacks hear of a call: in order, once, whole, and of failures too."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import inspect
import json
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ToolCallBlock
from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.qwen import Qwen
from qwen_endpoints import ConfigurationError, QwenError, RateLimitError
from qwen_sandbox import Reply, Sandbox
from typing_extensions import override

from tests.unit.llamaindex.watching import CHATS, EIGHT, STREAMS, Watch, ask, begin, each_stream, each_way, listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNg+M/wHwAEAQH/7yMK/gAAAABJRU5Erk"
    "Jggg=="
)


@pytest.fixture
def watch() -> Iterator[Watch]:
    with listening() as heard:
        yield heard


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


MULTIPLY = FunctionTool.from_defaults(multiply)


def _kind(way: str) -> str:
    return "LLMChat" if way in CHATS else "LLMCompletion"


# Events


@each_way
async def test_events_in_order(make_llm: Callable[..., Qwen], watch: Watch, way: str) -> None:
    answers = await ask(make_llm(enable_thinking=True), way, "What is 2 + 3?")
    kind = _kind(way)
    progress = [f"{kind}InProgressEvent"] * len(answers) if way in STREAMS else []
    assert watch.events.names == [f"{kind}StartEvent", *progress, f"{kind}EndEvent"]
    start, *between, end = watch.events.seen
    assert (start.messages[0].content if way in CHATS else start.prompt) == "What is 2 + 3?"
    assert [event.response for event in between] == (answers if way in STREAMS else [])
    assert end.response == answers[-1]
    assert {event.span_id for event in watch.events.seen} == {watch.spans.entered[0]["id"]}


@each_way
async def test_an_event_names_the_model_and_how_it_was_asked(
    make_llm: Callable[..., Qwen], watch: Watch, way: str
) -> None:
    await ask(make_llm(temperature=0.5, max_tokens=100), way, "hi", top_p=0.9, stop=["END"])
    (start,) = watch.events.of(f"{_kind(way)}StartEvent")
    assert {"provider": "anyfast", "temperature": 0.5, "max_tokens": 100}.items() <= start.model_dict.items()
    assert start.additional_kwargs == {"top_p": 0.9, "stop": ["END"]}


def test_a_payload(make_llm: Callable[..., Qwen]) -> None:
    payload = make_llm(temperature=0.5, stop=["END"], enable_thinking=True, extra_body={"user": "me"}).to_payload()
    assert payload == {
        "class_name": "Qwen",
        "provider": "anyfast",
        "model": "qwen3.6-flash",
        "model_name": "qwen3.6-flash",
        "context_window": 1_000_000,
        "num_output": 8192,
        "is_chat_model": True,
        "is_function_calling_model": True,
        "system_role": "system",
        "temperature": 0.5,
        "stop": ["END"],
        "enable_thinking": True,
    }
    json.dumps(payload)


def test_a_payload_while_the_provider_is_unknown() -> None:
    payload = Qwen(model="qwen3-32b").to_payload()
    assert "provider" not in payload
    assert payload["model_name"] == "qwen3-32b"


@pytest.mark.parametrize("way", CHATS)
async def test_events_are_json(make_llm: Callable[..., Qwen], watch: Watch, way: str) -> None:
    """With images, thoughts, calls and tools that are objects."""
    llm = make_llm(enable_thinking=True)
    image = ImageBlock.model_validate({"url": PIXEL})
    asked = ChatMessage(role="user", blocks=[TextBlock(text="What is 6 times 7?"), image])
    (*_, answer) = await ask(llm, way, [asked], tools=[MULTIPLY], extra_body={"user": "me"})
    assert any(isinstance(block, ToolCallBlock) for block in answer.message.blocks)
    for event in watch.events.seen:
        assert json.loads(event.model_dump_json())["id_"] == event.id_
        json.dumps(event.model_dump(mode="json"))
    start, *_, end = watch.events.seen
    assert start.additional_kwargs["tools"][0]["function"]["name"] == "multiply"
    told = json.loads(end.model_dump_json())["response"]
    assert told["raw"]["usage"]["total_tokens"] == answer.additional_kwargs["total_tokens"]
    assert [block["block_type"] for block in told["message"]["blocks"]] == ["thinking", "tool_call"]


async def test_arguments_of_any_kind_are_shown(llm: Qwen, watch: Watch) -> None:
    loop: list[Any] = []
    loop.append(loop)
    for value in (object(), b"\xff", {1, 2}, loop, float("inf")):
        with pytest.raises(ConfigurationError):
            llm.chat([ChatMessage("hi")], user=value)
    assert len([event.model_dump_json() for event in watch.events.of("LLMChatStartEvent")]) == 5


# Failures


@each_way
@pytest.mark.parametrize("failure", ["arguments", "refused"])
async def test_a_failure_is_heard(make_llm: Callable[..., Qwen], watch: Watch, way: str, failure: str) -> None:
    """As an event, by the span and by the callback manager. Arguments are judged at the call, also of streams."""
    llm = watch.attach(make_llm(max_retries=0))
    with pytest.raises(QwenError) as caught:
        await (begin(llm, way, "hi", temperature=9) if failure == "arguments" else ask(llm, way, "[[sandbox:401]]"))
    kind = _kind(way)
    names = [name for name in watch.events.names if name != "SpanDropEvent"]
    assert names == [f"{kind}StartEvent", "ExceptionEvent"]
    (told,) = watch.events.of("ExceptionEvent")
    assert told.exception is caught.value
    assert told.span_id == watch.events.seen[0].span_id
    ((_, end),) = watch.callbacks.pairs
    assert end == {EventPayload.EXCEPTION: caught.value}
    streamed = failure == "refused" and way in STREAMS  # the span ended when the frames were handed out
    assert watch.spans.ended == {told.span_id: "exit" if streamed else repr(caught.value)}


@each_stream
async def test_a_failure_in_mid_stream_is_heard(scripted: Callable[..., Qwen], watch: Watch, way: str) -> None:
    piece = {"id": "c", "choices": [{"index": 0, "delta": {"content": "one "}}]}
    broken = [piece, {"error": {"message": "slow down", "code": 429}}]
    llm = watch.attach(scripted(broken))
    with pytest.raises(RateLimitError) as caught:
        await ask(llm, way, "hi")
    kind = _kind(way)
    assert watch.events.names == [f"{kind}StartEvent", f"{kind}InProgressEvent", "ExceptionEvent"]
    assert watch.events.seen[-1].exception is caught.value
    ((_, end),) = watch.callbacks.pairs
    assert end == {EventPayload.EXCEPTION: caught.value}
    assert caught.value.partial is not None


@pytest.fixture(scope="module")
def slow_sandbox() -> Iterator[Sandbox]:
    with Sandbox(chunk_delay=0.02) as sandbox:
        yield sandbox


async def _no_stream_open(sandbox: Sandbox) -> bool:
    for _ in range(100):
        if sandbox.open_streams == 0:
            return True
        await asyncio.sleep(0.02)
    return False


@each_stream
async def test_whoever_keeps_the_events_keeps_no_connection(slow_sandbox: Sandbox, watch: Watch, way: str) -> None:
    """An event of a stream that was left holds its frames; the stream behind them ends all the same."""
    url = slow_sandbox.base_url("anyfast")
    llm = watch.attach(
        Qwen(model="qwen3.6-flash", provider="anyfast", base_url=url, api_key=slow_sandbox.api_key)  # pyright: ignore[reportArgumentType] - pydantic makes it a secret
    )
    frames = await begin(llm, way, "Count from 1 to 900")
    if way.startswith("a"):
        async with aclosing(frames):
            await anext(frames)
            assert slow_sandbox.open_streams == 1
    else:
        with closing(frames):
            next(frames)
            assert slow_sandbox.open_streams == 1
    assert watch.events.names[-1] == "ExceptionEvent"
    assert isinstance(watch.events.seen[-1].exception, GeneratorExit)
    ((_, end),) = watch.callbacks.pairs
    assert set(end) == {EventPayload.EXCEPTION}
    assert await _no_stream_open(slow_sandbox)


@pytest.mark.parametrize("way", ["achat", "astream_chat", "acomplete", "astream_complete"])
async def test_a_cancelled_call_is_heard(slow_sandbox: Sandbox, watch: Watch, way: str) -> None:
    url = slow_sandbox.base_url("anyfast")
    llm = watch.attach(
        Qwen(model="qwen3.6-flash", provider="anyfast", base_url=url, api_key=slow_sandbox.api_key)  # pyright: ignore[reportArgumentType] - as above
    )
    task = asyncio.create_task(ask(llm, way, "Count from 1 to 900"))
    # A whole answer is computed at once: leave before the reply.
    for _ in range(500):
        if way not in STREAMS or f"{_kind(way)}InProgressEvent" in watch.events.names:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    ended = [event for event in watch.events.seen if event.class_name() == "ExceptionEvent"]
    assert [type(event.exception) for event in ended] == [asyncio.CancelledError] * len(
        watch.events.of(f"{_kind(way)}StartEvent")
    )
    assert len(watch.callbacks.pairs) == len(ended)
    assert await _no_stream_open(slow_sandbox)


@pytest.mark.parametrize(
    ("way", "subject", "reason"),
    [
        ("chat", "hi", "not a str. For a plain text there is complete"),
        ("achat", ChatMessage("hi"), "not a ChatMessage"),
        ("stream_chat", [{"role": "user", "content": "hi"}], "a list that holds a dict"),
        ("astream_chat", None, "not a NoneType"),
        ("complete", [ChatMessage("hi")], "a text, not a list. For messages there is chat"),
        ("astream_complete", 5, "not a int"),
    ],
)
async def test_what_is_no_question_is_refused(llm: Qwen, watch: Watch, way: str, subject: Any, reason: str) -> None:
    async def called() -> None:
        given = getattr(llm, way)(subject)
        if way.startswith("a"):
            await given

    with pytest.raises(ConfigurationError, match=reason):
        await called()
    assert watch.events.seen == []


# Spans


@each_way
async def test_a_span_for_each_call(llm: Qwen, watch: Watch, way: str) -> None:
    await ask(llm, way, "hi", temperature=0)
    (span,) = watch.spans.entered
    assert span["id"].startswith(f"Qwen.{way}-")
    assert span["instance"] is llm
    assert span["parent"] is None
    subject = "messages" if way in CHATS else "prompt"
    assert set(span["arguments"]) == {subject, "kwargs"}
    assert span["arguments"]["kwargs"] == {"temperature": 0}
    assert watch.spans.ended == {span["id"]: "exit"}


async def test_spans_nest(llm: Qwen, watch: Watch) -> None:
    llm.predict(PromptTemplate("hi"))
    await llm.apredict(PromptTemplate("hi"))
    outer, inner, aouter, ainner = watch.spans.entered
    assert [outer["id"].split("-")[0], inner["id"].split("-")[0]] == ["Qwen.predict", "Qwen.chat"]
    assert [aouter["id"].split("-")[0], ainner["id"].split("-")[0]] == ["Qwen.apredict", "Qwen.achat"]
    assert (inner["parent"], ainner["parent"]) == (outer["id"], aouter["id"])
    assert set(watch.spans.ended.values()) == {"exit"}
    assert watch.events.names == [
        "LLMPredictStartEvent", "LLMChatStartEvent", "LLMChatEndEvent", "LLMPredictEndEvent"
    ] * 2  # fmt: skip


async def test_calls_in_parallel_are_told_apart(make_llm: Callable[..., Qwen], watch: Watch) -> None:
    llm = make_llm()
    await asyncio.gather(*(ask(llm, way, f"Say exactly: {way}", top_p=0.5) for way in EIGHT if way.startswith("a")))
    starts = {event.span_id: event for event in watch.events.seen if "Start" in event.class_name()}
    ends = {event.span_id: event for event in watch.events.seen if "EndEvent" in event.class_name()}
    assert len(starts) == 4
    assert {place.split(".")[1].split("-")[0] for place in starts} == {way for way in EIGHT if way.startswith("a")}
    for place, start in starts.items():
        asked = start.prompt if hasattr(start, "prompt") else start.messages[0].content
        answer = ends[place].response
        assert asked == f"Say exactly: {answer.text if hasattr(answer, 'text') else answer.message.content}"


@each_way
def test_an_endpoint_looks_like_a_plain_method(way: str) -> None:
    method = getattr(Qwen, way)
    assert method.__name__ == way
    assert method.__doc__
    assert inspect.iscoroutinefunction(method) is way.startswith("a")
    expected = ["self", "messages", "kwargs"] if way in CHATS else ["self", "prompt", "formatted", "kwargs"]
    assert list(inspect.signature(method).parameters) == expected


async def test_a_model_of_ones_own_over_it(make_llm: Callable[..., Qwen], watch: Watch) -> None:
    class Polite(Qwen):
        @override
        def chat(self, messages: Any, **kwargs: Any) -> Any:
            return super().chat([ChatMessage(role="system", content="Be kind."), *messages], **kwargs)

    base = make_llm()
    llm = Polite.from_dict(base.to_dict(), api_key=base.api_key)
    assert llm.chat([ChatMessage("Say exactly: two")], api_key=base.api_key).message.content == "two"
    assert watch.events.names == ["LLMChatStartEvent", "LLMChatEndEvent"]
    assert len(watch.events.seen[0].messages) == 2


# Callbacks


@each_way
async def test_the_callback_manager(make_llm: Callable[..., Qwen], watch: Watch, way: str) -> None:
    answers = await ask(watch.attach(make_llm()), way, "What is 2 + 3?", temperature=0)
    ((start, end),) = watch.callbacks.pairs
    assert start[EventPayload.ADDITIONAL_KWARGS] == {"temperature": 0}
    assert start[EventPayload.SERIALIZED]["class_name"] == "Qwen"
    asked, answered = (EventPayload.MESSAGES, EventPayload.RESPONSE)
    if way not in CHATS:
        asked, answered = (EventPayload.PROMPT, EventPayload.COMPLETION)
    assert end[answered] is answers[-1]
    assert end[asked] == start[asked]


def test_templates_are_told(make_llm: Callable[..., Qwen], watch: Watch) -> None:
    llm = watch.attach(make_llm(system_prompt="Be brief."))
    llm.predict(PromptTemplate("What is {a} + {b}?"), a=2, b=3)
    ((_, _, payload),) = [entry for entry in watch.callbacks.started if entry[0] == CBEventType.TEMPLATING]
    assert payload[EventPayload.TEMPLATE] == "What is {a} + {b}?"
    assert payload[EventPayload.TEMPLATE_VARS] == {"a": 2, "b": 3}
    assert payload[EventPayload.SYSTEM_PROMPT] == "Be brief."


# The rate limit


class Counting:
    """A limiter that lets everyone through."""

    def __init__(self) -> None:
        self.sync = 0
        self.asynchronous = 0

    def acquire(self, num_tokens: int = 0) -> None:
        assert num_tokens >= 0
        self.sync += 1

    async def async_acquire(self, num_tokens: int = 0) -> None:
        assert num_tokens >= 0
        self.asynchronous += 1


limited = pytest.mark.skipif("rate_limiter" not in Qwen.model_fields, reason="the framework has none before 0.14.16")


@limited
@each_way
async def test_the_rate_limit_is_asked_once(make_llm: Callable[..., Qwen], way: str) -> None:
    limiter = Counting()
    await ask(make_llm(rate_limiter=limiter), way, "hi")
    assert (limiter.sync, limiter.asynchronous) == ((0, 1) if way.startswith("a") else (1, 0))


@limited
async def test_the_rate_limit_of_what_is_built_on_a_call(make_llm: Callable[..., Qwen]) -> None:
    limiter = Counting()
    llm = make_llm(rate_limiter=limiter)
    llm.predict(PromptTemplate("hi"))
    llm.chat_with_tools([MULTIPLY], "What is 6 times 7?")
    list(llm.stream_chat_with_tools([MULTIPLY], "What is 6 times 7?"))
    assert limiter.sync == 3


@pytest.mark.skipif("rate_limiter" in Qwen.model_fields, reason="the framework has one")
def test_a_rate_limit_needs_a_framework_that_has_one() -> None:
    with pytest.raises(ConfigurationError, match=r"rate_limiter.*0\.14\.16"):
        Qwen(model="qwen3-32b", rate_limiter=Counting())


def test_replies_are_observed_once_however_they_came(scripted: Callable[..., Qwen], watch: Watch) -> None:
    """A whole call to a model that only streams is still one call with one answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
    llm = watch.attach(scripted(Reply(json.dumps({"id": "c", "choices": [choice]}).encode())))
    llm.chat([ChatMessage("hi")])
    assert watch.events.names == ["LLMChatStartEvent", "LLMChatEndEvent"]
    assert len(watch.callbacks.pairs) == 1
