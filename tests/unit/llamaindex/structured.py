"""What the tests of structured output share: a class, replies of every kind, and the four ways to predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llama_index.core.prompts import BasePromptTemplate
    from llama_index.llms.qwen import Qwen

FORMS = ("predict", "apredict", "stream", "astream")
ABOUT = PromptTemplate("Tell me about the city {name} with a population of {population}.")
PARIS = '{"name": "Paris", "population": 3000}'


class City(BaseModel):
    """A city."""

    name: str
    population: int


async def ask(llm: Qwen, form: str, output_cls: Any, prompt: BasePromptTemplate, **given: Any) -> list[Any]:
    """Predict in one of the four forms; the last object is the answer."""
    asked: Any = prompt
    if form == "predict":
        return [llm.structured_predict(output_cls, asked, **given)]
    if form == "apredict":
        return [await llm.astructured_predict(output_cls, asked, **given)]
    if form == "stream":
        return list(llm.stream_structured_predict(output_cls, asked, **given))
    return [item async for item in await llm.astream_structured_predict(output_cls, asked, **given)]


async def failures(llm: Qwen, kind: type[Exception], output_cls: Any, **given: Any) -> list[Any]:
    """Return the error of each of the four forms."""
    found: list[Any] = []
    for form in FORMS:
        with pytest.raises(kind) as caught:
            await ask(llm, form, output_cls, ABOUT, **given)
        found.append(caught.value)
    return found


def four(way: str, message: dict[str, Any], finish: str = "stop") -> list[Any]:
    """Return a reply for each of the four forms, in their order."""
    return [answering(form, way, message, finish) for form in FORMS]


def answering(
    form: str, way: str, message: dict[str, Any], finish: str = "stop", *, name: str = "City", step: int = 4
) -> Any:
    """Return a reply, whole or as chunks of `step` characters as the form needs it.

    `answer` in the message becomes the arguments of a call of `name` where the way is one, and the content elsewhere;
    `calls` are pairs of a name and arguments.
    """
    said = dict(message)
    answer = said.pop("answer", None)
    calls: list[tuple[str, str]] = said.pop("calls", [])
    if answer is not None and way == "function_calling":
        calls = [(name, answer)]
    elif answer is not None:
        said["content"] = answer
    if form in ("predict", "apredict"):
        if calls:
            said["tool_calls"] = [_call(at, called, text) for at, (called, text) in enumerate(calls)]
        choice = {"index": 0, "message": {"role": "assistant", "content": None, **said}, "finish_reason": finish}
        return {"id": "c", "choices": [choice], "usage": USAGE}
    content = said.pop("content", None) or ""
    pieces: list[dict[str, Any]] = [said] if said else []
    pieces += [{"content": content[at : at + step]} for at in range(0, len(content), step)]
    for index, (called, text) in enumerate(calls):
        pieces.append({"tool_calls": [_call(index, called, "")]})
        for at in range(0, len(text), step):
            pieces.append({"tool_calls": [{"index": index, "function": {"arguments": text[at : at + step]}}]})
    return [*(_chunk(piece) for piece in pieces), _chunk({}, finish), {"id": "c", "choices": [], "usage": USAGE}]


USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}


def _call(index: int, name: str, arguments: str) -> dict[str, Any]:
    return {"index": index, "id": f"c{index}", "type": "function", "function": {"name": name, "arguments": arguments}}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def extends(new: Any, old: Any) -> bool:
    """Whether a parsed value is an earlier one, grown. Everything extends `None`."""
    if isinstance(old, dict):
        before, after = cast("dict[str, Any]", old), cast("dict[str, Any]", new)
        return isinstance(new, dict) and all(
            name in after and extends(after[name], item) for name, item in before.items()
        )
    if isinstance(old, list):
        earlier, later = cast("Sequence[Any]", old), cast("Sequence[Any]", new)
        return isinstance(new, list) and len(later) >= len(earlier) and all(map(extends, later, earlier))
    if isinstance(old, str):
        return isinstance(new, str) and new.startswith(old)
    return old is None or new == old
