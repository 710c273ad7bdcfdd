"""The documentation's pages, and the code in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted(
    {*ROOT.glob("README*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("integrations/*/README.md")},
)
_BLOCK: Final = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    """Where its text begins, from 1."""
    language: str
    text: str

    @property
    def place(self) -> str:
        """Where a person finds it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def new(self) -> str:
        """What a diff ends with. A removed line leaves an empty one, so that line numbers stay."""
        return self._side("-")

    @property
    def old(self) -> str:
        """What a diff begins with."""
        return self._side("+")

    def _side(self, left_out: str) -> str:
        lines = self.text.splitlines(keepends=True)
        return "".join("\n" if line[0] == left_out else line[1:] or "\n" for line in lines)


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """Give a page's blocks in order: all of them, or those in these languages."""
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        if not languages or found[1] in languages:
            yield Block(page=page, line=text.count("\n", 0, found.start(2)) + 1, language=found[1], text=found[2])


def run(block: Block, code: str, names: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run a block's code as a module would; tracebacks name the page and its line. Return what it defined."""
    namespace: dict[str, Any] = {"__name__": "snippet"} if names is None else names
    exec(compile("\n" * (block.line - 1) + code, str(block.page), "exec"), namespace)  # noqa: S102 - our own pages
    return namespace


def commands(pages: Iterable[Path]) -> Iterator[tuple[Block, str]]:
    """Give each command that pages tell their readers to type: lines after `$ ` on a console, all lines of a script."""
    for page in pages:
        for block in blocks(page, "console", "bash", "sh"):
            for line in block.text.splitlines():
                if block.language != "console":
                    yield block, line
                elif line.startswith("$ "):
                    yield block, line.removeprefix("$ ")


def is_installed(module: str) -> bool:
    """Whether a module, which may lie within a package that is not there either, can be imported."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
