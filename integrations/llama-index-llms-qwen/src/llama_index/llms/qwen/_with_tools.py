"""Calls with tools: the hooks by which the framework and its agents hand tools over and get calls back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    MessageRole,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from qwen_endpoints import QwenSettings
from typing_extensions import override

from llama_index.llms.qwen._decode import aeach_frame, each_frame
from llama_index.llms.qwen._tool_calls import (
    encode_tools,
    keep_one_call,
    own_names,
    selections,
    wire_choice,
    with_own_names,
)

if TYPE_CHECKING:
    from llama_index.core.tools import BaseTool


class CallsWithTools(QwenSettings, FunctionCallingLLM, defer_build=True):
    """Tool calls for `Qwen`: everything that the framework builds on `chat_with_tools` and its kin."""

    @override
    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: str | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Build the arguments of a chat call with tools.

        `tool_choice` is `auto`, `none`, `required`, a tool's name or the Chat Completions object; `None` is `required`
        where `tool_required` is set. (The framework passes `None` along with `tool_required`.)
        """
        messages = list(chat_history or ())
        if user_msg is not None:
            messages.append(
                ChatMessage(role=MessageRole.USER, content=user_msg) if isinstance(user_msg, str) else user_msg
            )
        prepared: dict[str, Any] = {"messages": messages}
        if tools:
            prepared["tools"] = encode_tools(tools)
            prepared["parallel_tool_calls"] = self._allows_parallel(allow_parallel_tool_calls, kwargs)
        if tool_choice is not None or tool_required:
            prepared["tool_choice"] = "required" if tool_choice is None else wire_choice(tool_choice, tools)
        return {**kwargs, **prepared}

    @override
    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        return self._check(tools, allow_parallel_tool_calls, kwargs)(response)

    # The framework checks whole answers only. Agents stream by default, so frames are checked as well.

    @override
    def stream_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> ChatResponseGen:
        """As `chat_with_tools`, in growing frames."""
        chat = super().stream_chat_with_tools(
            tools, user_msg, chat_history, verbose, allow_parallel_tool_calls, tool_required, **kwargs
        )
        return each_frame(chat, self._check(tools, allow_parallel_tool_calls, kwargs))

    @override
    async def astream_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> ChatResponseAsyncGen:
        """As `stream_chat_with_tools`; await it to get the frames."""
        chat = await super().astream_chat_with_tools(
            tools, user_msg, chat_history, verbose, allow_parallel_tool_calls, tool_required, **kwargs
        )
        return aeach_frame(chat, self._check(tools, allow_parallel_tool_calls, kwargs))

    @override
    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """Return the calls to execute.

        Of a frame in mid-stream these are the calls as far as they can be read, for show. Of a whole answer they are
        the valid ones: a call whose arguments are no JSON object, or were cut off, is never among them (see
        `additional_kwargs["invalid_tool_calls"]` of the response).

        Raises:
            ValueError: A whole answer has nothing to execute and `error_on_no_tool_call` is set; it says why.
        """
        return selections(response, error_on_none=error_on_no_tool_call)

    def _check(
        self, tools: Sequence[BaseTool], allowed: bool, given: Mapping[str, Any]
    ) -> Callable[[ChatResponse], ChatResponse]:
        """Return what is done to each answer: where parallel calls are not allowed, which not every endpoint heeds, one
        call is kept.
        """
        names, several = own_names(tools), self._allows_parallel(allowed, given)

        def check(response: ChatResponse) -> ChatResponse:
            named = with_own_names(response, names)
            return named if several else keep_one_call(named)

        return check

    def _allows_parallel(self, allowed: bool, given: Mapping[str, Any]) -> bool:
        """Whether an answer may hold several calls: as this call says, else as the framework and the setting both say.

        Agents allow it by default, which must not undo a setting that forbids it.
        """
        stated = given.get("parallel_tool_calls")
        return allowed and self.parallel_tool_calls is not False if stated is None else bool(stated)
