"""What the tests of peers' defects share: replies in pieces, and what an answer holds."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ThinkingBlock

if TYPE_CHECKING:
    from llama_index.llms.qwen import Qwen

ASK = [ChatMessage("What is 6 times 7?")]


def piece(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    """A streamed chunk."""
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def call(index: int | None = 0, arguments: str = "", name: str | None = None, id_: str | None = None) -> dict[str, Any]:
    """A streamed piece of a call."""
    function = {"arguments": arguments, **({"name": name} if name is not None else {})}
    head = {"id": id_, "type": "function"} if id_ is not None else {}
    return {**({} if index is None else {"index": index}), **head, "function": function}


def calls(*pieces: list[dict[str, Any]], finish: str = "tool_calls") -> list[dict[str, Any]]:
    """A stream of pieces of calls, one list a chunk."""
    return [*(piece(tool_calls=some) for some in pieces), piece(finish)]


def made(llm: Qwen, response: ChatResponse) -> list[tuple[str, str, dict[str, Any]]]:
    """What an agent would run."""
    found = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    return [(item.tool_id, item.tool_name, item.tool_kwargs) for item in found]


async def both(llm: Qwen, **kwargs: Any) -> list[list[ChatResponse]]:
    """The frames of a stream, sync and async."""
    return [list(llm.stream_chat(ASK, **kwargs)), [frame async for frame in await llm.astream_chat(ASK, **kwargs)]]


def thought(response: ChatResponse) -> str:
    return "".join(block.content or "" for block in response.message.blocks if isinstance(block, ThinkingBlock))
