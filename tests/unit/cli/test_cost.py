"""`cost`: the tokens that the core counts, at the prices of the tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from qwen_endpoints import ChatRequest, Message, catalogue, count_prompt_tokens
from qwen_sandbox import Sandbox

from .conftest import Ask

PROFILE = catalogue().profiles["qwen3-235b-a22b"]


@pytest.fixture
def prompt(tmp_path: Path) -> str:
    path = tmp_path / "prompt.txt"
    path.write_text("Why is the sky blue? " * 100, encoding="utf-8")
    return str(path)


def test_every_provider_that_has_the_model(ask: Ask, prompt: str, qwen_sandbox: Sandbox) -> None:
    found = json.loads(ask("cost", prompt, "--model", "qwen3-235b-a22b", "--json").stdout)
    assert [(row["provider"], row["model"]) for row in found] == [
        ("wcode", "qwen/qwen3-235b-a22b"),
        ("wcode-anthropic", "qwen/qwen3-235b-a22b"),
        ("dashscope", "qwen3-235b-a22b"),
        ("dashscope-intl", "qwen3-235b-a22b"),
        ("openrouter", "qwen/qwen3-235b-a22b"),
    ]
    assert qwen_sandbox.requests == []


def test_tokens_and_cost(ask: Ask, prompt: str) -> None:
    options = ["--model", "qwen/qwen3-235b-a22b", "--provider", "wcode", "--output-tokens", "1000"]
    (found,) = json.loads(ask("cost", prompt, *options, "--json").stdout)
    request = ChatRequest(messages=[Message(role="user", content=Path(prompt).read_text("utf-8"))])
    tokens = count_prompt_tokens(request, PROFILE)
    assert (found["input_tokens"], found["output_tokens"]) == (tokens, 1000)
    assert found["cost"]["amount"] == pytest.approx((tokens * 2.5 + 1000 * 6.75) / 1e6)
    assert found["cost"]["checked"] == "2026-11-21"
    row = ask("cost", prompt, *options).stdout.splitlines()[1]
    assert f"{found['cost']['amount']:.6f} CNY" in row
    assert f"{(tokens + 1000) / 131_072:.1%} of 131,072" in row


def test_a_list_of_messages(ask: Ask, tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What time is it?"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "noon"},
    ]
    path = tmp_path / "messages.json"
    path.write_text(json.dumps(messages), encoding="utf-8")
    options = ["--model", "qwen3-235b-a22b", "--provider", "dashscope", "--json"]
    (found,) = json.loads(ask("cost", str(path), *options).stdout)
    (flat,) = json.loads(ask("cost", "-", *options, stdin="What time is it?").stdout)
    assert 20 < found["input_tokens"] - flat["input_tokens"] < 60
    assert found["cost"] is None


@pytest.mark.parametrize("text", ['["a", "b"]', '{"role": "user"}', "[1", "12"])
def test_other_json_is_text(ask: Ask, text: str) -> None:
    (found,) = json.loads(ask("cost", "-", "-m", "qwen3-32b", "-p", "anyfast-cn", "--json", stdin=text).stdout)
    assert found["input_tokens"] > 0


def test_a_provider_that_is_named_need_not_list_the_model(ask: Ask) -> None:
    (found,) = json.loads(ask("cost", "-", "-m", "house-model", "-p", "vllm", "--json", stdin="Hello").stdout)
    assert (found["provider"], found["model"], found["cost"]) == ("vllm", "house-model", None)
    assert found["input_tokens"] > 0


def test_stdin_and_footnotes(ask: Ask) -> None:
    result = ask("cost", "-", "--model", "qwen3.6-flash", "--provider", "anyfast", stdin="Hello")
    assert result.exit_code == 0
    assert "unknown" in result.stdout
    assert "publishes no price" in result.stderr
    assert "--output-tokens" in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"role": "robot", "content": "x"}]', "Message 1 has the role 'robot'"),
        ('[{"role": "user", "content": "x"}, {"role": "user", "content": 1}]', "message 2"),
        ('[{"role": "assistant", "tool_calls": [1]}]', "names no function"),
    ],
)
def test_broken_messages(ask: Ask, text: str, said: str) -> None:
    result = ask("cost", "-", "--model", "qwen3-32b", stdin=text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/nowhere.txt", "--model", "qwen3-32b"], "Cannot read /nowhere.txt"),
        (["-", "--model", "llama"], "No provider is known to offer 'llama'"),
        (["-"], "Which model?"),
        (["-", "--model", "qwen3-32b", "--provider", "wcod"], "Did you mean 'wcode'?"),
        (["-", "--model", "qwen3-32b", "--output-tokens", "-1"], "output-tokens"),
        ([], "file"),
    ],
)
def test_bad_input(ask: Ask, arguments: list[str], said: str) -> None:
    result = ask("cost", *arguments, stdin="Hello")
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr.replace("FILE", "file")
