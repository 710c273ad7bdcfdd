"""Qwen for LangChain, through whatever endpoint you have."""

from qwen_endpoints import QwenError, when_shown

from langchain_qwen._errors import (
    AuthenticationError,
    BudgetExceededError,
    ConfigurationError,
    ConnectionFailedError,
    ContentFilteredError,
    ContextOverflowError,
    InvalidRequestError,
    MalformedResponseError,
    ModelNotFoundError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    TimedOutError,
)
from langchain_qwen._register import register
from langchain_qwen._version import __version__
from langchain_qwen.chat_models import ChatQwen

__all__ = [
    "AuthenticationError",
    "BudgetExceededError",
    "ChatQwen",
    "ConfigurationError",
    "ConnectionFailedError",
    "ContentFilteredError",
    "ContextOverflowError",
    "InvalidRequestError",
    "MalformedResponseError",
    "ModelNotFoundError",
    "PermissionDeniedError",
    "QuotaExhaustedError",
    "QwenError",
    "RateLimitError",
    "ServerError",
    "StreamInterruptedError",
    "TimedOutError",
    "__version__",
    "register",
]


def _register_types() -> None:
    """Tell `show` of LangChain's types."""
    from langchain_qwen import _display as _display  # noqa: PLC0415 - not before something is shown


when_shown(_register_types)
