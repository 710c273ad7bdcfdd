"""Structured output: which way to ask for it, and reading what comes back."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, Literal

from qwen_endpoints.errors import ContentFilteredError, MalformedResponseError

if TYPE_CHECKING:
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.types import Choice
    from qwen_endpoints.words import Json, StructuredMethod

_FENCE: Final = re.compile(r"```(?:[\w-]*[ \t]*\r?\n|json\b)?", re.IGNORECASE)
"""The opening of a fence: with a language before the line break, or all on one line."""


def structured_method(endpoint: Endpoint) -> StructuredMethod:
    """Choose how to ask an endpoint for structured output.

    A JSON schema where provider and model are known to take one, else a tool call, else JSON mode. A model that always
    reasons, at an endpoint that takes no schema beside reasoning, is asked by a tool call, which need not be forced.
    """
    profile = endpoint.profile
    if profile.json_schema and not _always_excluded("json_schema", endpoint):
        return "json_schema"
    if profile.tools is not False and profile.forced_tool_choice is not False:
        return "function_calling"
    return "json_mode"


def can_force_tools(endpoint: Endpoint) -> bool:
    """Whether a request may demand a tool call: not where that is ignored, nor of a model that always reasons where the
    two exclude each other.
    """
    return (
        endpoint.profile.forced_tool_choice is not False
        and endpoint.dialect.tool_choice != "ignored"
        and not _always_excluded("forced_tool_choice", endpoint)
    )


def _always_excluded(wish: Literal["json_schema", "forced_tool_choice"], endpoint: Endpoint) -> bool:
    return endpoint.profile.thinking == "always" and wish in endpoint.dialect.thinking_excludes


def answer_arguments(
    method: StructuredMethod,
    name: str,
    schema: Json,
    *,
    description: str | None = None,
    strict: bool | None = None,
    forced: bool = True,
) -> dict[str, Any]:
    """Build the arguments of `plan_call` that ask for an answer of a schema.

    Args:
        method: The way to ask.
        name: What to call the schema or the function, as `wire_name` spells it.
        schema: A JSON schema; of an object, where it becomes a function's parameters.
        description: Sent only where it is set.
        strict: As `description`; JSON mode has no such thing.
        forced: Demand the call of the function (see `can_force_tools`) instead of merely offering it.
    """
    described = {"description": description} if description else {}
    if method == "json_mode":
        return {"response_format": response_format(method, name, schema), "answer_schema": {**described, **schema}}
    if method == "json_schema":
        return {"response_format": response_format(method, name, schema, description=description, strict=strict)}
    function: dict[str, Any] = {"name": wire_name(name), "parameters": schema, **described}
    if strict is not None:
        function["strict"] = strict
    tool = {"type": "function", "function": function}
    return {"tools": [tool], **({"tool_choice": function["name"]} if forced else {})}


def response_format(
    method: Literal["json_schema", "json_mode"],
    name: str,
    schema: Json,
    *,
    description: str | None = None,
    strict: bool | None = None,
) -> dict[str, Any]:
    """Build the `response_format` for a schema. `description` and `strict` are sent only where they are set.

    Characters that endpoints refuse in a name (all but letters, digits, `_` and `-`) become `_`.
    """
    if method == "json_mode":
        return {"type": "json_object"}
    described: dict[str, Any] = {"name": wire_name(name), "schema": dict(schema)}
    if description:
        described["description"] = description
    if strict is not None:
        described["strict"] = strict
    return {"type": "json_schema", "json_schema": described}


def wire_name(name: str) -> str:
    """Return a name for a function or a schema that endpoints take, e.g. `Page_int_` for `Page[int]`."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64] or "answer"


def read_json(choice: Choice) -> Any:
    """Read the JSON value of an answer; a Markdown fence around it is accepted.

    Raises:
        MalformedResponseError: The answer is no JSON; the message says whether it was cut off or refused.
        ContentFilteredError: The answer was filtered.
    """
    try:
        return json.loads(strip_fence(choice.text))
    except (ValueError, RecursionError) as error:
        raise _why_missing(choice, "JSON") from error


def read_tool_call(choice: Choice, name: str) -> Json:
    """Read the arguments of the first call of a function that an answer holds.

    Raises:
        MalformedResponseError: There is no valid call of it; the message says whether the answer was cut off or
            refused, or what is wrong with the call.
        ContentFilteredError: The answer was filtered.
    """
    calls = [call for call in choice.tool_calls if call.name == name]
    for call in calls:
        if call.parsed is not None:
            return call.parsed
    if calls and choice.finish_reason not in ("length", "content_filter"):
        raise MalformedResponseError(f"The call of {name} is invalid: {calls[0].error}. {_shown(calls[0].arguments)}")
    raise _why_missing(choice, f"call of {name}")


def strip_fence(text: str) -> str:
    """Return what stands inside the first Markdown code fence, or the text itself where it is JSON or has no fence."""
    stripped = text.strip()
    opener = None if stripped.startswith(("{", "[", '"')) else _FENCE.search(stripped)
    if opener is None:
        return stripped
    inside = stripped[opener.end() :]
    return inside.rpartition("```")[0].strip() if "```" in inside else inside.strip()


def _why_missing(choice: Choice, what: str) -> MalformedResponseError | ContentFilteredError:
    if choice.finish_reason == "length":
        return MalformedResponseError(
            f"The answer hit its token limit before the {what} was complete: raise max_tokens, or switch thinking off."
        )
    if choice.finish_reason == "content_filter":
        said = f" {_shown(choice.text)}" if choice.text else ""  # Messages has a refusal's own words there
        return ContentFilteredError(
            f"The answer was stopped by the endpoint's content filter; there is no {what}.{said}"
        )
    if choice.refusal:
        return MalformedResponseError(f"The model refused to answer: {choice.refusal}")
    called = ", ".join(call.name for call in choice.tool_calls)
    if called:
        return MalformedResponseError(f"The answer holds no {what}; it calls {called} instead.")
    return MalformedResponseError(f"The answer holds no {what}. {_shown(choice.text)}")


def _shown(text: str) -> str:
    return f"It is: {' '.join(text.split())[:200]!r}"
