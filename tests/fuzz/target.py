"""What must hold for any bytes that arrive as a reply: `examine` raises where it does not.

An input is three bytes that say how the rest arrives, and the rest: whose reply it is, what it is labelled as, and how
many bytes come at a time (0 for all at once). Digits do for all three, so that inputs can be written by hand.

Where the second is a 3, the reply is a refusal: its first line is what `Retry-After` and `Location` say, the rest its
body, and the third byte tells the status.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from pydantic import SecretStr
from qwen_endpoints import ChatRequest, Choice, Completion, CompletionDelta, Endpoint, Message, QwenError, QwenSettings
from qwen_endpoints.attempts import LONGEST_WAIT, pause_after
from qwen_endpoints.codec import EncodedRequest
from qwen_endpoints.endpoint import resolve
from qwen_endpoints.protocols import PROTOCOLS
from qwen_endpoints.refusals import Refusal
from qwen_endpoints.reply import ReplyDecoder

_HEAD: Final = 3
_LONGEST_ERROR: Final = 10_000
ROWS: Final = (
    ("wcode", "qwen/qwen3-235b-a22b"),
    ("vllm", "qwen3.6-27b"),  # its template opens the reasoning, so that text is held back
    ("wcode-anthropic", "qwen/qwen3-235b-a22b"),
    ("vllm-anthropic", "qwen3.6-27b"),
)
LABELS: Final = ("text/event-stream", "application/json", "")
STATUSES: Final = (400, 401, 403, 404, 408, 429, 503, 529, 302, 307)
SECRET: Final = "sk-fuzzed-4711"


class Broken(AssertionError):  # noqa: N818 - a finding, not an error of the code's
    """Something that is promised of every reply does not hold."""


@dataclass(frozen=True, slots=True)
class Place:
    """An endpoint, and a request to it that a reply can be read for."""

    endpoint: Endpoint
    request: EncodedRequest

    def decoder(self, label: str) -> ReplyDecoder:
        """A decoder for one reply."""
        payloads = PROTOCOLS[self.endpoint.provider.protocol].codec().decoder(self.endpoint, self.request)
        return ReplyDecoder(self.endpoint, payloads, {"content-type": label})


def place_of(provider: str, model: str, *, prompt: str = "Hi") -> Place:
    """A place by the names of its provider and model, at its own address."""
    endpoint = resolve(QwenSettings(model=model, provider=provider, api_key=SecretStr(SECRET)))
    request = ChatRequest(messages=(Message(role="user", content=prompt),))
    return Place(endpoint, PROTOCOLS[endpoint.provider.protocol].codec().encode(request, endpoint, stream=True))


PLACES: Final = tuple(place_of(*row) for row in ROWS)


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of a reply: deltas, and then a completion or an error."""

    deltas: tuple[CompletionDelta, ...]
    error: QwenError | None

    @property
    def completion(self) -> Completion | None:
        """The whole reply, or as much as the error holds."""
        if self.error is not None:
            return self.error.partial
        return self.deltas[-1].completion

    def said(self, choice: int) -> tuple[str, str]:
        """Text and reasoning of one answer, as they were told."""
        mine = [delta for delta in self.deltas if delta.choice == choice]
        return "".join(delta.text for delta in mine), "".join(delta.reasoning for delta in mine)

    def calls(self, choice: int) -> list[tuple[str | None, str, str]]:
        """Id, name and arguments of one answer's calls, put together from the deltas alone."""
        joined: dict[int, tuple[str | None, str, list[str]]] = {}
        for delta in self.deltas:
            for piece in delta.tool_calls if delta.choice == choice else ():
                id_, name, arguments = joined.get(piece.index, (None, "", []))
                arguments.append(piece.arguments)
                joined[piece.index] = (id_ or piece.id, name or piece.name or "", arguments)
        return [(id_, name, "".join(arguments)) for _, (id_, name, arguments) in sorted(joined.items())]


def read(pieces: Sequence[bytes], place: Place, label: str) -> Reading:
    """Read a reply that arrives in these pieces, as `QwenClient` does."""
    decoder = place.decoder(label)
    deltas: list[CompletionDelta] = []
    try:
        for piece in pieces:
            deltas.extend(decoder.feed(piece))
            if decoder.ended:
                return Reading(tuple(deltas), None)
        deltas.extend(decoder.finish())
    except QwenError as error:
        return Reading(tuple(deltas), error)
    return Reading(tuple(deltas), None)


def parted(body: bytes, size: int) -> list[bytes]:
    """Cut a body into pieces of `size` bytes; not at all for 0."""
    return [body[start : start + size] for start in range(0, len(body), size)] if size else [body]


def examine(data: bytes) -> None:
    """Read one input and look at what came of it.

    Raises:
        Broken: Something that is promised does not hold.
        Exception: Whatever else comes out is a fault, too: only errors of our own may.
    """
    if len(data) < _HEAD:
        return
    place, label, size, body = PLACES[data[0] % len(PLACES)], data[1] % (len(LABELS) + 1), data[2] % 10, data[_HEAD:]
    if label == len(LABELS):
        examine_refusal(body, place, STATUSES[size])
        return
    reading = read([body], place, LABELS[label])
    look_at(reading)
    if size and outcome(read(parted(body, size), place, LABELS[label])) != outcome(reading):
        raise Broken("cut into pieces, the reply is another one")


