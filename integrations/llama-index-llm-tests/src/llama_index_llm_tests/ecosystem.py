"""Group M, second half: retrieval, chat engines, memories and what else asks an LLM."""

# The framework types its responses barely.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Generator
from typing import Any, Final

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine, SimpleChatEngine
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.llms.llm import LLM
from llama_index.core.postprocessor import LLMRerank
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import RetrieverQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.schema import QueryBundle
from llama_index.core.tools import QueryEngineTool

from llama_index_llm_tests.answers import Answer
from llama_index_llm_tests.asking import run
from llama_index_llm_tests.bench import Bench
from llama_index_llm_tests.framework import CORE, NOTES, Notes, buffer, loop_of_ours
from llama_index_llm_tests.predicting import PARIS, PARIS_JSON, City, Predicting
from llama_index_llm_tests.wire import text_of

_BUILT: Final = "When was the lighthouse built?"
_IN_1887: Final = Answer(text="In 1887.", reasoning="The first note says it.")
_LATER: Final = Answer(text="In January.", reasoning="The second note says it.")
_sync_or_not = pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
_streaming_or_not = pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "whole"])
_every_engine = pytest.mark.parametrize("kind", [SimpleChatEngine, ContextChatEngine, CondensePlusContextChatEngine])


class EcosystemTests(Predicting):
    """The framework's other parts can rely on the class."""

    @pytest.fixture
    def framework_loop(self) -> Generator[None]:
        """An event loop for sync methods of the framework that need one."""
        with loop_of_ours():
            yield

    @pytest.mark.parametrize("method", ["predict", "apredict", "stream", "astream"])
    def test_a_template_is_answered_with_text(self, bench: Bench, method: str) -> None:
        """`predict`, `stream` and their async forms give the answer's text, without thoughts."""
        llm = _llm(bench, _IN_1887, streaming="stream" in method)
        asked = getattr(llm, method)(PromptTemplate("When was {what} built?"), what="it")
        assert _text(asked) == "In 1887."
        assert text_of(bench.messages[-1]) == "When was it built?"

    @pytest.mark.usefixtures("framework_loop")
    @_sync_or_not
    @pytest.mark.parametrize(
        ("mode", "requests"),
        [(ResponseMode.COMPACT, 1), (ResponseMode.REFINE, 3), (ResponseMode.TREE_SUMMARIZE, 1)],
        ids=["compact", "refine", "tree_summarize"],
    )
    def test_a_question_to_notes_is_answered(self, bench: Bench, mode: ResponseMode, requests: int, sync: bool) -> None:
        """A query engine gives the answer's text, having shown the model every note."""
        engine = _engine(_llm(bench, _IN_1887), response_mode=mode)
        answer: Any = engine.query(_BUILT) if sync else run(engine.aquery(_BUILT))
        assert answer.response == "In 1887."
        assert len(bench.bodies) == requests
        assert all(note in json.dumps(bench.bodies) for note in NOTES)

    @pytest.mark.usefixtures("framework_loop")
    @pytest.mark.parametrize(
        "mode", [ResponseMode.COMPACT, ResponseMode.REFINE, ResponseMode.TREE_SUMMARIZE], ids=lambda mode: mode.value
    )
    @_sync_or_not
    def test_a_question_to_notes_is_answered_in_pieces(self, bench: Bench, mode: ResponseMode, sync: bool) -> None:
        """A streaming query engine gives the answer's text piece by piece, without thoughts."""
        before = [_IN_1887.streamed()] * 2 if mode == ResponseMode.REFINE else []
        llm = bench.llm(*before, _IN_1887.streamed())
        pieces = _pieces(_engine(llm, response_mode=mode, streaming=True), sync=sync)
        assert "".join(pieces) == "In 1887."
        assert len(pieces) > 1

    @_sync_or_not
    def test_a_question_to_notes_gives_an_object(self, bench: Bench, sync: bool) -> None:
        """A query engine with `output_cls` gives an object of that class."""
        mode = "structured_predict" if sync else "astructured_predict"
        engine = _engine(self.predicting(bench, mode, PARIS_JSON), output_cls=City)
        answer: Any = engine.query(_BUILT) if sync else run(engine.aquery(_BUILT))
        assert answer.response == PARIS

    @pytest.mark.usefixtures("framework_loop")
    @_every_engine
    @_streaming_or_not
    def test_a_chat_engine_remembers(self, bench: Bench, kind: type[BaseChatEngine], streaming: bool) -> None:
        """A chat engine gives the answer's text, and shows the model what was said before."""
        if CORE < (0, 14, 24) and streaming:
            pytest.skip("this core's chat engines fail on streamed messages with several blocks")
        # The engine that condenses asks for a question of its own in between, which is never streamed.
        condenses = kind is CondensePlusContextChatEngine
        between = [Answer(text="What of the harbour?").whole()] if condenses else []
        first, second = ([answer.streamed() if streaming else answer.whole()] for answer in (_IN_1887, _LATER))
        engine = _chat_engine(kind, bench.llm(*first, *between, *second))
        assert _said(engine, _BUILT, streaming=streaming) == "In 1887."
        assert _said(engine, "And when does the harbour freeze?", streaming=streaming) == "In January."
        roles = [message["role"] for message in bench.messages]
        assert roles[-3:] == ["user", "assistant", "user"]
        assert roles[0] == "system"
        assert (text_of(bench.messages[-3]), text_of(bench.messages[-2])) == (_BUILT, "In 1887.")

    @_every_engine
    def test_a_chat_engine_works_async(self, bench: Bench, kind: type[BaseChatEngine]) -> None:
        """A chat engine gives the answer's text in asyncio, too."""
        engine = _chat_engine(kind, _llm(bench, _IN_1887))
        assert run(engine.achat(_BUILT)).response == "In 1887."

    def test_a_memory_gives_the_talk_back(self, bench: Bench) -> None:
        """A memory is made to the measure of the LLM's window, and gives the talk back to it."""
        llm = _llm(bench, _IN_1887)
        memory = buffer(llm)
        assert memory.token_limit == int(llm.metadata.context_window * 0.75)
        memory.put(ChatMessage(role="user", content=_BUILT))
        memory.put(llm.chat(memory.get()).message)
        memory.put(ChatMessage(role="user", content="Thanks"))
        llm.chat(memory.get())
        assert [text_of(message) for message in bench.messages] == [_BUILT, "In 1887.", "Thanks"]

    @_sync_or_not
    def test_a_question_is_split(self, bench: Bench, sync: bool) -> None:
        """A SubQuestionQueryEngine asks what the model wrote, then puts the answers together."""
        question = {"sub_question": "When was it built?", "tool_name": "notes"}
        asked = Answer(text=f"```json\n{json.dumps([question])}\n```", reasoning='[{"sub_question": "?"}]')
        llm = _llm(bench, asked, Answer(text="1887, it seems."), _IN_1887)
        tool = QueryEngineTool.from_defaults(_engine(llm), name="notes", description="Notes about Orla")
        engine = SubQuestionQueryEngine.from_defaults(
            [tool],
            llm=llm,
            question_gen=LLMQuestionGenerator.from_defaults(llm=llm),
            response_synthesizer=get_response_synthesizer(llm=llm),
            verbose=False,
            use_async=False,
        )
        answer: Any = engine.query(_BUILT) if sync else run(engine.aquery(_BUILT))
        assert answer.response == "In 1887."
        assert len(bench.bodies) == 3
        assert "When was it built?" in json.dumps(bench.bodies[1])
        assert "1887, it seems." in json.dumps(bench.bodies[2])

    @pytest.mark.usefixtures("framework_loop")
    def test_notes_are_ranked(self, bench: Bench) -> None:
        """LLMRerank orders notes as the model's text says."""
        llm = _llm(bench, Answer(text="Doc: 3, Relevance: 9\nDoc: 1, Relevance: 4", reasoning="Doc: 2, Relevance: 10"))
        ranked = LLMRerank(llm=llm, top_n=3).postprocess_nodes(Notes().retrieve(_BUILT), QueryBundle(_BUILT))
        assert [node.get_content() for node in ranked] == [NOTES[2], NOTES[0]]


