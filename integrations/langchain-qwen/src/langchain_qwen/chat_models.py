"""`ChatQwen`: the LangChain chat model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, cast

import qwen_endpoints
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import BaseModel, PrivateAttr, model_validator
from qwen_endpoints import ARGUMENTS, QwenSettings, StructuredMethod
from typing_extensions import Self, override

from langchain_qwen._content_blocks import MODEL_PROVIDER, register_blocks
from langchain_qwen._decode import combine_outputs, decode_completion, decode_deltas
from langchain_qwen._encode import encode_messages
from langchain_qwen._errors import ConfigurationError, as_langchain_errors
from langchain_qwen._foreign import refuse_foreign
from langchain_qwen._hidden import digest, masked
from langchain_qwen._profile import langchain_profile
from langchain_qwen._response_format import Schema, wire_response_format
from langchain_qwen._tokens import count_conversation, count_tools, profile_of
from langchain_qwen._tools import Tool, ToolChoice, described_tools, named_choice
from langchain_qwen._version import __version__

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models import ModelProfile
    from qwen_endpoints import Call, Endpoint, QwenClient

register_blocks()


class ChatQwen(QwenSettings, BaseChatModel):
    """Qwen as a LangChain chat model, through any endpoint.

    Example:
        ```python
        from langchain_qwen import ChatQwen

        llm = ChatQwen(model="qwen/qwen3-235b-a22b", provider="wcode", enable_thinking=True)
        answer = llm.invoke("Why is the sky blue?")
        answer.content  # the answer
        answer.additional_kwargs["reasoning_content"]  # what the model thought
        answer.usage_metadata, answer.response_metadata["finish_reason"]
        ```

    All settings are those of `QwenSettings`; each may also be given for one call (`llm.invoke(..., temperature=0)`),
    and an unknown name of a call goes into the request body as it is.

    Raises:
        ConfigurationError: On construction and before a call is sent, when settings cannot be used.
        QwenError: Any other kind, when a call fails; each is also LangChain's matching `ModelError`.
    """

    streaming: bool | None = None
    """Let `invoke` stream under the hood. With `False`, LangChain would not stream at all."""

    _caller: Any = PrivateAttr(default=None)
    """See `_client`; its class has no name here, so that the hints of this one can be read."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_foreign_arguments(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        given = cast("Mapping[str, Any]", values)
        refuse_foreign(given)
        return given

    @model_validator(mode="after")
    def _check_qwen_settings(self) -> Self:
        with as_langchain_errors():
            qwen_endpoints.check_settings(self, described="profile" in self.model_fields_set)
        return self

    @model_validator(mode="after")
    def _set_langchain_qwen_version(self) -> Self:
        self._add_version("langchain-qwen", __version__)
        return self

    @property
    @override
    def _llm_type(self) -> str:
        return "qwen-chat"

    @property
    @override
    def _identifying_params(self) -> dict[str, Any]:
        """What tells one model from another, in traces and cache keys. Never a secret."""
        return {name: value for name, value in self._dumped_settings().items() if value is not None}

    @classmethod
    @override
    def is_lc_serializable(cls) -> bool:
        return True

    @property
    @override
    def lc_secrets(self) -> dict[str, str]:
        """The fields that saved models and traces hold as the name of a secret, each with that name.

        The key's is the provider's own variable. `langchain_core.load.load` puts values in their place, from its
        `secrets_map` or, where told to, from the environment.
        """
        endpoint = self._endpoint_if_known()
        variables = endpoint.provider.key_variables if endpoint else ()
        key_variable = variables[0] if variables else "QWEN_API_KEY"
        return {
            "api_key": key_variable,
            "default_headers": "QWEN_DEFAULT_HEADERS",
            "default_query": "QWEN_DEFAULT_QUERY",
        }

    @override
    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        """Return what traces show of a call: no secret, not even one that was given for this call only."""
        # As LangChain puts it together, without a warning that is made and kept silent on the way.
        return {**self._identifying_params, "_type": self._llm_type, "stop": self._stops(stop), **masked(kwargs)}

    @override
    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """Return the model's part of a cache key. Where a call goes and what it hides are in it as a digest."""
        endpoint = self._endpoint_if_known()
        shown = super()._get_llm_string(stop=stop, **masked(kwargs))
        return f"{shown}---{digest(endpoint.base_url if endpoint else None, self, kwargs)}"

    @override
    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=self._stops(stop), **kwargs)
        params["ls_provider"] = MODEL_PROVIDER
        params["ls_model_name"] = kwargs.get("model") or kwargs.get("model_name") or self.model
        return params

    @override
    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None]) -> dict[str, Any]:
        return combine_outputs(llm_outputs)

    @override
    def _resolve_model_profile(self) -> ModelProfile | None:
        return langchain_profile(qwen_endpoints.resolve(self, need_key=False))

    @override
    def bind_tools(
        self,
        tools: Sequence[Tool],
        *,
        tool_choice: ToolChoice = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return a model that may call these tools.

        Args:
            tools: Functions, pydantic classes, LangChain tools, or JSON schemas. Without any, nothing is sent.
            tool_choice: `auto`, `none`, `any`/`required`/`True`, a tool's name, or the object of Chat Completions or of
                Anthropic.
            strict: Ask for arguments that follow the schema exactly, where the endpoint has such a mode.
            **kwargs: Anything a call takes (`parallel_tool_calls`, `response_format` as an object of Chat Completions
                or as a schema, ...).
        """
        described = described_tools(tools, strict=strict)
        bound = {"tools": described, "tool_choice": named_choice(tool_choice), **kwargs}
        return self.bind(**{name: value for name, value in bound.items() if value is not None})

    @override
    def with_structured_output(
        self,
        schema: Schema | None = None,
        *,
        include_raw: bool = False,
        method: StructuredMethod | None = None,
        strict: bool | None = None,
        tools: Sequence[Tool] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Return a model that answers with an object.

        Args:
            schema: A pydantic class (v1 or v2), a TypedDict, a JSON schema (its `title` may be missing), or a
                function's description. With a pydantic class the answer is an instance of it, otherwise a `dict` that
                nothing has validated. In JSON mode there may be none.
            include_raw: Return `{"raw": message, "parsed": object or None, "parsing_error": exception or None}`. A
                stream gives the pieces of `raw` as they come and the other two at its end.
            method: `json_schema` (the endpoint writes nothing else), `function_calling` (one forced call), or
                `json_mode` (the endpoint writes JSON; the schema is told in the prompt). `None` takes the first of them
                that model and endpoint are known to have.
            strict: Ask for answers that follow the schema exactly, where the endpoint has such a mode.
            tools: Further tools the model may call first; not with `function_calling`, where the call is the answer.
            **kwargs: Settings for these calls (`temperature=0`, ...).

        While it streams, a `dict` grows as it arrives, and a pydantic object is given as soon as what arrived is valid.

        Raises:
            ConfigurationError: The schema or an argument cannot be used, or, at the first call, the endpoint is known
                not to take a JSON schema.
            OutputParserException: At a call: the answer holds no such object. The message says why.
        """
        # Their parsers are pydantic classes, which most programs have no use for.
        from langchain_qwen._raw import RawAnswerParser  # noqa: PLC0415 - as said
        from langchain_qwen._structured import plan_answer  # noqa: PLC0415 - as said

        unknown = [name for name in kwargs if name not in ARGUMENTS and name not in _CALL_ARGUMENTS]
        if unknown:
            raise ConfigurationError(f"with_structured_output has no argument {', '.join(map(repr, unknown))}.")
        endpoint = self._endpoint_if_known()
        chosen = method or (qwen_endpoints.structured_method(endpoint) if endpoint else "function_calling")
        if tools and chosen == "function_calling":
            raise ConfigurationError("method='function_calling' has one tool, the answer: no others can be added.")
        forced = endpoint is None or qwen_endpoints.can_force_tools(endpoint)
        request = plan_answer(schema, chosen, strict=strict, forced=forced)
        given = {**request.arguments, **kwargs}
        llm = self.bind_tools(tools, strict=strict, **given) if tools else self.bind(**given)
        return llm | (RawAnswerParser(parser=request.parser) if include_raw else request.parser)

    @override
    def get_token_ids(self, text: str) -> list[int]:
        """Return a text's token ids, offline: `custom_get_token_ids`, or those of the model's own vocabulary.

        Raises:
            ConfigurationError: The model's vocabulary is unknown, or not installed (`langchain-qwen[tokens]`).
        """
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        with as_langchain_errors():
            return qwen_endpoints.token_ids(text, profile_of(self).tokenizer)

    @override
    def get_num_tokens(self, text: str) -> int:
        """Count a text's tokens offline: with `custom_get_token_ids`, with the model's vocabulary, or by an estimate.

        The vocabulary comes with `langchain-qwen[tokens]`.
        """
        if self.custom_get_token_ids is not None:
            return super().get_num_tokens(text)
        with as_langchain_errors():
            return qwen_endpoints.count_tokens(text, profile_of(self).tokenizer)

    @override
    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """Count a prompt's tokens offline, as `get_num_tokens` does, with what the chat template adds.

        Args:
            messages: The conversation. Media whose size cannot be told counts as docs/tokens.md says.
            tools: Whatever `bind_tools` takes.

        Raises:
            ConfigurationError: A message or a content block cannot be sent; it is named.
        """
        if self.custom_get_token_ids is not None:
            counted = super().get_num_tokens_from_messages(messages)
            return counted + count_tools(tools or (), self.custom_get_token_ids)
        with as_langchain_errors():
            return count_conversation(self, messages, tools or ())

    def close(self) -> None:
        """Close the connections of sync calls. The next call opens new ones."""
        self._client.close()

    async def aclose(self) -> None:
        """Close the running event loop's connections. The next call opens new ones."""
        await self._client.aclose()

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with as_langchain_errors():
            call = self._plan(messages, stop, kwargs)
            return decode_completion(self._client.complete(call), call.endpoint)

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with as_langchain_errors():
            call = self._plan(messages, stop, kwargs)
            return decode_completion(await self._client.acomplete(call), call.endpoint)

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with as_langchain_errors():
            call = self._plan(messages, stop, kwargs)
            with closing(self._client.stream(call)) as deltas:
                for delta in deltas:
                    for chunk in decode_deltas(delta, call.endpoint):
                        if run_manager is not None:
                            run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with as_langchain_errors():
            call = self._plan(messages, stop, kwargs)
            async with aclosing(self._client.astream(call)) as deltas:
                async for delta in deltas:
                    for chunk in decode_deltas(delta, call.endpoint):
                        if run_manager is not None:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    @property
    def _client(self) -> QwenClient:
        """What makes the calls, from the first on: until then its modules need not be imported."""
        caller: QwenClient | None = self._caller
        if caller is None:
            caller = self._caller = qwen_endpoints.QwenClient()
        return caller

    def _plan(self, messages: list[BaseMessage], stop: list[str] | None, given: Mapping[str, Any]) -> Call:
        """Join a call's arguments with the settings. LangChain's own bookkeeping arguments end here."""
        kwargs = {name: value for name, value in given.items() if name not in _BOOKKEEPING}
        refuse_foreign(kwargs)
        return qwen_endpoints.plan_call(
            self,
            encode_messages(messages),
            tools=described_tools(kwargs.pop("tools", None) or ()),
            tool_choice=named_choice(kwargs.pop("tool_choice", None)),
            response_format=wire_response_format(kwargs.pop("response_format", None)),
            answer_schema=kwargs.pop("answer_schema", None),
            overrides=kwargs if stop is None else {**kwargs, "stop": stop},
        )

    def _stops(self, given: list[str] | None) -> list[str] | None:
        """What ends an answer, which traces would otherwise show only where it is given for the call."""
        stop = self.stop if given is None else given
        return [stop] if isinstance(stop, str) else stop

    def _endpoint_if_known(self) -> Endpoint | None:
        """The endpoint, or `None` while the environment does not name one yet."""
        with as_langchain_errors():
            return qwen_endpoints.check_settings(self, described=True)

    def _dumped_settings(self) -> dict[str, Any]:
        return self.model_dump(include=_SETTINGS)


_SETTINGS = set(QwenSettings.model_fields)
_BOOKKEEPING = frozenset({"stream", "ls_structured_output_format", "structured_output_format"})
_CALL_ARGUMENTS = frozenset({"extra_headers", "extra_query", "tool_choice"})
