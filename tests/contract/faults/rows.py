"""What comes of each fault, written by hand. The table in `docs/reliability.md` is made of these rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from qwen_endpoints import AuthenticationError as WrongKey
from qwen_endpoints import ConnectionFailedError as Unreachable
from qwen_endpoints import (
    ContentFilteredError,
    InvalidRequestError,
    MalformedResponseError,
    ModelNotFoundError,
    QuotaExhaustedError,
    QwenError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    TimedOutError,
)

ALL: Final = "Hello, 你好, world."
"""What the sandbox answers where a fault lets it."""
TWO: Final = "Hello, 你好, "
"""What has arrived when it breaks off."""
SHORT: Final = 0.5
"""Seconds; the limit of the rows that run into one."""
PAUSE: Final = 0.25
"""Seconds at least before the first repetition."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a call comes to."""

    error: type[QwenError] | None = None
    text: str | None = None
    """Of the answer or, where there is an error, of what had arrived; `None` where nothing had."""
    more: bool = False
    """Whether `text` is only how it begins, because the rest depends on the time."""
    requests: int = 1
    """How many the server sees, with `max_retries=1`."""
    after: float = 0.0
    """Seconds at least until it comes."""
    spread: float = 0.0
    """Seconds by which that varies of itself."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault and what comes of it: the same sync and async, in LangChain and LlamaIndex, over both protocols."""

    fault: str
    parameter: float | str | None = None
    whole: Outcome
    stream: Outcome
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    """Arguments of the call; else limits that are not reached."""

    @property
    def name(self) -> str:
        named = self.fault if self.parameter is None else f"{self.fault} {self.parameter}"
        return f"{named}, deadline" if "deadline" in self.limits else named

    def with_limits(self, factor: float) -> Row:
        """Return it with longer limits."""
        return replace(self, limits={name: limit * factor for name, limit in self.limits.items()})

    def outcome(self, *, streamed: bool) -> Outcome:
        return self.stream if streamed else self.whole


def answers(text: str = ALL, *, requests: int = 1, after: float = 0.0) -> Outcome:
    return Outcome(text=text, requests=requests, after=after)


def fails(error: type[QwenError], partial: str | None = None, *, requests: int = 1, after: float = 0.0) -> Outcome:
    return Outcome(error=error, text=partial, requests=requests, after=after)


def repeated(error: type[QwenError], *, after: float = PAUSE) -> Outcome:
    return fails(error, requests=2, after=after)


def both(fault: str, outcome: Outcome, parameter: float | str | None = None, **more: Any) -> Row:
    return Row(fault=fault, parameter=parameter, whole=outcome, stream=outcome, **more)


_SHORT: Final = {"timeout": SHORT, "stream_idle_timeout": SHORT}
_CONNECTING: Final = {"connect_timeout": SHORT}
_DEADLINE: Final = {"deadline": SHORT}
_TWICE: Final = 2 * SHORT + PAUSE

_REACHING: Final = (
    both("refused", fails(Unreachable, requests=0, after=PAUSE)),
    both("unknown-host", fails(Unreachable, requests=0, after=PAUSE)),
    both("connect-hangs", fails(TimedOutError, requests=0, after=_TWICE), limits=_CONNECTING),
    both("tls-plain-text", fails(Unreachable, requests=0, after=PAUSE)),
    both("tls-untrusted", fails(Unreachable, requests=0, after=PAUSE)),
    both("tls-silent", fails(TimedOutError, requests=0, after=_TWICE), limits=_CONNECTING),
)

_BEGINNING: Final = (
    both("none", answers()),
    both("slow-first-byte", answers(after=0.3), 0.3),
    both("silent", repeated(TimedOutError, after=_TWICE), limits=_SHORT),
    both("reset-before-headers", repeated(Unreachable)),
    both("close-before-headers", repeated(Unreachable)),
    both("not-http", repeated(Unreachable)),
    both("headers-cut", repeated(Unreachable)),
    both("header-drip", answers(after=0.1), 0.001),
    both("header-flood", repeated(Unreachable)),
)

_CUT: Final = fails(StreamInterruptedError, TWO)
_NO_JSON: Final = fails(MalformedResponseError)

_BREAKING: Final = (
    both("reset-after-headers", repeated(StreamInterruptedError)),
    *(
        Row(
            fault=fault,
            whole=repeated(TimedOutError, after=_TWICE),
            stream=fails(TimedOutError, TWO, after=SHORT),
            limits=_SHORT,
        )
        for fault in ("stall-between-chunks", "stall-inside-chunk")
    ),
    *(
        Row(fault=fault, whole=repeated(StreamInterruptedError), stream=_CUT)
        for fault in (
            "reset-mid-body",
            "reset-between-lines",
            "truncated-chunked",
            "content-length-long",
            "bad-chunk-size",
        )
    ),
    # HTTP says that these bodies are whole; what stands in them says otherwise.
    *(Row(fault=fault, whole=_NO_JSON, stream=_CUT) for fault in ("content-length-short", "clean-cut", "gzip-cut")),
    both("gzip-false", repeated(StreamInterruptedError)),
)

