"""The contracts as validators: which request bodies a gateway's page allows, and why it refuses the others."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema import exceptions as jsonschema_exceptions

from qwen_sandbox.json_types import JsonObject, as_list, as_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qwen_sandbox.gateways import Gateway


@cache
def load_contract(file_name: str) -> JsonObject:
    """Return the OpenAPI document `contracts/<file_name>`."""
    text = (Path(__file__).parent / "contracts" / file_name).read_text(encoding="utf-8")
    return cast("JsonObject", yaml.safe_load(text))


@cache
def request_validator(file_name: str, schema: str) -> Draft202012Validator:
    """Return the validator of one request schema; `#/components/...` references resolve inside the document."""
    document = load_contract(file_name)
    return Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": document["components"]})


def preload(gateways: Iterable[Gateway]) -> None:
    """Build every validator now, so that the first request is as quick as the others."""
    for gateway in gateways:
        for model in gateway.models:
            request_validator(gateway.contract, model.schema)


def first_violation(gateway: Gateway, schema: str, body: JsonObject) -> str | None:
    """Return what is wrong with `body` in a sentence that names the field and what it accepts, or None."""
    validator = request_validator(gateway.contract, schema)
    errors = cast("Iterable[ValidationError]", cast("Any", validator).iter_errors(body))
    error = cast("ValidationError | None", cast("Any", jsonschema_exceptions).best_match(errors))
    return None if error is None else _sentence(error)


def _sentence(error: ValidationError) -> str:
    field = _field(error)
    describe = _SENTENCES.get(str(error.validator))
    if describe is None:
        return f"{field} is not accepted: {error.message}"
    return describe(field, error)


def _field(error: ValidationError) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    return path.lstrip(".") or "the request body"


def _unknown_fields(field: str, error: ValidationError) -> str:
    known = as_object(as_object(error.schema).get("properties"))
    unknown = sorted(set(as_object(error.instance)) - set(known))
    return f"{field} does not accept {', '.join(unknown)}; it accepts {', '.join(sorted(known))}"


def _missing_field(field: str, error: ValidationError) -> str:
    missing = [str(name) for name in as_list(error.validator_value) if name not in as_object(error.instance)]
    return f"{field} must have {', '.join(missing)}"


def _range(field: str, error: ValidationError) -> str:
    schema = as_object(error.schema)
    low, high = schema.get("minimum"), schema.get("maximum")
    wanted = f"at least {low}" if high is None else f"at most {high}" if low is None else f"between {low} and {high}"
    return f"{field} must be {wanted} (got {error.instance!r:.80})"


def _type(field: str, error: ValidationError) -> str:
    value: Any = error.validator_value
    wanted = " or ".join(str(item) for item in as_list(value)) or str(value)
    return f"{field} must be of type {wanted} (got {error.instance!r:.80})"


def _choice(field: str, error: ValidationError) -> str:
    wanted = ", ".join(str(item) for item in as_list(error.validator_value))
    return f"{field} must be one of {wanted} (got {error.instance!r:.80})"


_SENTENCES: dict[str, Callable[[str, ValidationError], str]] = {
    "additionalProperties": _unknown_fields,
    "required": _missing_field,
    "minimum": _range,
    "maximum": _range,
    "type": _type,
    "enum": _choice,
    "const": lambda field, error: f"{field} must be {error.validator_value!r} (got {error.instance!r:.80})",
    "minItems": lambda field, _error: f"{field} must not be empty",
    "minLength": lambda field, _error: f"{field} must not be empty",
    "pattern": lambda field, error: f"{field} must match {error.validator_value} (got {error.instance!r:.80})",
    "anyOf": lambda field, error: (
        f"{field} is not accepted: {as_object(error.schema).get('description', 'wrong form')}"
    ),
    "oneOf": lambda field, error: (
        f"{field} is not accepted: {as_object(error.schema).get('description', 'wrong form')}"
    ),
}
