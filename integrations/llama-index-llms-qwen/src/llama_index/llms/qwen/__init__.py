"""Qwen for LlamaIndex, through any OpenAI-compatible endpoint."""

from qwen_endpoints import when_shown

from llama_index.llms.qwen._answers import FilteredOutputError, StructuredOutputError
from llama_index.llms.qwen._register import register
from llama_index.llms.qwen._version import __version__
from llama_index.llms.qwen.base import Qwen

__all__ = ["FilteredOutputError", "Qwen", "StructuredOutputError", "__version__", "register"]


def _register_types() -> None:
    """Tell `show` of LlamaIndex's types."""
    from llama_index.llms.qwen import _display_events as _display_events  # noqa: PLC0415 - not before something is shown


when_shown(_register_types)
