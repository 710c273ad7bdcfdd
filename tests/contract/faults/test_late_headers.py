"""A deadline while headers drip, where sync calls are less exact than async ones."""

from __future__ import annotations

import time

import pytest
from pydantic import SecretStr
from qwen_endpoints import Call, Message, QwenClient, QwenSettings, TimedOutError, plan_call
from qwen_sandbox import Sandbox

from tests.contract.faults.cells import SLACK
from tests.contract.faults.delay import delay

DEADLINE = 0.4
DRIP = 0.02
"""Seconds a byte."""
HEADERS = 150 * DRIP
"""Longer than that they do not take."""


def dripping(sandbox: Sandbox) -> Call:
    settings = QwenSettings(
        model="qwen3.6-flash",
        provider="anyfast",
        base_url=sandbox.fault("header-drip", DRIP),
        api_key=SecretStr("sk-x"),
        deadline=DEADLINE,
    )
    return plan_call(settings, [Message(role="user", content="Hi")])


async def test_an_async_call_ends_at_its_deadline(qwen_sandbox: Sandbox) -> None:
    call = dripping(qwen_sandbox)
    began = time.monotonic()
    with delay() as measured, pytest.raises(TimedOutError, match=r"0\.4 s \(deadline\)"):
        await QwenClient().acomplete(call)
    assert DEADLINE <= time.monotonic() - began < DEADLINE + SLACK + measured.withheld


def test_a_sync_call_ends_with_the_headers(qwen_sandbox: Sandbox) -> None:
    call = dripping(qwen_sandbox)
    began = time.monotonic()
    with delay() as measured, pytest.raises(TimedOutError, match=r"0\.4 s \(deadline\)"):
        QwenClient().complete(call)
    assert time.monotonic() - began < HEADERS + SLACK + measured.withheld
