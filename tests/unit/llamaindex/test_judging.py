"""The model as the framework's default, as a judge of answers, and as a step of a workflow."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core import Settings
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.evaluation import (
    AnswerRelevancyEvaluator,
    BaseEvaluator,
    CorrectnessEvaluator,
    FaithfulnessEvaluator,
    GuidelineEvaluator,
    PairwiseComparisonEvaluator,
    RelevancyEvaluator,
)
from llama_index.core.extractors import TitleExtractor
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.prompts import PromptTemplate
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.workflow import Context, Event, StartEvent, StopEvent, Workflow, step
from pydantic import BaseModel

from tests.unit.llamaindex.ecosystem import (
    BUILT,
    MULTIPLY,
    NOTES,
    WordEmbedding,
    index,
    own_loop,
    quiet,
    said,
    start,
)

if TYPE_CHECKING:
    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

pytestmark = quiet
loop = pytest.fixture(own_loop)


SETTINGS = (
    "_llm",
    "_embed_model",
    "_callback_manager",
    "_node_parser",
    "_transformations",
    "_prompt_helper",
    "_chat_prompt_helper",
)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The framework's settings, put back as they were. The default splitter would load a data file."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for name in SETTINGS:
        monkeypatch.setattr(Settings, name, getattr(Settings, name, None), raising=False)
    Settings.embed_model = WordEmbedding()
    Settings.node_parser = TokenTextSplitter()
    return Settings


# The default


@pytest.mark.usefixtures("loop")
async def test_it_serves_wherever_no_model_is_named(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, settings: Any
) -> None:
    settings.llm = llm = make_llm(enable_thinking=True)
    assert settings.llm is llm
    assert "1887" in str(await index().as_query_engine().aquery(BUILT))
    chat: Any = index().as_chat_engine(memory=ChatMemoryBuffer.from_defaults())
    assert "1887" in str(chat.chat(BUILT))
    users: list[Any] = [
        SimpleChatEngine.from_defaults(memory=ChatMemoryBuffer.from_defaults()),
        get_response_synthesizer(),
        FaithfulnessEvaluator(),
    ]
    assert all(user._llm is llm for user in users)
    assert TitleExtractor().llm is llm
    assert "42" in str(await start(FunctionAgent(tools=[MULTIPLY]), "What is 6 times 7?"))
    assert all(request.json["model"] == "qwen3.6-flash" for request in qwen_sandbox.requests)


def test_its_window_is_planned_with(make_llm: Callable[..., Qwen], settings: Any) -> None:
    settings.llm = make_llm(context_window=5000, max_tokens=500)
    synthesizer: Any = get_response_synthesizer()
    helper = synthesizer._prompt_helper
    assert (helper.context_window, helper.num_output) == (5000, 500)


# Judging


JUDGES: dict[str, tuple[Callable[[Any], BaseEvaluator], str, bool]] = {
    "faithfulness": (lambda llm: FaithfulnessEvaluator(llm=llm), "NO", False),
    "relevancy": (lambda llm: RelevancyEvaluator(llm=llm), "NO", False),
    "correctness": (lambda llm: CorrectnessEvaluator(llm=llm), "4.5\nGood.", True),
    "answer relevancy": (lambda llm: AnswerRelevancyEvaluator(llm=llm), "Good.\n[RESULT] 2", True),
    "guideline": (lambda llm: GuidelineEvaluator(llm=llm), '{"passing": false, "feedback": "Bad."}', False),
}
DOUBT = 'YES, 1.0\n[RESULT] 0 {"passing": true, "feedback": "Fine."}'
"""Reasoning that would turn each verdict round."""


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("judge", JUDGES)
async def test_verdicts_are_read_from_the_answer_alone(
    scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, judge: str
) -> None:
    make, verdict, passing = JUDGES[judge]
    evaluator = make(scripted(said(verdict, reasoning_content=DOUBT)))
    asked: dict[str, Any] = {"query": BUILT, "response": "In 1887.", "contexts": list(NOTES), "reference": "1887"}
    # Not `evaluate` as well: beside a running loop the framework makes another, whose connections it leaves open.
    result = await evaluator.aevaluate(**asked)
    assert bool(result.score) is passing if result.passing is None else result.passing is passing
    assert "In 1887." in str(qwen_sandbox.last_request.json["messages"])


async def test_two_answers_are_compared(scripted: Callable[..., Qwen]) -> None:
    first, second = (said(f"[[{name}]]", reasoning_content="[[C]]") for name in "AB")
    evaluator = PairwiseComparisonEvaluator(llm=scripted(first, second))
    result = await evaluator.aevaluate(query=BUILT, response="In 1887.", second_response="In 1888.", reference="1887")
    assert (result.passing, result.score) == (True, 1.0)


# As a step


class Drafted(Event):
    """A first answer."""

    text: str


class Verdict(BaseModel):
    """A verdict on a text."""

    year: int


class Review(Workflow):
    """Streams an answer, then reads a value from it."""

    def __init__(self, llm: Qwen) -> None:
        super().__init__(timeout=20)
        self.llm = llm

    @step
    async def draft(self, ctx: Context, ev: StartEvent) -> Drafted:
        text = ""
        async for frame in await self.llm.astream_complete(ev.get("question")):
            text = frame.text
            ctx.write_event_to_stream(Drafted(text=frame.delta or ""))
        return Drafted(text=text)

    @step
    async def judge(self, ev: Drafted) -> StopEvent:
        prompt = PromptTemplate("Give the year in this text: {text}")
        return StopEvent(result=await self.llm.astructured_predict(Verdict, prompt, text=ev.text))


async def test_a_workflow_of_ones_own(make_llm: Callable[..., Qwen]) -> None:
    handler = Review(make_llm(enable_thinking=True)).run(question="Repeat after me: built in 1887")
    streamed = [event.text async for event in handler.stream_events() if isinstance(event, Drafted)]
    assert await handler == Verdict(year=1887)
    assert "".join(streamed) == "built in 1887"
