"""Messages in an endpoint's spelling: content, media, tool calls, replayed reasoning."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, cast

from qwen_endpoints.conversation import refuse_media, replay_from, replayed_calls, takes_details
from qwen_endpoints.errors import ConfigurationError

if TYPE_CHECKING:
    from qwen_endpoints.dialects import Dialect
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.types import ChatRequest, Message, ToolCall
    from qwen_endpoints.words import Json

_USUAL: Final = "reasoning_content"
_VIDEOS: Final = ("video_url", "video")
_SAMPLING: Final = frozenset({"fps", "max_frames", "min_pixels", "max_pixels", "total_pixels"})
"""Keys beside a URL that say how densely media are sampled (Model Studio's samples for `qwen-vl-ocr`, 2026)."""


def encode_messages(request: ChatRequest, endpoint: Endpoint) -> list[dict[str, Any]]:
    """Spell the conversation for an endpoint.

    System messages that open the conversation become one, because the templates of Qwen3.5 and later refuse a second
    one (vllm-project/vllm#41114, 2026-04). One that comes later stays where it is: moving it would change its meaning.

    Raises:
        ConfigurationError: A part cannot be taken by this model or endpoint, or there are no messages.
    """
    if not request.messages:
        raise endpoint.scope.error(ConfigurationError, "There are no messages to send.")
    replayed, calls = replay_from(request, endpoint), replayed_calls(request)
    encoded = [
        _encode_message(
            _sampled(message, request.video_fps), endpoint, calls.get(position, ()), replay=position >= replayed
        )
        for position, message in enumerate(request.messages)
    ]
    return _join_opening(encoded)


def _sampled(message: Message, video_fps: float | None) -> Message:
    """Return a message whose videos say how densely to look at them."""
    if video_fps is None or isinstance(message.content, str):
        return message
    parts = [{"fps": video_fps, **part} if part.get("type") in _VIDEOS else part for part in message.content]
    return replace(message, content=parts)


def _join_opening(encoded: list[dict[str, Any]]) -> list[dict[str, Any]]:
    opening = list(takewhile(lambda message: message["role"] == "system", encoded))
    if len({message.get("name") for message in opening}) != 1:
        return encoded
    contents = [message["content"] for message in opening if message["content"]]
    if all(isinstance(content, str) for content in contents):
        joined: Any = "\n\n".join(contents)
    else:
        joined = [part for content in contents for part in _as_parts(content)]
    return [{**opening[0], "content": joined}, *encoded[len(opening) :]]


def _as_parts(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _encode_message(message: Message, endpoint: Endpoint, calls: Sequence[ToolCall], *, replay: bool) -> dict[str, Any]:
    encoded: dict[str, Any] = {"role": message.role, "content": _encode_content(message, endpoint)}
    if message.name:
        encoded["name"] = message.name
    if message.role == "tool" and message.tool_call_id is not None:
        encoded["tool_call_id"] = message.tool_call_id
    if calls:
        encoded["tool_calls"] = [_encode_tool_call(call) for call in calls]
    if replay and message.role == "assistant":
        if message.reasoning:
            encoded[endpoint.dialect.reasoning_field or message.reasoning_field or _USUAL] = message.reasoning
        if message.reasoning_details and takes_details(message, endpoint):
            encoded["reasoning_details"] = [deepcopy(dict(detail)) for detail in message.reasoning_details]
    return encoded


def _encode_tool_call(call: ToolCall) -> dict[str, Any]:
    """Endpoints parse replayed arguments and refuse what is not an object, so an invalid call is replayed empty."""
    arguments = call.arguments if call.parsed is not None and call.arguments.strip() else "{}"
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _encode_content(message: Message, endpoint: Endpoint) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str):
        return message.content
    parts = [_encode_part(part, message, endpoint) for part in message.content]
    if not endpoint.dialect.content_parts:
        return "\n".join(str(part.get("text") or "") for part in parts)
    texts = [part["text"] for part in parts if set(part) == {"type", "text"} and part["type"] == "text"]
    if len(texts) == len(parts) and (len(parts) <= 1 or message.role == "tool"):
        # One text is a string everywhere, and so is what a tool returned.
        return "\n".join(texts)
    return parts


def _encode_part(part: Json, message: Message, endpoint: Endpoint) -> dict[str, Any]:
    kind = str(part.get("type"))
    refuse_media(part, message, endpoint)
    dialect = endpoint.dialect
    if kind != "text" and not dialect.content_parts:
        raise endpoint.scope.error(
            ConfigurationError,
            f"A {message.role} message holds a part of type {kind}, which {endpoint.provider.name} does not take.",
        )
    encoded = deepcopy(dict(part))
    if not dialect.cache_control:
        encoded.pop("cache_control", None)
    sound = encoded.get("input_audio")
    if isinstance(sound, dict):
        encoded["input_audio"] = _encode_sound(cast("dict[str, Any]", sound), dialect)
    lost = () if dialect.media_sampling else sorted(_SAMPLING & encoded.keys())
    if lost:
        raise endpoint.scope.error(
            ConfigurationError,
            f"{' and '.join(lost)} on a part of type {kind} would not reach the model: {endpoint.provider.name} hands "
            "on the URL alone.",
        )
    return encoded


def _encode_sound(sound: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """Spell sound as the endpoint takes it, whichever of its two forms it came in. An address stays one."""
    data = sound.get("data")
    if not isinstance(data, str) or data.startswith(("http:", "https:")):
        return sound
    bare = data.partition("base64,")[2] or data
    return {**sound, "data": f"data:;base64,{bare}" if dialect.audio_data_urls else bare}
