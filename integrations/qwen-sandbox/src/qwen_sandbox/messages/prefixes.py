"""Prompt caching, as far as the token counts show it: what was sent up to a mark is remembered and counts as read.

The order is tools, system, messages; a mark is `cache_control` on a block, and a tool is a block here. As in the
protocol, what is remembered is found again wherever it ends in a later request, marked there or not.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from qwen_sandbox.json_types import JsonObject, as_list, as_object
from qwen_sandbox.messages.dialogue import blocks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LEAST_TOKENS = 1024


@dataclass(frozen=True)
class CacheUse:
    """How many tokens of a prompt were read from the cache and how many were written to it."""

    read: int = 0
    written: int = 0


@dataclass(frozen=True)
class _Prefix:
    body: JsonObject
    """The request as if it ended here."""
    last: JsonObject
    """The block with which it ends."""
    key: bytes

    @property
    def marked(self) -> bool:
        return "cache_control" in self.last or any("cache_control" in block for block in _inside(self.last))


class PrefixCache:
    """The prefixes that have been sent with a mark; they stay until `clear`. Safe across threads."""

    def __init__(self) -> None:
        self._tokens: dict[bytes, int] = {}
        self._lock = Lock()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._tokens.clear()

    def use(self, body: JsonObject, count: Callable[[JsonObject], int]) -> CacheUse:
        """Return what of `body` is read and written, and remember what it marks; `count` gives a prompt's tokens."""
        if not marks_of(body):
            return CacheUse()
        prefixes = list(_prefixes(body))
        marked = [place for place, prefix in enumerate(prefixes) if prefix.marked]
        new = {prefixes[place].key: count(prefixes[place].body) for place in marked}
        new = {key: tokens for key, tokens in new.items() if tokens >= _LEAST_TOKENS}
        with self._lock:
            read = max((self._tokens.get(prefix.key, 0) for prefix in prefixes[: marked[-1] + 1]), default=0)
            self._tokens.update(new)
        return CacheUse(read, max(0, max(new.values(), default=0) - read))


def marks_of(body: JsonObject) -> int:
    """Return how many blocks and tools carry `cache_control`."""
    messages = [as_object(message) for message in as_list(body.get("messages"))]
    blocks = [block for message in messages for block in blocks_of(message.get("content"))]
    everything = [*map(as_object, as_list(body.get("tools"))), *blocks_of(body.get("system")), *blocks]
    return sum("cache_control" in item for block in everything for item in (block, *_inside(block)))


def _inside(block: JsonObject) -> list[JsonObject]:
    """Return the blocks of a tool result."""
    return blocks_of(block.get("content")) if block.get("type") == "tool_result" else []


def _prefixes(body: JsonObject) -> Iterator[_Prefix]:
    """Yield the request cut after each of its blocks, the shortest first."""
    digest = hashlib.sha256(str(body.get("model")).encode())
    for label, part, block in _parts(body):
        digest.update(json.dumps([label, _unmarked(block)], sort_keys=True).encode())
        yield _Prefix(part, block, digest.digest())


def _parts(body: JsonObject) -> Iterator[tuple[str, JsonObject, JsonObject]]:
    tools = [as_object(tool) for tool in as_list(body.get("tools"))]
    system = blocks_of(body.get("system"))
    messages = [as_object(message) for message in as_list(body.get("messages"))]
    for place, tool in enumerate(tools):
        yield "tool", {"tools": tools[: place + 1]}, tool
    for place, block in enumerate(system):
        yield "system", {"tools": tools, "system": system[: place + 1]}, block
    for place, message in enumerate(messages):
        blocks = blocks_of(message.get("content"))
        for end, block in enumerate(blocks, start=1):
            said = [*messages[:place], message | {"content": blocks[:end]}]
            yield str(message.get("role")), {"tools": tools, "system": system, "messages": said}, block


def _unmarked(block: JsonObject) -> JsonObject:
    plain = {key: value for key, value in block.items() if key != "cache_control"}
    if _inside(block):
        plain["content"] = [_unmarked(inner) for inner in _inside(block)]
    return plain
