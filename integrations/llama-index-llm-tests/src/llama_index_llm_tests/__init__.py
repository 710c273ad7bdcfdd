"""A conformance suite for LlamaIndex LLM classes that speak Chat Completions."""

import pytest

# Without this, a failed assertion of the suite would not show its values.
pytest.register_assert_rewrite("llama_index_llm_tests.asking", "llama_index_llm_tests.chat")

from llama_index_llm_tests.answers import Answer, Call  # noqa: E402 - after the line above
from llama_index_llm_tests.suite import LLMSuite  # noqa: E402 - as above

__all__ = ["Answer", "Call", "LLMSuite"]
