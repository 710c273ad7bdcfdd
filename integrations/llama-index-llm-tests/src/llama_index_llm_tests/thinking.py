"""Group E: what a model thinks before it answers, coming in and going back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest
from llama_index.core.base.llms.types import ChatMessage, TextBlock, ThinkingBlock, ToolCallBlock
from qwen_sandbox import Reply

from llama_index_llm_tests.answers import USAGE, Answer, Call, Json, chunk, stream, thought
from llama_index_llm_tests.asking import HI, STREAMS, Mode, every_mode, every_stream, frames, is_stream, last
from llama_index_llm_tests.bench import Bench, UnderTest
from llama_index_llm_tests.reading import outline, thought_added, thoughts
from llama_index_llm_tests.wire import leaves, text_of

_THOUGHT: Final = "The user greets.\nSo do I 👋."
_OUTLINE: Final = [("thinking", _THOUGHT), ("text", "Hello.")]
_COUNTED: Final[Mapping[str, Any]] = {**USAGE, "completion_tokens_details": {"reasoning_tokens": 5}}
_START: Final = chunk(role="assistant", content="")
_DETAILS: Final[list[Json]] = [{"type": "reasoning.text", "text": _THOUGHT, "format": "unknown", "index": 0}]

every_field = pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])


def _detailed(mode: Mode, *, plain: bool) -> Reply:
    """An answer with structured reasoning, as OpenRouter gives it; `plain`: and the same once more as text."""
    fields: Json = {"reasoning_details": _DETAILS}
    if plain:
        fields["reasoning"] = _THOUGHT
    if is_stream(mode):
        return stream(_START, chunk(**fields), chunk(content="Hello."), chunk(finish="stop"))
    return Answer(text="Hello.", message=fields).whole()


class ThinkingTests(UnderTest):
    """Thoughts are in a block of their own, whatever the server calls them, and never in the text."""

    @every_mode
    @every_field
    def test_thoughts_are_a_block(self, bench: Bench, mode: Mode, field: str) -> None:
        """`reasoning_content` and `reasoning`, whichever the server sends, are one `ThinkingBlock`."""
        answer = Answer(text="Hello.", reasoning=_THOUGHT, reasoning_field=field)
        message = last(bench.answering(mode, answer), mode).message
        assert outline(message) == _OUTLINE
        assert message.content == "Hello."

    @every_mode
    def test_structured_thoughts_are_a_block(self, bench: Bench, mode: Mode) -> None:
        """`reasoning_details` alone, as OpenRouter sends them, are one `ThinkingBlock`."""
        assert outline(last(bench.llm(_detailed(mode, plain=False)), mode).message) == _OUTLINE

    @every_mode
    def test_thoughts_told_twice_are_one_block(self, bench: Bench, mode: Mode) -> None:
        """The same thoughts as text and as `reasoning_details` are not doubled."""
        assert outline(last(bench.llm(_detailed(mode, plain=True)), mode).message) == _OUTLINE

    @every_mode
    def test_thoughts_under_both_names_are_one_block(self, bench: Bench, mode: Mode) -> None:
        """The same thoughts as `reasoning` and as `reasoning_content` are not doubled."""
        both: Json = {"reasoning": _THOUGHT, "reasoning_content": _THOUGHT}
        if is_stream(mode):
            reply = stream(_START, chunk(**both), chunk(content="Hello."), chunk(finish="stop"))
        else:
            reply = Answer(text="Hello.", message=both).whole()
        assert outline(last(bench.llm(reply), mode).message) == _OUTLINE

    @every_mode
    def test_thoughts_in_tags_are_a_block(self, bench: Bench, mode: Mode) -> None:
        """Thoughts between think tags, at the start of the text, are taken out of it."""
        answer = Answer(text=f"<think>\n{_THOUGHT}\n</think>\n\nHello.")
        seen = frames(bench.answering(mode, answer), mode)
        message = seen[-1].message
        assert [(kind, content.strip()) for kind, content in outline(message)] == _OUTLINE
        assert not [frame for frame in seen if "think" in (frame.delta or "")]

    @every_mode
    def test_a_tag_inside_an_answer_is_text(self, bench: Bench, mode: Mode) -> None:
        """An answer that speaks about think tags is left as it is."""
        text = "Use <think> and </think> around thoughts."
        assert outline(last(bench.answering(mode, Answer(text=text)), mode).message) == [("text", text)]

    @every_mode
    @pytest.mark.parametrize("nothing", ["", None])
    def test_no_thoughts_are_no_block(self, bench: Bench, mode: Mode, nothing: str | None) -> None:
        """Empty and null reasoning fields make no block and no delta."""
        answer = Answer(text="Hello.", message={"reasoning_content": nothing, "reasoning": nothing})
        seen = frames(bench.answering(mode, answer), mode)
        assert [type(block) for block in seen[-1].message.blocks] == [TextBlock]
        assert seen[-1].message.content == "Hello."
        assert [thought_added(frame) for frame in seen if thought_added(frame)] == []

    @every_mode
    def test_thoughts_are_counted(self, bench: Bench, mode: Mode) -> None:
        """`num_tokens` of the block is the server's count of reasoning tokens."""
        answer = Answer(text="Hello.", reasoning=_THOUGHT, usage=_COUNTED)
        blocks = last(bench.answering(mode, answer), mode).message.blocks
        assert [block.num_tokens for block in blocks if isinstance(block, ThinkingBlock)] == [5]

    @every_stream
    @every_field
    def test_thoughts_stream(self, bench: Bench, mode: Mode, field: str) -> None:
        """`additional_kwargs["thinking_delta"]`, which agents read, adds up to the thoughts."""
        answer = Answer(text="Hello.", reasoning=_THOUGHT, reasoning_field=field)
        seen = frames(bench.answering(mode, answer), mode)
        added = [thought_added(frame) for frame in seen]
        assert len([piece for piece in added if piece]) == 3
        for place, frame in enumerate(seen):
            assert thoughts(frame.message) == "".join(added[: place + 1])
        assert thoughts(seen[-1].message) == _THOUGHT

    @every_stream
    def test_thoughts_are_no_delta(self, bench: Bench, mode: Mode) -> None:
        """`delta` and `content` of no frame hold a thought: users read them."""
        seen = frames(bench.answering(mode, Answer(text="Hello.", reasoning=_THOUGHT)), mode)
        assert "".join(frame.delta or "" for frame in seen) == "Hello."
        assert not [frame for frame in seen if not "Hello.".startswith(frame.message.content or "")]

    @every_stream
    @every_field
    def test_the_first_thought_is_not_lost(self, bench: Bench, mode: Mode, field: str) -> None:
        """Reasoning in the first chunk counts, where content and calls are null beside it."""
        nothing_else: Json = {"role": "assistant", "content": None, "tool_calls": None, field: "FIRST "}
        first = chunk(**nothing_else)
        llm = bench.llm(stream(first, thought("second.", field), chunk(content="Hello."), chunk(finish="stop")))
        seen = frames(llm, mode)
        assert thoughts(seen[-1].message) == "FIRST second."
        assert "".join(thought_added(frame) for frame in seen) == "FIRST second."

    def test_first_thoughts_are_equal_in_sync_and_async(self, bench: Bench) -> None:
        """Frame for frame, thoughts from the first chunk on are the same in both kinds of stream."""
        first = chunk(role="assistant", content=None, tool_calls=None, reasoning_content="FIRST ")
        reply = stream(first, thought("second."), chunk(content="Hello."), chunk(finish="stop"))
        sync, other = (
            [
                (outline(frame.message), frame.delta or "", thought_added(frame))
                for frame in frames(bench.llm(reply), mode)
            ]
            for mode in STREAMS
        )
        assert sync == other
        assert sync[-1][0] == [("thinking", "FIRST second."), ("text", "Hello.")]

    @every_stream
    def test_thoughts_between_words_are_one_block(self, bench: Bench, mode: Mode) -> None:
        """Thoughts and words that come in turns are gathered, each in its own block and order."""
        mixed = [
            _START,
            thought("one "),
            chunk(content="Hel"),
            thought("two"),
            chunk(content="lo."),
            chunk(finish="stop"),
        ]
        message = last(bench.llm(stream(*mixed)), mode).message
        assert outline(message) == [("thinking", "one two"), ("text", "Hello.")]


