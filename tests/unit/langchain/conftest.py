"""Chat models over real sockets: the sandbox's gateways, and replies written for one test."""

from __future__ import annotations

import copy
import functools
import itertools
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_qwen import ChatQwen
from qwen_endpoints import PROVIDERS
from qwen_sandbox import Reply, Sandbox

ENDPOINTS = {
    "cn": ("anyfast-cn", "qwen3-32b"),
    "flash": ("anyfast", "qwen3.6-flash"),
    "text": ("wcode", "qwen/qwen3-235b-a22b"),
    "vision": ("wcode", "qwen/qwen3-vl-32b-instruct"),
    "messages": ("wcode-anthropic", "qwen/qwen3-235b-a22b"),
}
CHAT_COMPLETIONS = [name for name, (provider, _) in ENDPOINTS.items() if PROVIDERS[provider].protocol != "messages"]
"""For tests that look at that protocol's own fields; those of the other are looked at in `test_messages_*`."""
each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS)
each_of_chat_completions = pytest.mark.parametrize("endpoint", CHAT_COMPLETIONS)
each_thinker = pytest.mark.parametrize("thinker", ["cn", "flash", "text", "messages"])
_MESSAGES = PROVIDERS["wcode-anthropic"]
_UNSEEN = _MESSAGES.models["*"]
SEEING_MESSAGES = replace(
    _MESSAGES,
    models={**_MESSAGES.models, "*": replace(_UNSEEN, profile={**_UNSEEN.profile, "inputs": None})},
)
"""The row of `messages`, without what it knows of its model's inputs: so images and videos are left to the protocol."""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="  # a 1x1 PNG

Chunk = dict[str, Any]


class Chats:
    """Makes chat models that speak to the sandbox, and shows what arrived there."""

    def __init__(self, sandbox: Sandbox, held: list[ChatQwen]) -> None:
        self.sandbox = sandbox
        self._held = held
        self._names = map(str, itertools.count())

    def at(self, endpoint: str, **settings: Any) -> ChatQwen:
        """A model at one of the documented endpoints."""
        provider, model = ENDPOINTS[endpoint]
        base_url = self.sandbox.base_url(cast("Any", provider))
        given: dict[str, Any] = {
            "model": model,
            "provider": provider,
            "base_url": base_url,
            "api_key": self.sandbox.api_key,
        }
        llm = ChatQwen(**{**given, **settings})
        self._held.append(llm)
        return llm

    def answering(self, *replies: Reply, endpoint: str = "flash", **settings: Any) -> ChatQwen:
        """A model whose endpoint gives these replies, the last one for ever."""
        url = self.sandbox.script_sequence(f"reply-{next(self._names)}", replies)
        return self.at(endpoint, **{"base_url": url, "max_retries": 0, **settings})

    def streaming(self, *chunks: Chunk, endpoint: str = "flash", **settings: Any) -> ChatQwen:
        """A model whose endpoint always sends these chunks, whatever it is asked."""
        return self.answering(sse(chunks), endpoint=endpoint, **settings)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What arrived since the test began, oldest first."""
        return [request.json for request in self.sandbox.requests]

    @property
    def body(self) -> dict[str, Any]:
        """What arrived last."""
        return self.sandbox.last_request.json

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The messages that arrived last."""
        return self.body["messages"]

    @property
    def roles(self) -> list[str]:
        """Who said what arrived last, as Chat Completions has it: results are the tool's, not the user's."""
        system = ["system"] if "system" in self.body else []
        return [*system, *(role for message in self.sent for role in _roles(message))]


def _roles(message: dict[str, Any]) -> list[str]:
    content: str | list[dict[str, Any]] = message["content"]
    results = [] if isinstance(content, str) else [block for block in content if block["type"] == "tool_result"]
    return ["tool"] * len(results) or [message["role"]]


def sse(chunks: Iterable[Chunk], *, done: bool = True, abort: bool = False) -> Reply:
    """A stream of these chunks."""
    events = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
    return Reply(
        chunks=[*events, *([b"data: [DONE]\n\n"] if done else [])], content_type="text/event-stream", abort=abort
    )


