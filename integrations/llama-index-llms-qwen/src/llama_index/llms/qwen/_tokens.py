"""Token counts, offline: of prompts, and of answers whose endpoint reports none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import qwen_endpoints
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.tools import BaseTool
from qwen_endpoints import Json, QwenSettings

from llama_index.llms.qwen._encode import encode_messages
from llama_index.llms.qwen._tool_calls import encode_tools

if TYPE_CHECKING:
    from qwen_endpoints import Call, ModelProfile


def count_conversation(
    settings: QwenSettings, profile: ModelProfile, messages: Sequence[ChatMessage], tools: Sequence[BaseTool | Json]
) -> int:
    """Count the prompt that these messages and tools become.

    Raises:
        ConfigurationError: A block cannot be sent; it is named.
    """
    request = qwen_endpoints.request_of(settings, encode_messages(messages), tools=encode_tools(tools))
    return qwen_endpoints.count_prompt_tokens(request, profile)


def with_counts(response: ChatResponse, call: Call) -> ChatResponse:
    """Complete `raw["usage"]` of a whole answer by an estimate where the endpoint reports no prompt tokens.

    The framework's token counter would otherwise estimate by itself and, to do so, download the images that a message
    names by URL. An estimate has `"estimated": True` beside it and is nowhere else in the response.
    """
    raw = cast("dict[str, Any]", response.raw)
    usage: dict[str, Any] = raw.get("usage") or {}
    if not usage.get("prompt_tokens"):
        counted = _estimated(response, call, usage)
        response.raw = {**raw, "usage": {**usage, **counted, "estimated": True}}
    return response


def _estimated(response: ChatResponse, call: Call, usage: dict[str, Any]) -> dict[str, int]:
    profile = call.endpoint.profile
    if profile.tokenizer not in qwen_endpoints.TOKENIZERS:  # an answer that arrived is not lost over a row's mistake
        profile = replace(profile, tokenizer=None)
    prompt = qwen_endpoints.count_prompt_tokens(call.request, profile)
    reported: int | None = usage.get("completion_tokens")
    completion = qwen_endpoints.count_tokens(_written(response), profile.tokenizer) if reported is None else reported
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _written(response: ChatResponse) -> str:
    """Everything the model wrote: thoughts, text and calls."""
    parts: list[str] = []
    for block in response.message.blocks:
        if isinstance(block, ThinkingBlock):
            parts.append(block.content or "")
        elif isinstance(block, TextBlock):
            parts.append(block.text)
        elif isinstance(block, ToolCallBlock):
            stated = block.tool_kwargs
            parts.append(block.tool_name)
            parts.append(stated if isinstance(stated, str) else json.dumps(stated, ensure_ascii=False, default=str))
    return "\n".join(parts)
