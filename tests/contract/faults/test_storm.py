"""Many clients who fail together do not come back together."""

from __future__ import annotations

import asyncio
import logging

import pytest
from pydantic import SecretStr
from qwen_endpoints import Message, QwenClient, QwenSettings, ServerError, plan_call
from qwen_sandbox import Sandbox

CLIENTS = 40


async def test_the_pauses_of_a_storm_differ(qwen_sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    url = qwen_sandbox.fault("status", 500)
    settings = QwenSettings(
        model="qwen3.6-flash", provider="anyfast", base_url=url, api_key=SecretStr("sk-x"), max_retries=1
    )
    call = plan_call(settings, [Message(role="user", content="Hi")])
    client = QwenClient()
    with caplog.at_level(logging.DEBUG, "qwen_endpoints"):
        failures = await asyncio.gather(*(client.acomplete(call) for _ in range(CLIENTS)), return_exceptions=True)
    assert [type(failure) for failure in failures] == [ServerError] * CLIENTS
    assert len(qwen_sandbox.fault_requests(url)) == 2 * CLIENTS
    facts = [vars(record)["qwen"] for record in caplog.records]
    pauses = [fact["pause"] for fact in facts if fact["event"] == "repeated"]
    assert len(pauses) == CLIENTS
    assert min(pauses) >= 0.25
    assert max(pauses) <= 0.5
    assert len(set(pauses)) > CLIENTS / 2
    assert max(pauses) - min(pauses) > 0.1
