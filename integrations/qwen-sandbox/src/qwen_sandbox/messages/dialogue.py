"""The conversation of a request: turns that alternate, each made of blocks that know where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from qwen_sandbox.json_types import JsonObject, as_list, as_object, as_text

if TYPE_CHECKING:
    from collections.abc import Iterable

THOUGHTS = frozenset({"thinking", "redacted_thinking"})


@dataclass(frozen=True)
class Block:
    """One content block and its place in the request, `messages[1].content[0]`."""

    place: str
    value: JsonObject

    @property
    def kind(self) -> str:
        """Return the type of the block."""
        return as_text(self.value.get("type"))


@dataclass(frozen=True)
class Side:
    """What one side says until the other takes over."""

    role: str
    place: str
    blocks: tuple[Block, ...]

    def of_kind(self, *kinds: str) -> list[Block]:
        """Return the blocks of these types, in order."""
        return [block for block in self.blocks if block.kind in kinds]


def blocks_of(content: Any) -> list[JsonObject]:
    """Return a content as blocks; a string is one block of text, an empty one is none."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [as_object(block) for block in as_list(content)]


def sides_of(messages: Iterable[JsonObject]) -> list[Side]:
    """Return the turns of the conversation; messages of one side that follow each other are one turn."""
    placed = [(as_text(message.get("role")), f"messages[{index}]", message) for index, message in enumerate(messages)]
    sides: list[Side] = []
    for role, group in groupby(placed, key=itemgetter(0)):
        said = list(group)
        blocks = [
            Block(f"{place}.content[{index}]", block)
            for _, place, message in said
            for index, block in enumerate(blocks_of(message.get("content")))
        ]
        sides.append(Side(role, said[0][1], tuple(blocks)))
    return sides