def examine_refusal(data: bytes, place: Place, status: int) -> None:
    """Read a reply whose status is no success, and look at the error that comes of it.

    Raises:
        Broken: Something that is promised does not hold.
    """
    stated, _, body = data.partition(b"\n")
    error, other = (_refused(stated, pieces, place, status) for pieces in ([body], parted(body, 7)))
    other.retry_after = error.retry_after  # a date is counted from now
    _want(repr(vars(error)) == repr(vars(other)), "cut into pieces, the refusal is another one")
    _want(SECRET not in repr(vars(error)) + str(error), "an error shows the key")
    _want(error.message and len(str(error)) < _LONGEST_ERROR, "an error says nothing, or no end")
    _want(error.retry_after is None or 0 <= error.retry_after < math.inf, "a wait that is none")
    pause = pause_after(error, 0, 1)
    _want(pause is None or 0 <= pause <= LONGEST_WAIT + 1, "a pause beyond the longest")


def _refused(stated: bytes, pieces: Sequence[bytes], place: Place, status: int) -> QwenError:
    headers = [(name, stated) for name in (b"retry-after", b"retry-after-ms", b"location")]
    asked = httpx2.Request("POST", place.endpoint.base_url)
    refusal = Refusal(place.endpoint, httpx2.Response(status, headers=headers, request=asked))
    try:
        for piece in pieces:
            list(refusal.feed(piece))
        list(refusal.finish())
    except QwenError as error:
        return error
    raise Broken("a refusal that raises nothing")


def look_at(reading: Reading) -> None:
    """Hold a reading against what is promised.

    Raises:
        Broken: It is not kept.
    """
    completion, error = reading.completion, reading.error
    if error is not None:
        str(error)
        _want(SECRET not in repr(error) + repr(error.args), "an error shows the key")
    else:
        ends = [delta.completion is not None for delta in reading.deltas]
        _want(ends.count(True) == 1 and ends[-1], "a reply that ends gives its completion once, at the end")
    if completion is None:
        _want(error is not None and not reading.deltas, "what was told is not in the error")
        return
    for problem in _problems(reading, completion, whole=error is None):
        raise Broken(problem)


def _problems(reading: Reading, completion: Completion, *, whole: bool) -> Iterator[str]:
    for position, choice in enumerate(completion.choices):
        text, reasoning = reading.said(position)
        told = reading.calls(position)
        calls = [(call.id, call.name, call.arguments) for call in choice.tool_calls]
        if not (choice.text.startswith(text) and choice.reasoning.startswith(reasoning)):
            yield "text was told that is not in the reply"
        if whole and (text, reasoning) != (choice.text, choice.reasoning):
            yield "text of the reply was never told"
        if whole and told != calls:
            yield f"the calls told are not those of the reply: {told} and {calls}"
        yield from _lost_calls(told, calls)
        yield from _bad_calls(choice)
    places = range(len(completion.choices))
    if any(delta.choice not in places for delta in reading.deltas if delta.completion is None):
        yield "an answer was told that the reply does not have"
    yield from _bad_counts(completion)


def _lost_calls(told: list[tuple[str | None, str, str]], calls: list[tuple[str, str, str]]) -> Iterator[str]:
    """Calls only grow, also in the very event that broke the reply."""
    if len(told) > len(calls):
        yield "a call was told that the reply does not have"
    for (id_, name, arguments), (held_id, held_name, held) in zip(told, calls, strict=False):
        if id_ != held_id or not (held_name == name or not name) or not held.startswith(arguments):
            yield "a call of the reply is not the one that was told"


def _bad_calls(choice: Choice) -> Iterator[str]:
    ids = [call.id for call in choice.tool_calls]
    if len(set(ids)) != len(ids) or not all(ids):
        yield f"calls cannot be told apart: {ids}"
    for call in choice.tool_calls:
        if (call.parsed is None) == (call.error is None):
            yield "a call is neither valid nor invalid, or both"
        if call.parsed is not None and not call.name:
            yield "a call of no function is valid"
        if call.parsed is not None and dict(call.parsed) != json.loads(call.arguments.strip() or "{}"):
            yield "the arguments are not what the model wrote"


def _bad_counts(completion: Completion) -> Iterator[str]:
    usage, cost = completion.usage, completion.cost
    counts: list[Any] = [] if usage is None else [usage.input_tokens, usage.output_tokens, usage.total_tokens]
    if any(not isinstance(count, int) or count < 0 for count in counts):
        yield f"counts that count nothing: {counts}"
    if cost is not None and not (math.isfinite(cost.amount) and cost.amount >= 0):
        yield f"a cost that nobody can pay: {cost}"


def outcome(reading: Reading) -> tuple[str, str, object]:
    """What must not depend on how a reply was cut."""
    choices = reading.completion.choices if reading.completion is not None else ()
    told = [(reading.said(position), reading.calls(position)) for position in range(len(choices))]
    ended = "completion" if reading.error is None else type(reading.error).__name__
    try:
        return ended, repr(reading.completion), told
    except RecursionError:  # junk that is nested too deeply to be written out
        return ended, "", told


def _want(holds: object, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)
