"""A conformance suite for LlamaIndex LLM classes that speak Chat Completions or Messages."""

import pytest

# Without this, a failed assertion of the suite would not show its values.
pytest.register_assert_rewrite(
    "llama_index_llm_tests.agents",
    "llama_index_llm_tests.asking",
    "llama_index_llm_tests.chat",
    "llama_index_llm_tests.completion",
    "llama_index_llm_tests.construction",
    "llama_index_llm_tests.ecosystem",
    "llama_index_llm_tests.events",
    "llama_index_llm_tests.failures",
    "llama_index_llm_tests.framework",
    "llama_index_llm_tests.media",
    "llama_index_llm_tests.messages.requests",
    "llama_index_llm_tests.packaging",
    "llama_index_llm_tests.predicting",
    "llama_index_llm_tests.reading",
    "llama_index_llm_tests.secrets",
    "llama_index_llm_tests.stream",
    "llama_index_llm_tests.stream_shapes",
    "llama_index_llm_tests.structured",
    "llama_index_llm_tests.thinking",
    "llama_index_llm_tests.tool_history",
    "llama_index_llm_tests.tool_streams",
    "llama_index_llm_tests.tools_in",
    "llama_index_llm_tests.tools_out",
    "llama_index_llm_tests.usage",
    "llama_index_llm_tests.wire",
)

from llama_index_llm_tests._version import __version__  # noqa: E402 - after the line above
from llama_index_llm_tests.answers import Answer, Call  # noqa: E402 - as above
from llama_index_llm_tests.suite import LLMSuite  # noqa: E402 - as above

__all__ = ["Answer", "Call", "LLMSuite", "__version__"]
