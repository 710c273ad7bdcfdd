"""Reasoning in LlamaIndex's messages: as a `ThinkingBlock` where it arrives, as the core's fields where it goes back.

The text goes back whoever thought it: a chat template takes any text. Signatures, encrypted items and ids go back to
the provider they are from, or nowhere: another one refuses them (open-webui/open-webui#28240, 2026-08).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock
from qwen_endpoints import Json

if TYPE_CHECKING:
    from qwen_endpoints import Choice

REASONING_DETAILS: Final = "reasoning_details"
"""Key on `ThinkingBlock.additional_information`: the endpoint's own structured reasoning, to be sent back verbatim."""
_ORIGIN: Final = "provider"
"""Key beside it: the provider it came from. A block survives storage; what lies beside it on a message is counted as
tokens by the framework's memory."""
_FIELD: Final = "field"
"""Key beside it: the field that the text came in, where it is not `reasoning_content`."""
_BESIDE: Final = ("reasoning_content", "reasoning", "thinking")
"""Keys of a message's `additional_kwargs` under which integrations without blocks keep the text."""


def thinking_block(choice: Choice, provider: str, tokens: int | None) -> ThinkingBlock | None:
    """Return the reasoning of an answer, with all that is needed to send it back; `None` where there is none."""
    if not choice.reasoning and not choice.reasoning_details:
        return None
    details = [dict(detail) for detail in choice.reasoning_details]
    known = {_FIELD: choice.reasoning_field, **({REASONING_DETAILS: details, _ORIGIN: provider} if details else {})}
    return ThinkingBlock(
        content=choice.reasoning or None,
        num_tokens=tokens,
        additional_information={name: value for name, value in known.items() if value is not None},
    )


def reasoning_of(message: ChatMessage) -> str:
    """Return the reasoning from the blocks or, where they have none, from beside them."""
    within = "\n".join(block.content for block in _thoughts(message) if block.content)
    beside = (message.additional_kwargs.get(key) for key in _BESIDE)
    return within or next((text for text in beside if isinstance(text, str) and text), "")


def field_of(message: ChatMessage) -> str | None:
    """Return the field that the reasoning came in, where it is not the usual one."""
    stated = (block.additional_information.get(_FIELD) for block in _thoughts(message))
    return next((field for field in stated if isinstance(field, str)), None)


def details_of(message: ChatMessage) -> tuple[list[Json], str | None]:
    """Return structured reasoning, and the provider it may go back to; `None` is any: the caller wrote it.

    Of blocks from several providers only those of the first are taken: a message goes to one.
    """
    stated = [(_origin(block), _details(block)) for block in _thoughts(message)]
    origins = [origin for origin, details in stated if details]
    first = origins[0] if origins else None
    return [detail for origin, details in stated if origin == first for detail in details], first


def _thoughts(message: ChatMessage) -> list[ThinkingBlock]:
    return [block for block in message.blocks if isinstance(block, ThinkingBlock)]


def _details(block: ThinkingBlock) -> list[Json]:
    stated: object = block.additional_information.get(REASONING_DETAILS)
    entries = cast("list[object]", stated) if isinstance(stated, list) else []
    return [cast("Json", entry) for entry in entries if isinstance(entry, Mapping)]


def _origin(block: ThinkingBlock) -> str | None:
    stated: object = block.additional_information.get(_ORIGIN)
    return stated if isinstance(stated, str) else None
