"""The four time limits and their names, given to the model, for one call, bound, or by an agent."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from langchain_core.runnables import ConfigurableField
from langchain_qwen import ChatQwen, TimedOutError
from pydantic import SecretStr
from qwen_sandbox import Sandbox

SOON = 0.3
"""Seconds. Without the limit that a test sets, a call would take ten minutes; with it, less than `LATEST`."""
LATEST = 20

WAYS = ("invoke", "ainvoke", "stream", "astream")
LIMITS: dict[str, tuple[str, float | None]] = {
    "connect_timeout": ("connect-hangs", None),
    "timeout": ("silent", None),
    "stream_idle_timeout": ("keep-alives", 0.02),
    "deadline": ("drip", 0.05),
}
"""Each with what the endpoint does, which none of the others would end soon."""


@pytest_asyncio.fixture
async def llm() -> AsyncIterator[ChatQwen]:
    made = ChatQwen(model="qwen3.6-flash", provider="anyfast", api_key=SecretStr("k"), max_retries=0)
    yield made
    await made.aclose()
    made.close()


async def ask(llm: Any, way: str, **given: Any) -> None:
    if way == "invoke":
        llm.invoke("hi", **given)
    elif way == "ainvoke":
        await llm.ainvoke("hi", **given)
    elif way == "stream":
        list(llm.stream("hi", **given))
    else:
        async for _ in llm.astream("hi", **given):
            pass


async def _is_late(llm: Any, way: str, limit: str, **given: Any) -> None:
    begun = time.monotonic()
    with pytest.raises(TimedOutError, match=rf"within {SOON} s \({limit}\)|for {SOON} s \({limit}\)"):
        await ask(llm, way, **given)
    assert time.monotonic() - begun < LATEST


CASES = [(way, limit) for limit in LIMITS for way in WAYS if limit != "stream_idle_timeout" or "stream" in way]


@pytest.mark.parametrize(("way", "limit"), CASES)
async def test_a_limit_of_one_call(llm: ChatQwen, qwen_sandbox: Sandbox, way: str, limit: str) -> None:
    told = "stream_idle_timeout" if limit == "timeout" and "stream" in way else limit  # which takes `timeout`'s value
    url = qwen_sandbox.fault(*LIMITS[limit])
    await _is_late(llm, way, told, base_url=url, **{limit: SOON})
    assert getattr(llm, limit) is None


@pytest.mark.parametrize("way", WAYS)
async def test_a_deadline_of_the_model_or_bound(llm: ChatQwen, qwen_sandbox: Sandbox, way: str) -> None:
    url = qwen_sandbox.fault(*LIMITS["deadline"])
    chosen = llm.configurable_fields(deadline=ConfigurableField(id="patience"))
    for hurried in (
        llm.model_copy(update={"deadline": SOON}),
        llm.bind(deadline=SOON),
        chosen.with_config(configurable={"patience": SOON}),
    ):
        await _is_late(hurried, way, "deadline", base_url=url)


@pytest.mark.parametrize("way", WAYS)
async def test_repetitions_do_not_prolong_a_deadline(llm: ChatQwen, qwen_sandbox: Sandbox, way: str) -> None:
    url = qwen_sandbox.fault("status", 503)
    begun = time.monotonic()
    # It ends in a pause that would be too long, or in an attempt that is cut off.
    with pytest.raises(Exception, match=r"HTTP 503|\(deadline\)"):
        await ask(llm, way, base_url=url, max_retries=1000, deadline=SOON)
    assert time.monotonic() - begun < LATEST


async def test_a_deadline_in_an_agent(llm: ChatQwen, qwen_sandbox: Sandbox) -> None:
    agents: Any = pytest.importorskip("langchain.agents", reason="needs the langchain package")
    middleware: Any = pytest.importorskip("langchain.agents.middleware", reason="needs the langchain package")

    @middleware.wrap_model_call
    async def hurry(request: Any, handler: Any) -> Any:
        return await handler(request.override(model_settings={**request.model_settings, "deadline": SOON}))

    there: Any = llm.model_copy(update={"base_url": qwen_sandbox.fault(*LIMITS["deadline"])})
    asked = {"messages": [("user", "hi")]}
    for agent in (
        agents.create_agent(there, [], middleware=[hurry]),
        agents.create_agent(there.model_copy(update={"deadline": SOON}), []),
    ):
        with pytest.raises(TimedOutError, match="deadline"):
            await agent.ainvoke(asked)
