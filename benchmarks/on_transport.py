"""The floor of a client: bytes from httpx2, cut into events, each read with `json.loads`. It checks nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from typing_extensions import override

from benchmarks import drivers, wire
from benchmarks.drivers import KEY
from benchmarks.history import Turn

_DATA = b"data: "
_DONE = b"[DONE]"


class _Client:
    """A client of each kind for one address, made when it is needed."""

    def __init__(self, base_url: str) -> None:
        import httpx2  # noqa: PLC0415 - what an import takes is measured

        self.url = f"{base_url}/chat/completions"
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)
        self.sync = httpx2.Client(headers=headers, verify=False, limits=limits)
        self.awaited = httpx2.AsyncClient(headers=headers, verify=False, limits=limits)


class Events:
    """Cuts bytes into events."""

    def __init__(self) -> None:
        self._rest = b""

    def fed(self, data: bytes) -> Iterator[Any]:
        """Give the events that are whole by now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(_DATA) and line[6:] != _DONE:
                yield json.loads(line[6:])


class Driver(drivers.Driver):
    """Uses httpx2 alone."""

    @override
    def model(self, base_url: str) -> Any:
        return _Client(base_url)

    @override
    def prompt(self, turns: Sequence[Turn]) -> Any:
        return wire.messages(turns)

    @override
    def stream(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Iterator[Any]:
        events = Events()
        with model.sync.stream("POST", model.url, content=_body(prompt, tools)) as response:
            for data in response.iter_bytes():
                yield from events.fed(data)

    @override
    async def astream(self, model: Any, prompt: Any) -> AsyncIterator[Any]:
        events = Events()
        async with model.awaited.stream("POST", model.url, content=_body(prompt)) as response:
            async for data in response.aiter_bytes():
                for event in events.fed(data):
                    yield event

    @override
    def call(self, model: Any, prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> Any:
        return json.loads(model.sync.post(model.url, content=_body(prompt, tools)).content)

    @override
    async def acall(self, model: Any, prompt: Any) -> Any:
        response = await model.awaited.post(model.url, content=_body(prompt))
        return json.loads(response.content)

    @override
    def carried(self, pieces: Sequence[Any]) -> int:
        return sum(wire.carried(piece["choices"][0]["delta"]) for piece in pieces if piece["choices"])


def _body(prompt: Any, tools: Sequence[dict[str, Any]] = ()) -> bytes:
    return json.dumps(
        {"model": "qwen3-vl-32b-instruct", "messages": prompt, **({"tools": tools} if tools else {})}
    ).encode()
