"""The classes that are compared: how each is built for a server, by its own documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from tests.compare_llamaindex.native_gateway import point_sdk_at

Settings = Mapping[str, Any]

_ROOT: Final = Path(__file__).parents[2]
_ENVIRONMENTS: Final = {name: _ROOT / f".venv-compare-{name}" for name in ("llamaindex", "openrouter")}


def _none() -> dict[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One column of the table. What is not described here is described in the suite's `UnderTest`."""

    name: str
    distribution: str
    module: str
    class_name: str
    settings: Settings
    address: str = "api_base"
    key_variable: str = ""
    thinking_on: Settings = field(default_factory=_none)
    thinking_off: Settings = field(default_factory=_none)
    not_applicable: Mapping[str, str] = field(default_factory=dict[str, str])
    spelled: Callable[[Settings], Settings] = dict
    """Turns the suite's constructor arguments (`model`, `default_headers`, the address) into those of the class."""
    prepare: Callable[[], object] = _none
    """What a program that uses the class does once."""
    environment: str = "llamaindex"
    """The virtual environment it lives in, by the end of its folder's name."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables that the class documents for work without a network."""
    beneath: tuple[str, ...] = ("llama-index-core",)
    """Distributions whose version the page states beside that of the class."""

    @property
    def python(self) -> Path:
        """The interpreter that has it."""
        return _ENVIRONMENTS[self.environment] / "bin/python"

    def load(self) -> Any:
        """Import the class."""
        return getattr(import_module(self.module), self.class_name)


_WINDOW: Final = 32_768
_SHARED: Final = {"model": "qwen3-32b", "max_retries": 0}
# OpenAI's classes have no switch of Qwen's; `extra_body` is what their SDK documents.
_THINK: Final = {"extra_body": {"enable_thinking": True}}
_THINK_NOT: Final = {"extra_body": {"enable_thinking": False}}


def _additionally(given: Settings, **renamed: str) -> Settings:
    """Move what the class takes for one call, under the name it has there, into `additional_kwargs` for every call."""
    moved = {renamed[name]: value for name, value in given.items() if name in renamed}
    rest = {name: value for name, value in given.items() if name not in renamed}
    return {**rest, "additional_kwargs": {**given.get("additional_kwargs", {}), **moved}} if moved else rest


def _for_openai(given: Settings) -> Settings:
    return _additionally(given, extra_body="extra_body")


_ANY_SERVER: Final = "openai/"
"""Litellm's word, before a model's name, for any server that speaks Chat Completions."""


def _for_litellm(given: Settings) -> Settings:
    model = _ANY_SERVER + given["model"].removeprefix(_ANY_SERVER)
    return _additionally(
        {**given, "model": model}, extra_body="extra_body", default_headers="extra_headers", timeout="timeout"
    )


def _register_with_litellm() -> None:
    """Describe the models, as litellm documents for those it does not know (docs/completion/token_usage, no. 8)."""
    facts = {
        "litellm_provider": "openai",
        "mode": "chat",
        "max_tokens": 8_192,
        "max_input_tokens": _WINDOW,
        "max_output_tokens": 8_192,
        "supports_function_calling": True,
    }
    names = ("qwen3-32b", "qwen3-omni-flash")
    litellm: Any = import_module("litellm")
    litellm.register_model({_ANY_SERVER + name: facts for name in names})


def _for_dashscope(given: Settings) -> Settings:
    point_sdk_at(given["api_base"])
    rest = {name: value for name, value in given.items() if name not in ("model", "api_base")}
    return {**rest, "model_name": given["model"]}


_NAMING_THE_MODEL: Final = ("test_the_model_that_answered_can_be_found", "test_a_completion_says_who_answered")
_SENDING_HEADERS: Final = (
    "test_the_key_is_not_shown",
    "test_headers_are_not_shown",
    "test_events_hold_no_secrets",
    "test_logs_hold_no_key",
    "test_a_dump_restores_the_llm",
    "test_a_dump_in_json_restores_the_llm",
    "test_copies_work",
    "test_a_copy_may_be_changed",
    "test_headers_of_a_call_join_those_of_the_llm",
)

PEERS: Final = (
    Peer(
        name="OpenAILike",
        distribution="llama-index-llms-openai-like",
        module="llama_index.llms.openai_like",
        class_name="OpenAILike",
        settings={**_SHARED, "is_chat_model": True, "is_function_calling_model": True, "context_window": _WINDOW},
        key_variable="OPENAI_API_KEY",
        thinking_on=_THINK,
        thinking_off=_THINK_NOT,
        spelled=_for_openai,
        beneath=("llama-index-core", "llama-index-llms-openai", "openai"),
    ),
    Peer(
        name="OpenRouter",
        distribution="llama-index-llms-openrouter",
        module="llama_index.llms.openrouter",
        class_name="OpenRouter",
        settings={**_SHARED, "is_function_calling_model": True, "context_window": _WINDOW},
        key_variable="OPENROUTER_API_KEY",
        thinking_on={"extra_body": {"reasoning": {"enabled": True}}},
        thinking_off={"extra_body": {"reasoning": {"enabled": False}}},
        spelled=_for_openai,
        environment="openrouter",
        beneath=("llama-index-core", "llama-index-llms-openai-like", "llama-index-llms-openai", "openai"),
    ),
    Peer(
        name="DashScope",
        distribution="llama-index-llms-dashscope",
        module="llama_index.llms.dashscope",
        class_name="DashScope",
        settings={"model": "qwen3-32b", "context_window": _WINDOW},
        key_variable="DASHSCOPE_API_KEY",
        thinking_on={"enable_thinking": True},
        thinking_off={"enable_thinking": False},
        not_applicable={
            **dict.fromkeys(_NAMING_THE_MODEL, "the replies of its protocol do not name the model"),
            **dict.fromkeys(_SENDING_HEADERS, "the test sends headers of the user's, which the class does not take"),
        },
        spelled=_for_dashscope,
        beneath=("llama-index-core", "dashscope"),
    ),
    Peer(
        name="LiteLLM",
        distribution="llama-index-llms-litellm",
        module="llama_index.llms.litellm",
        class_name="LiteLLM",
        settings={**_SHARED, "model": f"{_ANY_SERVER}qwen3-32b"},
        key_variable="OPENAI_API_KEY",
        thinking_on=_THINK,
        thinking_off=_THINK_NOT,
        spelled=_for_litellm,
        prepare=_register_with_litellm,
        variables={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        beneath=("llama-index-core", "litellm", "mcp", "openai"),
    ),
    Peer(
        name="Qwen",
        distribution="llama-index-llms-qwen",
        module="llama_index.llms.qwen",
        class_name="Qwen",
        settings={**_SHARED, "provider": "generic"},
        address="base_url",
        thinking_on={"enable_thinking": True},
        thinking_off={"enable_thinking": False},
        beneath=("llama-index-core", "openai"),
    ),
)
OURS: Final = PEERS[-1]

NOTHING: Final = Peer(
    name="nothing",
    distribution="llama-index-core",
    module="tests.compare_llamaindex.nothing",
    class_name="Nothing",
    settings=_SHARED,
    key_variable="NOTHING_API_KEY",
    thinking_on={"enable_thinking": True},
    thinking_off={"enable_thinking": False},
)
"""No column: the class that does nothing, of which no test may approve."""

BY_NAME: Final = {peer.name: peer for peer in (*PEERS, NOTHING)}
