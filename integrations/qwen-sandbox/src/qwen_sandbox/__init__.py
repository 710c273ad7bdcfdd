"""A local gateway that speaks documented Qwen endpoints strictly, with scripted answers and no model inside."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qwen_sandbox._version import __version__

if TYPE_CHECKING:
    from qwen_sandbox.canned import Reply
    from qwen_sandbox.recording import RecordedRequest
    from qwen_sandbox.server import Sandbox

__all__ = ["RecordedRequest", "Reply", "Sandbox", "__version__"]

_HOME = {"RecordedRequest": "recording", "Reply": "canned", "Sandbox": "server"}


def __getattr__(name: str) -> Any:
    """Import a public name on first use: pytest loads this package in every run, few runs need the server."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
