"""`show` and `ashow` themselves: what they take, give back, raise and let go of."""

from __future__ import annotations

import asyncio
import io
import re
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import pytest
from qwen_endpoints import Call, Completion, CompletionDelta, Message, QwenClient, QwenSettings, plan_call
from qwen_endpoints.display import ashow, show
from qwen_sandbox import Reply, Sandbox
from typing_extensions import override

SUM = "What is 12 times 7?"


def call_at(sandbox: Sandbox, prompt: str = SUM, **settings: Any) -> Call:
    given: dict[str, Any] = {
        "provider": "wcode",
        "model": "qwen/qwen3-235b-a22b",
        "base_url": sandbox.base_url("wcode"),
        "api_key": sandbox.api_key,
        "max_retries": 0,
        **settings,
    }
    return plan_call(QwenSettings(**given), [Message(role="user", content=prompt)])


@pytest.fixture
def client() -> Iterator[QwenClient]:
    made = QwenClient()
    yield made
    made.close()


@pytest.fixture(scope="module")
def slow() -> Iterator[Sandbox]:
    with Sandbox(chunk_delay=0.05) as sandbox:
        yield sandbox


def soon(happens: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30  # the first call of a process imports what it needs
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.01)
    return happens()


def all_streams_end(sandbox: Sandbox) -> bool:
    return soon(lambda: sandbox.open_streams == 0)


async def test_streamed_and_whole_sync_and_async_show_and_give_the_same(
    qwen_sandbox: Sandbox, client: QwenClient, capsys: pytest.CaptureFixture[str]
) -> None:
    call = call_at(qwen_sandbox)
    given: list[Completion] = [
        show(client.stream(call)),
        show(client.complete(call)),
        await ashow(client.astream(call)),
        await ashow(await client.acomplete(call)),
        await ashow(client.acomplete(call)),
    ]
    shown = capsys.readouterr().out.splitlines(keepends=True)
    assert {completion.first.text for completion in given} == {"12 * 7 = 84"}
    assert len(shown) == 3 * len(given)
    assert set(shown[1::3]) == {"answer: 12 * 7 = 84\n"}
    assert len(set(shown[2::3])) == 1
    await client.aclose()


def test_a_chain_of_strings(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(iter(["It ", "is."])) == "It is."
    assert show("Whole.") == "Whole."
    assert capsys.readouterr().out == "It is.\nWhole.\n"


def test_an_empty_stream(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(iter(())) is None
    assert capsys.readouterr().out == ""


class Stdout(io.StringIO):
    """Counts how often something was drawn."""

    drawings = 0

    @override
    def flush(self) -> None:
        self.drawings += 1


@contextmanager
def stdout() -> Generator[Stdout]:
    """Take what is written. Not by a fixture: pytest sets its own stdout between a test's set-up and the test."""
    with redirect_stdout(Stdout()) as found:
        yield found


def test_a_fast_stream_is_drawn_now_and_then_and_whole_at_the_end() -> None:
    began = time.monotonic()
    with stdout() as out:
        assert show(f"{number} " for number in range(50_000)).endswith(" 49999 ")
    took = time.monotonic() - began
    assert out.getvalue().endswith(" 49999 \n")
    assert 2 <= out.drawings <= took * 15 + 3


def test_a_slow_stream_is_drawn_as_it_comes() -> None:
    seen: list[str] = []

    def pieces() -> Iterator[str]:
        for word in ("One", " two", " three"):
            yield word
            seen.append(out.getvalue())
            time.sleep(0.1)

    with stdout() as out:
        show(pieces())
    assert seen == ["One", "One two", "One two three"]


class Interrupted(Iterator[CompletionDelta]):
    """A stream during whose third piece Ctrl-C is pressed."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._left = stream, 3

    @override
    def __next__(self) -> CompletionDelta:
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt  # as Ctrl-C does; a real signal is ignored by a run in the background
        return next(self._stream)

    def close(self) -> None:
        self._stream.close()


def test_ctrl_c_leaves_what_came_and_ends_the_stream(slow: Sandbox, client: QwenClient) -> None:
    stream = Interrupted(client.stream(call_at(slow, "Count from 1 to 900")))  # held, so that not its end closes it
    with stdout() as out, pytest.raises(KeyboardInterrupt):
        show(stream)
    assert re.fullmatch(r"thinking: The .+\nnot finished: interrupted\n", out.getvalue())
    assert all_streams_end(slow)


async def test_a_cancelled_task_leaves_what_came_and_ends_the_stream(slow: Sandbox, client: QwenClient) -> None:
    with stdout() as out:
        task = asyncio.create_task(ashow(client.astream(call_at(slow, "Count from 1 to 900"))))
        assert await asyncio.to_thread(soon, lambda: "The" in out.getvalue())
        assert slow.open_streams == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert out.getvalue().endswith("\nnot finished: interrupted\n")
    assert await asyncio.to_thread(all_streams_end, slow)
    await client.aclose()


def test_a_stream_of_the_unknown_is_closed_and_says_what_is_known() -> None:
    closed: list[bool] = []

    def numbers() -> Iterator[int]:
        try:
            yield 1
        finally:
            closed.append(True)

    stream = numbers()
    with pytest.raises(TypeError, match="cannot show a stream of a int"):
        show(stream)
    assert closed == [True]


async def test_an_async_stream_of_the_unknown_is_closed() -> None:
    closed: list[bool] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            closed.append(True)

    stream = numbers()
    with pytest.raises(TypeError, match="cannot show a stream of a int"):
        await ashow(stream)
    assert closed == [True]


def test_a_failure_before_anything_came_draws_nothing(
    qwen_sandbox: Sandbox, client: QwenClient, capsys: pytest.CaptureFixture[str]
) -> None:
    url = qwen_sandbox.script_sequence("display-401", [Reply(b'{"error": {"message": "no"}}', status=401)])
    with pytest.raises(Exception, match="HTTP 401"):
        show(client.stream(call_at(qwen_sandbox, base_url=url)))
    assert capsys.readouterr().out == ""


async def anything() -> AsyncIterator[str]:
    yield "x"


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (3, "cannot show a int"),
        (None, "cannot show a NoneType"),
        ({"a": 1, "b": 2}, "a dict with the keys a, b"),
        (anything(), "use `await ashow"),
        (object(), "llm.stream"),
    ],
)
def test_what_cannot_be_shown(thing: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        show(thing)


async def test_something_to_await() -> None:
    async def answer() -> str:
        return "Hello."

    waiting = answer()
    with pytest.raises(TypeError, match="await it first"):
        show(waiting)
    assert await ashow(waiting) == "Hello."
    with pytest.raises(TypeError, match="use `show"):
        await ashow(iter(["x"]))
