"""Models that talk to the sandbox over real sockets: to its gateways, or to replies scripted by a test."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.llms.qwen import Qwen
from pydantic import SecretStr
from qwen_sandbox import Reply

from tests.unit.llamaindex.messages import OVER_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qwen_sandbox import Sandbox

_SCRIPTS = count()


@pytest.fixture(autouse=True)
def _no_keys_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANYFAST_API_KEY", "ANYFAST_CN_API_KEY", "WCODE_API_KEY", "DASHSCOPE_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("QWEN_PROVIDER", raising=False)


@pytest.fixture
def make_llm(qwen_sandbox: Sandbox) -> Iterator[Callable[..., Qwen]]:
    """Build models on the sandbox's gateways: `make_llm(provider="wcode", model=...)`."""
    made: list[Qwen] = []

    def make(**settings: Any) -> Qwen:
        given: dict[str, Any] = {"provider": "anyfast", "model": "qwen3.6-flash", **settings}
        made.append(
            Qwen(base_url=qwen_sandbox.base_url(given["provider"]), api_key=SecretStr(qwen_sandbox.api_key), **given)
        )
        return made[-1]

    yield make
    for llm in made:
        llm.close()


@pytest.fixture
def llm(make_llm: Callable[..., Qwen]) -> Qwen:
    return make_llm()


@pytest.fixture
def scripted(qwen_sandbox: Sandbox) -> Iterator[Callable[..., Qwen]]:
    """Build a model whose replies are given in order, the last again and again: a dict is a whole reply, a list holds
    the chunks of a stream, and a `Reply` is taken as it is."""
    made: list[Qwen] = []

    def make(*replies: dict[str, Any] | list[dict[str, Any]] | Reply, **settings: Any) -> Qwen:
        url = qwen_sandbox.script_sequence(f"llamaindex-{next(_SCRIPTS)}", [_reply(reply) for reply in replies])
        given: dict[str, Any] = {"provider": "generic", "model": "qwen3-32b", "max_retries": 0, **settings}
        made.append(Qwen(base_url=url, **given))
        return made[-1]

    yield make
    for llm in made:
        llm.close()


@pytest.fixture
def scripted_messages(qwen_sandbox: Sandbox) -> Iterator[Callable[..., Qwen]]:
    """Build a model over Messages whose replies, in the words of that protocol, are given in order, the last again
    and again."""
    made: list[Qwen] = []

    def make(*replies: Reply, **settings: Any) -> Qwen:
        url = qwen_sandbox.script_sequence(f"llamaindex-{next(_SCRIPTS)}", replies).removesuffix("/v1")
        given: dict[str, Any] = {**OVER_MESSAGES, "max_retries": 0, **settings}
        made.append(Qwen(base_url=url, api_key=SecretStr("k"), **given))
        return made[-1]

    yield make
    for llm in made:
        llm.close()


def _reply(reply: dict[str, Any] | list[dict[str, Any]] | Reply) -> Reply:
    if isinstance(reply, Reply):
        return reply
    if isinstance(reply, dict):
        return Reply(json.dumps(reply).encode())
    events = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in reply]
    return Reply(content_type="text/event-stream", chunks=[*events, b"data: [DONE]\n\n"])