def chunk(finish: str | None = None, **delta: Any) -> Chunk:
    """One streamed chunk."""
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": choices}


def call_piece(index: int, arguments: str, *, name: str | None = None, id_: str | None = None) -> Chunk:
    """One streamed piece of a tool call."""
    piece: dict[str, Any] = {"index": index, "function": {"arguments": arguments}}
    if name is not None:
        piece["function"]["name"] = name
        piece |= {"id": id_, "type": "function"}
    return chunk(tool_calls=[piece])


def usage_chunk(prompt: int = 3, completion: int = 5) -> Chunk:
    """The chunk that closes a stream with the token counts."""
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {**chunk(), "choices": [], "usage": usage}


def whole(message: dict[str, Any], finish: str = "stop", **fields: Any) -> Reply:
    """A reply in one piece."""
    choices = [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}]
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    body = {"id": "chatcmpl-1", "created": 7, "model": "m", "choices": choices, "usage": usage, **fields}
    return Reply(json.dumps(body).encode())


def refusal(status: int, body: Any, **headers: str) -> Reply:
    """An error reply."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(raw, status, headers=headers)


def merged(chunks: Iterable[AIMessageChunk]) -> AIMessageChunk:
    """The sum of a stream, added up as users do."""
    return functools.reduce(lambda left, right: left + right, chunks)


async def amerged(chunks: AsyncIterator[AIMessageChunk]) -> AIMessageChunk:
    """As `merged`, for `astream`."""
    return merged([chunk async for chunk in chunks])


async def four_ways(llm: Any, prompt: Any, **kwargs: Any) -> dict[str, AIMessage]:
    """The same call whole and streamed, sync and async."""
    return {
        "invoke": llm.invoke(prompt, **kwargs),
        "ainvoke": await llm.ainvoke(prompt, **kwargs),
        "stream": merged(llm.stream(prompt, **kwargs)),
        "astream": await amerged(llm.astream(prompt, **kwargs)),
    }


def facts(message: AIMessage) -> dict[str, Any]:
    """What must not depend on how a message travelled. Ids and times are new for each reply of the sandbox."""
    metadata = copy.deepcopy(message.response_metadata)
    for key in ("id", "created"):
        metadata.pop(key, None)
    for call in metadata.get("invalid_tool_calls", ()):
        call.pop("id")
    for choice in metadata.get("other_choices", ()):
        choice["tool_calls"] = [(call["name"], call["arguments"]) for call in choice["tool_calls"]]
    return {
        "content": message.content,
        "additional_kwargs": message.additional_kwargs,
        "tool_calls": [(call["name"], call["args"]) for call in message.tool_calls],
        "invalid_tool_calls": [call["name"] for call in message.invalid_tool_calls],
        "usage_metadata": message.usage_metadata,
        "response_metadata": metadata,
    }


def blocks(message: AIMessage) -> list[dict[str, Any]]:
    """The content blocks without the key that only serves merging."""
    return [
        {key: value for key, value in cast("dict[str, Any]", block).items() if key != "index"}
        for block in message.content_blocks
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All async tests of this folder run in one event loop, which saves each of them the set-up of TLS."""
    for item in items:
        if item.path.parent == Path(__file__).parent and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def _held() -> Iterator[list[ChatQwen]]:
    """Every model of the session: models of one address share connections as long as one of them lives."""
    held: list[ChatQwen] = []
    yield held
    for llm in held:
        llm.close()


@pytest.fixture
def chats(qwen_sandbox: Sandbox, _held: list[ChatQwen]) -> Chats:
    return Chats(qwen_sandbox, _held)


@pytest.fixture(autouse=True)
def _no_keys_from_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keys and tracing of the machine the tests run on are not theirs."""
    for name in ("ANYFAST_API_KEY", "ANYFAST_CN_API_KEY", "WCODE_API_KEY", "DASHSCOPE_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("QWEN_PROVIDER", "OPENAI_API_KEY", "LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LC_OUTPUT_VERSION"):
        monkeypatch.delenv(name, raising=False)
    return iter(())
