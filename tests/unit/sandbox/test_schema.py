"""Values for a schema: what the text says, and in any case something that fits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qwen_sandbox.schema import fill
from qwen_sandbox.schema_check import fits

STRING = {"type": "string"}
PERSON = {
    "type": "object",
    "properties": {"name": STRING, "age": {"type": "integer"}},
    "required": ["name", "age"],
}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (PERSON, "John Smith is 42 years old.", {"name": "John Smith", "age": 42}),
        (PERSON, "age: 7, name: Ann", {"name": "Ann", "age": 7}),
        (
            {"$defs": {"P": PERSON}, **_object(people={"type": "array", "items": {"$ref": "#/$defs/P"}})},
            "Alice is 30 and Bob is 25.",
            {"people": [{"name": "Alice", "age": 30}, {"name": "Bob", "age": 25}]},
        ),
        (_object(unit={"enum": ["celsius", "fahrenheit"]}), "in Fahrenheit please", {"unit": "fahrenheit"}),
        (_object(kind={"const": "x"}), "", {"kind": "x"}),
        (_object(mail={"type": "string", "format": "email"}), "write to a.b@c.org now", {"mail": "a.b@c.org"}),
        (_object(day={"type": "string", "format": "date"}), "on 2026-03-04", {"day": "2026-03-04"}),
        (_object(code={"type": "string", "pattern": "^[A-Z]{2}-\\d+$"}), "ticket QX-77 is open", {"code": "QX-77"}),
        (_object(xs={"type": "array", "items": {"type": "integer"}}), "sum 1, 2 and 3", {"xs": [1, 2, 3]}),
        (_object(cities={"type": "array", "items": STRING}), "Paris and Rome", {"cities": ["Paris", "Rome"]}),
        (_object(n={"anyOf": [{"type": "integer"}, {"type": "null"}]}), "take 5", {"n": 5}),
        (_object(urgent={"type": "boolean"}), "this is not urgent", {"urgent": False}),
        (_object(place={"type": "object", **_object(city=STRING)}), "in Oslo", {"place": {"city": "Oslo"}}),
        (_object(x={"type": "number", "minimum": 0, "maximum": 1}), "rate it 7", {"x": 1}),
        (_object(x={"type": "integer", "multipleOf": 5}), "take 7", {"x": 10}),
        ({"type": "object", "properties": {"a": STRING, "b": STRING}}, "in Oslo", {"a": "Oslo"}),
        ({"type": "object", "properties": {}}, "anything", {}),
    ],
)
def test_values_from_the_text(schema: dict[str, Any], text: str, value: Any) -> None:
    assert fill(schema, text) == value


@pytest.mark.parametrize(
    "schema",
    [
        _object(x={"type": "string", "minLength": 30}),
        _object(x={"type": "string", "maxLength": 2}),
        _object(x={"type": "array", "items": STRING, "minItems": 3}),
        _object(x={"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "uniqueItems": True}),
        _object(x={"type": "array", "prefixItems": [STRING, {"type": "integer"}]}),
        _object(x={"oneOf": [_object(kind={"const": "cat"}), _object(kind={"const": "dog"})]}),
        _object(x={"allOf": [PERSON, _object(job=STRING)]}),
        _object(x={"type": ["null", "integer"]}),
        _object(x={"type": "string", "format": "uuid"}),
        {
            "$defs": {"N": {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}}},
            "$ref": "#/$defs/N",
        },
    ],
)
def test_samples_fit(schema: dict[str, Any]) -> None:
    assert fits(fill(schema, ""), schema)
    assert fits(fill(schema, "The quick fox and 3 Dogs in Rome"), schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"anyOf": [{"$ref": "#"}]},
        {"$ref": "https://example.invalid/x.json"},
        {"type": "array", "minItems": 10**9},
        {"type": "string", "minLength": 10**12},
        {"type": "number", "multipleOf": 1e-308, "minimum": 1e308},
        {"type": "integer", "minimum": 5, "maximum": 3},
    ],
)
def test_hopeless_schemas_do_no_harm(schema: dict[str, Any]) -> None:
    fill(schema, "one 2 Three")


_LEAVES: list[dict[str, Any]] = [
    STRING,
    {"type": "integer"},
    {"type": "number"},
    {"type": "boolean"},
    {"enum": ["x", "y"]},
    {"type": "null"},
]


def _nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    def array(items: dict[str, Any]) -> dict[str, Any]:
        return {"type": "array", "items": items}

    def choice(branches: list[dict[str, Any]]) -> dict[str, Any]:
        return {"anyOf": branches}

    def record(parts: dict[str, Any]) -> dict[str, Any]:
        return _object(**parts)

    names = st.sampled_from(list("abcd"))
    return (
        inner.map(array)
        | st.lists(inner, min_size=2, max_size=2).map(choice)
        | st.dictionaries(names, inner, max_size=3).map(record)
    )


_SCHEMAS = st.recursive(st.sampled_from(_LEAVES), _nested, max_leaves=6)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(_SCHEMAS, st.text(alphabet="aB1 .,'北京是:and", max_size=40))
def test_any_schema_is_filled(schema: dict[str, Any], text: str) -> None:
    assert fits(fill(schema, text), schema)
