"""Structured output: the four ways to ask for an object, and answers in the form that a class asks for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, cast

import pytest
from llama_index.core.llms.llm import LLM
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel
from qwen_sandbox import Reply

from llama_index_llm_tests.answers import Answer, Call, Json
from llama_index_llm_tests.asking import run
from llama_index_llm_tests.bench import Bench, UnderTest

Prediction = Literal[
    "structured_predict", "astructured_predict", "stream_structured_predict", "astream_structured_predict"
]
PREDICTIONS: Final[tuple[Prediction, ...]] = (
    "structured_predict",
    "astructured_predict",
    "stream_structured_predict",
    "astream_structured_predict",
)
every_prediction = pytest.mark.parametrize("mode", PREDICTIONS)
every_streamed_prediction = pytest.mark.parametrize("mode", PREDICTIONS[2:])

ABOUT: Final = "Tell me about {name}."


class City(BaseModel):
    """A city."""

    name: str
    population: int


PARIS: Final = City(name="Paris", population=2_100_000)
PARIS_JSON: Final = PARIS.model_dump_json()


@dataclass(frozen=True)
class Way:
    """How a class asks for an object."""

    tool: str | None
    """The function that is to be called with it; `None`: it is to be written as text."""
    stream: bool
    """Whether a stream is asked for."""
    asked: Json
    """The body that says so."""

    def form(self, answer: Answer) -> Reply:
        """The answer as a server gives it when asked in this way."""
        return answer.streamed() if self.stream else answer.whole()


def predicted(
    llm: LLM, mode: Prediction, output: type[BaseModel] = City, options: dict[str, Any] | None = None
) -> list[BaseModel]:
    """Ask for an object about Paris, and return all that come; of a whole answer the one there is."""
    # A template takes on the parser of a text program, so each call has one of its own.
    ask, prompt = getattr(llm, mode), PromptTemplate(ABOUT)
    if mode == "structured_predict":
        return [ask(output, prompt, llm_kwargs=options, name="Paris")]
    if mode == "astructured_predict":
        return [run(ask(output, prompt, llm_kwargs=options, name="Paris"))]
    if mode == "stream_structured_predict":
        return list(ask(output, prompt, llm_kwargs=options, name="Paris"))
    return run(_collected(ask, output, prompt, options))


class Predicting(UnderTest):
    """Knows how the class under test asks for objects."""

    _ways: ClassVar[dict[object, Way]] = {}

    def way(
        self, bench: Bench, mode: Prediction, output: type[BaseModel] = City, settings: Mapping[str, Any] | None = None
    ) -> Way:
        """Find out how the class asks, by a call to a server that answers nothing of use. No trace of it is left."""
        case = (type(self), mode, output, str(settings))
        if case not in self._ways:
            self._ways[case] = self._look(bench, mode, output, settings or {})
        return self._ways[case]

    def predicting(
        self,
        bench: Bench,
        mode: Prediction,
        *texts: str,
        output: type[BaseModel] = City,
        settings: Mapping[str, Any] | None = None,
        **answer: Any,
    ) -> LLM:
        """An LLM whose server answers with these texts of objects, as calls or as text: as the class asks for them.

        More fields of the `Answer` may be given. Without texts there is neither call nor text. To further requests
        the server answers "ok".
        """
        way = self.way(bench, mode, output, settings)
        if way.tool is None:
            given = Answer(text="\n".join(texts) if texts else None, **answer)
        else:
            calls = [Call(way.tool, text, f"call-{place}") for place, text in enumerate(texts)]
            given = Answer(calls=calls, **answer)
        return bench.llm(way.form(given), Answer(text="ok").whole(), **(settings or {}))

    def _look(self, bench: Bench, mode: Prediction, output: type[BaseModel], settings: Mapping[str, Any]) -> Way:
        fruitless = Answer(text="No.")
        llm = bench.llm(fruitless.streamed() if "stream" in mode else fruitless.whole(), **settings)
        with suppress(Exception):
            predicted(llm, mode, output)
        body = bench.body
        bench.server.clear()
        if not body:
            pytest.fail("nothing was sent")
        tools: list[Json] = body.get("tools") or []
        return Way(tool=tools[0]["function"]["name"] if tools else None, stream=bool(body.get("stream")), asked=body)


def as_prediction(mode: str) -> Prediction:
    """The kind of prediction that a method of a structured LLM makes: `structured_predict` for `chat`, and so on."""
    begin = mode.rpartition("chat")[0] or mode.rpartition("complete")[0]
    return cast("Prediction", f"{begin}structured_predict")


async def _collected(ask: Any, output: type[BaseModel], prompt: PromptTemplate, options: Any) -> list[BaseModel]:
    return [item async for item in await ask(output, prompt, llm_kwargs=options, name="Paris")]
