"""Asking for an answer in JSON: the `response_format`, and what the prompt has to say beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final, cast

from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.tools import inline_refs

if TYPE_CHECKING:
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.types import ChatRequest
    from qwen_endpoints.words import Json

_REQUEST: Final = "Respond in JSON."
_SCHEMA_REQUEST: Final = "Respond with a JSON value that fits this JSON Schema, and with nothing else:"


def encode_response_format(request: ChatRequest, endpoint: Endpoint) -> dict[str, Any] | None:
    """Copy a `response_format`, its schema's references inlined as those of tools are.

    Raises:
        ConfigurationError: It holds a schema, and the model is known not to take one here.
    """
    if request.response_format is None:
        return None
    encoded: dict[str, Any] = deepcopy(dict(request.response_format))
    described = encoded.get("json_schema")
    if not isinstance(described, Mapping):
        return encoded
    if endpoint.profile.json_schema is False:
        raise endpoint.scope.error(
            ConfigurationError,
            f"{endpoint.model} at {endpoint.provider.name} does not take a JSON schema as response_format: use "
            "function calling or JSON mode instead, or send it in extra_body anyway.",
        )
    schema = cast("Mapping[str, Any]", described).get("schema")
    if endpoint.dialect.inline_refs and isinstance(schema, dict):
        encoded["json_schema"]["schema"] = inline_refs(cast("dict[str, Any]", schema))
    return encoded


def with_json_request(encoded: list[dict[str, Any]], request: ChatRequest, endpoint: Endpoint) -> list[dict[str, Any]]:
    """Return encoded messages whose system message says what JSON mode leaves to the prompt.

    That is the schema, where the request has one, and else the word JSON, which endpoints refuse to do without.
    """
    if (request.response_format or {}).get("type") != "json_object":
        return encoded
    if request.answer_schema is not None:
        schema = json.dumps(inline_refs(dict(request.answer_schema)), ensure_ascii=False)
        return _with_system_text(encoded, f"{_SCHEMA_REQUEST}\n{schema}")
    if endpoint.dialect.json_word and not _mentions_json(request):
        return _with_system_text(encoded, _REQUEST)
    return encoded


def _mentions_json(request: ChatRequest) -> bool:
    """Whether the prompt has the word; what the model or a tool said before does not count."""
    asking = (message for message in request.messages if message.role in ("system", "user"))
    return any("json" in text.lower() for message in asking for text in _texts(message.content))


def _texts(content: str | Sequence[Json]) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    else:
        yield from (str(part.get("text", "")) for part in content if part.get("type") == "text")


def _with_system_text(encoded: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    first, *rest = encoded
    if first["role"] != "system":
        return [{"role": "system", "content": text}, *encoded]
    content = first["content"]
    if isinstance(content, str):
        return [{**first, "content": f"{content}\n\n{text}" if content else text}, *rest]
    return [{**first, "content": [*content, {"type": "text", "text": text}]}, *rest]
