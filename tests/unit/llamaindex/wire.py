"""What tests of messages share: sending them, and looking at what arrived."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(16)
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(16)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(16)
MP3 = b"ID3\x03\x00" + bytes(16)

Send = Any
"""A function that sends messages, or the blocks of one user message, and returns them as they arrived."""


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def sender(scripted: Callable[..., Qwen], sandbox: Sandbox, **settings: Any) -> Send:
    """Build a `Send` for a model of which nothing is known, so that everything is sent."""
    message = {"role": "assistant", "content": "ok"}
    reply = {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    llm = scripted(reply, **{"model": "qwen3-omni-flash", **settings})

    def send(*given: Any, **arguments: Any) -> Any:
        messages = list(given) if isinstance(given[0], ChatMessage) else [ChatMessage(blocks=list(given))]
        # Another provider than the instance's does not get its address, so a call that names one gives it, too.
        address = {"base_url": llm.base_url, "api_key": "k"} if "provider" in arguments else {}
        llm.chat(messages, **address, **arguments)
        arrived = sandbox.last_request.json["messages"]
        return arrived if isinstance(given[0], ChatMessage) else arrived[0]["content"]

    return send


def said(*blocks: Any, **extra: Any) -> ChatMessage:
    """An assistant message."""
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=list(blocks), additional_kwargs=extra)


def result(*blocks: Any, role: MessageRole = MessageRole.TOOL, **extra: Any) -> ChatMessage:
    """A tool message."""
    return ChatMessage(role=role, blocks=list(blocks), additional_kwargs=extra)
