"""The documentation's site: which pages it has, where their links lead, and what its last check finds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from scripts.site_check import problems
from scripts.site_pages import PLACES, ROOT, STAND_INS, Published, lay_out, pages

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def navigated(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for value in cast("dict[str, Any]", entry).values():
                yield from navigated([value] if isinstance(value, str) else value)


def test_every_page_is_in_the_navigation_and_the_navigation_has_no_other() -> None:
    with (ROOT / "zensical.toml").open("rb") as file:
        listed = list(navigated(tomllib.load(file)["project"]["nav"]))
    there = {place for place in pages().values() if place.endswith(".md")}
    assert there - set(listed) == set(), "add the page to nav in zensical.toml"
    assert set(listed) - there == set(), "nav in zensical.toml names a page that is not there"
    assert len(listed) == len(set(listed))


def test_what_stands_for_a_page_of_the_repository_is_on_the_site() -> None:
    assert set(STAND_INS.values()) <= set(pages().values())
    assert [name for name in (*PLACES, *STAND_INS) if not (ROOT / name).exists()] == []


# Links

REPOSITORY = {
    "README.md": "",
    "CHANGELOG.md": "",
    "docs/costs.md": "",
    "docs/guides/deep.md": "",
    "docs/pictures/a.png": "",
    "integrations/qwen-sandbox/README.md": "",
    "notebooks/01.ipynb": "",
    "tests/test_it.py": "",
}

LINKS = {
    "a page beside it": ("docs/costs.md", "[x](guides/deep.md#end)", "[x](guides/deep.md#end)"),
    "a page outside": ("docs/costs.md", "[x](../CHANGELOG.md)", "[x](changes.md)"),
    "a page outside, from a folder": ("docs/guides/deep.md", "[x](../../CHANGELOG.md#a)", "[x](../changes.md#a)"),
    "into docs, from outside": ("CHANGELOG.md", "[x](docs/guides/deep.md)", "[x](guides/deep.md)"),
    "from outside to outside": ("integrations/qwen-sandbox/README.md", "[x](../../CHANGELOG.md)", "[x](changes.md)"),
    "a page that another says": ("docs/costs.md", "[x](../README.md)", "[x](index.md)"),
    "a notebook": ("docs/costs.md", "[x](../notebooks/01.ipynb)", "[x](notebooks/01.ipynb)"),
    "a file of the repository alone": ("docs/costs.md", "see [`x`](../tests/test_it.py).", "see `x`."),
    "nothing": ("docs/costs.md", "[x](../gone.md)", "[x](../gone.md)"),
    "a place on the page": ("docs/costs.md", "[x](#end)", "[x](#end)"),
    "another host": ("docs/costs.md", "[x](https://example.com/README.md)", "[x](https://example.com/README.md)"),
    "a picture": ("CHANGELOG.md", "![x](docs/pictures/a.png)", "![x](pictures/a.png)"),
    "a picture that is a link": (
        "CHANGELOG.md",
        "[![x](docs/pictures/a.png)](tests/test_it.py)",
        "![x](pictures/a.png)",
    ),
    "a tag": ("CHANGELOG.md", '<img src="docs/pictures/a.png">', '<img src="pictures/a.png">'),
    "code": ("docs/costs.md", "```\n[x](../CHANGELOG.md)\n```\n", "```\n[x](../CHANGELOG.md)\n```\n"),
    "after code": ("docs/costs.md", "```\ny\n```\n[x](../CHANGELOG.md)", "```\ny\n```\n[x](changes.md)"),
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name, text in REPOSITORY.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("source", "written", "expected"), LINKS.values(), ids=LINKS)
def test_a_link_leads_to_its_page_on_the_site(repository: Path, source: str, written: str, expected: str) -> None:
    assert Published(source, pages(repository), repository).text(written) == expected


def test_the_pages_are_laid_out_anew(repository: Path, tmp_path: Path) -> None:
    (repository / "docs" / "costs.md").write_text("[x](../CHANGELOG.md)", encoding="utf-8")
    target = tmp_path / "build" / "site-pages"
    target.mkdir(parents=True)
    (target / "old.md").touch()
    lay_out(repository, target)
    assert sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()) == [
        "changes.md",
        "costs.md",
        "guides/deep.md",
        "notebooks/01.ipynb",
        "pictures/a.png",
        "sandbox.md",
    ]
    assert (target / "costs.md").read_text(encoding="utf-8") == "[x](changes.md)"


# The built site

FINDINGS = {
    "a script": ('<script src="https://example.com/a.js"></script>', "index.html fetches https://example.com/a.js"),
    "a font": ('<link href="//fonts.example.com/a" rel="stylesheet">', "index.html fetches //fonts.example.com/a"),
    "a picture": ('<img srcset="https://example.com/a.png">', "index.html fetches https://example.com/a.png"),
    "a page": ('<a href="gone/">x</a>', "index.html leads to gone, which is not there"),
    "a place": ('<a href="other/#gone">x</a>', "index.html leads to other/index.html#gone, which is not there"),
    "a place here": ('<a href="#gone">x</a>', "index.html leads to index.html#gone, which is not there"),
}
FINE = """<link href="a.css" rel="stylesheet"><a href="https://example.com">x</a><a href="other/#place">x</a>
<a href="a.css">x</a><a href="#here" id="here">x</a><a href="mailto:a@example.com">x</a>"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text('<h2 id="place">x</h2><a href="../#here">x</a>', encoding="utf-8")
    (tmp_path / "index.html").write_text(FINE, encoding="utf-8")
    (tmp_path / "a.css").write_text('a { background: url("data:image/png;base64,") }', encoding="utf-8")
    return tmp_path


def test_a_site_without_faults(site: Path) -> None:
    assert list(problems(site)) == []


@pytest.mark.parametrize(("html", "found"), FINDINGS.values(), ids=FINDINGS)
def test_a_fault_of_a_page_is_found(site: Path, html: str, found: str) -> None:
    (site / "index.html").write_text(FINE + html, encoding="utf-8")
    assert list(problems(site)) == [found]


@pytest.mark.parametrize("rule", ["@import 'https://example.com/a'", "a { background: url(https://example.com/a) }"])
@pytest.mark.parametrize("name", ["a.css", "picture.svg"])
def test_what_a_style_fetches_is_found(site: Path, name: str, rule: str) -> None:
    (site / name).write_text(f"<style>{rule}</style>" if name.endswith("svg") else rule, encoding="utf-8")
    assert list(problems(site)) == [f"{name} fetches https://example.com/a"]


def test_a_dead_link_of_many_pages_is_said_once(site: Path) -> None:
    (site / "index.html").write_text(FINE + '<a href="gone.html">x</a>', encoding="utf-8")
    other = site / "other" / "index.html"
    other.write_text(other.read_text(encoding="utf-8") + '<a href="../gone.html">x</a>', encoding="utf-8")
    assert list(problems(site)) == ["index.html and 1 more leads to gone.html, which is not there"]


def test_no_site_at_all_is_a_fault(tmp_path: Path) -> None:
    assert list(problems(tmp_path)) == [f"{tmp_path} holds no page"]
