"""Structured answers: a pydantic class as a schema to ask for, and a response as an object of that class. No I/O."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

import qwen_endpoints
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.program.utils import FlexibleModel
from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticUserError
from qwen_endpoints import ConfigurationError, ContentFilteredError, Json, MalformedResponseError, QwenError

from llama_index.llms.qwen._partial_json import parse_so_far
from llama_index.llms.qwen._tool_calls import INVALID_CALLS, PARTIAL, facts_of, stated_calls

if TYPE_CHECKING:
    from qwen_endpoints import Choice, Endpoint

_WRAPPED: Final = "value"
"""The one property of the object that an answer of another type is put into."""
_SHOWN: Final = 200
"""How much of an answer an error quotes."""


class StructuredOutputError(MalformedResponseError, ValueError):
    """An answer holds no object of the class that was asked for; the message says why.

    It is a `ValueError` as well, because that is what LlamaIndex's own programs raise and its callers expect. Its cause
    is the core's error, or pydantic's where the object does not fit.
    """

    answer: str = ""
    """What arrived in its place: the text, or the arguments of the call."""
    response: ChatResponse | None = None
    """The whole response, with its reasoning, token counts and finish reason."""


class FilteredOutputError(ContentFilteredError, StructuredOutputError):
    """As `StructuredOutputError`, of an answer that the endpoint's moderation stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSchema:
    """A pydantic class as it is described to a model."""

    model: type[BaseModel]
    name: str
    """The class's title, in characters that endpoints take."""
    description: str | None
    json_schema: Json
    """Always of an object."""
    wrapped: bool
    """The class is no object in JSON (a root model of a list, say); its value is asked for as an object's property."""


def describe(model: object) -> AnswerSchema:
    """Describe a pydantic class.

    Raises:
        ConfigurationError: It is none, or it has no JSON schema.
    """
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise ConfigurationError(f"output_cls is {model!r}, not a class of pydantic's BaseModel.")
    try:
        schema = _with_plain_root(model.model_json_schema())
    except PydanticUserError as error:
        raise ConfigurationError(f"{model.__name__} cannot be used as the schema of an answer: {error}") from error
    name, description = qwen_endpoints.wire_name(schema.pop("title", model.__name__)), schema.pop("description", None)
    wrapped = schema.get("type") != "object"
    if wrapped:
        definitions = {key: schema.pop(key) for key in ("$defs",) if key in schema}
        schema = {"type": "object", "properties": {_WRAPPED: schema}, "required": [_WRAPPED], **definitions}
    return AnswerSchema(model=model, name=name, description=description, json_schema=schema, wrapped=wrapped)


def _with_plain_root(schema: dict[str, Any]) -> dict[str, Any]:
    """Write out the root of a class that contains itself, which pydantic states as a reference."""
    reference = str(schema.get("$ref", ""))
    definitions = schema.get("$defs", {})
    root = definitions.get(reference.removeprefix("#/$defs/"))
    return schema if root is None else {**root, "$defs": definitions}


