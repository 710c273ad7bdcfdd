"""What is shown of a reply is the same, whoever read it and however it came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from qwen_endpoints import QwenError
from qwen_endpoints.display import Shown, collector_for, show, shown_of
from qwen_sandbox import Sandbox

from tests.contract.drivers import DRIVERS, FRAMEWORKS, Ask, Core, Driver, LangChain, LlamaIndex
from tests.contract.expected import EXPECTED
from tests.contract.test_replies import settings_for

pytestmark = pytest.mark.asyncio(loop_scope="session")

GOOD = [name for name, view in EXPECTED.items() if view.error is None]
BROKEN = ["error_frame.sse", "error_line.sse", "error_finish.sse", "cut.sse", "cut_in_call.sse"]
every_driver = pytest.mark.parametrize("driver", DRIVERS)
Asker = type[Core] | type[LangChain] | type[LlamaIndex]


def plain(turns: tuple[Shown, ...]) -> Shown:
    """The one turn, without what only an adapter knows, and without ids that are made up anew each time."""
    (turn,) = turns
    return replace(
        turn,
        provider="",
        calls=tuple(replace(call, id="") for call in turn.calls),
        others=tuple(
            replace(other, calls=tuple(replace(call, id="") for call in other.calls)) for other in turn.others
        ),
    )


def streamed(pieces: Iterator[Any]) -> tuple[Shown, ...]:
    """What is shown at the end, when every single piece has been drawn."""
    first = next(pieces)
    collector = collector_for(first)
    for piece in (first, *pieces):
        collector.add(piece)
        collector.turns(growing=True)
    return collector.turns(growing=False)


@pytest.mark.parametrize("name", GOOD)
async def test_a_reply_shows_the_same_everywhere(replies: Sandbox, pool: dict[str, Any], name: str) -> None:
    settings, shown = settings_for(replies, name), dict[str, Shown]()
    for driver in DRIVERS:
        asker: Driver[Any, Any] = driver(**settings, **pool)
        shown[f"{driver.name}, whole"] = plain(shown_of((await asker.answers([Ask()], "whole"))[0]))
        shown[f"{driver.name}, stream"] = plain(streamed(asker.stream(Ask())))
    expected = shown["core, whole"]
    assert {way: turn for way, turn in shown.items() if turn != expected} == {}
    view = EXPECTED[name]
    assert (expected.text, expected.reasoning, expected.refusal) == (view.text, view.reasoning, view.refusal or "")
    assert [call.error != "" for call in expected.calls] == [False] * len(view.calls) + [True] * len(view.invalid)
    assert len(expected.others) == len(view.others)


@every_driver
@pytest.mark.parametrize("name", BROKEN)
async def test_a_stream_that_fails_shows_what_came_and_why_no_more_did(
    replies: Sandbox, pool: dict[str, Any], capsys: pytest.CaptureFixture[str], name: str, driver: Asker
) -> None:
    with pytest.raises(QwenError) as failure:
        show(driver(**settings_for(replies, name), **pool).stream(Ask()))
    partial = failure.value.partial
    assert partial is not None
    said = partial.first.text + "".join(call.name for call in partial.first.tool_calls)
    shown = capsys.readouterr().out
    assert said
    assert said in shown.replace("calls ", "")
    assert shown.endswith(f"not finished: {type(failure.value).__name__}: {failure.value}\n")


@pytest.mark.parametrize("driver", FRAMEWORKS)
async def test_an_adapter_tells_the_provider_and_the_cost(
    qwen_sandbox: Sandbox, pool: dict[str, Any], driver: Any
) -> None:
    url = qwen_sandbox.base_url("wcode")
    asker = driver(model="qwen/qwen3-235b-a22b", provider="wcode", base_url=url, api_key=qwen_sandbox.api_key, **pool)
    (turn,) = streamed(asker.stream(Ask(prompt="What is 12 times 7?")))
    assert turn.provider == "wcode"
    assert turn.cost is not None
    assert turn.cost.currency == "CNY"
    assert turn.tokens is not None
    assert (turn.tokens.input, turn.tokens.output) == (9, 40)
