"""Qwen endpoints: facts about them, and the wire codec that speaks to them. Free of any framework.

Settings, tables and the kinds of errors are imported at once: a model's class is made of them. What checks a model,
plans and makes its calls, and counts tokens and costs, is imported when it is first asked for: most of the whole.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qwen_endpoints._version import __version__
from qwen_endpoints.dialects import Dialect
from qwen_endpoints.errors import (
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
    QwenError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    TimedOutError,
)
from qwen_endpoints.pricing import Cost, Price
from qwen_endpoints.providers import PROVIDERS, ModelOffer, Parameter, Provider
from qwen_endpoints.settings import ARGUMENTS, QwenSettings
from qwen_endpoints.showable import when_shown
from qwen_endpoints.words import FinishReason, Json, ReasoningEffort, ReasoningReplay, Role, StructuredMethod

if TYPE_CHECKING:
    from qwen_endpoints.call_ids import CallIds
    from qwen_endpoints.calls import Call, check_settings, plan_call, request_of
    from qwen_endpoints.client import QwenClient
    from qwen_endpoints.costs import CostTracker, ModelCosts, track_costs
    from qwen_endpoints.endpoint import Endpoint, resolve
    from qwen_endpoints.models import ModelProfile, catalogue
    from qwen_endpoints.prompt_tokens import count_prompt_tokens
    from qwen_endpoints.structured import (
        answer_arguments,
        can_force_tools,
        read_json,
        read_tool_call,
        response_format,
        strip_fence,
        structured_method,
        wire_name,
    )
    from qwen_endpoints.tokenizers import TOKENIZERS
    from qwen_endpoints.tokens import count_tokens, estimate_tokens, text_tokenizer, token_ids
    from qwen_endpoints.tool_calls import parse_arguments
    from qwen_endpoints.types import (
        ChatRequest,
        Choice,
        Completion,
        CompletionDelta,
        Message,
        ToolCall,
        ToolCallDelta,
        Usage,
    )

_LATER = {
    "CallIds": "call_ids",
    **dict.fromkeys(("Call", "check_settings", "plan_call", "request_of"), "calls"),
    "QwenClient": "client",
    **dict.fromkeys(("CostTracker", "ModelCosts", "track_costs"), "costs"),
    **dict.fromkeys(("Endpoint", "resolve"), "endpoint"),
    **dict.fromkeys(("ModelProfile", "catalogue"), "models"),
    "count_prompt_tokens": "prompt_tokens",
    **dict.fromkeys(("answer_arguments", "can_force_tools", "read_json", "read_tool_call"), "structured"),
    **dict.fromkeys(("response_format", "strip_fence", "structured_method", "wire_name"), "structured"),
    "TOKENIZERS": "tokenizers",
    **dict.fromkeys(("count_tokens", "estimate_tokens", "text_tokenizer", "token_ids"), "tokens"),
    "parse_arguments": "tool_calls",
    **dict.fromkeys(("ChatRequest", "Choice", "Completion", "CompletionDelta"), "types"),
    **dict.fromkeys(("Message", "ToolCall", "ToolCallDelta", "Usage"), "types"),
}
"""Names by the modules that are imported for them. No module has a public name's own name: it would take its place."""

__all__ = [
    "ARGUMENTS",
    "PROVIDERS",
    "TOKENIZERS",
    "AuthenticationError",
    "BudgetExceededError",
    "Call",
    "CallIds",
    "ChatRequest",
    "Choice",
    "Completion",
    "CompletionDelta",
    "ConfigurationError",
    "ConnectionFailedError",
    "ContentFilteredError",
    "ContextOverflowError",
    "Cost",
    "CostTracker",
    "Dialect",
    "Endpoint",
    "FinishReason",
    "InvalidRequestError",
    "Json",
    "MalformedResponseError",
    "Message",
    "ModelCosts",
    "ModelNotFoundError",
    "ModelOffer",
    "ModelProfile",
    "Parameter",
    "PermissionDeniedError",
    "Price",
    "Provider",
    "QuotaExhaustedError",
    "QwenClient",
    "QwenError",
    "QwenSettings",
    "RateLimitError",
    "ReasoningEffort",
    "ReasoningReplay",
    "Role",
    "ServerError",
    "StreamInterruptedError",
    "StructuredMethod",
    "TimedOutError",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
    "__version__",
    "answer_arguments",
    "can_force_tools",
    "catalogue",
    "check_settings",
    "count_prompt_tokens",
    "count_tokens",
    "estimate_tokens",
    "parse_arguments",
    "plan_call",
    "read_json",
    "read_tool_call",
    "request_of",
    "resolve",
    "response_format",
    "strip_fence",
    "structured_method",
    "text_tokenizer",
    "token_ids",
    "track_costs",
    "when_shown",
    "wire_name",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
