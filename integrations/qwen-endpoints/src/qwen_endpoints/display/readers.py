"""How things become turns: a registry that adapters fill for their frameworks' types.

Each function dispatches on the type of its argument; `@shown_of.register` and the others add a type.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any, Final, Protocol

from qwen_endpoints.display.shown import Shown, mapping_in
from qwen_endpoints.showable import registered_more

_KNOWN: Final = """It takes an answer, a list of messages, an agent's result, or the stream of any of them:
  LangChain, with langchain_qwen imported:
    show(llm.invoke(...)), show(llm.stream(...)), show(agent.invoke(...)),
    show(agent.stream(..., stream_mode="messages")), await ashow(llm.astream(...))
  LlamaIndex, with llama_index.llms.qwen imported:
    show(llm.chat(...)), show(llm.stream_chat(...)), show(engine.query(...)), show(chat_engine.stream_chat(...)),
    await ashow(llm.astream_chat(...)), await ashow(agent.run(...))"""


class Collector(Protocol):
    """What has arrived of a stream."""

    def add(self, item: Any) -> bool:
        """Take the next item, cheaply. Returns whether it is worth seeing at once: a call, a result, an end."""
        ...

    def turns(self, *, growing: bool) -> tuple[Shown, ...]:
        """Merge what is new and return all turns.

        Args:
            growing: Whether more items may come.
        """
        ...

    def whole(self) -> Any:
        """Return everything that arrived, in the framework's own form."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A stream that stands inside another thing, such as a response with sources."""

    items: Iterator[Any] | AsyncIterator[Any]
    collector: Collector


@singledispatch
def shown_of(thing: Any) -> tuple[Shown, ...]:
    """Return the turns of a whole answer.

    Raises:
        TypeError: Nobody has registered its type.
    """
    if registered_more():
        return shown_of(thing)
    raise TypeError(f"show() cannot show {_named(thing)}. {_KNOWN}")


@singledispatch
def collector_for(item: Any) -> Collector:
    """Return a collector for a stream whose first item this is; the item is not added yet.

    Raises:
        TypeError: Nobody has registered its type.
    """
    if registered_more():
        return collector_for(item)
    raise TypeError(f"show() cannot show a stream of {_named(item)}. {_KNOWN}")


@singledispatch
def opened(thing: Any) -> Opened | None:
    """Return the stream that stands inside a thing; `None` where there is none."""
    return opened(thing) if registered_more() else None


@shown_of.register(str)
def _(thing: str) -> tuple[Shown, ...]:
    return (Shown(text=thing),)


@shown_of.register(list)
@shown_of.register(tuple)
def _(thing: list[Any] | tuple[Any, ...]) -> tuple[Shown, ...]:
    if not thing:
        return ()
    collector = collector_for(thing[0])
    for item in thing:
        collector.add(item)
    return collector.turns(growing=False)


@collector_for.register(str)
def _(item: str) -> Collector:
    del item
    return TextCollector()


class TextCollector:
    """Joins the pieces of a text, as chains that end in a parser of strings give them.

    Args:
        frame: A turn to put the text into.
    """

    def __init__(self, frame: Shown | None = None) -> None:
        self._frame = frame or Shown()
        self._pieces: list[str] = []

    def add(self, item: str) -> bool:
        """Take a piece."""
        self._pieces.append(item)
        return False

    def turns(self, *, growing: bool) -> tuple[Shown, ...]:
        """Return the one turn."""
        return (replace(self._frame, text=self.text, growing=growing),)

    @property
    def text(self) -> str:
        """What has arrived."""
        self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    def whole(self) -> Any:
        """Return the text."""
        return self.text


def _named(thing: object) -> str:
    kind = type(thing)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    keys = ", ".join(map(str, mapping_in(thing)))
    return f"a {name} with the keys {keys}" if keys else f"a {name}"
