"""A request in the words of Chat Completions, in which the script reads its turns.

So that the two protocols cannot drift apart, there is one script: the same conversation gives the same turn, and with
it the same text, reasoning, calls and token counts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qwen_sandbox.json_types import JsonObject, as_list, as_object, as_text
from qwen_sandbox.messages.dialogue import blocks_of, sides_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qwen_sandbox.messages.dialogue import Side

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def chat_body(body: JsonObject) -> JsonObject:
    """Return `body`, a valid Messages request, as the body of a Chat Completions request.

    Thoughts are left out: they are not counted, and the script does not read them.
    """
    sides = sides_of(as_object(message) for message in as_list(body.get("messages")))
    said = [message for side in sides for message in _said(side)]
    system = [{"role": "system", "content": _parts(blocks)}] if (blocks := blocks_of(body.get("system"))) else []
    chat: JsonObject = {"messages": [*system, *said], "max_tokens": body.get("max_tokens")}
    if body.get("tools"):
        chat["tools"] = [_tool(as_object(tool)) for tool in as_list(body["tools"])]
    if "tool_choice" in body:
        choice = as_object(body["tool_choice"])
        named = {"type": "function", "function": {"name": choice.get("name")}}
        chat["tool_choice"] = _CHOICES.get(as_text(choice.get("type")), named)
        chat["parallel_tool_calls"] = choice.get("disable_parallel_tool_use") is not True
    # Every budget is longer than what the script thinks, so that none of them cuts it.
    chat["enable_thinking"] = as_object(body.get("thinking")).get("type") == "enabled"
    return chat | {"stop": body.get("stop_sequences", []), "stream": body.get("stream", False)}


def _tool(tool: JsonObject) -> JsonObject:
    described = {"description": tool["description"]} if "description" in tool else {}
    function = {"name": tool.get("name")} | described | {"parameters": tool.get("input_schema")}
    return {"type": "function", "function": function}


def _said(side: Side) -> Iterator[JsonObject]:
    """Yield what a side says: each tool result is a message of its own and comes before the user's words."""
    for block in side.of_kind("tool_result"):
        content = _parts(blocks_of(block.value.get("content")))
        yield {"role": "tool", "tool_call_id": block.value.get("tool_use_id"), "content": content}
    calls = [_call(block.value) for block in side.of_kind("tool_use")]
    words = _parts(block.value for block in side.of_kind("text", "image"))
    if calls:
        yield {"role": side.role, "content": words, "tool_calls": calls}
    elif words or not side.of_kind("tool_result"):
        yield {"role": side.role, "content": words}


def _call(block: JsonObject) -> JsonObject:
    arguments = json.dumps(block.get("input"), ensure_ascii=False)
    return {
        "id": block.get("id"),
        "type": "function",
        "function": {"name": block.get("name"), "arguments": arguments},
    }


def _parts(blocks: Iterable[JsonObject]) -> str | list[JsonObject]:
    parts = [_part(block) for block in blocks]
    if not parts:
        return ""
    return as_text(parts[0]["text"]) if len(parts) == 1 and "text" in parts[0] else parts


def _part(block: JsonObject) -> JsonObject:
    if block.get("type") == "text":
        return {"type": "text", "text": block.get("text")}
    source = as_object(block.get("source"))
    url: Any = source.get("url", f"data:{source.get('media_type')};base64,{source.get('data')}")
    return {"type": "image_url", "image_url": {"url": url}}
