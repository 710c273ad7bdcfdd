"""Input beyond reason through ChatQwen: a clear error before anything is sent, or the request in bounded time."""

from __future__ import annotations

import base64
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_qwen import ChatQwen, ConfigurationError

from tests.unit.core.support import Server, json_reply
from tests.unit.deep_inputs import bomb, chain, circle, deep_list, deep_schema, long_lists, mutual, tool_of, wide_schema

pytestmark = pytest.mark.timeout(400)  # by the clock, which a busy machine runs through
PICTURE = 50 * 2**20


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.script(json_reply())
    yield server
    server.stop()


@pytest.fixture
def llm(server: Server) -> Iterator[ChatQwen]:
    made = ChatQwen(model="qwen3-omni-flash", provider="vllm", base_url=server.url, max_retries=0)
    yield made
    made.close()


def cpu_seconds(llm: ChatQwen, messages: Any, **call: Any) -> float:
    began = time.process_time()
    assert llm.invoke(messages, **call).text == "Hello."
    return time.process_time() - began


def assert_bounded(llm: ChatQwen, messages: Any) -> None:
    """Held are the text, the body, the parts of the body on its way, and the server's own copy of it."""
    tracemalloc.start()
    try:
        assert cpu_seconds(llm, messages) < 30
        assert tracemalloc.get_traced_memory()[1] < 10 * PICTURE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "call",
    [
        dict(tools=[tool_of(deep_schema(10_000))]),
        dict(tools=[tool_of(circle())]),
        dict(extra_body={"x": deep_list(10_000)}),
        dict(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": deep_schema(10_000)}}),
    ],
    ids=["schema", "circle", "extra_body", "response_format"],
)
def test_what_is_nested_too_deeply_is_refused(server: Server, llm: ChatQwen, call: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"nested too deeply|Circular reference"):
        llm.invoke("Hi", **call)
    with pytest.raises(ConfigurationError, match=r"nested too deeply|Circular reference"):
        list(llm.stream("Hi", **call))
    assert server.received == []


@pytest.mark.parametrize(
    "schema", [bomb(40), mutual(30), chain(5_000), long_lists(2_000)], ids=["bomb", "mutual", "chain", "lists"]
)
def test_references_that_grow_without_end_stay_references(server: Server, llm: ChatQwen, schema: Any) -> None:
    assert cpu_seconds(llm.bind_tools([tool_of(schema)]), "Hi") < 20  # pyright: ignore[reportArgumentType]
    assert server.last.json["tools"][0]["function"]["parameters"] == schema


def test_a_huge_schema_goes_out_whole(server: Server, llm: ChatQwen) -> None:
    assert cpu_seconds(llm, "Hi", tools=[tool_of(wide_schema(10_000_000))]) < 30
    assert len(server.last.body) > 10_000_000


def test_a_history_of_100_000_messages_goes_out(server: Server, llm: ChatQwen) -> None:
    turns: list[BaseMessage] = [
        AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "call_1"}]),
        ToolMessage("r", tool_call_id="call_1"),
    ]
    cpu_seconds(llm, "Hi")
    little = cpu_seconds(llm, [HumanMessage("Hi"), *turns * 5_000])
    assert cpu_seconds(llm, [HumanMessage("Hi"), *turns * 50_000]) < 25 * max(little, 0.05)
    assert len(server.last.json["messages"]) == 100_001


@pytest.mark.parametrize("way", ["block", "data URL"])
def test_a_picture_of_50_megabytes_goes_out(server: Server, llm: ChatQwen, way: str) -> None:
    data = base64.b64encode(bytes(PICTURE)).decode()
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    block = {"type": "image", "base64": data, "mime_type": "image/png"} if way == "block" else url
    assert_bounded(llm, [HumanMessage([block])])
    assert server.last.body.count(b"AAAAAAAA") > len(data) // 9


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "base64": "no base64!", "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,<svg>"}},
    ],
)
def test_base64_that_is_none_is_refused(server: Server, llm: ChatQwen, block: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"is not base64: it holds '[!<]'"):
        llm.invoke([HumanMessage([block])])
    assert server.received == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", 10**5000], ids=["nan", "inf", "half", "huge"])
def test_a_call_whose_arguments_json_cannot_say_is_replayed_or_refused(
    server: Server, llm: ChatQwen, value: Any
) -> None:
    """LangChain holds arguments as objects; what cannot be written is replayed as an empty call, or refused."""
    calls: Any = [{"name": "f", "args": {"a": value}, "id": "c"}]
    try:
        llm.invoke([HumanMessage("x"), AIMessage("", tool_calls=calls), ToolMessage("r", tool_call_id="c")])
    except ConfigurationError:
        assert server.received == []
        return
    assert server.last.json["messages"][1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_half_a_character_is_refused(server: Server, llm: ChatQwen) -> None:
    with pytest.raises(ConfigurationError, match="surrogates not allowed"):
        llm.invoke("a\ud800b")
    assert server.received == []
