"""Many streams at the same time, each with a token of its own that only its answer may hold."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal

from tests.contract.drivers import FRAMEWORKS, Ask, LangChain, LlamaIndex

Manner = Literal["read", "left", "cancelled"]
"""To the end; left after a piece; its task cancelled after a piece."""
_LEAVES: Final = 10
"""One in so many calls is left, another one is cancelled."""
_WORDS: Final[dict[Manner, int]] = {"read": 8, "left": 150, "cancelled": 150}
"""How often the answer says its token. Who leaves must not find that all has come already."""
_TOKEN: Final = re.compile(r"k\d{7}")
_ENDPOINTS: Final = (
    ("anyfast", "/anyfast/v1", "qwen3.6-flash"),
    ("wcode-anthropic", "/wcode/api/anthropic", "qwen/qwen3-235b-a22b"),
)
_PATIENT: Final = {"connect_timeout": 300.0, "timeout": 600.0}
"""How fast this machine is, and what else it does, is not what is looked at."""
_MEETING: Final = 300.0
Driver = LangChain | LlamaIndex


@dataclass(frozen=True, kw_only=True)
class Wave:
    """What came of one wave."""

    manners: Counter[Manner]
    """Calls by how they ended."""
    problems: Sequence[str]
    """One for each call that did not give what it should."""
    first: Sequence[float]
    """Seconds from the wave's beginning to each call's first piece, in order; an array, so that who keeps it and counts
    objects counts one.
    """
    most: int
    """Most streams that were open here at the same time: begun, and not yet read to the end."""

    @property
    def calls(self) -> int:
        return sum(self.manners.values())

    def within(self, share: float) -> float:
        """Seconds within which that share of the calls had its first piece."""
        return self.first[min(len(self.first) - 1, int(len(self.first) * share))]


class Crowd:
    """Asks with `ChatQwen` and `Qwen`, over both protocols, in as many tasks and threads as it is told to."""

    def __init__(self, url: str, *, tasks: int, threads: int) -> None:
        self._drivers: list[Driver] = [
            framework(model=model, provider=provider, base_url=url + path, api_key="sk-sandbox", **_PATIENT)
            for framework in FRAMEWORKS
            for provider, path, model in _ENDPOINTS
        ]
        self._tasks = tasks
        self._threads = ThreadPoolExecutor(max(1, threads))
        self._thread_count = threads
        self._numbers = count(1)

    async def wave(self) -> Wave:
        """Begin all calls at once; none is read on before each has had its first piece."""
        meeting = _Meeting(self._tasks + self._thread_count)
        loop = asyncio.get_running_loop()
        asking = [self._asked(number, meeting) for number in range(self._tasks)]
        threads = [
            loop.run_in_executor(self._threads, self._read, number, meeting) for number in range(self._thread_count)
        ]
        await asyncio.gather(*asking, *threads)
        return meeting.wave()

    async def aclose(self) -> None:
        """Close whatever is kept."""
        for driver in self._drivers:
            driver.model.close()
            await driver.model.aclose()
        self._threads.shutdown()

    async def _asked(self, number: int, meeting: _Meeting) -> None:
        one = self._one(number, meeting, ("read", "left", "cancelled"))
        task = asyncio.create_task(self._aread(one))
        one.cancel = task.cancel
        await asyncio.wait([task])
        one.end(cancelled=task.cancelled(), error=None if task.cancelled() else task.exception())

    async def _aread(self, one: _One) -> None:
        loop = asyncio.get_running_loop()
        async for piece in await one.driver.astream(one.ask):
            if one.add(piece):
                await one.meeting.all_there()
                if one.manner == "left":
                    break
                if one.manner == "cancelled":
                    loop.call_soon(one.cancel)

    def _read(self, number: int, meeting: _Meeting) -> None:
        one = self._one(number, meeting, ("read", "left"))
        try:
            for piece in one.driver.stream(one.ask):
                if one.add(piece):
                    meeting.wait()
                    if one.manner == "left":
                        break
        except Exception as error:  # noqa: BLE001 - it is looked at
            one.end(cancelled=False, error=error)
        else:
            one.end(cancelled=False, error=None)

    def _one(self, number: int, meeting: _Meeting, manners: tuple[Manner, ...]) -> _One:
        last = number % _LEAVES
        manner = manners[last] if last < len(manners) else "read"
        driver = self._drivers[(number // _LEAVES + last) % len(self._drivers)]
        return _One(driver, f"k{next(self._numbers):07d}", manner, meeting)


class _Meeting:
    """Where the calls of a wave wait for each other, and where they leave what came of them."""

    def __init__(self, expected: int) -> None:
        self._missing = expected
        self._lock = threading.Lock()
        self._all, self._here = threading.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._began = time.perf_counter()
        self._open = self._most = 0
        self._manners: Counter[Manner] = Counter()
        self._problems: list[str] = []
        self._first: list[float] = []

    def arrive(self, *, begun: bool) -> None:
        """One more has its first piece, or never will."""
        with self._lock:
            self._missing -= 1
            if begun:
                self._first.append(time.perf_counter() - self._began)
                self._open += 1
                self._most = max(self._most, self._open)
            if self._missing == 0:
                self._all.set()
                self._loop.call_soon_threadsafe(self._here.set)

    async def all_there(self) -> None:
        await asyncio.wait_for(self._here.wait(), _MEETING)

    def wait(self) -> None:
        if not self._all.wait(_MEETING):
            raise TimeoutError("some never came")

    def leave(self, manner: Manner, problem: str, *, begun: bool) -> None:
        with self._lock:
            self._open -= begun
            self._manners[manner] += 1
            if problem:
                self._problems.append(problem)

    def wave(self) -> Wave:
        first = array("d", sorted(self._first))
        return Wave(manners=self._manners, problems=self._problems, first=first, most=self._most)


@dataclass
class _One:
    """One call of a wave."""

    driver: Driver
    token: str
    manner: Manner
    meeting: _Meeting
    pieces: list[str] = field(default_factory=list[str])
    cancel: Any = None

    @property
    def due(self) -> str:
        return " ".join([self.token] * _WORDS[self.manner])

    @property
    def ask(self) -> Ask:
        return Ask(prompt=f"Repeat after me: {self.due}")

    def add(self, piece: Any) -> bool:
        """Take a piece: whether it is the first that says something."""
        text = piece.text if isinstance(self.driver, LangChain) else piece.delta
        if not text:
            return False
        self.pieces.append(text)
        if len(self.pieces) == 1:
            self.meeting.arrive(begun=True)
        return len(self.pieces) == 1

    def end(self, *, cancelled: bool, error: BaseException | None) -> None:
        if not self.pieces:
            self.meeting.arrive(begun=False)
        self.meeting.leave(self.manner, self._problem(cancelled=cancelled, error=error), begun=bool(self.pieces))

    def _problem(self, *, cancelled: bool, error: BaseException | None) -> str:
        said = "".join(self.pieces)
        if error is not None:
            return f"{type(error).__name__}: {error}"
        if set(_TOKEN.findall(said)) - {self.token}:
            return f"another's answer: {said[:80]!r} for {self.token}"
        if cancelled != (self.manner == "cancelled"):
            return f"{self.manner}, but {'cancelled' if cancelled else 'read to the end'}"
        whole = said == self.due if self.manner == "read" else bool(said) and self.due.startswith(said)
        return "" if whole else f"not what was asked for: {said[:80]!r} for {self.token}"
