"""Structured output over Messages: by a tool call alone, for the protocol has no `response_format`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_qwen import ConfigurationError
from qwen_endpoints import MalformedResponseError

from tests.unit.langchain.conftest import Chats
from tests.unit.langchain.messages_replies import closed, ended, event_stream, grown, opened, started, whole_message
from tests.unit.langchain.test_structured import JOKE, SCHEMA, Joke

FUNCTION = {"name": "Joke", "description": "A joke."}
WHY = Joke(setup="Why?", punchline="Because.")


def _calling(arguments: dict[str, Any], stop: str = "tool_use") -> Any:
    return whole_message({"type": "tool_use", "id": "c", "name": "Joke", "input": arguments}, stop=stop)


@pytest.mark.parametrize("method", [None, "function_calling"])
def test_what_is_asked(chats: Chats, method: Any) -> None:
    answer = chats.at("messages").with_structured_output(Joke, method=method).invoke("Tell me a joke.")
    assert isinstance(answer, Joke)
    (tool,) = chats.body["tools"]
    schema = tool.pop("input_schema")
    assert tool == FUNCTION
    assert schema["properties"]["setup"] == {"description": "The question.", "type": "string"}
    assert schema["required"] == ["setup", "punchline"]
    assert chats.body["tool_choice"] == {"type": "tool", "name": "Joke"}


def test_strict_is_no_field_of_the_protocol(chats: Chats) -> None:
    """But what it asks of the schema holds."""
    chats.at("messages").with_structured_output(Joke, strict=True).invoke("Tell me a joke.")
    (tool,) = chats.body["tools"]
    assert set(tool) == {"name", "description", "input_schema"}
    assert tool["input_schema"]["additionalProperties"] is False


async def test_thinking_pauses_for_it(chats: Chats) -> None:
    llm = chats.at("messages", enable_thinking=True)
    structured: Any = llm.with_structured_output(Joke, include_raw=True)
    for found in (structured.invoke("Tell me a joke."), await structured.ainvoke("Tell me a joke.")):
        assert isinstance(found["parsed"], Joke)
        assert found["parsing_error"] is None
        assert "does not combine it with a forced tool choice" in str(found["raw"].response_metadata["notes"])
        assert chats.body["thinking"] == {"type": "disabled"}
    assert llm.invoke("hi").additional_kwargs["reasoning_content"]


async def test_it_grows_while_it_streams(chats: Chats) -> None:
    pieces = [grown(0, "input_json", JOKE[at : at + 5]) for at in range(0, len(JOKE), 5)]
    reply = event_stream([
        started(), opened(0, type="tool_use", id="c", name="joke", input={}), *pieces, closed(0), *ended("tool_use")
    ])  # fmt: skip
    llm = chats.answering(reply, endpoint="messages").with_structured_output(SCHEMA)
    objects = [cast("dict[str, str]", piece) for piece in llm.stream("hi")]
    assert objects[-1] == WHY.model_dump(exclude={"rating"})
    assert len(objects) > 3
    for before, after in pairwise(objects):
        assert all(after[key].startswith(value) for key, value in before.items())
    assert [piece async for piece in llm.astream("hi")] == objects


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (_calling({}, stop="max_tokens"), "token limit"),
        (_calling({"setup": "Why?"}), "punchline"),
        (whole_message({"type": "text", "text": "No."}), "holds no call of Joke"),
        (whole_message({"type": "text", "text": "No."}, stop="refusal"), "content filter"),
    ],
    ids=["cut", "does not fit", "no call", "filtered"],
)
def test_an_answer_without_the_object(chats: Chats, reply: Any, said: str) -> None:
    llm = chats.answering(reply, endpoint="messages")
    with pytest.raises(OutputParserException, match=said) as caught:
        llm.with_structured_output(Joke).invoke("hi")
    if said == "token limit":
        assert isinstance(caught.value.__cause__, MalformedResponseError)
    raw: Any = llm.with_structured_output(Joke, include_raw=True).invoke("hi")
    assert raw["parsed"] is None
    assert said in str(raw["parsing_error"])


@pytest.mark.parametrize("method", ["json_mode", "json_schema"])
async def test_the_other_methods_are_refused(chats: Chats, method: Any) -> None:
    """Before anything is sent, with the one that works."""
    structured: Any = chats.at("messages").with_structured_output(Joke, method=method)
    said = "wcode-anthropic speaks Messages, which has no response_format: use function calling"
    with pytest.raises(ConfigurationError, match=said):
        structured.invoke("hi")
    with pytest.raises(ConfigurationError, match=said):
        await structured.ainvoke("hi")
    with pytest.raises(ConfigurationError, match=said):
        list(structured.stream("hi"))
    with pytest.raises(ConfigurationError, match=said):
        chats.at("messages").invoke("hi", response_format={"type": "json_object"})
    assert chats.bodies == []
    chats.at("messages").invoke("hi", response_format={"type": "text"})
    assert "response_format" not in chats.body
