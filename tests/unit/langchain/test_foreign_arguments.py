"""Arguments of LangChain's other chat models: users bring them along when they change classes."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_qwen import ChatQwen, ConfigurationError

from tests.unit.langchain.conftest import Chats


@pytest.mark.parametrize(
    ("argument", "advice"),
    [
        ({"openai_api_key": "sk-secret"}, "it is api_key here"),
        ({"dashscope_api_key": "sk-secret"}, "it is api_key here"),
        ({"openai_api_base": "http://localhost:1/v1"}, "it is base_url here"),
        ({"request_timeout": 5.0}, "it is timeout here"),
        ({"http_async_client": None}, "it is async_http_client here"),
        ({"model_kwargs": {"top_k": 5}}, "extra_body"),
        ({"use_responses_api": False}, "leave this out"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
)
def test_arguments_of_other_models_are_named(chats: Chats, argument: dict[str, Any], advice: str) -> None:
    """Neither sent to an endpoint that would refuse them, nor, if they are keys, shown in dumps and traces."""
    (name,) = argument
    with pytest.raises(ConfigurationError, match=f"ChatQwen has no argument '{name}'.*{advice}") as refused:
        ChatQwen(model="qwen3.6-flash", provider="anyfast", **argument)
    assert "sk-secret" not in str(refused.value)
    with pytest.raises(ConfigurationError, match=advice):
        chats.at("flash").invoke("hi", **argument)
    assert chats.sandbox.requests == []