_ODD: Final = (
    both("drip", answers(), 0.0),
    both("gzip", answers()),
    both("deflate", answers()),
    both("broken-utf8", answers("Hello, 你\ufffd, world.")),
    both("nul-bytes", answers("Hello, 你好, wor\x00ld.")),
    both("raw-nul", answers("Hello, 你好, wor\x00ld.")),
    both("bom", answers()),
    both("crlf", answers()),
    both("cr", answers()),
    both("long-line", answers("x" * 10_000_000), 10.0),
    both("tiny-chunks", answers("x" * 2_000), 2_000),
)

_SAID: Final = (
    both("ok-error", repeated(ServerError)),
    both("ok-html", fails(MalformedResponseError)),
    Row(fault="ok-empty", whole=_NO_JSON, stream=repeated(StreamInterruptedError)),
    both("ok-null", fails(MalformedResponseError)),
    both("ok-number", fails(MalformedResponseError)),
    both("ok-broken-json", fails(MalformedResponseError)),
    both("error-first", repeated(ServerError)),
    *(
        Row(fault=fault, whole=repeated(ServerError), stream=fails(ServerError, TWO))
        for fault in ("error-frame", "error-line")
    ),
    both("done-twice", answers()),
    both("no-done", answers()),
    both("no-usage", answers()),
    Row(fault="no-finish", whole=answers(), stream=fails(StreamInterruptedError, ALL)),
    *(both(fault, repeated(TimedOutError, after=_TWICE), 0.02, limits=_SHORT) for fault in ("keep-alives", "pings")),
)

_REFUSED: Final = (
    both("status", fails(InvalidRequestError), 400),
    both("status", fails(WrongKey), 401),
    both("status", fails(QuotaExhaustedError), 402),
    both("status", fails(QuotaExhaustedError), 403),
    both("status", fails(ModelNotFoundError), 404),
    both("status", repeated(TimedOutError), 408),
    both("status", repeated(ServerError), 409),
    both("status", repeated(ServerError), 425),
    both("status", repeated(RateLimitError), 429),
    *(both("status", repeated(ServerError), status) for status in (500, 502, 503)),
    both("status", repeated(TimedOutError), 504),
    both("status", repeated(ServerError), 529),
    both("endless-refusal", repeated(ServerError)),
    both("blank-refusal", fails(WrongKey, after=SHORT), 0.02, limits=_SHORT),
    both("retry-after", repeated(RateLimitError, after=1.0), "1"),
    # A date has whole seconds.
    both("retry-after", Outcome(error=RateLimitError, requests=2, after=0.9, spread=1.1), "date"),
    both("retry-after", repeated(RateLimitError, after=0.1), "ms"),
    both("retry-after", repeated(RateLimitError, after=0.0), "-5"),
    *(both("retry-after", repeated(RateLimitError), stated) for stated in ("nan", "soon")),
    # Whoever asks for more than a minute is not waited for.
    *(both("retry-after", fails(RateLimitError), stated) for stated in ("3600", "4294967", "9e99")),
    both("recovers", answers(requests=2)),
    both("no-channel", fails(ModelNotFoundError)),
    *(
        both("quota", fails(QuotaExhaustedError), gateway)
        for gateway in ("dashscope", "new-api", "openrouter", "anthropic", "wcode")
    ),
    *(
        both("content-filter", fails(ContentFilteredError), gateway)
        for gateway in ("dashscope", "new-api", "openrouter")
    ),
    both("redirect", answers(requests=2)),
    both("redirect-other-host", fails(MalformedResponseError)),
    both("redirect-loop", fails(MalformedResponseError, requests=4)),
)

_LATE: Final = fails(TimedOutError, after=SHORT)

_DUE: Final = (
    *(
        both(fault, fails(TimedOutError, requests=0, after=SHORT), limits=_DEADLINE)
        for fault in ("connect-hangs", "tls-silent")
    ),
    both("silent", _LATE, limits=_DEADLINE),
    both("slow-first-byte", _LATE, 2.0, limits=_DEADLINE),
    Row(fault="stall-between-chunks", whole=_LATE, stream=fails(TimedOutError, TWO, after=SHORT), limits=_DEADLINE),
    # Each step is short enough; their sum is not.
    Row(
        fault="stall-between-chunks",
        parameter=3.0,
        whole=fails(TimedOutError, after=4.0),
        stream=fails(TimedOutError, TWO, after=4.0),
        limits={"deadline": 4.0},
    ),
    *(both(fault, _LATE, 0.02, limits=_DEADLINE) for fault in ("drip", "keep-alives", "pings")),
    Row(
        fault="endless",
        parameter=0.02,
        whole=_LATE,
        stream=Outcome(error=TimedOutError, text="word word ", more=True, after=SHORT),
        limits=_DEADLINE,
    ),
    # The status says what happened, although the words about it never end.
    both("endless-refusal", fails(ServerError, after=SHORT), 0.2, limits=_DEADLINE),
    # There is no time for another attempt.
    both("retry-after", fails(RateLimitError), "1", limits=_DEADLINE),
)

ROWS: Final = (*_REACHING, *_BEGINNING, *_BREAKING, *_ODD, *_SAID, *_REFUSED, *_DUE)
