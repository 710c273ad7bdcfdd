"""Structured output: the framework's four hooks, and which way an object is asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, cast, get_args

import qwen_endpoints
from llama_index.core.base.llms.types import ChatMessage, ContentBlock, MessageRole, TextBlock
from llama_index.core.instrumentation.events.llm import LLMStructuredPredictEndEvent, LLMStructuredPredictStartEvent
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.output_parsers.pydantic import PydanticOutputParser
from llama_index.core.types import PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel
from qwen_endpoints import ConfigurationError, QwenSettings, StructuredMethod
from typing_extensions import override

from llama_index.llms.qwen._answers import AnswerReader, AnswerSchema, aobjects, describe, objects

if TYPE_CHECKING:
    from llama_index.core.prompts.base import BasePromptTemplate
    from qwen_endpoints import Endpoint

_Object = TypeVar("_Object", bound=BaseModel)
_Way = Literal["json_schema", "function_calling", "json_mode", "text"]
"""How an object is asked for; `text` is by words alone."""

_MODES: Final[Mapping[PydanticProgramMode, _Way]] = {
    PydanticProgramMode.FUNCTION: "function_calling",
    PydanticProgramMode.OPENAI: "function_calling",
    PydanticProgramMode.LLM: "text",
}
"""What the framework's modes ask for; `DEFAULT` leaves it to `structured_output`, and the others are programs of their
own in other packages."""
_OWN_PROGRAMS: Final = (PydanticProgramMode.GUIDANCE, PydanticProgramMode.LM_FORMAT_ENFORCER)
_ABOUT_THE_ANSWER: Final = frozenset({"tools", "tool_choice", "response_format", "answer_schema"})
"""Arguments of a call that say nothing about where it goes."""

_dispatcher = get_dispatcher(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    messages: list[ChatMessage]
    arguments: Mapping[str, Any]
    reader: AnswerReader


class StructuredCalls(QwenSettings, FunctionCallingLLM, defer_build=True):
    """Structured output for `Qwen`: everything that the framework builds on `structured_predict` and its kin."""

    structured_output: Literal["auto", "json_schema", "function_calling", "json_mode"] = "auto"
    """How an object is asked for: by a `response_format` with its schema, by a tool call, or by JSON mode with the
    schema in the prompt. `auto` is the first of these that model and endpoint are known to take. The framework's
    `pydantic_program_mode` comes first: `FUNCTION` is a tool call, `LLM` a schema in the prompt and nothing else."""

    @override
    def structured_predict(
        self,
        output_cls: type[_Object],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> _Object:
        """Answer a prompt with an object.

        Args:
            output_cls: A pydantic class.
            prompt: Its messages are sent as they are, after `system_prompt`.
            llm_kwargs: What else to pass to the call: settings, `structured_output`, or a `tool_choice` of your own.
            prompt_args: Values for the prompt's variables.

        Raises:
            ConfigurationError: It cannot be asked for this way; nothing was sent.
            StructuredOutputError: The answer holds no such object. It is a `ValueError` too, and its message says why.
        """
        if self._leaves_it_to_the_framework():
            return super().structured_predict(output_cls, cast("Any", prompt), llm_kwargs, **prompt_args)
        _dispatcher.event(
            LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
        )
        request = self._ask(output_cls, prompt, llm_kwargs, prompt_args)
        found = request.reader.whole(self.chat(request.messages, **request.arguments))
        _dispatcher.event(LLMStructuredPredictEndEvent(output=found))
        return cast("_Object", found)

    @override
    async def astructured_predict(
        self,
        output_cls: type[_Object],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> _Object:
        """As `structured_predict`."""
        if self._leaves_it_to_the_framework():
            return await super().astructured_predict(output_cls, cast("Any", prompt), llm_kwargs, **prompt_args)
        _dispatcher.event(
            LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
        )
        request = self._ask(output_cls, prompt, llm_kwargs, prompt_args)
        found = request.reader.whole(await self.achat(request.messages, **request.arguments))
        _dispatcher.event(LLMStructuredPredictEndEvent(output=found))
        return cast("_Object", found)

    # `stream_structured_predict` and its async form are the framework's: they give events around these.

    @override
    def _structured_stream_call(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        if self._leaves_it_to_the_framework():
            return super()._structured_stream_call(output_cls, cast("Any", prompt), llm_kwargs, **prompt_args)
        request = self._ask(output_cls, prompt, llm_kwargs, prompt_args)
        return objects(self.stream_chat(request.messages, **request.arguments), request.reader)

    @override
    async def _structured_astream_call(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        if self._leaves_it_to_the_framework():
            return await super()._structured_astream_call(output_cls, cast("Any", prompt), llm_kwargs, **prompt_args)
        request = self._ask(output_cls, prompt, llm_kwargs, prompt_args)
        return aobjects(await self.astream_chat(request.messages, **request.arguments), request.reader)

    def _leaves_it_to_the_framework(self) -> bool:
        return self.pydantic_program_mode in _OWN_PROGRAMS

    def _ask(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: Mapping[str, Any] | None,
        prompt_args: Mapping[str, Any],
    ) -> _Request:
        """Decide what to send and how to read the answer. Nothing of the caller's is changed."""
        given = {name: value for name, value in (llm_kwargs or {}).items() if value is not None}
        # The framework's own words for its programs: one call is wanted in any case.
        given.pop("allow_parallel_tool_calls", None)
        wanted = given.pop("tool_required", True)
        word = given.pop("structured_output", None)
        schema = describe(output_cls)
        where = {name: value for name, value in given.items() if name not in _ABOUT_THE_ANSWER}
        endpoint = qwen_endpoints.plan_call(self, (), overrides=where).endpoint
        way = self._way(endpoint, word)
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        if way == "text":
            told = _told(messages, schema)
            return _Request(messages=told, arguments=given, reader=AnswerReader(schema, endpoint, embedded=True))
        if way == "function_calling" and given.get("tools"):
            raise ConfigurationError("Asked for by a tool call, an object is the one tool: no others can be added.")
        asked = qwen_endpoints.answer_arguments(
            way,
            schema.name,
            schema.json_schema,
            description=schema.description,
            forced=wanted and qwen_endpoints.can_force_tools(endpoint),
        )
        if way != "function_calling" and not given.get("tools"):
            given.pop("tool_choice", None)  # about the tool that is not there
        function = schema.name if way == "function_calling" else None
        return _Request(
            messages=messages,
            arguments={**asked, **given},
            reader=AnswerReader(schema, endpoint, function=function),
        )

    def _way(self, endpoint: Endpoint, word: object) -> _Way:
        """Choose how to ask: as the call says, else as the framework's mode says, else as the instance does."""
        if word is not None and word not in ("auto", *get_args(StructuredMethod)):
            known = ", ".join(("auto", *get_args(StructuredMethod)))
            raise ConfigurationError(f"structured_output is {word!r}; known are {known}.")
        by_mode = None if word else _MODES.get(self.pydantic_program_mode)
        said = cast("StructuredMethod | Literal['auto']", word or self.structured_output)
        if by_mode is not None and said not in ("auto", by_mode):
            raise ConfigurationError(
                f"structured_output={said!r} and pydantic_program_mode={self.pydantic_program_mode.value!r} contradict "
                "each other: drop one of them."
            )
        calls = self.metadata.is_function_calling_model
        if by_mode is None and said == "auto":
            known_to_work = qwen_endpoints.structured_method(endpoint)
            return known_to_work if calls or known_to_work != "function_calling" else "json_mode"
        way = by_mode or cast("StructuredMethod", said)
        if way == "function_calling" and not calls:
            raise ConfigurationError(
                "A tool call is asked for, but metadata.is_function_calling_model is False: choose another "
                "structured_output or pydantic_program_mode."
            )
        return way


def _told(messages: list[ChatMessage], schema: AnswerSchema) -> list[ChatMessage]:
    """Add the framework's words about a schema where the framework does: to a system message at the head, else to the
    last message.

    Its parser would do so in the caller's own prompt, and with each brace of the schema doubled.
    """
    words = PydanticOutputParser(schema.model).get_format_string(escape_json=False)
    place = 0 if messages and messages[0].role == MessageRole.SYSTEM else len(messages) - 1
    return [
        message.model_copy(update={"blocks": _with_words(message.blocks, words)}) if position == place else message
        for position, message in enumerate(messages)
    ]


def _with_words(blocks: Sequence[ContentBlock], words: str) -> list[ContentBlock]:
    """Join the words to a text at the end, so that one text stays one."""
    *others, last = blocks or [TextBlock(text="")]
    if isinstance(last, TextBlock):
        return [*others, TextBlock(text=f"{last.text}\n\n{words}".lstrip())]
    return [*others, last, TextBlock(text=words)]
