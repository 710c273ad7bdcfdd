"""The table of wire protocols: where each is asked, how a request is spelled, how a reply is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from qwen_endpoints import chat_completions, messages

if TYPE_CHECKING:
    from qwen_endpoints.codec import EncodedRequest, PayloadDecoder, RequestEncoder
    from qwen_endpoints.providers import ProtocolName
    from qwen_endpoints.resolve import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One protocol."""

    path: str
    """What is added to the base URL."""
    models_path: str
    """The same for the list of models."""
    encode: RequestEncoder
    decoder: Callable[[Endpoint, EncodedRequest], PayloadDecoder]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers that every request has."""


PROTOCOLS: Final[Mapping[ProtocolName, Protocol]] = MappingProxyType(
    {
        "chat_completions": Protocol(
            path="/chat/completions",
            models_path="/models",
            encode=chat_completions.encode_request,
            decoder=chat_completions.StreamDecoder,
        ),
        "messages": Protocol(
            path="/v1/messages",
            models_path="/v1/models",
            encode=messages.encode_request,
            decoder=messages.MessagesDecoder,
            headers={"anthropic-version": "2023-06-01"},
        ),
    }
)
