"""JSON Schema as callers send it: is it one, and does a value fit it. Nothing is ever fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from jsonschema import Draft202012Validator, SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

if TYPE_CHECKING:
    from qwen_sandbox.json_types import JsonObject

# An empty registry: a reference to another document stays unresolved instead of being fetched.
_NOTHING = cast("Any", Registry)()


def is_schema(schema: JsonObject) -> bool:
    """Return whether `schema` is a valid JSON Schema (Draft 2020-12)."""
    try:
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError):
        return False
    return True


def fits(value: Any, schema: JsonObject) -> bool:
    """Return whether `value` fits `schema`; a schema that cannot be followed fits nothing."""
    validator = cast("Any", Draft202012Validator)(schema, registry=_NOTHING)
    try:
        return bool(validator.is_valid(value))
    except (Unresolvable, RecursionError, ValueError):
        return False
