"""What of a conversation an endpoint takes and gets back, whichever protocol spells it."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, cast

from qwen_endpoints.errors import ConfigurationError

if TYPE_CHECKING:
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.models import Modality
    from qwen_endpoints.types import ChatRequest, Message, ToolCall
    from qwen_endpoints.words import Json

_MODALITY: Final[Mapping[str, Modality]] = {
    "image_url": "image",
    "video_url": "video",
    "video": "video",
    "input_audio": "audio",
    "audio_url": "audio",
    "file": "file",
}

_BASE64: Final = (string.ascii_letters + string.digits + "+/-_=%" + string.whitespace).encode()
"""Both alphabets, line breaks, and what a URL makes of any of these (RFC 2397)."""
_LONGEST_HEAD: Final = 256

THOUGHTS: Final = frozenset({"thinking", "redacted_thinking"})
"""The types of Messages blocks that hold reasoning; among `reasoning_details` they alone can be signed there."""


def replay_from(request: ChatRequest, endpoint: Endpoint) -> int:
    """The position from which on reasoning is sent back.

    Qwen's chat templates keep reasoning after the last user message, which is where a tool loop runs, and drop what
    is older unless the model was trained to preserve it. An endpoint that signs reasoning sorts it out by itself.
    """
    end = len(request.messages)
    policy = request.reasoning_replay
    if policy == "auto":
        preserved = request.preserve_thinking
        if preserved is None:
            preserved = endpoint.profile.preserves_thinking or endpoint.dialect.signed_thinking
        policy = "always" if preserved else "tool_turns"
    if policy == "never":
        return end
    if policy == "always":
        return 0
    return next((position for position in range(end - 1, -1, -1) if request.messages[position].role == "user"), -1) + 1


def replayed_calls(request: ChatRequest) -> dict[int, list[ToolCall]]:
    """Return the calls to send back, by the position of their message.

    An invalid call that nothing answers is left out: endpoints want a result for every call.
    """
    answered = frozenset(message.tool_call_id for message in request.messages if message.role == "tool")
    return {
        position: [call for call in message.tool_calls if call.parsed is not None or call.id in answered]
        for position, message in enumerate(request.messages)
        if message.tool_calls
    }


def takes_details(message: Message, endpoint: Endpoint) -> bool:
    """Details may be signed or encrypted, and then mean something to the provider alone that wrote them."""
    return endpoint.dialect.replays_details and message.origin in (None, endpoint.provider.name)


def has_unsigned_calls(request: ChatRequest, endpoint: Endpoint) -> bool:
    """Whether the assistant's last turn holds calls, but does not begin with reasoning that the endpoint has signed.

    Answers that follow each other are one turn.
    """
    messages = request.messages
    last = next((place for place in reversed(range(len(messages))) if messages[place].role == "assistant"), None)
    if last is None:
        return False
    first = next((place + 1 for place in reversed(range(last)) if messages[place].role != "assistant"), 0)
    if not any(message.tool_calls for message in messages[first : last + 1]):
        return False
    signed = any(detail.get("type") in THOUGHTS for detail in messages[first].reasoning_details)
    return not (signed and takes_details(messages[first], endpoint) and first >= replay_from(request, endpoint))


def refuse_media(part: Json, message: Message, endpoint: Endpoint) -> None:
    """Refuse a part that holds media where no model takes them, or that this model or endpoint does not take, and one
    whose data URL is said to be base64 and is not.

    Raises:
        ConfigurationError: Names the part, the role and what is taken.
    """
    kind = str(part.get("type"))
    modality = _MODALITY.get(kind)
    if modality is None:
        return
    inputs = endpoint.profile.inputs
    if message.role in ("system", "assistant"):
        raise endpoint.scope.error(
            ConfigurationError,
            f"{'A' if message.role == 'system' else 'An'} {message.role} message holds a part of type {kind}; Qwen "
            f"takes {modality} input in user messages and tool results only.",
        )
    if inputs is not None and modality not in inputs:
        raise endpoint.scope.error(
            ConfigurationError,
            f"A {message.role} message holds a part of type {kind}, but {endpoint.model} takes "
            f"{', '.join(sorted(inputs))} only. Choose a model with {modality} input.",
        )
    if kind in endpoint.dialect.refused_parts:
        raise endpoint.scope.error(
            ConfigurationError,
            f"A {message.role} message holds a part of type {kind}, which {endpoint.provider.name} does not take.",
        )
    for foreign in filter(None, map(_no_base64, _urls(part.get(kind)))):
        raise endpoint.scope.error(
            ConfigurationError,
            f"A {message.role} message holds a part of type {kind} whose data URL is not base64: it holds {foreign!r}.",
        )


def _urls(held: object) -> Iterator[str]:
    """The addresses in a part: a text, an object with one, or (the frames of a video) a list of texts."""
    for value in cast("list[object]", held) if isinstance(held, list) else (held,):
        url = cast("Json", value).get("url") if isinstance(value, Mapping) else value
        if isinstance(url, str):
            yield url


def _no_base64(url: str) -> str:
    """Return the first character of a base64 data URL that base64 does not have; empty where there is none."""
    head, mark, _ = url[:_LONGEST_HEAD].partition(";base64,")
    if not mark or not head.lower().startswith("data:"):
        return ""
    foreign = url[len(head) + len(mark) :].encode("utf-8", "surrogatepass").translate(None, _BASE64)
    return foreign.decode("utf-8", "replace")[:1]
