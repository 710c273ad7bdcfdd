"""The `Qwen` LLM: settings, the eight endpoints, and the hooks for tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms.callbacks import (
    llm_chat_callback,  # pyright: ignore[reportUnknownVariableType] - a bare `Callable`, typed below
    llm_completion_callback,  # pyright: ignore[reportUnknownVariableType] - as above
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from pydantic import Field, PrivateAttr, model_validator
from qwen_endpoints import (
    Call,
    ConfigurationError,
    QwenClient,
    QwenSettings,
    catalogue,
    check_settings,
    plan_call,
    resolve,
)
from typing_extensions import Self, override

from llama_index.llms.qwen._decode import aframes, frames, to_chat_response, to_completion_response
from llama_index.llms.qwen._encode import encode_messages
from llama_index.llms.qwen._tool_calls import encode_tools, keep_one_call, selections

if TYPE_CHECKING:
    from llama_index.core.tools import BaseTool
    from qwen_endpoints import ModelProfile

_UNKNOWN_CONTEXT: Final = 131_072
"""The context of a model nobody has described: what current Qwen models have at least."""
_RESERVED_OUTPUT: Final = 8192
"""Tokens kept free for an answer of unknown length; more would shrink what retrieval may put into the prompt."""

_Method = TypeVar("_Method", bound=Callable[..., Any])


def _observed_chat(method: _Method) -> _Method:
    """The framework's events, callbacks and rate limit for a chat method, which it decorates without types."""
    return cast("_Method", llm_chat_callback()(method))


def _observed_completion(method: _Method) -> _Method:
    """As `_observed_chat`, for a completion method."""
    return cast("_Method", llm_completion_callback()(method))


