"""How a side does a workload: the base of the drivers, one for each way of being used."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.history import Turn

if TYPE_CHECKING:
    from benchmarks.sides import Side

KEY = "sk-bench"


class Driver(ABC):
    """Uses one side. Nothing of the side is imported before `load`, whose time is the side's own."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.class_: Any = None

    def load(self) -> None:
        """Import what a program would import, and find the class."""
        module = import_module(self.side.module)
        place, _, name = self.side.class_name.rpartition(":")
        self.class_ = getattr(import_module(place) if place else module, name)

    def model(self, base_url: str) -> Any:
        """Make a model, or a client, for an address."""
        return self.class_(**self.side.settings, **{self.side.address: base_url, "api_key": KEY})

    @abstractmethod
    def prompt(self, turns: Sequence[Turn]) -> Any:
        """Spell a conversation as a caller holds it; the time of this is not measured."""

    @abstractmethod
    def stream(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Iterator[Any]:
        """Stream an answer."""

    @abstractmethod
    def astream(self, model: Any, prompt: Any) -> AsyncIterator[Any]:
        """Stream an answer, awaited."""

    @abstractmethod
    def call(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Any:
        """Get a whole answer; `tools` in the shape of Chat Completions."""

    @abstractmethod
    async def acall(self, model: Any, prompt: Any) -> Any:
        """Get a whole answer, awaited."""

    @abstractmethod
    def carried(self, pieces: Sequence[Any]) -> int:
        """Return how many characters of text, reasoning and arguments the pieces of a stream brought."""

    def look(self, frame: Any) -> object:
        """Look at the message so far, where pieces have one."""
        raise NotImplementedError

    async def abatch(self, model: Any, prompts: Sequence[Any], at_once: int) -> None:
        """Get many whole answers, `at_once` at a time."""
        turnstile = asyncio.Semaphore(at_once)

        async def one(prompt: Any) -> None:
            async with turnstile:
                await self.acall(model, prompt)

        await asyncio.gather(*map(one, prompts))


def driver_of(side: Side) -> Driver:
    """Return the driver of a side."""
    made: Driver = import_module(f"benchmarks.{side.driver}").Driver(side)
    return made
