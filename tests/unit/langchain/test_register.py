"""`init_chat_model("qwen:...")` after `register()`, and the profile by which agents choose."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import langchain_qwen
import pytest
from langchain_qwen import ChatQwen, ConfigurationError
from qwen_endpoints import PROVIDERS, ModelOffer

from tests.unit.langchain.conftest import ENDPOINTS, Chats

base: Any = pytest.importorskip("langchain.chat_models.base", reason="langchain needs a newer langchain-core")


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_BUILTIN_PROVIDERS", dict(base._BUILTIN_PROVIDERS))
    base._get_chat_model_creator.cache_clear()
    langchain_qwen.register()
    langchain_qwen.register()


def test_nothing_is_registered_unasked() -> None:
    code = "import sys, langchain_qwen, langchain.chat_models.base as b; sys.exit('qwen' in b._BUILTIN_PROVIDERS)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code


@pytest.mark.usefixtures("registered")
def test_a_model_by_name(chats: Chats) -> None:
    place: dict[str, Any] = {"base_url": chats.sandbox.base_url("anyfast"), "api_key": chats.sandbox.api_key}
    llm = base.init_chat_model("qwen:qwen3.6-flash", provider="anyfast", temperature=0.5, **place)
    assert isinstance(llm, ChatQwen)
    assert llm.invoke("hi").text
    assert (chats.body["model"], chats.body["temperature"]) == ("qwen3.6-flash", 0.5)
    again = base.init_chat_model("qwen3.6-flash", model_provider="qwen", provider="anyfast", **place)
    assert isinstance(again, ChatQwen)
    later = base.init_chat_model(model_provider="qwen", configurable_fields="any", provider="anyfast", **place)
    assert later.invoke("hi", config={"configurable": {"model": "qwen3.6-flash"}}).text


def test_a_langchain_without_the_table_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(base, "_BUILTIN_PROVIDERS")
    with pytest.raises(ConfigurationError, match="build ChatQwen"):
        langchain_qwen.register()


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (
            "cn",
            {"max_input_tokens": 131_072, "tool_calling": True, "reasoning_output": True, "structured_output": None},
        ),
        ("flash", {"max_input_tokens": 1_000_000, "image_inputs": True, "structured_output": True}),
        ("text", {"max_input_tokens": 131_072, "image_inputs": False, "structured_output": False}),
        ("vision", {"image_inputs": True, "reasoning_output": False, "structured_output": True}),
        ("messages", {"tool_calling": True, "reasoning_output": True, "structured_output": False}),
    ],
)
def test_the_profile_of_each_endpoint(chats: Chats, endpoint: str, expected: dict[str, Any]) -> None:
    profile: Any = chats.at(endpoint).profile
    assert {name: profile.get(name) for name in expected} == expected
    assert profile["name"] == ENDPOINTS[endpoint][1].rpartition("/")[2]


def test_a_schema_is_not_promised_where_reasoning_excludes_it() -> None:
    model = "qwen3-235b-a22b-thinking-2507"
    row = replace(PROVIDERS["dashscope"], models={model: ModelOffer(profile={"json_schema": True})})
    profile: Any = ChatQwen(model=model, provider=row).profile
    assert profile["structured_output"] is False
    free = replace(row, dialect=replace(row.dialect, thinking_excludes=frozenset()))
    profile = ChatQwen(model=model, provider=free).profile
    assert profile["structured_output"] is True


def test_a_profile_of_ones_own_wins() -> None:
    llm = ChatQwen(model="qwen3.6-flash", provider="anyfast", profile={"structured_output": False})
    assert llm.profile == {"structured_output": False}
