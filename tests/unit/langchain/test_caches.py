"""LangChain's caches: what a hit gives back, who shares an answer, and what a key tells."""

# What LangChain calls is as good as public.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from langchain_core.caches import BaseCache, InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage
from langchain_core.outputs import Generation
from langchain_core.tools import tool
from pydantic import SecretStr
from qwen_endpoints import Provider
from typing_extensions import override

from tests.unit.langchain.conftest import Chats, chunk, facts, sse, whole

pytestmark = pytest.mark.filterwarnings("ignore:The function `loads` is in beta")

GOOD = whole({"content": "x"})


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


class _Table(BaseCache):
    """A cache that keeps text, as those of databases do."""

    def __init__(self) -> None:
        self.rows = sqlite3.connect(":memory:", check_same_thread=False)
        self.rows.execute("create table cache (prompt text, llm text, answer text)")

    @override
    def lookup(self, prompt: str, llm_string: str) -> Sequence[Generation] | None:
        found = self.rows.execute("select answer from cache where prompt = ? and llm = ?", (prompt, llm_string))
        return [loads(row[0], allowed_objects="core") for row in found] or None

    @override
    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        for generation in return_val:
            self.rows.execute("insert into cache values (?, ?, ?)", (prompt, llm_string, dumps(generation)))

    @override
    def clear(self, **kwargs: Any) -> None:
        self.rows.execute("delete from cache")

    @property
    def keys(self) -> str:
        return str(self.rows.execute("select prompt, llm from cache").fetchall())


@pytest.fixture(params=[InMemoryCache, _Table])
def cache(request: pytest.FixtureRequest) -> Iterator[BaseCache]:
    held = request.param()
    yield held
    if isinstance(held, _Table):
        held.rows.close()


def _same(answer: AIMessage, hit: AIMessage) -> None:
    """A hit is the answer itself, but costs nothing."""
    assert answer.usage_metadata is not None
    paid = {**answer.usage_metadata, "total_cost": 0}
    assert hit.model_dump() == {**answer.model_dump(), "usage_metadata": paid}


@pytest.mark.parametrize("settings", [{}, {"streaming": True}, {"output_version": "v1"}], ids=str)
async def test_a_hit_keeps_everything(chats: Chats, cache: BaseCache, settings: dict[str, Any]) -> None:
    """Reasoning, tool calls, token counts and metadata; sync and async find each other's answers."""
    llm = chats.at("text", cache=cache, enable_thinking=True, **settings)
    for prompt, bound in (("hello", llm), ("weather in Paris and London", llm.bind_tools([get_weather]))):
        before = len(chats.bodies)
        answer = bound.invoke(prompt)
        assert "reasoning_content" in answer.additional_kwargs
        assert len(answer.tool_calls) == (2 if "weather" in prompt else 0)
        _same(answer, bound.invoke(prompt))
        _same(answer, await bound.ainvoke(prompt))
        assert len(chats.bodies) == before + 1
        assert facts(await bound.ainvoke(f"{prompt} ")) != facts(answer)
        _same(await bound.ainvoke(f"{prompt} "), bound.invoke(f"{prompt} "))
        assert len(chats.bodies) == before + 2


