"""Drives every cell of a row at once: each framework, mode and protocol, each at an address of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final, TypeVar

from qwen_sandbox import Sandbox

from tests.contract.drivers import FRAMEWORKS, MODES, Ask, LangChain, LlamaIndex, Mode
from tests.contract.faults.rows import Row
from tests.contract.views import View

_SLACK: Final = 20.0
"""Seconds that a loaded machine may add; far below any limit that a call which hangs would run into."""
_PATIENT: Final = {"timeout": 30.0, "stream_idle_timeout": 30.0}
_MODELS: Final = {
    "chat_completions": ("anyfast", "qwen3.6-flash"),
    "messages": ("wcode-anthropic", "qwen/qwen3-235b-a22b"),
}
PROTOCOLS: Final = tuple(name for name in _MODELS if name != "messages" or find_spec("anthropic"))

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
    for protocol in PROTOCOLS
)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a call came to, and what the server saw of it."""

    url: str
    view: View
    requests: int
    seconds: float

    def unlike(self, row: Row, cell: Cell) -> str:
        """Say how this differs from the row; nothing if it does not."""
        due = row.outcome(cell.protocol, streamed=cell.streamed)
        assert due is not None
        error, partial = self.view.error, self.view.error and self.view.error.partial
        found = {
            "error": error.kind if error is not None else None,
            "text": self.view.text if error is None else partial and partial.text,
            "requests": self.requests,
        }
        wanted = {"error": due.error and due.error.__name__, "text": due.text, "requests": due.requests}
        wrong = [
            f"{name}: {found[name]!r:.200}, not {wanted[name]!r:.80}" for name in wanted if found[name] != wanted[name]
        ]
        if not due.after <= self.seconds + 0.05 < due.after + _SLACK:
            wrong.append(f"after {self.seconds:.2f} s, not {due.after:.2f}")
        return "; ".join(wrong)


async def drive(sandbox: Sandbox, row: Row, pools: Mapping[str, dict[str, Any]]) -> dict[Cell, Seen]:
    """Ask in every way at once, the sync ones on threads."""
    loop = asyncio.get_running_loop()
    cells = [cell for cell in CELLS if row.outcome(cell.protocol, streamed=cell.streamed) is not None]
    with ThreadPoolExecutor(len(cells)) as threads:
        seen = await asyncio.gather(
            *(
                _ask(sandbox, row, cell, pools)
                if cell.asynchronous
                else loop.run_in_executor(threads, _at_once, _ask(sandbox, row, cell, pools))
                for cell in cells
            )
        )
    return dict(zip(cells, seen, strict=True))


async def _ask(sandbox: Sandbox, row: Row, cell: Cell, pools: Mapping[str, dict[str, Any]]) -> Seen:
    url = sandbox.fault(row.fault, row.parameter)
    provider, model = _MODELS[cell.protocol]
    asker = cell.framework(provider=provider, model=model, base_url=url, api_key="sk-contract", **pools[cell.protocol])
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
