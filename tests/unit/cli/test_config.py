"""`config`: what is printed is what the endpoint's page shows, with a variable where the key would stand."""

from __future__ import annotations

import json

import pytest

from .conftest import Ask

MODEL = ["--provider", "wcode", "--model", "qwen/qwen3-235b-a22b"]


def test_opencode(ask: Ask) -> None:
    result = ask("config", "opencode", *MODEL)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "$schema": "https://opencode.ai/config.json",
        "provider": {
            "wcode": {
                "npm": "@ai-sdk/openai-compatible",
                "name": "wcode",
                "options": {"baseURL": "https://wcode.net/api/gpt/v1", "apiKey": "{env:WCODE_API_KEY}"},
                "models": {
                    "qwen/qwen3-235b-a22b": {
                        "name": "Qwen3 235B A22B",
                        "limit": {"context": 131_072, "output": 16_384},
                    }
                },
            }
        },
    }
    assert "~/.config/opencode/opencode.json" in result.stderr
    assert "WCODE_API_KEY where opencode runs; here it is not set" in result.stderr


def test_opencode_is_told_of_limits_where_they_are_known(ask: Ask) -> None:
    known = json.loads(ask("config", "opencode", "--provider", "anyfast-cn").stdout)["provider"]["anyfast-cn"]
    assert known["models"]["qwen3-32b"]["limit"]["output"] == 8192
    options = ["--provider", "generic", "--base-url", "https://llm.example.com/v1", "--model", "qwen-house"]
    unknown = json.loads(ask("config", "opencode", *options).stdout)["provider"]["generic"]
    assert unknown["models"]["qwen-house"] == {"name": "Qwen House"}


def test_what_opencode_cannot_be_told_is_said(ask: Ask) -> None:
    assert "knows `max_completion_tokens` alone" in ask("config", "opencode", "--provider", "anyfast").stderr
    assert "note:" not in ask("config", "opencode", *MODEL).stderr


def test_openclaw(ask: Ask) -> None:
    result = ask("config", "openclaw", *MODEL)
    assert json.loads(result.stdout) == {
        "models": {
            "mode": "merge",
            "providers": {
                "wcode": {
                    "baseUrl": "https://wcode.net/api/gpt/v1",
                    "apiKey": "${WCODE_API_KEY}",
                    "api": "openai-completions",
                    "models": [
                        {
                            "id": "qwen/qwen3-235b-a22b",
                            "name": "Qwen3 235B A22B",
                            "reasoning": False,
                            "input": ["text"],
                            "contextWindow": 131_072,
                            "maxTokens": 8192,
                            "compat": {"maxTokensField": "max_tokens"},
                        }
                    ],
                }
            },
        },
        "agents": {"defaults": {"model": {"primary": "wcode/qwen/qwen3-235b-a22b"}}},
    }


def test_openclaw_is_told_of_images(ask: Ask) -> None:
    result = ask("config", "openclaw", "--provider", "wcode", "--model", "qwen/qwen3-vl-32b-instruct")
    (model,) = json.loads(result.stdout)["models"]["providers"]["wcode"]["models"]
    assert (model["input"], model["name"]) == (["text", "image"], "Qwen3 VL 32B Instruct")


@pytest.mark.parametrize(
    ("provider", "spelling"),
    [
        ("anyfast", {"maxTokensField": "max_completion_tokens"}),
        ("anyfast-cn", {"maxTokensField": "max_tokens", "requiresStringContent": True}),
    ],
)
def test_openclaw_is_told_what_the_endpoint_takes(ask: Ask, provider: str, spelling: dict[str, object]) -> None:
    found = json.loads(ask("config", "openclaw", "--provider", provider).stdout)
    assert found["models"]["providers"][provider]["models"][0]["compat"] == spelling


@pytest.mark.parametrize("application", ["opencode", "openclaw"])
def test_the_key_is_never_written(ask: Ask, application: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_API_KEY", "sk-mine-4711")
    result = ask("config", application, *MODEL)
    assert "WCODE_API_KEY" in result.stdout
    assert "4711" not in result.output
    assert "not set" not in result.stderr


def test_a_variable_and_an_address_of_ones_own(ask: Ask) -> None:
    options = ["--base-url", "https://llm.example.com/v1", "--model", "qwen-house", "--key-variable", "OUR_KEY"]
    options = ["--provider", "generic", *options]
    found = json.loads(ask("config", "opencode", *options).stdout)["provider"]["generic"]
    assert found["options"] == {"baseURL": "https://llm.example.com/v1", "apiKey": "{env:OUR_KEY}"}
    assert "qwen-house" in found["models"]


def test_a_server_without_a_key(ask: Ask) -> None:
    options = ["--provider", "vllm", "--model", "Qwen/Qwen3-32B"]
    assert "apiKey" not in ask("config", "opencode", *options).stdout
    found = json.loads(ask("config", "openclaw", *options).stdout)["models"]["providers"]["vllm"]
    assert (found["apiKey"], found["baseUrl"]) == ("none", "http://localhost:8000/v1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["vim", *MODEL], "none of opencode, openclaw"),
        (["opencode"], "Which model?"),
        (["opencode", "--provider", "wcode-anthropic"], "Chat Completions alone"),
        ([], "application"),
    ],
)
def test_bad_input(ask: Ask, arguments: list[str], said: str) -> None:
    result = ask("config", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr.replace("APPLICATION", "application")
