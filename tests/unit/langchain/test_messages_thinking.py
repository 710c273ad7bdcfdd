"""Signed thinking over Messages: it goes back as it came, to where it came from, or thinking pauses.

The sandbox verifies signatures and refuses a tool loop that thinks without the thoughts that led to its calls.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, cast

import pytest
from langchain_core.load import dumpd, load
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    message_chunk_to_message,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.tools import tool
from langchain_qwen import ChatQwen, ConfigurationError

from tests.unit.langchain.conftest import Chats, call_piece, chunk, four_ways, merged, sse
from tests.unit.langchain.messages_replies import closed, ended, event_stream, grown, opened, started, whole_message

QUESTION = "What is the weather in Paris and London?"
HIDDEN = f"{QUESTION} [[sandbox:redacted]]"
PAUSED = "thinking was switched off for this request"


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


def _thinker(chats: Chats, **settings: Any) -> Any:
    return chats.at("messages", **{"enable_thinking": True, **settings}).bind_tools([get_weather])


def _looped(asked: BaseMessage, question: str = QUESTION) -> list[BaseMessage]:
    """A conversation in the middle of a tool loop."""
    calls = cast("AIMessage", asked).tool_calls
    return [HumanMessage(question), asked, *(ToolMessage("21 degrees", tool_call_id=call["id"]) for call in calls)]


def _types(chats: Chats) -> list[list[str]]:
    """The types of the blocks of each turn that was sent last."""
    return [[block["type"] for block in turn["content"]] for turn in chats.sent]


# Where histories are kept


def _as_it_is(message: BaseMessage) -> BaseMessage:
    return message


def _as_dicts(message: BaseMessage) -> BaseMessage:
    return messages_from_dict(json.loads(json.dumps(messages_to_dict([message]))))[0]


def _as_objects(message: BaseMessage) -> BaseMessage:
    return cast("BaseMessage", load(json.loads(json.dumps(dumpd(message))), allowed_objects="messages"))


KEEPS: list[Callable[[Any], BaseMessage]] = [_as_it_is, copy.deepcopy, _as_dicts, _as_objects, message_chunk_to_message]


@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
@pytest.mark.parametrize("question", [QUESTION, HIDDEN], ids=["thinking", "redacted"])
@pytest.mark.parametrize("output_version", ["v0", "v1"])
async def test_thoughts_go_back_as_they_came(chats: Chats, output_version: str, question: str) -> None:
    """However the answer came, and wherever it was kept meanwhile, the bytes sent are the same."""
    llm = _thinker(chats, output_version=output_version)
    for way, asked in (await four_ways(llm, question)).items():
        (thought,) = asked.additional_kwargs["reasoning_details"]
        wire: set[bytes] = set()
        for keep in KEEPS:
            history = _looped(keep(asked), question)
            before = copy.deepcopy(history)
            answer = llm.invoke(history)
            wire.add(chats.sandbox.last_request.body)
            assert history == before
            assert "21 degrees" in answer.text, way
            assert "notes" not in answer.response_metadata
        assert len(wire) == 1, way
        kinds = ["thinking" if question == QUESTION else "redacted_thinking", "tool_use", "tool_use"]
        assert _types(chats) == [["text"], kinds, ["tool_result", "tool_result"]]
        assert json.dumps(chats.sent[1]["content"][0]) == json.dumps(thought)
        assert chats.body["thinking"]["type"] == "enabled"


ODD: dict[str, Any] = {
    "type": "thinking",
    "thinking": "Let’s \u2028 see \\u0041 😀\n",
    "signature": "S1+/=",
    "new_field": {"a": [1, None]},
}
HID = {"type": "redacted_thinking", "data": "QUJD"}
CALL = {"type": "tool_use", "id": "c1", "name": "get_weather", "input": {"city": "Rome"}}
ANSWER = whole_message({"type": "text", "text": "done"})


def _streamed(*blocks: dict[str, Any]) -> Any:
    """A reply whose thinking comes a character at a time, the signature in two pieces."""
    events = [started()]
    for index, block in enumerate(blocks):
        thinks = block["type"] == "thinking"
        events.append(opened(index, **(block | {"thinking": "", "signature": ""} if thinks else block)))
        if thinks:
            events += [grown(index, "thinking", letter) for letter in block["thinking"]]
            events += [grown(index, "signature", piece) for piece in (block["signature"][:2], block["signature"][2:])]
        events.append(closed(index))
    return event_stream([*events, *ended("tool_use")])


@pytest.mark.parametrize("make", [_streamed, whole_message], ids=["streamed", "whole"])
async def test_every_field_of_every_block_is_kept(chats: Chats, make: Callable[..., Any]) -> None:
    asking = chats.answering(make(ODD, HID, ODD, CALL), endpoint="messages")
    for asked in (await four_ways(asking, "hi")).values():
        assert asked.additional_kwargs["reasoning_content"] == ODD["thinking"] * 2
        chats.answering(ANSWER, endpoint="messages").invoke(_looped(asked))
        assert [json.dumps(block) for block in chats.sent[1]["content"]] == [*map(json.dumps, [ODD, HID, ODD, CALL])]


async def test_hidden_thoughts_are_no_text(chats: Chats) -> None:
    for answer in (await four_ways(chats.at("messages", enable_thinking=True), "hi [[sandbox:redacted]]")).values():
        assert set(answer.additional_kwargs) == {"reasoning_details"}
        assert [block["type"] for block in answer.content_blocks] == ["text"]


# Agents


def _run(agent: Any, asked: Any, config: Any) -> None:
    agent.invoke(asked, config)


def _run_for_tokens(agent: Any, asked: Any, config: Any) -> None:
    list(agent.stream(asked, config, stream_mode="messages"))


def _run_for_events(agent: Any, asked: Any, config: Any) -> None:
    if tuple(map(int, version("langgraph").split(".")[:2])) < (1, 2):
        pytest.skip("LangGraph speaks v3 since 1.2")
    assert agent.stream_events(asked, config, version="v3").output


@pytest.mark.filterwarnings("ignore:.*experimental:Warning", "ignore:.*in beta:Warning")
@pytest.mark.parametrize("run", [_run, _run_for_tokens, _run_for_events], ids=["invoke", "tokens", "events"])
@pytest.mark.parametrize("settings", [{}, {"output_version": "v1"}, {"streaming": True}], ids=str)
@pytest.mark.parametrize("question", [QUESTION, HIDDEN], ids=["thinking", "redacted"])
async def test_an_agent_thinks_from_call_to_call(
    chats: Chats, run: Callable[..., None], settings: dict[str, Any], question: str
) -> None:
    """From turn to turn as well: signed thoughts of earlier turns go along, and the endpoint sorts them out."""
    agents = pytest.importorskip("langchain.agents", reason="needs the langchain package")
    memory = pytest.importorskip("langgraph.checkpoint.memory")
    llm = chats.at("messages", enable_thinking=True, **settings)
    agent = agents.create_agent(llm, [get_weather], checkpointer=memory.InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    run(agent, {"messages": [HumanMessage(question)]}, config)
    state = await agent.ainvoke({"messages": [HumanMessage(question)]}, config)
    thought = "thinking" if question == QUESTION else "redacted_thinking"
    turns = [["text"], [thought, "tool_use", "tool_use"], ["tool_result", "tool_result"]]
    assert _types(chats) == [*turns, [thought, "text"], *turns]
    assert all(body["thinking"]["type"] == "enabled" for body in chats.bodies)
    assert [message.type.removesuffix("MessageChunk").lower() for message in state["messages"]] == (
        ["human", "ai", "tool", "tool", "ai"] * 2
    )
    assert all("notes" not in message.response_metadata for message in state["messages"])


def test_a_streamed_loop_of_our_own(chats: Chats) -> None:
    llm = _thinker(chats)
    history: list[BaseMessage] = [HumanMessage(QUESTION)]
    history.append(merged(llm.stream(history)))
    history += [cast("ToolMessage", get_weather.invoke(call)) for call in cast("AIMessage", history[1]).tool_calls]
    answer = merged(llm.stream(history))
    assert "21 degrees in Paris" in answer.text
    assert answer.additional_kwargs["reasoning_content"]


# Thoughts from elsewhere


def _chat_completions(chats: Chats) -> AIMessage:
    return chats.at("text", enable_thinking=True).bind_tools([get_weather]).invoke(QUESTION)


def _another_server(chats: Chats) -> AIMessage:
    pieces = whole_message({"type": "thinking", "thinking": "T", "signature": "S"}, CALL, stop="tool_use")
    return chats.answering(pieces, endpoint="messages", provider="vllm-anthropic").invoke("hi")


def _no_thoughts(chats: Chats) -> AIMessage:
    return chats.at("messages", enable_thinking=False).bind_tools([get_weather]).invoke(QUESTION)


def _written_by_hand(_: Chats) -> AIMessage:
    """Details of OpenRouter's kind, of which nobody says whose they are."""
    details = [{"type": "reasoning.text", "text": "T", "index": 0}]
    call: Any = {"name": "get_weather", "args": {"city": "Rome"}, "id": "c:1"}
    return AIMessage("", tool_calls=[call], additional_kwargs={"reasoning_details": details})


