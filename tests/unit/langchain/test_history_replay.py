"""Reasoning on its way back: verbatim through agents, however the answer came and wherever it was kept meanwhile."""

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
from qwen_sandbox import Reply

from tests.unit.langchain.conftest import Chats, chunk, merged, sse, whole

DETAILS = [
    {"type": "reasoning.text", "text": "Think", "format": "unknown", "index": 0, "signature": None},
    {"type": "reasoning.encrypted", "data": "ENC", "id": "rs_1", "index": 1, "extra": {"deep": [1, 2.5, None]}},
]
RAW_CALL = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
ASKED = {
    "role": "assistant",
    "content": "",
    "tool_calls": [RAW_CALL],
    "reasoning": "Think",
    "reasoning_details": DETAILS,
}
WHOLE = [
    whole(
        {"content": None, "reasoning": "Think", "reasoning_details": DETAILS, "tool_calls": [RAW_CALL]}, "tool_calls"
    ),
    whole({"content": "done"}),
]
STREAMED = [
    sse([
        chunk(reasoning="Th", reasoning_details=[{**DETAILS[0], "text": "Th"}]),
        chunk(reasoning="ink", reasoning_details=[{**DETAILS[0], "text": "ink"}]),
        chunk(reasoning_details=[DETAILS[1]]),
        chunk(tool_calls=[{"index": 0, **RAW_CALL}]),
        chunk("tool_calls"),
    ]),
    sse([chunk(content="done"), chunk("stop")]),
]  # fmt: skip
QUESTION = {"messages": [HumanMessage("weather in Rome?")]}


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


def _run(agent: Any) -> None:
    agent.invoke(QUESTION)


def _run_for_tokens(agent: Any) -> None:
    list(agent.stream(QUESTION, stream_mode="messages"))


def _run_for_events(agent: Any) -> None:
    if _release("langgraph") < (1, 2):
        pytest.skip("LangGraph speaks v3 since 1.2")
    content = agent.stream_events(QUESTION, version="v3").output["messages"][1].content
    assert [block["type"] for block in content] == ["reasoning", "tool_call"]  # blocks, although nobody asked for v1


def _release(package: str) -> tuple[int, ...]:
    return tuple(map(int, version(package).split(".")[:2]))


@pytest.mark.filterwarnings("ignore:.*experimental:Warning", "ignore:.*in beta:Warning")
@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize(
    ("replies", "settings", "run"),
    [
        (WHOLE, {}, _run),
        (STREAMED, {"streaming": True}, _run),
        (STREAMED, {}, _run_for_tokens),
        (STREAMED, {}, _run_for_events),
    ],
    ids=["whole", "streamed inside", "tokens", "events"],
)
def test_an_agent_sends_reasoning_back_verbatim(
    chats: Chats, replies: list[Reply], settings: dict[str, Any], run: Callable[[Any], None], output_version: str
) -> None:
    agents = pytest.importorskip("langchain.agents", reason="needs the langchain package")
    llm = chats.answering(*replies, endpoint="text", output_version=output_version, **settings)
    run(agents.create_agent(llm, [get_weather]))
    assert chats.sent[1:] == [ASKED, {"role": "tool", "content": "21 degrees in Rome", "tool_call_id": "c1"}]


async def test_an_agent_sends_it_back_within_the_loop_alone(chats: Chats) -> None:
    agents = pytest.importorskip("langchain.agents", reason="needs the langchain package")
    again = whole({"content": "welcome"})
    for policy, goes_back in ((None, False), ("always", True), ("never", False)):
        settings = {} if policy is None else {"reasoning_replay": policy}
        agent = agents.create_agent(chats.answering(*WHOLE, again, endpoint="text", **settings), [get_weather])
        state = await agent.ainvoke(QUESTION)
        assert (chats.sent[1] == ASKED) == (policy != "never")
        await agent.ainvoke({"messages": [*state["messages"], HumanMessage("thanks")]})
        sent = chats.sent[1]
        assert ("reasoning" in sent, "reasoning_details" in sent) == (goes_back, goes_back)


def _kept_as_dicts(message: BaseMessage) -> BaseMessage:
    return messages_from_dict(json.loads(json.dumps(messages_to_dict([message]))))[0]


def _kept_as_objects(message: BaseMessage) -> BaseMessage:
    return cast("BaseMessage", load(json.loads(json.dumps(dumpd(message))), allowed_objects="messages"))


@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
@pytest.mark.parametrize(
    "keep", [copy.deepcopy, _kept_as_dicts, _kept_as_objects, message_chunk_to_message], ids=lambda keep: keep.__name__
)
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_it_survives_where_histories_are_kept(
    chats: Chats, keep: Callable[[Any], BaseMessage], output_version: str
) -> None:
    asking = chats.answering(STREAMED[0], endpoint="text", output_version=output_version)
    answers = [merged(asking.stream("hi")), asking.invoke("hi", stream=True)]
    answers.append(chats.answering(WHOLE[0], endpoint="text", output_version=output_version).invoke("hi"))
    for answer in answers:
        history = [HumanMessage("hi"), keep(answer), ToolMessage("x", tool_call_id="c1")]
        before = copy.deepcopy(history)
        chats.answering(WHOLE[1], endpoint="text").invoke(history)
        assert chats.sent[1] == ASKED
        assert history == before


@pytest.mark.parametrize(
    ("origin", "goes_back"),
    [
        ({"model_provider": "qwen", "provider": "wcode"}, True),
        ({}, True),  # the caller's own words
        ({"model_provider": "openrouter"}, False),
        ({"model_provider": "deepseek", "provider": "wcode"}, False),
    ],
    ids=str,
)
def test_only_the_text_of_foreign_reasoning_goes_on(chats: Chats, origin: dict[str, Any], goes_back: bool) -> None:
    """Another model refuses what the first one encrypted."""
    notes = {"reasoning_content": "Think", "reasoning_details": DETAILS}
    call: Any = {"name": "get_weather", "args": {"city": "Rome"}, "id": "c1"}
    answer = AIMessage("", additional_kwargs=notes, tool_calls=[call], response_metadata=origin)
    history = [HumanMessage("hi"), answer, ToolMessage("x", tool_call_id="c1")]
    chats.answering(WHOLE[1], endpoint="text").invoke(history)
    assert chats.sent[1] == (ASKED if goes_back else {k: v for k, v in ASKED.items() if k != "reasoning_details"})
    chats.answering(WHOLE[1], endpoint="flash").invoke(history)
    assert chats.sent[1] == {
        "role": "assistant",
        "content": "",
        "tool_calls": [RAW_CALL],
        "reasoning_content": "Think",
    }
