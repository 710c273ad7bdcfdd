"""What is asked: text from an argument, a pipe or a file, images from files or addresses."""

from __future__ import annotations

import base64
import json
import mimetypes
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast, get_args

from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.tool_calls import parse_arguments
from qwen_endpoints.types import Message, ToolCall
from qwen_endpoints.words import Json, Role

_ADDRESSES: Final = ("http://", "https://", "data:")
_ROLES: Final = get_args(Role)


def piped() -> str | None:
    """Return what stdin holds; `None` where a person sits there."""
    return None if sys.stdin.isatty() else _decoded(sys.stdin.buffer.read(), "stdin")


def read_text(source: str) -> str:
    """Read a file, or stdin for `-`.

    Raises:
        ConfigurationError: It cannot be read, or is no text.
    """
    if source == "-":
        return _decoded(sys.stdin.buffer.read(), "stdin")
    return _decoded(_bytes(source), source)


def question(text: str, images: Sequence[str]) -> Message:
    """Return the user's message.

    Raises:
        ConfigurationError: An image cannot be read or is none.
    """
    if not images:
        return Message(role="user", content=text)
    parts = [{"type": "image_url", "image_url": {"url": _image(source)}} for source in images]
    return Message(role="user", content=[*parts, {"type": "text", "text": text}])


def conversation(text: str) -> list[Message]:
    """Return the messages of a prompt file: a JSON list of them, or else text that the user says.

    Raises:
        ConfigurationError: A list holds something that is no message.
    """
    try:
        found: object = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in cast("list[object]", found)):
        return [Message(role="user", content=text)]
    return [_message(item, place) for place, item in enumerate(cast("list[Mapping[str, Any]]", found), 1)]


def _message(item: Mapping[str, Any], place: int) -> Message:
    role, content, calls = item.get("role"), item.get("content"), item.get("tool_calls")
    if role not in _ROLES:
        raise ConfigurationError(f"Message {place} has the role {role!r}; there are {', '.join(_ROLES)}.")
    if content is not None and not isinstance(content, (str, list)):
        raise ConfigurationError(f"The content of message {place} is neither text nor a list of parts.")
    return Message(
        role=cast("Role", role),
        content=cast("str | list[Json]", content or ""),
        reasoning=str(item.get("reasoning_content") or ""),
        tool_calls=[_call(call, place) for call in cast("list[Any]", calls)] if isinstance(calls, list) else (),
        tool_call_id=item.get("tool_call_id"),
        name=item.get("name"),
    )


def _call(call: Any, place: int) -> ToolCall:
    try:
        function = call["function"]
        name, arguments = str(function["name"]), str(function.get("arguments") or "{}")
    except (TypeError, KeyError, AttributeError):
        raise ConfigurationError(f"A tool call of message {place} names no function.") from None
    parsed, error = parse_arguments(arguments)
    return ToolCall(id=str(call.get("id") or ""), name=name, arguments=arguments, parsed=parsed, error=error)


def _image(source: str) -> str:
    if source.startswith(_ADDRESSES):
        return source
    kind = mimetypes.guess_type(source)[0] or ""
    data = base64.b64encode(_bytes(source)).decode()
    if not kind.startswith("image/"):
        raise ConfigurationError(f"{source} is not known to be an image by its name (.png, .jpg, .webp, ...).")
    return f"data:{kind};base64,{data}"


def _bytes(source: str) -> bytes:
    try:
        return Path(source).expanduser().read_bytes()
    except OSError as error:
        raise ConfigurationError(f"Cannot read {source}: {error.strerror or error}.") from None


def _decoded(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"What {source} holds is not UTF-8 text.") from None
