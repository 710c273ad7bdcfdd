"""Group C: a chat answer, however it comes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock, ThinkingBlock, ToolCallBlock
from pydantic import BaseModel
from qwen_sandbox import Reply

from llama_index_llm_tests.answers import SERVED, Answer, Call, Json, failed
from llama_index_llm_tests.asking import HI, STREAMS, WHOLES, Mode, every_mode, heard, last
from llama_index_llm_tests.bench import Bench, UnderTest
from llama_index_llm_tests.reading import ANSWER_COUNTS, PROMPT_COUNTS, SLIPS, found, outline, thoughts
from llama_index_llm_tests.wire import text_of

_EVERYTHING = Answer(text="Let me look.", reasoning="It is about weather.", calls=[Call()])
_SAID: Final = (
    ("system", "Be brief."),
    ("user", "  My name is Zoë.\n"),
    ("assistant", "Hello Zoë."),
    ("user", "What is my name?"),
)
_NO_ANSWERS: Final = {
    "choices []": Reply(b'{"id": "c", "object": "chat.completion", "choices": []}'),
    "choices null": Reply(b'{"id": "c", "object": "chat.completion", "choices": null}'),
    "an empty object": Reply(b"{}"),
    "a list": Reply(b"[]"),
    "a page": Reply(b"<html><body>Please log in.</body></html>", content_type="text/html"),
    "nothing": Reply(b""),
    "half an object": Reply(b'{"id": "c", "choices": [{"index": 0, "mess'),
    "an error": Reply(b'{"error": {"message": "the flux is out", "type": "server_error"}}'),
}


class ChatTests(UnderTest):
    """An answer arrives whole, in the right blocks, and failures are told."""

    @every_mode
    def test_text_is_exactly_what_the_model_wrote(self, bench: Bench, mode: Mode) -> None:
        """Blanks, line breaks and emoji of an answer stay as they are."""
        text = "  \n Für 日本 👩‍🚀\n\n"
        response = last(bench.answering(mode, Answer(text=text)), mode)
        assert response.message.content == text
        assert response.message.role == "assistant"

    @every_mode
    def test_an_answer_has_one_text_block(self, bench: Bench, mode: Mode) -> None:
        """Blocks are joined with line breaks, so several would change the text."""
        message = last(bench.answering(mode, Answer(text="one two three")), mode).message
        assert [type(block) for block in message.blocks] == [TextBlock]

    @every_mode
    def test_blocks_come_in_order(self, bench: Bench, mode: Mode) -> None:
        """Thinking, then text, then tool calls."""
        message = last(bench.answering(mode, _EVERYTHING), mode).message
        assert [type(block) for block in message.blocks] == [ThinkingBlock, TextBlock, ToolCallBlock]

    @every_mode
    def test_no_text_is_no_text_block(self, bench: Bench, mode: Mode) -> None:
        """An answer of calls alone has no content."""
        message = last(bench.answering(mode, Answer(calls=[Call()])), mode).message
        assert message.content is None
        assert [type(block) for block in message.blocks] == [ToolCallBlock]

    @every_mode
    def test_a_thought_is_no_text(self, bench: Bench, mode: Mode) -> None:
        """An answer that broke off while the model thought has no content."""
        message = last(bench.answering(mode, Answer(reasoning="Well, perhaps", finish="length")), mode).message
        assert message.content is None
        assert thoughts(message) == "Well, perhaps"

    @every_mode
    def test_unknown_fields_do_no_harm(self, bench: Bench, mode: Mode) -> None:
        """Fields that no page describes are no reason to fail."""
        answer = Answer(text="Fine.", message={"annotations": [{"kind": 7}], "audio": None, "weather": {"is": "mild"}})
        assert outline(last(bench.answering(mode, answer), mode).message) == [("text", "Fine.")]

    @every_mode
    def test_an_error_status_is_raised(self, bench: Bench, mode: Mode) -> None:
        """The server's own words are in the exception."""
        llm = bench.llm(failed(400, "the flux is not compensated"))
        with pytest.raises(Exception, match="flux is not compensated"):
            last(llm, mode, HI)

    @every_mode
    @pytest.mark.parametrize("reply", _NO_ANSWERS)
    def test_a_reply_without_an_answer_is_an_error(self, bench: Bench, mode: Mode, reply: str) -> None:
        """A success that holds no answer raises an error, and not one about types or indexes."""
        frames, error = heard(bench.llm(_NO_ANSWERS[reply]), mode)
        assert error is not None, f"it came back as {frames}"
        assert not isinstance(error, SLIPS), repr(error)

    @every_mode
    def test_an_error_inside_a_success_is_told(self, bench: Bench, mode: Mode) -> None:
        """The words of an error that came with status 200 are in the exception."""
        _, error = heard(bench.llm(_NO_ANSWERS["an error"]), mode)
        assert "the flux is out" in str(error)


