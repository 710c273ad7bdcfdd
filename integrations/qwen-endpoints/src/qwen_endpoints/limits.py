"""Checks a request against what an endpoint documents, before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen_endpoints.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.types import ChatRequest


def check_limits(request: ChatRequest, endpoint: Endpoint) -> None:
    """Refuse values outside a documented range and parameters the endpoint is known to drop.

    `extra_body` is not looked at: it is how a caller sends a value anyway.

    Raises:
        ConfigurationError: Names provider, model, parameter, value and what is accepted.
    """
    values = _values(request)
    refuse_dropped(values, endpoint)
    for name, value in values.items():
        parameter = endpoint.parameters.get(name)
        if parameter is None:
            continue
        if not parameter.accepts(value):
            raise endpoint.scope.error(
                ConfigurationError,
                f"{name}={value!r} is out of range for {endpoint.model} at {endpoint.provider.name}: it takes "
                f"{parameter.range_text}.",
            )
        if parameter.needs is not None and not values.get(parameter.needs):
            raise endpoint.scope.error(
                ConfigurationError,
                f"{name}={value!r} needs {parameter.needs}=True for {endpoint.model} at {endpoint.provider.name}.",
            )


def check_beside_thinking(request: ChatRequest, endpoint: Endpoint) -> None:
    """Refuse what the endpoint documents to be impossible for a request that reasons.

    Raises:
        ConfigurationError: Names provider, model, parameter, value and what is accepted.
    """
    for name, parameter in endpoint.provider.while_thinking.items():
        value = request.parameters.get(name)
        if value is not None and (parameter is None or not parameter.accepts(value)):
            accepted = "none" if parameter is None else parameter.range_text
            raise endpoint.scope.error(
                ConfigurationError,
                f"{name}={value!r} cannot stand beside thinking for {endpoint.model} at {endpoint.provider.name}: it "
                f"takes {accepted} then. Leave {name} unset, or switch thinking off.",
            )


def refuse_dropped(values: Mapping[str, Any], endpoint: Endpoint) -> None:
    """Refuse parameters that the endpoint is known to drop or cannot express.

    Raises:
        ConfigurationError: Names provider, model, parameter, value and the reason.
    """
    for name, value in values.items():
        reason = endpoint.dropped.get(name)
        if reason is not None:
            raise endpoint.scope.error(
                ConfigurationError,
                f"{name}={value!r} would not reach {endpoint.model} at {endpoint.provider.name}: {reason}. "
                f"extra_body={{{name!r}: ...}} sends it anyway.",
            )


def _values(request: ChatRequest) -> Mapping[str, Any]:
    """Everything that was asked for by name; a switch that is off asks for nothing."""
    asked = {
        **request.parameters,
        "thinking_budget": request.thinking_budget,
        "reasoning_effort": request.reasoning_effort,
        "enable_thinking": request.enable_thinking,
        "preserve_thinking": request.preserve_thinking or None,
    }
    return {name: value for name, value in asked.items() if value is not None}
