"""A sandbox in a process of its own, so that neither its descriptors nor its memory are counted as the client's."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qwen_sandbox import Sandbox

_ROOT: Final = Path(__file__).parents[3]
_TICK: Final = 0.01
_EVENTS_IN_A_PIECE: Final = 50
_HEAD: Final = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the server saw since it was asked last."""

    requests: int
    most_open: int
    """Most streams that it was writing at the same time, looked at every 10 ms."""


class Apart:
    """The other process, as seen from here."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = self._line()

    def told(self) -> Told:
        """Ask for its counts, which begin anew; while no request is under way, they are exact."""
        return Told(**json.loads(self._asked("counts")))

    def long_stream(self, chunks: int) -> str:
        """Return a base URL at which a stream of Chat Completions has so many chunks of five letters."""
        return self._asked(f"stream {chunks}")

    def _asked(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def sandbox_apart(*, chunk_delay: float = 0.0) -> Generator[Apart]:
    """Run one until the block ends. `chunk_delay`: seconds after each piece of a stream."""
    command = [sys.executable, "-m", "tests.contract.load.apart", str(chunk_delay)]
    with subprocess.Popen(  # noqa: S603 - this module
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Apart(process)
        assert process.stdin is not None
        process.stdin.close()


def more_descriptors() -> None:
    """Let this process open as many files as the system allows it."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class _Watch:
    """Looks at a sandbox again and again."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def counts(self) -> str:
        """What was seen since the last time, as JSON."""
        requests, most, self._most = len(self._sandbox.requests), self._most, 0
        self._sandbox.clear()  # or the record of requests would grow for ever
        return json.dumps({"requests": requests, "most_open": most})

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_TICK):
            self._most = max(self._most, self._sandbox.open_streams)


def _scripted(sandbox: Sandbox, chunks: int) -> str:
    """Register a long stream, many chunks to a piece, so that the server's own work is small."""
    word = _event({"content": " word"}) * _EVENTS_IN_A_PIECE
    opening, ending = _event({"role": "assistant"}), _event({}, "stop")
    pieces = [opening, *[word] * (chunks // _EVENTS_IN_A_PIECE), ending, b"data: [DONE]\n\n"]
    return sandbox.script(f"long-{chunks}", chunks=pieces, content_type="text/event-stream")


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({**_HEAD, "choices": [choice]}).encode() + b"\n\n"


def _serve(chunk_delay: float) -> None:
    more_descriptors()
    with Sandbox(chunk_delay=chunk_delay) as sandbox:
        watch = _Watch(sandbox)
        _say(sandbox.url)
        for line in sys.stdin:
            what, _, how_many = line.strip().partition(" ")
            _say(watch.counts() if what == "counts" else _scripted(sandbox, int(how_many)))
        watch.end()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve(float(sys.argv[1]))
