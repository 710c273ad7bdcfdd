"""Every reply in `tests/fixtures/replies` reads as the table says, in each framework and mode."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.llms import ChatResponse
from qwen_endpoints import QwenError
from qwen_sandbox import Sandbox

from tests.contract.drivers import DRIVERS, MODES, Ask, Core, LangChain, LlamaIndex
from tests.contract.expected import CONTENT_TYPES, EXPECTED, MODEL, SETTINGS
from tests.contract.views import View, differences, with_plain_ids

REPLIES = Path(__file__).parents[1] / "fixtures" / "replies"
PIECE = {"x-sandbox-chunk": "7"}
"""Asks the sandbox to send the body in pieces of 7 bytes, which cut tags, escapes and characters."""

pytestmark = pytest.mark.asyncio(loop_scope="session")


def settings_for(sandbox: Sandbox, name: str) -> dict[str, Any]:
    usual = {"model": MODEL, "provider": "generic", "api_key": "sk-contract", "max_retries": 0}
    return {**usual, "base_url": url_of(sandbox, name), **SETTINGS.get(name, {})}


def url_of(sandbox: Sandbox, name: str) -> str:
    if name not in CONTENT_TYPES:
        return sandbox.replay_url(name)
    status = re.search(r"error_(\d+)", name)
    body = (REPLIES / name).read_bytes()
    return sandbox.script(name, body, status=int(status[1]) if status else 200, content_type=CONTENT_TYPES[name])


def comparable(view: View, name: str, settings: dict[str, Any]) -> View:
    view = with_plain_ids(view, (REPLIES / name).read_text("utf-8-sig"))
    if view.error is None:
        return view
    return replace(view, error=replace(view.error, message=view.error.message.replace(settings["base_url"], "URL")))


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_reply_reads_the_same_everywhere(replies: Sandbox, pool: dict[str, Any], name: str) -> None:
    settings = settings_for(replies, name)
    views: dict[str, View] = {}
    for driver in DRIVERS:
        asker = driver(**settings, **pool)
        for mode in MODES:
            views[f"{driver.name}, {mode}"] = comparable(await asker.reply(Ask(), mode), name, settings)
    assert differences(views, EXPECTED[name]) == {}


@pytest.mark.parametrize("name", EXPECTED)
async def test_where_a_reply_is_cut_into_packets_does_not_matter(
    replies: Sandbox, pool: dict[str, Any], name: str
) -> None:
    settings = settings_for(replies, name)
    view = await Core(**settings, **pool, default_headers=PIECE).reply(Ask(), "stream async")
    assert differences({"in pieces": comparable(view, name, settings)}, EXPECTED[name]) == {}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", ["error_frame.sse", "error_line.sse", "error_finish.sse", "cut.sse"])
async def test_what_came_before_a_failure_is_given_out(
    replies: Sandbox, pool: dict[str, Any], name: str, driver: type[Core | LangChain | LlamaIndex]
) -> None:
    asker = driver(**settings_for(replies, name), **pool)
    stream = asker.stream(Ask())
    first = next(stream)
    with pytest.raises(QwenError) as failure:
        list(stream)
    assert failure.value.partial is not None
    assert text_of(first) == failure.value.partial.first.text == "It is "


def text_of(piece: Any) -> str:
    return piece.delta or "" if isinstance(piece, ChatResponse) else piece.text


async def test_the_table_the_index_and_the_folder_hold_the_same_replies() -> None:
    files = {path.name for path in REPLIES.iterdir() if path.name != "README.md"}
    listed = re.findall(r"^\| `(.+?)` \| .+ \|$", (REPLIES / "README.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(files) == sorted(EXPECTED)
