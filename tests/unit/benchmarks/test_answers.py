"""What the benchmarks' server says is what was meant, and every driver of ours reads all of it."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from benchmarks.answers import SAID, WHOLE, answer, characters, pieces
from benchmarks.drivers import driver_of
from benchmarks.history import QUESTION, TOOL, history
from benchmarks.runs import serving
from benchmarks.server import joined
from benchmarks.sides import BY_NAME, PARTS, ROOT

PIECES = 80
READERS = ("mapping transport", "openai SDK 3", "QwenClient", "ChatQwen", "Qwen")
NULLS = ("null LangChain model", "null LlamaIndex model")
OVER_MESSAGES = ("anthropic SDK", "QwenClient, Messages", "ChatQwen, Messages", "Qwen, Messages")

# What the drivers open ends with the process of a client. Here the next test would find it, so that it is looked for.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as address:
        yield address


def loaded(name: str) -> Any:
    driver = driver_of(BY_NAME[name])
    driver.load()
    return driver


def carried(name: str, base_url: str) -> list[int]:
    """How many characters come out, sync and awaited."""
    driver = loaded(name)
    model, prompt = driver.model(base_url), driver.prompt(QUESTION)

    async def awaited() -> list[Any]:
        return [piece async for piece in driver.astream(model, prompt)]

    return [driver.carried(list(driver.stream(model, prompt))), driver.carried(asyncio.run(awaited()))]


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("name", READERS + NULLS)
def test_all_that_is_streamed_comes_out(address: str, name: str, said: str) -> None:
    sent = characters(said, PIECES)
    assert carried(name, f"{address}/{said}/{PIECES}/joined") == [sent, sent]


def test_all_that_is_streamed_in_single_chunks_comes_out(address: str) -> None:
    sent = characters("text", PIECES)
    assert carried("QwenClient", f"{address}/text/{PIECES}/single") == [sent, sent]


@pytest.mark.parametrize("name", OVER_MESSAGES)
def test_messages_carries_text(address: str, name: str) -> None:
    sent = characters("text", PIECES)
    assert carried(name, f"{address}/text/{PIECES}/joined") == [sent, sent]


def test_a_stream_has_as_many_pieces_as_were_asked_for() -> None:
    assert {said: len(list(pieces(said, PIECES))) for said in SAID} == dict.fromkeys(SAID, PIECES)


def test_arguments_are_json() -> None:
    arguments = "".join(piece.text for piece in pieces("calls", PIECES) if piece.index == 7)
    assert len(json.loads(arguments)["text"]) > PIECES / 8


def test_unknown_answers_are_refused() -> None:
    with pytest.raises(ValueError, match="song"):
        answer("song", 1, "completions")
    with pytest.raises(ValueError, match="only text"):
        answer("calls", 8, "messages")


@pytest.mark.parametrize("name", ["QwenClient", "ChatQwen", "Qwen"])
def test_a_long_history_is_sent_and_answered(address: str, name: str) -> None:
    driver = loaded(name)
    model = driver.model(f"{address}/whole/0/joined")
    told = driver.call(model, driver.prompt(history(20)), [TOOL])
    assert WHOLE.strip() in str(told)


def test_joined_events_are_whole_and_few() -> None:
    events = answer("text", 1000, "completions").events
    parts = list(joined(events))
    assert b"".join(parts) == b"".join(events)
    assert 5 < len(parts) < 50
    assert all(part.endswith(b"\n\n") for part in parts)


def test_every_second_request_is_refused(address: str) -> None:
    url = f"{address}/whole/0/refused/chat/completions"
    with httpx.Client() as client:
        assert [client.post(url, json={}).status_code for _ in range(4)] == [503, 200, 503, 200]


def test_a_held_stream_begins_and_does_not_end(address: str) -> None:
    url = f"{address}/text/10/held/chat/completions"
    with httpx.Client(timeout=0.5) as client, client.stream("POST", url, json={}) as response:
        parts = response.iter_raw()
        assert b"data: " in next(parts)
        with pytest.raises(httpx.ReadTimeout):
            list(parts)


def test_what_is_not_there_is_not_found(address: str) -> None:
    assert httpx.post(f"{address}/text/10/joined/elsewhere", json={}).status_code == 404


def test_a_client_measures_every_part(address: str) -> None:
    command = [sys.executable, "-m", "benchmarks.client", "QwenClient", address, ",".join(PARTS), "0.01", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=100)  # noqa: S603 - our own
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert told["reasons"] == {}
    assert {name.partition(".")[0] for name in told["figures"]} == set(PARTS)
    assert {name for name, value in told["figures"].items() if value < 0} == set()
    assert {value for name, value in told["figures"].items() if name.endswith(".carried")} == {1.0}
    assert told["figures"]["start.second_contexts"] == 0
    assert "qwen-endpoints" in told["versions"]
