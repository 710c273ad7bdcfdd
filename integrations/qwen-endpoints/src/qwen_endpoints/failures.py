"""What endpoints say went wrong -> an error of a kind, and the tables that sort their words into kinds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from qwen_endpoints.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextOverflowError,
    InvalidRequestError,
    ModelNotFoundError,
    PermissionDeniedError,
    QuotaExhaustedError,
    QwenError,
    RateLimitError,
    ServerError,
    TimedOutError,
)
from qwen_endpoints.hidden import spellings, strike, strike_json

if TYPE_CHECKING:
    from qwen_endpoints.types import Completion


@dataclass(frozen=True, slots=True)
class _Sign:
    """One way an endpoint says what went wrong. Every part that is set must match."""

    kind: type[QwenError]
    status: int | None = None
    code: str | None = None
    """Pattern over the endpoint's code and type."""
    text: str | None = None
    """Pattern over its message."""
    retryable: bool | None = None

    def matches(self, status: int | None, codes: str, text: str) -> bool:
        return (
            (self.status is None or self.status == status)
            and (self.code is None or re.search(self.code, codes, re.IGNORECASE) is not None)
            and (self.text is None or re.search(self.text, text, re.IGNORECASE) is not None)
        )


_OVERFLOW_TEXTS: Final = (
    # DashScope: error-code page, Dec 2025. Gateways in front of it hand its words on.
    r"range of input length|message token length exceed",
    # vLLM, SGLang, OpenRouter and hosts built on them: their replies as quoted in issues, 2025-26
    # (QwenLM/Qwen3-Omni#122, langchain-ai/deepagents#468: the latter with status 500)
    r"maximum context length|longer than the (model's context|maximum model) length|maximum (allowed )?input length",
    # vLLM with `max_tokens` left to it: what the prompt leaves of the window is below zero, 2026
    r"max_(completion_)?tokens must be at least 1, got -",
    # llama.cpp: a recorded reply; its words in mid-stream, 2026
    r"exceeds? (the )?(available )?context|context (size|length|window) (has been )?exceeded",
    # LM Studio and Ollama, 2026
    r"greater than the context length|context length of only|exceeded (max )?context length",
    # SiliconFlow: infiniflow/ragflow#7060, Apr 2025; continuedev/continue#10993, Mar 2026
    r"max_seq_len",
    # Text Generation Inference, 2025
    r"`inputs` (must have less than|tokens \+ `max_new_tokens` must be)",
    r"(prompt|input) (is )?too long|reduce the length of the (input|messages|prompt)",
    r"exceeds? the (maximum|model's) (context|input|number of tokens)",
)
"""How endpoints say that a prompt does not fit, clear enough to be believed whatever the status."""
_OVERFLOW_TEXT: Final = "|".join(_OVERFLOW_TEXTS)

_SIGNS: Final = (
    # A limit per minute is worth waiting for, whatever its code says: DashScope answers 429 with `insufficient_quota`
    # for a tokens-per-minute limit (alibabacloud.com, error-code page, Jun 2026).
    _Sign(QuotaExhaustedError, text=r"free allocated quota exceeded|API_KEY exceeded the current quota"),
    _Sign(QuotaExhaustedError, code=r"arrear|free_?tier|insufficient_user_quota|pre_consume_token_quota_failed"),
    # DashScope says these with status 429 as well (error-code page, Dec 2025); no waiting mends a bill.
    _Sign(QuotaExhaustedError, code=r"bill_?overdue|commodity_?not_?purchased"),
    _Sign(QuotaExhaustedError, text=r"arrear|in good standing|insufficient (balance|credits)|余额不足|额度不足|欠费"),
    # Messages: docs.anthropic.com, errors, 2026. The types alone have to do in a stream, whose status is 200; an empty
    # account is a mere 400 invalid_request_error (continuedev/continue#5499, May 2025).
    _Sign(QuotaExhaustedError, code=r"billing_error"),
    _Sign(QuotaExhaustedError, text=r"credit balance is too low"),
    _Sign(RateLimitError, status=429),
    _Sign(QuotaExhaustedError, status=402),
    _Sign(QuotaExhaustedError, status=403, code=r"quota"),
    _Sign(QuotaExhaustedError, status=403, text=r"quota|balance"),
    _Sign(AuthenticationError, status=401),
    _Sign(ContentFilteredError, code=r"data_?inspection|sensitive_words|prompt_blocked|content_?filter|moderation"),
    _Sign(ContentFilteredError, text=r"inappropriate content|content (policy|filter)|敏感词|内容安全"),
    _Sign(ContextOverflowError, code=r"context_length_exceeded|exceed_context_size"),
    _Sign(ContextOverflowError, text=_OVERFLOW_TEXT),
    _Sign(ContextOverflowError, status=400, text=r"context (window|size|length)"),
    _Sign(ContextOverflowError, status=413, text=r"context (window|size|length)"),
    # new-api: "no channel available for this model in your group" is a 503 that no retry mends.
    _Sign(ModelNotFoundError, text=r"无可用渠道|no available channel", retryable=False),
    _Sign(ModelNotFoundError, code=r"model_?not_?found|model_not_exist|get_channel_failed|\bnot_found_error"),
    _Sign(ModelNotFoundError, status=404),
    _Sign(AuthenticationError, code=r"invalid_?api_?key|authentication"),
    _Sign(AuthenticationError, text=r"(incorrect|invalid|no) api.?key|no token provided|无效的令牌"),
    _Sign(PermissionDeniedError, status=403),
    _Sign(PermissionDeniedError, code=r"permission_error"),
    _Sign(TimedOutError, status=408),
    _Sign(TimedOutError, status=504),
    _Sign(TimedOutError, code=r"\btimeout_error"),
    _Sign(RateLimitError, code=r"rate_?limit|throttling|too_?many_?requests|concurrency_limit"),
    _Sign(RateLimitError, text=r"rate limit exceeded|too many requests|请求频率|负载已饱和"),
    _Sign(QuotaExhaustedError, code=r"insufficient_quota"),
    _Sign(InvalidRequestError, code=r"invalid_?(request|parameter)|bad_request|request_too_large"),
    _Sign(InvalidRequestError, text=r"request body \(or file\) is too large"),
    _Sign(ServerError, status=409),
    _Sign(ServerError, status=425),  # "too early": to be asked again (RFC 8470, 5.2)
)


