"""CPU time and memory of this process, and where the figures go."""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

MICRO: Final = 1e6
MILLI: Final = 1e3
KILO: Final = 1024


def cpu() -> float:
    """Return the seconds of CPU that this process has used, for itself and in the kernel, on all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory() -> int:
    """Return the bytes of RAM that this process holds (Linux)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def least(measure: Callable[[], float], times: int) -> float:
    """Return the least of several measurements: what else the machine did can only have added."""
    return min(measure() for _ in range(times))


class Figures:
    """What was found for one side, by the figure's name, such as `streams.text.sync`."""

    def __init__(self, unable: Mapping[str, str]) -> None:
        self._unable = unable
        self.found: dict[str, float] = {}
        self.reasons: dict[str, str] = {}
        """Why there is no figure of that name; a reason for a name holds for all that begin with it."""

    def can(self, name: str) -> bool:
        """Whether the side is measured in it; if not, the reason is kept."""
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            prefix = ".".join(parts[:end])
            if prefix in self._unable:
                self.reasons[name] = self._unable[prefix]
                return False
        return True

    @contextmanager
    def trying(self, name: str) -> Generator[None]:
        """Go on where a side fails, and keep what it said."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever a side raises is a finding
            said = str(error).strip().splitlines() or [""]
            self.reasons[name] = f"{type(error).__name__}: {said[0][:160]}"
