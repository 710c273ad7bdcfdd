"""A Messages request as a turn the script can answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qwen_sandbox.admission import parse_body
from qwen_sandbox.contract import first_violation
from qwen_sandbox.json_types import JsonObject
from qwen_sandbox.messages.rules import check_rules
from qwen_sandbox.messages.translation import chat_body
from qwen_sandbox.refusal import Refusal
from qwen_sandbox.rules import check_context
from qwen_sandbox.turn import Turn

if TYPE_CHECKING:
    from qwen_sandbox.gateways import Gateway, Model


@dataclass(frozen=True)
class MessagesTurn(Turn):
    """A turn whose `body` is the request in the words of Chat Completions."""

    request: JsonObject
    """The request as it came."""


def admit_messages(gateway: Gateway, raw: bytes, version: str) -> MessagesTurn:
    """Return the turn in `raw`, or raise the `Refusal` the gateway answers with."""
    body = parse_body(raw)
    model = _model(gateway, body)
    violation = first_violation(gateway, model.schema, body)
    if violation is not None:
        raise Refusal(400, violation)
    check_rules(body, version)
    turn = MessagesTurn(gateway, model, chat_body(body), body)
    check_context(turn)
    return turn


def _model(gateway: Gateway, body: JsonObject) -> Model:
    known = ", ".join(model.id for model in gateway.models)
    name: Any = body.get("model")
    if not isinstance(name, str):
        raise Refusal(400, f"the request body must have model, one of {known}")
    model = gateway.model(name)
    if model is None:
        raise Refusal(404, f"model: {name:.80} is not here, only {known}")
    return model
