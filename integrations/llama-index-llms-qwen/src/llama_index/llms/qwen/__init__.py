"""Qwen for LlamaIndex, through any OpenAI-compatible endpoint."""

from llama_index.llms.qwen.base import Qwen

__all__ = ["Qwen"]
