"""Every reply of our own reads the same in each framework and mode, and as the table says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qwen_sandbox import Reply

from tests.contract.conftest import REPLIES
from tests.contract.drivers import DRIVERS, MODES, Ask, Core
from tests.contract.expected import CONTENT_TYPES, EXPECTED, MODEL, SETTINGS
from tests.contract.views import View, differences, with_plain_ids

if TYPE_CHECKING:
    from qwen_sandbox import Sandbox


def settings_for(sandbox: Sandbox, name: str) -> dict[str, Any]:
    url = sandbox.replay_url(name)
    if name in CONTENT_TYPES:
        status = int(name.split("_")[1]) if name.startswith("error_") else 200
        body = (REPLIES / name).read_bytes()
        url = sandbox.script(name, body, status=status, content_type=CONTENT_TYPES[name])
    usual = {"model": MODEL, "provider": "generic", "api_key": "sk-contract", "max_retries": 0}
    return {**usual, "base_url": url, **SETTINGS.get(name, {})}


def plainly(view: View, name: str, url: str) -> View:
    view = with_plain_ids(view, (REPLIES / name).read_text("utf-8-sig"))
    if view.error:
        view = view_with_message(view, view.error.message.replace(url, "BASE_URL"))
    return view


def view_with_message(view: View, message: str) -> View:
    from dataclasses import replace

    assert view.error is not None
    return replace(view, error=replace(view.error, message=message))


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_reply_reads_the_same_everywhere(replies: Sandbox, name: str) -> None:
    settings = settings_for(replies, name)
    views: dict[str, View] = {}
    for driver in DRIVERS:
        asker = driver(**settings)
        for mode in MODES:
            views[f"{driver.name}, {mode}"] = plainly(await asker.reply(Ask(), mode), name, settings["base_url"])
    assert differences(views, EXPECTED[name]) == {}
