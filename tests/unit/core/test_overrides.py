"""What a call gives wins over everything the instance says, in whatever words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from qwen_endpoints import PROVIDERS, ConfigurationError, Message, QwenClient, QwenSettings, plan_call
from qwen_endpoints.merging import leaf_paths, remove

from .support import KEY, Server, make, send

HELLO = [Message(role="user", content="Hello")]


@pytest.fixture
def sent(server: Server, client: QwenClient) -> Callable[..., Any]:
    """What a call adds to the body besides model and messages."""

    def body_of(provider: str, instance: dict[str, Any], call: dict[str, Any] | None = None) -> Any:
        send(client, make(server, provider, **instance), overrides=call)
        body = server.last.json
        del body["model"], body["messages"]
        return body

    return body_of


@pytest.mark.parametrize(
    ("provider", "instance", "call", "body"),
    [
        ("vllm", {"extra_body": {"temperature": 1, "user": "a"}}, {"temperature": 0}, {"temperature": 0, "user": "a"}),
        ("anyfast", {"extra_body": {"max_completion_tokens": 9}}, {"max_tokens": 5}, {"max_completion_tokens": 5}),
        (
            "vllm",
            {"extra_body": {"chat_template_kwargs": {"enable_thinking": False, "x": 1}}},
            {"enable_thinking": True},
            {"chat_template_kwargs": {"enable_thinking": True, "x": 1}},
        ),
        (
            "wcode",
            {"extra_body": {"reasoning": {"effort": "low"}}},
            {"reasoning_effort": "high"},
            {"reasoning": {"effort": "high"}},
        ),
        ("vllm", {"extra_body": {"user": "a"}}, {"extra_body": {"user": "b"}}, {"user": "b"}),
        ("vllm", {"temperature": 1, "extra_body": {"temperature": 2}}, {}, {"temperature": 2}),
    ],
    ids=[
        "a named setting",
        "the provider's own key",
        "one switch among template arguments",
        "a degree of reasoning",
        "extra_body itself",
        "the instance's own extra_body stays the escape hatch",
    ],
)
def test_call_wins_over_the_instances_extra_body(
    sent: Callable[..., Any], provider: str, instance: dict[str, Any], call: dict[str, Any], body: dict[str, Any]
) -> None:
    assert sent(provider, instance, call) == body


def test_another_provider_gets_neither_key_nor_address_of_the_instances_own() -> None:
    instance = QwenSettings(model="qwen3-32b", provider="vllm", api_key=KEY, base_url="https://gpu.example.com/v1")
    with pytest.raises(ConfigurationError, match="No API key for provider 'wcode'"):
        plan_call(instance, HELLO, overrides={"provider": "wcode"})
    call = plan_call(instance, HELLO, overrides={"provider": "ollama"})
    assert (call.endpoint.base_url, call.endpoint.api_key) == (PROVIDERS["ollama"].base_url, None)


def test_naming_the_same_provider_again_changes_nothing() -> None:
    instance = QwenSettings(model="qwen3-32b", provider="vllm", api_key=KEY, base_url="https://gpu.example.com/v1")
    call = plan_call(instance, HELLO, overrides={"provider": "vllm"})
    assert call.endpoint.base_url == "https://gpu.example.com/v1"
    assert call.endpoint.api_key is not None


def test_a_host_that_takes_one_degree_is_not_given_two(server: Server, client: QwenClient) -> None:
    with pytest.raises(ConfigurationError, match="either thinking_budget or reasoning_effort"):
        send(client, make(server, "openrouter", thinking_budget=100, reasoning_effort="low"))
    assert server.received == []


def test_whole_reply_that_streams_under_the_hood_still_has_its_usage(sent: Callable[..., Any]) -> None:
    body = sent("dashscope", {"stream_usage": False, "model": "qwen3-32b"})
    assert body == {"stream": True, "stream_options": {"include_usage": True}}


def test_empty_stop_sequences_are_unset(sent: Callable[..., Any]) -> None:
    assert sent("vllm", {"stop": ""}) == {}
    assert sent("vllm", {"stop": ["", "END"]}) == {"stop": ["END"]}


def test_removing_a_path_leaves_no_empty_objects() -> None:
    tree: dict[str, Any] = {"a": {"b": {"c": 1}}, "d": 2}
    assert list(leaf_paths(tree)) == [("a", "b", "c"), ("d",)]
    remove(tree, ("a", "x"))
    remove(tree, ("a", "b", "c"))
    assert tree == {"d": 2}
