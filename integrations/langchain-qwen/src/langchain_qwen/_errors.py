"""Each error kind of the core, joined with LangChain's own kind, so that code which catches either one works.

Retry and summarisation middleware decide by LangChain's kinds (`ModelError.is_retryable`, `ContextOverflowError`).
langchain-core has most of them since 1.6; on older cores the joined classes inherit `LangChainException` instead.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final, TypeVar, cast

import qwen_endpoints as core
from langchain_core import exceptions as langchain

_Kind = TypeVar("_Kind", bound=core.QwenError)


class _Retryable:
    """`is_retryable`, which LangChain has on its classes: of a failure what is known of it, of a kind its default."""

    def __get__(self, error: core.QwenError | None, kind: type[core.QwenError]) -> bool:
        return kind.retryable_by_default if error is None else error.retryable


def _join(kind: type[_Kind], langchain_name: str, *also: type[core.QwenError]) -> type[_Kind]:
    """Make the class that is a `kind` and LangChain's exception of that name, and `also` these joined kinds."""
    fallback = getattr(langchain, "ModelError", langchain.LangChainException)
    other = getattr(langchain, langchain_name, fallback)
    bases = (kind, *also, other)
    return cast(
        "type[_Kind]",
        type(
            kind.__name__,
            bases,
            {
                "__module__": __name__,
                "__doc__": kind.__doc__,
                "is_retryable": _Retryable(),
            },
        ),
    )


ConfigurationError = _join(core.ConfigurationError, "ModelInvalidRequestError")
AuthenticationError = _join(core.AuthenticationError, "ModelAuthenticationError")
PermissionDeniedError = _join(core.PermissionDeniedError, "ModelPermissionDeniedError")
QuotaExhaustedError = _join(core.QuotaExhaustedError, "ModelPermissionDeniedError")
BudgetExceededError = _join(core.BudgetExceededError, "ModelPermissionDeniedError")
RateLimitError = _join(core.RateLimitError, "ModelRateLimitError")
InvalidRequestError = _join(core.InvalidRequestError, "ModelInvalidRequestError")
ContextOverflowError = _join(core.ContextOverflowError, "ContextOverflowError", InvalidRequestError)
ContentFilteredError = _join(core.ContentFilteredError, "ModelInvalidRequestError")
ModelNotFoundError = _join(core.ModelNotFoundError, "ModelNotFoundError")
ServerError = _join(core.ServerError, "ModelAPIError")
ConnectionFailedError = _join(core.ConnectionFailedError, "ModelConnectionError")
TimedOutError = _join(core.TimedOutError, "ModelTimeoutError")
StreamInterruptedError = _join(core.StreamInterruptedError, "ModelConnectionError")
MalformedResponseError = _join(core.MalformedResponseError, "ModelAPIError")

_JOINED: Final[Mapping[type[core.QwenError], type[core.QwenError]]] = {
    joined.__mro__[1]: joined
    for joined in (
        ConfigurationError,
        AuthenticationError,
        PermissionDeniedError,
        QuotaExhaustedError,
        BudgetExceededError,
        RateLimitError,
        InvalidRequestError,
        ContextOverflowError,
        ContentFilteredError,
        ModelNotFoundError,
        ServerError,
        ConnectionFailedError,
        TimedOutError,
        StreamInterruptedError,
        MalformedResponseError,
    )
}


@contextmanager
def as_langchain_errors() -> Generator[None]:
    """Raise a core error as its joined kind: the same facts, and the same cause, if there is one."""
    try:
        yield
    except core.QwenError as error:
        joined = _JOINED.get(type(error))
        if joined is None:
            raise
        named = joined(error.message)
        named.__dict__.update(error.__dict__)
        raise named from error.__cause__
