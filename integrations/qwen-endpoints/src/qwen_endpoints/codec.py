"""What every protocol's codec offers: a request ready to be sent, and a decoder of what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from qwen_endpoints.merging import merge_deeply

if TYPE_CHECKING:
    from qwen_endpoints.dialects import Dialect
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.thinking import ThinkingPlan
    from qwen_endpoints.types import ChatRequest, Completion, CompletionDelta


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedRequest:
    """A request ready to be sent."""

    body: dict[str, Any]
    notes: tuple[str, ...]
    """What was changed for the endpoint's sake, in words for the user."""
    may_think: bool
    """Whether the answer may hold reasoning."""


class RequestEncoder(Protocol):
    """Spells a request for an endpoint."""

    def __call__(self, request: ChatRequest, endpoint: Endpoint, *, stream: bool) -> EncodedRequest:
        """Return the request, ready to be sent; nothing of the caller's is shared with it.

        Raises:
            ConfigurationError: The endpoint cannot take this request; nothing has been sent.
        """
        ...


class PayloadDecoder(Protocol):
    """Reads the payloads of one reply; a whole reply is a stream of one payload."""

    ended: bool
    """A payload has said that the reply is complete; nothing that follows matters."""

    def is_keep_alive(self, payload: object) -> bool:
        """Whether a payload only holds the connection open; a stream of nothing else is idle."""
        ...

    def feed(self, payload: object) -> list[CompletionDelta]:
        """Take one parsed payload; return what it adds.

        Raises:
            QwenError: The payload reports an error or is none of the protocol's.
        """
        ...

    def finish(self, *, done: bool) -> list[CompletionDelta]:
        """End the reply; return the rest, the last delta with the whole `Completion`.

        Args:
            done: Whether the endpoint said that it was done, or the body came whole.

        Raises:
            QwenError: The reply is cut off or holds no answer.
        """
        ...

    def partial(self) -> Completion | None:
        """Return what has arrived, or `None` if nothing has."""
        ...


def stop_sequences(value: str | Sequence[str]) -> list[str]:
    """Return stop sequences as a list, which is taken everywhere; a bare string is not."""
    return [sequence for sequence in ([value] if isinstance(value, str) else value) if sequence]


def put_thinking(body: dict[str, Any], plan: ThinkingPlan, request: ChatRequest, dialect: Dialect) -> None:
    """Merge what a plan says about reasoning into a body, in the dialect's places."""
    degrees = (
        (dialect.thinking_budget, plan.budget),
        (dialect.reasoning_effort, plan.effort),
    )
    said = [(path, value) for path, value in degrees if path is not None and value is not None]
    if plan.on is False:
        merge_deeply(body, dialect.thinking_off)
    elif plan.on and not (said and dialect.effort_replaces_switch):
        merge_deeply(body, dialect.thinking_on)
    for path, value in said:
        _put(body, path, value)
    if request.preserve_thinking is not None and dialect.preserve_thinking is not None:
        _put(body, dialect.preserve_thinking, request.preserve_thinking)


def _put(body: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    nested: Any = value
    for key in reversed(path):
        nested = {key: nested}
    merge_deeply(body, nested)
