"""`ChatRequest` -> the body of a Messages request, in an endpoint's own spelling."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from qwen_endpoints.codec import EncodedRequest, put_thinking, stop_sequences
from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.limits import check_limits
from qwen_endpoints.merging import merge_deeply
from qwen_endpoints.messages.tools import put_tools
from qwen_endpoints.messages.turns import encode_conversation
from qwen_endpoints.thinking import ThinkingPlan, plan_thinking
from qwen_endpoints.tools import encode_tools

if TYPE_CHECKING:
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.types import ChatRequest
    from qwen_endpoints.words import ReasoningEffort

_DEFAULT_MAX_TOKENS: Final = 8192
"""Most tokens of an answer where neither the caller nor the catalogue says: the protocol demands a number."""
_SHARES: Final[Mapping[ReasoningEffort, float]] = {
    "minimal": 0.1,
    "low": 0.2,
    "medium": 0.5,
    "high": 0.8,
    "xhigh": 0.95,
}
"""How much of `max_tokens` each effort lets go into reasoning (wcode.net, page of qwen3-235b-a22b, read 2026-11-21)."""


def encode_request(request: ChatRequest, endpoint: Endpoint, *, stream: bool) -> EncodedRequest:
    """Spell a request for an endpoint.

    `max_tokens` is always sent: the caller's, else the most that the model's profile allows, else 8192. An effort
    becomes a budget, that share of `max_tokens`; reasoning switched on without a degree has a medium one.

    Raises:
        ConfigurationError: The endpoint cannot take this request; nothing has been sent.
    """
    check_limits(request, endpoint)
    _refuse_response_format(request, endpoint)
    stated = request.parameters.get("max_tokens")
    most = (endpoint.profile.max_output_tokens or _DEFAULT_MAX_TOKENS) if stated is None else stated
    asked = plan_thinking(request, endpoint)
    plan = _with_budget(asked, most, endpoint)
    if plan.budget is not None and plan.budget >= most:
        most = _above(plan.budget, request, endpoint)
    said = encode_conversation(request, endpoint)
    body: dict[str, Any] = {"model": endpoint.model, "max_tokens": most, "messages": said.turns}
    if said.system:
        body["system"] = said.system
    if stream:
        body["stream"] = True
    _put_parameters(body, request)
    tooling = encode_tools(request, endpoint)
    put_tools(body, tooling, request)
    put_thinking(body, plan, request, endpoint.dialect)
    merge_deeply(body, request.extra_body)
    notes = (*asked.notes, *tooling.notes, *said.notes)
    return EncodedRequest(body=body, notes=notes, may_think=asked.may_think(endpoint))


def _refuse_response_format(request: ChatRequest, endpoint: Endpoint) -> None:
    if (request.response_format or {}).get("type", "text") != "text":
        raise endpoint.scope.error(
            ConfigurationError,
            f"{endpoint.provider.name} speaks Messages, which has no response_format: use function calling instead.",
        )


def _with_budget(plan: ThinkingPlan, most: int, endpoint: Endpoint) -> ThinkingPlan:
    """Return the plan with its degree as a number of tokens, which is all that the protocol can say."""
    if not plan.on or plan.budget is not None:
        return plan
    allowed = endpoint.parameters.get("thinking_budget")
    least = int(allowed.minimum or 1) if allowed is not None else 1
    return replace(plan, budget=max(least, int(most * _SHARES[plan.effort or "medium"])), effort=None)


def _above(budget: int, request: ChatRequest, endpoint: Endpoint) -> int:
    """Return a limit that leaves room for an answer after so much reasoning, unless the caller has set one.

    Raises:
        ConfigurationError: They have, and it leaves none.
    """
    stated = request.parameters.get("max_tokens")
    if stated is not None:
        raise endpoint.scope.error(
            ConfigurationError,
            f"max_tokens={stated} leaves no room for an answer beside {budget} tokens of reasoning: raise it, or lower "
            "thinking_budget.",
        )
    return budget + _DEFAULT_MAX_TOKENS


def _put_parameters(body: dict[str, Any], request: ChatRequest) -> None:
    for name, value in request.parameters.items():
        if name == "stop":
            sequences = stop_sequences(value)
            if sequences:
                body["stop_sequences"] = sequences
        elif value is not None and name not in ("max_tokens", "parallel_tool_calls"):
            body[name] = deepcopy(value)
