"""Run every notebook from beginning to end in a kernel of its own, against the sandbox: no keys, no network.

`python scripts/notebooks.py` runs all, `python scripts/notebooks.py 01 05` some; `--update` stores what they print.
Exits with 1 if a cell fails, or if what is stored is of another kind than what came.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from typing_extensions import override

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "notebooks"
OFFLINE: Final = ROOT / "scripts" / "offline" / "run.py"
CELL_TIMEOUT: Final = 300
START_TIMEOUT: Final = 120
AT_ONCE: Final = min(4, os.cpu_count() or 1)

_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
_NUMBERED: Final = (
    re.compile(r"\bchatcmpl-(?P<id>[0-9a-f]{16,})"),
    re.compile(r"\bcall_(?P<id>[0-9a-f]{24})"),
    re.compile(r"\b(?P<id>20\d{12}[0-9a-f]{16})\b"),  # a new-api gateway's request
    re.compile(r"\b(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b"),
    re.compile(r"\bat 0x(?P<id>[0-9a-f]{8,16})\b"),
)
"""Identifiers that are new in each run; each becomes a number of as many digits, the same wherever it stands."""
_FIXED: Final = (
    (re.compile(r"(?<=127\.0\.0\.1:)\d{2,5}"), "8000"),
    (re.compile(r"ipykernel_\d+/\d+\.py"), "ipykernel/cell.py"),
    (re.compile(r"(?<='created': )\d{10}"), "1700000000"),
)


class NotebookFailedError(Exception):
    """A notebook did not run to its end; the message is what to show."""


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook."""

    name: str
    seconds: float
    problem: str = ""
    note: str = ""


class OfflineKernels(KernelSpecManager):
    """Knows one kernel: this Python, without keys and without a network."""

    @override
    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        # The kernel would warn that whoever may listen on this machine's loopback can read what it prints.
        launch = ["-m", "ipykernel_launcher", "--log-level=ERROR", "-f", "{connection_file}"]
        return KernelSpec(argv=[sys.executable, str(OFFLINE), *launch], display_name=kernel_name, language="python")


async def run(notebook: Any) -> None:
    """Run all cells of `notebook` in place, in a fresh kernel that works in the notebooks' folder.

    Raises:
        NotebookFailedError: A cell failed or took too long, or the kernel died; says which cell and why.
    """
    begun: list[int] = []

    def note(cell: Any, cell_index: int) -> None:
        del cell
        begun.append(cell_index)

    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_name="python3", kernel_spec_manager=OfflineKernels()),
        timeout=CELL_TIMEOUT,
        startup_timeout=START_TIMEOUT,
        resources={"metadata": {"path": str(FOLDER)}},
        record_timing=False,
        coalesce_streams=True,
        on_cell_execute=note,
        on_notebook_start=_leave_interrupts_to_python,
    )
    try:
        await client.async_execute(cleanup_kc=True)  # else a manager that was given is left running
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        place = f"cell {begun[-1] + 1} of {len(notebook.cells)}" if begun else "before the first cell"
        raise NotebookFailedError(f"{place}:\n{_COLOURS.sub('', str(error)).strip()}") from error


def _leave_interrupts_to_python(notebook: Any) -> None:
    """Take nbclient's signal handlers away: they would end one of several kernels, and not this program."""
    del notebook
    with suppress(NotImplementedError):  # there are none on Windows
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)


def without_what_changes(notebook: Any) -> None:
    """Take out of the outputs what is new in each run: ids, ports, process numbers, paths of this machine."""
    numbers: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        old = match["id"]
        digits = len(old.replace("-", ""))
        new = numbers.setdefault(old, f"{len(numbers) + 1:0{digits}d}")
        if "-" in old:
            new = "-".join((new[:8], new[8:12], new[12:16], new[16:20], new[20:]))
        return match[0].replace(old, new)

    def clean(text: str) -> str:
        for pattern in _NUMBERED:
            text = pattern.sub(number, text)
        for pattern, fixed in _FIXED:
            text = pattern.sub(fixed, text)
        return _without_paths(text)

    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [_each_text(output, clean) for output in cell.outputs]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},  # without its version: who runs them next may have another
    }


def _without_paths(text: str) -> str:
    for path, name in ((ROOT, "."), (Path(tempfile.gettempdir()), "/tmp"), (Path.home(), "~")):  # noqa: S108 - a name to show
        text = text.replace(str(path), name) if len(path.parts) > 1 else text
    return text


