"""The core's replies -> LlamaIndex responses: whole ones, and the growing frames of a stream. No I/O."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    ContentBlock,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from qwen_endpoints import Json

from llama_index.llms.qwen._thinking import REASONING_DETAILS, thinking_block
from llama_index.llms.qwen._tokens import with_counts
from llama_index.llms.qwen._tool_calls import INVALID_CALLS, PARTIAL, REFUSAL, facts_of, plain_call
from llama_index.llms.qwen._unread import GrowingAnswer, partial_frame

if TYPE_CHECKING:
    from qwen_endpoints import Call, Choice, Completion, CompletionDelta, Endpoint, ToolCall, Usage

_Frame = TypeVar("_Frame")

_DETAIL_COUNTS: Final = (
    "reasoning_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "text_tokens",
    "image_tokens",
    "video_tokens",
    "audio_tokens",
)


def to_chat_response(completion: Completion, call: Call, *, delta: str | None = None) -> ChatResponse:
    """Translate a whole reply to a call; its first answer is the message, others go to
    `additional_kwargs["other_choices"]`.
    """
    choice, usage, endpoint = completion.first, completion.usage, call.endpoint
    thinking = thinking_block(choice, endpoint.provider.name, usage.reasoning_tokens if usage else None)
    blocks: list[ContentBlock] = [] if thinking is None else [thinking]
    if choice.text:
        blocks.append(TextBlock(text=choice.text))
    blocks.extend(
        ToolCallBlock(
            tool_call_id=made.id,
            tool_name=made.name,
            # Text marks a call that must not be executed.
            tool_kwargs=made.arguments if made.parsed is None else dict(made.parsed),
        )
        for made in choice.tool_calls
    )
    response = ChatResponse(
        message=_message(
            blocks, [plain_call(made.id, made.name, made.arguments) for made in choice.tool_calls], choice.refusal
        ),
        raw=_raw(completion),
        delta=delta,
        logprobs=_logprobs(choice.logprobs),
        additional_kwargs=_facts(completion, choice, endpoint),
    )
    return with_counts(response, call)


class FrameBuilder:
    """Turns the pieces of one reply into cumulative frames.

    Each frame is made of new objects: consumers keep frames, and the framework writes into them.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._answer = GrowingAnswer()

    def feed(self, delta: CompletionDelta) -> ChatResponse | None:
        """Return the next frame, the last one complete; `None` where a piece adds nothing to the first answer."""
        if delta.completion is not None:
            return to_chat_response(delta.completion, self._call, delta="")
        if delta.choice != 0:
            return None
        facts: dict[str, Any] = {PARTIAL: True}
        if delta.reasoning:
            facts["thinking_delta"] = delta.reasoning
        return partial_frame(self._answer.add(delta), delta.text, facts)


def frames(deltas: Generator[CompletionDelta, None, None], call: Call) -> ChatResponseGen:
    """Give the frames of a stream. Leaving early ends the stream."""
    builder = FrameBuilder(call)
    with closing(deltas):
        for delta in deltas:
            frame = builder.feed(delta)
            if frame is not None:
                yield frame


async def aframes(deltas: AsyncGenerator[CompletionDelta, None], call: Call) -> ChatResponseAsyncGen:
    """As `frames`, for `async for`."""
    builder = FrameBuilder(call)
    async with aclosing(deltas):
        async for delta in deltas:
            frame = builder.feed(delta)
            if frame is not None:
                yield frame


def each_frame(frames: ChatResponseGen, change: Callable[[ChatResponse], _Frame]) -> Generator[_Frame, None, None]:
    """Give changed frames. Leaving early ends the stream."""
    with closing(frames):
        for frame in frames:
            yield change(frame)


async def aeach_frame(
    frames: ChatResponseAsyncGen, change: Callable[[ChatResponse], _Frame]
) -> AsyncGenerator[_Frame, None]:
    """As `each_frame`, for `async for`."""
    async with aclosing(frames):
        async for frame in frames:
            yield change(frame)


def to_completion_response(response: ChatResponse) -> CompletionResponse:
    """Return a chat response as a completion. Reasoning and calls, for which it has no place, are noted beside it."""
    facts = dict(facts_of(response))
    thinking = "".join(block.content or "" for block in response.message.blocks if isinstance(block, ThinkingBlock))
    if thinking:
        facts["thinking"] = thinking
    calls = response.message.additional_kwargs.get("tool_calls")
    if calls:
        facts["tool_calls"] = calls
    return CompletionResponse(
        text=response.message.content or "",
        additional_kwargs=facts,
        raw=response.raw,
        logprobs=response.logprobs,
        delta=response.delta,
    )


