"""One neutral view of a reply, whoever read it: the core, LangChain or LlamaIndex. What differs in it is a bug."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, cast

from llama_index.core.base.llms.types import TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.core.llms import ChatMessage, ChatResponse
from qwen_endpoints import Choice, Completion, CompletionDelta, QwenError, ToolCall, Usage

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

Facts = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class CallView:
    """A tool call. A valid one has an object as arguments; an invalid one the model's own text, and a reason."""

    id: str
    name: str
    arguments: Facts | str
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class ErrorView:
    """A failure, with what had arrived."""

    kind: str
    message: str
    status: int | None = None
    code: str | None = None
    request_id: str | None = None
    retryable: bool = False
    partial: View | None = None


@dataclass(frozen=True, kw_only=True)
class View:
    """A reply. The defaults are those of the fixtures, so that a table of views shows what is special."""

    text: str = ""
    reasoning: str = ""
    details: tuple[Facts, ...] = ()
    reasoned_in: str | None = None
    """Where the reasoning stood, if not in `reasoning_content`."""
    calls: tuple[CallView, ...] = ()
    invalid: tuple[CallView, ...] = ()
    finish: str | None = "stop"
    """`None` where the endpoint did not say."""
    native: str | None = None
    refusal: str | None = None
    tokens: tuple[tuple[str, float], ...] = ()
    """The log probabilities."""
    usage: Facts | None = None
    modalities: Facts = field(default_factory=dict[str, int])
    """Input tokens by modality. LangChain keeps to those that fit into the total."""
    others: tuple[View, ...] = ()
    """Further choices; facts about the reply as a whole are on the first only."""
    id: str | None = "reply-1"
    model: str | None = "qwen3-32b"
    extra: Facts = field(default_factory=dict[str, Any])
    """Unknown fields of the reply."""
    message_extra: Facts = field(default_factory=dict[str, Any])
    """Unknown fields of the message."""
    notes: tuple[str, ...] = ()
    error: ErrorView | None = None


NOTHING: Final = View(id=None, model=None, finish=None)


def _call(call_id: str | None, name: str | None, arguments: Any, error: str | None = None) -> CallView:
    # What the JSON parser says, in brackets, depends on the Python version.
    return CallView(id=call_id or "", name=name or "", arguments=arguments, error=(error or "").partition(" (")[0])


def _tokens(logprobs: Facts | None) -> tuple[tuple[str, float], ...]:
    entries: list[Facts] = (logprobs or {}).get("content") or []
    return tuple((str(entry["token"]), float(entry["logprob"])) for entry in entries)


def _without_nones(facts: Facts) -> Facts:
    return {name: value for name, value in facts.items() if value is not None}


# --- the core -------------------------------------------------------------------------------------------------------


def view_of_completion(completion: Completion) -> View:
    others = tuple(view_of_choice(choice) for choice in completion.choices[1:])
    return replace(
        view_of_choice(completion.first),
        usage=_usage(completion.usage),
        modalities=_modalities(completion.usage),
        others=others,
        id=completion.id,
        model=completion.model,
        extra=completion.extra,
        notes=completion.notes,
    )


def view_of_choice(choice: Choice) -> View:
    return replace(
        NOTHING,
        text=choice.text,
        reasoning=choice.reasoning,
        details=tuple(choice.reasoning_details),
        reasoned_in=choice.reasoning_field,
        calls=tuple(_call(call.id, call.name, call.parsed) for call in choice.tool_calls if call.error is None),
        invalid=tuple(_invalid(call) for call in choice.tool_calls if call.error is not None),
        finish=choice.finish_reason,
        native=choice.native_finish_reason,
        refusal=choice.refusal,
        tokens=_tokens(choice.logprobs),
        message_extra=choice.extra,
    )


def _invalid(call: ToolCall) -> CallView:
    assert call.parsed is None
    return _call(call.id, call.name, call.arguments, call.error)


def _usage(usage: Usage | None) -> Facts | None:
    if usage is None:
        return None
    return _without_nones(
        {
            "input": usage.input_tokens,
            "output": usage.output_tokens,
            "total": usage.total_tokens,
            "reasoning": usage.reasoning_tokens,
            "cached": usage.cached_tokens,
            "cache_write": usage.cache_write_tokens,
            "audio": usage.audio_tokens,
        }
    )


def _modalities(usage: Usage | None) -> Facts:
    counts = usage and {"text": usage.text_tokens, "image": usage.image_tokens, "video": usage.video_tokens}
    return _without_nones(counts or {})


def view_of_deltas(deltas: Sequence[CompletionDelta]) -> View:
    """The view of a stream's last delta, after a check that the pieces before it say the same."""
    completion = deltas[-1].completion
    assert completion is not None
    assert all(delta.completion is None for delta in deltas[:-1])
    for place, choice in enumerate(completion.choices):
        own = [delta for delta in deltas if delta.choice == place]
        assert "".join(delta.text for delta in own) == choice.text
        assert "".join(delta.reasoning for delta in own) == choice.reasoning
        pieces = [piece for delta in own for piece in delta.tool_calls]
        for index, call in enumerate(choice.tool_calls):
            mine = [piece for piece in pieces if piece.index == index]
            assert mine[0].id == call.id
            assert [piece.id for piece in mine[1:] if piece.id is not None] == []
            assert [piece.name for piece in mine if piece.name is not None] == ([call.name] if call.name else [])
            assert "".join(piece.arguments for piece in mine) == call.arguments
    return view_of_completion(completion)


