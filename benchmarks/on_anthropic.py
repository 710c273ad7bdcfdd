"""The bare anthropic SDK, typed as it gives events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final

from typing_extensions import override

from benchmarks import drivers, wire
from benchmarks.drivers import KEY
from benchmarks.history import Turn

_FIXED: Final = {"model": "qwen3-vl-32b-instruct", "max_tokens": 8192}


class Driver(drivers.Driver):
    """Uses `Anthropic` and `AsyncAnthropic`, with text alone."""

    @override
    def model(self, base_url: str) -> Any:
        from anthropic import AsyncAnthropic  # noqa: PLC0415 - what an import takes is measured

        return super().model(base_url), AsyncAnthropic(base_url=base_url, api_key=KEY)

    @override
    def prompt(self, turns: Sequence[Turn]) -> Any:
        return wire.messages(turns)

    @override
    def stream(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Iterator[Any]:
        made: Any = model[0].messages.create(**_FIXED, messages=prompt, stream=True)
        return iter(made)

    @override
    async def astream(self, model: Any, prompt: Any) -> AsyncIterator[Any]:
        async for event in await model[1].messages.create(**_FIXED, messages=prompt, stream=True):
            yield event

    @override
    def call(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Any:
        return model[0].messages.create(**_FIXED, messages=prompt)

    @override
    async def acall(self, model: Any, prompt: Any) -> Any:
        return await model[1].messages.create(**_FIXED, messages=prompt)

    @override
    def carried(self, pieces: Sequence[Any]) -> int:
        return sum(len(piece.delta.text) for piece in pieces if piece.type == "content_block_delta")
