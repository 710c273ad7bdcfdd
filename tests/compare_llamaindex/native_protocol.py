"""Alibaba's native protocol and Chat Completions, each said in the other's words.

Shapes as in the Model Studio API reference (text-generation and multimodal-generation) and as the dashscope SDK reads
them: https://www.alibabacloud.com/help/en/model-studio/qwen-api-via-dashscope, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

Json = dict[str, Any]

_NATIVE_ONLY: Final = frozenset({"result_format", "incremental_output"})
_COUNTS: Final = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
_COUNTS_MORE: Final = {"completion_tokens_details": "output_tokens_details"}
_MEDIA: Final = {"image": "image_url", "video": "video_url"}
UNFINISHED: Final = "null"
"""What the native protocol states as the finish reason of a choice that goes on."""


def request_of(native: Json, *, streamed: bool) -> Json:
    """Translate a request. The native protocol reports usage in every stream, so that is asked for."""
    parameters: Json = native.get("parameters") or {}
    body: Json = {
        "model": native["model"],
        "messages": [_message_sent(message) for message in native["input"]["messages"]],
        **{name: value for name, value in parameters.items() if name not in _NATIVE_ONLY},
    }
    return {**body, "stream": True, "stream_options": {"include_usage": True}} if streamed else body


def is_incremental(native: Json) -> bool:
    """Whether the events of a stream are to hold what is new only."""
    parameters: Json = native.get("parameters") or {}
    return bool(parameters.get("incremental_output"))


def _message_sent(message: Json) -> Json:
    content: object = message.get("content")
    if isinstance(content, list):
        return {**message, "content": [_part_sent(part) for part in cast("list[Json]", content)]}
    return message


def _part_sent(part: Json) -> Json:
    """Translate `{"text": ...}`, `{"image": url}`, `{"video": url or frames}` or `{"audio": url}`."""
    kind, value = next(iter(part.items()))
    if kind == "audio":
        return {"type": "input_audio", "input_audio": {"data": value}}
    if kind == "video" and isinstance(value, list):
        return {"type": "video", "video": value}
    return {"type": _MEDIA[kind], _MEDIA[kind]: {"url": value}} if kind in _MEDIA else {"type": kind, kind: value}


def reply_of(body: Json, *, in_parts: bool) -> Json:
    """Translate a reply that came whole. `in_parts`: text is a list of parts, as multimodal-generation gives it."""
    if body.get("error"):
        return error_of(body)
    choices: list[Json] = body.get("choices") or []
    native = _enveloped(body, [_choice(choice, choice.get("message"), in_parts=in_parts) for choice in choices])
    usage = usage_of(body)
    return {**native, "usage": usage} if usage else native


def error_of(body: Json) -> Json:
    """Translate an error reply; one of an unknown shape keeps its fields."""
    error: Any = body.get("error", body)
    if not isinstance(error, Mapping):
        error = {"message": str(error)}
    told = cast("Mapping[str, Any]", error)
    code = told.get("code") or told.get("type") or "InvalidParameter"
    return {"code": str(code), "message": told.get("message", ""), "request_id": body.get("id", "")}


@dataclass
class Stream:
    """The translation of one stream. Without `incremental` each event repeats what came before it."""

    incremental: bool
    in_parts: bool
    _so_far: dict[int, Json] = field(default_factory=dict[int, Json])
    _held: Json | None = None
    _usage: Json | None = None

    def events(self, chunk: Json) -> Iterator[Json]:
        """Translate a chunk. A finished choice is held back: usage, or another end, may follow and belongs into it."""
        self._usage = usage_of(chunk) or self._usage
        choices: list[Json] = chunk.get("choices") or []
        if self._held is not None:
            choices = [choice for choice in choices if _says_something(choice)]
        if choices:
            yield from self.rest()
            event = _enveloped(chunk, [self._moved(choice) for choice in choices])
            if any(choice.get("finish_reason") for choice in choices):
                self._held = event
            else:
                yield self._counted(event)
        elif self._usage and self._held is None:  # counts alone, and no event to put them into
            self._held = _enveloped(chunk, [_choice({}, None, in_parts=self.in_parts)])

    def rest(self) -> Iterator[Json]:
        """Give what was held back."""
        if self._held is not None:
            yield self._counted(self._held)
        self._held = None

    def _counted(self, event: Json) -> Json:
        """The native protocol has the counts so far in every event."""
        return {**event, "usage": self._usage} if self._usage else event

    def _moved(self, choice: Json) -> Json:
        delta: Json = choice.get("delta") or {}
        if not self.incremental:
            delta = self._so_far[choice.get("index", 0)] = _sum(self._so_far.get(choice.get("index", 0), {}), delta)
        return _choice(choice, delta, in_parts=self.in_parts)


def usage_of(body: Json) -> Json | None:
    """Translate token counts; the details keep their names but for the answer's."""
    usage: Json | None = body.get("usage")
    names = {**_COUNTS, **_COUNTS_MORE}
    return {names.get(name, name): value for name, value in usage.items()} if usage else None


def _says_something(choice: Json) -> bool:
    delta: Json = choice.get("delta") or {}
    return any(value for name, value in delta.items() if name != "role")


def _choice(choice: Json, message: Json | None, *, in_parts: bool) -> Json:
    told = dict(message or {})
    text = told.pop("content", None) or ""  # the native protocol has empty text where this one has null
    reasoning = told.pop("reasoning_content", None) or told.pop("reasoning", None)
    said: Json = {**told, "role": "assistant", "content": [{"text": text}] if in_parts else text}
    if reasoning:
        said["reasoning_content"] = reasoning
    logprobs: Json = {"logprobs": choice["logprobs"]} if choice.get("logprobs") else {}
    return {"message": said, "finish_reason": choice.get("finish_reason") or UNFINISHED, **logprobs}


def _enveloped(body: Json, choices: list[Json]) -> Json:
    return {"output": {"choices": choices}, "request_id": body.get("id", "")}


def _sum(before: Json, delta: Json) -> Json:
    """Add a delta to what a choice has said."""
    after = {**before, **{name: value for name, value in delta.items() if value is not None}}
    for name in ("content", "reasoning_content", "reasoning"):
        if before.get(name) and delta.get(name):
            after[name] = before[name] + delta[name]
    if delta.get("tool_calls"):
        calls: dict[int, Json] = {call["index"]: call for call in before.get("tool_calls", [])}
        for call in delta["tool_calls"]:
            calls[call["index"]] = _longer(calls.get(call["index"]), call)
        after["tool_calls"] = list(calls.values())
    return after


def _longer(begun: Json | None, piece: Json) -> Json:
    if begun is None:
        return piece
    arguments = begun["function"].get("arguments", "") + piece["function"].get("arguments", "")
    return {**begun, "function": {**begun["function"], "arguments": arguments}}
