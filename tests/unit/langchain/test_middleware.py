"""Agents' middleware: what it does when a call fails, and when a conversation grows too long."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import langchain_qwen
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.tools import tool
from langchain_qwen import ChatQwen
from qwen_sandbox import Reply
from typing_extensions import override

from tests.unit.langchain.conftest import Chats, chunk, refusal, sse, whole

pytest.importorskip("langchain.agents.middleware", reason="needs the langchain package")

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType] - its checkpointer has no types
from langchain.agents.middleware import (
    AgentMiddleware,
    ClearToolUsesEdit,
    ContextEditingMiddleware,
    HumanInTheLoopMiddleware,
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
    ToolCallLimitMiddleware,
)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

asks_kinds = pytest.mark.skipif(
    tuple(map(int, version("langchain").split(".")[:2])) < (1, 4),
    reason="langchain asks errors whether they may be retried, and cuts overflowing prompts, since 1.4",
)
HI: Any = {"messages": [HumanMessage("hi")]}
GOOD = whole({"content": "x"})


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


def _calling(arguments: str = '{"city": "Rome"}', id_: str = "c1") -> Reply:
    call = {"id": id_, "type": "function", "function": {"name": "get_weather", "arguments": arguments}}
    return whole({"content": "", "tool_calls": [call]}, "tool_calls")


def _error(message: str, code: Any = None) -> dict[str, Any]:
    return {"error": {"message": message, "code": code}}


def _agent(llm: ChatQwen, *middleware: AgentMiddleware[Any, Any, Any], tools: Any = (), **more: Any) -> Any:
    return create_agent(llm, list(tools), middleware=list(middleware), **more)


# Failures


class _Attempts(BaseCallbackHandler):
    """Counts calls of the model, also those that reach nobody."""

    def __init__(self) -> None:
        self.count = 0

    @override
    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.count += 1


FAILURES: dict[str, tuple[Reply, str, int]] = {
    "rate limit": (refusal(429, _error("Rate limit exceeded", "rate_limit")), "RateLimitError", 3),
    "tokens per minute": (refusal(429, _error("You exceeded your current quota", "insufficient_quota")),
        "RateLimitError", 3),
    "failed": (refusal(500, _error("oops")), "ServerError", 3),
    "bad gateway": (refusal(502, b"<html>Bad Gateway</html>"), "ServerError", 3),
    "gateway timeout": (refusal(504, b""), "TimedOutError", 3),
    "failed in a 200": (refusal(200, _error("Provider returned error", 503)), "ServerError", 3),
    "cut off": (sse([chunk(content="o")], done=False), "StreamInterruptedError", 3),
    "refused": (refusal(400, _error("bad temperature")), "InvalidRequestError", 1),
    "bad key": (refusal(401, _error("Incorrect API key")), "AuthenticationError", 1),
    "no credit": (refusal(402, _error("Insufficient credits")), "QuotaExhaustedError", 1),
    "quota": (refusal(403, _error("x", "insufficient_user_quota")), "QuotaExhaustedError", 1),
    "quota in a 429": (refusal(429, _error("Free allocated quota exceeded.")), "QuotaExhaustedError", 1),
    "no model": (refusal(404, _error("x", "model_not_found")), "ModelNotFoundError", 1),
    "filtered": (refusal(400, _error("x", "data_inspection_failed")), "ContentFilteredError", 1),
    "too long": (refusal(400, _error("Range of input length should be [1, 9]")), "ContextOverflowError", 1),
    "not JSON": (refusal(200, b"<html>Welcome</html>"), "MalformedResponseError", 1),
}  # fmt: skip


@asks_kinds
@pytest.mark.parametrize("case", FAILURES)
async def test_what_is_retried(chats: Chats, case: str) -> None:
    reply, kind, attempts = FAILURES[case]
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False, on_failure="error")
    agent = _agent(chats.answering(reply), retry)
    with pytest.raises(getattr(langchain_qwen, kind)):
        agent.invoke(HI)
    assert len(chats.bodies) == attempts
    with pytest.raises(getattr(langchain_qwen, kind)):
        await agent.ainvoke(HI)
    assert len(chats.bodies) == 2 * attempts


@asks_kinds
def test_nobody_there_is_retried(chats: Chats) -> None:
    attempts = _Attempts()
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False)
    agent = _agent(chats.at("flash", base_url="http://127.0.0.1:9/v1", max_retries=0), retry)
    state = agent.invoke(HI, {"callbacks": [attempts]})
    assert attempts.count == 3
    assert "after 3 attempts with ConnectionFailedError: Cannot reach" in state["messages"][-1].text


@asks_kinds
@pytest.mark.parametrize("streaming", [False, True])
def test_a_retry_that_helps(chats: Chats, streaming: bool) -> None:
    """The model's own retries come within each attempt of the middleware."""
    failed = refusal(500, _error("oops"), **{"retry-after-ms": "1"})
    good = sse([chunk(content="x"), chunk("stop")]) if streaming else GOOD
    retry = ModelRetryMiddleware(max_retries=1, initial_delay=0, jitter=False, on_failure="error")
    agent = _agent(chats.answering(failed, failed, failed, good, max_retries=1, streaming=streaming), retry)
    assert agent.invoke(HI)["messages"][-1].text == "x"
    assert len(chats.bodies) == 4


