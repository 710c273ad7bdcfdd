"""Input beyond reason through Qwen: a clear error before anything is sent, or the request in bounded time."""

from __future__ import annotations

import base64
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, ToolCallBlock
from llama_index.llms.qwen import Qwen
from qwen_endpoints import ConfigurationError

from tests.unit.core.support import Server, json_reply
from tests.unit.deep_inputs import bomb, chain, circle, deep_list, deep_schema, long_lists, mutual, tool_of, wide_schema

pytestmark = pytest.mark.timeout(400)  # by the clock, which a busy machine runs through
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(50 * 2**20)
HI = ChatMessage(role="user", content="Hi")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.script(json_reply())
    yield server
    server.stop()


@pytest.fixture
def llm(server: Server) -> Iterator[Qwen]:
    made = Qwen(model="qwen3-omni-flash", provider="vllm", base_url=server.url, max_retries=0)
    yield made
    made.close()


def cpu_seconds(llm: Qwen, messages: list[ChatMessage], **call: Any) -> float:
    began = time.process_time()
    assert llm.chat(messages, **call).message.content == "Hello."
    return time.process_time() - began


def assert_bounded(llm: Qwen, messages: list[ChatMessage]) -> None:
    """Held are the text, the body, the parts of the body on its way, and the server's own copy of it."""
    tracemalloc.start()
    try:
        assert cpu_seconds(llm, messages) < 30
        assert tracemalloc.get_traced_memory()[1] < 10 * len(PICTURE)
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
def test_what_is_nested_too_deeply_is_refused(server: Server, llm: Qwen, call: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"nested too deeply|Circular reference"):
        llm.chat([HI], **call)
    with pytest.raises(ConfigurationError, match=r"nested too deeply|Circular reference"):
        list(llm.stream_chat([HI], **call))
    assert server.received == []


@pytest.mark.parametrize(
    "schema", [bomb(40), mutual(30), chain(5_000), long_lists(2_000)], ids=["bomb", "mutual", "chain", "lists"]
)
def test_references_that_grow_without_end_stay_references(server: Server, llm: Qwen, schema: dict[str, Any]) -> None:
    assert cpu_seconds(llm, [HI], tools=[tool_of(schema)]) < 20
    assert server.last.json["tools"][0]["function"]["parameters"] == schema


def test_a_huge_schema_goes_out_whole(server: Server, llm: Qwen) -> None:
    assert cpu_seconds(llm, [HI], tools=[tool_of(wide_schema(10_000_000))]) < 30
    assert len(server.last.body) > 10_000_000


def asked(arguments: Any) -> list[ChatMessage]:
    call = ToolCallBlock(tool_call_id="call_1", tool_name="f", tool_kwargs=arguments)
    told = ChatMessage(role=MessageRole.TOOL, content="r", additional_kwargs={"tool_call_id": "call_1"})
    return [ChatMessage(role=MessageRole.ASSISTANT, blocks=[call]), told]


def test_a_history_of_100_000_messages_goes_out(server: Server, llm: Qwen) -> None:
    cpu_seconds(llm, [HI])
    little = cpu_seconds(llm, [HI, *asked({}) * 5_000])
    assert cpu_seconds(llm, [HI, *asked({}) * 50_000]) < 25 * max(little, 0.05)
    assert len(server.last.json["messages"]) == 100_001


@pytest.mark.parametrize("way", ["bytes", "base64", "data URL", "path"])
def test_a_picture_of_50_megabytes_goes_out(server: Server, llm: Qwen, tmp_path: Path, way: str) -> None:
    data = base64.b64encode(PICTURE)
    if way == "path":
        file = tmp_path / "a.png"
        file.write_bytes(PICTURE)
        block = ImageBlock(path=file)
    elif way == "data URL":
        block = ImageBlock(url=f"data:image/png;base64,{data.decode()}")
    else:
        block = ImageBlock(image=PICTURE if way == "bytes" else data, image_mimetype="image/png")
    assert_bounded(llm, [ChatMessage(role="user", blocks=[block])])
    assert data[1000:] in server.last.body


def test_base64_that_is_none_is_refused(server: Server, llm: Qwen) -> None:
    block = ImageBlock(url="data:image/png;base64,<svg>")
    with pytest.raises(ConfigurationError, match="is not base64: it holds '<'"):
        llm.chat([ChatMessage(role="user", blocks=[block])])
    assert server.received == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", 10**5000], ids=["nan", "inf", "half", "huge"])
def test_a_call_whose_arguments_json_cannot_say_is_replayed_or_refused(server: Server, llm: Qwen, value: Any) -> None:
    """What cannot be written is replayed as an empty call, or refused; and so it is in LangChain."""
    try:
        llm.chat([HI, *asked({"a": value})])
    except ConfigurationError:
        assert server.received == []
        return
    assert server.last.json["messages"][1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_half_a_character_is_refused(server: Server, llm: Qwen) -> None:
    with pytest.raises(ConfigurationError, match="surrogates not allowed"):
        llm.chat([ChatMessage(role="user", content="a\ud800b")])
    assert server.received == []