class Qwen(QwenSettings, FunctionCallingLLM):
    """A Qwen model, through any OpenAI-compatible endpoint.

    Takes the settings of `qwen_endpoints.QwenSettings` and of LlamaIndex's `LLM`. Each setting of the former may also
    be given for one call (`llm.chat(messages, temperature=0, enable_thinking=True)`), and so may `tools`,
    `tool_choice`, `response_format`, `extra_headers` and `extra_query`; an unknown name goes into the request body.

    An answer is one message with the blocks `ThinkingBlock`, `TextBlock` and `ToolCallBlock`, in this order, each only
    where there is something for it. `additional_kwargs` of the response holds token counts, `finish_reason`, `model`,
    `provider`, `cost` and whatever else is known. A stream gives growing frames: each has the whole message so far,
    `delta` what it adds to the text, and `additional_kwargs["thinking_delta"]` what it adds to the reasoning. The last
    frame is what `chat` would have returned; the others have `additional_kwargs["partial"]`.

    Calls raise `qwen_endpoints.QwenError`: `ConfigurationError` before anything is sent, and kinds to act on
    (`RateLimitError`, `ContextOverflowError`, ...) after that.

    Example:
        >>> llm = Qwen(model="qwen3.6-flash", provider="anyfast")
        >>> llm.complete("What is the capital of France?").text
    """

    context_window: int | None = Field(default=None, gt=0)
    """Tokens that prompt and answer share; `None` is what the catalogue says, or 131072 where it says nothing."""
    is_function_calling_model: bool = True
    """Whether agents and structured output may use function calls, unless the model is known to lack them."""

    _client: QwenClient = PrivateAttr(default_factory=QwenClient)

    @model_validator(mode="after")
    def _check_settings(self) -> Self:
        check_settings(self, described=self.context_window is not None)
        return self

    @classmethod
    @override
    def class_name(cls) -> str:
        return "Qwen"

    @property
    @override
    def metadata(self) -> LLMMetadata:
        """What the framework plans with: window, room for an answer, abilities. Never raises and sends nothing."""
        profile = self._profile()
        context = self.context_window or (profile and profile.context_window) or _UNKNOWN_CONTEXT
        longest = profile.max_output_tokens if profile and profile.max_output_tokens else _RESERVED_OUTPUT
        takes_tools = profile is None or profile.tools is not False
        return LLMMetadata(
            context_window=context,
            num_output=self.max_tokens or max(1, min(longest, _RESERVED_OUTPUT, context // 4)),
            is_chat_model=True,
            is_function_calling_model=self.is_function_calling_model and takes_tools,
            model_name=self.model,
            system_role=MessageRole.SYSTEM,
        )

    def _profile(self) -> ModelProfile | None:
        try:
            return resolve(self, need_key=False).profile
        except (ConfigurationError, ValueError):
            return catalogue().find(self.model)

    @_observed_chat
    @override
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation. See the class for `kwargs` and errors."""
        return self._answer(messages, kwargs)

    @_observed_chat
    @override
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answer a conversation in growing frames. What cannot be sent is refused here, not at the first frame."""
        return self._frames(messages, kwargs)

    @_observed_chat
    @override
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """As `chat`."""
        return await self._aanswer(messages, kwargs)

    @_observed_chat
    @override
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """As `stream_chat`; await it to get the frames."""
        return self._aframes(messages, kwargs)

    @_observed_completion
    @override
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer one user message. `formatted`: the prompt is final, `completion_to_prompt` is not applied.

        Reasoning is in `additional_kwargs["thinking"]`, tool calls are in `additional_kwargs["tool_calls"]`.
        """
        return to_completion_response(self._answer(self._asked(prompt, formatted), kwargs))

    @_observed_completion
    @override
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """As `complete`, in growing frames."""
        chat = self._frames(self._asked(prompt, formatted), kwargs)
        return (to_completion_response(frame) for frame in chat)

    @_observed_completion
    @override
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """As `complete`."""
        return to_completion_response(await self._aanswer(self._asked(prompt, formatted), kwargs))

    @_observed_completion
    @override
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """As `stream_complete`; await it to get the frames."""
        chat = self._aframes(self._asked(prompt, formatted), kwargs)
        return (to_completion_response(frame) async for frame in chat)

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
            # Agents allow parallel calls by default, which must not undo a setting that forbids them.
            prepared["parallel_tool_calls"] = allow_parallel_tool_calls and self.parallel_tool_calls is not False
        if tool_choice is not None or tool_required:
            prepared["tool_choice"] = "required" if tool_choice is None else tool_choice
        return {**prepared, **kwargs}

    @override
    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        return response if allow_parallel_tool_calls else keep_one_call(response)

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

    def close(self) -> None:
        """Close the connections of sync calls. The next call opens new ones."""
        self._client.close()

    async def aclose(self) -> None:
        """Close the connections of the running event loop. The next call opens new ones."""
        await self._client.aclose()

    # The eight endpoints share these instead of calling each other: a decorated method inside a decorated one would be
    # counted twice by token counters and traces.

    def _answer(self, messages: Sequence[ChatMessage], given: dict[str, Any]) -> ChatResponse:
        call = self._plan(messages, given)
        return to_chat_response(self._client.complete(call), call.endpoint)

    async def _aanswer(self, messages: Sequence[ChatMessage], given: dict[str, Any]) -> ChatResponse:
        call = self._plan(messages, given)
        return to_chat_response(await self._client.acomplete(call), call.endpoint)

    def _frames(self, messages: Sequence[ChatMessage], given: dict[str, Any]) -> ChatResponseGen:
        call = self._plan(messages, given)
        return frames(self._client.stream(call), call.endpoint)

    def _aframes(self, messages: Sequence[ChatMessage], given: dict[str, Any]) -> ChatResponseAsyncGen:
        call = self._plan(messages, given)
        return aframes(self._client.astream(call), call.endpoint)

    def _plan(self, messages: Sequence[ChatMessage], given: dict[str, Any]) -> Call:
        overrides = dict(given)
        return plan_call(
            self,
            encode_messages(messages),
            tools=encode_tools(overrides.pop("tools", None) or ()),
            tool_choice=overrides.pop("tool_choice", None),
            response_format=overrides.pop("response_format", None),
            overrides=overrides,
        )

    def _asked(self, prompt: str, formatted: bool) -> list[ChatMessage]:
        wrap = None if formatted else self.completion_to_prompt
        text = prompt if wrap is None else wrap(prompt)
        return [ChatMessage(role=MessageRole.USER, content=text)]
