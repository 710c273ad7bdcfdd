"""Whether a request reasons, decided once from what was asked, what the model can do and what the endpoint excludes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qwen_endpoints.conversation import has_unsigned_calls
from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.limits import check_beside_thinking

if TYPE_CHECKING:
    from qwen_endpoints.dialects import Exclusion
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.types import ChatRequest
    from qwen_endpoints.words import ReasoningEffort


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingPlan:
    """What a request says about reasoning."""

    on: bool | None = None
    """Switched on, off, or left to the model."""
    budget: int | None = None
    effort: ReasoningEffort | None = None
    notes: tuple[str, ...] = ()
    """What was changed for the endpoint's sake."""

    def may_think(self, endpoint: Endpoint) -> bool:
        """Whether the answer may hold reasoning."""
        profile = endpoint.profile
        if self.on is not None:
            return self.on
        return profile.may_think and profile.thinking_default is not False


def plan_thinking(request: ChatRequest, endpoint: Endpoint) -> ThinkingPlan:
    """Decide about reasoning for one request.

    Raises:
        ConfigurationError: The settings contradict each other, or ask what this model cannot do.
    """
    plan = ThinkingPlan(
        on=_asked(request, endpoint), budget=request.thinking_budget, effort=_effort(request.reasoning_effort)
    )
    _refuse_impossible(plan, endpoint)
    if plan.budget is not None and plan.effort is not None and endpoint.dialect.one_degree:
        raise endpoint.scope.error(
            ConfigurationError,
            f"{endpoint.provider.name} takes either thinking_budget or reasoning_effort, not both: drop one of them.",
        )
    if endpoint.profile.thinking == "none":
        return ThinkingPlan()  # nothing to switch off, and pages of such models have no switch
    clash = (wishes(request) | _history(request, endpoint)) & endpoint.dialect.thinking_excludes
    if clash and plan.may_think(endpoint):
        return _without_thinking(clash, endpoint)
    if plan.on:
        check_beside_thinking(request, endpoint)
    return plan


def wishes(request: ChatRequest) -> frozenset[Exclusion]:
    """What a request asks for that some endpoints refuse beside reasoning."""
    found: set[Exclusion] = set()
    if request.tools and is_forced(request.tool_choice):
        found.add("forced_tool_choice")
    kind = (request.response_format or {}).get("type")
    if kind == "json_object":
        found.add("json_object")
    elif kind == "json_schema":
        found.add("json_schema")
    return frozenset(found)


def _history(request: ChatRequest, endpoint: Endpoint) -> frozenset[Exclusion]:
    """What the conversation so far holds that some endpoints refuse beside reasoning."""
    found: set[Exclusion] = set()
    if has_unsigned_calls(request, endpoint):
        found.add("unsigned_calls")
    if request.messages and request.messages[-1].role == "assistant":
        found.add("begun_answer")
    return frozenset(found)


def is_forced(tool_choice: str | Mapping[str, Any] | None) -> bool:
    """Whether a tool choice makes the model call a tool."""
    if isinstance(tool_choice, Mapping):
        return tool_choice.get("type") not in ("auto", "none")
    return tool_choice not in (None, "auto", "none")


def _asked(request: ChatRequest, endpoint: Endpoint) -> bool | None:
    """The switch that budget, effort and switch amount to together."""
    said: dict[str, bool] = {}
    if request.enable_thinking is not None:
        said[f"enable_thinking={request.enable_thinking}"] = request.enable_thinking
    if request.reasoning_effort is not None:
        said[f"reasoning_effort={request.reasoning_effort!r}"] = request.reasoning_effort != "none"
    if request.thinking_budget is not None:
        said[f"thinking_budget={request.thinking_budget}"] = True
    if len(set(said.values())) > 1:
        raise endpoint.scope.error(
            ConfigurationError, f"{' and '.join(said)} contradict each other about thinking: drop one of them."
        )
    return next(iter(said.values()), None)


def _effort(effort: ReasoningEffort | None) -> ReasoningEffort | None:
    """`none` is the switch, not a degree."""
    return None if effort == "none" else effort


def _refuse_impossible(plan: ThinkingPlan, endpoint: Endpoint) -> None:
    kind = endpoint.profile.thinking
    if kind == "none" and plan.on:
        raise endpoint.scope.error(
            ConfigurationError,
            f"{endpoint.model} does not reason: leave enable_thinking, thinking_budget and reasoning_effort unset, or "
            "choose a thinking model.",
        )
    if kind == "always" and plan.on is False:
        raise endpoint.scope.error(
            ConfigurationError,
            f"{endpoint.model} always reasons: leave enable_thinking unset, or choose a hybrid or instruct model.",
        )


def _without_thinking(clash: frozenset[Exclusion], endpoint: Endpoint) -> ThinkingPlan:
    names: dict[Exclusion, str] = {
        "forced_tool_choice": "a forced tool choice",
        "json_object": "JSON mode",
        "json_schema": "a JSON schema",
        "begun_answer": "an answer that is begun for the model",
        "unsigned_calls": "tool calls that came without its own signed thinking",
    }
    what = " and ".join(names[item] for item in sorted(clash))
    if endpoint.profile.thinking == "always":
        instead = "Use tool_choice='auto', or choose" if "forced_tool_choice" in clash else "Choose"
        raise endpoint.scope.error(
            ConfigurationError,
            f"{endpoint.provider.name} takes {what} only from a model that is not reasoning, and {endpoint.model} "
            f"always reasons. {instead} another model.",
        )
    note = f"thinking was switched off for this request: {endpoint.provider.name} does not combine it with {what}"
    return ThinkingPlan(on=False, notes=(note,))
