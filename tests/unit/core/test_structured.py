from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from qwen_endpoints import (
    Choice,
    ContentFilteredError,
    MalformedResponseError,
    QwenError,
    read_json,
    response_format,
    strip_fence,
    structured_method,
)

from .support import endpoint


@pytest.mark.parametrize(
    ("json_schema", "tools", "forced", "method"),
    [
        (True, True, True, "json_schema"),
        (True, False, None, "json_schema"),
        (None, True, None, "function_calling"),
        (False, None, None, "function_calling"),
        (None, None, True, "function_calling"),
        (None, True, False, "json_mode"),
        (False, False, True, "json_mode"),
    ],
)
def test_a_schema_where_known_else_a_call_else_json_mode(
    json_schema: bool | None, tools: bool | None, forced: bool | None, method: str
) -> None:
    place = endpoint()
    profile = replace(place.profile, json_schema=json_schema, tools=tools, forced_tool_choice=forced)
    assert structured_method(replace(place, profile=profile)) == method


@pytest.mark.parametrize(
    ("provider", "model", "method"),
    [
        ("anyfast-cn", "qwen3-32b", "function_calling"),
        ("anyfast", "qwen3.6-flash", "json_schema"),
        ("wcode", "qwen/qwen3-235b-a22b", "function_calling"),
        ("wcode", "qwen/qwen3-vl-32b-instruct", "json_schema"),
    ],
)
def test_the_documented_endpoints(provider: str, model: str, method: str) -> None:
    assert structured_method(endpoint(provider, model)) == method


def test_the_response_format() -> None:
    schema = {"type": "object"}
    assert response_format("json_mode", "n", schema) == {"type": "json_object"}
    described = {"name": "n", "schema": schema}
    assert response_format("json_schema", "n", schema) == {"type": "json_schema", "json_schema": described}
    strict = response_format("json_schema", "n", schema, strict=False)
    assert strict == {"type": "json_schema", "json_schema": {**described, "strict": False}}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, "```"]}',
        ' \n{"a": [1, "```"]}\n ',
        '```json\n{"a": [1, "```"]}\n```',
        '```\n{"a": [1, "```"]}\n```',
        '```JSON  \r\n{"a": [1, "```"]}\r\n```  ',
        '```json\n{"a": [1, "```"]}\n```\nThat is it.',
        '```json {"a": [1, "```"]} ```',
        '```{"a": [1, "```"]}```',
        '```javascript\n{"a":\n[1, "```"]}\n```',
    ],
)
def test_json_is_read_with_or_without_a_fence(text: str) -> None:
    assert read_json(Choice(text=text)) == {"a": [1, "```"]}


def test_a_fence_without_its_end_is_opened() -> None:
    assert strip_fence('```json\n{"a": 1}') == '{"a": 1}'
    assert strip_fence("no fence ``` here") == "no fence ``` here"


@pytest.mark.parametrize("value", [[], "x", 3, None, True])
def test_any_json_value_is_read(value: Any) -> None:
    text = {"x": '"x"', "3": "3", "None": "null", "True": "true", "[]": "[]"}[str(value)]
    assert read_json(Choice(text=text)) == value


@pytest.mark.parametrize(
    ("choice", "kind", "words"),
    [
        (Choice(text='{"a": ', finish_reason="length"), MalformedResponseError, "max_tokens"),
        (Choice(text="", reasoning="long", finish_reason="length"), MalformedResponseError, "token limit"),
        (Choice(text="", finish_reason="content_filter"), ContentFilteredError, "content filter"),
        (Choice(text="", refusal="Not this."), MalformedResponseError, "Not this."),
        (Choice(text="Sure, here it is"), MalformedResponseError, "Sure, here it is"),
        (Choice(text=""), MalformedResponseError, "not JSON"),
        (Choice(text="{'a': 1}"), MalformedResponseError, "not JSON"),
        (Choice(text="[" * 100_000), MalformedResponseError, "not JSON"),
    ],
)
def test_what_is_no_json_says_why(choice: Choice, kind: type[QwenError], words: str) -> None:
    with pytest.raises(kind) as caught:
        read_json(choice)
    assert words in caught.value.message
    assert len(caught.value.message) < 400


def test_json_that_is_complete_is_read_whatever_the_finish_reason() -> None:
    assert read_json(Choice(text="{}", finish_reason="length")) == {}
