"""The gateways the sandbox speaks for, one row each: paths, models and the habits of their replies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Model:
    """What a gateway's page says of one model."""

    id: str
    schema: str
    """The request schema of this model in the gateway's contract."""
    thinking: Literal["on", "off", "never"]
    """Whether the model thinks when the request does not say."""
    context: int | None = None
    """The context length in tokens, where the page gives one."""
    cache_details: bool = False
    """Whether usage carries `prompt_tokens_details` as an object rather than null (wcode only)."""


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """One gateway: where it is mounted and how it answers."""

    name: str
    base_path: str
    contract: str
    """File name under `contracts/`."""
    models: tuple[Model, ...]
    family: Literal["new-api", "openrouter", "anthropic"]
    """Whose habits the replies follow; the last speaks Messages, the others Chat Completions."""
    limit_field: Literal["max_tokens", "max_completion_tokens"]
    error_shape: Literal["plain", "typed", "numbered", "messages"]
    """plain: code and message; typed: new-api's four strings; numbered: an integer code; messages: that protocol's."""
    media_usage: bool
    """Whether usage tells text, image and video tokens apart."""
    keep_alive: str
    """The comment line that opens a stream, or the event that keeps it open."""
    refuses_forced_tools_while_thinking: bool
    thinks_only_in_streams: bool

    def model(self, model_id: str) -> Model | None:
        """Return the model with this id, or None when the gateway has no such model."""
        return next((model for model in self.models if model.id == model_id), None)


GATEWAYS: tuple[Gateway, ...] = (
    Gateway(
        name="anyfast-cn",
        base_path="/anyfast-cn/v1",
        contract="anyfast-cn.yaml",
        models=(Model(id="qwen3-32b", schema="ChatRequest", thinking="off"),),
        family="new-api",
        limit_field="max_tokens",
        error_shape="plain",
        media_usage=False,
        keep_alive=": PING",
        refuses_forced_tools_while_thinking=True,
        # The open-weights models of the family answer a whole reply only with thinking off.
        thinks_only_in_streams=True,
    ),
    Gateway(
        name="anyfast",
        base_path="/anyfast/v1",
        contract="anyfast.yaml",
        models=(Model(id="qwen3.6-flash", schema="ChatRequest", thinking="off"),),
        family="new-api",
        limit_field="max_completion_tokens",
        error_shape="typed",
        media_usage=True,
        keep_alive=": PING",
        refuses_forced_tools_while_thinking=True,
        thinks_only_in_streams=False,
    ),
    Gateway(
        name="wcode",
        base_path="/wcode/api/gpt/v1",
        contract="wcode.yaml",
        models=(
            Model(id="qwen/qwen3-235b-a22b", schema="TextModelRequest", thinking="on", context=131_072),
            Model(
                id="qwen/qwen3-vl-32b-instruct",
                schema="VisionModelRequest",
                thinking="never",
                context=262_144,
                cache_details=True,
            ),
        ),
        family="openrouter",
        limit_field="max_tokens",
        error_shape="numbered",
        media_usage=False,
        keep_alive=": keep-alive",
        refuses_forced_tools_while_thinking=False,
        thinks_only_in_streams=False,
    ),
    Gateway(
        name="wcode-anthropic",
        base_path="/wcode/api/anthropic",
        contract="wcode-anthropic.yaml",
        # Thinking is off unless asked for: the protocol's rule, since the page is silent.
        models=(Model(id="qwen/qwen3-235b-a22b", schema="MessagesRequest", thinking="off", context=131_072),),
        family="anthropic",
        limit_field="max_tokens",
        error_shape="messages",
        media_usage=False,
        keep_alive="ping",
        refuses_forced_tools_while_thinking=True,
        thinks_only_in_streams=False,
    ),
)

GATEWAY_BY_NAME = {gateway.name: gateway for gateway in GATEWAYS}