class ThinkingHistoryTests(UnderTest):
    """Thoughts of earlier answers go back where a server needs them, and never as something that was said."""

    @every_mode
    @every_field
    def test_thoughts_go_back_with_a_tool_result(self, bench: Bench, mode: Mode, field: str) -> None:
        """Within a tool loop the model gets its thoughts back, in a reasoning field."""
        asked = Answer(reasoning=_THOUGHT, calls=[Call()], reasoning_field=field)
        answer = last(bench.answering(mode, asked), mode).message
        result = ChatMessage(role="tool", content="21 degrees", additional_kwargs={"tool_call_id": "call-1"})
        following = bench.answering(mode, Answer(text="Mild."))
        assert last(following, mode, [*HI, answer, result]).message.content == "Mild."
        assistant = bench.messages[1]
        assert _THOUGHT in [assistant.get("reasoning_content"), assistant.get("reasoning")]
        assert text_of(assistant) == ""

    @pytest.mark.parametrize("mode", ["chat", "stream_chat"])
    @every_field
    def test_thoughts_go_back_by_their_name(self, bench: Bench, mode: Mode, field: str) -> None:
        """Thoughts go back under the name they came by: servers drop the other one unseen."""
        # vLLM reads `reasoning` alone since it renamed the field (vllm-project/vllm#38488), older servers the other.
        llm = bench.answering(mode, Answer(reasoning=_THOUGHT, calls=[Call()], reasoning_field=field))
        result = ChatMessage(role="tool", content="21 degrees", additional_kwargs={"tool_call_id": "call-1"})
        last(llm, mode, [*HI, last(llm, mode).message, result])
        assert bench.messages[1].get(field) == _THOUGHT

    @every_mode
    def test_thoughts_are_not_sent_as_text(self, bench: Bench, mode: Mode) -> None:
        """The text of an earlier answer goes back without its thoughts."""
        said = ChatMessage(role="assistant", blocks=[ThinkingBlock(content=_THOUGHT), TextBlock(text="Hello.")])
        last(bench.answering(mode, Answer(text="hi")), mode, [*HI, said, *HI])
        assert [text_of(message) for message in bench.messages] == ["hi", "Hello.", "hi"]

    @pytest.mark.parametrize("called", [True, False], ids=["with a call", "without one"])
    def test_thoughts_of_other_models_are_accepted(self, bench: Bench, *, called: bool) -> None:
        """A thinking block of another model is no reason to fail, and its signature is not sent."""
        signed = ThinkingBlock(content="Signed.", additional_information={"signature": "c2lnbmVk"})
        calls = [ToolCallBlock(tool_call_id="call-1", tool_name="get_weather", tool_kwargs={})] if called else []
        said = ChatMessage(
            role="assistant", blocks=[signed, ThinkingBlock(content=None), TextBlock(text="Yes."), *calls]
        )
        result = ChatMessage(role="tool", content="ok", additional_kwargs={"tool_call_id": "call-1"})
        last(bench.answering("chat", Answer(text="hi")), "chat", [*HI, said, *([result] if called else []), *HI])
        assert text_of(bench.messages[1]) == "Yes."
        assert "c2lnbmVk" not in list(leaves(bench.body))


