"""Structured output: which way to ask for it, and reading what comes back."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, Literal

from qwen_endpoints.errors import ContentFilteredError, MalformedResponseError

if TYPE_CHECKING:
    from qwen_endpoints.resolve import Endpoint
    from qwen_endpoints.types import Choice, Json

_FENCE: Final = re.compile(r"```(?:[\w-]*[ \t]*\r?\n|json\b)?", re.IGNORECASE)
"""The opening of a fence: with a language before the line break, or all on one line."""

StructuredMethod = Literal["json_schema", "function_calling", "json_mode"]


def structured_method(endpoint: Endpoint) -> StructuredMethod:
    """Choose how to ask an endpoint for structured output.

    A JSON schema where provider and model are known to take one, else a forced tool call, else JSON mode.
    """
    profile = endpoint.profile
    if profile.json_schema:
        return "json_schema"
    if profile.tools is not False and profile.forced_tool_choice is not False:
        return "function_calling"
    return "json_mode"


def response_format(
    method: Literal["json_schema", "json_mode"], name: str, schema: Json, *, strict: bool | None = None
) -> dict[str, Any]:
    """Build the `response_format` for a schema. `strict` is sent only where it is set."""
    if method == "json_mode":
        return {"type": "json_object"}
    described: dict[str, Any] = {"name": name, "schema": dict(schema)}
    if strict is not None:
        described["strict"] = strict
    return {"type": "json_schema", "json_schema": described}


def read_json(choice: Choice) -> Any:
    """Read the JSON value of an answer; a Markdown fence around it is accepted.

    Raises:
        MalformedResponseError: The answer is no JSON; the message says whether it was cut off or refused.
        ContentFilteredError: The answer was filtered.
    """
    try:
        return json.loads(strip_fence(choice.text))
    except (ValueError, RecursionError) as error:
        raise _why_no_json(choice) from error


def strip_fence(text: str) -> str:
    """Return what stands inside a Markdown code fence, or the text itself where there is none."""
    stripped = text.strip()
    opener = _FENCE.match(stripped)
    if opener is None:
        return stripped
    inside = stripped[opener.end() :]
    return inside.rpartition("```")[0].strip() if "```" in inside else inside.strip()


def _why_no_json(choice: Choice) -> MalformedResponseError | ContentFilteredError:
    if choice.finish_reason == "length":
        return MalformedResponseError(
            "The answer hit its token limit before the JSON was complete: raise max_tokens, or switch thinking off."
        )
    if choice.finish_reason == "content_filter":
        return ContentFilteredError("The answer was stopped by the endpoint's content filter; there is no JSON.")
    if choice.refusal:
        return MalformedResponseError(f"The model refused to answer: {choice.refusal}")
    shown = " ".join(choice.text.split())[:200]
    return MalformedResponseError(f"The answer is not JSON: {shown!r}")