def view_of_error(error: QwenError) -> View:
    return replace(
        NOTHING,
        error=ErrorView(
            kind=type(error).__name__,
            message=error.message,
            status=error.status,
            code=error.code,
            request_id=error.request_id,
            retryable=error.retryable,
            partial=view_of_completion(error.partial) if error.partial is not None else None,
        ),
    )


# --- LangChain ------------------------------------------------------------------------------------------------------

_LANGCHAIN_FACTS: Final = frozenset(
    {
        *("model_name", "model_provider", "provider", "finish_reason", "native_finish_reason", "id", "created"),
        *("token_usage", "cost", "notes", "logprobs", "other_choices", "invalid_tool_calls", "reasoning_field"),
    }
)
_LANGCHAIN_EXTRAS: Final = frozenset({"reasoning_content", "reasoning_details", "refusal"})


def view_of_langchain(message: AIMessage) -> View:
    """A whole message, or the sum of a stream's chunks."""
    facts, beside = cast("Facts", message.response_metadata), cast("Facts", message.additional_kwargs)
    text = message.content
    assert isinstance(text, str)
    reasoning = cast("str", beside.get("reasoning_content", ""))
    blocks = [dict(block) for block in message.content_blocks]
    assert _joined(blocks, "text") == text
    assert _joined(blocks, "reasoning") == reasoning
    calls = tuple(_call(call["id"], call["name"], call["args"]) for call in message.tool_calls)
    assert _block_calls(blocks, "tool_call") == [(call.id, call.name) for call in calls]
    invalid = tuple(
        _call(call["id"], call["name"], call["args"], call["error"]) for call in facts.get("invalid_tool_calls", ())
    )
    # Merging chunks would mend half-written arguments; the adapter spoils them, and keeps the true ones apart.
    assert [call["id"] for call in message.invalid_tool_calls] == [call.id for call in invalid]
    assert all(
        (call["args"] or "").startswith(true.arguments)
        for call, true in zip(message.invalid_tool_calls, invalid, strict=True)
        if isinstance(true.arguments, str)
    )
    assert _block_calls(blocks, "invalid_tool_call") == [(call.id, call.name) for call in invalid]
    assert facts["model_provider"] == "qwen"
    extra = {name.removeprefix("upstream_"): value for name, value in facts.items() if name not in _LANGCHAIN_FACTS}
    usage: Facts = cast("Facts", message.usage_metadata or {})
    return View(
        text=text,
        reasoning=reasoning,
        details=tuple(beside.get("reasoning_details", ())),
        reasoned_in=facts.get("reasoning_field"),
        calls=calls,
        invalid=invalid,
        finish=facts["finish_reason"],
        native=facts.get("native_finish_reason"),
        refusal=beside.get("refusal"),
        tokens=_tokens(facts.get("logprobs")),
        usage=_langchain_usage(usage) if usage else None,
        modalities={
            name: usage["input_token_details"][name]
            for name in ("text", "image", "video")
            if name in usage.get("input_token_details", {})
        },
        others=tuple(_view_of_dumped(choice) for choice in facts.get("other_choices", ())),
        id=facts.get("id"),
        model=facts.get("model_name"),
        extra=extra,
        message_extra={name: value for name, value in beside.items() if name not in _LANGCHAIN_EXTRAS},
        notes=tuple(facts.get("notes", ())),
    )


def _joined(blocks: Iterable[Facts], kind: str) -> str:
    return "".join(block[kind] for block in blocks if block["type"] == kind)


def _block_calls(blocks: Iterable[Facts], kind: str) -> list[tuple[str, str]]:
    return [(block["id"] or "", block["name"] or "") for block in blocks if block["type"] == kind]


def _langchain_usage(usage: Facts) -> Facts:
    inputs, outputs = usage.get("input_token_details", {}), usage.get("output_token_details", {})
    return _without_nones(
        {
            "input": usage["input_tokens"],
            "output": usage["output_tokens"],
            "total": usage["total_tokens"],
            "reasoning": outputs.get("reasoning"),
            "cached": inputs.get("cache_read"),
            "cache_write": inputs.get("cache_creation"),
            "audio": inputs.get("audio"),
        }
    )


def _view_of_dumped(choice: Facts) -> View:
    """A further choice, as LangChain's metadata holds it: the core's own fields."""
    calls = tuple(ToolCall(**call) for call in choice["tool_calls"])
    fields_of_choice: dict[str, Any] = {**choice, "tool_calls": calls}
    return view_of_choice(Choice(**fields_of_choice))


# --- LlamaIndex -----------------------------------------------------------------------------------------------------