async def test_another_model_steps_in(chats: Chats) -> None:
    failing = chats.answering(refusal(500, _error("oops")), endpoint="flash")
    unknown = chats.answering(refusal(401, _error("Incorrect API key")), endpoint="cn")
    fallback = ModelFallbackMiddleware(unknown, chats.at("text", enable_thinking=True))
    agent = _agent(failing, fallback, tools=[get_weather])
    asked: Any = {"messages": [HumanMessage("What is the weather in Paris?")]}
    for state in (agent.invoke(asked), await agent.ainvoke(asked)):
        assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
        assert "21 degrees in Paris" in state["messages"][-1].text
        assert state["messages"][-1].response_metadata["provider"] == "wcode"
    models = [body["model"] for body in chats.bodies]
    assert models == ["qwen3.6-flash", "qwen3-32b", "qwen/qwen3-235b-a22b"] * 4


# Conversations that grow too long


LONG: list[AnyMessage] = [HumanMessage("first " * 200), AIMessage("second " * 200), HumanMessage("third")]
TEXTS = {
    "DashScope": "Range of input length should be [1, 129024]",
    "OpenRouter": "This endpoint's maximum context length is 40960 tokens. However, you requested about 50000 tokens",
    "new-api": "Range of input length should be [1, 983616] (request id: 20261120101500123456789)",
    "vLLM": "The decoder prompt (length 15329) is longer than the maximum model length of 8192.",
    "llama.cpp": "request (2009 tokens) exceeds the available context size (512 tokens), try increasing it",
}


@asks_kinds
@pytest.mark.parametrize("server", TEXTS)
async def test_a_summary_that_overflows_is_asked_for_again_shorter(chats: Chats, server: str) -> None:
    too_long = refusal(400, _error(TEXTS[server], 400))
    summary = whole({"content": "SUMMARY"})
    for run in ("invoke", "ainvoke"):
        llm = chats.answering(too_long, summary, GOOD)
        shorten = SummarizationMiddleware(llm, trigger=("messages", 3), keep=("messages", 1))
        agent = _agent(llm, shorten)
        before = len(chats.bodies)
        state = agent.invoke({"messages": LONG}) if run == "invoke" else await agent.ainvoke({"messages": LONG})
        assert state["messages"][-1].text == "x"
        first, second, last = chats.bodies[before:]
        assert len(second["messages"][0]["content"]) < len(first["messages"][0]["content"]) - 1000
        assert "middle of conversation omitted" in second["messages"][0]["content"]
        assert "SUMMARY" in last["messages"][0]["content"]
        assert last["messages"][1:] == [{"role": "user", "content": "third"}]


def test_a_share_of_the_models_context(chats: Chats) -> None:
    """The profile says how much the model takes; what was counted by the endpoint counts as well."""
    llm = chats.answering(whole({"content": "x"}), endpoint="vision")
    middleware = SummarizationMiddleware(llm, trigger=("fraction", 0.001), keep=("messages", 1))  # 262 tokens
    agent = _agent(llm, middleware)

    def requests_for(*messages: AnyMessage) -> int:
        before = len(chats.bodies)
        agent.invoke({"messages": list(messages)})
        return len(chats.bodies) - before

    assert requests_for(HumanMessage("first"), AIMessage("second"), HumanMessage("third")) == 1
    assert requests_for(*LONG) == 2
    usage: Any = {"prompt_tokens": 300, "completion_tokens": 5, "total_tokens": 305}
    counted = chats.answering(whole({"content": "short"}, usage=usage), endpoint="vision").invoke("hi")
    assert requests_for(HumanMessage("hi"), counted, HumanMessage("third")) == 2
    foreign = counted.model_copy(update={"response_metadata": {"model_provider": "other"}})
    assert requests_for(HumanMessage("hi"), foreign, HumanMessage("third")) == 1


