"""The classes that are compared: how each is built for a gateway, by its own documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

KEY: Final = "sk-compare"
"""The key that every model is given."""

Settings = Mapping[str, Any]
Service = Literal["openrouter", "dashscope"]


def _none() -> dict[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One column of the table."""

    name: str
    distribution: str
    module: str
    class_name: str
    settings: Settings
    """Constructor arguments of every probe, beside the address and the key."""
    address: str = "base_url"
    """The argument that takes the gateway's address."""
    reasoning_field: str = "reasoning_content"
    """The wire field in which rows about something other than the field's name give it reasoning."""
    thinking: Mapping[str, Settings] = field(default_factory=_none)
    """Constructor arguments that switch thinking `on` and `off`, and a `budget` of 100 tokens."""
    thinking_per_call: Settings = field(default_factory=_none)
    """Arguments of one call that switch thinking on; empty if they are the constructor's."""
    services: Mapping[str, Settings] = field(default_factory=_none)
    """What a user of that service sets in addition, where the class knows the service by name."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables that the class documents for work without a network."""


# The openai family has no switch of its own for Qwen; `extra_body` is what its documentation offers.
_EXTRA_BODY: Final = {
    "on": {"extra_body": {"enable_thinking": True}},
    "off": {"extra_body": {"enable_thinking": False}},
    "budget": {"extra_body": {"thinking_budget": 100}},
}
_NAMED: Final = {
    "on": {"enable_thinking": True},
    "off": {"enable_thinking": False},
    "budget": {"thinking_budget": 100},
}
_PATIENCE: Final = {"max_retries": 0, "timeout": 20}

PEERS: Final = (
    Peer(
        name="ChatOpenAI",
        distribution="langchain-openai",
        module="langchain_openai",
        class_name="ChatOpenAI",
        settings={"model": "qwen3-32b", **_PATIENCE},
        thinking=_EXTRA_BODY,
    ),
    Peer(
        name="ChatDeepSeek",
        distribution="langchain-deepseek",
        module="langchain_deepseek",
        class_name="ChatDeepSeek",
        settings={"model": "qwen3-32b", **_PATIENCE},
        address="api_base",
        thinking=_EXTRA_BODY,
    ),
    Peer(
        name="ChatOpenRouter",
        distribution="langchain-openrouter",
        module="langchain_openrouter",
        class_name="ChatOpenRouter",
        settings={"model": "qwen/qwen3-32b", "max_retries": 0, "timeout": 20_000},  # milliseconds
        reasoning_field="reasoning",
        thinking={
            "on": {"reasoning": {"effort": "medium"}},
            "off": {"reasoning": {"effort": "none"}},
            "budget": {"reasoning": {"max_tokens": 100}},
        },
    ),
    Peer(
        name="langchain-qwq",
        distribution="langchain-qwq",
        module="langchain_qwq",
        class_name="ChatQwen",
        settings={"model": "qwen3-32b", **_PATIENCE},
        thinking=_NAMED,
    ),
    Peer(
        name="ChatLiteLLM",
        distribution="langchain-litellm",
        module="langchain_litellm",
        class_name="ChatLiteLLM",
        # `openai/` is litellm's word for any server that speaks Chat Completions.
        settings={"model": "openai/qwen3-32b", "max_retries": 0, "request_timeout": 20},
        address="api_base",
        thinking={name: {"model_kwargs": settings} for name, settings in _NAMED.items()},
        thinking_per_call={"enable_thinking": True},
        services={
            "openrouter": {"model": "openrouter/qwen/qwen3-32b"},
            "dashscope": {"model": "dashscope/qwen3-32b"},
        },
        environment={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    ),
    Peer(
        name="ChatQwen",
        distribution="langchain-qwen",
        module="langchain_qwen",
        class_name="ChatQwen",
        settings={"model": "qwen3-32b", **_PATIENCE},
        thinking=_NAMED,
        services={
            "openrouter": {"model": "qwen/qwen3-32b", "provider": "openrouter"},
            "dashscope": {"provider": "dashscope"},
        },
    ),
)
OURS: Final = PEERS[-1]

NOTHING: Final = Peer(
    name="nothing",
    distribution="langchain-core",
    module="tests.compare.nothing",
    class_name="Nothing",
    settings={},
)
"""No column: the model that does nothing, which no probe may approve of."""

BY_NAME: Final = {peer.name: peer for peer in (*PEERS, NOTHING)}
