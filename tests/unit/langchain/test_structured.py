"""Structured output: what is asked, in every form a schema has, and the object that comes back."""

from __future__ import annotations

import json
import pickle
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Generic, TypedDict, TypeVar, cast

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_qwen import ChatQwen, ConfigurationError
from pydantic import BaseModel, ConfigDict, Field, RootModel
from pydantic.v1 import BaseModel as BaseModelV1
from qwen_endpoints import ContentFilteredError, MalformedResponseError

from tests.unit.langchain.conftest import Chats, call_piece, chunk, each_endpoint, sse, usage_chunk, whole


class Joke(BaseModel):
    """A joke."""

    setup: str = Field(description="The question.")
    punchline: str
    rating: int | None = None


class JokeV1(BaseModelV1):
    """A joke."""

    setup: str
    punchline: str


class JokeDict(TypedDict):
    """A joke."""

    setup: Annotated[str, ..., "The question."]
    punchline: Annotated[str, ..., "The answer."]


Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """One page."""

    items: list[Item]


SCHEMA: dict[str, Any] = {
    "title": "joke",
    "description": "A joke.",
    "type": "object",
    "properties": {"setup": {"type": "string"}, "punchline": {"type": "string"}},
    "required": ["setup", "punchline"],
}
UNTITLED = {key: value for key, value in SCHEMA.items() if key != "title"}
FUNCTION = {
    "name": "joke",
    "description": "A joke.",
    "parameters": {k: SCHEMA[k] for k in ("type", "properties", "required")},
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "joke", "schema": UNTITLED, "strict": True}}
KEYS = {"setup", "punchline"}
METHODS = ["json_schema", "function_calling", "json_mode"]
JOKE = '{"setup": "Why?", "punchline": "Because."}'


def asked(body: dict[str, Any]) -> dict[str, Any]:
    """What of a request is about structured output."""
    return {key: body[key] for key in ("response_format", "tools", "tool_choice", "enable_thinking") if key in body}


def streamed(text: str, finish: str = "stop") -> Any:
    """A stream of a text, a few characters at a time."""
    pieces = [chunk(content=text[at : at + 5]) for at in range(0, len(text), 5)]
    return sse([*pieces, chunk(finish), usage_chunk()])


def calling(name: str, arguments: str) -> dict[str, Any]:
    return {"tool_calls": [{"id": "c", "function": {"name": name, "arguments": arguments}}]}


@each_endpoint
@pytest.mark.parametrize("schema", [Joke, JokeV1, JokeDict, SCHEMA, UNTITLED, FUNCTION, FORMAT], ids=repr)
async def test_the_default_method_works_everywhere(chats: Chats, endpoint: str, schema: Any) -> None:
    llm = chats.at(endpoint).with_structured_output(schema)
    answers: list[Any] = [llm.invoke("Tell me a joke."), await llm.ainvoke("Tell me a joke.")]
    answers += [list(llm.stream("Tell me a joke."))[-1], [piece async for piece in llm.astream("Tell me a joke.")][-1]]
    assert all(answer == answers[0] for answer in answers)
    if schema in (Joke, JokeV1):
        assert isinstance(answers[0], schema)
        assert answers[0].setup
        assert answers[0].punchline
    else:
        assert set(answers[0]) == KEYS


@pytest.mark.parametrize(
    ("endpoint", "method"),
    [("cn", "function_calling"), ("flash", "json_schema"), ("text", "function_calling"), ("vision", "json_schema")],
)
def test_the_default_method_is_the_surest_that_is_known_to_work(chats: Chats, endpoint: str, method: str) -> None:
    chats.at(endpoint).with_structured_output(Joke).invoke("Tell me a joke.")
    body = chats.body
    if method == "json_schema":
        assert body["response_format"]["type"] == "json_schema"
        assert "tools" not in body
    else:
        assert body["tool_choice"] == {"type": "function", "function": {"name": "Joke"}}
        assert "response_format" not in body


def test_what_a_json_schema_asks(chats: Chats) -> None:
    chats.at("flash").with_structured_output(Joke, method="json_schema").invoke("hi")
    described = chats.body["response_format"]["json_schema"]
    schema = described.pop("schema")
    assert described == {"name": "Joke", "description": "A joke."}
    assert schema["required"] == ["setup", "punchline"]
    assert schema["properties"]["setup"] == {"description": "The question.", "type": "string"}
    assert [message["role"] for message in chats.sent] == ["user"]

    chats.at("flash").with_structured_output(Joke, method="json_schema", strict=True).invoke("hi")
    described = chats.body["response_format"]["json_schema"]
    assert described["strict"] is True
    assert described["schema"]["additionalProperties"] is False
    chats.at("flash").with_structured_output(FORMAT, method="json_schema").invoke("hi")
    assert chats.body["response_format"]["json_schema"]["schema"]["required"] == SCHEMA["required"]


