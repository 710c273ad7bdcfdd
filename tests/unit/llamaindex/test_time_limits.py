"""The four time limits and their names, given to the model or for one call, in an agent and in an engine."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.qwen import Qwen
from pydantic import SecretStr
from qwen_endpoints import ServerError, TimedOutError
from qwen_sandbox import Sandbox

from tests.unit.llamaindex.ecosystem import quiet, start
from tests.unit.llamaindex.watching import EIGHT, STREAMS, ask, each_way

pytestmark = quiet

SOON = 0.3
"""Seconds. Without the limit that a test sets, a call would take ten minutes; with it, less than `LATEST`."""
LATEST = 20

LIMITS: dict[str, tuple[str, float | None]] = {
    "connect_timeout": ("connect-hangs", None),
    "timeout": ("silent", None),
    "stream_idle_timeout": ("keep-alives", 0.02),
    "deadline": ("drip", 0.05),
}
"""Each with what the endpoint does, which none of the others would end soon."""


@pytest_asyncio.fixture
async def patient() -> AsyncIterator[Qwen]:
    made = Qwen(model="qwen3.6-flash", provider="anyfast", api_key=SecretStr("k"), max_retries=0)
    yield made
    await made.aclose()
    made.close()


CASES = [(way, limit) for limit in LIMITS for way in EIGHT if limit != "stream_idle_timeout" or way in STREAMS]


async def _is_late(llm: Qwen, way: str, limit: str, **given: Any) -> None:
    begun = time.monotonic()
    with pytest.raises(TimedOutError, match=rf"within {SOON} s \({limit}\)|for {SOON} s \({limit}\)"):
        await ask(llm, way, "hi", **given)
    assert time.monotonic() - begun < LATEST


@pytest.mark.parametrize(("way", "limit"), CASES)
async def test_a_limit_of_one_call(patient: Qwen, qwen_sandbox: Sandbox, way: str, limit: str) -> None:
    told = "stream_idle_timeout" if limit == "timeout" and way in STREAMS else limit  # which takes `timeout`'s value
    await _is_late(patient, way, told, base_url=qwen_sandbox.fault(*LIMITS[limit]), **{limit: SOON})
    assert getattr(patient, limit) is None


@each_way
async def test_a_deadline_of_the_model(patient: Qwen, qwen_sandbox: Sandbox, way: str) -> None:
    hurried = patient.model_copy(update={"deadline": SOON})
    await _is_late(hurried, way, "deadline", base_url=qwen_sandbox.fault(*LIMITS["deadline"]))


@each_way
async def test_repetitions_do_not_prolong_a_deadline(patient: Qwen, qwen_sandbox: Sandbox, way: str) -> None:
    begun = time.monotonic()
    # It ends in a pause that would be too long, or in an attempt that is cut off.
    with pytest.raises((ServerError, TimedOutError)):
        await ask(patient, way, "hi", base_url=qwen_sandbox.fault("status", 503), max_retries=1000, deadline=SOON)
    assert time.monotonic() - begun < LATEST


async def test_a_deadline_in_an_agent(patient: Qwen, qwen_sandbox: Sandbox) -> None:
    there = {"deadline": SOON, "base_url": qwen_sandbox.fault(*LIMITS["deadline"])}
    with pytest.raises(TimedOutError, match="deadline"):
        await start(FunctionAgent(tools=[], llm=patient.model_copy(update=there)), "hi")
