"""Refusals as the protocol tells of them: the status decides the type."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen_sandbox.json_types import JsonObject

# https://docs.anthropic.com/en/api/errors, 2026-11-22; 405, 408, 502 and 503 are not there and have the nearest type.
_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def new_request_id() -> str:
    """Return a request id no other request has."""
    return f"req_{secrets.token_hex(12)}"


def error_body(status: int, message: str) -> JsonObject:
    """Return the body of an error without the request's id, as it also stands in a stream."""
    return {"type": "error", "error": {"type": _TYPES.get(status, "invalid_request_error"), "message": message}}
