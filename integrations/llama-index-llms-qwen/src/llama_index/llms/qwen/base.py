"""The `Qwen` LLM: settings and the eight endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import qwen_endpoints
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
from pydantic import Field, PrivateAttr, model_validator
from qwen_endpoints import ConfigurationError
from typing_extensions import Self, override

from llama_index.llms.qwen._decode import (
    aeach_frame,
    aframes,
    each_frame,
    frames,
    to_chat_response,
    to_completion_response,
)
from llama_index.llms.qwen._encode import encode_messages
from llama_index.llms.qwen._foreign import refuse_foreign
from llama_index.llms.qwen._observed import observed_chat, observed_completion
from llama_index.llms.qwen._structured import StructuredCalls
from llama_index.llms.qwen._tokens import count_conversation
from llama_index.llms.qwen._tool_calls import encode_tools
from llama_index.llms.qwen._with_tools import CallsWithTools

if TYPE_CHECKING:
    from llama_index.core.tools import BaseTool
    from qwen_endpoints import Call, Endpoint, Json, ModelProfile, QwenClient

_UNKNOWN_CONTEXT: Final = 131_072
"""The context of a model nobody has described: what current Qwen models have at least."""
_RESERVED_OUTPUT: Final = 8192
"""Tokens kept free for an answer of unknown length; more would shrink what retrieval may put into the prompt."""
_TRACED: Final = frozenset(
    {
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "stop",
        "max_tokens",
        "presence_penalty",
        "frequency_penalty",
        "repetition_penalty",
        "enable_thinking",
        "thinking_budget",
        "reasoning_effort",
    }
)
"""Settings that traces show. None of them can hold a credential."""


class Qwen(CallsWithTools, StructuredCalls, defer_build=False):
    """A Qwen model, through any OpenAI-compatible endpoint.

    Takes the settings of `qwen_endpoints.QwenSettings` and of LlamaIndex's `LLM`. Each setting of the former may also
    be given for one call (`llm.chat(messages, temperature=0, enable_thinking=True)`), and so may `tools`,
    `tool_choice`, `response_format`, `extra_headers` and `extra_query`; an unknown name goes into the request body.

    An answer is one message with the blocks `ThinkingBlock`, `TextBlock` and `ToolCallBlock`, in this order, each only
    where there is something for it. `additional_kwargs` of the response holds token counts, `finish_reason`, `model`,
    `provider`, `cost` and whatever else is known. A stream gives growing frames: each has the whole message so far,
    `delta` what it adds to the text, and `additional_kwargs["thinking_delta"]` what it adds to the reasoning. The last
    frame is what `chat` would have returned; the others have `additional_kwargs["partial"]`.

    An object of a pydantic class is asked for with `structured_predict` and its kin; see `structured_output`.

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

    _caller: Any = PrivateAttr(default=None)
    """See `_client`; its class has no name here, so that the hints of this one can be read."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_foreign_arguments(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        # The framework's dumps carry the class's name beside the settings.
        given = {name: value for name, value in cast("Mapping[str, Any]", values).items() if name != "class_name"}
        refuse_foreign(given, cls.model_fields)
        return given

    @model_validator(mode="after")
    def _check_settings(self) -> Self:
        qwen_endpoints.check_settings(self, described=self.context_window is not None)
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
        context = self.context_window or profile.context_window or _UNKNOWN_CONTEXT
        # A limit that leaves no room for a prompt says nothing about how long answers are.
        stated = self.max_tokens if self.max_tokens and self.max_tokens < context else None
        usual = min(profile.max_output_tokens or _RESERVED_OUTPUT, _RESERVED_OUTPUT, context // 4)
        return LLMMetadata(
            context_window=context,
            num_output=stated or max(1, usual),
            is_chat_model=True,
            is_function_calling_model=self.is_function_calling_model and profile.tools is not False,
            model_name=self.model,
            system_role=MessageRole.SYSTEM,
        )

    @override
    def to_payload(self) -> dict[str, Any]:
        """Return what events and traces show of the model: metadata, provider and the settings that shape an answer."""
        endpoint = self._endpoint()
        return {
            **self.model_dump(include=set(_TRACED), exclude_none=True),
            "model": self.model,  # the name that other classes' dumps have; the metadata's is `model_name`
            **self.metadata.model_dump(),
            **({"provider": endpoint.provider.name} if endpoint else {}),
        }

    def text_tokenizer(self) -> Callable[[str], list[int]]:
        """Return a function from text to token ids, for `Settings.tokenizer` or a `TokenCountingHandler`.

        Where the model's vocabulary is unknown, Qwen3's stands in: the number of ids is then close.

        Raises:
            ConfigurationError: The vocabularies are not installed (`llama-index-llms-qwen[tokens]`).
        """
        return qwen_endpoints.text_tokenizer(self._profile())

    def count_tokens(self, messages: Sequence[ChatMessage], tools: Sequence[BaseTool | Json] = ()) -> int:
        """Count a prompt's tokens offline, with what the chat template adds. See docs/tokens.md for how exact that is.

        Raises:
            ConfigurationError: A block cannot be sent; it is named.
        """
        return count_conversation(self, self._profile(), messages, tools)

    @override
    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy the settings. Who watches the calls and who limits their rate is meant to be shared."""
        memo = {} if memo is None else memo
        shared: list[object] = [self.callback_manager, getattr(self, "rate_limiter", None)]
        memo.update({id(item): item for item in shared if item is not None})
        return super().__deepcopy__(memo)

    def _endpoint(self) -> Endpoint | None:
        try:
            return qwen_endpoints.resolve(self, need_key=False)
        except (ConfigurationError, ValueError):
            return None

    def _profile(self) -> ModelProfile:
        endpoint = self._endpoint()
        if endpoint is not None:
            return endpoint.profile
        return qwen_endpoints.catalogue().find(self.model) or qwen_endpoints.ModelProfile(id=self.model)

    @observed_chat
    @override
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation. See the class for `kwargs` and errors."""
        return self._answer(messages, kwargs)

    @observed_chat
    @override
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answer a conversation in growing frames. What cannot be sent is refused here, not at the first frame."""
        return self._frames(messages, kwargs)

    @observed_chat
    @override
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """As `chat`."""
        return await self._aanswer(messages, kwargs)

    @observed_chat
    @override
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """As `stream_chat`; await it to get the frames."""
        return self._aframes(messages, kwargs)

    @observed_completion
    @override
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer one user message. `formatted`: the prompt is final, `completion_to_prompt` is not applied.

        Reasoning is in `additional_kwargs["thinking"]`, tool calls are in `additional_kwargs["tool_calls"]`.
        """
        return to_completion_response(self._answer(self._asked(prompt, formatted), kwargs))

    @observed_completion
    @override
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """As `complete`, in growing frames."""
        return each_frame(self._frames(self._asked(prompt, formatted), kwargs), to_completion_response)

    @observed_completion
    @override
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """As `complete`."""
        return to_completion_response(await self._aanswer(self._asked(prompt, formatted), kwargs))

    @observed_completion
    @override
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """As `stream_complete`; await it to get the frames."""
        return aeach_frame(self._aframes(self._asked(prompt, formatted), kwargs), to_completion_response)

    @property
    def _client(self) -> QwenClient:
        """What makes the calls, from the first on: until then its modules need not be imported."""
        caller: QwenClient | None = self._caller
        if caller is None:
            caller = self._caller = qwen_endpoints.QwenClient()
        return caller

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
        return to_chat_response(self._client.complete(call), call)

    async def _aanswer(self, messages: Sequence[ChatMessage], given: dict[str, Any]) -> ChatResponse:
        call = self._plan(messages, given)
        return to_chat_response(await self._client.acomplete(call), call)

    def _frames(self, messages: Sequence[ChatMessage], given: dict[str, Any]) -> ChatResponseGen:
        call = self._plan(messages, given)
        return frames(self._client.stream(call), call)

    def _aframes(self, messages: Sequence[ChatMessage], given: dict[str, Any]) -> ChatResponseAsyncGen:
        call = self._plan(messages, given)
        return aframes(self._client.astream(call), call)

    def _plan(self, messages: Sequence[ChatMessage], given: dict[str, Any]) -> Call:
        refuse_foreign(given)
        overrides = dict(given)
        return qwen_endpoints.plan_call(
            self,
            encode_messages(messages),
            tools=encode_tools(overrides.pop("tools", None) or ()),
            tool_choice=overrides.pop("tool_choice", None),
            response_format=overrides.pop("response_format", None),
            answer_schema=overrides.pop("answer_schema", None),
            overrides=overrides,
        )

    def _asked(self, prompt: str, formatted: bool) -> list[ChatMessage]:
        wrap = None if formatted else self.completion_to_prompt
        text = prompt if wrap is None else wrap(prompt)
        return [ChatMessage(role=MessageRole.USER, content=text)]
