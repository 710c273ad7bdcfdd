"""`Completion` and `CompletionDelta` -> LangChain's messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.json import parse_partial_json

from langchain_qwen._chunks import calls_chunk, reasoning_chunk, text_chunk
from langchain_qwen._content_blocks import MODEL_PROVIDER
from langchain_qwen._reasoning import REASONING_FIELD

if TYPE_CHECKING:
    from qwen_endpoints import Choice, Completion, CompletionDelta, Endpoint, ToolCall, Usage

_SPOILERS: Final = ("]", "}", '"]', '"}', '\\"]', '\\"}')
"""Endings that make a half-written JSON object unreadable even to a lenient parser: a closer nothing has opened."""


def decode_completion(completion: Completion, endpoint: Endpoint) -> ChatResult:
    """Turn a whole reply into a result with one generation per choice."""
    return ChatResult(
        generations=[
            ChatGeneration(message=_message(choice, completion, endpoint), generation_info=_info(choice))
            for choice in completion.choices
        ],
        llm_output=_output(completion),
    )


def combine_outputs(outputs: Iterable[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Join what several calls say as a whole: their token counts added up, and the model's name."""
    combined: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    for output in filter(None, outputs):
        combined.update(output)
        counts.update({name: count for name, count in output["token_usage"].items() if isinstance(count, int)})
    combined.pop("id", None)  # each call has its own
    return {**combined, "token_usage": dict(counts)} if combined else {}


def decode_deltas(delta: CompletionDelta, endpoint: Endpoint) -> Iterator[ChatGenerationChunk]:
    """Turn one delta into chunks. Their sum equals what `decode_completion` makes of the same reply.

    Only the first choice streams, because a merged message can hold one; others arrive whole with the last chunk,
    in `response_metadata["other_choices"]`.
    """
    if delta.completion is not None:
        yield _last_chunk(delta.completion, endpoint)
        return
    if delta.choice != 0:
        return
    # Reasoning and text go into chunks of their own: a chunk is one content block to those who count blocks.
    if delta.reasoning:
        yield reasoning_chunk(delta.reasoning)
    if delta.text:
        yield text_chunk(delta.text)
    if delta.tool_calls:
        yield calls_chunk(delta.tool_calls)


def _last_chunk(completion: Completion, endpoint: Endpoint) -> ChatGenerationChunk:
    """Everything that is known only at the end, once: LangChain adds up what chunks repeat."""
    choice = completion.first
    message = AIMessageChunk(
        content="",
        additional_kwargs=_additional(choice, streamed=True),
        response_metadata=_metadata(choice, completion, endpoint),
        usage_metadata=_usage(completion.usage),
        tool_call_chunks=[
            tool_call_chunk(name=None, args=_spoiler(call), id=None, index=position)
            for position, call in enumerate(choice.tool_calls)
            if call.error is not None
        ],
        chunk_position="last",
    )
    return ChatGenerationChunk(message=message, generation_info=_info(choice))


def _spoiler(call: ToolCall) -> str:
    """What to append to an invalid call's arguments so that merging chunks does not mend them.

    LangChain completes half-written JSON while it merges, so an agent would run a call that was cut off. It gives up
    on a closer that nothing has opened.
    """
    for spoiler in _SPOILERS:
        try:
            read = parse_partial_json(call.arguments + spoiler)
        except ValueError:
            return spoiler
        if not isinstance(read, dict):
            return spoiler
    return ""


def _message(choice: Choice, completion: Completion, endpoint: Endpoint) -> AIMessage:
    return AIMessage(
        content=choice.text,
        additional_kwargs=_additional(choice, streamed=False),
        response_metadata=_metadata(choice, completion, endpoint),
        tool_calls=[
            tool_call(name=call.name, args=dict(call.parsed), id=call.id)
            for call in choice.tool_calls
            if call.parsed is not None
        ],
        invalid_tool_calls=[
            invalid_tool_call(name=call.name, args=call.arguments, id=call.id, error=call.error)
            for call in choice.tool_calls
            if call.parsed is None
        ],
        usage_metadata=_usage(completion.usage),
    )


def _additional(choice: Choice, *, streamed: bool) -> dict[str, Any]:
    """What has no place of its own in a message. Streamed reasoning has been given out piece by piece."""
    found = {
        "reasoning_content": None if streamed else choice.reasoning,
        "reasoning_details": [dict(detail) for detail in choice.reasoning_details],
        "refusal": choice.refusal,
        **choice.extra,
    }
    return {name: value for name, value in found.items() if value}


def _metadata(choice: Choice, completion: Completion, endpoint: Endpoint) -> dict[str, Any]:
    known: dict[str, Any] = {
        "model_name": completion.model or endpoint.model,
        "id": completion.id,
        "created": completion.created,
        "native_finish_reason": choice.native_finish_reason,
        REASONING_FIELD: choice.reasoning_field,
        "logprobs": choice.logprobs,
        "token_usage": _token_usage(completion),
        "cost": completion.cost.as_json() if completion.cost is not None else None,
        "notes": list(completion.notes),
        "other_choices": [_plain(asdict(other)) for other in completion.choices if other is not choice]
        if choice is completion.first
        else None,
        "invalid_tool_calls": [
            {"id": call.id, "name": call.name, "args": call.arguments, "error": call.error}
            for call in choice.tool_calls
            if call.error is not None
        ],
    }
    named = {
        "model_provider": MODEL_PROVIDER,
        "provider": endpoint.provider.name,
        "finish_reason": choice.finish_reason,
    }
    # The endpoint's own field of a name that means something here is kept under another.
    extra = {
        f"upstream_{name}" if name in known or name in named else name: value
        for name, value in completion.extra.items()
    }
    return {**extra, **{name: value for name, value in known.items() if value not in (None, [], {})}, **named}


def _plain(value: Any) -> Any:
    """Return nested values as JSON would give them back, so that a stored message equals the one that was given."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in cast("Mapping[str, Any]", value).items()}
    return [_plain(item) for item in cast("list[Any]", value)] if isinstance(value, (list, tuple)) else value


def _info(choice: Choice) -> dict[str, Any] | None:
    return {"finish_reason": choice.finish_reason} if choice.finish_reason else None


def _output(completion: Completion) -> dict[str, Any]:
    """What callbacks read beside the messages, where the endpoint counts tokens."""
    usage = _token_usage(completion)
    return {"id": completion.id, "model_name": completion.model, "token_usage": usage} if usage else {}


def _token_usage(completion: Completion) -> dict[str, Any]:
    return dict(completion.usage.raw) if completion.usage is not None else {}


def _usage(usage: Usage | None) -> UsageMetadata | None:
    if usage is None:
        return None
    found = UsageMetadata(
        input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, total_tokens=usage.total_tokens
    )
    inputs = _input_details(usage)
    if inputs:
        found["input_token_details"] = inputs
    if usage.reasoning_tokens is not None:
        found["output_token_details"] = OutputTokenDetails(reasoning=usage.reasoning_tokens)
    return found


def _input_details(usage: Usage) -> InputTokenDetails:
    """The details LangChain names, then the modalities as far as all of them together stay within the total, which is
    what its consumers expect of details.
    """
    named = {"cache_read": usage.cached_tokens, "cache_creation": usage.cache_write_tokens, "audio": usage.audio_tokens}
    modal = {"image": usage.image_tokens, "video": usage.video_tokens, "text": usage.text_tokens}
    details = {name: count for name, count in named.items() if count is not None}
    for name, count in modal.items():
        if count is not None and sum(details.values()) + count <= usage.input_tokens:
            details[name] = count
    return InputTokenDetails(**details)
