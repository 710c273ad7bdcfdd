"""The command as such: help, completion, exit codes, pipes, and what it must not bring into the package."""

from __future__ import annotations

import importlib.metadata
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import qwen_endpoints
from qwen_sandbox import Sandbox

from .conftest import Ask

At = Callable[[str], list[str]]
Start = Callable[..., "subprocess.CompletedProcess[str]"]
COMMANDS = ("chat", "models", "providers", "check", "cost", "config", "sandbox")


def python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this Python, and a script that stands below
        [sys.executable, "-c", script, *arguments], capture_output=True, check=False, text=True, timeout=60
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(ask: Ask, command: str) -> None:
    result = ask(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")
    assert f"\n  {command} " in ask("--help").stdout


def test_summaries_fit_their_line(ask: Ask) -> None:
    assert "..." not in ask("--help").stdout.partition("Commands:")[2]


def test_version(ask: Ask) -> None:
    assert ask("--version").stdout == f"qwen-endpoints {qwen_endpoints.__version__}\n"


@pytest.mark.parametrize("arguments", [["no-such-command"], ["models", "--no-such-option"], ["models", "surplus"]])
def test_a_misspelt_command_line(ask: Ask, arguments: list[str]) -> None:
    result = ask(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage: " in result.stderr


@pytest.mark.parametrize(
    ("line", "place", "expected"),
    [
        ("qwen-endpoints co", 1, {"cost", "config"}),
        ("qwen-endpoints chat --provider wco", 3, {"wcode", "wcode-anthropic"}),
        ("qwen-endpoints chat --effort m", 3, {"minimal", "medium"}),
        ("qwen-endpoints config openc", 2, {"opencode", "openclaw"}),
    ],
)
def test_completion(start: Start, line: str, place: int, expected: set[str]) -> None:
    words = {"_QWEN_ENDPOINTS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(place)}
    assert set(start(environment=words).stdout.split()) == expected


def test_completion_of_models(start: Start) -> None:
    words = {"COMP_WORDS": "qwen-endpoints chat --model qwen/qwen3-vl-32b-i", "COMP_CWORD": "3"}
    done = start(environment={**words, "_QWEN_ENDPOINTS_COMPLETE": "complete_bash"})
    assert done.stdout.split() == ["qwen/qwen3-vl-32b-instruct"]


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra(missing: str) -> None:
    script = f"import sys; sys.modules[{missing!r}] = None\nfrom qwen_endpoints.cli import main\nsys.exit(main())"
    done = python(script, "models")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"qwen-endpoints: the command line needs the package {missing}: pip install 'qwen-endpoints[cli]'\n"
    )


def test_another_missing_module_is_not_blamed_on_the_extra() -> None:
    script = "import sys; sys.modules['pydantic'] = None\nfrom qwen_endpoints.cli import main\nsys.exit(main())"
    assert "ModuleNotFoundError" in python(script).stderr


def test_the_package_imports_nothing_of_it() -> None:
    done = python(
        "import sys, qwen_endpoints\n"
        "wanted = {name for name in sys.modules if name.split('.')[:2] == ['qwen_endpoints', 'cli']}\n"
        "print(sorted(wanted | {'typer', 'rich'} & set(sys.modules)))"
    )
    assert done.stdout == "[]\n", done.stderr


def test_the_script_and_the_module_are_one() -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="qwen-endpoints")
    assert script.load() is sys.modules["qwen_endpoints.cli"].main


def test_exit_codes_of_the_process(start: Start, at: At) -> None:
    good, bad = at("anyfast"), ["--provider", "wcod"]
    assert start("chat", "Hello", *good).returncode == 0
    failed, unusable = start("chat", "Hello [[sandbox:402]]", *good), start("chat", "Hello", *bad)
    assert (failed.returncode, unusable.returncode) == (1, 2)
    assert "Traceback" not in failed.stderr + unusable.stderr


@pytest.mark.parametrize("forced", [{}, {"FORCE_COLOR": "1", "GITHUB_ACTIONS": "true"}])
def test_pipes_get_no_colour(start: Start, at: At, forced: dict[str, str]) -> None:
    options = at("wcode")
    chat = start("chat", "--thinking", *options, stdin="What is 12 times 7?", environment=forced)
    assert chat.stdout == "12 * 7 = 84\n"
    wrong = start("chat", "Hello", "--provider", "wcod", environment=forced)
    written = [chat, wrong, *(start(*words, environment=forced) for words in (["models"], ["check", *options], ["-h"]))]
    assert "\x1b" not in "".join(done.stdout + done.stderr for done in written)


def test_tables_in_pipes_are_neither_wrapped_nor_padded(start: Start) -> None:
    lines = start("providers", environment={"COLUMNS": "40"}).stdout.splitlines()
    assert len(lines) == 1 + len(qwen_endpoints.PROVIDERS)
    assert lines == [line.rstrip() for line in lines]


@pytest.mark.skipif(os.name == "nt", reason="pipes are another matter there")
def test_a_reader_that_leaves(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    with errors.open("w") as file:
        command = [sys.executable, "-m", "qwen_endpoints", "models"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file) as process:  # noqa: S603 - ours
            assert process.stdout is not None
            process.stdout.close()
            process.wait(60)
    assert "Traceback" not in errors.read_text()


def test_the_sandbox_is_started(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    with errors.open("w") as file:
        command = [sys.executable, "-m", "qwen_endpoints", "sandbox", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True) as process:  # noqa: S603 - ours
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            url = next(word for line in lines for word in line.split() if word.startswith("http://"))
            try:
                assert httpx.get(f"{url}/models").status_code == 401
            finally:
                process.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)
            assert process.wait(20) == (0 if os.name != "nt" else 1)
    assert errors.read_text() == ""


def _no_entry_points(**_wanted: str) -> tuple[()]:
    return ()


def test_a_sandbox_that_is_not_installed(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen_endpoints.cli.sandbox.entry_points", _no_entry_points)
    result = ask("sandbox")
    assert result.exit_code == 2
    assert "pip install qwen-sandbox" in result.stderr


def test_a_port_that_is_taken(ask: Ask, qwen_sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    port = str(httpx.URL(qwen_sandbox.url).port)
    before = signal.getsignal(signal.SIGINT)
    assert ask("sandbox", "--port", port).exit_code == 1
    assert signal.getsignal(signal.SIGINT) is before
    capfd.readouterr()