@pytest.mark.parametrize("strict", [None, True, False])
def test_what_a_tool_call_asks(chats: Chats, strict: bool | None) -> None:
    llm = chats.at("text").with_structured_output(Joke, method="function_calling", strict=strict)
    assert llm.invoke("hi")
    (tool,) = chats.body["tools"]
    assert tool["function"]["name"] == "Joke"
    assert tool["function"]["description"] == "A joke."
    assert tool["function"].get("strict") is strict
    assert chats.body["tool_choice"] == {"type": "function", "function": {"name": "Joke"}}


def test_what_json_mode_asks(chats: Chats) -> None:
    chats.at("flash").with_structured_output(Joke, method="json_mode").invoke([("system", "Be brief."), ("user", "hi")])
    system, prompt = chats.sent
    assert chats.body["response_format"] == {"type": "json_object"}
    assert system["content"].startswith("Be brief.\n\n")
    assert json.loads(system["content"].rpartition("\n")[2])["required"] == ["setup", "punchline"]
    assert prompt == {"role": "user", "content": "hi"}

    answer = chats.at("flash").with_structured_output(None, method="json_mode").invoke("hi, as JSON")
    assert isinstance(answer, dict)
    assert [message["role"] for message in chats.sent] == ["user"]


@pytest.mark.parametrize("method", METHODS)
def test_thinking_is_off_for_that_request_where_it_excludes_the_method(chats: Chats, method: Any) -> None:
    llm = chats.at("flash", enable_thinking=True)
    llm.with_structured_output(Joke, method=method).invoke("hi")
    assert chats.body["enable_thinking"] is False
    llm.invoke("hi")
    assert chats.body["enable_thinking"] is True
    assert llm.enable_thinking is True


def test_thinking_stays_on_where_nothing_excludes_it(chats: Chats) -> None:
    llm = chats.at("text", enable_thinking=True)
    raw = cast("Any", llm.with_structured_output(Joke, include_raw=True).invoke("hi"))
    assert chats.body["reasoning"] == {"effort": "medium"}
    assert raw["raw"].additional_kwargs["reasoning_content"]
    assert isinstance(raw["parsed"], Joke)


def test_a_model_that_always_reasons_is_asked_for_a_call_without_force(chats: Chats) -> None:
    message = {"content": "", **calling("Joke", JOKE)}
    llm = chats.answering(
        whole(message, "tool_calls"), provider="dashscope", model="qwen3-235b-a22b-thinking-2507"
    ).with_structured_output(Joke)
    assert llm.invoke("hi") == Joke(setup="Why?", punchline="Because.")
    assert [tool["function"]["name"] for tool in chats.body["tools"]] == ["Joke"]
    assert "tool_choice" not in chats.body


@pytest.mark.parametrize("method", METHODS)
async def test_a_stream_gives_partial_objects(chats: Chats, method: Any) -> None:
    if method == "function_calling":
        pieces = [call_piece(0, JOKE[at : at + 5]) for at in range(0, len(JOKE), 5)]
        reply = sse([call_piece(0, "", name="joke", id_="c"), *pieces, chunk("tool_calls"), usage_chunk()])
    else:
        reply = streamed(JOKE)
    llm = chats.answering(reply).with_structured_output(SCHEMA, method=method)
    grown = [cast("dict[str, str]", piece) for piece in llm.stream("hi")]
    assert grown[-1] == {"setup": "Why?", "punchline": "Because."}
    assert len(grown) > 3
    for before, after in pairwise(grown):
        assert all(after[key].startswith(value) for key, value in before.items())
    assert [piece async for piece in llm.astream("hi")] == grown


def test_a_pydantic_object_streams_as_soon_as_it_is_valid(chats: Chats) -> None:
    grown = list(chats.answering(streamed(JOKE)).with_structured_output(Joke).stream("hi"))
    assert all(isinstance(joke, Joke) and joke.setup == "Why?" for joke in grown)
    assert [cast("Joke", joke).punchline for joke in grown][-1] == "Because."


@pytest.mark.parametrize("text", [f"```json\n{JOKE}\n```", f"Here it is:\n```\n{JOKE}\n```", f"\n {JOKE} "])
def test_fences_do_not_matter(chats: Chats, text: str) -> None:
    assert chats.answering(whole({"content": text})).with_structured_output(SCHEMA).invoke("hi") == json.loads(JOKE)
    assert list(chats.answering(streamed(text)).with_structured_output(SCHEMA).stream("hi"))[-1] == json.loads(JOKE)


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_reasoning_and_output_versions_do_not_matter(chats: Chats, version: str) -> None:
    pieces = [chunk(reasoning_content="Let {me} think."), chunk(content=JOKE), chunk("stop"), usage_chunk()]
    llm = chats.streaming(*pieces, output_version=version).with_structured_output(SCHEMA)
    assert list(llm.stream("hi"))[-1] == json.loads(JOKE)
    reply = whole({"content": JOKE, "reasoning_content": "Let {me} think."})
    assert chats.answering(reply, output_version=version).with_structured_output(SCHEMA).invoke("hi") == json.loads(
        JOKE
    )