UNUSUAL: dict[str, Any] = {
    "a call that was cut off": whole(
        {"tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": "b'}}]}, "length"
    ),
    "several choices": whole(
        {"content": "x"},
        choices=[
            {"index": 0, "message": {"content": "x"}, "finish_reason": "stop"},
            {
                "index": 1,
                "message": {"content": "y", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]},
                "finish_reason": "tool_calls",
            },
        ],
    ),
    "structured reasoning": whole(
        {"content": "x", "reasoning_details": [{"type": "reasoning.encrypted", "data": "abc", "index": 0}]}
    ),
    "likelihoods and costs": whole(
        {"content": "x"},
        usage={"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8, "cost": 0.125},
        choices=[
            {
                "index": 0,
                "message": {"content": "x", "refusal": "no", "annotations": [{"type": "url_citation"}]},
                "finish_reason": "stop",
                "logprobs": {"content": [{"token": "x", "logprob": -0.5, "bytes": [120], "top_logprobs": []}]},
            }
        ],
    ),
    "a stream": sse([chunk(reasoning_content="R"), chunk(content="x"), chunk("stop")]),
}


@pytest.mark.parametrize("settings", [{}, {"streaming": True}], ids=str)
@pytest.mark.parametrize(
    "case",
    UNUSUAL,
)
def test_messages_can_be_stored_as_text(chats: Chats, case: str, settings: dict[str, Any]) -> None:
    held = _Table()
    llm = chats.answering(UNUSUAL[case], endpoint="text", cache=held, **settings)
    answer = llm.invoke("hi")
    hit = llm.invoke("hi")
    assert len(chats.bodies) == 1
    for field in ("content", "additional_kwargs", "response_metadata", "tool_calls", "invalid_tool_calls", "id"):
        assert getattr(hit, field) == getattr(answer, field)
    held.rows.close()


def test_the_global_cache(chats: Chats) -> None:
    set_llm_cache(InMemoryCache())
    try:
        for settings, requests in (({}, 1), ({"cache": True}, 1), ({"cache": False}, 2)):
            llm = chats.at("flash", extra_body={"user": str(settings)}, **settings)
            before = len(chats.bodies)
            assert llm.invoke("Say exactly: x").text == llm.invoke("Say exactly: x").text == "x"
            assert len(chats.bodies) == before + requests
    finally:
        set_llm_cache(None)
    with pytest.raises(ValueError, match="no cache found"):
        chats.at("flash", cache=True).invoke("hi")


# Who shares


OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "temperature": ({"temperature": 0.5}, {}),
    "zero": ({"temperature": 0}, {}),
    "provider": ({"provider": "generic"}, {}),
    "base_url": ({"base_url": "/other"}, {}),
    "thinking": ({"enable_thinking": True}, {}),
    "body": ({"extra_body": {"a": 1}}, {}),
    "stop": ({"stop": ["x"]}, {}),
    "query": ({"default_query": {"a": "1"}}, {}),
    "another query": ({"default_query": {"a": "2"}}, {}),
    "another header": ({"default_headers": {"x-team": "b"}}, {}),
    "temperature of a call": ({}, {"temperature": 0.5}),
    "provider of a call": ({}, {"provider": "generic", "base_url": "/here"}),
    "query of a call": ({}, {"extra_query": {"a": "2"}}),
    "stop of a call": ({}, {"stop": ["x"]}),
    "tools of a call": ({}, {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}),
    "output version": ({"output_version": "v1"}, {}),
}
FIRST: dict[str, dict[str, Any]] = {
    "another query": {"default_query": {"a": "1"}},
    "another header": {"default_headers": {"x-team": "a"}},
}
"""What the first model has, where it is not the common settings."""


@pytest.mark.parametrize(
    "case",
    OTHERS,
)
def test_models_that_may_answer_differently_do_not_share(chats: Chats, case: str) -> None:
    here, other = (chats.sandbox.script(name, GOOD.body) for name in ("cached-here", "cached-elsewhere"))
    addresses: dict[str, Any] = {"/here": here, "/other": other}
    settings, kwargs = (
        {name: addresses.get(str(value), value) for name, value in given.items()} for given in OTHERS[case]
    )
    held = InMemoryCache()
    first = {"base_url": here, **FIRST.get(case, {})}
    chats.at("flash", cache=held, **first).invoke("hi")
    answer = chats.at("flash", cache=held, **{**first, **settings}).invoke("hi", **kwargs)
    assert answer.usage_metadata is not None
    assert "total_cost" not in answer.usage_metadata
    assert len(chats.bodies) == 2


def test_rows_of_one_name_do_not_share(chats: Chats) -> None:
    held = InMemoryCache()
    for name in "ab":
        url = chats.sandbox.script(f"row-{name}", whole({"content": name}).body)
        row = Provider(name="mine", base_url=url, key_required=False)
        assert chats.at("flash", cache=held, provider=row, base_url=None).invoke("hi").text == name


def test_equal_models_share(chats: Chats) -> None:
    held = InMemoryCache()
    llm = chats.at("flash", cache=held)
    answer = llm.invoke("hi")
    for twin in (chats.at("flash", cache=held), chats.at("flash", cache=held, api_key=SecretStr("other")), llm):
        _same(answer, twin.invoke("hi"))
    assert len(chats.bodies) == 1


def test_a_stream_is_not_taken_from_the_cache(chats: Chats) -> None:
    """LangChain's `stream` asks no cache; what it gives is still what a cached answer gives."""
    llm = chats.at("flash", cache=InMemoryCache())
    answer = llm.invoke("Count from 1 to 9")
    streamed = "".join(piece.text for piece in llm.stream("Count from 1 to 9"))
    assert streamed == answer.text == llm.invoke("Count from 1 to 9").text
    assert len(chats.bodies) == 2


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"api_key": "sk-sandbox", "extra_headers": {"x-own": "header-secret"}},
    ],
)
def test_keys_hold_no_secrets(chats: Chats, kwargs: dict[str, Any]) -> None:
    held = _Table()
    llm = chats.at("flash", cache=held, default_headers={"x-team": "header-secret"})
    llm.invoke("hi", **kwargs)
    headers = chats.sandbox.last_request.headers
    assert headers["x-team"] == "header-secret"
    assert chats.sandbox.api_key not in held.keys
    assert "header-secret" not in held.keys
    assert "qwen3.6-flash" in held.keys
    held.rows.close()
