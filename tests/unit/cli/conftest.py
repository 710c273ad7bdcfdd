"""The command in this process, by Typer's runner, and as a process of its own, for what a runner cannot see."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest
from qwen_endpoints import PROVIDERS
from qwen_sandbox import Sandbox

collect_ignore_glob = [] if find_spec("typer") else ["test_*.py"]  # environments without the extra

COLOURS = {"NO_COLOR", "FORCE_COLOR", "PY_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "GITHUB_ACTIONS", "COLUMNS"}
GATEWAYS = {
    "anyfast-cn": ("qwen3-32b", "ANYFAST_CN_API_KEY"),
    "anyfast": ("qwen3.6-flash", "ANYFAST_API_KEY"),
    "wcode": ("qwen/qwen3-235b-a22b", "WCODE_API_KEY"),
    "wcode-anthropic": ("qwen/qwen3-235b-a22b", "WCODE_API_KEY"),
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the keys, providers, proxies and colours of the machine it runs on."""
    keys = {variable for row in PROVIDERS.values() for variable in row.key_variables}
    for name in list(os.environ):
        if name in keys | COLOURS or name.startswith("QWEN_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TERM", "xterm-256color")


Result = Any
"""Typer's or click's, whichever its version has."""
Ask = Callable[..., Result]


@pytest.fixture
def ask() -> Ask:
    """Run the command in this process: `ask("models", "--json").stdout`."""
    from qwen_endpoints.cli.app import app  # noqa: PLC0415 - an extra
    from typer.testing import CliRunner  # noqa: PLC0415 - an extra

    def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(app, arguments, input=stdin)
        # Only an exit is an end; any other exception would be a traceback.
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture
def at(qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Set the key of a gateway and return the options that lead to it."""

    def options(name: str) -> list[str]:
        model, variable = GATEWAYS[name]
        monkeypatch.setenv(variable, qwen_sandbox.api_key)
        url = qwen_sandbox.base_url(name)  # pyright: ignore[reportArgumentType] - one of its names
        return ["--provider", name, "--model", model, "--base-url", url]

    return options


@pytest.fixture
def start() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command as a process, with pipes."""

    def run(
        *arguments: str, stdin: str = "", environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - this Python, and our own command
            [sys.executable, "-m", "qwen_endpoints", *arguments],
            input=stdin,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )

    return run
