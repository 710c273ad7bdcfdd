"""Lays the site's pages out in `build/site-pages`, where zensical finds them (`make docs`).

These are the pages of `docs/`, and those that a reader of the site needs but that live beside the code. In the
repository each page links to files where they are. On the site a link to a page that is published leads to that page,
a notebook can be downloaded, and any other link into the repository is left as its text. A link to nothing is kept:
the strict build refuses it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Final
from urllib.parse import unquote

ROOT: Final = Path(__file__).parent.parent
TARGET: Final = ROOT / "build" / "site-pages"
DOCS: Final = "docs"

PLACES: Final[Mapping[str, str]] = {
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.zh.md": "zh/index.md",
    "integrations/llama-index-llm-tests/README.md": "llama-index-llm-tests.md",
    "integrations/qwen-sandbox/README.md": "sandbox.md",
    "notebooks/README.md": "notebooks.md",
}
"""Pages from outside `docs/`, each with its place on the site."""

STAND_INS: Final[Mapping[str, str]] = {
    "README.md": "index.md",
    "integrations/langchain-qwen/README.md": "langchain.md",
    "integrations/llama-index-llms-qwen/README.md": "llamaindex.md",
    "integrations/qwen-endpoints/README.md": "reference/core.md",
    "notebooks": "notebooks.md",
}
"""Pages of the repository that the site says in another one."""

_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1[^\n]*$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\((?P<target>[^)\s]+)\)")
_ATTRIBUTE = re.compile(r"(?P<name>\b(?:src|srcset|href))=\"(?P<target>[^\"\s]+)\"")


def pages(root: Path = ROOT) -> dict[str, str]:
    """Return every file of the site that is there: its path in the repository, and its path on the site."""
    docs = root / DOCS
    inside = {
        f"{DOCS}/{name}": name
        for path in sorted(docs.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
        for name in [path.relative_to(docs).as_posix()]
    }
    notebooks = {f"notebooks/{path.name}": f"notebooks/{path.name}" for path in root.glob("notebooks/*.ipynb")}
    beside = {source: place for source, place in PLACES.items() if (root / source).is_file()}
    return {**inside, **notebooks, **beside}


@dataclass(frozen=True)
class Published:
    """Says a page's links as the site has them."""

    source: str
    """Where the page is in the repository."""
    places: Mapping[str, str]
    """What `pages` returns."""
    root: Path = ROOT

    def text(self, markdown: str) -> str:
        """Return the page's Markdown with its links moved, but for those in blocks of code."""
        parts: list[str] = []
        end = 0
        for fence in _FENCE.finditer(markdown):
            parts += [self._prose(markdown[end : fence.start()]), fence.group()]
            end = fence.end()
        return "".join([*parts, self._prose(markdown[end:])])

    def _prose(self, text: str) -> str:
        return _ATTRIBUTE.sub(self._attribute, _LINK.sub(self._link, text))

    def _link(self, match: re.Match[str]) -> str:
        text = _LINK.sub(self._link, match["text"])
        target = self._moved(match["target"])
        return text if target is None else f"{match['picture']}[{text}]({target})"

    def _attribute(self, match: re.Match[str]) -> str:
        return f'{match["name"]}="{self._moved(match["target"]) or match["target"]}"'

    def _moved(self, target: str) -> str | None:
        """Return where a link leads on the site, or `None` if only the repository has what it leads to."""
        path, mark, anchor = target.partition("#")
        if not path or ":" in path or path.startswith("/"):
            return target
        found = normpath(PurePosixPath(self.source).parent / unquote(path))
        place = self.places.get(found) or STAND_INS.get(found)
        if place is None:
            return None if (self.root / found).exists() else target
        here = PurePosixPath(self.places[self.source]).parent
        return relpath(place, here) + mark + anchor


def lay_out(root: Path = ROOT, target: Path = TARGET) -> None:
    """Write the site's files into `target`, which is emptied first."""
    shutil.rmtree(target, ignore_errors=True)
    places = pages(root)
    for source, place in places.items():
        destination = target / place
        destination.parent.mkdir(parents=True, exist_ok=True)
        if source.endswith(".md"):
            text = (root / source).read_text(encoding="utf-8")
            destination.write_text(Published(source, places, root).text(text), encoding="utf-8")
        else:
            shutil.copyfile(root / source, destination)


if __name__ == "__main__":
    lay_out()
