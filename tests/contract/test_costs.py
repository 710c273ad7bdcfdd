"""Costs are summed up over both frameworks, whole and streamed, sync and async, over threads and tasks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from typing import Any

import pytest
from langchain_qwen import ChatQwen
from llama_index.core.llms import ChatMessage
from llama_index.llms.qwen import Qwen
from qwen_endpoints import (
    PROVIDERS,
    BudgetExceededError,
    ConfigurationError,
    CostTracker,
    ModelOffer,
    Price,
    QwenError,
    track_costs,
)
from qwen_sandbox import Sandbox

from tests.contract.drivers import DRIVERS, MODES, Ask, Core, LangChain, LlamaIndex

Driver = type[Core] | type[LangChain] | type[LlamaIndex]
every_driver = pytest.mark.parametrize("driver", DRIVERS)


@pytest.fixture
def priced(qwen_sandbox: Sandbox) -> dict[str, Any]:
    """Settings of a model whose price is known: 2.5 and 6.75 CNY per million tokens."""
    base_url = qwen_sandbox.base_url("wcode")
    return {
        "model": "qwen/qwen3-235b-a22b",
        "provider": "wcode",
        "base_url": base_url,
        "api_key": qwen_sandbox.api_key,
        "max_retries": 0,
    }


@pytest.fixture
def unpriced(qwen_sandbox: Sandbox) -> dict[str, Any]:
    base_url = qwen_sandbox.base_url("anyfast")
    return {"model": "qwen3.6-flash", "provider": "anyfast", "base_url": base_url, "api_key": qwen_sandbox.api_key}


def charged(costs: CostTracker) -> float:
    """What the counted tokens cost at the page's price."""
    (row,) = costs.by_model
    return (row.input_tokens * 2.5 + row.output_tokens * 6.75) / 1_000_000


@every_driver
async def test_each_way_to_call_counts_once(priced: dict[str, Any], driver: Driver) -> None:
    asker = driver(**priced)
    with track_costs() as costs:
        for mode in MODES:
            await asker.converse(Ask(), mode)
    (row,) = costs.by_model
    assert (row.provider, row.model, row.calls, row.unpriced) == ("wcode", "qwen/qwen3-235b-a22b", 4, 0)
    assert row.input_tokens > 0
    assert costs.amounts == {"CNY": pytest.approx(charged(costs))}


def test_both_frameworks_share_one_sum(priced: dict[str, Any], unpriced: dict[str, Any]) -> None:
    with track_costs() as costs:
        ChatQwen(**priced, enable_thinking=True).invoke("Hi")
        Qwen(**priced).chat([ChatMessage("Hi")])
        Qwen(**unpriced).complete("Hi")
    ChatQwen(**priced).invoke("Hi")
    assert [(row.provider, row.calls, row.unpriced) for row in costs.by_model] == [("wcode", 2, 0), ("anyfast", 1, 1)]
    assert (costs.calls, costs.unpriced) == (3, 1)
    assert (costs.by_model[0].reasoning_tokens or 0) > 0


def _in_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def _in_pool(work: Callable[[], object]) -> None:
    with ThreadPoolExecutor() as pool:
        pool.submit(work).result()


def _in_task_and_thread(work: Callable[[], object]) -> None:
    async def main() -> None:
        await asyncio.create_task(asyncio.to_thread(work))

    asyncio.run(main())


@pytest.mark.parametrize("elsewhere", [_in_thread, _in_pool, _in_task_and_thread])
def test_threads_and_tasks_started_in_the_block_count(
    priced: dict[str, Any], elsewhere: Callable[[Callable[[], object]], None]
) -> None:
    llm = ChatQwen(**priced)
    with track_costs() as costs:
        elsewhere(lambda: llm.invoke("Hi"))
    elsewhere(lambda: llm.invoke("Hi"))
    assert costs.calls == 1


def test_a_pool_from_earlier_counts_with_the_context(priced: dict[str, Any]) -> None:
    llm = ChatQwen(**priced)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with track_costs() as costs:
            pool.submit(llm.invoke, "Hi").result()
            assert costs.calls == 0
            pool.submit(copy_context().run, llm.invoke, "Hi").result()
            assert costs.calls == 1


async def test_batches_of_both_frameworks_count(priced: dict[str, Any]) -> None:
    with track_costs() as costs:
        await ChatQwen(**priced).abatch(["a", "b", "c"])
        await asyncio.gather(*(Qwen(**priced).acomplete("d") for _ in range(3)))
    assert costs.calls == 6


