from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import qwen_sandbox
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

CONTRACTS = sorted((Path(qwen_sandbox.__file__).parent / "contracts").glob("*.yaml"))


def _load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_there_is_a_contract_for_each_gateway() -> None:
    assert [path.name for path in CONTRACTS] == [
        "anyfast-cn.yaml",
        "anyfast.yaml",
        "wcode-anthropic.yaml",
        "wcode.yaml",
    ]


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_contract_is_openapi_3_1(path: Path) -> None:
    document = _load(path)
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_contract_names_its_page_and_date(path: Path) -> None:
    info = _load(path)["info"]
    assert info["x-source"]["url"].startswith("https://")
    assert info["x-source"]["read"] == "2026-11-21"
    assert info["x-source"]["url"] in info["description"]


@pytest.mark.parametrize(
    ("contract", "schema", "field", "low", "high"),
    [
        ("anyfast-cn", "ChatRequest", "max_tokens", 1, 8192),
        ("anyfast", "ChatRequest", "max_completion_tokens", 1, 65536),
        ("wcode", "TextModelRequest", "max_tokens", 1, None),
        ("wcode", "VisionModelRequest", "top_k", 0, None),
        ("wcode", "VisionModelRequest", "repetition_penalty", 0, 2),
        ("wcode", "TextModelRequest", "top_logprobs", 0, 20),
        ("wcode-anthropic", "MessagesRequest", "max_tokens", 1, None),
        ("wcode-anthropic", "MessagesRequest", "temperature", 0, 1),
        ("wcode-anthropic", "MessagesRequest", "top_k", 0, None),
    ],
)
def test_documented_ranges(contract: str, schema: str, field: str, low: int, high: int | None) -> None:
    path = next(path for path in CONTRACTS if path.stem == contract)
    declared = _load(path)["components"]["schemas"][schema]["properties"][field]
    assert (declared["minimum"], declared.get("maximum")) == (low, high)


def test_only_the_thinking_model_of_wcode_takes_reasoning() -> None:
    path = next(path for path in CONTRACTS if path.stem == "wcode")
    schemas = _load(path)["components"]["schemas"]
    assert "reasoning" in schemas["TextModelRequest"]["properties"]
    assert "reasoning" not in schemas["VisionModelRequest"]["properties"]
