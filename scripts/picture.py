"""Draws `docs/images/terminal.svg`, the README's picture: what a terminal shows of an agent, as it was written there.

`python scripts/picture.py` plays the scene against the sandbox in a terminal of its own (so not on Windows).
"""

from __future__ import annotations

import io
import os
import pty
import re
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

PICTURE: Final = Path(__file__).parent.parent / "docs" / "images" / "terminal.svg"
_WIDTH: Final = 112
_SCENE: Final = '''\
from langchain.agents import create_agent
from langchain_qwen import ChatQwen
from qwen_endpoints.display import show

def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"18 degrees and sunny in {city}"

llm = ChatQwen(model="qwen/qwen3-235b-a22b", provider="wcode", enable_thinking=True)
agent = create_agent(llm, [get_weather])
question = {"messages": [("user", "What is the weather in Paris?")]}
messages = show(agent.stream(question, stream_mode="messages"))
'''
_AT_THE_SANDBOX: Final = """\
from qwen_sandbox import Sandbox
with Sandbox() as sandbox:
    scene = scene.replace("True)", "True, base_url=sandbox.base_url('wcode'), api_key=sandbox.api_key)")
    exec(compile(scene, "scene", "exec"), {"__name__": "scene", "sandbox": sandbox})
"""
_FONT: Final = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""Fonts that a reader's browser would fetch from elsewhere."""


def main() -> None:
    """Play the scene and draw it."""
    written = _played()
    screen = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True)
    screen.print(Syntax(_SCENE, "python", theme="ansi_dark"))
    screen.print(Text.from_ansi(written.replace("\r\n", "\n").rstrip()))
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(_FONT.sub("", screen.export_svg(title="agent.py")) + "\n", encoding="utf-8")


def _played() -> str:
    """Run the scene in a terminal, as wide as the picture, and return what it wrote."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(COLUMNS=str(_WIDTH), TERM="xterm-256color", COLORTERM="truecolor")
        os.environ.pop("NO_COLOR", None)
        os.execv(sys.executable, [sys.executable, "-c", f"scene = {_SCENE!r}\n{_AT_THE_SANDBOX}"])  # noqa: S606 - ours
    pieces: list[bytes] = []
    while piece := _read(terminal):
        pieces.append(piece)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(b"".join(pieces).decode())
    return b"".join(pieces).decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that the other end is closed
        return b""


if __name__ == "__main__":
    main()
