"""Structured output: what is asked, in all four forms, and why an answer holds no object."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock, ThinkingBlock
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate, SelectorPromptTemplate
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, SecretStr
from qwen_endpoints import ConfigurationError, ContentFilteredError, MalformedResponseError
from qwen_sandbox import Reply

from tests.unit.llamaindex.structured import ABOUT, FORMS, PARIS, City, answering, ask, failures, four

if TYPE_CHECKING:
    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

WAYS: dict[str, dict[str, Any]] = {
    "json_schema": {"structured_output": "json_schema"},
    "function_calling": {"structured_output": "function_calling"},
    "json_mode": {"structured_output": "json_mode"},
    "text": {"pydantic_program_mode": PydanticProgramMode.LLM},
}
OUTCOMES: dict[str, tuple[dict[str, Any], str, type[Exception], str]] = {
    "cut": ({"answer": PARIS[:20]}, "length", MalformedResponseError, "hit its token limit"),
    "refused": ({"refusal": "Not this."}, "stop", MalformedResponseError, "refused to answer: Not this."),
    "filtered": ({"answer": PARIS[:20]}, "content_filter", ContentFilteredError, "content filter"),
    "prose": ({"content": "Sure, Paris!"}, "stop", MalformedResponseError, "'Sure, Paris!'"),
    "invalid": ({"answer": '{"name": "Paris", "population": "many"}'}, "stop", MalformedResponseError, "population:"),
    "other type": ({"answer": "[1, 2]"}, "stop", MalformedResponseError, "[1, 2]"),
    "empty": ({"content": ""}, "stop", MalformedResponseError, "holds no"),
}
NAMED = {"type": "function", "function": {"name": "City"}}
HERE = City(name="Paris", population=3000)


@pytest.mark.parametrize("way", WAYS)
async def test_an_object_comes_back(scripted: Callable[..., Qwen], way: str) -> None:
    llm = scripted(*four(way, {"answer": PARIS}), **WAYS[way])
    for form in FORMS:
        objects = await ask(llm, form, City, ABOUT, name="Paris", population=3000)
        assert (form, objects[-1]) == (form, HERE)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_an_answer_without_the_object_says_why(scripted: Callable[..., Qwen], outcome: str, way: str) -> None:
    message, finish, kind, words = OUTCOMES[outcome]
    llm = scripted(*four(way, message, finish), **WAYS[way])
    for error in await failures(llm, ValueError, City, name="Paris", population=3000):
        assert issubclass(type(error), kind)
        assert words in str(error)
        assert "generic · qwen3-32b" in str(error)
        assert error.__cause__ is not None
        assert error.answer == (message.get("answer") or message.get("content") or "")
        assert error.response.additional_kwargs["finish_reason"] == finish
        assert error.response.raw["usage"]["total_tokens"] == 8
        again: Any = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        assert (str(again), again.answer, again.response) == (str(error), error.answer, error.response)


@pytest.mark.parametrize(
    ("provider", "model", "way"),
    [
        ("anyfast-cn", "qwen3-32b", "function_calling"),
        ("anyfast", "qwen3.6-flash", "json_schema"),
        ("wcode", "qwen/qwen3-235b-a22b", "function_calling"),
        ("wcode", "qwen/qwen3-vl-32b-instruct", "json_schema"),
    ],
)
async def test_the_surest_way_that_is_known_to_work(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, provider: str, model: str, way: str
) -> None:
    llm = make_llm(provider=provider, model=model)
    for form in FORMS:
        assert (await ask(llm, form, City, ABOUT, name="Paris", population=3000))[-1] == HERE
        body = qwen_sandbox.last_request.json
        if way == "json_schema":
            assert body["response_format"]["json_schema"]["name"] == "City"
            assert "tools" not in body
        else:
            assert body["tool_choice"] == NAMED
            assert "response_format" not in body


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_asked(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str) -> None:
    llm = make_llm(**WAYS[way], system_prompt="Be exact.")
    schema = {key: value for key, value in City.model_json_schema().items() if key not in ("title", "description")}
    described = {"name": "City", "description": "A city."}
    asked: dict[str, Any] = {
        "json_schema": {"response_format": {"type": "json_schema", "json_schema": {**described, "schema": schema}}},
        "function_calling": {
            "tools": [{"type": "function", "function": {**described, "parameters": schema}}],
            "tool_choice": NAMED,
        },
        "json_mode": {"response_format": {"type": "json_object"}},
        "text": {},
    }
    for form in FORMS:
        assert (await ask(llm, form, City, ABOUT, name="Paris", population=3000))[-1] == HERE
        body = qwen_sandbox.last_request.json
        assert {key: body[key] for key in body.keys() & {"response_format", "tools", "tool_choice"}} == asked[way]
        system, user = body["messages"]
        assert user == {"role": "user", "content": "Tell me about the city Paris with a population of 3000."}
        assert system["content"].startswith("Be exact.")
        if way == "json_mode":
            assert json.loads(system["content"].rpartition("\n")[2]) == {"description": "A city.", **schema}
        elif way == "text":
            assert json.dumps(City.model_json_schema()) in system["content"]
        else:
            assert system["content"] == "Be exact."


@pytest.mark.parametrize("mode", [PydanticProgramMode.FUNCTION, PydanticProgramMode.OPENAI])
async def test_the_function_mode_forces_the_call(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, mode: PydanticProgramMode
) -> None:
    llm = make_llm(pydantic_program_mode=mode)
    for form in FORMS:
        assert (await ask(llm, form, City, PromptTemplate("Hello!")))[-1].name
        assert qwen_sandbox.last_request.json["tool_choice"] == NAMED


async def test_modes_of_other_packages_are_left_to_the_framework(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm.pydantic_program_mode = PydanticProgramMode.LM_FORMAT_ENFORCER
    for error in await failures(llm, ImportError, City):
        assert "llama-index-program-lmformatenforcer" in str(error)
    llm.pydantic_program_mode = PydanticProgramMode.GUIDANCE
    for error in await failures(llm, ValueError, City):
        assert "Unsupported pydantic program mode" in str(error)
    assert not qwen_sandbox.requests


@pytest.mark.parametrize("way", ["json_schema", "function_calling", "json_mode"])
async def test_thinking_is_off_for_that_request_where_it_excludes_the_way(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str
) -> None:
    llm = make_llm(enable_thinking=True, structured_output=way)
    before = llm.model_dump()
    for form in FORMS:
        await ask(llm, form, City, ABOUT, name="Paris", population=3000)
        assert qwen_sandbox.last_request.json["enable_thinking"] is False
    assert llm.model_dump() == before
    llm.chat([ChatMessage("hi")])
    assert qwen_sandbox.last_request.json["enable_thinking"] is True


async def test_a_model_that_always_reasons_is_asked_for_a_call_without_force(
    scripted: Callable[..., Qwen], qwen_sandbox: Sandbox
) -> None:
    where = {"provider": "dashscope", "model": "qwen3-235b-a22b-thinking-2507", "api_key": SecretStr("sk-sandbox")}
    llm = scripted(*four("function_calling", {"answer": PARIS}), **where)
    for form in FORMS:
        assert (await ask(llm, form, City, ABOUT))[-1] == HERE
        body = qwen_sandbox.last_request.json
        assert [tool["function"]["name"] for tool in body["tools"]] == ["City"]
        assert "tool_choice" not in body


async def test_settings_for_one_call(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(temperature=1.0)
    given: dict[str, Any] = {
        "temperature": 0.5,
        "max_tokens": 300,
        "structured_output": "function_calling",
        "tool_choice": "auto",
        "tool_required": True,
        "allow_parallel_tool_calls": True,
        "extra_body": {"user": "ada"},
        "seed": None,
    }
    kept = copy.deepcopy(given)
    for form in FORMS:
        await ask(llm, form, City, PromptTemplate("Call City for Paris with population 3000."), llm_kwargs=given)
        body = qwen_sandbox.last_request.json
        assert (body["temperature"], body["max_completion_tokens"], body["tool_choice"]) == (0.5, 300, "auto")
        assert body["user"] == "ada"
        assert not {"structured_output", "tool_required", "allow_parallel_tool_calls", "seed"}.intersection(body)
    assert given == kept
    assert (llm.temperature, llm.structured_output) == (1.0, "auto")


def test_a_forced_call_may_be_left_to_the_model(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    calling = PromptTemplate("Call City for Paris with population 3000.")
    llm.structured_predict(City, calling, {"structured_output": "function_calling", "tool_required": False})
    assert "tool_choice" not in qwen_sandbox.last_request.json
    llm.structured_predict(City, calling, {"structured_output": "function_calling", "tool_choice": None})
    assert qwen_sandbox.last_request.json["tool_choice"] == NAMED


def test_a_call_of_another_model_is_asked_the_way_that_model_takes(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox
) -> None:
    llm = make_llm(provider="wcode", model="qwen/qwen3-235b-a22b")
    llm.structured_predict(City, ABOUT, {"model": "qwen/qwen3-vl-32b-instruct", "tool_choice": "required"})
    body = qwen_sandbox.last_request.json
    assert body["response_format"]["type"] == "json_schema"
    assert "tool_choice" not in body


def test_no_calls_are_asked_for_where_they_are_not_wanted(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(provider="anyfast-cn", model="qwen3-32b", is_function_calling_model=False)
    assert llm.structured_predict(City, ABOUT, name="Paris", population=3000) == HERE
    assert qwen_sandbox.last_request.json["response_format"] == {"type": "json_object"}


class Indescribable(BaseModel):
    """A class that JSON has no words for."""

    call: Callable[[], None]


TEXT_ONLY = {"provider": "wcode", "model": "qwen/qwen3-235b-a22b"}


@pytest.mark.parametrize(
    ("settings", "asked", "words"),
    [
        (
            {},
            {"llm_kwargs": {"structured_output": "schema"}},
            "known are auto, json_schema, function_calling, json_mode",
        ),
        ({**WAYS["text"], "structured_output": "json_mode"}, {}, "contradict each other"),
        (
            {"pydantic_program_mode": PydanticProgramMode.FUNCTION, "is_function_calling_model": False},
            {},
            "is_function_calling_model is False",
        ),
        (WAYS["function_calling"], {"llm_kwargs": {"tools": [{"type": "function"}]}}, "no others can be added"),
        ({}, {"output_cls": dict}, "not a class of pydantic's BaseModel"),
        ({}, {"output_cls": Indescribable}, "Indescribable cannot be used as the schema of an answer"),
        ({**TEXT_ONLY, "structured_output": "json_schema"}, {}, "does not take a JSON schema"),
        ({}, {"llm_kwargs": {"temperature": "warm"}}, "temperature"),
    ],
    ids=["unknown way", "two ways", "no calls", "other tools", "no class", "no schema", "none taken", "a setting"],
)
async def test_what_cannot_be_asked_is_refused_before_sending(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, settings: dict[str, Any], asked: dict[str, Any], words: str
) -> None:
    for error in await failures(make_llm(**settings), ConfigurationError, **{"output_cls": City, **asked}):
        assert words in str(error)
    assert not qwen_sandbox.requests


def test_a_way_that_is_none_is_refused_at_once(make_llm: Callable[..., Qwen]) -> None:
    with pytest.raises(ValueError, match="structured_output"):
        make_llm(structured_output="tools")
    assert make_llm(structured_output="json_mode").to_dict()["structured_output"] == "json_mode"


# The prompt


@pytest.mark.parametrize("way", WAYS)
async def test_the_messages_of_a_prompt_survive(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, way: str) -> None:
    picture = ImageBlock(url="https://example.com/x.png")
    messages = [
        ChatMessage(role=MessageRole.ASSISTANT, blocks=[ThinkingBlock(content="{hm}"), TextBlock(text='{"a": {1}}?')]),
        ChatMessage(role=MessageRole.USER, blocks=[TextBlock(text="{city} {unknown} {}"), picture]),
    ]
    kept = copy.deepcopy(messages)
    prompt = ChatPromptTemplate(message_templates=messages)
    llm = scripted(*four(way, {"answer": PARIS}), **WAYS[way], model="qwen3-vl-32b-instruct", reasoning_replay="always")
    for form in FORMS:
        await ask(llm, form, City, prompt, city="Paris {really}")
        *_, answer, user = qwen_sandbox.last_request.json["messages"]
        assert (answer["content"], answer["reasoning_content"]) == ('{"a": {1}}?', "{hm}")
        assert user["content"][0] == {"type": "text", "text": "Paris {really} {unknown} {}"}
        assert user["content"][1]["image_url"] == {"url": "https://example.com/x.png"}
    assert prompt.message_templates == kept
    assert messages == kept


async def test_a_shared_prompt_is_not_changed(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    """The framework's program leaves its parser in the caller's prompt, which then says the schema for ever."""
    inner = PromptTemplate("Tell me about {name}.")
    selector = SelectorPromptTemplate(default_template=inner)
    llm = make_llm(**WAYS["text"])
    for form in FORMS:
        await ask(llm, form, City, selector, name="Paris")
        assert "{{" not in json.dumps(qwen_sandbox.last_request.json["messages"])
    assert (inner.output_parser, selector.output_parser) == (None, None)
    assert inner.format(name="Paris") == "Tell me about Paris."


# Reading


async def test_words_around_an_object_do_not_matter_in_the_llm_mode_alone(scripted: Callable[..., Qwen]) -> None:
    text = f"Let me see. {PARIS} Is that {{good}}"
    llm = scripted(*four("text", {"answer": f"Let me see. {PARIS} Is that good?"}), **WAYS["text"])
    for form in FORMS:
        assert (await ask(llm, form, City, ABOUT))[-1] == HERE
    for answer, finish, settings, words in (
        (f"Let me see. {PARIS}", "stop", WAYS["json_mode"], "no JSON"),
        (text, "stop", WAYS["text"], "no JSON"),
        (f'[{PARIS}, {{"name": "Ro', "length", WAYS["text"], "token limit"),
    ):
        with pytest.raises(MalformedResponseError, match=words):
            scripted(answering("predict", "text", {"answer": answer}, finish), **settings).structured_predict(
                City, ABOUT
            )


FENCED = [f"```json\n{PARIS}\n```", f"Here it is:\n```\n{PARIS}\n```\nAnything else?", f"\n {PARIS} "]


@pytest.mark.parametrize("text", FENCED, ids=["fence", "words and a fence", "blanks"])
async def test_fences_do_not_matter(scripted: Callable[..., Qwen], text: str) -> None:
    llm = scripted(*four("json_schema", {"answer": text}), **WAYS["json_schema"])
    for form in FORMS:
        assert (await ask(llm, form, City, ABOUT))[-1] == HERE


async def test_of_several_calls_the_first_that_fits_is_the_answer(scripted: Callable[..., Qwen]) -> None:
    calls = [("other", PARIS), ("City", "{"), ("City", '{"name": 1}'), ("City", PARIS), ("City", '{"name": "Rome"}')]
    llm = scripted(*four("", {"calls": calls}, "tool_calls"), **WAYS["function_calling"])
    for form in FORMS:
        assert (await ask(llm, form, City, ABOUT))[-1] == HERE


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ([("other", PARIS)], "no call of City; it calls other instead"),
        ([("City", '{"name": ')], "The call of City is invalid"),
        ([("City", '{"name": "Ro"}'), ("City", "{}")], "City: population: Field required. It is: "),
    ],
)
async def test_a_missing_call_says_why(scripted: Callable[..., Qwen], calls: list[tuple[str, str]], words: str) -> None:
    llm = scripted(*four("", {"calls": calls}, "tool_calls"), **WAYS["function_calling"])
    for error in await failures(llm, MalformedResponseError, City):
        assert words in str(error)
        assert error.answer == (calls[0][1] if calls[0][0] == "City" else "")


async def test_failures_of_the_call_itself_are_no_value_errors(scripted: Callable[..., Qwen]) -> None:
    """Callers that shrug at a `ValueError` must not shrug at a wrong key."""
    llm = scripted(Reply(b'{"error": {"message": "wrong key"}}', status=401), **WAYS["json_mode"])
    for error in await failures(llm, Exception, City):
        assert "wrong key" in str(error)
        assert not isinstance(error, ValueError)
