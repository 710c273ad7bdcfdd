"""The model inside LangChain's other parts: prompts, parsers, batches, histories, configuration."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterable
from typing import Any, cast

import langchain_qwen
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    trim_messages,  # pyright: ignore[reportUnknownVariableType] - its decorator has no types
)
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import (
    ConfigurableField,
    Runnable,
    RunnableBranch,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
)
from langchain_core.runnables.history import RunnableWithMessageHistory
from pydantic import BaseModel
from typing_extensions import override

from tests.unit.langchain.conftest import Chats, chunk, each_endpoint, each_thinker, merged, whole

ASK: Any = ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", "{q}")])
COUNT = {"q": "Count from 1 to 9"}
COUNTED = "1, 2, 3, 4, 5, 6, 7, 8, 9"


async def _four(chain: Any, given: Any) -> list[list[Any]]:
    """What a chain gives in each of the four ways, in pieces."""
    return [
        [chain.invoke(given)],
        list(chain.stream(given)),
        [await chain.ainvoke(given)],
        [piece async for piece in chain.astream(given)],
    ]


@each_endpoint
async def test_text(chats: Chats, endpoint: str) -> None:
    """Thoughts are no part of it, and it comes while it is written."""
    settings = {} if endpoint == "vision" else {"enable_thinking": True}
    for pieces in await _four(ASK | chats.at(endpoint, **settings) | StrOutputParser(), COUNT):
        assert "".join(pieces) == COUNTED
        assert len(pieces) == 1 or len([piece for piece in pieces if piece]) > 4
    assert chats.roles == ["system", "user"]
    v1 = chats.at(endpoint, output_version="v1", **settings)
    for pieces in await _four(ASK | v1 | StrOutputParser(), COUNT):
        assert "".join(pieces) == COUNTED


class Person(BaseModel):
    name: str
    age: int = 0


PARTS = ['{"name"', ': "Ad', 'a", "a', 'ge": 36}']


async def test_objects(chats: Chats) -> None:
    """They grow while they stream; a fence around them does no harm."""
    plain = [chunk(reasoning_content="R {"), *(chunk(content=part) for part in PARTS), chunk("stop")]
    fenced = [chunk(content="```json\n"), *plain[1:-1], chunk(content="\n```"), chunk("stop")]
    for chunks in (plain, fenced):
        llm = chats.streaming(*chunks)
        for pieces in await _four(ASK | llm | JsonOutputParser(), {"q": "who?"}):
            assert pieces[-1] == {"name": "Ada", "age": 36}
            assert len(pieces) == 1 or {"name": "Ad"} in pieces
        for pieces in await _four(ASK | llm | PydanticOutputParser(pydantic_object=Person), {"q": "who?"}):
            assert pieces[-1] == Person(name="Ada", age=36)


async def test_parts_side_by_side(chats: Chats) -> None:
    llm = chats.at("flash")
    both: Any = RunnableParallel(count=ASK | llm | StrOutputParser(), given=RunnablePassthrough())
    chain: Any = RunnableLambda(_named) | both | _joined
    assert chain.invoke("Count from 1 to 3") == "Count from 1 to 3: 1, 2, 3"
    assert await chain.ainvoke("Count from 1 to 3") == "Count from 1 to 3: 1, 2, 3"
    streamed: dict[str, str] = {}
    for piece in RunnableParallel(a=llm | StrOutputParser(), b=llm | StrOutputParser()).stream("Count from 1 to 9"):
        for name, text in cast("dict[str, str]", piece).items():
            streamed[name] = streamed.get(name, "") + text
    assert streamed == {"a": COUNTED, "b": COUNTED}
    router: Any = RunnableBranch((_is_short, llm), chats.at("text"))
    assert router.invoke("hi").response_metadata["provider"] == "anyfast"
    assert router.invoke("a longer question").response_metadata["provider"] == "wcode"
    assigned: Any = RunnablePassthrough.assign(answer=ASK | llm | StrOutputParser())
    assert assigned.invoke({"q": "Say exactly: x"}) == {"q": "Say exactly: x", "answer": "x"}


def _named(question: str) -> dict[str, str]:
    return {"q": question}


def _joined(parts: dict[str, Any]) -> str:
    return f"{parts['given']['q']}: {parts['count']}"


def _is_short(question: str) -> bool:
    return len(question) < 5


# Batches


class _Crowd(BaseCallbackHandler):
    """How many calls were under way at once, at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    @override
    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    @override
    def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        with self._lock:
            self._now -= 1

    @override
    def on_llm_error(self, *args: Any, **kwargs: Any) -> None:
        self.on_llm_end()