def _another_integration(_: Chats) -> AIMessage:
    """Anthropic's own, whose signatures nobody else can verify; whatever it keeps beside the content."""
    thought = {"type": "thinking", "thinking": "T", "signature": "S"}
    call: Any = {"name": "get_weather", "args": {"city": "Rome"}, "id": "c1"}
    told = {"model_provider": "anthropic", "provider": "wcode-anthropic"}
    beside = {"reasoning_details": [thought]}
    return AIMessage([thought, CALL], tool_calls=[call], additional_kwargs=beside, response_metadata=told)


ELSEWHERE = [_chat_completions, _another_server, _no_thoughts, _written_by_hand, _another_integration]


@pytest.mark.parametrize("ask", ELSEWHERE)
async def test_a_loop_goes_on_without_thinking(chats: Chats, ask: Callable[[Chats], AIMessage]) -> None:
    """Its calls came without thoughts of this endpoint's; the next question is thought about again."""
    llm = _thinker(chats)
    history = _looped(ask(chats))
    answers = await four_ways(llm, history)
    assert [body["thinking"] for body in chats.bodies[-4:]] == [{"type": "disabled"}] * 4
    assert "thinking" not in [kind for turn in _types(chats) for kind in turn]
    for answer in answers.values():
        assert "21 degrees" in answer.text
        assert PAUSED in str(answer.response_metadata["notes"])
        assert "signed thinking" in str(answer.response_metadata["notes"])
        assert answer.additional_kwargs == {}
    again = llm.invoke([*history, answers["stream"], HumanMessage("Say exactly: x")])
    assert again.additional_kwargs["reasoning_content"]
    assert "notes" not in again.response_metadata


