"""The wire protocols that a class under test may speak.

The tests are written in the words of Chat Completions. For another protocol their replies are translated before the
server gives them, and the requests that arrive are translated back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from qwen_sandbox import Reply

from llama_index_llm_tests.answers import Json
from llama_index_llm_tests.messages import replies, requests
from llama_index_llm_tests.messages.words import STOP_REASONS

ProtocolName = Literal["chat_completions", "messages"]


def _as_it_is(reply: Reply) -> Reply:
    return reply


def _url_as_it_is(url: str) -> str:
    return url


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One protocol, seen from a test."""

    path: str
    """Where requests go, under the server's address."""
    end: bytes
    """The last event of a stream."""
    foreign_key: str
    """The environment variable that the key for the protocol's best-known service stands in."""
    key_headers: tuple[str, ...] = ("authorization",)
    """The headers that may hold the key, in lower case; a bearer token in `authorization`."""
    address: Callable[[str], str] = _url_as_it_is
    """Makes what a class is told of the server's address, which ends in `/v1`."""
    spelled: Callable[[Reply], Reply] = _as_it_is
    """Translates a reply; raises `UnsayableError` where the protocol has no words for it."""
    read: Callable[[Json], Json] = dict
    """Translates a request back."""
    finish: Mapping[str, str] = field(default_factory=dict[str, str])
    """The protocol's own words for why an answer ended, by those of Chat Completions."""
    counts: tuple[str, ...] = ("cached_tokens", "reasoning_tokens", "image_tokens", "video_tokens")
    """The kinds of tokens that replies count apart."""
    beyond: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tests of what the protocol cannot carry, by name, each with the reason."""

    def key_in(self, headers: Mapping[str, str]) -> str | None:
        """The key that a request came with."""
        stated = [headers[name] for name in self.key_headers if name in headers]
        return stated[0].removeprefix("Bearer ") if stated else None


_NO_VIDEO: Final = "Messages has no block for video"
_BEYOND_MESSAGES: Final[Mapping[str, str]] = {
    "test_a_stream_asks_for_token_counts": "Messages counts in every stream, unasked",
    "test_thoughts_in_tags_are_a_block": "Messages has blocks for thoughts: tags in a text are text",
    "test_thoughts_go_back_by_their_name": "Messages has one name for thoughts",
    "test_image_detail_is_sent": "Messages has no level of detail for images",
    "test_a_video_url_is_passed_on": _NO_VIDEO,
    "test_video_bytes_become_a_data_url": _NO_VIDEO,
    "test_the_frame_rate_of_a_video_is_sent": _NO_VIDEO,
    "test_sound_bytes_are_sent_with_their_format": "Messages has no block for sound",
}

PROTOCOLS: Final[Mapping[ProtocolName, Protocol]] = {
    "chat_completions": Protocol(
        path="/v1/chat/completions",
        end=b"data: [DONE]\n\n",
        foreign_key="OPENAI_API_KEY",
    ),
    "messages": Protocol(
        path="/v1/messages",
        end=b'event: message_stop\ndata: {"type": "message_stop"}\n\n',
        foreign_key="ANTHROPIC_API_KEY",
        key_headers=("x-api-key", "authorization"),
        address=lambda url: url.removesuffix("/v1"),
        spelled=replies.spelled,
        read=requests.read,
        finish=STOP_REASONS,
        counts=("cached_tokens", "reasoning_tokens"),
        beyond=_BEYOND_MESSAGES,
    ),
}