BROKEN = [
    ({"content": '{"setup": "Wh'}, "length", MalformedResponseError, "token limit"),
    ({"content": ""}, "content_filter", ContentFilteredError, "content filter"),
    ({"content": None, "refusal": "Not this."}, "stop", MalformedResponseError, "Not this."),
    ({"content": "Sure!"}, "stop", MalformedResponseError, "Sure!"),
    ({"content": "[1, 2]"}, "stop", ValueError, "no JSON object"),
    ({"content": '{"setup": 1}'}, "stop", ValueError, "does not fit Joke"),
]


@pytest.mark.parametrize(("message", "finish", "cause", "words"), BROKEN)
async def test_an_answer_without_the_object_says_why(
    chats: Chats, message: dict[str, Any], finish: str, cause: type[Exception], words: str
) -> None:
    stream = sse([chunk(**message), chunk(finish), usage_chunk()])
    for reply in (whole(message, finish), stream):
        llm = chats.answering(reply).with_structured_output(Joke)
        with pytest.raises(OutputParserException, match=words) as caught:
            await llm.ainvoke("hi") if reply is not stream else [piece async for piece in llm.astream("hi")]
        assert isinstance(caught.value.__cause__, cause)


@pytest.mark.parametrize(
    ("message", "finish", "words"),
    [
        (calling("Joke", '{"setup": "W'), "length", "token limit"),
        (calling("Joke", "[1]"), "tool_calls", "is invalid"),
        (calling("other", "{}"), "tool_calls", "calls other"),
        ({"content": "I will not."}, "stop", "I will not."),
    ],
)
def test_an_answer_without_the_call_says_why(chats: Chats, message: dict[str, Any], finish: str, words: str) -> None:
    llm = chats.answering(whole({"content": "", **message}, finish)).with_structured_output(
        Joke, method="function_calling"
    )
    with pytest.raises(OutputParserException, match=words):
        llm.invoke("hi")
    raw = chats.answering(whole({"content": "", **message}, finish)).with_structured_output(
        Joke, method="function_calling", include_raw=True
    )
    answer = cast("Any", raw.invoke("hi"))
    assert isinstance(answer["raw"], AIMessage)
    assert answer["parsed"] is None
    assert words in str(answer["parsing_error"])


def test_a_stream_that_was_cut_off_does_not_pass_for_whole(chats: Chats) -> None:
    """LangChain completes half-written JSON, so that a cut answer would look like a short one."""
    for method in METHODS:
        cut = [call_piece(0, '{"setup": "Wh', name="joke", id_="c"), chunk("length"), usage_chunk()]
        reply = sse(cut) if method == "function_calling" else streamed('{"setup": "Wh', "length")
        llm = chats.answering(reply).with_structured_output(SCHEMA, method=cast("Any", method))
        with pytest.raises(OutputParserException, match="token limit"):
            list(llm.stream("hi"))


async def test_the_raw_message_comes_along(chats: Chats) -> None:
    llm = chats.answering(whole({"content": JOKE})).with_structured_output(Joke, include_raw=True)
    for answer in (cast("Any", llm.invoke("hi")), cast("Any", await llm.ainvoke("hi"))):
        assert answer["raw"].content == JOKE
        assert answer["raw"].usage_metadata["total_tokens"] == 8
        assert answer["parsed"] == Joke(setup="Why?", punchline="Because.")
        assert answer["parsing_error"] is None
    grown = list(chats.answering(streamed(JOKE)).with_structured_output(SCHEMA, include_raw=True).stream("hi"))
    assert [piece["parsed"] for piece in cast("Any", grown) if "parsed" in piece][-1] == json.loads(JOKE)


class Strict(BaseModel):
    """What only JSON can say of a strict model."""

    model_config = ConfigDict(strict=True)

    day: date
    pair: tuple[int, int]


def test_a_strict_model_reads_json(chats: Chats) -> None:
    llm = chats.answering(whole({"content": '{"day": "2026-03-01", "pair": [1, 2]}'})).with_structured_output(Strict)
    assert llm.invoke("hi") == Strict(day=date(2026, 3, 1), pair=(1, 2))


def test_names_that_endpoints_refuse_are_mended(chats: Chats) -> None:
    for method in ("json_schema", "function_calling"):
        llm = chats.at("flash").with_structured_output(Page[int], method=cast("Any", method))
        assert isinstance(llm.invoke("hi"), Page)
        sent = json.dumps(asked(chats.body))
        assert '"Page_int_"' in sent
        assert "Page[int]" not in sent