def view_of_llamaindex(response: ChatResponse) -> View:
    """A whole response, or the last frame of a stream."""
    facts = cast("Facts", response.additional_kwargs)  # pyright: ignore[reportUnknownMemberType]
    message: ChatMessage = response.message
    thoughts = [block for block in message.blocks if isinstance(block, ThinkingBlock)]
    reported: list[Facts] = facts.get("invalid_tool_calls", [])
    invalid = tuple(_call(call["id"], call["name"], call["arguments"], call["error"]) for call in reported)
    called = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    text = "".join(block.text for block in message.blocks if isinstance(block, TextBlock))
    assert text == (message.content or "")
    assert [(block.tool_call_id, block.tool_name) for block in called if isinstance(block.tool_kwargs, str)] == [
        (call.id, call.name) for call in invalid
    ]
    listed: list[Facts] = cast("Facts", message.additional_kwargs).get("tool_calls", [])
    assert [call["id"] for call in listed] == [block.tool_call_id for block in called]
    return View(
        text=text,
        reasoning="".join(block.content or "" for block in thoughts),
        details=tuple(
            detail for block in thoughts for detail in block.additional_information.get("reasoning_details", ())
        ),
        reasoned_in=next((block.additional_information.get("field") for block in thoughts), None),
        calls=tuple(
            _call(block.tool_call_id, block.tool_name, block.tool_kwargs)
            for block in called
            if not isinstance(block.tool_kwargs, str)
        ),
        invalid=invalid,
        finish=facts["finish_reason"],
        native=facts.get("native_finish_reason"),
        refusal=facts.get("refusal"),
        tokens=tuple((tokens[0].token, tokens[0].logprob) for tokens in response.logprobs or ()),
        usage=_llamaindex_usage(facts) if "prompt_tokens" in facts else None,
        modalities={name: facts[f"{name}_tokens"] for name in ("text", "image", "video") if f"{name}_tokens" in facts},
        others=tuple(_view_of_noted(choice) for choice in facts.get("other_choices", ())),
        id=facts.get("id"),
        model=cast("Facts", response.raw).get("model"),
        extra=facts.get("extra", {}),
        message_extra=facts.get("message_extra", {}),
        notes=tuple(facts.get("notes", ())),
    )


def _llamaindex_usage(facts: Facts) -> Facts:
    return _without_nones(
        {
            "input": facts["prompt_tokens"],
            "output": facts["completion_tokens"],
            "total": facts["total_tokens"],
            "reasoning": facts.get("reasoning_tokens"),
            "cached": facts.get("cached_tokens"),
            "cache_write": facts.get("cache_write_tokens"),
            "audio": facts.get("audio_tokens"),
        }
    )


def _view_of_noted(choice: Facts) -> View:
    """A further choice, as LlamaIndex's facts hold it."""
    invalid = {call["id"] for call in choice.get("invalid_tool_calls", ())}
    calls = [ToolCall(id=call["id"], **call["function"]) for call in choice.get("tool_calls", ())]
    assert not invalid & {call.id for call in calls}, "write the rest when an endpoint sends such a thing"
    return replace(
        NOTHING,
        text=choice.get("text", ""),
        reasoning=choice.get("reasoning", ""),
        details=tuple(choice.get("reasoning_details", ())),
        reasoned_in=choice.get("reasoning_field"),
        calls=tuple(_call(call.id, call.name, call.parsed) for call in calls),
        finish=choice["finish_reason"],
        native=choice.get("native_finish_reason"),
        refusal=choice.get("refusal"),
        tokens=_tokens(choice.get("logprobs")),
        message_extra=choice.get("message_extra", {}),
    )


# --- comparing ------------------------------------------------------------------------------------------------------

_MADE_UP: Final = re.compile(r"(call|toolu)_[0-9a-f]{24}")


def with_plain_ids(view: View, wire: str) -> View:
    """Number the call ids that are not on the wire: they are made up, or (`wire` empty) random."""
    seen: list[str] = []

    def plain(call: CallView) -> CallView:
        if call.id in wire and call.id:
            return call
        assert _MADE_UP.fullmatch(call.id), call.id
        seen.append(call.id)
        assert len(set(seen)) == len(seen), "made-up ids must differ"
        return replace(call, id=f"made up {len(seen)}")

    def plainly(each: View) -> View:
        partial = each.error and each.error.partial
        return replace(
            each,
            calls=tuple(map(plain, each.calls)),
            invalid=tuple(map(plain, each.invalid)),
            others=tuple(map(plainly, each.others)),
            error=each.error and replace(each.error, partial=partial and plainly(partial)),
        )

    return plainly(view)


def differences(views: Mapping[str, View], expected: View) -> dict[str, dict[str, tuple[Any, Any]]]:
    """Where views differ from what is expected: path -> field -> (is, should be). Empty is good."""
    found = {path: _unequal(view, expected, lenient=path.startswith("langchain")) for path, view in views.items()}
    return {path: unequal for path, unequal in found.items() if unequal}


def _unequal(view: View, expected: View, *, lenient: bool) -> dict[str, tuple[Any, Any]]:
    pairs = {item.name: (getattr(view, item.name), getattr(expected, item.name)) for item in fields(View)}
    if lenient and view.modalities.items() <= expected.modalities.items():
        del pairs["modalities"]
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
