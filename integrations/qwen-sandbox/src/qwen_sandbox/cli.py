"""The command `qwen-sandbox serve`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_sandbox.gateways import GATEWAYS
from qwen_sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from types import FrameType


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(argv)
    if options.replay is not None and not options.replay.is_dir():
        sys.stderr.write(f"qwen-sandbox: {options.replay} is not a folder\n")
        return 2
    sandbox = Sandbox(port=options.port, host=options.host, replay=options.replay, chunk_delay=options.chunk_delay)
    with _signals_to_stop() as stopped:
        try:
            sandbox.start()
        except OSError as error:
            sys.stderr.write(f"qwen-sandbox: cannot listen on {options.host}:{options.port}: {error}\n")
            return 1
        try:
            sys.stdout.write(_banner(sandbox))
            sys.stdout.flush()
            # Short waits: on some platforms a long wait keeps Ctrl-C from being seen.
            while not stopped.wait(0.2):
                pass
        finally:
            sandbox.stop()
    return 0


@contextmanager
def _signals_to_stop() -> Generator[threading.Event]:
    """Give what Ctrl-C and SIGTERM set, for as long as the context lasts: who calls `main` may have a use for them."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
    about = "A local gateway that speaks documented Qwen endpoints. The answers are scripted: no model inside."
    parser = argparse.ArgumentParser(prog="qwen-sandbox", description=about)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the gateway until Ctrl-C or SIGTERM", description=about)
    serve.add_argument("--port", type=int, default=8123, help="port to listen on, 0 for a free one (default: 8123)")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--replay", type=Path, metavar="DIR", help="also serve the recorded replies in this folder")
    serve.add_argument("--chunk-delay", type=float, default=0.0, metavar="SECONDS", help="pause between pieces")
    return parser


def _banner(sandbox: Sandbox) -> str:
    lines = ["qwen-sandbox: scripted answers, no model inside. Base URLs:"]
    for gateway in GATEWAYS:
        models = ", ".join(model.id for model in gateway.models)
        lines.append(f"  {sandbox.url}{gateway.base_path}   ({models})")
    return "\n".join([*lines, f"API key: {sandbox.api_key}", "Stop with Ctrl-C.", ""])
