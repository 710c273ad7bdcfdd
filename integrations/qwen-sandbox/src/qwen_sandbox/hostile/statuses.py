"""Refusals: status codes, `Retry-After`, redirects, and the bodies of gateways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http import HTTPStatus
from itertools import repeat
from types import MappingProxyType
from typing import Final

from qwen_sandbox.faults import FAULTS as WORDING
from qwen_sandbox.hostile.asked import Asked, dump
from qwen_sandbox.hostile.steps import CHUNKED, Fault, Script, Step, chunk, chunked, head, sized

_QUOTA: Final[Mapping[str, tuple[int, object]]] = MappingProxyType(
    {
        "dashscope": (
            400,
            {"error": {"code": "Arrearage", "message": "Access denied, your account is not in good standing."}},
        ),
        "new-api": (
            403,
            {"error": {"code": "insufficient_user_quota", "type": "new_api_error", "message": "用户额度不足"}},
        ),
        "openrouter": (402, {"error": {"code": 402, "message": "Insufficient credits"}}),
        "wcode": (429, {"error": {"message": "API_KEY exceeded the current quota, please check your plan"}}),
        "anthropic": (
            400,
            {
                "type": "error",
                "error": {"type": "invalid_request_error", "message": "Your credit balance is too low."},
            },
        ),
    }
)
_FILTERED: Final[Mapping[str, tuple[int, object]]] = MappingProxyType(
    {
        "dashscope": (
            400,
            {"error": {"code": "data_inspection_failed", "message": "Input data may contain inappropriate content."}},
        ),
        "new-api": (400, {"error": {"code": "sensitive_words_detected", "message": "sensitive words detected"}}),
        "openrouter": (403, {"error": {"code": 403, "message": "Refused by moderation: content policy"}}),
    }
)


_NO_CHANNEL: Final = "当前分组 default 下对于模型 scripted 无可用渠道"
"""In new-api's words: the status says "later", they say that later will not help."""
_OWN_WORDING: Final = MappingProxyType({503: ("service_unavailable", "upstream_error", "The upstream is busy")})
"""Where the gateways' wording means something else than the status does."""


def _status_line(status: int) -> str:
    named = {item.value: item.phrase for item in HTTPStatus}
    return f"{status} {named.get(status, 'Overloaded')}"


def _refusal(asked: Asked, status: int, headers: Mapping[str, str] | None = None) -> Iterator[Step]:
    unknown = ("refused", "upstream_error", "The request was refused on demand")
    yield from _told(asked, status, {**WORDING, **_OWN_WORDING}.get(status, unknown), headers)


def _told(
    asked: Asked, status: int, words: tuple[str, str, str], headers: Mapping[str, str] | None = None
) -> Iterator[Step]:
    code, kind, message = words
    error = {"type": kind, "message": message}
    body = {"type": "error", "error": error} if asked.messages else {"error": {"code": code, **error}}
    yield from sized(
        asked, dump(body), _status_line(status), {"content-type": "application/json", **dict(headers or {})}
    )


def _has_no_channel(asked: Asked) -> Iterator[Step]:
    yield from _told(asked, 503, ("model_not_found", "new_api_error", _NO_CHANNEL))


def _refuses_at_length(asked: Asked) -> Iterator[Step]:
    """As fast as it is read where there is no pause."""
    yield head(asked, _status_line(500), {"content-type": "text/plain", **CHUNKED})
    for packet in repeat(chunk(b"The upstream failed. " * 3000)):
        yield packet
        yield asked.amount


def _refuses(asked: Asked) -> Iterator[Step]:
    yield from _refusal(asked, int(asked.amount))


def _asks_to_wait(asked: Asked) -> Iterator[Step]:
    """The parameter is sent as it is, but for two words that need the clock or another header."""
    wanted = str(asked.parameter)
    soon = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=2), usegmt=True)
    headers = {"retry-after-ms": "100"} if wanted == "ms" else {"retry-after": soon if wanted == "date" else wanted}
    yield from _refusal(asked, 429, headers)


def _refuses_blankly(asked: Asked) -> Iterator[Step]:
    yield head(asked, _status_line(401), {"content-type": "text/plain", **CHUNKED})
    while True:
        yield chunk(b" ")
        yield asked.amount


def _recovers(asked: Asked) -> Iterator[Step]:
    if asked.number <= asked.amount:
        yield from _refusal(asked, 503, {"retry-after-ms": "10"})
    else:
        yield from chunked(asked, asked.pieces())


def _refuses_like(bodies: Mapping[str, tuple[int, object]], asked: Asked) -> Iterator[Step]:
    if asked.parameter not in bodies:
        raise ValueError(f"no body of {asked.parameter!r} is known; there are {', '.join(bodies)}")
    status, body = bodies[str(asked.parameter)]
    yield from sized(asked, dump(body), _status_line(status), {"content-type": "application/json"})


def _refuses_for_money(asked: Asked) -> Iterator[Step]:
    yield from _refuses_like(_QUOTA, asked)


def _refuses_the_words(asked: Asked) -> Iterator[Step]:
    yield from _refuses_like(_FILTERED, asked)


_ARRIVED: Final = "redirected=1"


def _sends_to(asked: Asked, host: str, query: str) -> Iterator[Step]:
    path = asked.target.partition("?")[0]
    location = f"http://{host}:{asked.port}{path}?{query}"
    yield from sized(asked, b"", _status_line(int(asked.amount)), {"location": location})


def _redirects(host: str) -> Script:
    def script(asked: Asked) -> Iterator[Step]:
        if _ARRIVED in asked.target:
            yield from chunked(asked, asked.pieces())
        else:
            yield from _sends_to(asked, host, _ARRIVED)

    return script


def _redirects_in_a_loop(asked: Asked) -> Iterator[Step]:
    yield from _sends_to(asked, "127.0.0.1", "again=1")


STATUSES: Final = (
    Fault("status", "refuses with this status", _refuses, 500, "the status"),
    Fault(
        "retry-after",
        "refuses with status 429 and asks to wait",
        _asks_to_wait,
        "1",
        "what `Retry-After` says; `date`: a date two seconds on; `ms`: 100 in `retry-after-ms`",
    ),
    Fault(
        "endless-refusal",
        "refuses with status 500 and a body without end",
        _refuses_at_length,
        0,
        "seconds between packets",
    ),
    Fault(
        "blank-refusal",
        "refuses with status 401 and white space without end",
        _refuses_blankly,
        0.05,
        "seconds between spaces",
    ),
    Fault("no-channel", "refuses with status 503 because it has nobody to ask for this model", _has_no_channel),
    Fault("recovers", "refuses with status 503 at first, then answers", _recovers, 1, "how often it refuses"),
    Fault(
        "quota", "says that the money has run out", _refuses_for_money, "dashscope", "whose words: " + ", ".join(_QUOTA)
    ),
    Fault(
        "content-filter",
        "refuses the prompt for its content",
        _refuses_the_words,
        "dashscope",
        "whose words: " + ", ".join(_FILTERED),
    ),
    Fault("redirect", "sends to another path of its own", _redirects("127.0.0.1"), 307, "the status"),
    Fault("redirect-other-host", "sends to another host", _redirects("localhost"), 307, "the status"),
    Fault("redirect-loop", "sends back to itself, for ever", _redirects_in_a_loop, 307, "the status"),
)
