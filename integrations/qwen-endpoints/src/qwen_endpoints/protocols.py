"""The table of wire protocols: where each is asked, how a request is spelled, how a reply is read.

A protocol's codec is imported with the first call that needs it: most programs speak one protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from qwen_endpoints.codec import EncodedRequest, PayloadDecoder, RequestEncoder
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.providers import ProtocolName


class Codec(NamedTuple):
    """The two ways of a protocol."""

    encode: RequestEncoder
    decoder: Callable[[Endpoint, EncodedRequest], PayloadDecoder]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One protocol."""

    path: str
    """What is added to the base URL."""
    models_path: str
    """The same for the list of models."""
    codec: Callable[[], Codec]
    """Imports it."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers that every request has."""


@cache
def _chat_completions() -> Codec:
    from qwen_endpoints import chat_completions  # noqa: PLC0415 - see the module

    return Codec(chat_completions.encode_request, chat_completions.StreamDecoder)


@cache
def _messages() -> Codec:
    from qwen_endpoints import messages  # noqa: PLC0415 - see the module

    return Codec(messages.encode_request, messages.MessagesDecoder)


PROTOCOLS: Final[Mapping[ProtocolName, Protocol]] = MappingProxyType(
    {
        "chat_completions": Protocol(
            path="/chat/completions",
            models_path="/models",
            codec=_chat_completions,
        ),
        "messages": Protocol(
            path="/v1/messages",
            models_path="/v1/models",
            codec=_messages,
            headers={"anthropic-version": "2023-06-01"},
        ),
    }
)
