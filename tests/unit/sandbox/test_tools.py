"""When the script calls tools, and that the arguments fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Api

STRING = {"type": "string"}


def _tool(name: str, description: str, /, **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


@pytest.mark.parametrize("endpoint", ["cn", "flash", "text", "vision"])
@pytest.mark.parametrize(
    ("prompt", "places"),
    [
        ("What is the weather in San Francisco, CA?", ["San Francisco, CA"]),
        ("weather in Paris and London", ["Paris", "London"]),
        ("Compare the weather of Paris, London, and New York.", ["Paris", "London", "New York"]),
        ("weather in tokyo today please", ["tokyo"]),
        ("北京和上海的天气怎么样？", ["北京", "上海"]),
        ("查询杭州的天气", ["杭州"]),
    ],
)
def test_weather(api: Api, weather: list[Any], endpoint: str, prompt: str, places: list[str]) -> None:
    calls = api.calls(endpoint, prompt, tools=weather)
    assert calls == [("get_weather", {"location": place}) for place in places]


def test_finish_reason_and_ids(api: Api, weather: list[Any]) -> None:
    choice = api.reply("text", "weather in Paris and London", tools=weather)["choices"][0]
    assert choice["finish_reason"] == choice["native_finish_reason"] == "tool_calls"
    ids = [call["id"] for call in choice["message"]["tool_calls"]]
    assert len(set(ids)) == 2


def test_one_call_when_parallel_calls_are_off(api: Api, weather: list[Any]) -> None:
    calls = api.calls("cn", "weather in Paris and London", tools=weather, parallel_tool_calls=False)
    assert calls == [("get_weather", {"location": "Paris"})]


@pytest.mark.parametrize("prompt", ["Hello", "Tell me a joke about cats.", "The sky is blue."])
def test_no_call_without_a_reason(api: Api, weather: list[Any], prompt: str) -> None:
    assert api.calls("flash", prompt, tools=weather) == []


def test_tool_choice(api: Api, weather: list[Any], adder: list[Any]) -> None:
    tools = [*weather, *adder]
    named = {"type": "function", "function": {"name": "my_adder_tool"}}
    assert api.calls("flash", "weather in Paris", tools=tools, tool_choice="none") == []
    assert [name for name, _ in api.calls("flash", "Hello!", tools=tools, tool_choice="required")] == ["get_weather"]
    assert [name for name, _ in api.calls("flash", "Hello!", tools=tools, tool_choice=named)] == ["my_adder_tool"]


def test_arithmetic_tool(api: Api, weather: list[Any], adder: list[Any]) -> None:
    assert api.calls("cn", "What is 3 + 4", tools=[*weather, *adder]) == [("my_adder_tool", {"a": 3, "b": 4})]


def test_tool_named_in_the_prompt(api: Api) -> None:
    bounded = {"type": "integer", "exclusiveMinimum": -1000, "exclusiveMaximum": 1000}
    tools = [_tool("magic_function", "Apply it.", input=bounded), _tool("magic_function_no_args", "Compute it.")]
    assert api.calls("flash", "What is magic_function(3)? Use the tool.", tools=tools) == [
        ("magic_function", {"input": 3})
    ]
    assert api.calls("flash", "What is magic_function_no_args()?", tools=tools) == [("magic_function_no_args", {})]
    assert api.calls("flash", "Hello", tools=tools, tool_choice="required")[0][1]["input"] in range(-999, 1000)


def test_two_tools_in_one_prompt(api: Api, weather: list[Any]) -> None:
    tools = [*weather, _tool("get_time", "Current time", city=STRING)]
    calls = api.calls("vision", "What time is it in Tokyo and what is the weather there?", tools=tools)
    assert calls == [("get_weather", {"location": "Tokyo"}), ("get_time", {"city": "Tokyo"})]


def test_quoted_unicode_values(api: Api) -> None:
    tools = [_tool("unicode_customer", "Create a customer", customer_name=STRING, description=STRING)]
    ((_, arguments),) = api.calls("cn", "Create a customer named '你好啊集团' - a company", tools=tools)
    assert arguments["customer_name"] == "你好啊集团"


def _history(result: str, prompt: str = "What is 1 + 2?") -> list[dict[str, Any]]:
    call = {"id": "abc", "type": "function", "function": {"name": "my_adder_tool", "arguments": '{"a": 1, "b": 2}'}}
    return [
        {"role": "user", "content": prompt},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "abc", "content": result},
    ]


@pytest.mark.parametrize("endpoint", ["cn", "flash", "text", "vision"])
def test_second_turn_uses_the_result(api: Api, adder: list[Any], endpoint: str) -> None:
    assert api.text(endpoint, _history("3"), tools=adder) == "According to my_adder_tool: 3"


def test_second_turn_tells_of_an_error(api: Api, adder: list[Any]) -> None:
    assert "reported an error" in api.text("cn", _history("Error: missing b"), tools=adder)
    assert "错误" in api.text("cn", _history("Error: missing b", "1 加 2"), tools=adder)


def test_forced_call_after_a_result_takes_another_tool(api: Api, adder: list[Any]) -> None:
    tools = [*adder, _tool("report", "Report", text=STRING)]
    ((name, arguments),) = api.calls("cn", _history("3"), tools=tools, tool_choice="required")
    assert name == "report"
    assert "3" in arguments["text"]


def test_next_question_calls_again(api: Api, adder: list[Any]) -> None:
    messages = [*_history("3"), {"role": "assistant", "content": "3"}, {"role": "user", "content": "And 5 + 6?"}]
    assert api.calls("cn", messages, tools=adder) == [("my_adder_tool", {"a": 5, "b": 6})]


def test_arguments_are_json_text(api: Api, weather: list[Any]) -> None:
    message = api.reply("text", "weather in Paris", tools=weather)["choices"][0]["message"]
    assert message["content"] is None
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"location": "Paris"}
