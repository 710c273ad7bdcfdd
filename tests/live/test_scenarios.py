"""Every scenario, in both frameworks, whole and streamed, sync and async, on the server that is named."""

from __future__ import annotations

import pytest
from qwen_endpoints import (
    AuthenticationError,
    ContextOverflowError,
)

from tests.contract.drivers import FRAMEWORKS, MODES, Ask, LangChain, LlamaIndex, Mode
from tests.live.conftest import Server
from tests.live.scenarios import SCENARIOS, Scenario

Framework = type[LangChain] | type[LlamaIndex]

pytestmark = pytest.mark.filterwarnings("ignore:Model .* is not in the catalogue")
in_every_way = pytest.mark.parametrize("mode", MODES)
with_both = pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.name)

AFFORDABLE = 300_000
"""Tokens that are sent to see a refusal."""


@in_every_way
@with_both
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_scenario(server: Server, framework: Framework, mode: Mode, scenario: Scenario) -> None:
    wish = scenario.settings.get("enable_thinking")
    if (wish, server.endpoint.profile.thinking) in {(True, "none"), (False, "always")}:
        pytest.skip("this model cannot do so")
    budget = scenario.settings.get("thinking_budget")
    if budget is not None and not server.takes("thinking_budget", budget):
        pytest.skip("this endpoint cannot be told such a budget")
    view = await framework(**server.settings, **scenario.settings).reply(scenario.ask, mode)
    for check in scenario.checks_over(messages=server.speaks_messages):
        check(view)


@in_every_way
@with_both
async def test_a_wrong_key(server: Server, framework: Framework, mode: Mode) -> None:
    if server.settings["api_key"] is None:
        pytest.skip("this server takes any key")
    wrong = {**server.settings, "api_key": "sk-wrong-0123456789"}
    with pytest.raises(AuthenticationError) as refusal:
        await framework(**wrong).converse(Ask(), mode)
    assert refusal.value.status in {401, 403}
    assert not refusal.value.retryable
    assert "sk-wrong-0123456789" not in str(refusal.value)


@in_every_way
@with_both
async def test_too_long_a_prompt(server: Server, framework: Framework, mode: Mode) -> None:
    window = server.endpoint.profile.context_window or 40_000
    if window > AFFORDABLE:
        pytest.skip(f"a prompt of {window} tokens costs too much")
    with pytest.raises(ContextOverflowError) as refusal:
        await framework(**server.settings).converse(Ask(prompt="word " * (window + 1000)), mode)
    assert not refusal.value.retryable
