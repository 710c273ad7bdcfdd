"""The whole suite as one class."""

from __future__ import annotations

from llama_index_llm_tests.agents import AgentTests
from llama_index_llm_tests.chat import AnswerFactsTests, ChatRequestTests, ChatTests
from llama_index_llm_tests.completion import CompletionTests
from llama_index_llm_tests.construction import ConstructionTests
from llama_index_llm_tests.ecosystem import EcosystemTests
from llama_index_llm_tests.events import EventTests
from llama_index_llm_tests.failures import FailureTests
from llama_index_llm_tests.media import MediaTests
from llama_index_llm_tests.packaging import PackagingTests
from llama_index_llm_tests.secrets import SecretsTests
from llama_index_llm_tests.stream import StreamEndTests, StreamTests
from llama_index_llm_tests.stream_shapes import StreamShapeTests
from llama_index_llm_tests.structured import StructuredTests
from llama_index_llm_tests.thinking import ThinkingHistoryTests, ThinkingSwitchTests, ThinkingTests
from llama_index_llm_tests.tool_history import ToolHistoryTests
from llama_index_llm_tests.tool_streams import ToolStreamTests
from llama_index_llm_tests.tools_in import ToolChoiceTests, ToolMessagesTests, ToolRequestTests
from llama_index_llm_tests.tools_out import SpoiltCallTests, ToolCallTests, ToolSelectionTests
from llama_index_llm_tests.usage import UsageTests


class LLMSuite(
    ConstructionTests,
    SecretsTests,
    ChatTests,
    AnswerFactsTests,
    ChatRequestTests,
    StreamTests,
    StreamEndTests,
    StreamShapeTests,
    ThinkingTests,
    ThinkingHistoryTests,
    ThinkingSwitchTests,
    ToolRequestTests,
    ToolChoiceTests,
    ToolMessagesTests,
    ToolCallTests,
    SpoiltCallTests,
    ToolSelectionTests,
    ToolStreamTests,
    ToolHistoryTests,
    MediaTests,
    StructuredTests,
    UsageTests,
    EventTests,
    FailureTests,
    AgentTests,
    EcosystemTests,
    CompletionTests,
    PackagingTests,
):
    """Every group of tests. Subclass it in a test module and say what `UnderTest` asks.

    Example:
        >>> class TestMyLLM(LLMSuite):
        ...     llm_class = MyLLM
        ...     settings = {"model": "some-model", "max_retries": 0}
    """
