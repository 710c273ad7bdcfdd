"""Tools: what is sent, and calls as gateways really write them."""

from __future__ import annotations

import json
from typing import Any, Final

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool

from tests.compare.replies import Json, called, chunk, counted, piece, said, stream
from tests.compare.row import Row
from tests.compare.sides import Side, calls_of, merged
from tests.compare.verdicts import Found, parts, raised_by

_HALF: Final = '{"path": "/etc/pass'
_PARIS: Final = [("get_weather", {"city": "Paris"})]


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


def _sent(side: Side, bound: Any) -> Json:
    bound.invoke("weather in Paris")
    return side.body


def _any(side: Side) -> Found:
    return _sent(side, side.model(said()).bind_tools([get_weather], tool_choice="any")).get("tool_choice") == "required"


def _strict(side: Side) -> Found:
    tools = _sent(side, side.model(said()).bind_tools([get_weather], strict=True)).get("tools")
    return bool(tools) and tools[0]["function"].get("strict") is True


def _one_at_a_time(side: Side) -> Found:
    body = _sent(side, side.model(said()).bind_tools([get_weather], parallel_tool_calls=False))
    return body.get("parallel_tool_calls") is False


def _no_tools(side: Side) -> Found:
    body = _sent(side, side.model(said()).bind_tools([]))
    return "messages" in body and "tools" not in body


def _forced_while_thinking(side: Side) -> Found:
    model = side.model(said(), service="dashscope", **side.peer.thinking.get("on", {}))
    refused = raised_by(lambda: model.bind_tools([get_weather], tool_choice="any").invoke("weather in Paris"))
    if not side.bodies:
        return refused is not None and "think" in str(refused)
    choice, thinking = side.body.get("tool_choice"), side.body.get("enable_thinking")
    if choice == "required":
        return thinking is False
    return "partly: the tool becomes optional" if choice == "auto" else False


def _invalid(message: Any) -> bool:
    return message.tool_calls == [] and [call["name"] for call in message.invalid_tool_calls] == ["get_weather"]


def _cut_whole(side: Side) -> Found:
    return _invalid(side.model(called(_HALF, finish="length")).invoke("hi"))


def _cut_streamed(side: Side) -> Found:
    start = piece(_HALF[:8], name="get_weather", call_id="call-1")
    reply = stream(start, piece(_HALF[8:]), chunk("length"), counted())
    return _invalid(merged(side.model(reply).stream("hi")))


def _no_object(side: Side) -> Found:
    message = side.model(called("[1, 2]")).invoke("hi")
    if calls_of(message) == [("get_weather", {})]:
        return "partly: the tool is called with nothing"
    return _invalid(message)


def _object(side: Side) -> Found:
    return calls_of(side.model(called({"city": "Paris"})).invoke("hi")) == _PARIS


def _streams_paris(side: Side, *chunks: Json) -> bool:
    return calls_of(merged(side.model(stream(*chunks, chunk("tool_calls"), counted())).stream("hi"))) == _PARIS


def _repeated_name(side: Side) -> Found:
    first = piece('{"city": ', name="get_weather", call_id="call-1")
    return _streams_paris(side, first, piece('"Paris"}', name="get_weather", call_id="call-1"))


def _drift(side: Side) -> Found:
    first = piece('{"city": ', index=1, name="get_weather", call_id="call-1")
    return _streams_paris(side, first, piece('"Paris"}', index=0))


def _alternating(side: Side) -> Found:
    chunks = [
        piece('{"city": ', index=0, name="get_weather", call_id="call-1"),
        piece('{"city"', index=1, name="get_weather", call_id="call-2"),
        piece('"Paris"}', index=0),
        piece(': "Rome"}', index=1),
    ]
    message = merged(side.model(stream(*chunks, chunk("tool_calls"), counted())).stream("hi"))
    return calls_of(message) == [*_PARIS, ("get_weather", {"city": "Rome"})]


def _no_ids(side: Side) -> Found:
    """Servers that give no id: results are matched by it, so each call needs one, and each its own."""
    function = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    calls = [{"index": index, "type": "function", "function": function} for index in (0, 1)]

    def distinct(message: Any) -> bool:
        ids = {call["id"] for call in message.tool_calls if call["id"]}
        return len(ids) == len(calls)

    return parts(
        whole=lambda: distinct(side.model(said("", tool_calls=calls)).invoke("hi")),
        streamed=lambda: distinct(
            merged(side.model(stream(chunk(tool_calls=calls), chunk("tool_calls"), counted())).stream("hi"))
        ),
    )


def _history_of_a_broken_call(side: Side) -> Found:
    """Servers parse the arguments of earlier calls and refuse what is no JSON object, so the agent could not go on."""
    broken = {"name": "get_weather", "args": _HALF, "id": "call-1", "error": "cut", "type": "invalid_tool_call"}
    asked = AIMessage("", invalid_tool_calls=[broken])
    told = ToolMessage("not valid JSON", tool_call_id="call-1", status="error")
    side.model(said()).invoke([HumanMessage("hi"), asked, told])
    calls = side.answers[0].get("tool_calls") if side.answers else None
    if not calls or calls[0]["function"]["name"] != "get_weather":
        return False
    return isinstance(_json(calls[0]["function"]["arguments"]), dict)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


ROWS: Final = (
    Row('`tool_choice="any"` goes out as `required`', _any),
    Row("`strict` of `bind_tools` goes out", _strict),
    Row("`parallel_tool_calls=False` goes out", _one_at_a_time),
    Row("Sends no empty `tools: []`", _no_tools),
    Row("Never forces a tool while DashScope thinks (answered with 400)", _forced_while_thinking),
    Row("Arguments cut off by the token limit are an invalid call", _cut_whole),
    Row("… also in a merged stream", _cut_streamed),
    Row("Arguments that are no object are an invalid call", _no_object),
    Row("Arguments that come as an object are read", _object),
    Row("A name repeated in each chunk is one name", _repeated_name),
    Row("A call whose index drifts is one call", _drift),
    Row("Parallel calls whose pieces alternate", _alternating),
    Row("Calls without an id get one each", _no_ids),
    Row("A broken call goes back in a form that servers accept", _history_of_a_broken_call),
)
