"""Refusals, and the body each gateway gives them."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen_sandbox.gateways import Gateway
    from qwen_sandbox.json_types import JsonObject


@dataclass
class Refusal(Exception):  # noqa: N818  what the gateway does, not a fault of the sandbox
    """A request the gateway does not answer: HTTP status, message and, where the gateway has them, code and type."""

    status: int
    message: str
    code: str = "invalid_parameter_error"
    type: str = "invalid_request_error"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def request_id() -> str:
    """Return an id as the gateway writes into its messages: the time and some random digits."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime()) + secrets.token_hex(8)


def refusal_body(gateway: Gateway, refusal: Refusal) -> JsonObject:
    """Return the JSON body with which `gateway` tells of `refusal`."""
    if gateway.error_shape == "numbered":
        return {"error": {"code": refusal.status, "message": refusal.message}}
    error: JsonObject = {"code": refusal.code, "message": f"{refusal.message} (request id: {request_id()})"}
    if gateway.error_shape == "typed":
        error |= {"type": refusal.type, "param": ""}
    return {"error": error}