def _pieces(engine: RetrieverQueryEngine, *, sync: bool) -> list[str]:
    """The pieces of a streamed answer."""
    if sync:
        streamed: Any = engine.query(_BUILT)
        return list(streamed.response_gen)
    return run(_apieces(engine))


async def _apieces(engine: RetrieverQueryEngine) -> list[str]:
    streamed: Any = await engine.aquery(_BUILT)
    pieces = streamed.async_response_gen()
    return [piece async for piece in pieces]


def _llm(bench: Bench, *answers: Answer, streaming: bool = False) -> LLM:
    return bench.llm(*(answer.streamed() if streaming else answer.whole() for answer in answers))


def _engine(llm: LLM, **options: Any) -> RetrieverQueryEngine:
    return RetrieverQueryEngine.from_args(Notes(), llm=llm, **options)


def _chat_engine(kind: type[BaseChatEngine], llm: LLM) -> BaseChatEngine:
    make: Any = kind
    given: dict[str, Any] = {} if kind is SimpleChatEngine else {"retriever": Notes()}
    return make.from_defaults(llm=llm, system_prompt="Be kind.", memory=buffer(), **given)


def _said(engine: BaseChatEngine, question: str, *, streaming: bool) -> str:
    return "".join(engine.stream_chat(question).response_gen) if streaming else engine.chat(question).response


def _text(asked: Any) -> str:
    """What a text, a stream of text, or a promise of one of them comes to."""
    if isinstance(asked, str):
        return asked
    return "".join(asked) if isinstance(asked, Generator) else run(_atext(asked))


async def _atext(asked: Any) -> str:
    given = await asked
    return "".join([piece async for piece in given]) if isinstance(given, AsyncGenerator) else given
