"""What the text of an answer should look like, in the words of the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import qwen_endpoints

Schema = Mapping[str, Any] | type
"""A pydantic class (v1 or v2), a TypedDict, a JSON schema, or a function's description."""

_WIRE_TYPES: Final = frozenset({"text", "json_object", "json_schema"})


def wire_response_format(given: Any) -> Mapping[str, Any] | None:
    """Spell a `response_format` for the wire: as it is, or built from a class or a schema."""
    if given is None:
        return None
    if isinstance(given, Mapping) and cast("Mapping[str, Any]", given).get("type") in _WIRE_TYPES:
        return cast("Mapping[str, Any]", given)
    from langchain_qwen._structured import read_schema  # noqa: PLC0415 - few calls have a schema of their own

    schema = read_schema(cast("Schema", given))
    return qwen_endpoints.response_format(
        "json_schema", schema.name, schema.json_schema, description=schema.description
    )
