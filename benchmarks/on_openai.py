"""The bare openai SDK, typed as it gives chunks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from typing_extensions import override

from benchmarks import drivers, wire
from benchmarks.drivers import KEY
from benchmarks.history import Turn


class _Clients:
    """The client that was asked for, and the awaited one once it is needed."""

    def __init__(self, sync: Any, base_url: str) -> None:
        self.sync = sync
        self._base_url = base_url
        self._awaited: Any = None

    @property
    def awaited(self) -> Any:
        if self._awaited is None:
            from openai import AsyncOpenAI  # noqa: PLC0415 - what an import takes is measured

            self._awaited = AsyncOpenAI(base_url=self._base_url, api_key=KEY)
        return self._awaited


class Driver(drivers.Driver):
    """Uses `OpenAI` and `AsyncOpenAI`."""

    @override
    def model(self, base_url: str) -> Any:
        return _Clients(super().model(base_url), base_url)

    @override
    def prompt(self, turns: Sequence[Turn]) -> Any:
        return wire.messages(turns)

    @override
    def stream(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Iterator[Any]:
        made: Any = model.sync.chat.completions.create(
            model="qwen3-vl-32b-instruct", messages=prompt, stream=True, **_given(tools)
        )
        return iter(made)

    @override
    async def astream(self, model: Any, prompt: Any) -> AsyncIterator[Any]:
        stream = await model.awaited.chat.completions.create(
            model="qwen3-vl-32b-instruct", messages=prompt, stream=True
        )
        async for piece in stream:
            yield piece

    @override
    def call(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Any:
        return model.sync.chat.completions.create(model="qwen3-vl-32b-instruct", messages=prompt, **_given(tools))

    @override
    async def acall(self, model: Any, prompt: Any) -> Any:
        return await model.awaited.chat.completions.create(model="qwen3-vl-32b-instruct", messages=prompt)

    @override
    def carried(self, pieces: Sequence[Any]) -> int:
        return sum(wire.carried(piece.choices[0].delta.model_dump()) for piece in pieces if piece.choices)


def _given(tools: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"tools": tools} if tools else {}
