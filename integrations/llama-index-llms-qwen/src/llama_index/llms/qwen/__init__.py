"""Qwen for LlamaIndex, through any OpenAI-compatible endpoint."""

from llama_index.llms.qwen import _display_events as _display_events  # registers LlamaIndex's types with `show`
from llama_index.llms.qwen._answers import FilteredOutputError, StructuredOutputError
from llama_index.llms.qwen._register import register
from llama_index.llms.qwen._version import __version__
from llama_index.llms.qwen.base import Qwen

__all__ = ["FilteredOutputError", "Qwen", "StructuredOutputError", "__version__", "register"]
