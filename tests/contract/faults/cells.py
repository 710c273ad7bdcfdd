"""Drives every cell of a row at once: each framework, mode and protocol, each at an address of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from qwen_sandbox import Sandbox

from tests.contract.drivers import FRAMEWORKS, MODES, Ask, LangChain, LlamaIndex, Mode
from tests.contract.faults.delay import delay
from tests.contract.faults.rows import Outcome, Row
from tests.contract.views import View

SLACK: Final = 1.0
"""Seconds beyond the promised time that a call may take where the machine withholds nothing."""
_LONGER: Final = (1.0, 4.0, 16.0)
"""By how much limits are stretched, one after the other, on a machine that is too busy for them."""
_EARLY: Final = 0.05
"""Seconds that clocks may differ."""
_PATIENT: Final = {"timeout": 30.0, "stream_idle_timeout": 30.0}
_MODELS: Final = {
    "chat_completions": ("anyfast", "qwen3.6-flash"),
    "messages": ("wcode-anthropic", "qwen/qwen3-235b-a22b"),
}

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One way to ask."""

    framework: type[LangChain | LlamaIndex]
    mode: Mode
    protocol: str

    @property
    def name(self) -> str:
        return f"{self.framework.name}, {self.mode}, {self.protocol}"

    @property
    def streamed(self) -> bool:
        return self.mode.startswith("stream")

    @property
    def asynchronous(self) -> bool:
        return self.mode.endswith("async")


CELLS: Final = tuple(
    Cell(framework=framework, mode=mode, protocol=protocol)
    for framework in FRAMEWORKS
    for mode in MODES
    for protocol in _MODELS
)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a call came to, and what the server saw of it."""

    url: str
    view: View
    requests: int
    seconds: float

    def unlike(self, due: Outcome, latest: float) -> str:
        """Say how this differs from what is due; nothing if it does not."""
        error, partial = self.view.error, self.view.error and self.view.error.partial
        text = self.view.text if error is None else partial and partial.text
        found = {
            "error": error.kind if error is not None else None,
            "text": due.text if due.more and text and text.startswith(due.text or "") else text,
            "requests": self.requests,
        }
        wanted = {"error": due.error and due.error.__name__, "text": due.text, "requests": due.requests}
        wrong = [
            f"{name}: {found[name]!r:.200}, not {wanted[name]!r:.80}" for name in wanted if found[name] != wanted[name]
        ]
        if not due.after - _EARLY <= self.seconds <= latest:
            wrong.append(f"after {self.seconds:.2f} s, not {due.after:.2f} to {latest:.2f}")
        return "; ".join(wrong)


async def wrong_cells(sandbox: Sandbox, row: Row) -> dict[str, str]:
    """Ask in every way, and say what is not as the row says.

    Where the machine withheld so much time that limits were spent before their faults, once more with longer ones.
    """
    wrong: dict[str, str] = {}
    for longer in _LONGER:
        with delay() as measured:
            seen = await drive(sandbox, row.with_limits(longer))
        wrong = {}
        for cell, one in seen.items():
            due = row.outcome(streamed=cell.streamed)
            how = one.unlike(due, due.after * longer + due.spread + SLACK + measured.withheld)
            wrong |= {cell.name: how} if how else {}
        if not wrong or not row.limits or measured.withheld < min(row.limits.values()) / 4:
            return wrong
    return wrong


async def drive(sandbox: Sandbox, row: Row) -> dict[Cell, Seen]:
    """Ask in every way at once, the sync ones on threads."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(len(CELLS)) as threads:
        seen = await asyncio.gather(
            *(
                _ask(sandbox, row, cell)
                if cell.asynchronous
                else loop.run_in_executor(threads, _at_once, _ask(sandbox, row, cell))
                for cell in CELLS
            )
        )
    return dict(zip(CELLS, seen, strict=True))


async def _ask(sandbox: Sandbox, row: Row, cell: Cell) -> Seen:
    url = sandbox.fault(row.fault, row.parameter)
    provider, model = _MODELS[cell.protocol]
    asker = cell.framework(provider=provider, model=model, base_url=url, api_key="sk-contract")
    began = time.monotonic()
    view = await asker.reply(Ask(options={"max_retries": 1, **_PATIENT, **row.limits}), cell.mode)
    seconds = time.monotonic() - began
    return Seen(url=url, view=view, requests=len(sandbox.fault_requests(url)), seconds=seconds)


def _at_once(asking: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine that never waits, as those of the sync modes."""
    try:
        asking.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("a sync call does not wait for an event loop")
