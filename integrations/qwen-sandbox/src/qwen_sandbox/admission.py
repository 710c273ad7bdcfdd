"""From the bytes of a request to a turn the gateway answers, or a refusal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn, cast

from qwen_sandbox.contract import first_violation
from qwen_sandbox.refusal import Refusal
from qwen_sandbox.rules import check_rules
from qwen_sandbox.turn import Turn

if TYPE_CHECKING:
    from qwen_sandbox.gateways import Gateway, Model
    from qwen_sandbox.json_types import JsonObject


def admit(gateway: Gateway, raw: bytes) -> Turn:
    """Return the turn in `raw`, or raise the `Refusal` the gateway answers with."""
    body = parse_body(raw)
    model = _model(gateway, body)
    violation = first_violation(gateway, model.schema, body)
    if violation is not None:
        raise Refusal(400, violation)
    turn = Turn(gateway, model, body)
    check_rules(turn)
    return turn


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def parse_body(raw: bytes) -> JsonObject:
    """Return the JSON object in `raw`, or raise a `Refusal`."""
    try:
        body: Any = json.loads(raw, parse_constant=_no_constant)
        # Half a surrogate pair is legal JSON but no text: the answer, which quotes the prompt, could not be encoded.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "the request body is not valid JSON in UTF-8", code="invalid_json") from error
    if not isinstance(body, dict):
        raise Refusal(400, "the request body must be a JSON object", code="invalid_json")
    return cast("JsonObject", body)


def _model(gateway: Gateway, body: JsonObject) -> Model:
    known = ", ".join(model.id for model in gateway.models)
    if "model" not in body:
        raise Refusal(400, f"the request body must have model, one of {known}")
    name: Any = body["model"]
    model = gateway.model(name) if isinstance(name, str) else None
    if model is None:
        raise Refusal(400, f"model must be one of {known} (got {name!r:.80})", code="model_not_found")
    return model
