"""`load_llm` after `register()`."""

# LlamaIndex types its dicts barely.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.llms import MockLLM, loading
from llama_index.llms import qwen
from llama_index.llms.qwen import Qwen
from qwen_endpoints import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen_sandbox import Sandbox


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A table of this test's own."""
    classes: dict[str, Any] = dict(loading.RECOGNIZED_LLMS)
    monkeypatch.setattr(loading, "RECOGNIZED_LLMS", classes)
    return classes


@pytest.mark.usefixtures("table")
def test_a_dump_is_loaded(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    llm = make_llm(temperature=0.5, context_window=5000)
    with pytest.raises(ValueError, match="Invalid LLM name: Qwen"):
        loading.load_llm(llm.to_dict())
    qwen.register()
    qwen.register()
    twin = loading.load_llm(llm.to_dict())
    assert isinstance(twin, Qwen)
    assert twin.to_dict() == llm.to_dict()
    monkeypatch.setenv("ANYFAST_API_KEY", qwen_sandbox.api_key)
    assert twin.complete("What is 2 + 3?").text == "2 + 3 = 5"
    assert qwen_sandbox.last_request.json["temperature"] == 0.5
    assert loading.load_llm(llm) is llm  # pyright: ignore[reportArgumentType] - the framework allows it


def test_nothing_is_registered_unasked() -> None:
    code = (
        "import sys, llama_index.llms.qwen; early = 'llama_index.core.llms.loading' in sys.modules; "
        "import llama_index.core.llms.loading as loading; sys.exit(early or 'Qwen' in loading.RECOGNIZED_LLMS)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code


def test_another_class_of_this_name_is_not_replaced(table: dict[str, Any]) -> None:
    table["Qwen"] = MockLLM
    with pytest.raises(ConfigurationError, match=r"another 'Qwen', of llama_index\.core.*Qwen\.from_dict"):
        qwen.register()
    assert table["Qwen"] is MockLLM


def test_a_framework_without_the_table_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(loading, "RECOGNIZED_LLMS")
    with pytest.raises(ConfigurationError, match=r"Qwen\.from_dict"):
        qwen.register()
