"""Objects, token counts, caches, pictures and documents over Messages."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    VideoBlock,
)
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index_llm_tests import Answer
from qwen_endpoints import ConfigurationError, ContentFilteredError, MalformedResponseError

from tests.unit.llamaindex.messages import OVER_MESSAGES, reply
from tests.unit.llamaindex.structured import ABOUT, FORMS, City
from tests.unit.llamaindex.structured import ask as predict
from tests.unit.llamaindex.watching import CHATS, EIGHT, ask
from tests.unit.llamaindex.wire import MP4, PNG, WAV, b64

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox


each_chat = pytest.mark.parametrize("way", CHATS)
each_form = pytest.mark.parametrize("form", FORMS)
HERE = City(name="Paris", population=3000)
POINT = CachePoint(cache_control=CacheControl(type="ephemeral"))
LONG = "The lighthouse of Orla was built in 1887. " * 150
# The framework's structured LLM writes partial objects by a method that pydantic has deprecated.
quiet = pytest.mark.filterwarnings("ignore:The `json` method is deprecated:DeprecationWarning")


@pytest.fixture
def llm(make_llm: Callable[..., Qwen]) -> Qwen:
    return make_llm(**OVER_MESSAGES)


# Objects


@each_form
@pytest.mark.parametrize("settings", [{}, {"enable_thinking": True}], ids=["plain", "thinking"])
async def test_an_object_is_the_arguments_of_a_forced_call(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, form: str, settings: dict[str, Any]
) -> None:
    llm = make_llm(**OVER_MESSAGES, **settings)
    assert (await predict(llm, form, City, ABOUT, name="Paris", population=3000))[-1] == HERE
    body = qwen_sandbox.last_request.json
    assert body["tool_choice"] == {"type": "tool", "name": "City"}
    (tool,) = body["tools"]
    assert set(tool["input_schema"]["properties"]) == {"name", "population"}
    assert body.get("thinking", {"type": "disabled"}) == {"type": "disabled"}


@each_form
async def test_an_object_by_words_alone(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, form: str) -> None:
    llm = make_llm(**OVER_MESSAGES, pydantic_program_mode="llm", enable_thinking=True)
    assert (await predict(llm, form, City, ABOUT, name="Paris", population=3000))[-1] == HERE
    assert "tools" not in qwen_sandbox.last_request.json


@each_form
@pytest.mark.parametrize("way", ["json_schema", "json_mode"])
async def test_ways_that_the_protocol_lacks_are_refused_here(
    llm: Qwen, qwen_sandbox: Sandbox, form: str, way: str
) -> None:
    with pytest.raises(ConfigurationError, match="function calling"):
        await predict(llm, form, City, ABOUT, name="Paris", population=3000, llm_kwargs={"structured_output": way})
    assert not qwen_sandbox.requests


@each_form
@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer(text="Well, Par", finish="length"), MalformedResponseError, "token limit"),
        (Answer(message={"refusal": "Not this."}), ContentFilteredError, "Not this."),
        (Answer(text="Paris is lovely."), MalformedResponseError, "Paris is lovely."),
    ],
    ids=["cut", "refused", "prose"],
)
async def test_an_answer_without_an_object_says_why(
    scripted_messages: Callable[..., Qwen], form: str, answer: Answer, kind: type[Exception], words: str
) -> None:
    llm = scripted_messages(reply(form, answer))
    with pytest.raises(kind, match=words):
        await predict(llm, form, City, ABOUT, name="Paris", population=3000)


@quiet
@each_chat
async def test_a_structured_llm(llm: Qwen, way: str) -> None:
    structured: Any = llm.as_structured_llm(City)
    response = (await ask(structured, way, "Tell me about the city Paris with a population of 3000."))[-1]
    assert response.raw == HERE
    assert json.loads(response.message.content or "") == HERE.model_dump()


# Token counts


@pytest.mark.parametrize("way", EIGHT)
async def test_the_frameworks_counter_has_the_endpoints_counts(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str
) -> None:
    counter = TokenCountingHandler()
    llm = make_llm(**OVER_MESSAGES, callback_manager=CallbackManager([counter]), enable_thinking=True)
    answer = (await ask(llm, way, "What is 12 times 7?"))[-1]
    (counted,) = counter.llm_token_counts
    facts = answer.additional_kwargs
    assert (counted.prompt_token_count, counted.completion_token_count) == (
        facts["prompt_tokens"],
        facts["completion_tokens"],
    )
    assert facts["completion_tokens"] > facts["reasoning_tokens"] > 0
    assert facts["total_tokens"] == facts["prompt_tokens"] + facts["completion_tokens"] == counted.total_token_count
    assert len(qwen_sandbox.requests) == 1


@each_chat
async def test_what_a_cache_held_counts_as_input(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str
) -> None:
    counter = TokenCountingHandler()
    llm = make_llm(**OVER_MESSAGES, callback_manager=CallbackManager([counter]))
    asked = [ChatMessage(blocks=[TextBlock(text=LONG), POINT, TextBlock(text="When was it built?")])]
    first, second = [(await ask(llm, way, asked))[-1].additional_kwargs for _ in range(2)]
    marked, question = qwen_sandbox.last_request.json["messages"][0]["content"]
    assert (marked["cache_control"], "cache_control" in question) == ({"type": "ephemeral"}, False)
    assert (first["cached_tokens"], second["cache_write_tokens"]) == (0, 0)
    assert first["cache_write_tokens"] == second["cached_tokens"] > 1024
    assert first["prompt_tokens"] == second["prompt_tokens"] > second["cached_tokens"]
    counts = [(event.prompt_token_count, event.completion_token_count) for event in counter.llm_token_counts]
    assert counts == [(facts["prompt_tokens"], facts["completion_tokens"]) for facts in (first, second)]


# Pictures, documents, and what has no place


@each_chat
async def test_pictures_are_blocks(scripted_messages: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str) -> None:
    llm = scripted_messages(reply(way, Answer(text="Two.")), model="qwen/qwen3-vl-32b-instruct")
    url = f"{qwen_sandbox.url}/a.png?b=2&c=%2F"
    asked = ChatMessage(blocks=[ImageBlock(url=url), ImageBlock(image=PNG), TextBlock(text="How many?")])
    assert (await ask(llm, way, [asked]))[-1].message.content == "Two."
    (request,) = qwen_sandbox.requests  # nothing was fetched
    assert request.json["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": url}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": b64(PNG)}},
        {"type": "text", "text": "How many?"},
    ]


@each_chat
async def test_documents_are_text(llm: Qwen, qwen_sandbox: Sandbox, way: str) -> None:
    document = DocumentBlock(data=b"quarter,sales", title="sales.csv", document_mimetype="text/csv")
    await ask(llm, way, [ChatMessage(blocks=[document, TextBlock(text="Which columns?")])])
    (turn,) = qwen_sandbox.last_request.json["messages"]
    assert {block["type"] for block in turn["content"]} == {"text"}
    assert "sales.csv" in turn["content"][0]["text"]
    assert "quarter,sales" in turn["content"][0]["text"]


REFUSED: dict[str, tuple[Any, str, str]] = {
    "video": (VideoBlock(url="https://example.com/a.mp4"), "qwen3-omni-flash", "video_url, which wcode-anthropic does"),
    "video bytes": (VideoBlock(video=MP4), "qwen3-omni-flash", "video_url, which wcode-anthropic does not take"),
    "sound": (AudioBlock(audio=WAV, format="wav"), "qwen3-omni-flash", "input_audio, which wcode-anthropic does not"),
    "a picture for a model that sees none": (ImageBlock(image=PNG), OVER_MESSAGES["model"], "takes text only"),
    "a document that is no text": (
        DocumentBlock(data=b"%PDF-1.4", title="a.pdf", document_mimetype="application/pdf"),
        OVER_MESSAGES["model"],
        "PDF|pdf",
    ),
}


@each_chat
@pytest.mark.parametrize("case", REFUSED)
async def test_what_has_no_block_is_refused_here(
    scripted_messages: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str, case: str
) -> None:
    block, model, words = REFUSED[case]
    llm = scripted_messages(reply(way, Answer(text="ok")), model=model)
    with pytest.raises(ConfigurationError, match=words):
        await ask(llm, way, [ChatMessage(blocks=[block, TextBlock(text="What is it?")])])
    assert not qwen_sandbox.requests