def test_a_schema_of_something_else_than_an_object(chats: Chats) -> None:
    schema = {"title": "numbers", "type": "array", "items": {"type": "integer"}}
    assert chats.answering(whole({"content": "[1, 2]"})).with_structured_output(schema).invoke("hi") == [1, 2]
    assert chats.body["response_format"]["json_schema"]["schema"] == {"type": "array", "items": {"type": "integer"}}
    numbers = RootModel[list[int]]
    assert chats.answering(whole({"content": "[1]"})).with_structured_output(numbers).invoke("hi") == numbers([1])


def test_a_recursive_schema_goes_out_whole(chats: Chats) -> None:
    node: dict[str, Any] = {
        "title": "node",
        "type": "object",
        "properties": {"next": {"$ref": "#/$defs/node"}},
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
    }
    chats.at("flash").with_structured_output(node).invoke("hi")
    assert "$defs" in chats.body["response_format"]["json_schema"]["schema"]


def test_settings_for_these_calls(chats: Chats) -> None:
    llm = chats.at("flash", temperature=1.0)
    llm.with_structured_output(Joke, temperature=0.5, max_completion_tokens=99, extra_headers={"X-A": "1"}).invoke("hi")
    assert (chats.body["temperature"], chats.body["max_completion_tokens"]) == (0.5, 99)
    assert llm.temperature == 1.0


def test_tools_beside_a_json_schema(chats: Chats) -> None:
    def get_time(city: str) -> str:
        """Get the time in a city."""
        return city

    llm = chats.answering(whole({"content": JOKE})).with_structured_output(Joke, tools=[get_time], include_raw=True)
    assert cast("Any", llm.invoke("hi"))["parsed"] == Joke(setup="Why?", punchline="Because.")
    assert [tool["function"]["name"] for tool in chats.body["tools"]] == ["get_time"]
    assert "tool_choice" not in chats.body
    first = {"content": "", **calling("get_time", "{}")}
    llm = chats.answering(whole(first, "tool_calls")).with_structured_output(Joke, tools=[get_time], include_raw=True)
    answer = cast("Any", llm.invoke("hi"))
    assert [call["name"] for call in answer["raw"].tool_calls] == ["get_time"]
    assert "calls get_time instead" in str(answer["parsing_error"])
    with pytest.raises(ConfigurationError, match="no others can be added"):
        chats.at("flash").with_structured_output(Joke, tools=[get_time], method="function_calling")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"schema": None}, "needs a schema"),
        ({"schema": Joke, "method": "jsonmode"}, "known are json_schema, function_calling, json_mode"),
        ({"schema": Joke, "methods": "json_mode"}, "no argument 'methods'"),
        ({"schema": 7}, "cannot be used as the schema"),
        ({"schema": {"name": "x"}}, "cannot be used as the schema"),
    ],
)
def test_what_cannot_be_used_is_refused_at_once(chats: Chats, arguments: dict[str, Any], words: str) -> None:
    before = len(chats.bodies)
    with pytest.raises(ConfigurationError, match=words):
        chats.at("flash").with_structured_output(**arguments)
    assert len(chats.bodies) == before


def test_a_method_the_model_is_known_not_to_have_is_refused_before_sending(chats: Chats) -> None:
    before = len(chats.bodies)
    with pytest.raises(ConfigurationError, match="function calling"):
        chats.at("text").with_structured_output(Joke, method="json_schema").invoke("hi")
    assert len(chats.bodies) == before


def test_the_provider_may_be_named_later(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = ChatQwen(model="qwen3.6-flash").with_structured_output(Joke)
    monkeypatch.setenv("QWEN_PROVIDER", "anyfast")
    with pytest.raises(ConfigurationError, match="ANYFAST_API_KEY"):
        llm.invoke("hi")


@pytest.mark.parametrize("schema", [Joke, JokeDict, SCHEMA], ids=repr)
@pytest.mark.parametrize("form", ["format", "schema"])
def test_a_response_format_of_any_form(chats: Chats, schema: Any, form: str) -> None:
    given = schema if form == "schema" else FORMAT
    for llm in (chats.at("flash").bind_tools([], response_format=given), chats.at("flash").bind(response_format=given)):
        assert set(json.loads(llm.invoke("hi").text)) == KEYS
        assert chats.body["response_format"]["type"] == "json_schema"
        assert "tools" not in chats.body


def test_a_chain_can_be_pickled(chats: Chats) -> None:
    llm = pickle.loads(pickle.dumps(chats.at("flash").with_structured_output(SCHEMA)))  # noqa: S301 - our own
    assert set(llm.invoke("hi")) == KEYS
    llm.first.bound.close()
