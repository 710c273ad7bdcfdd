"""The table of sides: what is measured, where it is installed, and what it cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]

PARTS: Final = ("start", "held", "streams", "framed", "calls", "encode", "growth")
"""What can be measured of a side, in the order in which one process does it."""


LLAMAINDEX: Final = ("on_llamaindex", "on_dashscope")
"""The drivers whose pieces have the message so far."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One row of every table."""

    name: str
    kind: str
    """`floor`: what nobody can be below; `ours`; `peer`."""
    driver: str
    """The module of `benchmarks` whose `Driver` knows how to use it."""
    module: str
    """What is imported: the time of `import` is this module's."""
    class_name: str
    distributions: tuple[str, ...]
    """Whose versions the page states; the first is the class's own."""
    environment: str = "bench"
    protocol: str = "completions"
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    address: str = "base_url"
    """The argument that takes the server's address; empty if the driver has another way."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables that it documents for work without a network."""
    share: float = 1.0
    """What part of the pieces and calls it does, so that slow ones do not take all the time."""
    turns: int = 99
    """In how many rounds it takes part, at most."""
    starts: int = 1
    """How many processes start in each round; what they took differs more than all else. Sides whose imports are
    compared have the same number: see `of_starts.DEPTHS`."""
    once: tuple[str, ...] = ()
    """Parts that it does in the first round only."""
    unable: Mapping[str, str] = field(default_factory=dict[str, str])
    """Parts or figures that it is not measured in, each with the reason."""

    @property
    def python(self) -> Path:
        """The interpreter that has it."""
        return ROOT / f".venv-{self.environment}" / "bin/python"


_MODEL: Final = {"model": "qwen3-vl-32b-instruct"}
_OURS: Final = {**_MODEL, "provider": "generic"}
_OUR_MESSAGES: Final = {**_MODEL, "provider": "vllm-anthropic"}
_LIKE: Final = {**_MODEL, "is_chat_model": True, "is_function_calling_model": True, "context_window": 32_768}

_Reasons = dict[str, str]
_TEXT_ONLY: Final[_Reasons] = dict.fromkeys(
    ("streams.reasoning", "streams.call", "streams.calls", "encode", "growth"), "Messages is measured with text"
)
_NULL: Final[_Reasons] = dict.fromkeys(("encode", "framed", "held", "start.second_contexts"), "it asks nobody")
_SAMPLED: Final = {"growth": "not measured: long streams of every peer would take too long"}

