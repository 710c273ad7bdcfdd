"""What can go wrong, in kinds a caller can act on. `failures` sorts an endpoint's words into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

if TYPE_CHECKING:
    from qwen_endpoints.types import Completion


class QwenError(Exception):
    """Anything that went wrong with a call.

    Attributes:
        message: What happened, for a person. Never holds a key.
        provider: The row's name.
        model: The model asked for.
        status: The HTTP status, or the one stated in the body of a reply that claimed success.
        code: The endpoint's own error code.
        request_id: The endpoint's name for the request, to quote to its support.
        retryable: Whether the same request may succeed later.
        retry_after: Seconds that the endpoint asks to wait before that; `None` where it does not say.
        partial: What had arrived before the failure; `None` where nothing had.
        body: The endpoint's error body, where it sent one.
    """

    retryable_by_default: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
        partial: Completion | None = None,
        body: object = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.model = model
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retryable = self.retryable_by_default if retryable is None else retryable
        self.retry_after = retry_after
        self.partial = partial
        self.body = body

    @override
    def __str__(self) -> str:
        facts = [
            self.provider,
            self.model,
            self.status and f"HTTP {self.status}",
            self.code and self.code != str(self.status) and f"code {self.code}",
            self.request_id and f"request {self.request_id}",
        ]
        context = " · ".join(str(fact) for fact in facts if fact)
        return f"{self.message} ({context})" if context else self.message

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions rebuild from `args` alone; the keyword state travels beside them.
        return (type(self), (self.message,), self.__dict__)


class ConfigurationError(QwenError):
    """The call cannot be made as configured. Nothing was sent; the message names the fix."""


class AuthenticationError(QwenError):
    """The key is missing, wrong or expired."""


class PermissionDeniedError(QwenError):
    """The key is known but may not do this."""


class QuotaExhaustedError(QwenError):
    """Credit, a package or a free allowance has run out; waiting does not help."""


class BudgetExceededError(QwenError):
    """A limit of the caller's own (`track_costs`) is reached. Nothing was sent."""


class RateLimitError(QwenError):
    """Too many requests or tokens for the moment."""

    retryable_by_default = True


class InvalidRequestError(QwenError):
    """The endpoint refuses the request as it stands."""


class ContextOverflowError(InvalidRequestError):
    """Prompt and answer do not fit the model's context."""


class ContentFilteredError(QwenError):
    """The endpoint's moderation stopped the prompt or the answer."""


class ModelNotFoundError(QwenError):
    """No such model here, or none that this key may use."""


class ServerError(QwenError):
    """The endpoint failed."""

    retryable_by_default = True


class ConnectionFailedError(QwenError):
    """The endpoint could not be reached."""

    retryable_by_default = True


class TimedOutError(QwenError):
    """The endpoint did not answer in time."""

    retryable_by_default = True


class StreamInterruptedError(QwenError):
    """A reply broke off before its end; `partial` holds what had arrived."""

    retryable_by_default = True


class MalformedResponseError(QwenError):
    """The reply is not what the protocol promises (an HTML page, no answer in it, broken JSON)."""
