"""One validated request, read: its messages, tools and switches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qwen_sandbox.json_types import JsonObject, as_list, as_object, as_text
from qwen_sandbox.tokens import is_chinese

if TYPE_CHECKING:
    from qwen_sandbox.gateways import Gateway, Model

_EFFORT_SHARE = {"xhigh": 0.95, "high": 0.8, "medium": 0.5, "low": 0.2, "minimal": 0.1}


def text_of(message: JsonObject) -> str:
    """Return the text of a message, its text parts joined by line ends."""
    content: Any = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(as_text(as_object(part).get("text")) for part in as_list(content) if "text" in as_object(part))


def media_of(message: JsonObject) -> list[tuple[str, str]]:
    """Return the images and videos of a message as (kind, URL), in order."""
    found: list[tuple[str, str]] = []
    for part in map(as_object, as_list(message.get("content"))):
        for kind in ("image", "video"):
            url = as_text(as_object(part.get(f"{kind}_url")).get("url"))
            if url:
                found.append((kind, url))
    return found


@dataclass(frozen=True)
class Tool:
    """A function offered by the request."""

    name: str
    description: str
    parameters: JsonObject


@dataclass(frozen=True)
class Turn:
    """A request body that the contract allows, with the questions the rules ask of it."""

    gateway: Gateway
    model: Model
    body: JsonObject

    @cached_property
    def messages(self) -> list[JsonObject]:
        """Return the conversation."""
        return [as_object(message) for message in as_list(self.body.get("messages"))]

    @cached_property
    def last(self) -> JsonObject:
        """Return the last message."""
        return self.messages[-1]

    @cached_property
    def prompt(self) -> str:
        """Return the text of the last user message, or of the last message when no user spoke."""
        users = [message for message in self.messages if message.get("role") == "user"]
        return text_of(users[-1] if users else self.last)

    @cached_property
    def instructions(self) -> str:
        """Return the text of all system messages."""
        return "\n".join(text_of(message) for message in self.messages if message.get("role") == "system")

    @cached_property
    def tool_results(self) -> list[JsonObject]:
        """Return the tool messages with which the conversation ends."""
        results: list[JsonObject] = []
        for message in reversed(self.messages):
            if message.get("role") != "tool":
                break
            results.insert(0, message)
        return results

    @cached_property
    def tools(self) -> list[Tool]:
        """Return the tools on offer."""
        functions = [as_object(as_object(tool).get("function")) for tool in as_list(self.body.get("tools"))]
        return [
            Tool(as_text(item.get("name")), as_text(item.get("description")), as_object(item.get("parameters")))
            for item in functions
        ]

    @property
    def tool_choice(self) -> str:
        """Return none, auto or required; a named tool counts as required."""
        choice: Any = self.body.get("tool_choice", "auto")
        return choice if isinstance(choice, str) else "required"

    @property
    def named_tool(self) -> str | None:
        """Return the one tool the request insists on, or None."""
        name = as_object(as_object(self.body.get("tool_choice")).get("function")).get("name")
        return as_text(name) or None

    @property
    def json_mode(self) -> bool:
        """Return whether the answer must be JSON."""
        return as_object(self.body.get("response_format")).get("type") in {"json_object", "json_schema"}

    @property
    def json_schema(self) -> JsonObject | None:
        """Return the schema the answer must fit, or None."""
        wanted = as_object(as_object(self.body.get("response_format")).get("json_schema"))
        return as_object(wanted.get("schema")) if "schema" in wanted else None

    @property
    def thinking(self) -> bool:
        """Return whether the model thinks in this turn."""
        if self.model.thinking == "never":
            return False
        if "reasoning" in self.body:
            return as_object(self.body["reasoning"]).get("effort") != "none"
        return bool(self.body.get("enable_thinking", self.model.thinking == "on"))

    @property
    def reasoning_limit(self) -> int | None:
        """Return how many tokens the asked effort leaves to reasoning, or None when nothing limits it."""
        share = _EFFORT_SHARE.get(as_text(as_object(self.body.get("reasoning")).get("effort")))
        return None if share is None or self.limit is None else max(1, int(self.limit * share))

    @property
    def limit(self) -> int | None:
        """Return the most tokens to generate, or None when the request does not say."""
        limit: Any = self.body.get(self.gateway.limit_field)
        return None if limit is None else int(limit)

    @property
    def stops(self) -> list[str]:
        """Return the stop sequences."""
        stop: Any = self.body.get("stop")
        return [stop] if isinstance(stop, str) else [as_text(item) for item in as_list(stop)]

    @property
    def choices(self) -> int:
        """Return how many choices are asked for."""
        return int(self.body.get("n", 1))

    @property
    def streamed(self) -> bool:
        """Return whether the answer goes out as server-sent events."""
        return self.body.get("stream") is True

    @property
    def reports_usage(self) -> bool:
        """Return whether a stream ends with the usage."""
        return as_object(self.body.get("stream_options")).get("include_usage") is True

    @property
    def top_logprobs(self) -> int | None:
        """Return how many likely tokens to report, or None when log probabilities were not asked for."""
        return int(self.body.get("top_logprobs", 0)) if self.body.get("logprobs") is True else None

    @property
    def chinese(self) -> bool:
        """Return whether the answer should be in Chinese."""
        return is_chinese(self.prompt)
