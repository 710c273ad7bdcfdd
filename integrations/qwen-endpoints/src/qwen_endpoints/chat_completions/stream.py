"""Chat Completions payloads -> `CompletionDelta`s. A whole reply is a stream of one payload."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from qwen_endpoints.chat_completions.decode import FieldCollector, decode_usage, details_text, join_details
from qwen_endpoints.chat_completions.think_tags import ThinkTagSplitter
from qwen_endpoints.errors import MalformedResponseError, StreamInterruptedError
from qwen_endpoints.pricing import cost_of
from qwen_endpoints.tool_calls import MadeUpIds, ToolCallAssembler
from qwen_endpoints.types import Choice, Completion, CompletionDelta
from qwen_endpoints.wire_values import decode_finish_reason, items_of, mapping, text_of
from qwen_endpoints.words import Json

if TYPE_CHECKING:
    from qwen_endpoints.codec import EncodedRequest
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.types import ToolCallDelta

_KNOWN_MESSAGE_KEYS: Final = frozenset(
    {"role", "content", "reasoning_content", "reasoning", "reasoning_details", "tool_calls", "refusal"}
)
_SAYING: Final = ("choices", "usage", "x_groq", "error", "message")
_KNOWN_PAYLOAD_KEYS: Final = frozenset({"id", "object", "created", "model", "choices", "usage", "error"})


class StreamDecoder:
    """Feed each payload of one reply, then call `finish` once.

    Every payload gives the deltas it adds; `finish` gives the last delta, which carries the whole `Completion`.
    """

    def __init__(self, endpoint: Endpoint, request: EncodedRequest) -> None:
        self._endpoint = endpoint
        self._request = request
        self._choices: dict[int, _ChoiceDecoder] = {}
        self._told: tuple[object, ...] = ()
        """What the last payload said of the reply as a whole: as a rule all say the same."""
        self._id: str | None = None
        self._model: str | None = None
        self._created: int | None = None
        self._usage: object = None
        self._extra: dict[str, Any] = {}
        self._ids = MadeUpIds(request.body)
        self.ended = False  # `[DONE]` is no payload

    def is_keep_alive(self, payload: object) -> bool:
        """Whether a payload neither says nor counts anything, as a `ping` of a gateway that speaks Messages as well."""
        chunk = mapping(payload)
        for key in _SAYING:
            if chunk.get(key):
                return False
        return bool(chunk)

    def feed(self, payload: object) -> list[CompletionDelta]:
        """Take one parsed payload.

        Raises:
            QwenError: The payload is an error, or no Chat Completions object at all; `partial` holds what arrived.
        """
        if not isinstance(payload, dict):
            raise self.error(MalformedResponseError, "The endpoint sent JSON that is not an object.")
        chunk = cast("Json", payload)
        deltas: list[CompletionDelta] = []
        failure: object = None
        is_flat_error = "choices" not in chunk and isinstance(chunk.get("message"), str)
        if not is_flat_error:
            self._take_facts(chunk)
        for position, raw in enumerate(items_of(chunk.get("choices"))):
            choice = mapping(raw)
            if choice:
                failure = self._take_choice(choice, position, deltas) or failure
        if is_flat_error or chunk.get("error"):
            raise self._endpoint.scope.from_body(chunk, partial=self.partial())
        if failure:
            raise self._endpoint.scope.from_body({"error": failure}, partial=self.partial())
        return deltas

    def finish(self, *, done: bool) -> list[CompletionDelta]:
        """End the reply.

        Args:
            done: Whether the endpoint said that it was done (`[DONE]`, or a body that came whole). Without that, an
                answer that has no finish reason was cut off.

        Raises:
            StreamInterruptedError: The stream ended early; `partial` holds what arrived.
            MalformedResponseError: The reply holds no answer.
        """
        if not self._choices and self._usage is None and not done:
            raise self.error(StreamInterruptedError, "The connection ended before anything was said.")
        if not self._choices:
            raise self.error(MalformedResponseError, "The reply holds no answer (no `choices`).")
        if not done and any(choice.finish_reason is None for choice in self._choices.values()):
            raise self.error(
                StreamInterruptedError, "The stream ended without a finish reason and without [DONE]: it was cut off."
            )
        deltas: list[CompletionDelta] = []
        for choice in self._choices.values():
            choice.flush(deltas)
        deltas.append(CompletionDelta(completion=self.snapshot()))
        return deltas

    def snapshot(self, *, broken: bool = False) -> Completion:
        """Return what has arrived so far. `broken`: no more will come."""
        usage = decode_usage(self._usage)
        return Completion(
            choices=tuple(choice.snapshot(broken=broken) for choice in self._choices.values()),
            id=self._id,
            model=self._model,
            created=self._created,
            usage=usage,
            cost=cost_of(usage, self._endpoint.profile.price),
            notes=self._request.notes,
            extra=dict(self._extra),
        )

    def error(self, kind: type[MalformedResponseError | StreamInterruptedError], message: str) -> Exception:
        """Build an error that carries what has arrived."""
        return self._endpoint.scope.error(kind, message, partial=self.partial())

    def partial(self) -> Completion | None:
        """What has arrived, or `None` if nothing has."""
        return self.snapshot(broken=True) if self._choices or self._usage is not None else None

    def _take_facts(self, chunk: Json) -> None:
        """Note what the payload says about the reply as a whole; the last word wins."""
        told = chunk.get("id"), chunk.get("model"), chunk.get("created")
        if told != self._told:
            self._told = told
            self._take_identity(*told)
        if "x_groq" in chunk:  # where Groq's first streams had it
            self._take_usage(mapping(chunk["x_groq"]).get("usage"))
        self._take_usage(chunk.get("usage"))
        for key, value in chunk.items():
            if value is not None and key not in _KNOWN_PAYLOAD_KEYS:
                self._extra[key] = value

    def _take_identity(self, name: object, model: object, created: object) -> None:
        if isinstance(name, str):
            self._id = name or self._id
        if isinstance(model, str):
            self._model = model or self._model
        if isinstance(created, int):
            self._created = created
        self._ids.reply = self._id, self._created

    def _take_usage(self, usage: object) -> None:
        if usage and isinstance(usage, dict):
            self._usage = cast("Json", usage)

    def _take_choice(self, choice: Json, position: int, deltas: list[CompletionDelta]) -> object:
        """Take one entry of `choices`; return the error it reports, if any."""
        index = choice.get("index")
        index = index if isinstance(index, int) else position
        decoder = self._choices.get(index)
        if decoder is None:
            decoder = self._choices[index] = self._open(len(self._choices), index)
        self._take_usage(choice.get("usage"))
        decoder.take(choice, deltas)
        if choice.get("finish_reason") == "error":
            return choice.get("error") or {"message": "The model failed while it was answering."}
        return choice.get("error")

    def _open(self, position: int, index: int) -> _ChoiceDecoder:
        profile = self._endpoint.profile
        headless = (
            self._endpoint.dialect.raw_think_tags and profile.think_opener == "template" and self._request.may_think
        )
        return _ChoiceDecoder(position, index, headless=headless, make_call_id=partial(self._ids.of, position))


class _ChoiceDecoder:
    """One answer of a reply."""

    def __init__(self, position: int, index: int, *, headless: bool, make_call_id: Callable[[int], str]) -> None:
        self._position = position
        self._index = index
        self._tags = ThinkTagSplitter(headless=headless)
        self._tools = ToolCallAssembler(make_call_id)
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._details: list[Json] = []
        self._plain_reasoning = False
        self._field: str | None = None
        self._streamed = False
        self._refusal: list[str] = []
        self._logprobs = FieldCollector()
        self._extra = FieldCollector()
        self.finish_reason: str | None = None
        self._native: str | None = None

    def take(self, choice: Json, deltas: list[CompletionDelta]) -> None:
        """Take one entry of `choices`, whole (`message`) or streamed (`delta`)."""
        whole = "message" in choice and not choice.get("delta")
        message = mapping(choice.get("message") if whole else choice.get("delta"))
        self._streamed = self._streamed or not whole
        reasoning = self._take_reasoning(message)
        text = inline = ""
        if reasoning:
            freed, _ = self._tags.leave_headless()
            text += freed
        content = text_of(message.get("content"))
        if content:
            more, inline = self._tags.feed(content)
            text += more
        calls = message.get("tool_calls")
        pieces = self._tools.feed(calls, whole=whole) if calls else ()
        self._take_rest(choice, message)
        self._give(text, reasoning + inline, pieces, deltas)

    def flush(self, deltas: list[CompletionDelta]) -> None:
        """Give out what was held back."""
        text, reasoning = self._tags.finish(cut=self._cut)
        if self._tools and not text.strip():
            text = ""  # the blank lines that templates put before a tool call
        self._give(text, reasoning, (), deltas)

    def snapshot(self, *, broken: bool) -> Choice:
        """Return what has arrived so far, with what is held back if no more will come."""
        text, reasoning = self._tags.held(cut=True) if broken else ("", "")
        return Choice(
            index=self._index,
            text="".join((*self._text, text)),
            reasoning="".join((*self._reasoning, reasoning)),
            reasoning_details=join_details(self._details) if self._streamed else tuple(self._details),
            reasoning_field=self._field,
            tool_calls=self._tools.finish(cut=self._cut or (broken and self.finish_reason is None)),
            finish_reason=decode_finish_reason(self.finish_reason),
            native_finish_reason=self._native_reason(),
            refusal="".join(self._refusal) or None,
            logprobs=self._logprobs.whole() or None,
            extra=self._extra.whole(),
        )

    @property
    def _cut(self) -> bool:
        return decode_finish_reason(self.finish_reason) == "length"

    def _give(self, text: str, reasoning: str, calls: tuple[ToolCallDelta, ...], deltas: list[CompletionDelta]) -> None:
        if text:
            self._text.append(text)
        if reasoning:
            self._reasoning.append(reasoning)
        if text or reasoning or calls:
            deltas.append(CompletionDelta(self._position, text, reasoning, calls))

    def _take_reasoning(self, message: Json) -> str:
        """Read reasoning from whichever field has it, once: details repeat what a plain field says."""
        plain = text_of(message.get("reasoning_content"))
        if not plain:
            plain = text_of(message.get("reasoning"))
            self._field = "reasoning" if plain else self._field
        details = message.get("reasoning_details")
        if not details or not isinstance(details, list):
            self._plain_reasoning = self._plain_reasoning or bool(plain)
            return plain
        fragments = [fragment for fragment in map(mapping, cast("list[Any]", details)) if fragment]
        self._details.extend(fragments)
        if plain or self._plain_reasoning:
            self._plain_reasoning = True
            return plain
        return details_text(fragments)

    def _take_rest(self, choice: Json, message: Json) -> None:
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.finish_reason = reason
        native = choice.get("native_finish_reason")
        if isinstance(native, str) and native:
            self._native = native
        if message.get("refusal"):
            self._refusal.append(text_of(message["refusal"]))
        if choice.get("logprobs"):
            self._take_logprobs(mapping(choice["logprobs"]))
        for key, value in message.items():
            if value and key not in _KNOWN_MESSAGE_KEYS:
                self._extra.grow(key, value)

    def _take_logprobs(self, logprobs: Json) -> None:
        for key, value in logprobs.items():
            if isinstance(value, list):
                self._logprobs.grow(key, cast("list[Any]", value))
            elif value is not None:
                self._logprobs.put(key, value)

    def _native_reason(self) -> str | None:
        """The endpoint's own word, where it adds something to the mapped one."""
        if self._native is None and self.finish_reason != decode_finish_reason(self.finish_reason):
            return self.finish_reason
        return self._native
