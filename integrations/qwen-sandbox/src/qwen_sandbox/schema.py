"""Values that fit a JSON Schema, taken from a text as far as it mentions them."""

from __future__ import annotations

import itertools
import math
from typing import Any, cast

from qwen_sandbox.json_types import JsonObject, as_list, as_object, as_text
from qwen_sandbox.schema_check import fits
from qwen_sandbox.strings import Source, find_string
from qwen_sandbox.values import labelled_number, names_in
from qwen_sandbox.words import contains_word, name_words

_DEEPEST = 8
_MOST_ITEMS = 100


def fill(schema: JsonObject, text: str) -> Any:
    """Return a value that fits `schema` with what `text` mentions; a plain sample where that does not fit."""
    value: Any = {}
    for source in (text, ""):
        try:
            value = _Filler(schema, source).value(schema, "", 0)
        except (RecursionError, ArithmeticError):
            # A schema that refers to itself without end, or numbers beyond a float: a sample cannot do better.
            continue
        if fits(value, schema):
            return value
    return value


def resolve(schema: JsonObject, root: JsonObject) -> JsonObject:
    """Return `schema` with its own `$ref` followed (inside `root` only) and `allOf` merged in."""
    for _hop in range(_DEEPEST):
        reference = as_text(schema.get("$ref"))
        if not reference.startswith("#"):
            break
        target: Any = root
        for step in reference.lstrip("#/").split("/") if reference != "#" else ():
            target = as_object(target).get(step.replace("~1", "/").replace("~0", "~"))
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = as_object(target) | beside
    for part in as_list(schema.get("allOf")):
        schema = _merged(schema, as_object(part), root)
    return schema


def _merged(schema: JsonObject, part: JsonObject, root: JsonObject) -> JsonObject:
    part = resolve(part, root) if part.get("allOf") is not schema.get("allOf") else part
    both = part | {key: value for key, value in schema.items() if key != "allOf"}
    both["properties"] = as_object(part.get("properties")) | as_object(schema.get("properties"))
    both["required"] = as_list(part.get("required")) + as_list(schema.get("required"))
    return both if both["properties"] else {key: both[key] for key in both if key not in {"properties", "required"}}


