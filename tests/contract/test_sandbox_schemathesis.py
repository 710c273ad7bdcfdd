"""The contracts against the running sandbox: what they allow and refuse is what it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import qwen_sandbox as package
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks as general_checks
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
