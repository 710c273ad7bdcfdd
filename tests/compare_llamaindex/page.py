"""docs/comparison-llamaindex.md, written from what the suite found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.compare.layout import Footnotes, newest, ran, table
from tests.compare_llamaindex.cells import cell
from tests.compare_llamaindex.findings import Row
from tests.compare_llamaindex.peers import PEERS, Peer

_HEAD: Final = """\
<!-- Written by `make compare-llamaindex`; do not edit. -->

# Qwen and its peers in LlamaIndex

Each row is a test of the conformance suite `llama-index-llm-tests`, and each cell is that test, run: it used the class
against a local HTTP server and looked at what was sent and what was returned. All classes got the same replies, made-up
keys and no network.

The rows are what `Qwen` set out to get right, so its column shows no gaps by construction: the tests fail if it does
not answer yes. Read the other columns as a list of what to check before you rely on it. `OpenRouter` is made for one
service; here it is pointed at a server of the same protocol, as its `api_base` allows. `DashScope` speaks a protocol of
Alibaba's own, so a gateway stands between it and the server that translates requests, replies, streams and errors into
the words of the other side. All classes run with the settings that their documentation names for such a server; with
`LiteLLM` its library's extra `mcp` is installed, without which tools fail, and the models are registered as litellm
documents.
"""
_LEGEND: Final = """\
**partly**: some cases of the test pass; the footnote says which. There, *whole* means `chat` and `achat` (or
`complete` and `acomplete`), *streamed* their `stream_` forms, *sync* and *async* the forms without and with `a`.
**n/a**: the question does not arise, for the reason in the footnote. A footnote after **no** says how it failed, where
more than the answer was wrong.
"""
_FOOT: Final = """\
## Run it yourself

`make compare-llamaindex` installs the versions above into `.venv-compare-llamaindex` and, because `OpenRouter` needs
older libraries, `.venv-compare-openrouter`; it runs the suite for each class in a process of its own and writes this
page. It needs Python 3.11 or newer and takes a quarter of an hour. A class that sends and returns nothing runs through
the suite as well and must fail every test but those that doing nothing answers. To test a class of yours, see the
[README of the suite](../integrations/llama-index-llm-tests/README.md).
"""
_WORDS: Final = ("yes", "partly", "no", "n/a")


@dataclass(frozen=True)
class Column:
    """What one process found for its class."""

    versions: Mapping[str, str]
    """By distribution, the class's own first."""
    rows: Mapping[str, Row]
    """By the name of the test."""


def page(columns: Mapping[str, Column], stored: str) -> str:
    """Write the page. It keeps the date of the stored one unless something else has changed."""
    notes = Footnotes()
    rows = next(iter(columns.values())).rows
    parts = [_HEAD, *_classes(columns), ran(), _LEGEND, *_numbers(columns)]
    for group in dict.fromkeys(row.group for row in rows.values()):
        lines = [_line(name, columns, notes) for name, row in rows.items() if row.group == group]
        parts += [f"## {group}", "", *table(("", *columns), lines), ""]
    return newest("\n".join([*parts, _FOOT, notes.text()]), stored)


def _classes(columns: Mapping[str, Column]) -> Iterator[str]:
    rows = [(peer.name, f"`{peer.module}.{peer.class_name}`", *_built(peer, columns[peer.name])) for peer in PEERS]
    yield from table(("column", "class", "distribution", "on", "built with"), rows)
    yield ""


def _built(peer: Peer, column: Column) -> tuple[str, str, str]:
    own, *beneath = (f"{name} {version}" for name, version in column.versions.items())
    settings = ", ".join(f"{name}={value!r}" for name, value in peer.settings.items())
    return own, ", ".join(beneath), f"`{settings}`"


def _numbers(columns: Mapping[str, Column]) -> Iterator[str]:
    """How many rows of a column have which word."""
    counts = {name: Counter(cell(row.cases).word for row in column.rows.values()) for name, column in columns.items()}
    yield from table(("", *columns), ([word, *(str(counts[name][word]) for name in columns)] for word in _WORDS))
    yield ""


def _line(name: str, columns: Mapping[str, Column], notes: Footnotes) -> list[str]:
    title = next(iter(columns.values())).rows[name].title
    cells = (notes.cell(cell(column.rows[name].cases)) for column in columns.values())
    return [title.rstrip(".").replace("|", "\\|"), *cells]
