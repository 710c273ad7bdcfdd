"""`make fuzz`: look for bytes that the decoders cannot bear, for a stated time, and keep what is found.

    python -m tests.fuzz.campaign --seconds 60 [--corpus DIR] [--keep]

Needs `atheris`; where that is not installed, it says so and the exit code is 0. An input that something fails on is
made small and put into `crashes/`, which `make test` replays, and the exit code is 1.
"""

# ruff: noqa: T201 - a command, which prints
from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.seeds import CORPUS, CRASHES, dictionary, seeds
from tests.fuzz.target import examine

_SECONDS_FOR_ONE = 10
_LONGEST = 4096
_SMALLEST_KEPT = 300
_ROOT = Path(__file__).parents[2]


def run(seconds: int, corpus: Path) -> int:
    """Fuzz into `corpus`; return how many inputs failed."""
    for name, data in seeds():
        (corpus / name).write_bytes(data)
    with tempfile.TemporaryDirectory() as found:
        words = Path(found) / "words.dict"
        words.write_text(dictionary(), encoding="ascii")
        began = len(list(corpus.iterdir()))
        ended = _libfuzzer(
            str(corpus),
            f"-max_total_time={seconds}",
            f"-timeout={6 * _SECONDS_FOR_ONE}",
            f"-max_len={_LONGEST}",
            f"-dict={words}",
            f"-artifact_prefix={found}/found-",
            "-print_final_stats=1",
            "-close_fd_mask=0",
        )
        failing = [path.read_bytes() for path in Path(found).glob("found-*") if _is_confirmed(path)]
    print(f"{began} inputs at the beginning, {len(list(corpus.iterdir()))} at the end, {len(failing)} failed")
    for data in failing:
        _keep_crash(data)
    return len(failing) or (abs(ended) if not list(corpus.iterdir()) else 0)


def _libfuzzer(*arguments: str) -> int:
    command = [sys.executable, "-m", "tests.fuzz.under_atheris", *arguments]
    return subprocess.run(command, cwd=_ROOT, check=False).returncode  # noqa: S603 - our own module


def _is_confirmed(path: Path) -> bool:
    """Whether a find is one: libFuzzer goes by the clock, and calls slow what merely had no processor to run on."""
    if not path.name.startswith(("found-timeout", "found-slow")):
        return True
    began = time.process_time()
    return failure_of(path.read_bytes()) is not None or time.process_time() - began > _SECONDS_FOR_ONE


def _keep_crash(data: bytes) -> None:
    failure = failure_of(data)
    small = data if failure is None else smallest(data, lambda piece: failure_of(piece) == failure)
    path = CRASHES / f"{hashlib.sha256(small).hexdigest()[:12]}.reply"
    path.write_bytes(small)
    print(f"{path.relative_to(_ROOT)}: {failure or 'too slow, or the interpreter died'}\n  {small!r}")


def failure_of(data: bytes) -> str | None:
    """Say what an input fails with: the kind of exception and the line that raised it."""
    try:
        examine(data)
    except Exception as error:  # noqa: BLE001 - any is a finding
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        return f"{type(error).__name__} at line {trace.tb_lineno if trace else 0}: {str(error)[:60]}"
    return None


def smallest(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """Leave out bytes, in ever smaller pieces, as long as it still fails."""
    size = max(1, len(data) // 2)
    while True:
        for start in range(0, len(data), size):
            shorter = data[:start] + data[start + size :]
            if fails(shorter):
                data = shorter
                break
        else:
            if size == 1:
                return data
            size //= 2


def keep_new(corpus: Path) -> None:
    """Add to `corpus/` the small inputs that reach code which the replies do not."""
    with tempfile.TemporaryDirectory() as known, tempfile.TemporaryDirectory() as small:
        for name, data in seeds():
            (Path(known) / name).write_bytes(data)
        for data in _below(corpus, _SMALLEST_KEPT):
            (Path(small) / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)
        before = {path.name for path in Path(known).iterdir()}
        _libfuzzer("-merge=1", "-use_counters=0", known, small)
        new = [path for path in Path(known).iterdir() if path.name not in before]
        for path in new:
            data = path.read_bytes()
            (CORPUS / f"{hashlib.sha256(data).hexdigest()[:12]}.reply").write_bytes(data)
    print(f"{len(new)} inputs kept in {CORPUS.relative_to(_ROOT)}")


def _below(corpus: Path, longest: int) -> Iterable[bytes]:
    return (data for path in corpus.iterdir() if len(data := path.read_bytes()) < longest)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=300, help="how long (300)")
    parser.add_argument("--corpus", type=Path, help="where the inputs grow from run to run; a temporary folder")
    parser.add_argument("--keep", action="store_true", help="add what was reached to tests/fuzz/corpus")
    given = parser.parse_args()
    if find_spec("atheris") is None:
        print("skipped: atheris is not installed; it has wheels for Linux on x86-64 and Python 3.10 to 3.14")
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        corpus: Path = given.corpus or Path(temporary)
        corpus.mkdir(parents=True, exist_ok=True)
        failed = run(given.seconds, corpus)
        if given.keep:
            keep_new(corpus)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