def kind_of(status: int | None, codes: str, text: str) -> tuple[type[QwenError], bool | None]:
    """Sort a failure by status, then code, then known text. Returns the kind and whether a retry may help, if known."""
    for sign in _SIGNS:
        if sign.matches(status, codes, text):
            return sign.kind, sign.retryable
    if status is not None and 400 <= status < 500:  # noqa: PLR2004 - the range of client errors
        return InvalidRequestError, None
    return ServerError, None


_REQUEST_ID_IN_TEXT: Final = re.compile(r"request[ _-]?id[:：]?\s*([\w-]{8,})", re.IGNORECASE)
_REQUEST_ID_HEADERS: Final = (
    "x-request-id",
    "request-id",
    "x-oneapi-request-id",
    "x-dashscope-request-id",
    "x-generation-id",
)
_MAX_TEXT: Final = 2000
_MAX_WORD: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorScope:
    """What every error of one call says about where it happened."""

    provider: str
    model: str
    secret: str | None = field(default=None, repr=False)
    """The key, so that it can be struck out of whatever text an endpoint echoes."""
    hidden: tuple[str, ...] = field(default=(), repr=False)
    """The values of the caller's own headers and query, which are struck out as well."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text to strike out. See `hidden.spellings`."""
        return spellings(self.secret, self.hidden)

    def scrub(self, text: str) -> str:
        """Return `text` without the key and the other secrets."""
        return strike(text, self.secrets)

    def _scrub_json(self, body: object) -> object:
        try:
            return strike_json(body, self.secrets)
        except RecursionError:
            return None  # nested too deeply to be of use to anyone

    def error(
        self,
        kind: type[QwenError],
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
        partial: Completion | None = None,
        body: object = None,
    ) -> QwenError:
        """Build an error of `kind` in this scope."""
        return kind(
            self.scrub(message),
            provider=self.provider,
            model=self.model,
            status=status,
            code=code and self.scrub(code),
            request_id=request_id and self.scrub(request_id),
            retryable=retryable,
            retry_after=retry_after,
            partial=partial,
            body=self._scrub_json(body),
        )

    def from_body(
        self,
        body: object,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        partial: Completion | None = None,
    ) -> QwenError:
        """Build the error that an error body (parsed JSON or text) of any known gateway describes."""
        clean = self._scrub_json(body)  # before a long text is cut: half a key is told by nobody
        report = _report(body if clean is None else clean)
        status = _status_in(report.code) if status is None or status < 400 else status  # noqa: PLR2004
        kind, retryable = kind_of(status, f"{report.code} {report.type}", f"{report.message} {report.detail}")
        request_id = report.request_id or request_id_of(headers, report.message)
        return self.error(
            kind,
            report.message + (f": {report.detail}" if report.detail else ""),
            status=status,
            code=report.code or report.type or None,
            request_id=request_id,
            retryable=retryable,
            retry_after=retry_after,
            partial=partial,
            body=body,
        )


@dataclass(frozen=True, slots=True)
class _Report:
    message: str
    code: str = ""
    type: str = ""
    request_id: str | None = None
    detail: str = ""


def _report(body: object) -> _Report:
    """Read an error body: `{"error": {...}}`, `{"error": "text"}`, a flat `{code, message}`, or mere text."""
    if not isinstance(body, Mapping):
        text = " ".join(str(body or "").split())[:_MAX_TEXT]
        return _Report(text or "the endpoint gave no reason")
    outer: Mapping[str, Any] = body  # pyright: ignore[reportUnknownVariableType] - parsed JSON
    inner = outer.get("error")
    fields: Mapping[str, Any] = inner if isinstance(inner, Mapping) else outer  # pyright: ignore[reportUnknownVariableType]
    message = inner if isinstance(inner, str) else fields.get("message") or fields.get("msg") or fields.get("detail")
    metadata: Any = fields.get("metadata")
    raw: Any = metadata.get("raw") if isinstance(metadata, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    request_id = outer.get("request_id") or fields.get("request_id")
    return _Report(
        message=str(message or "the endpoint gave no reason")[:_MAX_TEXT],
        code=_word(fields.get("code")),
        type=_word(fields.get("type")),
        request_id=str(request_id)[:_MAX_WORD] if request_id else None,
        detail=str(raw)[:_MAX_TEXT] if raw else "",  # pyright: ignore[reportUnknownArgumentType]
    )


def _word(value: object) -> str:
    return "" if value is None or isinstance(value, bool) else str(value)[:_MAX_WORD]


def _status_in(code: str) -> int | None:
    """Some gateways put the HTTP status into `code` of a reply whose own status is 200."""
    return int(code) if re.fullmatch("[45][0-9]{2}", code) else None


def request_id_of(headers: Mapping[str, str] | None, message: str = "") -> str | None:
    """Return the endpoint's own number for a request: from the headers of its reply, else out of its words."""
    for name in _REQUEST_ID_HEADERS if headers is not None else ():
        if headers is not None and headers.get(name):
            return headers[name]
    found = _REQUEST_ID_IN_TEXT.search(message)
    return found.group(1) if found else None