class AnswerReader:
    """Reads the object out of the response to one request, or out of its growing frames."""

    def __init__(
        self, schema: AnswerSchema, endpoint: Endpoint, *, function: str | None = None, embedded: bool = False
    ) -> None:
        """Prepare to read.

        Args:
            schema: What was asked for.
            endpoint: Who was asked, for errors.
            function: The function whose call is the answer; `None`: the text is, as JSON.
            embedded: Accept an object with words around it.
        """
        self._schema = schema
        self._scope = endpoint.scope
        self._function = function
        self._embedded = embedded
        self._written = ""
        self._value: Any = None

    def whole(self, response: ChatResponse) -> BaseModel:
        """Return the object of a whole response.

        Raises:
            StructuredOutputError: There is none, or it does not fit the class. An error of the class's own validators
                that is no `ValueError` passes through.
        """
        choice = _choice(response)
        try:
            return self._object(choice)
        except (QwenError, ValidationError) as error:
            raise self._error(error, choice, response) from error

    def so_far(self, frame: ChatResponse) -> FlexibleModel | None:
        """Return the object as far as it has arrived, where that is more than before.

        It has the fields of the class, `None` where nothing has come, and plain values: the class's own checks are for
        the whole.
        """
        written = self._written_so_far(frame)
        if len(written) <= len(self._written) or not written.startswith(self._written):
            return None  # what looked like a fence in the JSON makes it shorter for a while
        self._written = written
        try:
            value = self._unwrapped(parse_so_far(written))
        except ValueError:
            return None
        if not value or value == self._value:
            return None
        self._value = value
        return self._partial(value)

    def _written_so_far(self, frame: ChatResponse) -> str:
        if self._function is None:
            text = qwen_endpoints.strip_fence(frame.message.content or "")
            return text[max(text.find("{"), 0) :] if self._embedded and not text.startswith("[") else text
        calls = (block for block in frame.message.blocks if isinstance(block, ToolCallBlock))
        stated = next((call.tool_kwargs for call in calls if call.tool_name == self._function), "")
        return stated if isinstance(stated, str) else ""

    def _partial(self, value: Any) -> FlexibleModel | None:
        fields = self._schema.model.model_fields
        if self._schema.wrapped:
            return FlexibleModel.model_validate(dict.fromkeys(fields, value))  # a root model has the one
        if not isinstance(value, Mapping):
            return None
        names = {alias: name for name, field in fields.items() if isinstance(alias := field.validation_alias, str)}
        named = {names.get(key, key): item for key, item in cast("Json", value).items()}
        return FlexibleModel.model_validate({**dict.fromkeys(fields), **named})

    def _object(self, choice: Choice) -> BaseModel:
        if self._function is None:
            return self._build(self._unwrapped(self._json(choice)))
        calls = [call.parsed for call in choice.tool_calls if call.name == self._function and call.parsed is not None]
        misfit: ValidationError | None = None
        for arguments in calls or [qwen_endpoints.read_tool_call(choice, self._function)]:
            try:
                return self._build(self._unwrapped(arguments))
            except ValidationError as error:  # noqa: PERF203 - there is one call, or a few
                misfit = misfit or error
        raise cast("ValidationError", misfit)

    def _json(self, choice: Choice) -> Any:
        try:
            return qwen_endpoints.read_json(choice)
        except MalformedResponseError:
            text = choice.text
            start, end = text.find("{"), text.rfind("}")
            if not self._embedded or choice.finish_reason == "length" or end < start:
                raise
            try:
                return json.loads(text[start : end + 1])
            except ValueError:
                pass
            raise

    def _unwrapped(self, value: Any) -> Any:
        given: Any = value
        wrapped = self._schema.wrapped and isinstance(value, Mapping) and set(given) == {_WRAPPED}
        return given[_WRAPPED] if wrapped else given

    def _build(self, value: Any) -> BaseModel:
        # As JSON, because a strict class takes a date or a tuple from JSON only in that mode.
        return self._schema.model.model_validate_json(json.dumps(value, default=dict))

    def _error(
        self, error: QwenError | ValidationError, choice: Choice, response: ChatResponse
    ) -> StructuredOutputError:
        kind = FilteredOutputError if isinstance(error, ContentFilteredError) else StructuredOutputError
        written = next((call.arguments for call in choice.tool_calls if call.name == self._function), choice.text)
        if isinstance(error, QwenError):
            reason = error.message
        else:
            shown = " ".join(written.split())[:_SHOWN]
            reason = f"The answer does not fit {self._schema.name}: {_misfits(error)}. It is: {shown!r}"
        refused = cast("StructuredOutputError", self._scope.error(kind, reason))
        refused.answer, refused.response = written, response
        return refused


def objects(frames: ChatResponseGen, reader: AnswerReader) -> Generator[BaseModel, None, None]:
    """Give the object as it grows, and at last the whole one. Leaving early ends the stream.

    The frames are read to their end before the last object is judged, so that the call itself is seen to have ended
    well by whoever counts its tokens.
    """
    last = _NOTHING
    with closing(frames):
        for frame in frames:
            last, found = frame, _growing(frame, reader)
            if found is not None:
                yield found
    yield reader.whole(last)


async def aobjects(frames: ChatResponseAsyncGen, reader: AnswerReader) -> AsyncGenerator[BaseModel, None]:
    """As `objects`, for `async for`."""
    last = _NOTHING
    async with aclosing(frames):
        async for frame in frames:
            last, found = frame, _growing(frame, reader)
            if found is not None:
                yield found
    yield reader.whole(last)


_NOTHING: Final = ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT))


def _growing(frame: ChatResponse, reader: AnswerReader) -> BaseModel | None:
    return reader.so_far(frame) if facts_of(frame).get(PARTIAL) else None


def _choice(response: ChatResponse) -> Choice:
    """A response in the core's terms, as far as reading an object needs them."""
    facts = facts_of(response)
    reasons = {entry.get("id"): entry.get("error") for entry in facts.get(INVALID_CALLS) or ()}
    calls = (
        replace(call, parsed=None, error=reasons[call.id]) if call.id in reasons else call
        for call in stated_calls(response.message)
    )
    return qwen_endpoints.Choice(
        text=response.message.content or "",
        tool_calls=tuple(calls),
        finish_reason=facts.get("finish_reason"),
        refusal=facts.get("refusal"),
    )


def _misfits(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'the whole'}: {item['msg']}" for item in error.errors(include_url=False)
    )
