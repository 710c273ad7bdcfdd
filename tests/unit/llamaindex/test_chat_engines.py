"""The model in chat engines: what is remembered, what is looked up, and no reasoning in either."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from llama_index.core.base.llms.types import TextBlock, ThinkingBlock
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.chat_engine.types import ChatMode
from llama_index.core.memory import ChatMemoryBuffer
from qwen_endpoints import RateLimitError

from tests.unit.llamaindex.ecosystem import BUILT, CORE, THOUGHT, index, say, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.core.chat_engine.types import BaseChatEngine
    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

MODES = ["simple", "context", "condense_question", "condense_plus_context"]


def engine(mode: str, llm: Qwen, memory: ChatMemoryBuffer) -> BaseChatEngine:
    if mode == "simple":
        return SimpleChatEngine.from_defaults(llm=llm, memory=memory, system_prompt="Be kind.")
    return index().as_chat_engine(ChatMode(mode), llm=llm, memory=memory)


@pytest.mark.parametrize("way", ["chat", "achat", "stream", "astream"])
@pytest.mark.parametrize("mode", MODES)
async def test_a_conversation(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, mode: str, way: str) -> None:
    if mode == "simple" and "stream" in way and CORE < (0, 14, 24):
        pytest.skip("the framework fails to set the text of a message that holds reasoning, too")
    memory = ChatMemoryBuffer.from_defaults()
    talk = engine(mode, make_llm(enable_thinking=True), memory)
    hello = "Hello, my name is Ada."
    answers = [await say(talk, way, hello), await say(talk, way, BUILT)]
    assert ("1887" in answers[1]) is (mode != "simple")
    assert not any(THOUGHT in answer for answer in answers)
    kept = [message.content or "" for message in memory.get_all()]
    assert kept == [hello, answers[0], BUILT, answers[1]]
    # One request each; the modes that condense ask for a question of its own first, once there is a history.
    requests = [request.json for request in qwen_sandbox.requests]
    assert len(requests) == (3 if "condense" in mode else 2)
    assert requests[-1].get("stream", False) is ("stream" in way)
    assert THOUGHT not in str([message["content"] for message in requests[-1]["messages"]])
    if mode != "condense_question":  # which puts everything into the question
        told = sent(qwen_sandbox)
        assert [message["role"] for message in told] == ["system", "user", "assistant", "user"]
        assert [message["content"] for message in told[1:]] == [hello, answers[0], BUILT]


@pytest.mark.parametrize(
    ("provider", "model", "kept"),
    [("anyfast", "qwen3.6-flash", True), ("anyfast-cn", "qwen3-32b", False)],
    ids=["preserves", "forgets"],
)
def test_earlier_thoughts_go_back_to_a_model_that_keeps_them_in_mind(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, provider: str, model: str, *, kept: bool
) -> None:
    memory = ChatMemoryBuffer.from_defaults()
    llm = make_llm(provider=provider, model=model, enable_thinking=True)
    talk = SimpleChatEngine.from_defaults(llm=llm, memory=memory)
    talk.chat("My name is Ada.")
    thought, said = memory.get_all()[1].blocks
    assert isinstance(thought, ThinkingBlock)
    assert isinstance(said, TextBlock)
    assert "Ada" in talk.chat("What is my name?").response
    replayed = {"reasoning_content": thought.content} if kept else {}
    assert sent(qwen_sandbox)[1] == {"role": "assistant", "content": said.text, **replayed}


# The framework raises in the thread that reads the stream as well.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("way", ["chat", "achat", "stream", "astream"])
async def test_an_error_reaches_the_caller(make_llm: Callable[..., Qwen], way: str) -> None:
    talk = SimpleChatEngine.from_defaults(llm=make_llm(max_retries=0), memory=ChatMemoryBuffer.from_defaults())
    with pytest.raises(RateLimitError):
        await say(talk, way, "[[sandbox:429]]")