def test_a_share_of_an_unknown_context(chats: Chats) -> None:
    with pytest.warns(UserWarning, match="not in the catalogue"):
        llm = chats.at("flash", model="qwen-omega")
    with pytest.raises(ValueError, match="profile information is required"):
        SummarizationMiddleware(llm, trigger=("fraction", 0.5))
    described = chats.at("flash", model="qwen-omega", profile={"max_input_tokens": 1000})
    assert SummarizationMiddleware(described, trigger=("fraction", 0.5)).trigger == ("fraction", 0.5)


@pytest.mark.parametrize("method", ["approximate", "model"])
async def test_old_results_are_cleared(chats: Chats, method: Any) -> None:
    """`model` asks the model to count, offline."""
    history: list[AnyMessage] = [HumanMessage("go")]
    for city in ("Rome", "Oslo"):
        call: Any = {"name": "get_weather", "args": {"city": city}, "id": city, "type": "tool_call"}
        history += [AIMessage("", tool_calls=[call]), ToolMessage(f"{city}: " + "dry " * 40, tool_call_id=city)]
    llm = chats.answering(GOOD)
    counted = llm.get_num_tokens_from_messages(list(history), [get_weather])
    assert counted > llm.get_num_tokens_from_messages(list(history)), "tools count"
    size = counted if method == "model" else count_tokens_approximately(history)
    for trigger, cleared in ((size - 1, True), (size, False)):
        edit = ClearToolUsesEdit(trigger=trigger, keep=1)
        agent = _agent(llm, ContextEditingMiddleware(edits=[edit], token_count_method=method), tools=[get_weather])
        for state in (agent.invoke({"messages": history}), await agent.ainvoke({"messages": history})):
            results = [message["content"] for message in chats.sent if message["role"] == "tool"]
            assert results[0].startswith("[cleared]" if cleared else "Rome")
            assert results[1].startswith("Oslo")
            assert state["messages"][2].text.startswith("Rome"), "the history itself is kept"


# Limits and people


def test_limits(chats: Chats) -> None:
    """A model that never stops calling tools is stopped."""
    agent = _agent(chats.answering(_calling()), ModelCallLimitMiddleware(run_limit=2), tools=[get_weather])
    state = agent.invoke(HI)
    assert len(chats.bodies) == 2
    assert "limit" in state["messages"][-1].text
    limit: Any = ToolCallLimitMiddleware(run_limit=1)
    agent = _agent(chats.answering(_calling(), _calling(id_="c2"), GOOD), limit, tools=[get_weather])
    state = agent.invoke(HI)
    results = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    assert [message.status for message in results] == ["success", "error"]
    assert [message["role"] for message in chats.sent] == ["user", "assistant", "tool", "assistant", "tool"]


@pytest.mark.parametrize("decision", ["approve", "edit", "reject"])
def test_a_person_decides(chats: Chats, decision: str) -> None:
    """The call waits in a checkpoint, which means that our messages were stored and read again."""
    llm = chats.at("text", enable_thinking=True)
    ask = HumanInTheLoopMiddleware(interrupt_on={"get_weather": True})
    agent = _agent(llm, ask, tools=[get_weather], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    waiting = agent.invoke({"messages": [HumanMessage("What is the weather in Paris?")]}, config)
    (request,) = waiting["__interrupt__"][0].value["action_requests"]
    assert (request["name"], request["args"]) == ("get_weather", {"city": "Paris"})
    edited = {"type": "edit", "edited_action": {"name": "get_weather", "args": {"city": "Oslo"}}}
    answer: Any = {"approve": {"type": "approve"}, "edit": edited, "reject": {"type": "reject", "message": "no"}}
    state = agent.invoke(Command(resume={"decisions": [answer[decision]]}), config)
    (result,) = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    told = {"approve": "21 degrees in Paris", "edit": "21 degrees in Oslo", "reject": "no"}[decision]
    assert result.text.endswith(told)
    _, called, result_sent = chats.sent
    assert called["reasoning"] == waiting["messages"][-1].additional_kwargs["reasoning_content"]
    assert called["tool_calls"][0]["id"] == result_sent["tool_call_id"]
    assert result_sent["content"] == result.text
