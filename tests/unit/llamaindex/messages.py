"""What the tests of the Messages protocol share: the provider, the ways to look at an answer, scripted replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock
from llama_index_llm_tests.messages import replies

if TYPE_CHECKING:
    from llama_index_llm_tests import Answer
    from qwen_sandbox import Reply, Sandbox

OVER_MESSAGES: Final[dict[str, Any]] = {"provider": "wcode-anthropic", "model": "qwen/qwen3-235b-a22b"}
THINKING: Final = {"thinking", "redacted_thinking"}


def reply(way: str, answer: Answer) -> Reply:
    """An answer as this way to ask gets it."""
    return replies.spelled(answer.streamed() if "stream" in way else answer.whole())


def told(response: ChatResponse) -> dict[str, Any]:
    """A response without what is new in every reply: the ids, and the number of frames it came in."""
    said = response.model_dump(mode="json", exclude={"delta": True})
    said["raw"].pop("id")
    said["additional_kwargs"].pop("id")
    said["message"]["additional_kwargs"].pop("tool_calls", None)
    for block in said["message"]["blocks"]:
        block.pop("tool_call_id", None)
    return said


def result(call: Any, text: str) -> ChatMessage:
    """What a tool gave for a call."""
    extra = {"tool_call_id": call.tool_call_id, "name": call.tool_name}
    return ChatMessage(role=MessageRole.TOOL, blocks=[TextBlock(text=text)], additional_kwargs=extra)


def thoughts_sent(sandbox: Sandbox, place: int = -1) -> list[dict[str, Any]]:
    """The thinking blocks of a request, by default of the last one."""
    turns: list[dict[str, Any]] = sandbox.requests[place].json["messages"]
    return [block for turn in turns for block in turn["content"] if block["type"] in THINKING]