def test_signed_thoughts_stay_with_their_provider(chats: Chats) -> None:
    """Another one gets the text of them, under its own name for it."""
    history = _looped(_thinker(chats).invoke(QUESTION))
    thought = history[1].additional_kwargs["reasoning_content"]
    for endpoint, field in (("text", "reasoning"), ("flash", "reasoning_content")):
        chats.at(endpoint, enable_thinking=True).invoke(history)
        assert chats.sent[1][field] == thought
        assert "reasoning_details" not in chats.sent[1]


@pytest.mark.parametrize(
    ("policy", "thinks", "kinds"),
    [
        ("auto", True, [["thinking", "tool_use", "tool_use"], ["thinking", "text"]]),
        ("always", True, [["thinking", "tool_use", "tool_use"], ["thinking", "text"]]),
        ("tool_turns", True, [["tool_use", "tool_use"], ["text"]]),
        ("never", False, [["tool_use", "tool_use"], ["text"]]),
    ],
)
def test_policies_of_replay(chats: Chats, policy: str, thinks: bool, kinds: list[list[str]]) -> None:
    llm = _thinker(chats, reasoning_replay=policy)
    history = _looped(llm.invoke(QUESTION))
    answer = llm.invoke(history)
    assert (chats.body["thinking"]["type"] == "enabled") == thinks
    assert (PAUSED in str(answer.response_metadata.get("notes"))) == (not thinks)
    assert (_types(chats)[1][0] == "thinking") == thinks
    llm.invoke([*history, answer, HumanMessage("thanks")])
    assert _types(chats)[1::2] == kinds


# What cannot stand beside thinking


@pytest.mark.parametrize(("name", "value"), [("temperature", 0.5), ("top_p", 0.9), ("top_k", 5)])
def test_what_thinking_refuses(chats: Chats, name: str, value: float) -> None:
    said = rf"{name}={value} cannot stand beside thinking .* at wcode-anthropic"
    with pytest.raises(ConfigurationError, match=said):
        chats.at("messages", enable_thinking=True, **{name: value})
    with pytest.raises(ConfigurationError, match=said):
        chats.at("messages", enable_thinking=True).invoke("hi", **cast("Any", {name: value}))
    assert chats.bodies == []
    chats.at("messages", enable_thinking=False, **{name: value}).invoke("hi")
    assert chats.body[name] == value


def test_a_budget_needs_room(chats: Chats) -> None:
    with pytest.raises(ConfigurationError, match="max_tokens=1024 leaves no room"):
        chats.at("messages", thinking_budget=1024, max_tokens=1024).invoke("hi")
    with pytest.raises(ConfigurationError, match="thinking_budget=1000 is out of range"):
        chats.at("messages", thinking_budget=1000)
    with pytest.raises(ConfigurationError, match="not both"):
        chats.at("messages", thinking_budget=2000, reasoning_effort="low")
    assert chats.bodies == []


# Servers of one's own, which do not sign


def test_thoughts_without_signatures(chats: Chats) -> None:
    """They go back as blocks, whoever thought them."""
    streamed = sse(
        [chunk(reasoning="R"), call_piece(0, '{"city": "Rome"}', name="get_weather", id_="c1"), chunk("tool_calls")]
    )
    foreign = merged(chats.answering(streamed, endpoint="text").stream("hi"))
    local: ChatQwen = chats.answering(ANSWER, endpoint="messages", provider="llamacpp-anthropic", enable_thinking=True)
    local.invoke(_looped(foreign))
    assert chats.sent[1]["content"] == [{"type": "thinking", "thinking": "R", "signature": ""}, CALL]
    assert chats.body["chat_template_kwargs"] == {"enable_thinking": True}
