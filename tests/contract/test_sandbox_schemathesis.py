"""The contracts against the running sandbox: what they allow and refuse is what it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import qwen_sandbox as package
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, reject, settings, strategies
from schemathesis import checks as general_checks
from schemathesis.core.errors import InvalidSchema
from schemathesis.specs.openapi import checks as openapi_checks

if TYPE_CHECKING:
    from qwen_sandbox import Sandbox

GENERAL, OPENAPI = cast("Any", general_checks), cast("Any", openapi_checks)
# Acceptance of every allowed body is not among them: some rules, such as "a tool message answers an earlier call", are
# beyond a schema.
CHECKS = [
    GENERAL.not_a_server_error,
    OPENAPI.status_code_conformance,
    OPENAPI.content_type_conformance,
    OPENAPI.response_schema_conformance,
    OPENAPI.negative_data_rejection,
    OPENAPI.ignored_auth,
]
BOUNDED = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def _operations(name: str) -> list[Any]:
    path = Path(package.__file__).parent / "contracts" / f"{name}.yaml"
    schema: Any = schemathesis.openapi.from_dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    return [operation.ok() for operation in schema.get_all_operations()]


NAMES = ("anyfast-cn", "anyfast", "wcode", "wcode-anthropic")
KEY_HEADERS = {"wcode-anthropic": ("x-api-key", "{}")}
"""How the key is sent where not after `Bearer`."""
VERSIONS = {"wcode-anthropic": {"anthropic-version": "2023-06-01"}}
"""Sent with what must be accepted; the other version of the contract refuses most bodies for their sampling."""
EXAMPLES = {"wcode-anthropic": 45}
"""How many, where the usual number is too few: thoughts, calls and results have more rules of their own here."""
SELDOM_ACCEPTED = {("wcode-anthropic", "positive")}
"""Where made-up bodies break such rules so often that none may be accepted; see `BODIES`."""
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
BODIES: dict[str, dict[str, Any]] = {
    "text": {},
    "thinking": THINKING,
    "calls": {"tools": [WEATHER]},
    "calls with thinking": {"tools": [WEATHER], **THINKING},
    "hidden thinking": {"prompt": "hello [[sandbox:redacted]]", **THINKING},
    "refusal": {"prompt": "Tell me a story [[sandbox:content_filter]]"},
    "length": {"max_tokens": 3},
    "length within arguments": {"tools": [WEATHER], "max_tokens": 4},
    "stop": {"prompt": "Count from 1 to 9", "stop_sequences": ["4"]},
    "error event": {"prompt": "Count from 1 to 9 [[sandbox:error_event]]"},
}
"""Requests over Messages that are accepted, each with another kind of reply."""
OPERATIONS = [(name, operation) for name in NAMES for operation in _operations(name)]
CASES = [
    pytest.param(name, operation, mode, id=f"{name} {operation.label} {mode}")
    for name, operation in OPERATIONS
    for mode in ("positive", "negative")
    # A request without a body or parameters has nothing to get wrong.
    if mode == "positive" or operation.method == "post"
]


@strategies.composite
def _cases(draw: strategies.DrawFn, operation: Any, mode: str) -> Any:
    """What schemathesis makes of an operation.

    To make a body that is wrong it changes the contract, now and then into one that it then cannot read: "cannot
    generate an array with 1 demanded elements" (4.32). Such a draw says nothing of the sandbox.
    """
    try:
        return draw(operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    except InvalidSchema:
        reject()


@pytest.mark.parametrize(("name", "operation", "mode"), CASES)
def test_contract_is_kept(qwen_sandbox: Sandbox, name: str, operation: Any, mode: str) -> None:
    base_url = qwen_sandbox.base_url(name)  # type: ignore[arg-type]
    header, value = KEY_HEADERS.get(name, ("Authorization", "Bearer {}"))
    headers = {header: value.format(qwen_sandbox.api_key)}
    if mode == "positive":
        headers |= VERSIONS.get(name, {})
    seen: set[int] = set()

    @settings(BOUNDED, max_examples=EXAMPLES.get(name, BOUNDED.max_examples))
    @given(case=_cases(operation, mode))
    def run(case: Any) -> None:
        response = case.call(base_url=base_url, headers=headers)
        seen.add(response.status_code)
        case.validate_response(response, checks=CHECKS, headers=headers)

    run()
    assert ({"positive": 200, "negative": 400}[mode]) in seen or (name, mode) in SELDOM_ACCEPTED


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_replies_over_messages_keep_the_contract(qwen_sandbox: Sandbox, body: dict[str, Any], *, stream: bool) -> None:
    operation = next(operation for name, operation in OPERATIONS if name == "wcode-anthropic")
    prompt = body.get("prompt", "What is the weather in Paris and London?")
    full: dict[str, Any] = {
        "model": "qwen/qwen3-235b-a22b",
        "max_tokens": 2048,
        "messages": [{"role": "user", "content": prompt}],
        "stream": stream,
        **{name: value for name, value in body.items() if name != "prompt"},
    }
    headers = {"x-api-key": qwen_sandbox.api_key, **VERSIONS["wcode-anthropic"]}
    case = operation.Case(body=full, media_type="application/json")
    response = case.call(base_url=qwen_sandbox.base_url("wcode-anthropic"), headers=headers)
    assert response.status_code == 200
    case.validate_response(response, checks=CHECKS, headers=headers)
