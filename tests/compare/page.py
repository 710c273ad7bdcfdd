"""docs/comparison.md, written from what the probes found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from tests.compare.layout import Footnotes, newest, ran, table
from tests.compare.peers import PEERS
from tests.compare.table import THEMES
from tests.compare.verdicts import Verdict

_HEAD: Final = """\
<!-- Written by `make compare`; do not edit. -->

# ChatQwen and its peers

Each cell is a probe that ran: a short program that used the class against a local HTTP server and looked at what was
sent and what was returned. All classes got the same bytes, made-up keys and no network.

The rows are what `ChatQwen` set out to get right, so its column shows no gaps by construction: the tests fail if it
does not answer yes. Read the other columns as a list of what to check before you rely on it. `ChatOpenAI`,
`ChatDeepSeek` and `ChatOpenRouter` are made for one service each; here they are pointed at a gateway that serves Qwen,
as their `base_url` allows. They run with their default settings and what their documentation offers for the purpose;
where only an option helps, the cell says which.
"""
_LEGEND: Final = """\
**partly**: some of it, or only through the option in the footnote. **n/a**: the question does not arise. A footnote
after **no** says how it failed, where more than the answer was wrong.
"""
_FOOT: Final = """\
## Run it yourself

`make compare` installs the versions above into `.venv-compare`, runs every probe and writes this page; it needs Python
3.11 or newer and takes a few minutes. The probes are in `tests/compare`, a function for each row. A model that sends
and returns nothing runs through them as well and must fail every one.
"""


@dataclass(frozen=True)
class Column:
    """What one process found for its peer."""

    version: str
    found: Mapping[str, Mapping[str, Verdict]]
    """By theme and title."""


def page(columns: Mapping[str, Column], stored: str) -> str:
    """Write the page. It keeps the date of the stored one unless something else has changed."""
    notes = Footnotes()
    parts = [_HEAD, _versions(columns), ran(), _LEGEND]
    parts += ["\n".join([f"## {theme}", "", _theme(theme, columns, notes), ""]) for theme in THEMES]
    return newest("\n".join([*parts, _FOOT, notes.text()]), stored)


def _versions(columns: Mapping[str, Column]) -> str:
    rows = [
        (peer.name, f"`{peer.module}.{peer.class_name}`", f"{peer.distribution} {columns[peer.name].version}")
        for peer in PEERS
    ]
    beneath = ", ".join(f"{name} {version(name)}" for name in ("langchain-core", "openai", "litellm", "openrouter"))
    return "\n".join([*table(("column", "class", "distribution"), rows), "", f"With {beneath}.", ""])


def _theme(theme: str, columns: Mapping[str, Column], notes: Footnotes) -> str:
    rows = [
        (row.title, *(notes.cell(columns[peer.name].found[theme][row.title]) for peer in PEERS))
        for row in THEMES[theme]
    ]
    return "\n".join(table(("", *(peer.name for peer in PEERS)), rows))
