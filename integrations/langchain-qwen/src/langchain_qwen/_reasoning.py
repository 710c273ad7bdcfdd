"""What an earlier answer thought, from wherever its provider's integration keeps it.

The text goes back whoever thought it: a chat template takes any text. Signatures, encrypted items and ids go back to
the provider they are from, or nowhere: another one refuses them (open-webui/open-webui#28240, 2026-08).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from langchain_core.messages import BaseMessage
from qwen_endpoints import Json

from langchain_qwen._block_kinds import kind_of
from langchain_qwen._content_blocks import MODEL_PROVIDER
from langchain_qwen._tool_calls import blocks_of

REASONING_FIELD: Final = "reasoning_field"
"""Key of `response_metadata`: the field that the reasoning came in, where it is not `reasoning_content`."""
_DETAILS: Final = "reasoning_details"
_BESIDE: Final = ("reasoning_content", "reasoning", _DETAILS)
"""Keys of `additional_kwargs`, best first: DeepSeek's and ours, OpenAI Responses' item, OpenRouter's."""
_WITHIN: Final = ("reasoning", "thinking", "reasoning_content", "summary", "content", "text")
"""Keys of a block or an item that may hold the text: LangChain's, Anthropic's, Bedrock's, OpenAI's, OpenRouter's."""


def reasoning_of(message: BaseMessage) -> str:
    """Return the reasoning from beside the content or from within it, never from both."""
    beside = message.additional_kwargs.get(_BESIDE[0])
    if isinstance(beside, str) and beside:
        return beside
    within = _joined([block for block in blocks_of(message) if kind_of(block) == "reasoning"])
    return within or next(filter(None, (_text(message.additional_kwargs.get(key)) for key in _BESIDE[1:])), "")


def details_of(message: BaseMessage) -> Sequence[Json]:
    """Return structured reasoning that may go back verbatim.

    That of a message which names another integration is left out. One that names none was written by the caller.
    """
    details = message.additional_kwargs.get(_DETAILS)
    own = message.response_metadata.get("model_provider") in (None, MODEL_PROVIDER)
    return cast("Sequence[Json]", details) if own and isinstance(details, list) else ()


def field_of(message: BaseMessage) -> str | None:
    """Return the field that the reasoning came in, where it is not the usual one."""
    field = message.response_metadata.get(REASONING_FIELD)
    return field if isinstance(field, str) else None


def origin_of(message: BaseMessage) -> str | None:
    """Return the provider that gave one of this package's answers; `None` where the message does not tell."""
    told = message.response_metadata
    provider = told.get("provider")
    return provider if told.get("model_provider") == MODEL_PROVIDER and isinstance(provider, str) else None


def _text(value: object) -> str:
    """Return the text of a block, an item or a list of them."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return _joined(cast("list[Any]", value))
    if isinstance(value, Mapping):
        block = cast("Mapping[str, Any]", value)
        return next(filter(None, (_text(block.get(key)) for key in _WITHIN)), "")
    return ""


def _joined(thoughts: Sequence[object]) -> str:
    return "\n".join(filter(None, map(_text, thoughts)))
