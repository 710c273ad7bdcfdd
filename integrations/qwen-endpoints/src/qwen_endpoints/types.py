"""The values that cross between the adapters and the wire codec. All are frozen; none knows a framework or a host.

What a chunk adds is a tuple, because one is made for every chunk: that takes a third of a frozen dataclass's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen_endpoints.words import FinishReason, Json, ReasoningEffort, ReasoningReplay, Role

if TYPE_CHECKING:
    from qwen_endpoints.pricing import Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One function call that a model asked for."""

    id: str
    """The endpoint's id, or one made up by the decoder where the endpoint sent none."""
    name: str
    """The function's name; empty where the endpoint sent none (such a call is invalid)."""
    arguments: str
    """The arguments as the model wrote them: JSON text, not repaired."""
    parsed: Json | None = None
    """The arguments as an object; `None` for an invalid call."""
    error: str | None = None
    """Why the call is invalid; `None` for a valid one. An invalid call must be reported, never executed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a conversation, on its way to an endpoint."""

    role: Role
    content: str | Sequence[Json] = ""
    """Text, or parts in the shapes of Chat Completions: `text`, `image_url`, `video_url`, `video` (a list of frames),
    `input_audio`, `file`. A part may carry `cache_control`, a video part `fps`."""
    reasoning: str = ""
    """What the model thought before this answer (assistant only)."""
    reasoning_details: Sequence[Json] = ()
    """The endpoint's own structured reasoning, to be sent back verbatim (assistant only)."""
    reasoning_field: str | None = None
    """The field that this reasoning came in, where it is not `reasoning_content` (assistant only)."""
    origin: str | None = None
    """The provider that gave this answer, where known; `reasoning_details` go back to no other (assistant only)."""
    tool_calls: Sequence[ToolCall] = ()
    """Calls this message made (assistant only)."""
    tool_call_id: str | None = None
    """The call this message answers (tool only)."""
    is_error: bool = False
    """The call that this message answers failed (tool only). Chat Completions has no place for it."""
    name: str | None = None
    """The speaker's name, where the framework has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One request, before an endpoint's spelling is applied. Whatever is unset (`None`, empty) is not sent."""

    messages: Sequence[Message]
    tools: Sequence[Json] = ()
    """Function tools in the shape `{"type": "function", "function": {"name", "description", "parameters"}}`."""
    tool_choice: str | Json | None = None
    """`auto`, `none`, `required` (or `any`), a function's name, or the Chat Completions object."""
    response_format: Json | None = None
    """`{"type": "json_object"}` or `{"type": "json_schema", "json_schema": {...}}`."""
    answer_schema: Json | None = None
    """The JSON schema that an answer in JSON mode should fit. The mode itself knows no schema, so it is told in the
    prompt. Beside any other response format it is not used."""
    parameters: Json = field(default_factory=dict[str, Any])
    """Sampling and output parameters by neutral name (`temperature`, `max_tokens`, `stop`, ...)."""
    video_fps: float | None = None
    """The `fps` of video parts that have none."""
    enable_thinking: bool | None = None
    thinking_budget: int | None = None
    reasoning_effort: ReasoningEffort | None = None
    preserve_thinking: bool | None = None
    reasoning_replay: ReasoningReplay = "auto"
    stream_usage: bool = True
    """Ask for token counts in a stream."""
    extra_body: Json = field(default_factory=dict[str, Any])
    """Merged deeply into the body, last: the escape hatch for anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts of one call. `None` means that the endpoint did not say."""

    input_tokens: int
    """All prompt tokens, cached ones included."""
    output_tokens: int
    """All answer tokens, reasoning included."""
    total_tokens: int
    reasoning_tokens: int | None = None
    """Never more than `output_tokens` (some hosts report more; it is clamped)."""
    cached_tokens: int | None = None
    """Input tokens read from a cache."""
    cache_write_tokens: int | None = None
    """Input tokens written to a cache."""
    text_tokens: int | None = None
    image_tokens: int | None = None
    video_tokens: int | None = None
    audio_tokens: int | None = None
    """Input tokens by modality."""
    reported_cost: float | None = None
    """US dollars, where the endpoint states what the call cost."""
    raw: Json = field(default_factory=dict[str, Any])
    """The endpoint's own usage object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer. An endpoint sends several only when asked to (`n`)."""

    index: int = 0
    """The endpoint's own number for this answer."""
    text: str = ""
    reasoning: str = ""
    reasoning_details: tuple[Json, ...] = ()
    reasoning_field: str | None = None
    """The field of the wire that held the reasoning, where it is not `reasoning_content`."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Valid and invalid calls, in the order they were opened."""
    finish_reason: FinishReason | None = None
    """`None` where the endpoint did not say."""
    native_finish_reason: str | None = None
    """The endpoint's or its upstream's own word for it, where it differs from or adds to `finish_reason`."""
    refusal: str | None = None
    logprobs: Json | None = None
    """`{"content": [...], ...}` as the endpoint sent it, joined over a stream."""
    extra: Json = field(default_factory=dict[str, Any])
    """Whatever else the message carried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A whole reply, however it came."""

    choices: tuple[Choice, ...] = ()
    id: str | None = None
    model: str | None = None
    """The model that answered, in the endpoint's words."""
    created: int | None = None
    """Unix time in seconds."""
    usage: Usage | None = None
    cost: Cost | None = None
    notes: tuple[str, ...] = ()
    """What was changed about this request so that the endpoint would take it, in words for the user."""
    extra: Json = field(default_factory=dict[str, Any])
    """Whatever else the reply carried (`system_fingerprint`, an upstream's name, timings, ...)."""

    @property
    def first(self) -> Choice:
        """The first answer; an empty one where nothing arrived."""
        return self.choices[0] if self.choices else Choice()


class ToolCallDelta(NamedTuple):
    """A piece of a tool call."""

    index: int  # pyright: ignore[reportIncompatibleMethodOverride] - the wire's own name; nobody searches a piece
    """Counts the calls of one answer from 0, in the order they were opened, whatever indexes the endpoint sent."""
    id: str | None
    """Set on the piece that opens the call, `None` on the rest."""
    name: str | None
    """Set once, on the piece that first knows it."""
    arguments: str
    """The next characters of the arguments."""


class CompletionDelta(NamedTuple):
    """What one chunk of a reply added."""

    choice: int = 0
    """Which answer grew, counted from 0 in the order of `Completion.choices`."""
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    completion: Completion | None = None
    """The whole reply; set on the last delta of a reply, once, and nowhere else."""
