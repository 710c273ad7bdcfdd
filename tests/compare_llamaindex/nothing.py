"""An LLM that takes everything and does nothing. A test that approves of it tests nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from typing import Any, Final

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.tools import ToolSelection
from pydantic import ConfigDict
from typing_extensions import override

_UNPACKED: Final = "it is in no package"
CONSTRUCTION_ONLY: Final[Mapping[str, str]] = {
    "test_it_is_an_llm_of_the_framework": "it is a subclass",
    "test_building_sends_nothing": "it never sends anything",
    "test_importing_is_cheap": "it imports nothing but the framework",
    "test_namespace_packages_are_left_alone": _UNPACKED,
    "test_the_record_lists_no_namespace_package": _UNPACKED,
    "test_nothing_else_is_installed": _UNPACKED,
    "test_the_package_is_typed": _UNPACKED,
    "test_the_import_needs_no_network": _UNPACKED,
    "test_requirements_are_met": _UNPACKED,
}
"""The tests that it passes or that are skipped for it, by name, each with why that says nothing against the test."""


class Nothing(FunctionCallingLLM):
    """Sends nothing, answers nothing: each answer is one empty frame."""

    model_config = ConfigDict(extra="ignore")

    @property
    @override
    def metadata(self) -> LLMMetadata:
        return LLMMetadata()

    @override
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return ChatResponse(message=ChatMessage())

    @override
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Generator[ChatResponse, None, None]:
        yield self.chat(messages)

    @override
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self.chat(messages)

    @override
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> AsyncGenerator[ChatResponse, None]:
        return _only(self.chat(messages))

    @override
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text="")

    @override
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> Generator[CompletionResponse, None, None]:
        yield self.complete(prompt)

    @override
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return self.complete(prompt)

    @override
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> AsyncGenerator[CompletionResponse, None]:
        return _only(self.complete(prompt))

    @override
    def _prepare_chat_with_tools(self, tools: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {"messages": []}

    @override
    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        return []


async def _only(answer: Any) -> AsyncGenerator[Any, None]:
    yield answer
