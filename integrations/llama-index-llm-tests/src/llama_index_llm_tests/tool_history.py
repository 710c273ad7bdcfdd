"""Group H: calls and results of earlier turns, on their way back to the model."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from llama_index.core.base.llms.types import ChatMessage, ContentBlock, MessageRole, TextBlock, ToolCallBlock
from pydantic import BaseModel

from llama_index_llm_tests.answers import Answer, Call, Json
from llama_index_llm_tests.asking import HI, Mode, every_mode, last
from llama_index_llm_tests.bench import Bench, UnderTest
from llama_index_llm_tests.wire import calls_of, text_of

_PARIS: Final = {"city": "Paris"}


class _Function(BaseModel):
    name: str
    arguments: str


class _SdkCall(BaseModel):
    """A call as an object, as SDKs have it."""

    id: str
    function: _Function
    type: str = "function"


class ToolHistoryTests(UnderTest):
    """A tool call and its result go back as the model made it and as the tool gave it."""

    @every_mode
    def test_an_answer_with_calls_goes_back_as_it_came(self, bench: Bench, mode: Mode) -> None:
        """An answer's text, calls and ids go back in the next request, each result with its call."""
        calls = [Call(), Call(id="call-2", arguments='{"city": "東京 \\"east\\""}')]
        answer = last(bench.answering(mode, Answer(text="Let me look.", calls=calls)), mode).message
        messages = [*HI, answer, _result("21 degrees"), _result("18 degrees", "call-2")]
        last(bench.answering(mode, Answer(text="Mild.")), mode, messages)
        assert [message["role"] for message in bench.messages] == ["user", "assistant", "tool", "tool"]
        _, assistant, first, second = bench.messages
        assert text_of(assistant) == "Let me look."
        assert calls_of(assistant) == [
            ("call-1", "get_weather", _PARIS),
            ("call-2", "get_weather", {"city": '東京 "east"'}),
        ]
        assert [(first["tool_call_id"], text_of(first)), (second["tool_call_id"], text_of(second))] == [
            ("call-1", "21 degrees"),
            ("call-2", "18 degrees"),
        ]

    @pytest.mark.parametrize("arguments", [{"city": "北京", "days": 2}, '{"city": "北京", "days": 2}'])
    def test_arguments_go_back_as_json_text(self, bench: Bench, arguments: dict[str, Any] | str) -> None:
        """Arguments kept as a dict or as text are sent as JSON text with the same value."""
        _send(
            bench, *HI, _called(ToolCallBlock(tool_call_id="c", tool_name="f", tool_kwargs=arguments)), _result("", "c")
        )
        assert isinstance(_sent(bench, 1)["tool_calls"][0]["function"]["arguments"], str)
        assert calls_of(_sent(bench, 1)) == [("c", "f", {"city": "北京", "days": 2})]

    @pytest.mark.parametrize("arguments", ["", '{"city": "Par'])
    def test_arguments_that_are_no_json_do_not_go_back(self, bench: Bench, arguments: str) -> None:
        """Arguments that are empty or cut off go back as valid JSON: servers parse them."""
        block = ToolCallBlock(tool_call_id="c", tool_name="f", tool_kwargs=arguments)
        _send(bench, *HI, _called(block), _result("The arguments are no JSON.", "c"))
        ((_, _, sent),) = calls_of(_sent(bench, 1))
        assert isinstance(sent, dict)

    @pytest.mark.parametrize("as_objects", [False, True], ids=["dicts", "objects"])
    def test_calls_outside_of_blocks_go_back(self, bench: Bench, as_objects: bool) -> None:
        """Calls that only `additional_kwargs["tool_calls"]` holds, as dicts or objects, are sent."""
        made = _SdkCall(id="c", function=_Function(name="f", arguments='{"city": "Paris"}'))
        listed: list[Any] = [made if as_objects else made.model_dump()]
        told = ChatMessage(role="assistant", content=None, additional_kwargs={"tool_calls": listed})
        _send(bench, *HI, told, _result("21", "c"))
        assert calls_of(_sent(bench, 1)) == [("c", "f", _PARIS)]

    def test_calls_stated_twice_go_back_once(self, bench: Bench) -> None:
        """A call that stands in a block and in `additional_kwargs` is one call."""
        made = _SdkCall(id="c", function=_Function(name="f", arguments='{"city": "Paris"}'))
        block = ToolCallBlock(tool_call_id="c", tool_name="f", tool_kwargs=_PARIS)
        told = ChatMessage(role="assistant", blocks=[block], additional_kwargs={"tool_calls": [made.model_dump()]})
        _send(bench, *HI, told, _result("21", "c"))
        assert calls_of(_sent(bench, 1)) == [("c", "f", _PARIS)]

    def test_a_result_without_blocks_is_empty_text(self, bench: Bench) -> None:
        """A tool that returned nothing sends empty text, which servers take, not null."""
        empty = ChatMessage(role="tool", blocks=[], additional_kwargs={"tool_call_id": "call-1"})
        _send(bench, *HI, _called(), empty)
        assert (_sent(bench, 2)["tool_call_id"], _sent(bench, 2)["content"]) == ("call-1", "")

    def test_a_result_of_several_texts_is_sent_whole(self, bench: Bench) -> None:
        """Every text of a tool's result is sent, in order."""
        blocks: list[ContentBlock] = [TextBlock(text="first"), TextBlock(text="second")]
        told = ChatMessage(role="tool", blocks=blocks, additional_kwargs={"tool_call_id": "call-1"})
        _send(bench, *HI, _called(), told)
        sent = text_of(_sent(bench, 2))
        assert 0 <= sent.find("first") < sent.find("second")

    def test_an_answer_taken_from_a_tool_names_no_call(self, bench: Bench) -> None:
        """Agents note a call's id on the answer of a `return_direct` tool; it is not sent there."""
        direct = ChatMessage(role="assistant", content="21", additional_kwargs={"tool_call_id": "call-1"})
        _send(bench, *HI, _called(), _result("21"), direct, *HI)
        assert _sent(bench, 2)["tool_call_id"] == "call-1"
        assert set(_sent(bench, 3)) == {"role", "content"}

    def test_a_stored_conversation_makes_the_same_request(self, bench: Bench) -> None:
        """Messages that were stored as JSON and read again are sent as before."""
        llm = bench.answering("chat", Answer(text="Let me look.", calls=[Call()]), Answer(text="Mild."))
        messages = [*HI, llm.chat(list(HI)).message, _result("21 degrees")]
        llm.chat(messages)
        llm.chat([ChatMessage.model_validate_json(message.model_dump_json()) for message in messages])
        assert len(bench.bodies) == 3
        assert bench.bodies[2] == bench.bodies[1]
        assert calls_of(_sent(bench, 1)) == [("call-1", "get_weather", _PARIS)]

    @every_mode
    def test_history_is_left_alone(self, bench: Bench, mode: Mode) -> None:
        """Sending a conversation changes neither its messages nor the list that holds them."""
        messages = [*HI, _called(), _result("21"), *HI]
        before = [json.dumps(message.model_dump(mode="json")) for message in messages]
        last(bench.answering(mode, Answer(text="ok")), mode, messages)
        assert len(bench.messages) == 4
        assert [json.dumps(message.model_dump(mode="json")) for message in messages] == before

    @pytest.mark.parametrize("role", list(MessageRole), ids=lambda role: role.value)
    def test_every_role_has_a_place(self, bench: Bench, role: MessageRole) -> None:
        """Every role of the framework is sent as one that the protocol has."""
        fitting = {
            MessageRole.SYSTEM: {"system"},
            MessageRole.DEVELOPER: {"system", "developer"},
            MessageRole.USER: {"user"},
            MessageRole.TOOL: {"tool"},
            MessageRole.FUNCTION: {"tool"},
        }
        if role in (MessageRole.TOOL, MessageRole.FUNCTION):
            _send(bench, *HI, _called(), _result("words", role=role))
        elif role in (MessageRole.SYSTEM, MessageRole.DEVELOPER):
            _send(bench, ChatMessage(role=role, content="words"), *HI)
        elif role == MessageRole.USER:
            _send(bench, *HI, ChatMessage(role="assistant", content="Hello."), ChatMessage(role=role, content="words"))
        else:
            _send(bench, *HI, ChatMessage(role=role, content="words"), *HI)
        (told,) = [message for message in bench.messages if text_of(message) == "words"]
        assert told["role"] in fitting.get(role, {"assistant"})


def _called(block: ToolCallBlock | None = None) -> ChatMessage:
    made = ToolCallBlock(tool_call_id="call-1", tool_name="get_weather", tool_kwargs=_PARIS)
    return ChatMessage(role="assistant", blocks=[block or made])


def _result(text: str, call: str = "call-1", role: MessageRole = MessageRole.TOOL) -> ChatMessage:
    """A result as agents state it."""
    return ChatMessage(role=role, blocks=[TextBlock(text=text)], additional_kwargs={"tool_call_id": call})


def _send(bench: Bench, *messages: ChatMessage) -> None:
    bench.answering("chat", Answer(text="ok")).chat(list(messages))


def _sent(bench: Bench, place: int) -> Json:
    return bench.messages[place]
