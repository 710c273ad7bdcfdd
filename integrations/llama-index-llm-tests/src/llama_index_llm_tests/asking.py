"""The eight ways to ask an LLM, each as a plain function: async ones run in an event loop of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final, Literal, TypeVar, cast

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.llms.llm import LLM
from llama_index.core.tools import BaseTool
from qwen_sandbox import Reply

from llama_index_llm_tests.answers import Answer

Mode = Literal["chat", "achat", "stream_chat", "astream_chat"]
CompletionMode = Literal["complete", "acomplete", "stream_complete", "astream_complete"]

MODES: Final[tuple[Mode, ...]] = ("chat", "achat", "stream_chat", "astream_chat")
WHOLES: Final[tuple[Mode, ...]] = ("chat", "achat")
STREAMS: Final[tuple[Mode, ...]] = ("stream_chat", "astream_chat")
COMPLETIONS: Final[tuple[CompletionMode, ...]] = ("complete", "acomplete", "stream_complete", "astream_complete")

every_mode = pytest.mark.parametrize("mode", MODES)
every_whole = pytest.mark.parametrize("mode", WHOLES)
every_stream = pytest.mark.parametrize("mode", STREAMS)
every_completion = pytest.mark.parametrize("mode", COMPLETIONS)
every_method = pytest.mark.parametrize("mode", [*MODES, *COMPLETIONS])

HI: Final = (ChatMessage(role="user", content="hi"),)

_T = TypeVar("_T")


def is_stream(mode: Mode | CompletionMode) -> bool:
    """Whether the mode gives frames."""
    return "stream" in mode


def reply_for(mode: Mode | CompletionMode, answer: Answer) -> Reply:
    """The answer as a server gives it when asked in this mode."""
    return answer.streamed() if is_stream(mode) else answer.whole()


def frames(llm: LLM, mode: Mode, messages: Sequence[ChatMessage] = HI, **options: Any) -> list[ChatResponse]:
    """Ask, and return every frame; of a whole answer the one there is."""
    return cast("list[ChatResponse]", _asked(llm, mode, list(messages), options))


def last(llm: LLM, mode: Mode, messages: Sequence[ChatMessage] = HI, **options: Any) -> ChatResponse:
    """Ask, read to the end and return the last frame."""
    return frames(llm, mode, messages, **options)[-1]


def heard(
    llm: LLM, mode: Mode, messages: Sequence[ChatMessage] = HI, **options: Any
) -> tuple[list[ChatResponse], Exception | None]:
    """As `frames`, up to the first failure, which comes beside them."""
    collected: list[ChatResponse] = []
    try:
        if mode == "astream_chat":
            run(_into(collected, llm, messages, options))
        elif mode == "stream_chat":
            collected.extend(llm.stream_chat(list(messages), **options))
        else:
            collected.extend(frames(llm, mode, messages, **options))
    except Exception as error:  # noqa: BLE001 - what it is, is for the test to judge
        return collected, error
    return collected, None


def with_tools(llm: LLM, mode: Mode, tools: Sequence[BaseTool], **options: Any) -> list[ChatResponse]:
    """As `frames`, by the method for tools: `chat_with_tools` for `chat`, and so on."""
    return cast("list[ChatResponse]", _asked(llm, f"{mode}_with_tools", tools, options))


def completions(llm: LLM, mode: CompletionMode, prompt: str = "hi", **options: Any) -> list[CompletionResponse]:
    """As `frames`, for a prompt."""
    return cast("list[CompletionResponse]", _asked(llm, mode, prompt, options))


def ask(llm: LLM, mode: Mode | CompletionMode) -> list[Any]:
    """Say "hi" by any of the eight methods, and return what comes as `frames` and `completions` do."""
    return _asked(llm, mode, "hi" if mode in COMPLETIONS else list(HI), {})


def run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine in a new event loop."""
    return asyncio.run(coroutine)


def _asked(llm: LLM, mode: str, given: Any, options: dict[str, Any]) -> list[Any]:
    ask = getattr(llm, mode)
    if mode.startswith("astream"):
        return run(_collected(ask, given, options))
    if mode.startswith("a"):
        return [run(ask(given, **options))]
    return list(ask(given, **options)) if mode.startswith("stream") else [ask(given, **options)]


async def _collected(ask: Any, given: Any, options: dict[str, Any]) -> list[Any]:
    return [frame async for frame in await ask(given, **options)]


async def _into(collected: list[ChatResponse], llm: LLM, messages: Sequence[ChatMessage], options: Any) -> None:
    async for frame in await llm.astream_chat(list(messages), **options):
        collected.append(frame)  # noqa: PERF401 - what came before a failure is kept
