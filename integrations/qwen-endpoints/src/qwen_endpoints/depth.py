"""Values that are nested too deeply, or hold themselves: they can be neither copied nor written."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from qwen_endpoints.errors import QwenError

_MESSAGE: Final = (
    "The request is nested too deeply to be written, or a part of it holds itself: look at the schemas of the tools, "
    "at response_format and at extra_body."
)


@contextmanager
def refusing_depth(error: Callable[[str], QwenError]) -> Generator[None]:
    """Raise what `error` makes of a message where Python's own limit is met, which is some hundred levels."""
    try:
        yield
    except RecursionError:
        raise error(_MESSAGE) from None  # a thousand equal frames would hide where it was called from
