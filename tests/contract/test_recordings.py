"""Every recorded reply of a real endpoint reads the same in each framework and mode.

The recordings are other people's, so they are no part of this project: QWEN_RECORDINGS names a folder of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from qwen_sandbox import Sandbox

from tests.contract.drivers import DRIVERS, MODES, Ask, Core
from tests.contract.recorded import NAMES, RECORDINGS
from tests.contract.views import View, differences, with_plain_ids

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not NAMES, reason="QWEN_RECORDINGS names no folder of recorded replies"),
]

ANSWERLESS = ("error", "embedding")
PAIRS = sorted(Path(name).stem for name in NAMES if name.endswith(".json") and f"{name}l" in NAMES)


def settings_for(sandbox: Sandbox, name: str, pool: dict[str, Any]) -> dict[str, Any]:
    usual = {"model": "qwen3-32b", "provider": "generic", "api_key": "sk-contract", "max_retries": 0}
    return {**usual, **pool, "base_url": sandbox.replay_url(name)}


def wire(name: str) -> str:
    assert RECORDINGS is not None
    return (RECORDINGS / name).read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
async def test_a_recording_reads_the_same_everywhere(recordings: Sandbox, pool: dict[str, Any], name: str) -> None:
    views: dict[str, View] = {}
    for driver in DRIVERS:
        asker = driver(**settings_for(recordings, name, pool))
        for mode in MODES:
            views[f"{driver.name}, {mode}"] = with_plain_ids(await asker.reply(Ask(), mode), wire(name))
    first = views["core, whole"]
    assert differences(views, first) == {}
    if any(word in name for word in ANSWERLESS):
        assert first.error is not None
    else:
        assert first.error is None
        assert first.text or first.reasoning or first.calls or first.invalid
        assert first.finish not in (None, "unknown")
        assert first.usage is not None
        assert "think>" not in first.text


@pytest.mark.parametrize("name", NAMES)
async def test_nothing_that_a_recording_says_is_lost(recordings: Sandbox, pool: dict[str, Any], name: str) -> None:
    """Read with a reader as plain as can be: every field of every delta, joined."""
    view = await Core(**settings_for(recordings, name, pool)).reply(Ask(), "stream")
    if view.error is not None:
        pytest.skip("this recording is an error")
    choices = [choice for payload in payloads(name) for choice in payload.get("choices") or ()]
    said = [plainly_read(choice) for choice in choices if choice["index"] == 0]
    text, reasoning = ("".join(parts) for parts in zip(*said, strict=True))
    text = text.replace("<think>", "").replace("</think>", "")
    assert squeezed(view.reasoning + view.text) == squeezed(reasoning + text)


def payloads(name: str) -> list[dict[str, Any]]:
    if name.endswith(".json"):
        return [json.loads(wire(name))]
    lines = [line.removeprefix("data:").strip() for line in wire(name).splitlines()]
    return [json.loads(line) for line in lines if line.startswith("{")]


def plainly_read(choice: dict[str, Any]) -> tuple[str, str]:
    said: dict[str, Any] = choice.get("delta") or choice.get("message") or {}
    return said.get("content") or "", said.get("reasoning_content") or said.get("reasoning") or ""


def squeezed(text: str) -> str:
    """Without white space: what surrounds tags and calls belongs to the template."""
    return "".join(text.split())


@pytest.mark.parametrize("stem", PAIRS)
async def test_two_recordings_of_one_question_have_the_same_parts(
    recordings: Sandbox, pool: dict[str, Any], stem: str
) -> None:
    whole, streamed = [
        await Core(**settings_for(recordings, name, pool)).reply(Ask(), "whole")
        for name in (f"{stem}.json", f"{stem}.jsonl")
    ]
    if whole.id == streamed.id:
        assert differences({"streamed": streamed}, whole) == {}
    assert parts(whole) == parts(streamed)


def parts(view: View) -> dict[str, Any]:
    return {
        "text": bool(view.text),
        "reasoning": bool(view.reasoning),
        "calls": [(call.name, sorted(call.arguments)) for call in view.calls],
        "invalid": len(view.invalid),
        "finish": view.finish,
        "usage": sorted(view.usage or ()),
    }
