"""`include_raw`: the message, the object and the reason why there is none, the same in each of the four ways."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessageChunk
from pydantic import BaseModel, field_validator

from tests.unit.langchain.conftest import Chats, call_piece, chunk, each_endpoint, facts, four_ways, sse, usage_chunk

METHODS = ["json_schema", "function_calling", "json_mode"]


class City(BaseModel):
    """A city."""

    name: str


class Fussy(BaseModel):
    """A city with a check of its own."""

    name: str

    @field_validator("name")
    @classmethod
    def _look_up(cls, name: str) -> str:
        return {"Paris": "Paris"}[name]


def _wrote(method: str, text: str, finish: str) -> Any:
    """A stream whose answer is this text, by the way that the method asks for."""
    halves = text[: len(text) // 2], text[len(text) // 2 :]
    if method == "function_calling":
        pieces = [call_piece(0, halves[0], name="City", id_="c1"), call_piece(0, halves[1])]
    else:
        pieces = [chunk(content=half) for half in halves if half]
    return sse([chunk(reasoning_content="hm"), *pieces, chunk(finish), usage_chunk()])


@pytest.mark.parametrize("schema", [City, City.model_json_schema()], ids=["class", "schema"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("wrote", "reason"),
    [
        (('{"name": "Paris"}', "stop"), None),
        (('{"name": "Par', "length"), "token limit"),
        (("[1, 2]", "stop"), "object"),
    ],
)
async def test_four_ways_give_one_answer(
    chats: Chats, schema: Any, method: Any, wrote: tuple[str, str], reason: str | None
) -> None:
    plain = chats.answering(_wrote(method, *wrote))
    expected = facts(plain.invoke("Paris, as JSON"))
    asked = plain.with_structured_output(schema, method=method, include_raw=True)
    for way, answer in (await four_ways(asked, "Paris, as JSON")).items():
        found: dict[str, Any] = answer  # pyright: ignore[reportAssignmentType] - here they are no messages
        assert set(found) == {"raw", "parsed", "parsing_error"}, way
        assert facts(found["raw"]) == expected
        if reason is None:
            assert found["parsed"] == (City(name="Paris") if schema is City else {"name": "Paris"})
            assert found["parsing_error"] is None
        else:
            assert found["parsed"] is None
            assert isinstance(found["parsing_error"], OutputParserException)
            assert reason in str(found["parsing_error"])


@each_endpoint
async def test_the_message_streams(chats: Chats, endpoint: str) -> None:
    """Its pieces come as they are written, and then what they amount to, once."""
    asked = chats.at(endpoint).with_structured_output(City, include_raw=True)
    for pieces in (list(asked.stream("Paris")), [piece async for piece in asked.astream("Paris")]):
        told: list[Any] = list(pieces)
        assert len(told) > 3
        assert all(set(piece) == {"raw"} and isinstance(piece["raw"], AIMessageChunk) for piece in told[:-1])
        assert set(told[-1]) == {"parsed", "parsing_error"}
        assert isinstance(told[-1]["parsed"], City)


async def test_whatever_a_check_raises_is_returned(chats: Chats) -> None:
    asked = chats.answering(_wrote("json_schema", '{"name": "Rome"}', "stop")).with_structured_output(
        Fussy, include_raw=True
    )
    for answer in (await four_ways(asked, "hi")).values():
        found: dict[str, Any] = answer  # pyright: ignore[reportAssignmentType] - as above
        assert found["parsed"] is None
        assert isinstance(found["parsing_error"], KeyError)


def test_a_model_that_does_not_stream(chats: Chats) -> None:
    asked = chats.at("flash", disable_streaming=True).with_structured_output(City, include_raw=True)
    pieces: list[Any] = list(asked.stream("Paris"))
    assert [set(piece) for piece in pieces] == [{"raw"}, {"parsed", "parsing_error"}]
    assert isinstance(pieces[-1]["parsed"], City)


def test_it_is_pickled(chats: Chats) -> None:
    asked = chats.at("flash").with_structured_output(City, include_raw=True)
    again: Any = pickle.loads(pickle.dumps(asked))  # noqa: S301 - our own
    assert isinstance(again.invoke("Paris")["parsed"], City)
