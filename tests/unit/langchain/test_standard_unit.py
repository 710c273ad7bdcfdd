"""LangChain's own unit tests for chat models."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_qwen import ChatQwen
from typing_extensions import override

pytest.importorskip("langchain_tests", reason="langchain-tests needs a newer langchain-core")

from langchain_tests.unit_tests import ChatModelUnitTests


class TestChatQwenUnit(ChatModelUnitTests):
    @property
    @override
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatQwen

    @property
    @override
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "qwen3.6-flash", "provider": "anyfast", "api_key": "test"}

    @property
    @override
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return (
            {"QWEN_PROVIDER": "anyfast", "ANYFAST_API_KEY": "key-of-the-environment"},
            {"model": "qwen3.6-flash"},
            # The key stays in the environment until a call needs it: it may be set after the model is built.
            {"model": "qwen3.6-flash", "api_key": None},
        )

    @pytest.mark.xfail(
        reason="The test loads by `allowed_objects='all'`, langchain-core's own list of classes, which no other "
        "package can join. `test_serialized.py` makes the round trip with the class named."
    )
    @override
    def test_serdes(self, model: BaseChatModel, snapshot: Any) -> None:
        super().test_serdes(model, snapshot)


class TestTextThinkingUnit(TestChatQwenUnit):
    @property
    @override
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "qwen/qwen3-235b-a22b", "provider": "wcode", "api_key": "test", "enable_thinking": True}


class TestTextUnit(TestChatQwenUnit):
    @property
    @override
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "qwen3-32b", "provider": "anyfast-cn", "api_key": "test", "enable_thinking": False}


class TestVisionUnit(TestChatQwenUnit):
    @property
    @override
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "qwen/qwen3-vl-32b-instruct", "provider": "wcode", "api_key": "test"}