def _each_text(value: Any, clean: Callable[[str], str], kind: str = "") -> Any:
    """Clean every text in `value`, save the pictures' data, whose letters mean nothing."""
    if isinstance(value, str):
        return value if kind.startswith("image/") and kind != "image/svg+xml" else clean(value)
    if isinstance(value, list):
        return [_each_text(item, clean, kind) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return NotebookNode({name: _each_text(item, clean, name) for name, item in pairs})
    return value


def kinds(cell: Any) -> list[str]:
    """Return what kind of output a cell has, in order: `stdout`, `text/html+text/plain`, ..."""
    outputs: list[Any] = cell.get("outputs", [])
    return [output.get("name") or "+".join(sorted(output.get("data", ()))) or output.output_type for output in outputs]


def stale(stored: Any, fresh: Any) -> Iterator[str]:
    """Say which cells have stored outputs of other kinds than have come."""
    for place, (old, new) in enumerate(zip(stored.cells, fresh.cells, strict=True), 1):
        if kinds(old) != kinds(new):
            yield f"cell {place} stores {kinds(old) or 'nothing'}, and {kinds(new) or 'nothing'} came"


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def read(text: str) -> Any:
    """Read a notebook, and see that it is one."""
    notebook = cast("Any", nbformat).reads(text, as_version=4)
    nbformat.validate(notebook)
    return notebook


async def try_notebook(path: Path, *, update: bool, places: asyncio.Semaphore) -> Outcome:
    """Run one notebook; store what it printed, or compare it with what is stored."""
    async with places:
        started = time.monotonic()
        text = _text_of(path)
        stored, fresh = read(text), read(text)
        try:
            await run(fresh)
        except NotebookFailedError as error:
            return Outcome(path.stem, time.monotonic() - started, problem=str(error))
        seconds = time.monotonic() - started
    without_what_changes(fresh)
    if update:
        return _stored(path, text, fresh, seconds)
    differences = list(stale(stored, fresh))
    advice = "what is stored is stale; make notebooks ARGS=--update stores what came:"
    return Outcome(path.stem, seconds, problem="\n".join([advice, *differences]) if differences else "")


def _stored(path: Path, before: str, notebook: Any, seconds: float) -> Outcome:
    nbformat.validate(notebook)
    after: str = cast("Any", nbformat).writes(notebook, indent=1).rstrip() + "\n"
    if _text_of(path) != before:
        return Outcome(path.stem, seconds, problem="it was edited while it ran: nothing was stored")
    if after == before:
        return Outcome(path.stem, seconds, note="nothing new")
    path.write_text(after, encoding="utf-8")
    return Outcome(path.stem, seconds, note="stored")


def wanted(names: Sequence[str]) -> list[Path]:
    """Return the notebooks whose names begin with one of `names`; all of them for none."""
    every = sorted(FOLDER.glob("*.ipynb"))
    unknown = [name for name in names if not any(path.name.startswith(name) for path in every)]
    if unknown or not every:
        known = ", ".join(path.stem for path in every) or f"none in {FOLDER}"
        raise SystemExit(f"no notebook begins with {' or '.join(unknown)}; there are {known}")
    return [path for path in every if not names or path.name.startswith(tuple(names))]


async def run_all(paths: Sequence[Path], *, update: bool) -> bool:
    """Run the notebooks, a few at a time, say how each went, and return whether all went well."""
    places = asyncio.Semaphore(AT_ONCE)
    tasks = [asyncio.create_task(try_notebook(path, update=update, places=places)) for path in paths]
    well = True
    for done in asyncio.as_completed(tasks):
        outcome = await done
        well = well and not outcome.problem
        note = f" ({outcome.note})" if outcome.note else ""
        print(f"{'FAILED' if outcome.problem else 'ok':6} {outcome.name} {outcome.seconds:.0f} s{note}", flush=True)
        if outcome.problem:
            print("  " + outcome.problem.replace("\n", "\n  "), flush=True)
    return well


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="how the notebooks' names begin, such as 01; none: all")
    parser.add_argument("--update", action="store_true", help="store the outputs in the notebooks")
    arguments = parser.parse_args()
    paths = wanted(arguments.names)
    with tempfile.TemporaryDirectory() as own:
        # Start-up files, themes and settings of the user's own stay out of what is stored.
        os.environ.update({"IPYTHONDIR": own, "JUPYTER_CONFIG_DIR": own, "JUPYTER_RUNTIME_DIR": own})
        os.environ.pop("MPLBACKEND", None)
        try:
            return 0 if asyncio.run(run_all(paths, update=arguments.update)) else 1
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130


if __name__ == "__main__":
    sys.exit(main())
