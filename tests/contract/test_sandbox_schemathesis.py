"""The contracts against the running sandbox: what they allow and refuse is what it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import qwen_sandbox as package
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

if TYPE_CHECKING:
    from qwen_sandbox import Sandbox

# Acceptance of every allowed body is not among them: some rules, such as "a tool message answers an earlier call", are
# beyond a schema.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
]
BOUNDED = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def _operations(name: str) -> list[Any]:
    path = Path(package.__file__).parent / "contracts" / f"{name}.yaml"
    schema = schemathesis.openapi.from_dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    return [operation.ok() for operation in schema.get_all_operations()]


OPERATIONS = [(name, operation) for name in ("anyfast-cn", "anyfast", "wcode") for operation in _operations(name)]
CASES = [
    pytest.param(name, operation, mode, id=f"{name} {operation.label} {mode}")
    for name, operation in OPERATIONS
    for mode in ("positive", "negative")
    # A request without a body or parameters has nothing to get wrong.
    if mode == "positive" or operation.method == "post"
]


@pytest.mark.parametrize(("name", "operation", "mode"), CASES)
def test_contract_is_kept(qwen_sandbox: Sandbox, name: str, operation: Any, mode: str) -> None:
    base_url = qwen_sandbox.base_url(name)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {qwen_sandbox.api_key}"}
    seen: set[int] = set()

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    def run(case: Any) -> None:
        response = case.call(base_url=base_url, headers=headers)
        seen.add(response.status_code)
        case.validate_response(response, checks=CHECKS, headers=headers)

    run()
    assert ({"positive": 200, "negative": 400}[mode]) in seen