class _Filler:
    """One filling of one schema; found values are used up in order."""

    def __init__(self, root: JsonObject, text: str) -> None:
        self._root = root
        self._source = Source(text)

    def value(self, schema: JsonObject, name: str, depth: int) -> Any:  # noqa: PLR0911  one line a kind
        schema = self._chosen(resolve(schema, self._root))
        if "const" in schema:
            return schema["const"]
        if as_list(schema.get("enum")):
            return self._member(schema)
        kind = _kind(schema)
        if depth > _DEEPEST:
            return _empty(kind)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "boolean":
            return self._boolean(schema, name)
        if kind in {"integer", "number"}:
            return self._number(schema, name, whole=kind == "integer")
        return None if kind == "null" else find_string(self._source, schema, name)

    def _chosen(self, schema: JsonObject) -> JsonObject:
        """Return the branch of anyOf or oneOf to fill: one the text speaks of, else the first that is not null."""
        branches = as_list(schema.get("anyOf")) or as_list(schema.get("oneOf"))
        real = [branch for item in branches if _kind(branch := resolve(as_object(item), self._root)) != "null"]
        if not real:
            return schema if not branches else {"type": "null"}
        spoken = [branch for branch in real if self._mentions(branch)]
        beside = {key: value for key, value in schema.items() if key not in {"anyOf", "oneOf"}}
        return beside | self._chosen(spoken[0] if spoken else real[0])

    def _mentions(self, branch: JsonObject) -> bool:
        title = " ".join(name_words(as_text(branch.get("title"))))
        members = [str(member) for member in as_list(branch.get("enum"))]
        for part in as_object(branch.get("properties")).values():
            members += [as_object(part)["const"]] if isinstance(as_object(part).get("const"), str) else []
        return any(contains_word(self._source.text, word) for word in [title, *members] if word)

    def _member(self, schema: JsonObject) -> Any:
        members = as_list(schema.get("enum"))
        spoken = [member for member in members if contains_word(self._source.text, str(member))]
        if spoken:
            return spoken[0]
        return schema["default"] if "default" in schema else members[0]

    def _object(self, schema: JsonObject, depth: int) -> JsonObject:
        properties = as_object(schema.get("properties"))
        required = [str(name) for name in as_list(schema.get("required"))]
        filled: JsonObject = {}
        for name, part in properties.items():
            part_schema = as_object(part)
            if name in required or not required or self._evident(part_schema, name):
                value = self.value(part_schema, name, depth + 1)
                # Without any required property the first one found answers; the others stay at their defaults.
                if name in required or value is not None:
                    filled[name] = value
            if not required and filled and name not in required:
                required = [name]
        for name in required:
            filled.setdefault(name, self.value(as_object(schema.get("additionalProperties")), name, depth + 1))
        return filled

    def _evident(self, schema: JsonObject, name: str) -> bool:
        """Return whether the text speaks of an optional property."""
        schema = self._chosen(resolve(schema, self._root))
        text = self._source.text
        if as_list(schema.get("enum")):
            return any(contains_word(text, str(member)) for member in as_list(schema.get("enum")))
        if _kind(schema) in {"integer", "number"}:
            return labelled_number(text, name) is not None
        if _kind(schema) == "boolean":
            return contains_word(text, " ".join(name_words(name)))
        if _kind(schema) == "array" and _kind(as_object(schema.get("items"))) == "string":
            return contains_word(text, " ".join(name_words(name)))
        return _kind(schema) == "string" and self._source.has_labelled(name)

    def _array(self, schema: JsonObject, name: str, depth: int) -> list[Any]:
        items = resolve(as_object(schema.get("items")), self._root)
        low = min(int(schema.get("minItems", 0)), _MOST_ITEMS)
        high = min(int(schema.get("maxItems", _MOST_ITEMS)), _MOST_ITEMS)
        if as_list(schema.get("prefixItems")):
            return [self.value(as_object(part), name, depth + 1) for part in as_list(schema["prefixItems"])]
        found = self._items(items, name, depth)[:high]
        if schema.get("uniqueItems"):
            found = [item for place, item in enumerate(found) if item not in found[:place]]
        while len(found) < max(low, 1 if high else 0):
            found.append(self.value(items, name, depth + 1))
        return found

    def _items(self, items: JsonObject, name: str, depth: int) -> list[Any]:
        if as_list(items.get("enum")):
            return [member for member in as_list(items["enum"]) if contains_word(self._source.text, str(member))]
        kind = _kind(items)
        if kind in {"integer", "number"}:
            numbers = list(self._source.numbers)
            self._source.numbers.clear()
            return [_in_range(number, items, whole=kind == "integer") for number in numbers]
        if kind == "string":
            return self._source.take_all_texts(name)
        if kind == "object" and depth < _DEEPEST:
            return [_Filler(self._root, clause).value(items, name, depth + 1) for clause in self._clauses()]
        return []

    def _clauses(self) -> list[str]:
        """Return the parts of the text that each begin with a name: one record each."""
        text = self._source.text
        starts = [place for name in names_in(text) if (place := text.find(name)) >= 0]
        clauses = [text[start:end] for start, end in itertools.pairwise([*starts, len(text)])]
        # A clause without a number or a verb is rarely a record of its own.
        return clauses if len(clauses) > 1 and all(any(c.isdigit() for c in clause) for clause in clauses) else []

    def _boolean(self, schema: JsonObject, name: str) -> bool:
        words = " ".join(name_words(name))
        text = self._source.text.lower()
        said = (self._source.labelled(name) or "").lower()
        if said in {"true", "yes", "on", "false", "no", "off"}:
            return said in {"true", "yes", "on"}
        if words and contains_word(text, words):
            return not any(f"{no} {words}" in text for no in ("not", "no", "without", "non", "never", "isn't"))
        return bool(schema.get("default", True))

    def _number(self, schema: JsonObject, name: str, *, whole: bool) -> float | int:
        number = labelled_number(self._source.text, name)
        if number is not None:
            self._source.use_number(number)
        elif self._source.numbers:
            number = self._source.numbers.pop(0)
        else:
            number = cast("float | int", schema["default"]) if _is_number(schema.get("default")) else 1
        return _in_range(number, schema, whole=whole)


def _empty(kind: str) -> Any:
    """Return the value that ends a schema nested without end."""
    if kind == "object":
        return {}
    return [] if kind == "array" else None


def _kind(schema: JsonObject) -> str:
    kind: Any = schema.get("type")
    if isinstance(kind, str):
        return kind
    named = [str(item) for item in as_list(kind) if item != "null"]
    if named:
        return named[0]
    if "properties" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    return "null" if as_list(kind) == ["null"] else "string"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _in_range(number: float, schema: JsonObject, *, whole: bool) -> float | int:
    """Return `number` moved into the schema's range and onto its step."""
    step = float(schema.get("multipleOf", 0))
    margin = 1 if whole else 0.5
    if "minimum" in schema:
        number = max(number, schema["minimum"])
    if "exclusiveMinimum" in schema and number <= schema["exclusiveMinimum"]:
        number = schema["exclusiveMinimum"] + margin
    if "maximum" in schema:
        number = min(number, schema["maximum"])
    if "exclusiveMaximum" in schema and number >= schema["exclusiveMaximum"]:
        number = schema["exclusiveMaximum"] - margin
    if step > 0:
        number = math.ceil(number / step) * step
    return int(number) if whole else number
