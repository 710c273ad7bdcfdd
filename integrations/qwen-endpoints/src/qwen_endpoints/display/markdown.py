"""Markdown -> HTML by markdown-it, which comes with rich; without it, text stays as the model wrote it."""

from __future__ import annotations

from functools import cache
from typing import Any


def to_html(text: str) -> str | None:
    """Return formatted HTML; `None` where markdown-it is not installed.

    HTML in the text is escaped. Images are not drawn, since a notebook would fetch them: `![a](b)` is a link instead.
    """
    parser = _parser()
    return None if parser is None else parser.render(text)


@cache
def _parser() -> Any:
    try:
        from markdown_it import MarkdownIt  # noqa: PLC0415 - the extra `display`
    except ImportError:
        return None
    # Models break lines where they mean it.
    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table").disable("image")
