"""Qwen for LangChain, through whatever endpoint you have."""

from qwen_endpoints import QwenError

from langchain_qwen import _display as _display  # registers LangChain's types with `show`
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