class AnswerFactsTests(UnderTest):
    """What a server says about its answer can be found in the response."""

    @every_mode
    @pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
    def test_the_finish_reason_can_be_found(self, bench: Bench, mode: Mode, reason: str) -> None:
        """Why an answer ended is in `raw` or `additional_kwargs` of the (last) response."""
        response = last(bench.answering(mode, Answer(text="Once upon", finish=reason)), mode)
        words = {reason, bench.protocol.finish.get(reason)}
        assert words & set(found(response, "finish_reason", "stop_reason", "done_reason"))

    @every_mode
    def test_a_refusal_can_be_found(self, bench: Bench, mode: Mode) -> None:
        """The words of a refusal, which come in a field of their own, are not lost."""
        answer = Answer(message={"refusal": "I must not say."})
        response = last(bench.answering(mode, answer), mode)
        assert "I must not say." in [*found(response, "refusal"), response.message.content]

    @every_mode
    def test_the_model_that_answered_can_be_found(self, bench: Bench, mode: Mode) -> None:
        """The model's name as the reply states it is in `raw` or `additional_kwargs`."""
        response = last(bench.answering(mode, Answer(text="hi")), mode)
        assert SERVED in found(response, "model", "model_name")

    @every_mode
    def test_token_counts_can_be_found(self, bench: Bench, mode: Mode) -> None:
        """Token counts are in `raw` or `additional_kwargs`, by names the framework looks for."""
        response = last(bench.answering(mode, Answer(text="hi")), mode)
        assert set(found(response, *PROMPT_COUNTS)) == {11}
        assert set(found(response, *ANSWER_COUNTS)) == {7}

    @every_mode
    def test_raw_can_be_dumped(self, bench: Bench, mode: Mode) -> None:
        """`raw` is a mapping or a pydantic model, as agents expect, and plain JSON inside."""
        raw: object = last(bench.answering(mode, _EVERYTHING), mode).raw
        assert isinstance(raw, Mapping | BaseModel)
        assert "chatcmpl-1" in json.dumps(raw.model_dump() if isinstance(raw, BaseModel) else raw)


class ChatRequestTests(UnderTest):
    """A conversation is sent as it is, the same in every mode."""

    @every_mode
    def test_messages_are_sent_as_they_are(self, bench: Bench, mode: Mode) -> None:
        """Roles, order and texts arrive at the server unchanged."""
        last(bench.answering(mode, Answer(text="Zoë.")), mode, _history())
        assert [(message["role"], text_of(message)) for message in bench.messages] == [*_SAID]

    @pytest.mark.parametrize(
        ("role", "names"),
        [
            (MessageRole.CHATBOT, {"assistant"}),
            (MessageRole.MODEL, {"assistant"}),
            (MessageRole.DEVELOPER, {"system", "developer"}),
        ],
    )
    def test_every_role_has_a_name_that_servers_know(self, bench: Bench, role: MessageRole, names: set[str]) -> None:
        """`chatbot` and `model` are sent as `assistant`: the protocol has no such roles."""
        last(bench.answering("chat", Answer(text="hi")), "chat", [ChatMessage(role=role, content="one"), *HI])
        assert [text_of(message) for message in bench.messages] == ["one", "hi"]
        assert bench.messages[0]["role"] in names

    @every_mode
    def test_messages_are_left_alone(self, bench: Bench, mode: Mode) -> None:
        """Asking changes neither the messages nor what they carry in `additional_kwargs`."""
        messages = _history()
        messages[2].additional_kwargs["note"] = {"of": "somebody else"}
        before = [message.model_dump_json() for message in messages]
        last(bench.answering(mode, Answer(text="hi")), mode, messages)
        assert len(bench.messages) == len(messages)
        assert [message.model_dump_json() for message in messages] == before

    def test_every_mode_sends_the_same(self, bench: Bench) -> None:
        """Sync and async send the same body, and a stream asks for nothing else but to be one."""
        for mode in (*WHOLES, *STREAMS):
            last(bench.answering(mode, Answer(text="hi"), temperature=0.25), mode, _history())
        whole, awhole, stream, astream = bench.bodies
        assert whole["messages"]
        assert whole == awhole
        assert stream == astream
        assert stream["stream"] is True
        assert _without_stream(stream) == _without_stream(whole)

    @pytest.mark.parametrize(
        "answer", [_EVERYTHING, Answer(text="One.", finish="length"), Answer(reasoning="Hm.", text="Two.", usage=None)]
    )
    def test_sync_and_async_return_the_same(self, bench: Bench, answer: Answer) -> None:
        """`achat` returns what `chat` returns."""
        first, second = (last(bench.answering(mode, answer), mode) for mode in WHOLES)
        assert outline(first.message)
        assert first.model_dump(exclude={"raw"}) == second.model_dump(exclude={"raw"})


def _history() -> list[ChatMessage]:
    """A conversation in new messages, so that a class that changes them is found out each time."""
    return [ChatMessage(role=role, content=content) for role, content in _SAID]


def _without_stream(body: Json) -> Json:
    return {name: value for name, value in body.items() if name not in {"stream", "stream_options"}}
