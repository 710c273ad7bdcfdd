"""Install the built wheels into clean environments, the way users do, and test them there.

`python scripts/matrix.py` runs every case, `python scripts/matrix.py NAME ...` some. `UV` names the uv to use.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
UV: Final = os.environ.get("UV", "uv")
MEMBERS: Final = ("qwen-endpoints", "langchain-qwen", "llama-index-llms-qwen", "qwen-sandbox", "llama-index-llm-tests")
ADAPTERS: Final = {"langchain": "langchain-qwen", "llamaindex": "llama-index-llms-qwen"}
BOTH: Final = tuple(ADAPTERS)
SUITES: Final = {"llamaindex": "llama-index-llm-tests"}
TOOLS: Final = (
    "anthropic",
    "httpx",
    "hypothesis",
    "openai",
    "pytest>=8",
    "pytest-asyncio",
    "pytest-timeout",
    "pytest-xdist",
    "syrupy",
)  # These judge the sandbox's contracts with tools newer than the oldest libraries; no other environment changes them.
IGNORED: Final = ("tests/contract/test_sandbox_schemathesis.py", "tests/unit/sandbox/test_contracts.py")
QUICK_PIP: Final = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_COMPILE": "1"}

Command = Sequence["str | Path"]


class CaseFailedError(Exception):
    """A command failed, or a wheel is not as it should be; the message is what to show."""


@dataclass(frozen=True)
class Case:
    """One environment. `resolution` is uv's word; without one, plain pip installs.

    `full` runs the whole suite, else the adapters' tests.
    """

    name: str
    frameworks: tuple[str, ...] = BOTH
    python: str | None = None
    resolution: str | None = None
    extra: tuple[str, ...] = ()
    full: bool = False


CASES: Final = (
    Case("langchain", frameworks=("langchain",)),
    Case("llamaindex", frameworks=("llamaindex",)),
    # Beside the framework's own class for OpenAI, which keeps openai and httpx below their newest.
    Case("openai-2", extra=("openai>=2,<3", "llama-index-llms-openai")),
    # LlamaIndex wants a newer pydantic than the other floors do, so LangChain's are also met on their own.
    Case("lowest-langchain", frameworks=("langchain",), python="3.10", resolution="lowest-direct"),
    Case("lowest-3.10", python="3.10", resolution="lowest-direct", extra=("typer>=0.18",), full=True),
    Case("lowest-3.13", python="3.13", resolution="lowest-direct"),
    Case("highest-3.10", python="3.10", resolution="highest"),
    Case("highest-3.13", python="3.13", resolution="highest", extra=("qwen-endpoints[cli,display,tokens]",), full=True),
)


def run(command: Command) -> str:
    """Run a command in the repository and return what it prints."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "UV_PYTHON_DOWNLOADS": "never", **QUICK_PIP},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CaseFailedError(f"$ {' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def build(wheels: Path) -> str:
    """Build each sdist and, from that, the wheel; `wheels.py` looks into them. Then look at the namespace packages."""
    run([UV, "run", "--quiet", "--python", sys.executable, "--script", ROOT / "scripts/wheels.py", wheels])
    problems = [f"{path} must not exist: the folder is shared" for path in _namespace_markers(ROOT / "integrations")]
    found = sorted(wheels.glob("*.whl"))
    if len(found) != len(MEMBERS):
        problems.append(f"expected {len(MEMBERS)} wheels, found {[wheel.name for wheel in found]}")
    if problems:
        raise CaseFailedError("\n".join(problems))
    return ", ".join(wheel.name for wheel in found)


def _namespace_markers(folder: Path) -> Iterator[Path]:
    for pattern in ("*/src/llama_index/__init__.py", "*/src/llama_index/llms/__init__.py"):
        yield from folder.glob(pattern)


def try_case(case: Case, wheels: Path, home: Path) -> str:
    """Make the environment of a case, call a sandbox in it and run the tests that belong there."""
    python, note = _install(case, wheels, home / case.name)
    seen = run([python, ROOT / "scripts/smoke.py", *case.frameworks]).strip()
    _add_test_tools(case, python, home / f"{case.name}.txt")
    again = run([python, ROOT / "scripts/smoke.py", *case.frameworks]).strip()
    if not set(seen.split(", ")) <= set(again.split(", ")):  # they may add what a case has none of
        raise CaseFailedError(f"the test tools changed what is tested:\n{seen}\n{again}")
    output = run(
        [python, ROOT / "scripts/offline/run.py", "-m", "pytest", "-q", "-n", "auto", *_pytest_arguments(case)]
    )
    return f"{seen}; {output.splitlines()[-1].strip('= ')}{note}"


def _install(case: Case, wheels: Path, venv: Path) -> tuple[Path, str]:
    """Install the wheels. Where the newest langchain-core does not resolve today, the pinned one is the upper end."""
    install = _installer(case, wheels, venv)
    members = [*(ADAPTERS[name] for name in case.frameworks), "qwen-sandbox"]
    packages = [*members, *(SUITES[name] for name in case.frameworks if name in SUITES), *case.extra]
    # What the manifests ask for is direct, when uv reads it from them. Not the suite's: it takes an older pytest than
    # the tools that judge here, and asks for nothing else of its own.
    if case.resolution == "lowest-direct":
        for member in ("qwen-endpoints", *members):
            packages += ["--requirements", f"integrations/{member}/pyproject.toml"]
    try:
        run([*install, *packages])
    except CaseFailedError:
        pinned = _pinned("langchain-core")
        if "langchain" not in case.frameworks or case.resolution == "lowest-direct":
            raise
        run([*install, *packages, pinned.replace("==", "<=")])
        return _python_of(venv), f"; nothing newer than {pinned} resolved"
    return _python_of(venv), ""


def _installer(case: Case, wheels: Path, venv: Path) -> list[str | Path]:
    if case.resolution is None:
        run([sys.executable, "-m", "venv", venv])
        return [_python_of(venv), "-m", "pip", "install", "--quiet", "--find-links", wheels]
    run([UV, "venv", "--quiet", "--python", _interpreter(case.python or ""), venv])
    return _uv_pip(venv, "--find-links", wheels, "--resolution", case.resolution)


def _uv_pip(venv: Path, *options: str | Path) -> list[str | Path]:
    # `--no-sources`: the wheels are meant, not the workspace this runs in.
    return [UV, "pip", "install", "--quiet", "--no-sources", "--python", _python_of(venv), *options]


def _python_of(venv: Path) -> Path:
    return venv / "bin" / "python"


def _pinned(name: str) -> str:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return next(line for line in lines if line.startswith(f"{name}=="))


def _add_test_tools(case: Case, python: Path, frozen: Path) -> None:
    """Add what the tests need, as old as it takes to leave the case's own versions alone."""
    lines = run([UV, "pip", "freeze", "--python", python]).splitlines()
    frozen.write_text("\n".join(line for line in lines if line.partition("==")[0] not in MEMBERS and "==" in line))
    more = ["langchain", "langchain-tests"] if "langchain" in case.frameworks else []
    run([*_uv_pip(python.parent.parent), "--constraints", frozen, *TOOLS, *more])


def _pytest_arguments(case: Case) -> list[str]:
    folders = ["unit", "contract"] if case.full else [f"unit/{name}" for name in case.frameworks]
    ignored = [f"--ignore={file}" for file in IGNORED]
    # Other versions of the libraries warn about themselves; `make test` is where a warning is an error.
    return [
        "-p",
        "no:cacheprovider",
        "-o",
        "filterwarnings=default",
        *ignored,
        *(f"tests/{folder}" for folder in folders),
    ]


@cache
def _interpreter(version: str) -> Path:
    """Find a Python: on PATH, beside the one that runs this (where version managers keep theirs), or known to uv."""
    name = f"python{version}"
    beside = Path(sys.base_prefix).parent
    found = [shutil.which(name), *sorted(beside.glob(f"*/bin/{name}")), *sorted(beside.parent.glob(f"*/*/bin/{name}"))]
    for candidate in found:
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return Path(candidate)
    return Path(run([UV, "python", "find", "--no-project", version]).splitlines()[-1])


def report(name: str, action: Callable[[], str]) -> bool:
    """Do one case and print its line; what went wrong follows it."""
    began = time.monotonic()
    try:
        word, detail = "PASS", action()
    except CaseFailedError as error:
        word, detail = "FAIL", f"\n{error}"
    print(f"{word}  {name:<16} {time.monotonic() - began:5.0f} s  {detail}", flush=True)
    return word == "PASS"


def main(names: Sequence[str]) -> int:
    """Build, then run the cases of these names, or all of them."""
    unknown = set(names).difference(case.name for case in CASES)
    if unknown:
        print(f"no case is called {', '.join(sorted(unknown))}; there are {', '.join(case.name for case in CASES)}")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        wheels = home / "wheels"
        results = [report("build", partial(build, wheels))]
        if results[0]:
            chosen = [case for case in CASES if not names or case.name in names]
            results += [report(case.name, partial(try_case, case, wheels, home)) for case in chosen]
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 1 if False in results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
