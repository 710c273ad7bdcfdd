"""A side: one peer at a gateway that gives scripted replies and keeps what it was sent."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from importlib import import_module
from typing import Any, cast

from langchain_core.messages import AIMessage
from qwen_sandbox import Reply, Sandbox

from tests.compare.peers import KEY, Peer, Service, Settings
from tests.compare.replies import Json


class Side:
    """What a probe is handed."""

    def __init__(self, peer: Peer, gateway: Sandbox) -> None:
        self.peer = peer
        self.gateway = gateway
        self._names = map(str, itertools.count())

    @property
    def made(self) -> Any:
        """The peer's class."""
        return getattr(import_module(self.peer.module), self.peer.class_name)

    def url(self, *replies: Reply) -> str:
        """The address of a gateway that gives these replies, the last one for ever."""
        return self.gateway.script_sequence(f"reply-{next(self._names)}", replies)

    def arguments(self, *replies: Reply, service: Service | None = None, **settings: Any) -> Json:
        """Constructor arguments for a model at such a gateway."""
        known: Settings = self.peer.services.get(service, {}) if service else {}
        return {**self.peer.settings, self.peer.address: self.url(*replies), "api_key": KEY, **known, **settings}

    def model(self, *replies: Reply, service: Service | None = None, **settings: Any) -> Any:
        """A model at such a gateway."""
        return self.made(**self.arguments(*replies, service=service, **settings))

    def named(self, model: str) -> Json:
        """The argument that names another Qwen model, with the prefix that the peer wants."""
        return {"model": self.peer.settings.get("model", "").replace("qwen3-32b", model)}

    @property
    def bodies(self) -> list[Json]:
        """What arrived, oldest first."""
        return [object_of(request.json) for request in self.gateway.requests if request.json]

    @property
    def body(self) -> Json:
        """What arrived last; empty if nothing did."""
        return self.bodies[-1] if self.bodies else {}

    @property
    def messages(self) -> list[Json]:
        """The messages that arrived last."""
        return list_of(self.body.get("messages"))

    @property
    def answers(self) -> list[Json]:
        """The model's own messages among them."""
        return [message for message in self.messages if message.get("role") == "assistant"]


def object_of(value: Any) -> Json:
    """`value` if it is a JSON object, else an empty one, so that a probe can look into what may not be there."""
    return cast("Json", value) if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """`value` if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def merged(chunks: Iterable[Any]) -> Any:
    """The sum of a stream, added up as users do; an empty message if nothing came."""
    given = list(chunks)
    return functools.reduce(lambda left, right: left + right, given) if given else AIMessage("")


def reasoning_of(message: Any) -> str:
    """The reasoning of a message, wherever LangChain keeps it."""
    within = "".join(block.get("reasoning") or "" for block in message.content_blocks if block["type"] == "reasoning")
    return within or str(message.additional_kwargs.get("reasoning_content") or "")


def calls_of(message: Any) -> list[tuple[str, Any]]:
    """Name and arguments of each valid tool call."""
    return [(call["name"], call["args"]) for call in message.tool_calls]


def blocks_of(message: Any) -> list[tuple[str, Any]]:
    """Type and payload of each standard content block, without the keys that serve merging."""
    return [(block["type"], _payload(block)) for block in message.content_blocks]


def _payload(block: Any) -> Any:
    if block["type"] in ("text", "reasoning"):
        return block.get(block["type"])
    return block.get("name"), block.get("args")
