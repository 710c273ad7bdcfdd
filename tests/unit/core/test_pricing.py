from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from qwen_endpoints import Cost, Price, Usage
from qwen_endpoints.pricing import cost_of

from .support import decode_whole, endpoint, whole

PRICE = Price(input=2.0, output=10.0, cached_input=0.5, currency="CNY")


def usage(**given: Any) -> Usage:
    values: dict[str, Any] = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100, **given}
    return Usage(**values)


@pytest.mark.parametrize(
    ("tokens", "price", "amount"),
    [
        (usage(), PRICE, 0.003),
        (usage(cached_tokens=400), PRICE, 0.0024),
        (usage(cached_tokens=400), Price(input=2.0, output=10.0), 0.003),
        (usage(cached_tokens=400), Price(input=2.0, output=10.0, cached_input=0.0), 0.0022),
        (usage(cached_tokens=5000), PRICE, 0.0015),
        (usage(reasoning_tokens=90), PRICE, 0.003),
        (usage(input_tokens=0, output_tokens=0), PRICE, 0.0),
        (usage(input_tokens=1, output_tokens=0), Price(input=2.5, output=6.75), 0.0000025),
    ],
    ids=[
        "plain",
        "cached",
        "no cache price",
        "cache is free",
        "more cached than sent",
        "reasoning is output",
        "nothing",
        "one",
    ],
)
def test_cost_is_usage_times_price(tokens: Usage, price: Price, amount: float) -> None:
    cost = cost_of(tokens, price)
    assert cost == Cost(amount=pytest.approx(amount), currency="CNY", origin="computed")  # pyright: ignore[reportArgumentType]


def test_a_reported_cost_wins() -> None:
    assert cost_of(usage(reported_cost=0.25), PRICE) == Cost(amount=0.25, currency="USD", origin="reported")
    assert cost_of(usage(reported_cost=0), None) == Cost(amount=0, currency="USD", origin="reported")


def test_what_is_unknown_costs_none_not_nothing() -> None:
    assert cost_of(None, PRICE) is None
    assert cost_of(usage(), None) is None


def test_a_reply_of_a_priced_model_has_its_cost() -> None:
    reply = whole(usage={"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000, "total_tokens": 2_000_000})
    cost = decode_whole(reply, endpoint("wcode", "qwen/qwen3-235b-a22b")).cost
    assert cost is not None
    assert (cost.amount, cost.currency, cost.origin) == (pytest.approx(9.25), "CNY", "computed")
    assert (cost.source, cost.checked) == ("https://wcode.net/model/qwen3-235b-a22b", date(2026, 11, 21))
    assert cost.as_json()["checked"] == "2026-11-21"
    assert json.dumps(cost.as_json())
    assert decode_whole(reply, endpoint("anyfast", "qwen3.6-flash")).cost is None
    assert decode_whole(whole(), endpoint("wcode", "qwen/qwen3-235b-a22b")).cost is None