def _message(blocks: list[ContentBlock], calls: list[dict[str, Any]], refusal: str | None = None) -> ChatMessage:
    # Memories count what stands here as tokens, so it is what goes back to the model and nothing else.
    extra: dict[str, Any] = {REFUSAL: refusal} if refusal else {}
    if calls:  # the framework's readers of streamed calls look at this list, not at the blocks
        extra["tool_calls"] = calls
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=extra)


def _facts(completion: Completion, choice: Choice, endpoint: Endpoint) -> dict[str, Any]:
    """Everything about a reply that the message has no place for; only what is known."""
    cost = completion.cost
    known = {
        "id": completion.id,
        "native_finish_reason": choice.native_finish_reason,
        REFUSAL: choice.refusal,
        "cost": cost and cost.as_json(),
        "notes": list(completion.notes),
        INVALID_CALLS: [_invalid(call) for call in choice.tool_calls if call.error is not None],
        "other_choices": [_plain_choice(other) for other in completion.choices[1:]],
        "extra": dict(completion.extra),
        "message_extra": dict(choice.extra),
        "logprobs": {key: value for key, value in (choice.logprobs or {}).items() if key != "content"},
    }
    return {
        "model": completion.model or endpoint.model,
        "provider": endpoint.provider.name,
        "finish_reason": choice.finish_reason,
        **(_counts(completion.usage) if completion.usage else {}),
        **{name: value for name, value in known.items() if value},
    }


def _counts(usage: Usage) -> dict[str, int]:
    details = {name: getattr(usage, name) for name in _DETAIL_COUNTS}
    return {**_totals(usage), **{name: count for name, count in details.items() if count is not None}}


def _totals(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }


def _invalid(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "name": call.name, "arguments": call.arguments, "error": call.error}


def _plain_choice(choice: Choice) -> dict[str, Any]:
    known = {
        "text": choice.text,
        "reasoning": choice.reasoning,
        REASONING_DETAILS: [dict(detail) for detail in choice.reasoning_details],
        "reasoning_field": choice.reasoning_field,
        "tool_calls": [plain_call(call.id, call.name, call.arguments) for call in choice.tool_calls],
        INVALID_CALLS: [_invalid(call) for call in choice.tool_calls if call.error is not None],
        "native_finish_reason": choice.native_finish_reason,
        REFUSAL: choice.refusal,
        "logprobs": choice.logprobs,
        "message_extra": dict(choice.extra),
    }
    return {
        "index": choice.index,
        "finish_reason": choice.finish_reason,
        **{name: value for name, value in known.items() if value},
    }


def _raw(completion: Completion) -> dict[str, Any]:
    """The reply in the endpoint's own words, as far as they are not in the message: plain JSON without nulls."""
    usage = completion.usage
    stated = {
        **completion.extra,
        "id": completion.id,
        "model": completion.model,
        "created": completion.created,
        "finish_reason": completion.first.finish_reason,
        # Token counters add these numbers up, and a null among them would stop the call.
        "usage": usage and {**_without_nulls(usage.raw), **_totals(usage)},
    }
    return {name: value for name, value in stated.items() if value is not None}


def _without_nulls(value: Json) -> dict[str, Any]:
    return {
        name: _without_nulls(cast("Json", item)) if isinstance(item, Mapping) else item
        for name, item in value.items()
        if item is not None
    }


def _logprobs(stated: Json | None) -> list[list[LogProb]] | None:
    """For each token the one that was chosen, then the alternatives that the endpoint listed."""
    tokens = (stated or {}).get("content")
    if not isinstance(tokens, list):
        return None
    return [_alternatives(cast("Json", token)) for token in cast("list[object]", tokens) if isinstance(token, Mapping)]


def _alternatives(token: Json) -> list[LogProb]:
    others = token.get("top_logprobs")
    stated = cast("list[object]", others) if isinstance(others, list) else []
    listed = [cast("Json", other) for other in stated if isinstance(other, Mapping)]
    return [_logprob(each) for each in (token, *listed) if each is token or each.get("token") != token.get("token")]


def _logprob(stated: Json) -> LogProb:
    """Read one token; what is missing or of another type is left at the framework's own nothing."""
    token, logprob, encoded = stated.get("token"), stated.get("logprob"), stated.get("bytes")
    numbers = cast("list[object]", encoded) if isinstance(encoded, list) else []
    return LogProb(
        token=token if isinstance(token, str) else "",
        logprob=float(logprob) if isinstance(logprob, (int, float)) else 0.0,
        bytes=[number for number in numbers if isinstance(number, int)],
    )
