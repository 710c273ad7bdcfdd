"""Looks through the built site: nothing comes from another host, and every link within it leads somewhere.

`python scripts/site_check.py` is the last step of `make docs`; it prints what is wrong and exits with 1.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from typing_extensions import override

SITE: Final = Path(__file__).parent.parent / "site"
_FETCHED: Final = frozenset({"src", "srcset", "poster", "data"})
"""Attributes whose address a browser fetches by itself; of `link` it is `href`."""
_STYLED: Final = re.compile(r"(?:@import\s+|url\()\s*[\"']?((?:https?:)?//[^\"')\s]+)")


@dataclass
class Page(HTMLParser):
    """What a page fetches, where it leads, and which places in it can be led to."""

    ids: set[str] = field(default_factory=set[str])
    links: set[str] = field(default_factory=set[str])
    fetched: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        super().__init__()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.ids.add(value)
            elif tag == "a" and name == "href":
                self.links.add(value)
            elif name in _FETCHED or (tag == "link" and name == "href"):
                self.fetched.add(value)


def read(site: Path) -> dict[Path, Page]:
    """Read every page of a site."""
    pages: dict[Path, Page] = {}
    for path in sorted(site.rglob("*.html")):
        page = pages[path] = Page()
        page.feed(path.read_text(encoding="utf-8"))
    return pages


def problems(site: Path) -> Iterator[str]:
    """Say what is wrong with a site, one line each. A dead link that many pages have, as of the navigation, is one."""
    site = site.resolve()
    pages = read(site)
    if not pages:
        yield f"{site} holds no page"
    dead: dict[str, list[Path]] = defaultdict(list)
    for path, page in pages.items():
        where = path.relative_to(site)
        yield from (f"{where} fetches {address}" for address in sorted(page.fetched) if urlsplit(address).netloc)
        for target in {target for link in page.links if (target := _dead(link, path, site, pages))}:
            dead[target].append(where)
    for target, places in sorted(dead.items()):
        more = f" and {len(places) - 1} more" if places[1:] else ""
        yield f"{places[0]}{more} leads to {target}, which is not there"
    for style in sorted([*site.rglob("*.css"), *site.rglob("*.svg")]):
        found = _STYLED.findall(style.read_text(encoding="utf-8"))
        yield from (f"{style.relative_to(site)} fetches {address}" for address in found)


def _dead(link: str, path: Path, site: Path, pages: Mapping[Path, Page]) -> str | None:
    """Return what a link leads to if that is not there."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    # The page that is shown for addresses without one is shown at any of them, so its links begin at the root.
    target = (path.parent / unquote(parts.path.lstrip("/"))).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    anchor = unquote(parts.fragment)
    if target.is_file() and (target not in pages or not anchor or anchor in pages[target].ids):
        return None
    shown = target.relative_to(site) if target.is_relative_to(site) else target
    return f"{shown}#{anchor}" if anchor else str(shown)


if __name__ == "__main__":
    found = list(problems(SITE))
    print("\n".join(found) or f"{len(read(SITE))} pages, nothing from other hosts, no dead link")
    sys.exit(bool(found))
