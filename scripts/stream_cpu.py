"""Measures the CPU time that a streamed chunk takes: the bare SDKs, the core, ChatQwen and Qwen, in one run.

`python scripts/stream_cpu.py` prints a table. The sandbox gives one scripted stream over and over, from this
process; only the thread that reads is timed, so that neither the server nor the machine's other work counts. Each row
is the least of several runs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from typing import Any, Final

from anthropic import Anthropic
from langchain_qwen import ChatQwen
from llama_index.core.llms import ChatMessage
from llama_index.llms.qwen import Qwen
from openai import OpenAI
from qwen_endpoints import Message, QwenClient, QwenSettings, plan_call
from qwen_sandbox import Sandbox

CHUNKS: Final = 2000
RUNS: Final = 7
KEY: Final = "sk-sandbox"
QUESTION: Final = "Why is the sky blue?"
Reading = Callable[[str], Iterable[object]]
"""From a base URL to what a stream gives, piece by piece."""


def events(payloads: Iterable[dict[str, Any]], *, named: bool) -> Iterator[bytes]:
    """Write payloads as server-sent events, with the name of each where the protocol has names."""
    for payload in payloads:
        name = f"event: {payload['type']}\n" if named else ""
        yield f"{name}data: {json.dumps(payload)}\n\n".encode()


def chat_completions() -> list[bytes]:
    """Return a stream of Chat Completions: `CHUNKS` words, an end, token counts."""
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 1_763_000_000, "model": "qwen3-32b"}

    def chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]}

    usage = {"prompt_tokens": 12, "completion_tokens": CHUNKS, "total_tokens": CHUNKS + 12}
    words = [chunk({"content": " word"}) for _ in range(CHUNKS)]
    payloads: list[dict[str, Any]] = [
        chunk({"role": "assistant"}),
        *words,
        chunk({}, "stop"),
        {**head, "choices": [], "usage": usage},
    ]
    return [*events(payloads, named=False), b"data: [DONE]\n\n"]


def messages() -> list[bytes]:
    """Return the same as a stream of Messages."""
    message: dict[str, Any] = {"id": "m-1", "type": "message", "role": "assistant", "model": "qwen3-32b", "content": []}
    opening: dict[str, Any] = {
        "type": "message_start",
        "message": {
            **message,
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 12, "output_tokens": 1},
        },
    }
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    word = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " word"}}
    ending: dict[str, Any] = {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": CHUNKS},
    }
    closing = [{"type": "content_block_stop", "index": 0}, ending, {"type": "message_stop"}]
    return list(events([opening, block, *[word] * CHUNKS, *closing], named=True))


def settings(provider: str, base_url: str) -> dict[str, Any]:
    """Return the arguments that every class of ours takes."""
    return {"model": "qwen3-32b", "provider": provider, "base_url": base_url, "api_key": KEY}


def of_core(provider: str) -> Reading:
    """Read with the core alone."""

    def read(base_url: str) -> Iterable[object]:
        call = plan_call(QwenSettings(**settings(provider, base_url)), [Message(role="user", content=QUESTION)])
        return QwenClient().stream(call)

    return read


def of_langchain(provider: str) -> Reading:
    """Read with ChatQwen."""
    return lambda base_url: ChatQwen(**settings(provider, base_url)).stream(QUESTION)


def of_llamaindex(provider: str) -> Reading:
    """Read with Qwen."""
    return lambda base_url: Qwen(**settings(provider, base_url)).stream_chat([ChatMessage(QUESTION)])


def of_openai(base_url: str) -> Iterable[object]:
    """Read with the bare openai SDK, typed as it gives chunks."""
    return OpenAI(base_url=base_url, api_key=KEY).chat.completions.create(
        model="qwen3-32b", messages=[{"role": "user", "content": QUESTION}], stream=True
    )


def of_anthropic(base_url: str) -> Iterable[object]:
    """Read with the bare anthropic SDK, typed as it gives events."""
    return Anthropic(base_url=base_url, api_key=KEY).messages.create(
        model="qwen3-32b", max_tokens=8192, messages=[{"role": "user", "content": QUESTION}], stream=True
    )


def microseconds(read: Reading, base_url: str) -> float:
    """Return the CPU time of one chunk, in microseconds: the least of `RUNS` streams, after one to warm up."""

    def run() -> float:
        pieces = iter(read(base_url))
        first = next(pieces)  # the connection and the request are not what is measured
        started = time.thread_time()
        count = sum(1 for _ in pieces)
        spent = time.thread_time() - started
        if first is None or count < CHUNKS:
            raise RuntimeError(f"only {count} of {CHUNKS} chunks came from {base_url}")
        return spent / count * 1e6

    run()
    return min(run() for _ in range(RUNS))


def main() -> None:
    """Print one table for each protocol."""
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("httpx2", "openai", "anthropic", "langchain-core", "llama-index-core")
    )
    print(f"Python {sys.version.split()[0]}, {versions}; microseconds of CPU for each chunk")
    with Sandbox() as sandbox:
        address = sandbox.script("completions-stream", chunks=chat_completions(), content_type="text/event-stream")
        other = sandbox.script("messages-stream", chunks=messages(), content_type="text/event-stream")
        compare("Chat Completions", address, "openai SDK, typed", of_openai, "generic")
        compare("Messages", other.removesuffix("/v1"), "anthropic SDK, typed", of_anthropic, "vllm-anthropic")


def compare(protocol: str, base_url: str, name: str, bare: Reading, provider: str) -> None:
    """Print what a chunk takes over one protocol, beside the bare SDK."""
    rows = {name: bare, "core": of_core(provider), "ChatQwen": of_langchain(provider), "Qwen": of_llamaindex(provider)}
    taken = {row: microseconds(read, base_url) for row, read in rows.items()}
    print(f"\n{protocol}")
    for row, spent in taken.items():
        print(f"  {row:<22}{spent:6.0f}   {spent / taken[name]:.2f} of the SDK's")


if __name__ == "__main__":
    main()