@each_thinker
async def test_batches(chats: Chats, thinker: str) -> None:
    """Answers come in the order of the questions, and no more calls at once than allowed."""
    llm = chats.at(thinker)
    questions = [f"Say exactly: {number}" for number in range(8)]
    for most in (1, 3, None):
        sync, asynchronous = _Crowd(), _Crowd()
        config: Any = {"callbacks": [sync], "max_concurrency": most}
        assert [answer.text for answer in llm.batch(cast("Any", questions), config)] == list("01234567")
        config = {"callbacks": [asynchronous], "max_concurrency": most}
        assert [answer.text for answer in await llm.abatch(cast("Any", questions), config)] == list("01234567")
        if most is not None:
            assert sync.most <= most
            assert asynchronous.most <= most
        else:
            assert asynchronous.most > 3  # not 8: the first may be answered before the last is asked
    done: dict[int, Any] = dict(llm.batch_as_completed(cast("Any", questions), {"max_concurrency": 2}))
    assert [done[number].text for number in range(8)] == list("01234567")
    texts = (llm | StrOutputParser()).batch(cast("Any", questions), [{"tags": [question]} for question in questions])
    assert texts == list("01234567")


async def test_batches_with_failures(chats: Chats) -> None:
    llm: Any = chats.at("flash", max_retries=0)
    questions = ["Say exactly: a", "[[sandbox:429]]", "Say exactly: b", "[[sandbox:401]]"]
    for answers in (llm.batch(questions, return_exceptions=True), await llm.abatch(questions, return_exceptions=True)):
        assert [answers[0].text, answers[2].text] == ["a", "b"]
        assert type(answers[1]) is langchain_qwen.RateLimitError
        assert type(answers[3]) is langchain_qwen.AuthenticationError
    with pytest.raises(langchain_qwen.QwenError):
        llm.batch(questions)
    with pytest.raises(langchain_qwen.QwenError):
        await llm.abatch(questions, {"max_concurrency": 1})
    assert llm.batch([]) == await llm.abatch([]) == []


# Configuration


def test_fields_of_the_configuration(chats: Chats) -> None:
    url = chats.sandbox.script("configured", whole({"content": "x"}).body)
    names = ("model", "temperature", "enable_thinking", "base_url", "extra_body", "max_tokens")
    fields: Any = {name: ConfigurableField(id=name) for name in names}
    llm = chats.at("flash", temperature=0.5)
    chain = ASK | llm.configurable_fields(**fields) | StrOutputParser()
    configurable = {"model": "qwen3-32b", "temperature": 0, "base_url": url, "extra_body": {"a": 1}, "max_tokens": 5}
    assert chain.with_config(configurable=configurable).invoke(COUNT) == "x"
    assert {"model": "qwen3-32b", "temperature": 0, "a": 1, "max_completion_tokens": 5}.items() <= chats.body.items()
    assert chats.sandbox.last_request.path.startswith("/script/configured/")
    assert chats.sandbox.last_request.headers["authorization"] == f"Bearer {chats.sandbox.api_key}"
    assert chain.invoke(COUNT) == COUNTED
    assert (chats.body["model"], chats.body["temperature"]) == ("qwen3.6-flash", 0.5)
    chain.invoke(COUNT, {"configurable": {"enable_thinking": True}})
    assert chats.body["enable_thinking"] is True
    with pytest.raises(langchain_qwen.ConfigurationError, match="temperature=9"):
        chain.invoke(COUNT, {"configurable": {"temperature": 9}})


def test_a_configured_model_streams(chats: Chats) -> None:
    fields: Any = {"temperature": ConfigurableField(id="temperature")}
    llm = chats.at("flash").configurable_fields(**fields)
    assert len(list(llm.stream(COUNT["q"]))) > 4
    assert len(list(llm.stream(COUNT["q"], {"configurable": {"temperature": 0}}))) > 4


def test_alternatives(chats: Chats) -> None:
    fields: Any = {"temperature": ConfigurableField(id="warmth")}
    llm = chats.at("flash").configurable_alternatives(
        ConfigurableField(id="llm"),
        default_key="flash",
        prefix_keys=True,
        text=chats.at("text").configurable_fields(**fields),
        cn=lambda: chats.at("cn"),
    )
    chain: Any = ASK | llm
    for key, model in (("flash", "qwen3.6-flash"), ("text", "qwen/qwen3-235b-a22b"), ("cn", "qwen3-32b")):
        answer = chain.invoke(COUNT, {"configurable": {"llm": key}})
        assert (answer.text, answer.response_metadata["model_name"]) == (COUNTED, model)
    chain.invoke(COUNT, {"configurable": {"llm": "text", "llm==text/warmth": 0.25}})
    assert chats.body["temperature"] == 0.25