def test_tasks_side_by_side_have_sums_of_their_own(priced: dict[str, Any]) -> None:
    llm = ChatQwen(**priced)

    async def spend(times: int) -> int:
        with track_costs() as costs:
            for _ in range(times):
                await llm.ainvoke("Hi")
        return costs.calls

    async def main() -> tuple[int, int]:
        return await asyncio.gather(spend(1), spend(3))

    with track_costs() as total:
        assert tuple(asyncio.run(main())) == (1, 3)
    assert total.calls == 4


def test_a_stream_left_early_is_a_call_without_a_price(priced: dict[str, Any]) -> None:
    with track_costs() as costs:
        stream: Any = ChatQwen(**priced).stream("Count from 1 to 900")
        next(stream)
        stream.close()
    assert (costs.calls, costs.unpriced, costs.amounts) == (1, 1, {})


def test_a_refused_request_is_no_call(priced: dict[str, Any]) -> None:
    with track_costs() as costs, pytest.raises(QwenError):
        ChatQwen(**priced).invoke("Hi", api_key="wrong")
    assert costs.calls == 0


# Budgets


@every_driver
async def test_a_budget_stops_the_next_call(qwen_sandbox: Sandbox, priced: dict[str, Any], driver: Driver) -> None:
    asker = driver(**priced)
    with track_costs(limit=1e-9, currency="cny") as costs:
        await asker.converse(Ask(), "whole")
        before = len(qwen_sandbox.requests)
        for mode in MODES:
            with pytest.raises(BudgetExceededError, match=r"budget of 1e-09 CNY is used up .* \(wcode"):
                await asker.converse(Ask(), mode)
    assert len(qwen_sandbox.requests) == before
    assert costs.calls == 1
    await asker.converse(Ask(), "whole")


def test_a_budget_of_nothing_allows_nothing(priced: dict[str, Any]) -> None:
    with track_costs(limit=0, currency="CNY"), pytest.raises(BudgetExceededError) as caught:
        Qwen(**priced).chat([ChatMessage("Hi")])
    assert not caught.value.retryable


def test_what_a_budget_cannot_count_is_said_once(priced: dict[str, Any], unpriced: dict[str, Any]) -> None:
    llm = ChatQwen(**unpriced)
    with track_costs(limit=1, currency="USD"):
        with pytest.warns(UserWarning, match=r"qwen3\.6-flash at anyfast do not count .* no price"):
            llm.invoke("Hi")
        llm.invoke("Hi")
        with pytest.warns(UserWarning, match=r"wcode do not count .* they are charged in CNY"):
            ChatQwen(**priced).invoke("Hi")


def test_a_price_of_ones_own_counts(unpriced: dict[str, Any]) -> None:
    offer = ModelOffer(profile={"price": Price(input=1_000_000, output=0, currency="EUR", source="the contract")})
    own = replace(PROVIDERS["anyfast"], models={"qwen3.6-flash": offer})
    unpriced["provider"] = own
    with track_costs(limit=1, currency="EUR") as costs:
        answer = ChatQwen(**unpriced).invoke("Hi")
    assert answer.usage_metadata is not None
    assert costs.amounts == {"EUR": pytest.approx(answer.usage_metadata["input_tokens"])}
    assert answer.response_metadata["cost"]["source"] == "the contract"


@pytest.mark.parametrize("given", [{"limit": 1}, {"currency": "CNY"}, {"limit": -1, "currency": "CNY"}])
def test_a_budget_that_means_nothing_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        track_costs(**given)


# The table


@pytest.fixture
def spent(priced: dict[str, Any], unpriced: dict[str, Any]) -> Iterator[CostTracker]:
    with track_costs() as costs:
        ChatQwen(**priced).invoke("Hi")
        ChatQwen(**unpriced).invoke("Hi")
        yield costs


def test_printed_it_is_a_table_by_model(spent: CostTracker) -> None:
    head, first, second = str(spent).splitlines()
    assert head.split() == ["provider", "model", "calls", "input", "cached", "output", "reasoning", "cost", "unpriced"]
    assert first.split()[:3] == ["wcode", "qwen/qwen3-235b-a22b", "1"]
    assert first.split()[-3:] == [f"{spent.amounts['CNY']:.6f}", "CNY", "0"]
    assert first.split()[4] == "?"  # this endpoint does not say what it read from a cache
    assert second.split()[-2:] == ["unknown", "1"]


def test_the_table_is_plain_rows_and_html(spent: CostTracker) -> None:
    rows = spent.rows()
    assert [row["amount"] for row in rows] == [spent.amounts["CNY"], None]
    assert [row["cached_tokens"] for row in rows] == [None, 0]
    assert sum(row["calls"] for row in rows) == spent.calls
    assert repr(spent) == str(spent)
    assert "<td>qwen/qwen3-235b-a22b</td>" in spent._repr_html_()  # pyright: ignore[reportPrivateUsage] - what notebooks call
