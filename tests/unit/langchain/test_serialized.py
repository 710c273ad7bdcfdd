"""A model in files, traces and cache keys: everything that tells it from another, and never a secret."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps, load, loads
from langchain_qwen import ChatQwen
from qwen_endpoints import PROVIDERS
from typing_extensions import override

from tests.unit.langchain.conftest import Chats

# LangChain says so of `load` and `loads`.
pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta")

SETTINGS: dict[str, Any] = {
    "model": "qwen3.6-flash",
    "provider": "anyfast",
    "base_url": "http://localhost:1/v1",
    "temperature": 0.0,
    "max_tokens": 5,
    "stop": ["x"],
    "enable_thinking": False,
    "stream_idle_timeout": 3,
    "extra_body": {"a": {"b": [1]}},
    "streaming": True,
    "output_version": "v1",
}
SECRET: dict[str, Any] = {
    "api_key": "sk-4711",
    "default_headers": {"x-token": "token-4711"},
    "default_query": {"key": "query-4711"},
}
FROM: dict[str, Any] = {"allowed_objects": [ChatQwen], "valid_namespaces": ["langchain_qwen"]}
VALUES: dict[str, Any] = {
    "ANYFAST_API_KEY": SECRET["api_key"],
    "QWEN_DEFAULT_HEADERS": SECRET["default_headers"],
    "QWEN_DEFAULT_QUERY": SECRET["default_query"],
}


def values(llm: ChatQwen) -> dict[str, Any]:
    return {name: getattr(llm, name) for name in {**SETTINGS, **SECRET, "profile": None, "max_retries": None}}


def test_a_saved_model_comes_back() -> None:
    llm = ChatQwen(**SETTINGS, **SECRET)
    saved = dumps(llm)
    assert "4711" not in saved
    for back in (
        loads(saved, **FROM, secrets_map=VALUES),
        load(json.loads(saved), **FROM, secrets_map=VALUES),
    ):
        assert values(back) == values(llm)
        assert back.asdict() == llm.asdict()
        assert dumps(back) == saved
    assert json.loads(saved)["id"] == ["langchain_qwen", "chat_models", "ChatQwen"]


def test_the_key_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYFAST_API_KEY", "sk-of-the-environment")
    back = load(dumpd(ChatQwen(model="qwen3.6-flash", provider="anyfast", **SECRET)), **FROM, secrets_from_env=True)
    assert back.api_key.get_secret_value() == "sk-of-the-environment"
    assert back.default_headers is None


def test_a_saved_model_without_secrets_speaks_to_the_endpoint(chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYFAST_API_KEY", chats.sandbox.api_key)
    saved = dumps(ChatQwen(model="qwen3.6-flash", base_url=chats.sandbox.base_url("anyfast"), provider="anyfast"))
    assert "api_key" not in saved
    back = loads(saved, **FROM)
    assert back.invoke("hi").text
    back.close()


def test_the_name_of_the_secret_is_the_providers_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ChatQwen(model="m/q", provider="wcode", profile={}).lc_secrets["api_key"] == "WCODE_API_KEY"
    assert ChatQwen(model="qwen3-8b", provider="vllm", base_url="http://x/v1").lc_secrets["api_key"] == "QWEN_API_KEY"
    undecided = ChatQwen(model="qwen3.6-flash", **SECRET)
    assert undecided.lc_secrets["api_key"] == "QWEN_API_KEY"
    assert "4711" not in dumps(undecided)
    monkeypatch.setenv("QWEN_PROVIDER", "anyfast")
    assert undecided.lc_secrets["api_key"] == "ANYFAST_API_KEY"


def test_a_provider_of_ones_own_is_shown_and_not_brought_back() -> None:
    own = dataclasses.replace(PROVIDERS["generic"], name="mine")
    saved = dumps(ChatQwen(model="qwen3-8b", provider=own, base_url="http://x/v1", **SECRET))
    assert "name='mine'" in saved
    assert "4711" not in saved
    with pytest.raises(NotImplementedError, match="doesn't implement serialization"):
        loads(saved, **FROM)


class _Tracer(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    @override
    def on_chat_model_start(self, serialized: dict[str, Any], messages: Any, **kwargs: Any) -> None:
        self.seen += [serialized, kwargs]


def test_a_trace_shows_the_settings_and_no_secret(chats: Chats) -> None:
    tracer = _Tracer()
    llm = chats.at("flash", temperature=0.5, default_headers=SECRET["default_headers"])
    llm.invoke("hi", config={"callbacks": [tracer]}, model_name="qwen3.6-flash", max_tokens=7)
    serialized, kwargs = tracer.seen
    assert serialized["kwargs"]["temperature"] == 0.5
    assert serialized["kwargs"]["base_url"] == llm.base_url
    assert serialized["kwargs"]["api_key"] == {"lc": 1, "type": "secret", "id": ["ANYFAST_API_KEY"]}
    assert kwargs["metadata"]["ls_model_name"] == "qwen3.6-flash"
    assert kwargs["metadata"]["ls_provider"] == "qwen"
    assert kwargs["invocation_params"]["base_url"] == llm.base_url
    shown = json.dumps(tracer.seen, default=str)
    assert "4711" not in shown
    assert chats.sandbox.api_key not in shown


@pytest.mark.parametrize("name", ["model", "model_name"])
def test_a_call_of_another_model_is_traced_as_such(name: str) -> None:
    llm: Any = ChatQwen(**SETTINGS)
    params = llm._get_ls_params(**{name: "other"})
    assert params.get("ls_model_name") == "other"
    assert params.get("ls_temperature") == 0.0
    assert params.get("ls_max_tokens") == 5


def test_cache_keys_tell_endpoints_apart() -> None:
    """LangChain's cache key is the saved form: other base URLs, providers and settings are other keys."""
    variants: list[dict[str, Any]] = [
        {},
        {"base_url": "http://localhost:2/v1"},
        {"provider": "wcode"},
        {"temperature": 1.0},
        {"top_k": 3},
    ]
    models: list[Any] = [ChatQwen(**{**SETTINGS, **variant}) for variant in variants]
    keys = {llm._get_llm_string() for llm in models}
    assert len(keys) == len(variants)
    assert not any("4711" in key for key in keys)
