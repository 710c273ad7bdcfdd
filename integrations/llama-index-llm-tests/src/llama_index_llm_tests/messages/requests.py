"""Requests of Messages in the words of Chat Completions, in which the tests read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, cast

from llama_index_llm_tests.answers import Json
from llama_index_llm_tests.messages.words import signature_of

_CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}
_THOUGHTS: Final = ("thinking", "redacted_thinking")


def read(body: Json) -> Json:
    """Translate a request; fields that both protocols have, or that are the server's own, stay as they are.

    Thoughts that carry the server's signature are `reasoning_content`; others, which a server would refuse, are
    `refused_thinking`.
    """
    assert body.get("max_tokens"), "Messages wants max_tokens in every request"
    own = ("messages", "system", "tools", "tool_choice", "stop_sequences")
    chat: Json = {name: value for name, value in body.items() if name not in own}
    system = [{"role": "system", "content": _content(body["system"])}] if body.get("system") else []
    chat["messages"] = [*system, *(message for turn in body["messages"] for message in _turn(turn))]
    if "stop_sequences" in body:
        chat["stop"] = body["stop_sequences"]
    if "tools" in body:
        chat["tools"] = [_tool(tool) for tool in body["tools"]]
    if "tool_choice" in body:
        chat |= _choice(body["tool_choice"])
    return chat


def _tool(tool: Json) -> Json:
    function = {name: value for name, value in tool.items() if name != "input_schema"}
    return {"type": "function", "function": {**function, "parameters": tool["input_schema"]}}


def _choice(choice: Json) -> Json:
    named = {"type": "function", "function": {"name": choice.get("name")}}
    parallel = {"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") else {}
    return {"tool_choice": _CHOICES.get(choice["type"], named), **parallel}


def _turn(turn: Json) -> Iterator[Json]:
    """What a turn says: a message for each result, and one for the rest."""
    assert turn["role"] in {"user", "assistant"}, f"Messages has no role {turn['role']}"
    blocks = _blocks(turn["content"])
    for block in _of_kind(blocks, "tool_result"):
        yield {"role": "tool", "tool_call_id": block["tool_use_id"], "content": _content(block.get("content") or "")}
    said = _of_kind(blocks, "text", "image")
    thoughts, calls = _of_kind(blocks, *_THOUGHTS), _of_kind(blocks, "tool_use")
    if said or thoughts or calls:
        extra = {"tool_calls": [_call(block) for block in calls]} if calls else {}
        content = _content(said) if said else None
        yield {"role": turn["role"], "content": content, **_reasoning(thoughts), **extra}


def _reasoning(thoughts: list[Json]) -> Json:
    signed = [block for block in thoughts if block.get("signature") == signature_of(block.get("thinking") or "")]
    told: Json = {"reasoning_content": "".join(block["thinking"] for block in signed)} if signed else {}
    others = [block for block in thoughts if block not in signed]
    return {**told, "refused_thinking": others} if others else told


def _call(block: Json) -> Json:
    function = {"name": block["name"], "arguments": json.dumps(block["input"])}
    return {"id": block["id"], "type": "function", "function": function}


def _content(content: Any) -> str | list[Json]:
    """Content as Chat Completions has it; one plain text is text."""
    parts = [_part(block) for block in _blocks(content)]
    return parts[0]["text"] if len(parts) == 1 and set(parts[0]) == {"type", "text"} else parts or ""


def _part(block: Json) -> Json:
    if block["type"] != "image":
        return block
    source: Json = block["source"]
    url = source.get("url") or f"data:{source['media_type']};base64,{source['data']}"
    marks = {name: value for name, value in block.items() if name not in ("type", "source")}
    return {"type": "image_url", "image_url": {"url": url}, **marks}


def _blocks(content: Any) -> list[Json]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return cast("list[Json]", content)


def _of_kind(blocks: list[Json], *kinds: str) -> list[Json]:
    return [block for block in blocks if block["type"] in kinds]
