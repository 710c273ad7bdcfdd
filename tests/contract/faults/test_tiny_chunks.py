"""An answer in very many chunks takes a time in proportion to them. `make soak` reads a stream of a million."""

from __future__ import annotations

import time

import pytest
from pydantic import SecretStr
from qwen_endpoints import Message, QwenClient, QwenSettings, plan_call
from qwen_sandbox import Sandbox

FEW = 10_000
MANY = 100_000


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_ten_times_the_chunks_take_ten_times_the_time(qwen_sandbox: Sandbox, streamed: bool) -> None:
    few, many = (seconds(qwen_sandbox, letters, streamed=streamed) for letters in (FEW, MANY))
    assert many < 30 * few  # of the square it would be a hundred


def seconds(sandbox: Sandbox, letters: int, *, streamed: bool) -> float:
    """Read an answer whose bytes come one by one; return what this thread has computed for it."""
    settings = QwenSettings(
        model="qwen3.6-flash",
        provider="anyfast",
        base_url=sandbox.fault("tiny-chunks", letters),
        api_key=SecretStr("sk-x"),
    )
    call = plan_call(settings, [Message(role="user", content="Hi")])
    began = time.thread_time()
    completion = list(QwenClient().stream(call))[-1].completion if streamed else QwenClient().complete(call)
    assert completion is not None
    assert completion.first.text == "x" * letters
    return time.thread_time() - began
