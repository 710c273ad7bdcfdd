"""Group J: objects instead of text."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, Final

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.llms.llm import LLM
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel

from llama_index_llm_tests.answers import Answer
from llama_index_llm_tests.asking import HI, CompletionMode, Mode, completions, every_mode, every_stream, last
from llama_index_llm_tests.bench import Bench
from llama_index_llm_tests.observing import observed
from llama_index_llm_tests.predicting import (
    PARIS,
    PARIS_JSON,
    City,
    Predicting,
    Prediction,
    as_prediction,
    every_prediction,
    every_streamed_prediction,
    predicted,
)
from llama_index_llm_tests.wire import parts_of, text_of

_FENCED: Final = f"Here you are:\n\n```json\n{PARIS_JSON}\n```\n"
_CUT: Final = r"(?i)length|limit|cut|truncat|incomplete|max_tokens"
_TEXT_PROGRAM: Final = {"pydantic_program_mode": PydanticProgramMode.LLM}
_FUNCTION_PROGRAM: Final = {"pydantic_program_mode": PydanticProgramMode.FUNCTION}


class Mood(Enum):
    """How a day is spent."""

    LAZY = "lazy"
    BUSY = "busy"


class Day(BaseModel):
    """A day of a trip."""

    town: City
    mood: Mood
    remark: str | None = None


class Trip(BaseModel):
    """A trip."""

    title: str
    days: list[Day]


_TRIP: Final = Trip(
    title="Été à « Paris »",
    days=[Day(town=PARIS, mood=Mood.LAZY), Day(town=PARIS, mood=Mood.BUSY, remark='"quoted"')],
)


# The framework's structured LLM writes partial objects by a method that pydantic has deprecated.
_quiet = pytest.mark.filterwarnings("ignore:The `json` method is deprecated:DeprecationWarning")


class StructuredTests(Predicting):
    """An object is what was asked for, or there is an error that says why there is none."""

    @every_prediction
    def test_an_object_is_predicted(self, bench: Bench, mode: Prediction) -> None:
        """A prediction gives an object of the class asked for, with the model's values."""
        assert predicted(self.predicting(bench, mode, PARIS_JSON), mode)[-1] == PARIS
        assert "Paris" in json.dumps(bench.messages)
        assert len(bench.bodies) == 1

    @every_prediction
    def test_an_object_of_objects_is_predicted(self, bench: Bench, mode: Prediction) -> None:
        """Nested objects, lists, enums and optional values arrive."""
        llm = self.predicting(bench, mode, _TRIP.model_dump_json(), output=Trip)
        assert predicted(llm, mode, Trip)[-1] == _TRIP

    @every_prediction
    def test_the_schema_reaches_the_model(self, bench: Bench, mode: Prediction) -> None:
        """The request names every field of the class, nested ones too, and every allowed value."""
        sent = json.dumps(self.way(bench, mode, Trip).asked)
        missing = {"title", "days", "town", "mood", "remark", "population", "lazy", "busy"} - set(_words(sent))
        assert not missing

    @every_prediction
    def test_a_call_for_an_object_is_forced(self, bench: Bench, mode: Prediction) -> None:
        """Where an object is asked for by a tool call, the model may not answer in text instead."""
        way = self.way(bench, mode)
        if way.tool is None:
            assert way.asked.get("response_format") or "population" in json.dumps(way.asked["messages"])
        else:
            assert way.asked.get("tool_choice") not in (None, "auto", "none")

    @every_streamed_prediction
    def test_a_stream_gives_partial_objects_first(self, bench: Bench, mode: Prediction) -> None:
        """A streamed prediction gives incomplete objects before the whole one."""
        objects = predicted(self.predicting(bench, mode, PARIS_JSON), mode)
        assert objects[-1] == PARIS
        assert any(getattr(item, "population", None) != PARIS.population for item in objects[:-1])

    @every_prediction
    def test_the_system_prompt_comes_first(self, bench: Bench, mode: Prediction) -> None:
        """The LLM's `system_prompt` leads the messages of every prediction, async ones too."""
        settings = {"system_prompt": "Be exact."}
        predicted(self.predicting(bench, mode, PARIS_JSON, settings=settings), mode)
        assert bench.messages[0]["role"] in {"system", "developer"}
        assert "Be exact." in text_of(bench.messages[0])

    @every_prediction
    def test_a_prediction_that_was_cut_off_says_so(self, bench: Bench, mode: Prediction) -> None:
        """An object that hit the token limit is an error which says so, not half an object."""
        llm = self.predicting(bench, mode, PARIS_JSON[:25], finish="length")
        with pytest.raises(Exception, match=_CUT):
            predicted(llm, mode)
        assert len(bench.bodies) == 1

    @every_prediction
    def test_a_refusal_is_told(self, bench: Bench, mode: Prediction) -> None:
        """Where the model refuses, its words are in the error."""
        llm = self.predicting(bench, mode, message={"refusal": "I never talk about rivers."})
        with pytest.raises(Exception, match="never talk about rivers"):
            predicted(llm, mode)

    @every_prediction
    def test_a_filtered_prediction_says_so(self, bench: Bench, mode: Prediction) -> None:
        """An object that a content filter stopped is an error which says so."""
        llm = self.predicting(bench, mode, finish="content_filter")
        with pytest.raises(Exception, match=r"(?i)filter"):
            predicted(llm, mode)

    @every_prediction
    def test_a_value_of_the_wrong_type_is_an_error(self, bench: Bench, mode: Prediction) -> None:
        """An object that does not fit its class is an error, at the end of a stream too."""
        llm = self.predicting(bench, mode, '{"name": "Paris", "population": "many"}')
        with pytest.raises(Exception, match="population"):
            predicted(llm, mode)

    @every_prediction
    def test_words_instead_of_an_object_are_an_error(self, bench: Bench, mode: Prediction) -> None:
        """An answer in prose is an error, not an empty object."""
        way = self.way(bench, mode)
        llm = bench.llm(way.form(Answer(text="Paris is lovely.")))
        with pytest.raises(Exception, match=r"(?i)json|call|parse|valid|lovely"):
            predicted(llm, mode)
        assert len(bench.bodies) == 1

    @pytest.mark.parametrize("mode", ["structured_predict", "astructured_predict"])
    def test_a_fence_around_json_is_no_obstacle(self, bench: Bench, mode: Prediction) -> None:
        """JSON in a Markdown fence is read, in the text program and wherever text is asked for."""
        settings = {} if self.way(bench, mode).tool is None else _TEXT_PROGRAM
        assert predicted(self.predicting(bench, mode, _FENCED, settings=settings), mode)[-1] == PARIS

    @every_prediction
    def test_the_function_program_calls_a_function(self, bench: Bench, mode: Prediction) -> None:
        """With `PydanticProgramMode.FUNCTION` an object is asked for by a tool call."""
        assert self.way(bench, mode, settings=_FUNCTION_PROGRAM).tool
        assert predicted(self.predicting(bench, mode, PARIS_JSON, settings=_FUNCTION_PROGRAM), mode)[-1] == PARIS

    @every_prediction
    def test_the_text_program_asks_for_text(self, bench: Bench, mode: Prediction) -> None:
        """With `PydanticProgramMode.LLM` no tool is sent, and the prompt holds the schema."""
        way = self.way(bench, mode, settings=_TEXT_PROGRAM)
        assert way.tool is None
        assert "population" in json.dumps(way.asked["messages"])
        assert predicted(self.predicting(bench, mode, PARIS_JSON, settings=_TEXT_PROGRAM), mode)[-1] == PARIS

    @every_prediction
    def test_of_two_objects_the_first_is_taken(self, bench: Bench, mode: Prediction) -> None:
        """A model that makes two calls where one object was asked for is no error."""
        rome = City(name="Rome", population=2_800_000).model_dump_json()
        llm = self.predicting(bench, mode, PARIS_JSON, rome, settings=_FUNCTION_PROGRAM)
        assert predicted(llm, mode)[-1] == PARIS

    @every_prediction
    def test_options_of_a_prediction_are_sent(self, bench: Bench, mode: Prediction) -> None:
        """What stands in `llm_kwargs` goes with the request, for that call."""
        options = {"temperature": 0.25}
        predicted(self.predicting(bench, mode, PARIS_JSON), mode, options=options)
        assert bench.body["temperature"] == 0.25
        assert options == {"temperature": 0.25}

    @every_prediction
    def test_thinking_does_not_disturb_a_prediction(self, bench: Bench, mode: Prediction) -> None:
        """An object comes out of an answer with reasoning, also where thinking was switched on."""
        llm = self.predicting(bench, mode, PARIS_JSON, reasoning='Is it {"name": "Rome"}?')
        assert predicted(llm, mode, options=dict(self.thinking_on))[-1] == PARIS

    @every_prediction
    def test_a_prediction_leaves_the_llm_as_it_was(self, bench: Bench, mode: Prediction) -> None:
        """A chat after a prediction asks for text again."""
        llm = self.predicting(bench, mode, PARIS_JSON)
        predicted(llm, mode)
        assert llm.chat(list(HI)).message.content == "ok"
        assert not {"tools", "tool_choice", "response_format"} & set(bench.body)

    @every_prediction
    def test_events_of_a_prediction(self, bench: Bench, mode: Prediction) -> None:
        """A prediction is reported with one start and one end, which holds the object."""
        llm = self.predicting(bench, mode, PARIS_JSON)
        with observed() as seen:
            predicted(llm, mode)
        assert [event.output_cls for event in seen.of("LLMStructuredPredictStartEvent")] == [City]
        assert [event.output for event in seen.of("LLMStructuredPredictEndEvent")] == [PARIS]
        assert bool(seen.of("LLMStructuredPredictInProgressEvent")) == ("stream" in mode)

    @_quiet
    @every_mode
    def test_a_structured_llm_answers_with_an_object(self, bench: Bench, mode: Mode) -> None:
        """`as_structured_llm` gives the object as `raw`, and its JSON as text."""
        llm = self.predicting(bench, as_prediction(mode), PARIS_JSON).as_structured_llm(City)
        response = last(llm, mode)
        assert response.raw == PARIS
        assert json.loads(response.message.content or "") == PARIS.model_dump()

    @pytest.mark.parametrize("mode", ["complete", "acomplete"])
    def test_a_structured_llm_completes_with_an_object(self, bench: Bench, mode: CompletionMode) -> None:
        """A prompt to a structured LLM gives the object, too."""
        llm = self.predicting(bench, as_prediction(mode), PARIS_JSON).as_structured_llm(City)
        (response,) = completions(llm, mode, "Tell me about Paris.")
        assert response.raw == PARIS
        assert json.loads(response.text) == PARIS.model_dump()

    @_quiet
    @every_mode
    def test_messages_to_a_structured_llm_are_no_templates(self, bench: Bench, mode: Mode) -> None:
        """Braces in messages to a structured LLM are sent as they are, and so are images."""
        text, url = 'Fill in {name} and {"a": {}}', "https://example.com/a.png"
        llm: LLM = self.predicting(bench, as_prediction(mode), PARIS_JSON, settings=self.media_settings)
        message = ChatMessage(role="user", blocks=[TextBlock(text=text), ImageBlock(url=url)])
        assert last(llm.as_structured_llm(City), mode, [message]).raw == PARIS
        (told,) = [message for message in bench.messages if message["role"] == "user"]
        assert text_of(told).startswith(text)
        assert [part["image_url"]["url"] for part in parts_of(told) if part["type"] == "image_url"] == [url]

    @_quiet
    @every_stream
    def test_a_streaming_structured_llm_ends_with_the_object(self, bench: Bench, mode: Mode) -> None:
        """A streamed structured answer that was cut off is an error, not its last partial object."""
        llm = self.predicting(bench, as_prediction(mode), PARIS_JSON[:25], finish="length").as_structured_llm(City)
        with pytest.raises(Exception, match=_CUT):
            last(llm, mode)


def _words(text: str) -> list[Any]:
    return "".join(character if character.isalnum() else " " for character in text).split()
