"""Where a key may go, and which addresses are understood."""

from __future__ import annotations

from typing import Any

import pytest
from qwen_endpoints import ConfigurationError, QwenSettings, plan_call, resolve

from .support import KEY, user


def settings(**given: Any) -> QwenSettings:
    values: dict[str, Any] = {"model": "qwen3-32b", **given}
    return QwenSettings(**values)


def error_of(**given: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        resolve(settings(**given))
    return str(caught.value)


PRIVATE = [
    "localhost", "127.0.0.1", "127.8.8.8", "[::1]", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.1.1", "[fd00::1]",
    "[fe80::1%25eth0]", "[::ffff:10.0.0.1]", "vllm", "gpu1.local", "llm.internal", "host.docker.internal", "a.lan",
        "VLLM",
    "gpu1.local.", "2130706433", "0x7f.1", "0177.0.0.1", "0.0.0.0",
]  # fmt: skip
PUBLIC = [
    "example.com", "8.8.8.8", "[2001:4860:4860::8888]", "[::ffff:8.8.8.8]", "134744072", "0x8080808", "010.8.8.8",
    "8.8.2056", "local.example.com", "localhost.example.com", "10.0.0.1.example.com", "internal.com", "example.com.",
    "8\u30028\u30028\u30028", "example\u3002com", "127.0.0.1%2eexample.com", "172.32.0.1", "11.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_a_key_may_go_in_clear_text_to_a_private_host(host: str) -> None:
    assert resolve(settings(provider="vllm", api_key=KEY, base_url=f"http://{host}:8000/v1")).api_key is not None


@pytest.mark.parametrize("host", PUBLIC)
def test_a_key_may_not_go_in_clear_text_to_a_public_host(host: str) -> None:
    given: dict[str, Any] = {"provider": "vllm", "base_url": f"http://{host}/v1"}
    message = error_of(api_key=KEY, **given)
    assert "clear text" in message
    assert "allow_insecure" in message
    assert KEY not in message
    assert resolve(settings(api_key=KEY, allow_insecure=True, **given)).api_key is not None
    assert resolve(settings(**given)).api_key is None
    assert "clear text" in error_of(default_headers={"Authorization": "Bearer x"}, **given)
    with pytest.raises(ConfigurationError, match="clear text"):
        plan_call(settings(**given), [user()], overrides={"extra_headers": {"X-Api-Key": "x"}})


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://a.example/v1", "https://a.example/v1"),
        ("https://a.example/v1/", "https://a.example/v1"),
        ("https://a.example/v1/chat/completions", "https://a.example/v1"),
        (" https://a.example/v1/chat/completions/ ", "https://a.example/v1"),
    ],
)
def test_the_full_route_is_accepted_as_an_address(url: str, sent: str) -> None:
    assert resolve(settings(base_url=url)).base_url == sent


@pytest.mark.parametrize(
    "url",
    ["example.com/v1", "ftp://a/v1", "https://", "file:///x", "http://[::1/v1", "http://a:b/v1", "http://a:99999/v1"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    assert "is not an http:// or https:// address" in error_of(base_url=url)
    assert "is not an http:// or https:// address" in error_of(provider="vllm", base_url=url)


def test_generic_has_no_address_of_its_own() -> None:
    assert "pass base_url" in error_of(provider="generic")


@pytest.mark.parametrize(
    ("url", "place"),
    [("http://me:hunter2@vllm:8000/v1", "default_headers"), ("http://vllm:8000/v1?key=hunter2", "default_query")],
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(url: str, place: str) -> None:
    message = error_of(provider="vllm", base_url=url)
    assert place in message
    assert "hunter2" not in message


def test_a_user_is_not_taken_for_a_host() -> None:
    assert "generic" in error_of(base_url="https://wcode.net@example.org/v1")
