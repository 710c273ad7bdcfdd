"""Asking for tool calls: what is sent about tools, and what is refused."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
from collections import abc
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.query_engine import CustomQueryEngine
from llama_index.core.tools import FunctionTool, QueryEngineTool, ToolMetadata
from pydantic import BaseModel, Field, create_model
from qwen_endpoints import ConfigurationError
from typing_extensions import override

from tests.unit.llamaindex.calling import ASK, LOOKUP, MULTIPLY, call, executable, streamed, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox


def said_about_tools(sandbox: Sandbox) -> dict[str, Any]:
    keys = ("tools", "tool_choice", "parallel_tool_calls")
    return {key: value for key, value in sandbox.last_request.json.items() if key in keys}


def functions(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [tool["function"] for tool in sandbox.last_request.json["tools"]]


# The call


def test_what_is_sent(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm.chat_with_tools([MULTIPLY], user_msg="What is 6 times 7?", chat_history=[ChatMessage("hi")])
    body = qwen_sandbox.last_request.json
    assert [message["content"] for message in body["messages"]] == ["hi", "What is 6 times 7?"]
    assert [function["name"] for function in functions(qwen_sandbox)] == ["multiply"]
    assert functions(qwen_sandbox)[0]["parameters"]["required"] == ["a", "b"]
    assert body["parallel_tool_calls"] is False
    assert "tool_choice" not in body


@pytest.mark.parametrize(
    ("user_msg", "sent"),
    [
        (None, ["hi"]),
        ("What is 6 times 7?", ["hi", "What is 6 times 7?"]),
        (ChatMessage("What is 6 times 7?"), ["hi", "What is 6 times 7?"]),
    ],
    ids=["none", "text", "message"],
)
async def test_the_users_message_comes_last_in_all_four(
    llm: Qwen, qwen_sandbox: Sandbox, user_msg: Any, sent: list[str]
) -> None:
    given: dict[str, Any] = {"tools": [MULTIPLY], "user_msg": user_msg, "chat_history": [ChatMessage("hi")]}
    llm.chat_with_tools(**given)
    list(llm.stream_chat_with_tools(**given))
    await llm.achat_with_tools(**given)
    _ = [frame async for frame in await llm.astream_chat_with_tools(**given)]
    bodies: list[dict[str, Any]] = [
        {**request.json, "stream": None, "stream_options": None} for request in qwen_sandbox.requests
    ]
    assert [message["content"] for message in bodies[0]["messages"]] == sent
    assert bodies == [bodies[0]] * 4


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, None),
        ({"tool_choice": None}, None),
        ({"tool_choice": "auto"}, "auto"),
        ({"tool_choice": "none"}, "none"),
        ({"tool_choice": "required"}, "required"),
        ({"tool_choice": "any"}, "required"),
        ({"tool_required": True}, "required"),
        ({"tool_required": True, "tool_choice": None}, "required"),
        ({"tool_required": True, "tool_choice": "auto"}, "auto"),
        ({"tool_choice": "multiply"}, {"type": "function", "function": {"name": "multiply"}}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "lookup"}}},
            {"type": "function", "function": {"name": "lookup"}},
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_tool_choice(llm: Qwen, qwen_sandbox: Sandbox, given: dict[str, Any], sent: object, *, stream: bool) -> None:
    if stream:
        list(llm.stream_chat_with_tools([MULTIPLY, LOOKUP], user_msg="What is 6 times 7?", **given))
    else:
        llm.chat_with_tools([MULTIPLY, LOOKUP], user_msg="What is 6 times 7?", **given)
    assert qwen_sandbox.last_request.json.get("tool_choice") == sent


@pytest.mark.parametrize("choice", ["divide", {"type": "function", "function": {"name": "divide"}}], ids=str)
def test_a_choice_of_an_unknown_tool_names_those_there_are(llm: Qwen, qwen_sandbox: Sandbox, choice: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"divide.*cannot be met: the tools are multiply, lookup"):
        llm.chat_with_tools([MULTIPLY, LOOKUP], user_msg="hi", tool_choice=choice)
    assert qwen_sandbox.requests == []


def test_a_choice_among_no_tools_is_refused(llm: Qwen) -> None:
    with pytest.raises(ConfigurationError, match="no tools"):
        llm.chat_with_tools([], user_msg="hi", tool_required=True)


def test_without_tools_nothing_about_tools_is_sent(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(parallel_tool_calls=False)
    llm.chat_with_tools([], user_msg="hi", allow_parallel_tool_calls=True, tool_choice="auto")
    llm.chat_with_tools([], user_msg="hi", parallel_tool_calls=True)
    assert [set(request.json) for request in qwen_sandbox.requests] == [{"model", "messages"}] * 2


@pytest.mark.parametrize(
    ("setting", "allowed", "given", "sent"),
    [
        (None, False, {}, False),
        (None, True, {}, True),
        (True, False, {}, False),
        (False, True, {}, False),
        (False, True, {"parallel_tool_calls": None}, False),
        (None, True, {"parallel_tool_calls": None}, True),
        (False, False, {"parallel_tool_calls": True}, True),
        (None, True, {"parallel_tool_calls": False}, False),
    ],
)
def test_who_decides_about_parallel_calls(
    scripted: Callable[..., Qwen],
    qwen_sandbox: Sandbox,
    *,
    setting: bool | None,
    allowed: bool,
    given: dict[str, Any],
    sent: bool,
) -> None:
    """The call, then the setting (which agents' default must not undo), then the framework's argument."""
    two = [call("lookup", '{"word": "a"}', "a"), call("lookup", '{"word": "b"}', "b", 1)]
    llm = scripted(whole(*two), streamed(two), parallel_tool_calls=setting)
    answer = llm.chat_with_tools([LOOKUP], user_msg="x", allow_parallel_tool_calls=allowed, **given)
    assert said_about_tools(qwen_sandbox)["parallel_tool_calls"] is sent
    assert len(executable(llm, answer)) == (2 if sent else 1)
    frames = list(llm.stream_chat_with_tools([LOOKUP], user_msg="x", allow_parallel_tool_calls=allowed, **given))
    assert said_about_tools(qwen_sandbox)["parallel_tool_calls"] is sent
    assert frames[-1].model_copy(update={"delta": None}) == answer


def test_settings_for_one_call(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(temperature=1, enable_thinking=True, extra_body={"user": "u"})
    given: dict[str, Any] = {"temperature": 0, "enable_thinking": False, "extra_body": {"seed": 3}}
    before = copy.deepcopy(given)
    llm.chat_with_tools([MULTIPLY], user_msg="What is 6 times 7?", **given)
    body = qwen_sandbox.last_request.json
    assert {key: body[key] for key in ("temperature", "enable_thinking", "user", "seed")} == {
        "temperature": 0,
        "enable_thinking": False,
        "user": "u",
        "seed": 3,
    }
    assert given == before
    assert (llm.temperature, llm.enable_thinking, llm.extra_body) == (1, True, {"user": "u"})


def test_the_callers_lists_stay_as_they_are(llm: Qwen) -> None:
    history, tools = [ChatMessage("hi")], [MULTIPLY]
    llm.chat_with_tools(tools, user_msg=ChatMessage("What is 6 times 7?"), chat_history=history)
    list(llm.stream_chat_with_tools(tools, user_msg="What is 6 times 7?", chat_history=history))
    assert (history, tools) == ([ChatMessage("hi")], [MULTIPLY])


# The tools


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    x: int
    colour: Colour = Colour.RED


class Move(BaseModel):
    """Move."""

    to: Point
    via: list[Point] = Field(default_factory=list[Point], description="Where to pass.")


def move(to: Any, via: Any = None) -> str:
    """Move to a point."""
    return f"{to} {via}"


class Notes(CustomQueryEngine):
    """Knows one thing."""

    @override
    def custom_query(self, query_str: str) -> str:
        return "1887"


def test_a_nested_schema_keeps_its_definitions(llm: Qwen, qwen_sandbox: Sandbox, scripted: Callable[..., Qwen]) -> None:
    tool = FunctionTool.from_defaults(move, fn_schema=Move)
    llm.chat(ASK, tools=[tool])  # this endpoint resolves references badly, so they are replaced
    inlined = functions(qwen_sandbox)[0]["parameters"]
    assert inlined["required"] == ["to"]
    assert inlined["properties"]["to"]["properties"]["x"]["type"] == "integer"
    assert inlined["properties"]["via"]["items"]["properties"]["colour"]["enum"] == ["red", "blue"]
    assert "$ref" not in str(inlined)
    scripted(whole(), provider="wcode", api_key="k", model="qwen/qwen3-235b-a22b").chat(ASK, tools=[tool])
    kept = functions(qwen_sandbox)[0]["parameters"]
    assert set(kept["$defs"]) == {"Point", "Colour"}
    assert kept["properties"]["to"] == {"$ref": "#/$defs/Point"}


def test_tools_of_all_kinds(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    def weather(city: str, unit: str, days: int = 1) -> str:
        """Tell the weather."""
        return f"{city} {unit} {days}"

    engine = QueryEngineTool.from_defaults(Notes(), name="notes", description="About Orla.")
    plain = {"type": "function", "function": {"name": "plain", "parameters": {"type": "object", "properties": {}}}}
    tools: list[Any] = [
        FunctionTool.from_defaults(weather, partial_params={"unit": "C"}),
        FunctionTool.from_defaults(LOOKUP.fn, name="lookup_2", description="x" * 5000),
        engine,
        ToolMetadata(name="bare", description="Bare.", fn_schema=None),
        plain,
    ]
    llm.chat_with_tools(tools, user_msg="hi")
    sent = {function["name"]: function for function in functions(qwen_sandbox)}
    assert list(sent) == ["weather", "lookup_2", "notes", "bare", "plain"]
    assert sent["weather"]["parameters"]["properties"]["days"] == {"default": 1, "title": "Days", "type": "integer"}
    assert sent["lookup_2"]["description"] == "x" * 5000
    assert sent["notes"]["parameters"]["required"] == ["input"]
    assert sent["bare"]["parameters"]["required"] == ["input"]
    assert sent["plain"] == plain["function"]


def test_a_tool_without_a_description_has_none(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    undescribed: Any = None
    llm.chat(ASK, tools=[ToolMetadata(name="bare", description=undescribed)])
    assert "description" not in functions(qwen_sandbox)[0]


@pytest.mark.parametrize(
    ("tool", "reason"),
    [
        (ToolMetadata(name=None, description="Look it up."), "A tool has no name; its description is 'Look it up.'"),
        (len, "A builtin_function_or_method is no tool"),
        ("multiply", "A str is no tool"),
    ],
    ids=["nameless", "a function", "a name"],
)
def test_what_is_no_tool_is_refused(llm: Qwen, qwen_sandbox: Sandbox, tool: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        llm.chat_with_tools([tool], user_msg="hi")
    assert qwen_sandbox.requests == []


def test_a_tool_whose_parameters_no_schema_can_describe_is_named(llm: Qwen) -> None:
    schema = create_model("schedule", action=(abc.Callable[[], None], ...))
    tool = FunctionTool.from_defaults(move, name="schedule", fn_schema=schema)
    with pytest.raises(ConfigurationError, match="parameters of the tool 'schedule' cannot be described"):
        llm.chat_with_tools([tool], user_msg="hi")


def test_chat_takes_tools_itself(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    described = MULTIPLY.metadata.to_openai_tool()
    for tools in ([MULTIPLY], [MULTIPLY.metadata], [described]):
        answer = llm.chat(ASK, tools=tools, tool_choice="required", parallel_tool_calls=True)
        assert executable(llm, answer)[0][1:] == ("multiply", {"a": 6, "b": 7})
        assert qwen_sandbox.last_request.json["tools"] == [described]


def test_names_that_endpoints_do_not_take(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    """They travel under others, and are found by their own."""
    tool = FunctionTool.from_defaults(MULTIPLY.fn, name="the product (of two)", description="Multiply two numbers.")
    answer = llm.chat_with_tools([tool], user_msg="What is 6 times 7?", tool_choice="the product (of two)")
    body = qwen_sandbox.last_request.json
    assert body["tool_choice"] == {"type": "function", "function": {"name": "the_product__of_two_"}}
    assert [name for _, name, _ in executable(llm, answer)] == ["the product (of two)"]
    for frame in llm.stream_chat_with_tools([tool, LOOKUP], user_msg="What is 6 times 7?", tool_required=True):
        assert {name for _, name, _ in executable(llm, frame)} <= {"the product (of two)"}
    assert llm.predict_and_call([tool], "What is 6 times 7?", tool_required=True).response == "42"
    llm.chat([*ASK, answer.message, ChatMessage(role=MessageRole.TOOL, content="42")], tools=[tool])
    sent = qwen_sandbox.last_request.json["messages"][1]["tool_calls"][0]["function"]["name"]
    assert sent == "the_product__of_two_"
