"""Group F: tools on their way to the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final, cast

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool, ToolMetadata
from pydantic import BaseModel, Field

from llama_index_llm_tests.answers import Answer, Json
from llama_index_llm_tests.asking import HI, STREAMS, WHOLES, Mode, every_mode, last, with_tools
from llama_index_llm_tests.bench import Bench, UnderTest
from llama_index_llm_tests.wire import text_of


class _Unit(str, Enum):
    CELSIUS = "celsius"
    KELVIN = "kelvin"


class _Place(BaseModel):
    name: str = Field(description="Name der Stadt, z. B. 東京")
    country: str | None = None


class _Forecast(BaseModel):
    places: list[_Place]
    unit: _Unit = _Unit.CELSIUS


def get_forecast(**_: Any) -> str:
    """Look up a forecast."""
    return "mild"


def get_time() -> str:
    """Tell the time."""
    return "noon"


_LONG: Final = "Very long, but to the point. " * 50
_TIME: Final = FunctionTool.from_defaults(get_time)
_FORECAST: Final = FunctionTool(
    fn=get_forecast,
    metadata=ToolMetadata(name="get_forecast", description="Wettervorhersage für 日本", fn_schema=_Forecast),
)
_WORDY: Final = FunctionTool.from_defaults(get_time, name="get_time_slowly", description=_LONG)
_NAMED: Final[Json] = {"type": "function", "function": {"name": "get_time"}}
_HELLO: Final = Answer(text="Hello.")
_NONE_OF_IT: Final = ("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call")


def _functions(bench: Bench) -> dict[str, Json]:
    """The functions that arrived last, by name."""
    tools: list[Json] = bench.body.get("tools", [])
    assert {tool["type"] for tool in tools} <= {"function"}
    return {tool["function"]["name"]: tool["function"] for tool in tools}


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for name, value in cast("Mapping[str, object]", schema).items():
            if name == "$ref":
                yield str(value)
            yield from _references(value)
    elif isinstance(schema, list):
        for value in cast("list[object]", schema):
            yield from _references(value)


class ToolRequestTests(UnderTest):
    """Tools arrive at the server as they were described."""

    @every_mode
    def test_tools_are_sent(self, bench: Bench, mode: Mode) -> None:
        """Name, description and parameters of each tool arrive, in order."""
        assert with_tools(bench.answering(mode, _HELLO), mode, [_FORECAST, _TIME], user_msg="hi")[-1].message.content
        assert list(_functions(bench)) == ["get_forecast", "get_time"]
        forecast = _functions(bench)["get_forecast"]
        assert forecast["description"] == "Wettervorhersage für 日本"
        assert set(forecast["parameters"]["properties"]) == {"places", "unit"}

    def test_every_mode_sends_the_same_tools(self, bench: Bench) -> None:
        """All four methods for tools send the same but for the request to stream."""
        for mode in (*WHOLES, *STREAMS):
            with_tools(bench.answering(mode, _HELLO), mode, [_FORECAST, _TIME], user_msg="hi", tool_required=True)
        bodies = [
            {name: value for name, value in body.items() if name not in {"stream", "stream_options"}}
            for body in bench.bodies
        ]
        assert bodies[0]["tools"]
        assert bodies == [bodies[0]] * 4

    def test_nested_schemas_are_whole(self, bench: Bench) -> None:
        """Nested models keep their definitions: every `$ref` leads somewhere."""
        with_tools(bench.answering("chat", _HELLO), "chat", [_FORECAST], user_msg="hi")
        parameters = _functions(bench)["get_forecast"]["parameters"]
        assert parameters["type"] == "object"
        assert "places" in parameters["required"]
        text = repr(parameters)
        assert ("kelvin" in text, "東京" in text) == (True, True)
        for reference in _references(parameters):
            target: Any = parameters
            for step in reference.removeprefix("#/").split("/"):
                target = target[step]
            assert target["type"] in {"object", "string"}

    def test_a_tool_may_take_nothing(self, bench: Bench) -> None:
        """A function without parameters is described by an object without properties."""
        with_tools(bench.answering("chat", _HELLO), "chat", [_TIME], user_msg="hi")
        parameters = _functions(bench)["get_time"]["parameters"]
        assert parameters["type"] == "object"
        assert not parameters.get("properties")

    def test_a_description_may_be_long(self, bench: Bench) -> None:
        """More than 1024 characters of description are sent: that limit is one vendor's."""
        with_tools(bench.answering("chat", _HELLO), "chat", [_WORDY], user_msg="hi")
        assert _functions(bench)["get_time_slowly"]["description"] == _LONG

    @every_mode
    def test_no_tools_send_nothing_about_tools(self, bench: Bench, mode: Mode) -> None:
        """Without tools the request holds no key about them, which servers would refuse."""
        last(bench.answering(mode, _HELLO), mode)
        with_tools(bench.answering(mode, _HELLO), mode, [], user_msg="hi")
        assert [text_of(body["messages"][0]) for body in bench.bodies] == ["hi", "hi"]
        assert [name for body in bench.bodies for name in _NONE_OF_IT if name in body] == []

    @every_mode
    def test_options_beside_tools_are_sent(self, bench: Bench, mode: Mode) -> None:
        """Settings of one call reach the server through the methods for tools as well."""
        llm = bench.answering(mode, _HELLO, temperature=0.25)
        with_tools(llm, mode, [_TIME], user_msg="hi", temperature=0.75)
        assert (bench.body["temperature"], list(_functions(bench))) == (0.75, ["get_time"])


