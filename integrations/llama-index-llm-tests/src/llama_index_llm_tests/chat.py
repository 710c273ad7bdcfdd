"""Group C: a chat answer, however it comes."""

from __future__ import annotations

import pytest
from llama_index.core.base.llms.types import TextBlock, ThinkingBlock, ToolCallBlock

from llama_index_llm_tests.answers import Answer, Call, failed
from llama_index_llm_tests.asking import HI, Mode, every_mode, last
from llama_index_llm_tests.bench import Bench, UnderTest

_EVERYTHING = Answer(text="Let me look.", reasoning="It is about weather.", calls=[Call()])


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
    def test_an_error_status_is_raised(self, bench: Bench, mode: Mode) -> None:
        """The server's own words are in the exception."""
        llm = bench.llm(failed(400, "the flux is not compensated"))
        with pytest.raises(Exception, match="flux is not compensated"):
            last(llm, mode, HI)