def test_stop_sequences_stay_with_a_binding(chats: Chats) -> None:
    llm = chats.at("flash")
    chain = ASK | llm.bind(stop=[", 5"]) | StrOutputParser()
    assert chain.invoke(COUNT) == "".join(chain.stream(COUNT)) == "1, 2, 3, 4"
    assert chats.body["stop"] == [", 5"]
    assert (ASK | llm | StrOutputParser()).invoke(COUNT) == COUNTED
    assert llm.invoke("Count from 1 to 9", stop=[", 3"]).text == "1, 2"


# Histories


def _history(chain: Any, **keys: str) -> tuple[RunnableWithMessageHistory, InMemoryChatMessageHistory]:
    kept = InMemoryChatMessageHistory()
    return RunnableWithMessageHistory(chain, lambda: kept, history_factory_config=[], **cast("Any", keys)), kept


@pytest.mark.filterwarnings("ignore:.*History.* deprecated")  # since langchain-core 1.6.4, and still much used
@pytest.mark.parametrize("settings", [{}, {"output_version": "v1"}, {"streaming": True}], ids=str)
@each_thinker
async def test_histories(chats: Chats, thinker: str, settings: dict[str, Any]) -> None:
    """Answers of every kind are taken back: whole, streamed, as blocks."""
    prompt: Any = ChatPromptTemplate.from_messages(
        [("system", "Be brief."), MessagesPlaceholder("past"), ("human", "{q}")]
    )
    llm = chats.at(thinker, enable_thinking=True, **settings)
    chain, kept = _history(prompt | llm, input_messages_key="q", history_messages_key="past")
    chain.invoke({"q": "My name is Ada."})
    list(chain.stream({"q": "My town is Rome."}))
    await chain.ainvoke({"q": "My cat is Tom."})
    assert "Ada" in cast("AIMessage", chain.invoke({"q": "What is my name?"})).text
    assert "Rome" in merged(cast("Iterable[AIMessageChunk]", chain.stream({"q": "What is my town?"}))).text
    assert len(kept.messages) == 10
    assert chats.roles == ["system", *["user", "assistant"] * 4, "user"]
    assert all(_words(message["content"]) for message in chats.sent)


def _words(content: str | list[dict[str, Any]]) -> str:
    """The one text of a content."""
    if isinstance(content, str):
        return content
    (text,) = [block["text"] for block in content if block["type"] == "text"]
    return text


def test_a_history_is_trimmed_by_the_models_count(chats: Chats) -> None:
    llm = chats.at("flash")
    trim: Any = trim_messages(max_tokens=60, token_counter=llm, include_system=True, start_on="human", strategy="last")
    chain: Runnable[Any, AIMessage] = trim | llm
    talk = [SystemMessage("s"), HumanMessage("long " * 100), AIMessage("long " * 100), HumanMessage("Say exactly: x")]
    assert chain.invoke(talk).text == "x"
    assert [message["content"] for message in chats.sent] == ["s", "Say exactly: x"]
    assert sum(map(len, (message["content"] for message in chats.sent))) < 60 * 4


# As a part of something else


@pytest.mark.filterwarnings("ignore:This API is in beta")
async def test_a_chain_is_a_tool(chats: Chats) -> None:
    shout: Any = ASK | chats.at("flash") | StrOutputParser()
    ask = shout.as_tool(name="ask_model", description="Ask another model.", arg_types={"q": str})
    asked = chats.at("text").bind_tools([ask], tool_choice="ask_model").invoke("q: hello")
    (call,) = asked.tool_calls
    assert (call["name"], set(call["args"])) == ("ask_model", {"q"})
    assert ask.invoke({**call, "args": COUNT}).content == COUNTED
    assert (await ask.ainvoke({**call, "args": COUNT})).content == COUNTED
    direct: Any = chats.at("flash").as_tool(name="flash", description="Ask.", arg_types={"input": str})
    assert direct.name == "flash"


@pytest.mark.parametrize("used", [False, True])
def test_a_chain_is_pickled(chats: Chats, used: bool) -> None:
    chain: Any = ASK | chats.at("flash", temperature=0.5).bind(stop=[", 5"]) | StrOutputParser()
    if used:
        chain.invoke(COUNT)
    twin = pickle.loads(pickle.dumps(chain))  # noqa: S301 - our own
    assert twin.invoke(COUNT) == "1, 2, 3, 4"
    assert (chats.body["temperature"], chats.body["stop"]) == (0.5, [", 5"])
