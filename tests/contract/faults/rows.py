"""What comes of each fault, written by hand. The table in `docs/reliability.md` is made of these rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
"""Seconds; both limits of the rows that run into one."""
PAUSE: Final = 0.37
"""Seconds at least before the first repetition: the SDKs take 0.5, less a quarter at random."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a call comes to."""

    error: type[QwenError] | None = None
    text: str | None = None
    """Of the answer or, where there is an error, of what had arrived; `None` where nothing had."""
    requests: int = 1
    """How many the server sees, with `max_retries=1`."""
    after: float = 0.0
    """Seconds at least until it comes."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault and what comes of it, which is the same sync and async, in LangChain and LlamaIndex."""

    fault: str
    parameter: float | str | None = None
    whole: Outcome | None
    """`None`: nothing limits such a call, and it is not made here."""
    stream: Outcome | None
    messages_whole: Outcome | None = None
    """Over Messages, where that differs."""
    messages_stream: Outcome | None = None
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    """Arguments of the call; else limits that are not reached."""

    @property
    def name(self) -> str:
        return self.fault if self.parameter is None else f"{self.fault} {self.parameter}"

    def outcome(self, protocol: str, *, streamed: bool) -> Outcome | None:
        own = self.messages_stream if streamed else self.messages_whole
        usual = self.stream if streamed else self.whole
        return own if own is not None and protocol == "messages" else usual


def answers(text: str = ALL, *, requests: int = 1, after: float = 0.0) -> Outcome:
    return Outcome(text=text, requests=requests, after=after)


def fails(error: type[QwenError], partial: str | None = None, *, requests: int = 1, after: float = 0.0) -> Outcome:
    return Outcome(error=error, text=partial, requests=requests, after=after)


def repeated(error: type[QwenError], *, after: float = PAUSE) -> Outcome:
    return fails(error, requests=2, after=after)


def both(fault: str, outcome: Outcome, parameter: float | str | None = None, **more: Any) -> Row:
    return Row(fault=fault, parameter=parameter, whole=outcome, stream=outcome, **more)


_SHORT: Final = {"timeout": SHORT, "stream_idle_timeout": SHORT}
_TWICE: Final = 2 * SHORT + PAUSE

_REACHING: Final = (
    both("refused", fails(Unreachable, requests=0, after=PAUSE)),
    both("unknown-host", fails(Unreachable, requests=0, after=PAUSE)),
    both("connect-hangs", fails(TimedOutError, requests=0, after=_TWICE), limits=_SHORT),
    both("tls-plain-text", fails(Unreachable, requests=0, after=PAUSE)),
    both("tls-untrusted", fails(Unreachable, requests=0, after=PAUSE)),
    both("tls-silent", fails(TimedOutError, requests=0, after=_TWICE), limits=_SHORT),
)

_BEGINNING: Final = (
    both("none", answers()),
    both("slow-first-byte", answers(after=0.3), 0.3),
    both("silent", repeated(TimedOutError, after=_TWICE), limits=_SHORT),
    both("reset-before-headers", repeated(Unreachable)),
    both("close-before-headers", repeated(Unreachable)),
    both("not-http", repeated(Unreachable)),
    both("headers-cut", repeated(Unreachable)),
    both("header-flood", repeated(Unreachable)),
)

_CUT: Final = fails(StreamInterruptedError, TWO)
_NO_JSON: Final = fails(MalformedResponseError)

_BREAKING: Final = (
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
        Row(fault=fault, whole=repeated(Unreachable), stream=_CUT)
        for fault in (
            "reset-mid-body",
            "reset-between-lines",
            "truncated-chunked",
            "content-length-long",
            "bad-chunk-size",
        )
    ),
    # HTTP says that these bodies are whole; what stands in them says otherwise.
    *(Row(fault=fault, whole=_NO_JSON, stream=_CUT) for fault in ("content-length-short", "clean-cut")),
    both("drip", answers(), 0.0),
)

