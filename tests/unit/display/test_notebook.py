"""In a real kernel: one output that is replaced while an answer comes, and stays in the notebook's file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from qwen_sandbox import Sandbox

pytestmark = pytest.mark.skipif(
    find_spec("ipykernel") is None or find_spec("jupyter_client") is None, reason="only where notebooks are run"
)

SETUP = """
from qwen_endpoints import Message, QwenClient, QwenSettings, plan_call
from qwen_endpoints.display import ashow, show
settings = QwenSettings(provider="wcode", model="qwen/qwen3-235b-a22b", base_url="{url}", api_key="{key}")
call = plan_call(settings, [Message(role="user", content="What is 12 times 7?")])
client = QwenClient()
"""


class Kernel:
    """A kernel, and what its cells put out: display data and updates in order."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(self, code: str) -> list[tuple[str, dict[str, Any]]]:
        found: list[tuple[str, dict[str, Any]]] = []

        def take(message: dict[str, Any]) -> None:
            if message["msg_type"] != "status":
                found.append((message["msg_type"], message["content"]))

        self._client.execute_interactive(code, output_hook=take, timeout=60)
        return [(kind, content) for kind, content in found if kind != "execute_input"]


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    from jupyter_client.manager import start_new_kernel  # noqa: PLC0415 - it may be missing

    manager, client = start_new_kernel(kernel_name="python3")
    with Sandbox(chunk_delay=0.02) as sandbox:
        made = Kernel(client)
        assert made.run(SETUP.format(url=sandbox.base_url("wcode"), key=sandbox.api_key)) == []
        yield made
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("code", ["answer = show(client.stream(call))", "answer = await ashow(client.astream(call))"])
def test_a_stream_is_one_output_that_grows(kernel: Kernel, code: str) -> None:
    began = time.monotonic()
    outputs = kernel.run(code)
    took = time.monotonic() - began
    assert {kind for kind, _ in outputs[1:]} == {"update_display_data"}
    assert outputs[0][0] == "display_data"
    assert len({content["transient"]["display_id"] for _, content in outputs}) == 1
    assert 3 <= len(outputs) <= took * 15 + 4
    pages = [content["data"]["text/html"] for _, content in outputs]
    assert 'class="thinking" open' in pages[0]
    assert "12 * 7" not in pages[0]
    assert 'class="thinking" open' not in pages[-1]
    assert "12 * 7 = 84" in pages[-1]
    assert "finish stop" in pages[-1]
    assert outputs[-1][1]["data"]["text/plain"].splitlines()[1] == "answer: 12 * 7 = 84"


def test_a_whole_answer_is_one_output(kernel: Kernel) -> None:
    ((kind, content),) = kernel.run("answer = show(client.complete(call))")
    assert kind == "display_data"
    assert "12 * 7 = 84" in content["data"]["text/html"]


def test_a_failure_stands_in_the_block_and_is_raised(kernel: Kernel) -> None:
    *drawn, (kind, error) = kernel.run("def broken():\n    yield 'It is '\n    raise OSError('gone')\nshow(broken())")
    assert (kind, error["ename"]) == ("error", "OSError")
    assert "not finished: OSError: gone" in drawn[-1][1]["data"]["text/html"]
    assert "It is" in drawn[-1][1]["data"]["text/html"]


def test_nothing_optional_is_needed(kernel: Kernel) -> None:
    hide = "import sys; sys.modules['markdown_it'] = None; sys.modules['rich'] = None\n"
    hide += "from qwen_endpoints.display import markdown; markdown._parser.cache_clear()\n"
    ((_, content),) = kernel.run(hide + "answer = show('**as** <written>')")
    assert '<div class="plain">**as** &lt;written&gt;</div>' in content["data"]["text/html"]
