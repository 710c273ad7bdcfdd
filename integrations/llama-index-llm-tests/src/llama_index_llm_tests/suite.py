"""The whole suite as one class."""

from __future__ import annotations

from llama_index_llm_tests.chat import ChatTests


class LLMSuite(ChatTests):
    """Every group of tests. Subclass it in a test module and say what `UnderTest` asks.

    Example:
        >>> class TestMyLLM(LLMSuite):
        ...     llm_class = MyLLM
        ...     settings = {"model": "some-model", "max_retries": 0}
    """
