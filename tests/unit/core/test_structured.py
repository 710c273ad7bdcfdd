from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from qwen_endpoints import (
    Choice,
    ContentFilteredError,
    MalformedResponseError,
    QwenError,
    ToolCall,
    answer_arguments,
    can_force_tools,
    read_json,
    read_tool_call,
    response_format,
    strip_fence,
    structured_method,
)

from .support import endpoint

CALL = ToolCall(id="c1", name="add", arguments='{"a": 1}', parsed={"a": 1})
BROKEN = ToolCall(id="c2", name="add", arguments='{"a": ', error="the arguments are no JSON")


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


def test_a_model_that_always_reasons_is_asked_by_a_call_where_reasoning_excludes_a_schema() -> None:
    place = endpoint("dashscope", "qwen3-235b-a22b-thinking-2507")
    taking = replace(place, profile=replace(place.profile, json_schema=True))
    assert structured_method(taking) == "function_calling"
    assert not can_force_tools(taking)
    assert can_force_tools(endpoint("dashscope", "qwen-plus"))  # its reasoning can be switched off
    assert can_force_tools(endpoint("wcode", "qwen/qwen3-235b-a22b"))
    free = endpoint("openrouter", "qwen/qwen3-235b-a22b-thinking-2507")
    assert structured_method(replace(free, profile=replace(free.profile, json_schema=True))) == "json_schema"
    assert can_force_tools(free)
    assert not can_force_tools(replace(free, profile=replace(free.profile, forced_tool_choice=False)))


def test_the_response_format() -> None:
    schema = {"type": "object"}
    assert response_format("json_mode", "n", schema) == {"type": "json_object"}
    full = response_format("json_schema", "Page[int] of 日", schema, description="A page.")
    assert full["json_schema"] == {"name": "Page_int__of__", "schema": schema, "description": "A page."}
    assert response_format("json_schema", "x" * 99, schema)["json_schema"]["name"] == "x" * 64
    assert response_format("json_schema", "", schema)["json_schema"]["name"] == "answer"
    described = {"name": "n", "schema": schema}
    assert response_format("json_schema", "n", schema) == {"type": "json_schema", "json_schema": described}
    strict = response_format("json_schema", "n", schema, strict=False)
    assert strict == {"type": "json_schema", "json_schema": {**described, "strict": False}}


def test_the_arguments_that_ask_for_an_answer() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    asked = answer_arguments("function_calling", "Page[int]", schema, description="A page.", strict=True)
    function = {"name": "Page_int_", "parameters": schema, "description": "A page.", "strict": True}
    assert asked == {"tools": [{"type": "function", "function": function}], "tool_choice": "Page_int_"}
    offered = answer_arguments("function_calling", "n", schema, forced=False)
    assert offered == {"tools": [{"type": "function", "function": {"name": "n", "parameters": schema}}]}
    described = {"name": "n", "schema": schema, "description": "d", "strict": False}
    assert answer_arguments("json_schema", "n", schema, description="d", strict=False) == {
        "response_format": {"type": "json_schema", "json_schema": described}
    }
    assert answer_arguments("json_mode", "n", schema, description="d", strict=True) == {
        "response_format": {"type": "json_object"},
        "answer_schema": {"description": "d", **schema},
    }


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
    assert strip_fence("no fence `` here") == "no fence `` here"


def test_a_fence_after_words_is_found_and_one_inside_json_is_not() -> None:
    assert read_json(Choice(text='Here it is:\n```json\n{"a": 1}\n```\nDone.')) == {"a": 1}
    assert read_json(Choice(text='["```", 1]')) == ["```", 1]
    assert read_json(Choice(text='"```"')) == "```"


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
        (Choice(text=""), MalformedResponseError, "no JSON"),
        (Choice(text="{'a': 1}"), MalformedResponseError, "no JSON"),
        (Choice(text="[" * 100_000), MalformedResponseError, "no JSON"),
        (Choice(tool_calls=(CALL,)), MalformedResponseError, "it calls add instead"),
    ],
)
def test_what_is_no_json_says_why(choice: Choice, kind: type[QwenError], words: str) -> None:
    with pytest.raises(kind) as caught:
        read_json(choice)
    assert words in caught.value.message
    assert len(caught.value.message) < 400


def test_json_that_is_complete_is_read_whatever_the_finish_reason() -> None:
    assert read_json(Choice(text="{}", finish_reason="length")) == {}


def test_the_first_valid_call_of_the_function_is_read() -> None:
    other = ToolCall(id="c3", name="mul", arguments="{}", parsed={})
    assert read_tool_call(Choice(tool_calls=(other, BROKEN, CALL)), "add") == {"a": 1}


@pytest.mark.parametrize(
    ("choice", "kind", "words"),
    [
        (Choice(tool_calls=(BROKEN,), finish_reason="length"), MalformedResponseError, "token limit"),
        (Choice(tool_calls=(BROKEN,), finish_reason="content_filter"), ContentFilteredError, "content filter"),
        (Choice(tool_calls=(BROKEN,), finish_reason="tool_calls"), MalformedResponseError, "no JSON. It is: '{\"a\":'"),
        (Choice(tool_calls=(CALL,)), MalformedResponseError, "no call of mul; it calls add instead"),
        (Choice(text="It is 3."), MalformedResponseError, "no call of mul. It is: 'It is 3.'"),
        (Choice(refusal="Not this."), MalformedResponseError, "Not this."),
    ],
)
def test_a_missing_call_says_why(choice: Choice, kind: type[QwenError], words: str) -> None:
    with pytest.raises(kind) as caught:
        read_tool_call(choice, "add" if BROKEN in choice.tool_calls else "mul")
    assert words in caught.value.message