class ThinkingSwitchTests(UnderTest):
    """Whether to think can be said for the LLM and for one call, or not at all."""

    @every_mode
    def test_a_call_may_switch_thinking(self, bench: Bench, mode: Mode) -> None:
        """The switch of one call goes before the LLM's, and means the same."""
        on, off = self._switches()
        for settings, options in ((off, on), (on, {}), (off, {})):
            last(bench.answering(mode, Answer(text="hi"), **settings), mode, **options)
        switched, always, never = bench.bodies
        assert switched == always != never

    @pytest.mark.parametrize("mode", ["chat", "stream_chat"])
    def test_a_switch_is_for_one_call(self, bench: Bench, mode: Mode) -> None:
        """After a call that switched thinking, the LLM is as it was."""
        on, off = self._switches()
        llm = bench.answering(mode, Answer(text="hi"), **off)
        for options in ({}, on, {}):
            last(llm, mode, **options)
        before, switched, after = bench.bodies
        assert before == after != switched

    @every_mode
    def test_nothing_is_said_about_thinking_by_default(self, bench: Bench, mode: Mode) -> None:
        """Without the switch the request leaves thinking to the server."""
        on, off = self._switches()
        for settings in (on, off, {}):
            last(bench.answering(mode, Answer(text="hi"), **settings), mode)
        thinking, silent, default = bench.bodies
        names = [name for name in {**thinking, **silent} if thinking.get(name) != silent.get(name)]
        assert names
        assert [name for name in names if name in default] == []

    def _switches(self) -> tuple[dict[str, Any], dict[str, Any]]:
        if not (self.thinking_on and self.thinking_off):
            pytest.skip("the class has no switch for thinking")
        return dict(self.thinking_on), dict(self.thinking_off)
