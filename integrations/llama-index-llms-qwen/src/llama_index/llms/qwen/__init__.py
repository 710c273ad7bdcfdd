"""Qwen for LlamaIndex, through any OpenAI-compatible endpoint."""

from llama_index.llms.qwen._answers import FilteredOutputError, StructuredOutputError
from llama_index.llms.qwen._register import register
from llama_index.llms.qwen.base import Qwen

__version__ = "0.1.0"

__all__ = ["FilteredOutputError", "Qwen", "StructuredOutputError", "__version__", "register"]