_ENCODED: Final = (
    both("gzip", answers()),
    both("deflate", answers()),
    # The finish reason of Chat Completions had arrived.
    Row(fault="gzip-cut", whole=_NO_JSON, stream=answers(), messages_stream=fails(StreamInterruptedError, ALL)),
    Row(fault="gzip-false", whole=repeated(Unreachable), stream=fails(StreamInterruptedError)),
    both("broken-utf8", answers("Hello, 你\ufffd, world.")),
    both("nul-bytes", answers("Hello, 你好, wor\x00ld.")),
    both("raw-nul", answers("Hello, 你好, wor\x00ld.")),
    both("bom", answers()),
    both("crlf", answers()),
    both("cr", answers()),
    both("long-line", answers("x" * 2_000_000), 2.0),
    both("tiny-chunks", answers("x" * 2_000), 2_000),
)

_SAID: Final = (
    both("ok-error", fails(ServerError)),
    both("ok-html", fails(MalformedResponseError)),
    Row(fault="ok-empty", whole=_NO_JSON, stream=fails(StreamInterruptedError)),
    # Chat Completions had counted the tokens, so something had arrived.
    both(
        "ok-null",
        fails(MalformedResponseError, ""),
        messages_whole=fails(MalformedResponseError),
        messages_stream=fails(MalformedResponseError),
    ),
    both("ok-number", fails(MalformedResponseError)),
    both("ok-broken-json", fails(MalformedResponseError)),
    *(
        Row(fault=fault, whole=fails(ServerError), stream=fails(ServerError, TWO))
        for fault in ("error-frame", "error-line")
    ),
    both("done-twice", answers()),
    both("no-done", answers()),
    both("no-usage", answers()),
    *(
        Row(fault=fault, parameter=0.02, whole=None, stream=fails(TimedOutError, after=SHORT), limits=_SHORT)
        for fault in ("keep-alives", "pings")
    ),
    Row(fault="no-finish", whole=answers(), stream=fails(StreamInterruptedError, ALL)),
)

_REFUSED: Final = (
    both("status", fails(InvalidRequestError), 400),
    both("status", fails(WrongKey), 401),
    both("status", fails(QuotaExhaustedError), 402),
    both("status", fails(QuotaExhaustedError), 403),
    both("status", fails(ModelNotFoundError), 404),
    both("status", repeated(TimedOutError), 408),
    both("status", repeated(ServerError), 409),
    both("status", fails(ServerError), 425),
    both("status", repeated(RateLimitError), 429),
    both("status", repeated(ServerError), 500),
    both("status", repeated(ServerError), 502),
    # Chat Completions has a code beside the status: no channel has this model.
    both(
        "status",
        repeated(ModelNotFoundError),
        503,
        messages_whole=repeated(ServerError),
        messages_stream=repeated(ServerError),
    ),
    both("status", repeated(TimedOutError), 504),
    both("status", repeated(ServerError), 529),
    both("retry-after", repeated(RateLimitError, after=1.0), "1"),
    both("retry-after", repeated(RateLimitError, after=0.9), "date"),
    both("retry-after", repeated(RateLimitError, after=0.1), "ms"),
    both("retry-after", repeated(RateLimitError), "-5"),
    both("retry-after", repeated(RateLimitError), "nan"),
    both("retry-after", repeated(RateLimitError), "soon"),
    both("recovers", answers(requests=2)),
    *(
        both("quota", fails(QuotaExhaustedError), gateway)
        for gateway in ("dashscope", "new-api", "openrouter", "anthropic")
    ),
    # The status alone decides about a repetition.
    both("quota", repeated(QuotaExhaustedError), "wcode"),
    *(
        both("content-filter", fails(ContentFilteredError), gateway)
        for gateway in ("dashscope", "new-api", "openrouter")
    ),
    both("redirect", answers(requests=2)),
    both("redirect-other-host", fails(MalformedResponseError)),
    both("redirect-loop", fails(MalformedResponseError, requests=4)),
)

ROWS: Final = (*_REACHING, *_BEGINNING, *_BREAKING, *_ENCODED, *_SAID, *_REFUSED)