class ToolChoiceTests(UnderTest):
    """Whether tools must, may or must not be called is said in the server's words."""

    @pytest.mark.parametrize(
        ("choice", "sent"),
        [
            (None, [None, "auto"]),
            ("auto", [None, "auto"]),
            ("none", ["none"]),
            ("required", ["required"]),
            ("get_time", [_NAMED]),
            (_NAMED, [_NAMED]),
        ],
        ids=["nothing", "auto", "none", "required", "a name", "an object"],
    )
    @every_mode
    def test_a_tool_choice_is_sent(self, bench: Bench, mode: Mode, choice: str | Json | None, sent: list[Any]) -> None:
        """`auto`, `none`, `required`, a tool's name and the whole object mean what they say."""
        with_tools(bench.answering(mode, _HELLO), mode, [_FORECAST, _TIME], user_msg="hi", tool_choice=choice)
        assert len(_functions(bench)) == 2
        assert bench.body.get("tool_choice") in sent

    @every_mode
    @pytest.mark.parametrize("options", [{}, {"tool_choice": None}], ids=["alone", "beside no choice"])
    def test_tools_may_be_required(self, bench: Bench, mode: Mode, options: dict[str, Any]) -> None:
        """`tool_required` is `required`, also where `tool_choice=None` stands beside it."""
        with_tools(
            bench.answering(mode, _HELLO), mode, [_FORECAST, _TIME], user_msg="hi", tool_required=True, **options
        )
        assert bench.body["tool_choice"] == "required"

    @every_mode
    def test_parallel_calls_may_be_forbidden(self, bench: Bench, mode: Mode) -> None:
        """`allow_parallel_tool_calls` off, as by default, is `parallel_tool_calls: false`."""
        for options in ({}, {"allow_parallel_tool_calls": False}, {"allow_parallel_tool_calls": True}):
            with_tools(bench.answering(mode, _HELLO), mode, [_TIME], user_msg="hi", **options)
        default, forbidden, allowed = (body.get("parallel_tool_calls") for body in bench.bodies)
        assert (default, forbidden) == (False, False)
        assert allowed is not False


class ToolMessagesTests(UnderTest):
    """The question is put after the history, and nothing that was handed over is changed."""

    @every_mode
    @pytest.mark.parametrize("form", ["text", "message"])
    def test_the_question_follows_the_history(self, bench: Bench, mode: Mode, form: str) -> None:
        """`user_msg`, as text or as a message, is sent after `chat_history`."""
        question = "And now?" if form == "text" else ChatMessage(role="user", content="And now?")
        history = [*HI, ChatMessage(role="assistant", content="Hello.")]
        with_tools(bench.answering(mode, _HELLO), mode, [_TIME], user_msg=question, chat_history=history)
        sent = [(message["role"], text_of(message)) for message in bench.messages]
        assert sent == [("user", "hi"), ("assistant", "Hello."), ("user", "And now?")]

    @every_mode
    def test_the_history_may_be_all(self, bench: Bench, mode: Mode) -> None:
        """Without `user_msg` the history alone is sent, as agents do."""
        with_tools(bench.answering(mode, _HELLO), mode, [_TIME], chat_history=list(HI))
        assert [text_of(message) for message in bench.messages] == ["hi"]

    @every_mode
    def test_what_was_handed_over_is_left_alone(self, bench: Bench, mode: Mode) -> None:
        """Neither the history, nor the tools, nor an option is changed by the call."""
        history = [ChatMessage(role="user", content="hi"), ChatMessage(role="assistant", content="Hello.")]
        tools = [_FORECAST, _TIME]
        choice: Json = {"type": "function", "function": {"name": "get_time"}}
        before = [message.model_dump_json() for message in history]
        for _ in range(2):
            llm = bench.answering(mode, _HELLO)
            with_tools(llm, mode, tools, user_msg="And?", chat_history=history, tool_choice=choice)
        assert [len(body["messages"]) for body in bench.bodies] == [3, 3]
        assert bench.bodies[0] == bench.bodies[1]
        assert [message.model_dump_json() for message in history] == before
        assert (tools, choice) == ([_FORECAST, _TIME], _NAMED)
