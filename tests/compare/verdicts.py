"""What a probe found, and whose fault an exception is."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

Found = bool | str
"""Yes, no, or a word of `Word` with a colon and a note: `partly: only streamed`."""
Word = Literal["yes", "partly", "no", "n/a", "broken"]

PATIENCE: Final = 15
"""Seconds that a probe may take. The slowest takes two."""
_HERE: Final = Path(__file__).resolve().parent
_NOT_PROBES: Final = frozenset({"nothing.py"})


@dataclass(frozen=True)
class Verdict:
    """A cell of the table. `broken` means that the probe failed, not the peer."""

    word: Word
    note: str = ""


class OutOfTimeError(BaseException):
    """A peer did not come back. No `Exception`, so that no retry loop takes it for a failing server."""


@contextmanager
def _limit(seconds: float) -> Generator[None]:
    """Raise in the midst of whatever runs after so many seconds. The clock of a limit around this one stands still."""

    def stop(*_: object) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGALRM, stop)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, before)


def verdict_of(find: Callable[[], Found]) -> Verdict:
    """Run a probe and judge it."""
    try:
        with _limit(PATIENCE):
            found = find()
    except OutOfTimeError:
        return Verdict("no", f"not done after {PATIENCE} s")
    except Exception as error:  # noqa: BLE001 - whatever a peer raises is what was found
        return Verdict("broken" if is_ours(error) else "no", words_for(error))
    if isinstance(found, bool):
        return Verdict("yes" if found else "no")
    word, _, note = found.partition(": ")
    return Verdict(cast("Word", word), note)


def words_for(error: BaseException) -> str:
    """Say what a peer raised. The guard in `scripts/offline` is known by name: only the interpreter imports it."""
    name = type(error).__name__
    return "asks another server" if name == "NetworkIsClosedError" else f"raises {name}"


def is_ours(error: BaseException) -> bool:
    """Whether a line of a probe raised this, and not the code that it called."""
    trace = error.__traceback__
    if trace is None:
        return True
    while trace.tb_next is not None:
        trace = trace.tb_next
    raised_in = Path(trace.tb_frame.f_code.co_filename).resolve()
    return raised_in.parent == _HERE and raised_in.name not in _NOT_PROBES


def raised_by(call: Callable[[], object]) -> Exception | None:
    """Return what a peer raises when it is called."""
    try:
        call()
    except Exception as error:
        if is_ours(error):
            raise
        return error
    return None


def parts(**finds: Callable[[], Found]) -> Found:
    """Judge several aspects of one row."""
    return joined({name.replace("_", " "): verdict_of(find) for name, find in finds.items()})


def _reasons(bad: Mapping[str, Verdict]) -> list[str]:
    """Each note once, with the aspects it is about unless that is all of them."""
    notes = dict.fromkeys(verdict.note for verdict in bad.values() if verdict.note)
    about = {note: [name for name, verdict in bad.items() if verdict.note == note] for note in notes}
    return [note if len(names) == len(bad) else f"{', '.join(names)}: {note}" for note, names in about.items()]


def joined(verdicts: Mapping[str, Verdict]) -> Found:
    """Say that all aspects are there, or none, or the shorter list of those that are there or missing."""
    broken = [f"{name} {verdict.note}" for name, verdict in verdicts.items() if verdict.word == "broken"]
    if broken:
        return f"broken: {', '.join(broken)}"
    good = [name for name, verdict in verdicts.items() if verdict.word == "yes"]
    bad = {name: verdict for name, verdict in verdicts.items() if verdict.word != "yes"}
    if not bad:
        return bool(good)
    reasons = _reasons(bad)
    if not good and all(verdict.word == "no" for verdict in bad.values()):
        return f"no: {', '.join(reasons)}" if reasons else False
    listed = f"only {', '.join(good)}" if good and len(good) <= len(bad) else f"not {', '.join(bad)}"
    return f"partly: {listed}" + (f" ({', '.join(reasons)})" if reasons else "")
