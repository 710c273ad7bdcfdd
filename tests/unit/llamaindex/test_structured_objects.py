"""Structured output: classes of every kind, objects that grow, and the framework around them."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.postprocessor import LLMRerank, StructuredLLMRerank
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.program.utils import FlexibleModel, get_program_for_llm
from llama_index.core.prompts import PromptTemplate
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.types import BaseOutputParser
from llama_index.llms.qwen import Qwen
from llama_index.llms.qwen._partial_json import parse_so_far
from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator
from qwen_sandbox import Sandbox
from typing_extensions import Self, override

from tests.unit.llamaindex.ecosystem import CORE
from tests.unit.llamaindex.structured import ABOUT, FORMS, PARIS, City, answering, ask, extends, failures, four
from tests.unit.llamaindex.watching import listening

if TYPE_CHECKING:
    from collections.abc import Callable

WAYS = ("json_schema", "function_calling", "json_mode")
Item = TypeVar("Item")


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str] = []


class Everything(BaseModel):
    """A bit of everything."""

    model_config = ConfigDict(strict=True)

    day: date
    pair: tuple[int, int]
    color: Color
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]]
    note: str | None = None
    size: float = Field(alias="theSize", gt=0)


class Node(BaseModel):
    """A tree."""

    label: str
    children: list[Node] = []


class Page(BaseModel, Generic[Item]):
    items: list[Item]


EVERYTHING = {
    "day": "2026-03-01",
    "pair": [1, 2],
    "color": "blue",
    "pets": [{"kind": "cat", "lives": 9}, {"kind": "dog", "tricks": ["sit", "日本 😀"]}],
    "note": None,
    "theSize": 1.5,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("expected", "name"),
    [
        (Everything.model_validate_json(json.dumps(EVERYTHING)), "Everything"),
        (Node(label="a", children=[Node(label="b")]), "Node"),
        (Page[int](items=[1, 22]), "Page_int_"),
        (RootModel[dict[str, int]]({"a": 1, "b": 22}), "RootModel_dict_str__int__"),
    ],
    ids=["everything", "tree", "generic", "mapping"],
)
async def test_classes_of_every_kind(
    scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, expected: BaseModel, name: str, way: str
) -> None:
    answer, output_cls = expected.model_dump_json(by_alias=True), type(expected)
    replies = [answering(form, way, {"answer": answer}, name=name) for form in FORMS]
    llm = scripted(*replies, structured_output=way)
    for form in FORMS:
        objects = await ask(llm, form, output_cls, ABOUT)
        assert objects[-1] == expected
        assert type(objects[-1]) is output_cls
        body = qwen_sandbox.last_request.json
        if way == "json_mode":
            continue
        asked = body["tools"][0]["function"] if way == "function_calling" else body["response_format"]["json_schema"]
        schema = asked.get("parameters") or asked["schema"]
        assert (asked["name"], schema["type"]) == (name, "object")
        assert "value" not in schema.get("properties", {})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrapped", [True, False], ids=["as asked", "bare"])
async def test_an_answer_that_is_no_object(
    scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str, *, wrapped: bool
) -> None:
    """It is asked for as a property of an object, for JSON mode and functions know nothing else."""
    cities = [{"name": "Paris", "population": 3000}, {"name": "Rome", "population": 2800}]
    answer = {"value": cities} if wrapped or way == "function_calling" else cities
    name = "RootModel_list_City__"
    replies = [answering(form, way, {"answer": json.dumps(answer)}, name=name) for form in FORMS]
    llm = scripted(*replies, structured_output=way)
    for form in FORMS:
        objects = await ask(llm, form, RootModel[list[City]], ABOUT)
        assert [len(item.root) for item in objects[-2:]] == ([2, 2] if "stream" in form else [2])
        assert {type(item) for item in objects[:-1]} <= {FlexibleModel}
        assert objects[-1].root[1] == City(name="Rome", population=2800)
    body = qwen_sandbox.last_request.json
    if way == "function_calling":
        schema = body["tools"][0]["function"]["parameters"]
    elif way == "json_schema":
        schema = body["response_format"]["json_schema"]["schema"]
    else:
        schema = json.loads(body["messages"][0]["content"].rpartition("\n")[2])
    assert (schema["type"], schema["required"]) == ("object", ["value"])
    assert "City" in json.dumps(schema)


# Growing


async def grown(llm: Qwen, output_cls: Any) -> list[Any]:
    """The objects of a stream, the same in sync and async."""
    objects = await ask(llm, "stream", output_cls, ABOUT)
    again = await ask(llm, "astream", output_cls, ABOUT)
    assert [(type(item), item.model_dump()) for item in again] == [(type(item), item.model_dump()) for item in objects]
    return objects


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("step", [1, 7])
async def test_an_object_grows(scripted: Callable[..., Qwen], way: str, step: int) -> None:
    reply = answering("stream", way, {"answer": json.dumps(EVERYTHING)}, name="Everything", step=step)
    objects = await grown(scripted(reply, structured_output=way), Everything)
    *partial, whole = objects
    assert whole == Everything.model_validate_json(json.dumps(EVERYTHING))
    assert all(isinstance(item, FlexibleModel) for item in partial)
    assert all(set(item.model_dump()) == set(Everything.model_fields) for item in partial)
    states = [item.model_dump(mode="json") for item in objects]
    for before, after in pairwise(states):
        arrived = {name: value for name, value in before.items() if value is not None}
        assert extends(after, arrived), (before, after)
    assert len(partial) > (40 if step == 1 else 10)


async def test_a_number_is_not_given_before_it_is_known(scripted: Callable[..., Qwen]) -> None:
    reply = answering("stream", "json_mode", {"answer": PARIS}, step=1)
    objects = await grown(scripted(reply, structured_output="json_mode"), City)
    assert {item.population for item in objects} == {None, 3000}
    assert [item.name for item in objects[:5]] == ["", "P", "Pa", "Par", "Pari"]


async def test_reasoning_and_fences_around_a_growing_object(scripted: Callable[..., Qwen]) -> None:
    reply = answering("stream", "json_mode", {"answer": '```json\n{"name": "``` 3", "population": 5}\n```'}, step=1)
    reply.insert(0, {"id": "c", "choices": [{"index": 0, "delta": {"reasoning_content": '{"name": "Rome"'}}]})
    objects = await grown(scripted(reply, structured_output="json_mode"), City)
    assert objects[-1] == City(name="``` 3", population=5)
    for before, after in pairwise(objects):
        assert after.name.startswith(before.name)


class Noisy(BaseModel):
    """A class that says what it has checked."""

    words: str

    @model_validator(mode="after")
    def _checked(self) -> Self:
        CHECKED.append(self.words)
        return self


CHECKED: list[str] = []


async def test_half_an_object_is_not_checked(scripted: Callable[..., Qwen]) -> None:
    reply = answering("stream", "json_mode", {"answer": '{"words": "two words"}'}, step=1)
    assert (await grown(scripted(reply, structured_output="json_mode"), Noisy))[-1] == Noisy(words="two words")
    assert set(CHECKED) == {"two words"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(json_values, max_size=3), st.booleans())
def test_every_beginning_of_a_json_value_is_a_beginning_of_it(value: list[Any], ascii_only: bool) -> None:
    written = json.dumps(value, ensure_ascii=ascii_only)
    before: Any = None
    for end in range(1, len(written) + 1):
        part = parse_so_far(written[:end])
        assert extends(part, before), written[:end]
        before = part
    assert before == value


BEGUN: list[tuple[str, Any]] = [
    ('{"a": 12', {}),
    ('{"a": 12,', {"a": 12}),
    ('{"a": 12, "b1', {"a": 12}),
    ('{"a": [1, {"b": 0', {"a": [1, {}]}),
    ('{"a": 0, "1', {"a": 0}),
    ('{"a": 1.5', {}),
    ('{"a": "room 12', {"a": "room 12"}),
    ('{"a": tru', {}),
    ('{"a": 12} and 3', {"a": 12}),
    ('{"a": 12, "\\ud83', {"a": 12}),
    ('{"a\\"": 12', {}),
    ('["a\\', ["a"]),
    ('["a\\\\', ["a\\"]),
    ('["a\\u00', ["a"]),
    ('["a\\ud83d', ["a"]),
    ('["a\\ud83d\\ude', ["a"]),
    ("[1e5", []),
    ("[1.0000000000000000", []),
]


@pytest.mark.parametrize(("written", "value"), BEGUN)
def test_what_is_begun_at_the_end_is_left_out(written: str, value: Any) -> None:
    assert parse_so_far(written) == value


def test_what_does_not_extend() -> None:
    for new, old in [({}, {"a": 1}), ({"a": 2}, {"a": 1}), ([1], [1, 2]), ("a", "ab"), (1, "1"), ([], {}), ({}, [])]:
        assert not extends(new, old)


# The framework around it


@pytest.mark.filterwarnings("ignore:The `json` method is deprecated:DeprecationWarning")  # the framework's own
async def test_a_structured_llm(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    counter = TokenCountingHandler()
    llm = make_llm(callback_manager=CallbackManager([counter]), system_prompt="Be exact.")
    structured = llm.as_structured_llm(City)
    asked = "The city is {Paris}, its population is 3000."
    messages = [ChatMessage(blocks=[TextBlock(text=asked)])]
    answers = [
        structured.chat(messages, temperature=0.5),
        await structured.achat(messages, temperature=0.5),
        list(structured.stream_chat(messages, temperature=0.5))[-1],
        [frame async for frame in await structured.astream_chat(messages, temperature=0.5)][-1],
    ]
    for answer in answers:
        assert answer.raw == City(name="Paris", population=3000)
        assert json.loads(answer.message.content or "") == {"name": "Paris", "population": 3000}
    completions = [structured.complete(asked), await structured.acomplete(asked)]
    assert [completion.raw for completion in completions] == [City(name="Paris", population=3000)] * 2
    bodies = [request.json for request in qwen_sandbox.requests]
    assert [body.get("temperature") for body in bodies] == [0.5] * 4 + [None] * 2
    assert all(body["messages"][1]["content"] == asked for body in bodies)
    assert all(body["messages"][0]["content"].startswith("Be exact.") for body in bodies)
    assert len(counter.llm_token_counts) == len(bodies) == 6
    picture = ChatMessage(blocks=[TextBlock(text=asked), ImageBlock(url="https://example.com/x.png")])
    structured.chat([picture])
    assert qwen_sandbox.last_request.json["messages"][1]["content"][1]["type"] == "image_url"


async def test_events_come_once_and_in_order(llm: Qwen) -> None:
    for form in FORMS:
        with listening() as heard:
            objects = await ask(llm, form, City, ABOUT, name="Paris", population=3000)
        names = [name for name in heard.events.names if name != "LLMChatInProgressEvent"]
        start, *inner, end = (name.removeprefix("LLM").removesuffix("Event") for name in names)
        assert (start, end) == ("StructuredPredictStart", "StructuredPredictEnd")
        if "stream" in form:
            # The call has ended before the whole object is given, whatever becomes of that.
            growing = ["StructuredPredictInProgress"] * (len(objects) - 1)
            assert inner == ["ChatStart", *growing, "ChatEnd", "StructuredPredictInProgress"]
        else:
            assert inner == ["ChatStart", "ChatEnd"]
        first, last = heard.events.seen[0], heard.events.seen[-1]
        assert (first.output_cls, first.template, last.output) == (City, ABOUT, objects[-1])
        assert first.template_args == {"name": "Paris", "population": 3000}
        spans = [span["id"].split("-")[0] for span in heard.spans.entered]
        assert len(spans) == len(set(spans)) == 2


async def test_tokens_of_an_answer_that_does_not_fit_are_counted(scripted: Callable[..., Qwen]) -> None:
    counter = TokenCountingHandler()
    llm = scripted(*four("json_mode", {"answer": "{}"}), structured_output="json_mode")
    llm.callback_manager = CallbackManager([counter])
    with listening() as heard:
        await failures(llm, ValueError, City)
    assert [count.total_token_count for count in counter.llm_token_counts] == [8] * 4
    assert heard.events.names.count("LLMChatEndEvent") == 4
    assert "LLMStructuredPredictEndEvent" not in heard.events.names


async def test_a_stream_that_is_left_early_is_closed() -> None:
    reply = answering("stream", "json_mode", {"answer": json.dumps({"name": "x" * 800, "population": 1})})
    events = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in reply]
    with Sandbox(chunk_delay=0.02) as slow:
        url = slow.script("long", content_type="text/event-stream", chunks=events)
        llm = Qwen(model="qwen3-32b", provider="generic", base_url=url, structured_output="json_mode")
        stream: Any = llm.stream_structured_predict(City, ABOUT)
        assert next(stream).name.startswith("x")
        assert slow.open_streams == 1
        stream.close()
        await _all_closed(slow)
        astream: Any = await llm.astream_structured_predict(City, ABOUT)
        assert (await anext(astream)).name.startswith("x")
        assert slow.open_streams == 1
        await astream.aclose()
        await _all_closed(slow)
        llm.close()
        await llm.aclose()


async def _all_closed(sandbox: Sandbox) -> None:
    for _ in range(100):  # two seconds; the reply itself takes four
        if sandbox.open_streams == 0:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the stream is still open")


def test_a_program_of_the_framework(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    about: Any = ABOUT
    program: Any = get_program_for_llm(City, about, llm)
    assert isinstance(program, FunctionCallingProgram)
    assert program(name="Paris", population=3000) == City(name="Paris", population=3000)
    assert qwen_sandbox.last_request.json["tool_choice"] == "required"
    # While it streams, the program forgets that it wants a call, unless it is told which; older ones forget that too.
    program = get_program_for_llm(City, about, llm, tool_choice="required")
    assert list(program.stream_call(name="Paris", population=3000))[-1] == City(name="Paris", population=3000)
    assert qwen_sandbox.last_request.json.get("tool_choice") == ("required" if CORE >= (0, 14, 16) else None)


NODES = [NodeWithScore(node=TextNode(text=f"note {place}"), score=1.0) for place in (1, 2, 3)]


async def test_rerankers(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    ranking = {"documents": [{"document_number": 3, "relevance": 9}, {"document_number": 1, "relevance": 4}]}
    replies = [
        answering(form, "function_calling", {"answer": json.dumps(ranking)}, name="DocumentRelevanceList")
        for form in ("predict", "apredict")
    ]
    reranker = StructuredLLMRerank(llm=scripted(*replies), top_n=2)
    query = QueryBundle("Which?")
    for found in (
        reranker.postprocess_nodes(NODES, query),
        await reranker.apostprocess_nodes(NODES, query),
    ):
        assert [(node.text, node.score) for node in found] == [("note 3", 9.0), ("note 1", 4.0)]
    assert qwen_sandbox.last_request.json["tools"][0]["function"]["name"] == "DocumentRelevanceList"
    plain = LLMRerank(llm=scripted(answering("predict", "", {"content": "Doc: 2, Relevance: 7"})), top_n=1)
    assert [node.text for node in plain.postprocess_nodes(NODES, query)] == ["note 2"]


def test_a_prompt_with_a_parser_of_its_own_is_formatted_by_it(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    """As in the framework: what a prompt says about its format goes out; the model's `output_parser` is for text."""

    class Shouting(BaseOutputParser):
        @override
        def parse(self, output: str) -> Any:
            raise AssertionError(output)

        @override
        def format(self, query: str) -> str:
            return query.upper()

    shouted: Any = PromptTemplate("The city is Paris, its population 3000.", output_parser=Shouting())
    llm.output_parser = Shouting()
    assert llm.structured_predict(City, shouted).population == 3000
    assert qwen_sandbox.last_request.json["messages"][0]["content"] == "THE CITY IS PARIS, ITS POPULATION 3000."
    llm.structured_predict(City, ABOUT, name="Paris", population=3000)
    assert qwen_sandbox.last_request.json["messages"][0]["content"].startswith("Tell me about")
