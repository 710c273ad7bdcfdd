"""Token counts of texts and conversations, offline."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import qwen_endpoints
from langchain_core.messages import BaseMessage
from qwen_endpoints import ConfigurationError, QwenSettings

from langchain_qwen._encode import encode_messages
from langchain_qwen._tools import Tool, described_tools

if TYPE_CHECKING:
    from qwen_endpoints import ModelProfile


def profile_of(settings: QwenSettings) -> ModelProfile:
    """What is known of the model, also while nothing tells yet which provider will be asked."""
    try:
        return qwen_endpoints.resolve(settings, need_key=False, described=True).profile
    except ConfigurationError:
        return qwen_endpoints.catalogue().find(settings.model) or qwen_endpoints.ModelProfile(id=settings.model)


def count_conversation(settings: QwenSettings, messages: Sequence[BaseMessage], tools: Iterable[Tool]) -> int:
    """Count the prompt that these messages and tools become.

    Raises:
        ConfigurationError: A message or a content block cannot be sent; it is named.
    """
    request = qwen_endpoints.request_of(settings, encode_messages(messages), tools=described_tools(tools))
    return qwen_endpoints.count_prompt_tokens(request, profile_of(settings))


def count_tools(tools: Iterable[Tool], token_ids: Callable[[str], list[int]]) -> int:
    """Count tool definitions with a tokenizer of the caller's own."""
    return sum(len(token_ids(json.dumps(tool, ensure_ascii=False, default=str))) for tool in described_tools(tools))
