"""Structured output: what is asked for, and what becomes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType] - langchain's generics
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from pydantic import BaseModel
from typing_extensions import TypedDict, override

from tests.compare.replies import called, said, spoken
from tests.compare.row import Row
from tests.compare.sides import Side, object_of
from tests.compare.verdicts import Found, joined, raised_by, verdict_of


class Person(BaseModel):
    """A person."""

    name: str
    age: int


class PersonDict(TypedDict):
    """A person."""

    name: str
    age: int


_ADA: Final = Person(name="Ada", age=36)
_JSON: Final = '{"name": "Ada", "age": 36}'
_PROMPT: Final = "Who is Ada? Answer in JSON."


def _by_function(side: Side) -> Found:
    model = side.model(called(_JSON, name="Person")).with_structured_output(Person, method="function_calling")
    return model.invoke(_PROMPT) == _ADA and "tools" in side.body


def _by(method: str, kind: str) -> Callable[[Side], Found]:
    """Whether the method asks for a reply format of this kind and reads the reply."""

    def probe(side: Side) -> Found:
        found = side.model(said(_JSON)).with_structured_output(Person, method=method).invoke(_PROMPT)
        sent = object_of(side.body.get("response_format")).get("type")
        if side.body.get("tools"):
            return "no: asks by a tool"
        if found != _ADA:
            return False
        return True if sent == kind else f"partly: sends `{sent}`" if sent else False

    return probe


def _strict(side: Side) -> Found:
    model = side.model(said(_JSON)).with_structured_output(Person, method="json_schema", strict=True)
    model.invoke(_PROMPT)
    return object_of(object_of(side.body.get("response_format")).get("json_schema")).get("strict") is True


def _each_method(side: Side, find: Callable[[str], Found]) -> Found:
    """Both methods, less one that the peer answers with a tool call: that is a matter of the rows above."""
    verdicts = {method: verdict_of(lambda method=method: find(method)) for method in ("json_schema", "json_mode")}
    return joined({method: verdict for method, verdict in verdicts.items() if method not in _by_tools(side)})


def _by_tools(side: Side) -> set[str]:
    """The methods for which this peer asks by a tool instead."""
    found: set[str] = set()
    for method in ("json_schema", "json_mode"):
        model = side.model(said(_JSON))
        raised_by(lambda model=model, method=method: model.with_structured_output(Person, method=method).invoke("x"))
        if side.body.get("tools"):
            found.add(method)
    return found


def _typed_dict(side: Side) -> Found:
    def reads(method: str) -> bool:
        model = side.model(said(_JSON)).with_structured_output(PersonDict, method=method)
        return model.invoke(_PROMPT) == _ADA.model_dump()

    return _each_method(side, reads)


def _fenced(side: Side) -> Found:
    """Models wrap JSON into a Markdown fence when the server does not constrain them."""

    def reads(method: str) -> bool:
        model = side.model(said(f"```json\n{_JSON}\n```")).with_structured_output(Person, method=method)
        return model.invoke(_PROMPT) == _ADA

    return _each_method(side, reads)


def _in_blocks(side: Side) -> Found:
    def reads(method: str) -> bool:
        model = side.model(said(_JSON), output_version="v1").with_structured_output(Person, method=method)
        return model.invoke(_PROMPT) == _ADA

    return _each_method(side, reads)


def _keeps_the_raw(side: Side) -> Found:
    def keeps(method: str) -> bool:
        model = side.model(said("I would rather not.")).with_structured_output(Person, method=method, include_raw=True)
        found = model.invoke(_PROMPT)
        raw, error = (object_of(found).get(name) for name in ("raw", "parsing_error"))
        return isinstance(raw, AIMessage) and raw.text == "I would rather not." and error is not None

    return _each_method(side, keeps)


def _grows(side: Side) -> Found:
    reply = spoken('{"name": "A', 'da", "age": ', "36}")

    def grows(method: str) -> bool:
        model = side.model(reply).with_structured_output(Person.model_json_schema(), method=method)
        seen = list(model.stream(_PROMPT))
        return {"name": "Ada"} in seen and seen[-1] == _ADA.model_dump()

    return _each_method(side, grows)


def _leaves_the_model(side: Side) -> Found:
    """The object that was asked for a structured variant answers as before."""
    model = side.model(said(_JSON))
    model.invoke("hi")
    before = side.body
    for method in ("function_calling", "json_mode", "json_schema"):
        model.with_structured_output(Person, method=method)
    model.invoke("hi")
    return bool(before) and side.body == before


class _Heard(BaseCallbackHandler):
    def __init__(self) -> None:
        self.formats: list[Any] = []

    @override
    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.formats.append(object_of(kwargs.get("options")).get("ls_structured_output_format"))


def _traced(side: Side) -> Found:
    heard = _Heard()
    model = side.model(said(_JSON)).with_structured_output(Person, method="json_schema")
    model.invoke(_PROMPT, config={"callbacks": [heard]})
    return len(heard.formats) == 1 and "Person" in str(heard.formats[0])


def _agent(side: Side) -> Found:
    """`create_agent` asks for the server's own structured output where the profile says that the model has it."""
    # A model and a service of which all sources say that they have it.
    model = side.model(said(_JSON), service="dashscope", **side.named("qwen3-vl-32b-instruct"))
    agent = cast("Any", create_agent(model, response_format=Person))
    question = {"messages": [{"role": "user", "content": _PROMPT}]}
    found: list[Any] = []
    # Where it asks by a tool, this answer in JSON is none, and it would ask again without an end.
    failed = raised_by(lambda: found.append(agent.invoke(question, {"recursion_limit": 5})["structured_response"]))
    if side.body.get("tools"):
        return "no: asks by a tool"
    asked = object_of(side.body.get("response_format")).get("type")
    return failed is None and found == [_ADA] and asked == "json_schema"


ROWS: Final = (
    Row("`function_calling`", _by_function),
    Row("`json_mode` sends `json_object`", _by("json_mode", "json_object")),
    Row("`json_schema` sends the schema", _by("json_schema", "json_schema")),
    Row("… with `strict`", _strict),
    Row("`TypedDict` schemas", _typed_dict),
    Row("JSON in a Markdown fence is read", _fenced),
    Row('With `output_version="v1"`', _in_blocks),
    Row("`include_raw` keeps an answer that is no JSON", _keeps_the_raw),
    Row("Partial objects while streaming", _grows),
    Row("Leaves the model it was made from as it was", _leaves_the_model),
    Row("Traces name the schema (`ls_structured_output_format`)", _traced),
    Row("`create_agent` uses the server's own structured output", _agent),
)