SIDES: Final = (
    Side(
        name="null LangChain model",
        kind="floor",
        driver="on_langchain",
        module="langchain_core.language_models.chat_models",
        class_name="benchmarks.null_langchain:Null",
        distributions=("langchain-core",),
        starts=3,
        unable=_NULL,
    ),
    Side(
        name="null LlamaIndex model",
        kind="floor",
        driver="on_llamaindex",
        module="llama_index.core.llms.function_calling",
        class_name="benchmarks.null_llamaindex:Null",
        distributions=("llama-index-core",),
        starts=3,
        unable=_NULL,
    ),
    Side(
        name="mapping transport",
        kind="floor",
        driver="on_transport",
        module="httpx2",
        class_name="Client",
        distributions=("httpx2",),
    ),
    Side(
        name="openai SDK 3",
        kind="peer",
        driver="on_openai",
        module="openai",
        class_name="OpenAI",
        distributions=("openai", "httpx2"),
        settings={"max_retries": 2},
        once=("growth",),
    ),
    Side(
        name="openai SDK 2",
        kind="peer",
        driver="on_openai",
        module="openai",
        class_name="OpenAI",
        distributions=("openai", "httpx"),
        environment="compare",
        settings={"max_retries": 2},
        turns=3,
        unable=_SAMPLED,
    ),
    Side(
        name="anthropic SDK",
        kind="peer",
        driver="on_anthropic",
        module="anthropic",
        class_name="Anthropic",
        distributions=("anthropic",),
        protocol="messages",
        turns=3,
        unable=_TEXT_ONLY,
    ),
    Side(
        name="QwenClient",
        kind="ours",
        driver="on_core",
        module="qwen_endpoints",
        class_name="QwenClient",
        distributions=("qwen-endpoints", "httpx2"),
        settings=_OURS,
    ),
    Side(
        name="QwenClient, Messages",
        kind="ours",
        driver="on_core",
        module="qwen_endpoints",
        class_name="QwenClient",
        distributions=("qwen-endpoints", "httpx2"),
        protocol="messages",
        settings=_OUR_MESSAGES,
        turns=3,
        unable=_TEXT_ONLY,
    ),
    Side(
        name="ChatQwen",
        kind="ours",
        driver="on_langchain",
        module="langchain_qwen",
        class_name="ChatQwen",
        distributions=("langchain-qwen", "langchain-core", "httpx2"),
        settings=_OURS,
        starts=3,
    ),
    Side(
        name="ChatQwen, Messages",
        kind="ours",
        driver="on_langchain",
        module="langchain_qwen",
        class_name="ChatQwen",
        distributions=("langchain-qwen", "langchain-core", "httpx2"),
        protocol="messages",
        settings=_OUR_MESSAGES,
        turns=3,
        unable=_TEXT_ONLY,
    ),
    Side(
        name="ChatOpenAI",
        kind="peer",
        driver="on_langchain",
        module="langchain_openai",
        class_name="ChatOpenAI",
        distributions=("langchain-openai", "openai"),
        settings=_MODEL,
        starts=3,
        once=("growth",),
    ),
    Side(
        name="ChatOpenAI, openai 2",
        kind="peer",
        driver="on_langchain",
        module="langchain_openai",
        class_name="ChatOpenAI",
        distributions=("langchain-openai", "openai"),
        environment="compare",
        settings=_MODEL,
        turns=3,
        unable=_SAMPLED,
    ),
    Side(
        name="ChatDeepSeek",
        kind="peer",
        driver="on_langchain",
        module="langchain_deepseek",
        class_name="ChatDeepSeek",
        distributions=("langchain-deepseek", "openai"),
        environment="compare",
        settings=_MODEL,
        address="api_base",
        share=0.5,
        turns=2,
        unable=_SAMPLED,
    ),
    Side(
        name="langchain-qwq",
        kind="peer",
        driver="on_langchain",
        module="langchain_qwq",
        class_name="ChatQwen",
        distributions=("langchain-qwq", "openai"),
        environment="compare",
        settings=_MODEL,
        share=0.5,
        turns=2,
        unable=_SAMPLED,
    ),
    Side(
        name="ChatOpenRouter",
        kind="peer",
        driver="on_langchain",
        module="langchain_openrouter",
        class_name="ChatOpenRouter",
        distributions=("langchain-openrouter", "openrouter"),
        environment="compare",
        settings=_MODEL,
        share=0.3,
        turns=2,
        unable=_SAMPLED,
    ),
    Side(
        name="ChatLiteLLM",
        kind="peer",
        driver="on_langchain",
        module="langchain_litellm",
        class_name="ChatLiteLLM",
        distributions=("langchain-litellm", "litellm"),
        environment="compare",
        settings={
            "model": "openai/qwen3-vl-32b-instruct"
        },  # litellm's word for any server that speaks Chat Completions
        address="api_base",
        variables={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        share=0.2,
        turns=2,
        unable=_SAMPLED,
    ),
    Side(
        name="Qwen",
        kind="ours",
        driver="on_llamaindex",
        module="llama_index.llms.qwen",
        class_name="Qwen",
        distributions=("llama-index-llms-qwen", "llama-index-core", "httpx2"),
        settings=_OURS,
        starts=3,
    ),
    Side(
        name="Qwen, Messages",
        kind="ours",
        driver="on_llamaindex",
        module="llama_index.llms.qwen",
        class_name="Qwen",
        distributions=("llama-index-llms-qwen", "llama-index-core", "httpx2"),
        protocol="messages",
        settings=_OUR_MESSAGES,
        turns=3,
        unable=_TEXT_ONLY,
    ),
    Side(
        name="OpenAILike",
        kind="peer",
        driver="on_llamaindex",
        module="llama_index.llms.openai_like",
        class_name="OpenAILike",
        distributions=("llama-index-llms-openai-like", "llama-index-core", "openai"),
        environment="compare-llamaindex",
        settings=_LIKE,
        address="api_base",
        starts=3,
        once=("growth",),
    ),
    Side(
        name="OpenRouter",
        kind="peer",
        driver="on_llamaindex",
        module="llama_index.llms.openrouter",
        class_name="OpenRouter",
        distributions=("llama-index-llms-openrouter", "llama-index-core", "openai"),
        environment="compare-openrouter",
        settings={**_MODEL, "is_function_calling_model": True, "context_window": 32_768},
        address="api_base",
        share=0.5,
        turns=2,
        unable=_SAMPLED,
    ),
    Side(
        name="DashScope",
        kind="peer",
        driver="on_dashscope",
        module="llama_index.llms.dashscope",
        class_name="DashScope",
        distributions=("llama-index-llms-dashscope", "llama-index-core", "dashscope"),
        environment="compare-llamaindex",
        protocol="native",
        settings={"model_name": "qwen3-vl-32b-instruct"},
        address="",
        turns=2,
        unable=_SAMPLED,
    ),
)

BY_NAME: Final = {side.name: side for side in SIDES}
