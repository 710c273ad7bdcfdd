"""Structured output: any schema LangChain knows -> what is asked, and the answer as an object of that schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import BaseCumulativeTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.json import parse_partial_json
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import ConfigDict
from qwen_endpoints import (
    Choice,
    QwenError,
    StructuredMethod,
    ToolCall,
    answer_arguments,
    read_json,
    read_tool_call,
    strip_fence,
    wire_name,
)
from typing_extensions import override

from langchain_qwen._errors import ConfigurationError
from langchain_qwen._response_format import Schema

METHODS: Final = ("json_schema", "function_calling", "json_mode")
_NAMING_KEYS: Final = ("title", "name", "function", "toolSpec")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSchema:
    """What an answer should look like."""

    name: str
    description: str | None
    json_schema: Mapping[str, Any]
    model: type | None
    """The pydantic class to build; `None` for plain values."""


def read_schema(schema: Schema, *, strict: bool | None = None) -> AnswerSchema:
    """Read a schema of any form.

    Args:
        schema: What LangChain takes as a schema, a JSON schema without a title, or a `json_schema` response format.
        strict: Make the JSON schema as strict modes want it: every object closed, every property required.

    Raises:
        ConfigurationError: It is none of these.
    """
    described = _as_function(schema)
    try:
        function = convert_to_openai_tool(described, strict=strict)["function"]
        json_schema = function["parameters"]
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(f"{schema!r} cannot be used as the schema of an answer: {error}") from error
    return AnswerSchema(
        name=wire_name(function["name"]),
        description=function.get("description") or None,
        json_schema=json_schema,
        model=schema if isinstance(schema, type) and is_basemodel_subclass(schema) else None,
    )


def _as_function(schema: Schema) -> Any:
    """Spell a schema given as a mapping as a function, whatever it has for a name."""
    if not isinstance(schema, Mapping):
        return schema
    given = dict(cast("Mapping[str, Any]", schema.get("json_schema") if "json_schema" in schema else schema))
    if isinstance(given.get("schema"), Mapping):
        return {"name": given.get("name") or "answer", "parameters": given["schema"], **_description(given)}
    if "title" in given and "name" not in given:
        name = given.pop("title")
    elif any(key in given for key in _NAMING_KEYS):
        return given
    else:
        name = "answer"
    return {"name": name, **_description(given), "parameters": {k: v for k, v in given.items() if k != "description"}}


def _description(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": given["description"]} if given.get("description") else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRequest:
    """How one kind of structured answer is asked for, and how it is read."""

    arguments: Mapping[str, Any]
    """What the model is bound to."""
    parser: AnswerParser


def plan_answer(schema: Schema | None, method: StructuredMethod, *, strict: bool | None, forced: bool) -> AnswerRequest:
    """Decide what to ask an endpoint for.

    Args:
        schema: What the answer should look like; `None`, in JSON mode alone, is any JSON object.
        method: The way to ask.
        strict: Ask for answers that follow the schema exactly, where the endpoint has such a mode.
        forced: Whether the endpoint lets a request demand a tool call.

    Raises:
        ConfigurationError: The method is unknown, the schema is missing or is none.
    """
    if method not in METHODS:
        raise ConfigurationError(f"method is {method!r}; known are {', '.join(METHODS)}.")
    if schema is None:
        if method != "json_mode":
            raise ConfigurationError(f"method={method!r} needs a schema; only JSON mode does without one.")
        return AnswerRequest(arguments={"response_format": {"type": "json_object"}}, parser=AnswerParser(name="JSON"))
    answer = read_schema(schema, strict=strict if method != "json_mode" else None)
    trace = {"kwargs": {"method": method, **({} if strict is None else {"strict": strict})}, "schema": schema}
    asked = answer_arguments(
        method, answer.name, answer.json_schema, description=answer.description, strict=strict, forced=forced
    )
    function = answer.name if method == "function_calling" else None
    wants_object = answer.json_schema.get("type", "object") == "object"
    parser = AnswerParser(name=answer.name, function=function, model=answer.model, wants_object=wants_object)
    return AnswerRequest(arguments={**asked, "ls_structured_output_format": trace}, parser=parser)


class AnswerParser(BaseCumulativeTransformOutputParser[Any]):
    """Reads the object out of an answer. While a message streams it gives what can be read so far.

    Raises:
        OutputParserException: The answer holds no such object. The message says why (cut off by the token limit,
            refused, filtered, no call, not JSON, or what does not fit); its cause is the core's error.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())

    name: str | None = None
    function: str | None = None
    """The function whose call is the answer; `None`: the text is, as JSON."""
    model: Any = None
    """The pydantic class to build."""
    wants_object: bool = True

    @property
    @override
    def OutputType(self) -> Any:
        return self.model or dict[str, Any]

    @property
    @override
    def _type(self) -> str:
        return "qwen-answer"

    @override
    def parse(self, text: str) -> Any:
        return self.parse_result([Generation(text=text)])

    @override
    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        first = result[0]
        message = first.message if isinstance(first, ChatGeneration) else AIMessage(first.text)
        # A stream's last chunk says how it ended; what was read of a cut answer must not pass for the whole.
        if partial and "finish_reason" not in message.response_metadata:
            return self._read_so_far(message)
        return self.read(message)

    @override
    async def aparse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        return self.parse_result(result, partial=partial)  # nothing here waits, so no thread is needed

    def read(self, message: BaseMessage) -> Any:
        """Read the object out of a whole message.

        Raises:
            OutputParserException: It holds no such object.
        """
        choice = _choice(message)
        try:
            value = read_tool_call(choice, self.function) if self.function else read_json(choice)
        except QwenError as error:
            raise OutputParserException(error.message, llm_output=choice.text) from error
        plain: Any = dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else value
        try:
            return self._build(plain)
        except ValueError as error:
            written = json.dumps(plain, ensure_ascii=False)
            raise OutputParserException(
                f"The answer does not fit {self.name}: {error} It is: {written[:200]}", llm_output=written
            ) from error

    def _read_so_far(self, message: BaseMessage) -> Any:
        try:
            value = _call_so_far(message, self.function) if self.function else _json_so_far(message.text)
            return None if value is None else self._build(value)
        except ValueError:
            return None  # not enough of it yet

    def _build(self, value: Any) -> Any:
        if self.wants_object and not isinstance(value, Mapping):
            raise ValueError("it is no JSON object.")
        if self.model is None:
            return cast("Any", value)
        if hasattr(self.model, "model_validate_json"):
            # As JSON, because a strict model takes a date or a tuple from JSON only in that mode.
            return self.model.model_validate_json(json.dumps(value))
        return self.model.parse_obj(value)


def _call_so_far(message: BaseMessage, function: str) -> Any:
    calls: list[dict[str, Any]] = getattr(message, "tool_calls", [])
    return next((call["args"] for call in calls if call["name"] == function), None)


def _json_so_far(text: str) -> Any:
    return parse_partial_json(strip_fence(text)) if text.strip() else None


def _choice(message: BaseMessage) -> Choice:
    """A message in the core's terms, as far as reading an object needs them."""
    valid: list[dict[str, Any]] = getattr(message, "tool_calls", [])
    broken: list[dict[str, Any]] = message.response_metadata.get("invalid_tool_calls") or getattr(
        message, "invalid_tool_calls", []
    )
    return Choice(
        text=message.text,
        tool_calls=(
            *(ToolCall(id=call["id"] or "", name=call["name"], arguments="", parsed=call["args"]) for call in valid),
            *(
                ToolCall(
                    id=call["id"] or "",
                    name=call["name"] or "",
                    arguments=call["args"] or "",
                    error=call["error"] or "its arguments are no JSON object",
                )
                for call in broken
            ),
        ),
        finish_reason=message.response_metadata.get("finish_reason"),
        refusal=message.additional_kwargs.get("refusal"),
    )
