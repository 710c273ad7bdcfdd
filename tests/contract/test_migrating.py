"""docs/migrating: every diff begins with code that runs and ends with code that runs.

The blocks of a page are run one after the other, as in a notebook. What they begin with runs where the class that a
page is about is installed, which `make test` does not do.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
from qwen_endpoints import PROVIDERS
from qwen_sandbox import Sandbox

from tests.compare_llamaindex import native_gateway
from tests.compare_llamaindex.native_protocol import Json, request_of
from tests.contract.conftest import GATEWAYS
from tests.contract.pages import ROOT, blocks, is_installed, run

PEERS: Final = {
    "from-chatopenai.md": "langchain_openai",
    "from-chattongyi.md": "langchain_community",
    "from-dashscope.md": "llama_index.llms.dashscope",
    "from-langchain-qwq.md": "langchain_qwq",
    "from-openailike.md": "llama_index.llms.openai_like",
}
"""The module of each page's class."""
KEEP_THOUGHTS: Final = {"from-chattongyi.md", "from-langchain-qwq.md", "from-openailike.md"}
"""Pages whose class hands a stream's reasoning on."""
FOLDER: Final = ROOT / "docs" / "migrating"
PAGES: Final = sorted(FOLDER.glob("from-*.md"))

# Third-party warnings that a user would see as well, and that are not ours to mend.
pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning")
each_page: Final = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])


def test_each_page_is_about_a_class() -> None:
    assert {page.name for page in PAGES} == set(PEERS)


@each_page
def test_each_line_of_a_diff_is_kept_removed_or_added(page: Path) -> None:
    lines = [(block.place, line) for block in blocks(page, "diff") for line in block.text.splitlines()]
    assert [(place, line) for place, line in lines if line and line[0] not in " +-"] == []
    assert not list(blocks(page, "python")), "code stands in diffs, so that it is run with the rest of its page"


@each_page
@pytest.mark.usefixtures("rows_at_the_sandbox")
def test_the_new_side_runs(page: Path, qwen_sandbox: Sandbox) -> None:
    names: dict[str, Any] = {"__name__": "snippet"}
    for block in blocks(page, "diff"):
        run(block, block.new, names)
    assert names["thoughts"].startswith("The user writes"), "a stream's reasoning has arrived"
    assert names["recipe"].title, "an object has arrived"
    assert names["costs"].calls, "calls are counted"
    sent = [request.json for request in qwen_sandbox.requests if request.json]
    assert any(body.get("enable_thinking") is True for body in sent)
    assert any(body.get("enable_thinking") is False for body in sent)


@each_page
def test_the_old_side_runs(page: Path, qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = PEERS[page.name]
    if not is_installed(peer):
        pytest.skip(f"{peer} is not installed")
    for variable in ("ANYFAST_API_KEY", "DASHSCOPE_API_KEY"):
        monkeypatch.setenv(variable, qwen_sandbox.api_key)
    at_dashscope = f"{qwen_sandbox.url}{GATEWAYS['dashscope']}"
    # langchain-qwq looks for the word in the address.
    monkeypatch.setenv("DASHSCOPE_API_BASE", f"{qwen_sandbox.url}/dashscope/..{GATEWAYS['dashscope-intl']}")
    if is_installed("dashscope"):
        monkeypatch.setattr(native_gateway, "request_of", forgiving)
        native_gateway.point_sdk_at(at_dashscope)
    names: dict[str, Any] = {"__name__": "snippet"}
    for block in blocks(page, "diff"):
        run(block, re.sub(r"https://[^\"]+", lambda url: at_the_sandbox(url[0], qwen_sandbox), block.old), names)
    assert bool(names.get("thoughts")) == (page.name in KEEP_THOUGHTS)
    assert names["recipe"].title


def forgiving(native: Json, *, streamed: bool) -> Json:
    """Say what llama-index-llms-dashscope means: it sends nulls, and a tool's `required` beside its parameters."""
    body = {name: value for name, value in request_of(native, streamed=streamed).items() if value is not None}
    for tool in body.get("tools") or ():
        if "required" in tool["function"]:
            tool["function"]["parameters"]["required"] = tool["function"].pop("required")
    return body


def at_the_sandbox(url: str, sandbox: Sandbox) -> str:
    (provider,) = [name for name in GATEWAYS if PROVIDERS[name].base_url == url]
    return f"{sandbox.url}{GATEWAYS[provider]}"
