"""Group M, first half: the framework's agents."""

# The workflow package types its events and results barely.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from llama_index.core.agent.workflow import AgentStream, AgentWorkflow, FunctionAgent, ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.workflow import Context

from llama_index_llm_tests.answers import Answer, Call
from llama_index_llm_tests.asking import run
from llama_index_llm_tests.bench import Bench
from llama_index_llm_tests.framework import CORE, WEATHER, WEATHER_DIRECT, about_agents, buffer, started
from llama_index_llm_tests.predicting import PARIS, PARIS_JSON, City, Predicting
from llama_index_llm_tests.wire import calls_of, text_of

_streaming_or_not = pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "whole"])
_ROME: Final = Call(id="call-2", arguments='{"city": "Rome"}')
_MILD: Final = Answer(text="It is mild.")


class AgentTests(Predicting):
    """The framework's agents can rely on the class."""

    @about_agents
    @_streaming_or_not
    def test_an_agent_uses_a_tool(self, bench: Bench, streaming: bool) -> None:
        """A FunctionAgent calls a tool, sends the result back and gives the answer."""
        llm = _llm(bench, Answer(calls=[Call()]), _MILD, streaming=streaming)
        result, events = started(FunctionAgent(tools=[WEATHER], llm=llm, streaming=streaming))
        assert str(result) == "It is mild."
        assert _results(events) == [("get_weather", {"city": "Paris"}, "21 degrees in Paris")]
        assert [message["role"] for message in bench.messages] == ["user", "assistant", "tool"]
        assert calls_of(bench.messages[1]) == [("call-1", "get_weather", {"city": "Paris"})]
        assert (bench.messages[2]["tool_call_id"], text_of(bench.messages[2])) == ("call-1", "21 degrees in Paris")

    @about_agents
    @_streaming_or_not
    def test_an_agent_uses_tools_in_parallel(self, bench: Bench, streaming: bool) -> None:
        """A FunctionAgent runs all the calls of one answer, and each result goes with its call."""
        if CORE < (0, 14, 8) and not streaming:
            pytest.skip("this core's FunctionAgent does not allow parallel calls where it does not stream")
        llm = _llm(bench, Answer(calls=[Call(), _ROME]), _MILD, streaming=streaming)
        result, events = started(FunctionAgent(tools=[WEATHER], llm=llm, streaming=streaming))
        assert str(result) == "It is mild."
        assert sorted(output for _, _, output in _results(events)) == ["21 degrees in Paris", "21 degrees in Rome"]
        answered = {message["tool_call_id"]: text_of(message) for message in bench.messages[2:]}
        assert answered == {"call-1": "21 degrees in Paris", "call-2": "21 degrees in Rome"}

    @about_agents
    @_streaming_or_not
    def test_an_agent_takes_several_steps(self, bench: Bench, streaming: bool) -> None:
        """A FunctionAgent calls one tool after the other, with the whole history each time."""
        llm = _llm(bench, Answer(text="First.", calls=[Call()]), Answer(calls=[_ROME]), _MILD, streaming=streaming)
        result, _ = started(FunctionAgent(tools=[WEATHER], llm=llm, streaming=streaming))
        assert str(result) == "It is mild."
        roles = ["user", "assistant", "tool", "assistant", "tool"]
        assert [message["role"] for message in bench.messages] == roles
        assert text_of(bench.messages[1]) == "First."

    @about_agents
    def test_an_agent_streams_text_and_thoughts(self, bench: Bench) -> None:
        """An agent's stream events hold the answer's text and, apart from it, its thoughts."""
        llm = _llm(bench, Answer(text="It is mild.", reasoning="I know this one."))
        result, events = started(FunctionAgent(tools=[WEATHER], llm=llm))
        streamed = [event for event in events if isinstance(event, AgentStream)]
        assert "".join(event.delta for event in streamed) == str(result) == "It is mild."
        assert "".join(getattr(event, "thinking_delta", None) or "" for event in streamed) == "I know this one."
        json.dumps([event.model_dump(mode="json") for event in streamed])

    @about_agents
    @_streaming_or_not
    def test_an_agent_does_not_run_a_cut_call(self, bench: Bench, streaming: bool) -> None:
        """A call that the token limit cut off is not run with arguments made up from its half."""
        cut = Answer(text="Let me see.", calls=[Call(arguments='{"city": "Par')], finish="length")
        _, events = started(
            FunctionAgent(tools=[WEATHER], llm=_llm(bench, cut, _MILD, streaming=streaming), streaming=streaming)
        )
        assert bench.bodies
        assert not [output for _, arguments, output in _results(events) if arguments]

    @about_agents
    @_streaming_or_not
    def test_a_tool_may_answer_directly(self, bench: Bench, streaming: bool) -> None:
        """The result of a `return_direct` tool is the answer, and the conversation can go on."""
        memory = buffer()
        llm = _llm(bench, Answer(calls=[Call()]), streaming=streaming)
        result, _ = started(FunctionAgent(tools=[WEATHER_DIRECT], llm=llm, streaming=streaming), memory=memory)
        assert str(result) == "21 degrees in Paris"
        later = FunctionAgent(tools=[WEATHER_DIRECT], llm=_llm(bench, _MILD, streaming=streaming), streaming=streaming)
        result, _ = started(later, "And now?", memory)
        assert str(result) == "It is mild."
        assert [message["role"] for message in bench.messages] == ["user", "assistant", "tool", "assistant", "user"]
        assert "tool_call_id" not in bench.messages[3]

    @about_agents
    @_streaming_or_not
    def test_an_agent_hands_over(self, bench: Bench, streaming: bool) -> None:
        """In an AgentWorkflow one agent hands over to another, which uses its tool."""
        handoff = Call("handoff", '{"to_agent": "forecaster", "reason": "It knows the weather."}', "call-0")
        llm = _llm(bench, Answer(calls=[handoff]), Answer(calls=[Call()]), _MILD, streaming=streaming)
        clerk = FunctionAgent(name="clerk", description="Greets.", llm=llm, tools=[], streaming=streaming)
        clerk.can_handoff_to = ["forecaster"]
        forecaster = FunctionAgent(
            name="forecaster", description="Knows the weather.", llm=llm, tools=[WEATHER], streaming=streaming
        )
        result, events = started(AgentWorkflow(agents=[clerk, forecaster], root_agent="clerk"))
        assert str(result) == "It is mild."
        assert [name for name, _, _ in _results(events)] == ["handoff", "get_weather"]
        assert result.current_agent_name == "forecaster"

    @about_agents
    def test_a_workflow_from_tools_calls_functions(self, bench: Bench) -> None:
        """`AgentWorkflow.from_tools_or_functions` takes the class for one that calls functions."""
        llm = _llm(bench, Answer(calls=[Call()]), _MILD)
        result, events = started(AgentWorkflow.from_tools_or_functions([WEATHER], llm=llm))
        assert str(result) == "It is mild."
        assert len(_results(events)) == 1
        assert [tool["function"]["name"] for tool in bench.body["tools"]] == ["get_weather"]

    @about_agents
    # Memories are no part of a stored context; the framework says so.
    @pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key")
    def test_a_context_survives_storage(self, bench: Bench) -> None:
        """With an agent's context and memory, written as JSON and read again, the talk goes on."""
        memory = buffer()
        agent = FunctionAgent(tools=[WEATHER], llm=_llm(bench, Answer(text="Let me look.", calls=[Call()]), _MILD))
        context = Context(agent)
        started(agent, memory=memory, ctx=context)
        stored = json.loads(json.dumps(context.to_dict()))
        kept = buffer()
        kept.set([ChatMessage.model_validate_json(message.model_dump_json()) for message in memory.get_all()])
        later = FunctionAgent(tools=[WEATHER], llm=_llm(bench, Answer(text="Still mild.")))
        result, _ = started(later, "And now?", kept, Context.from_dict(later, stored))
        assert str(result) == "Still mild."
        roles = ["user", "assistant", "tool", "assistant", "user"]
        assert [message["role"] for message in bench.messages] == roles
        assert calls_of(bench.messages[1]) == [("call-1", "get_weather", {"city": "Paris"})]

    @about_agents
    @pytest.mark.skipif("output_cls" not in FunctionAgent.model_fields, reason="agents of this core give text only")
    def test_an_agent_answers_with_an_object(self, bench: Bench) -> None:
        """An agent with `output_cls` ends with an object of that class."""
        way = self.way(bench, "astructured_predict")
        calls = [Call(way.tool, PARIS_JSON)] if way.tool else []
        last = Answer(calls=calls) if calls else Answer(text=PARIS_JSON)
        llm = bench.llm(Answer(calls=[Call()]).streamed(), _MILD.streamed(), way.form(last))
        result, _ = started(FunctionAgent(tools=[WEATHER], llm=llm, output_cls=City))
        assert result.get_pydantic_model(City) == PARIS
        assert len(bench.bodies) == 3

    @about_agents
    @pytest.mark.skipif(CORE < (0, 14, 8), reason="this core's ReActAgent fails on messages with several blocks")
    @_streaming_or_not
    def test_a_react_agent_reads_text_only(self, bench: Bench, streaming: bool) -> None:
        """A ReActAgent follows the answer's text and is not led astray by its thoughts."""
        act = 'Thought: I need a tool.\nAction: get_weather\nAction Input: {"city": "Paris"}'
        done = "Thought: I can answer without using any more tools.\nAnswer: It is mild."
        answers = [Answer(text=text, reasoning="Action: nonsense") for text in (act, done)]
        llm = _llm(bench, *answers, streaming=streaming)
        result, events = started(ReActAgent(tools=[WEATHER], llm=llm, streaming=streaming))
        assert str(result) == "It is mild."
        assert [output for _, _, output in _results(events)] == ["21 degrees in Paris"]

    @pytest.mark.parametrize("method", ["predict_and_call", "apredict_and_call"])
    def test_predict_and_call(self, bench: Bench, method: str) -> None:
        """`predict_and_call` runs the call that the model makes and gives the tool's output."""
        ask = getattr(_llm(bench, Answer(calls=[Call()]), streaming=False), method)
        given = ask([WEATHER], "What is the weather in Paris?")
        response = run(given) if method.startswith("a") else given
        assert response.response == "21 degrees in Paris"
        assert [output.raw_output for output in response.sources] == ["21 degrees in Paris"]

    @pytest.mark.parametrize("method", ["predict_and_call", "apredict_and_call"])
    def test_predict_and_call_in_parallel(self, bench: Bench, method: str) -> None:
        """`predict_and_call` runs several calls where they are allowed."""
        ask = getattr(_llm(bench, Answer(calls=[Call(), _ROME]), streaming=False), method)
        given = ask([WEATHER], "What is the weather in Paris and Rome?", allow_parallel_tool_calls=True)
        response = run(given) if method.startswith("a") else given
        assert response.response == "21 degrees in Paris\n\n21 degrees in Rome"


def _llm(bench: Bench, *answers: Answer, streaming: bool = True) -> FunctionCallingLLM:
    llm = bench.llm(*(answer.streamed() if streaming else answer.whole() for answer in answers))
    assert isinstance(llm, FunctionCallingLLM)
    return llm


def _results(events: list[Any]) -> list[tuple[str, dict[str, Any], str]]:
    """Name, arguments and output of every call that was run."""
    results = [event for event in events if isinstance(event, ToolCallResult)]
    return [(result.tool_name, result.tool_kwargs, str(result.tool_output)) for result in results]
