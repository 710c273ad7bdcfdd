"""`check`: what each thing that may be wrong looks like."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from qwen_endpoints import errors
from qwen_endpoints.connections import forget
from qwen_sandbox import Reply, Sandbox

from .conftest import GATEWAYS, Ask

At = Callable[[str], list[str]]
ALL = ["key", "proxy", "address", "clock", "access", "model", "call", "thinking", "tools"]
CLOSED = "http://127.0.0.1:9"


def states(result: Any) -> dict[str, str]:
    return {line.split()[1]: line.split()[0] for line in result.stdout.splitlines()[1:] if "→" not in line}


def fixes(result: Any) -> list[str]:
    return [line.strip(" →") for line in result.stdout.splitlines() if "→" in line]


@pytest.mark.parametrize("name", GATEWAYS)
def test_a_good_endpoint(ask: Ask, at: At, name: str) -> None:
    result = ask("check", *at(name))
    listed = "skip" if name == "wcode-anthropic" else "ok"
    assert states(result) == dict.fromkeys(ALL, "ok") | {"model": listed}
    assert (result.exit_code, fixes(result)) == (0, [])
    assert 'get_weather({"city": "Paris"})' in result.stdout


def test_a_model_that_does_not_think(ask: Ask, at: At) -> None:
    result = ask("check", *at("wcode"), "--model", "qwen/qwen3-vl-32b-instruct")
    assert states(result) == dict.fromkeys(ALL, "ok") | {"thinking": "skip"}
    assert result.exit_code == 0


def test_no_key(ask: Ask, at: At, qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    options = at("anyfast")
    monkeypatch.delenv("ANYFAST_API_KEY")
    result = ask("check", *options)
    assert result.exit_code == 1
    assert states(result) == dict.fromkeys(ALL, "skip") | {"key": "FAIL", "proxy": "ok"}
    assert fixes(result) == ["Set ANYFAST_API_KEY. Keys are made at https://www.anyfast.ai."]
    assert qwen_sandbox.requests == []


def test_a_wrong_key(ask: Ask, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    options = at("anyfast")
    monkeypatch.setenv("ANYFAST_API_KEY", "sk-mine-4711")
    result = ask("check", *options)
    assert result.exit_code == 1
    assert states(result) == dict.fromkeys(ALL[5:], "skip") | dict.fromkeys(ALL[:4], "ok") | {"access": "FAIL"}
    assert fixes(result) == ["Use a key of this very provider, whole and not expired."]
    assert "4711" not in result.output


def test_nobody_there(ask: Ask, at: At) -> None:
    result = ask("check", *at("anyfast"), "--base-url", f"{CLOSED}/v1")
    assert result.exit_code == 1
    assert (states(result)["address"], states(result)["call"]) == ("FAIL", "skip")
    assert "See that the server runs" in fixes(result)[0]


def test_a_wrong_path(ask: Ask, at: At, qwen_sandbox: Sandbox) -> None:
    result = ask("check", *at("anyfast"), "--base-url", f"{qwen_sandbox.url}/nowhere/v1")
    assert result.exit_code == 1
    assert states(result) == dict.fromkeys(ALL, "ok") | {
        "model": "skip",
        "call": "FAIL",
        "thinking": "skip",
        "tools": "skip",
    }
    assert "See that --base-url is right" in fixes(result)[0]


def test_a_model_that_is_not_there(ask: Ask, at: At) -> None:
    result = ask("check", *at("anyfast"), "--model", "qwen3.6-flsh")
    assert result.exit_code == 1
    assert (states(result)["model"], states(result)["call"]) == ("warn", "FAIL")
    assert fixes(result)[0] == "Pass --model: qwen3.6-flash"


def plain(text: str = "ok") -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return Reply(json.dumps({"id": "1", "choices": [choice]}).encode())


def test_a_server_without_thinking_and_tools(ask: Ask, at: At, qwen_sandbox: Sandbox) -> None:
    url = qwen_sandbox.script_sequence("plain", [plain()])
    result = ask("check", *at("wcode"), "--base-url", url)
    assert result.exit_code == 1
    found = states(result)
    assert (found["call"], found["thinking"], found["tools"]) == ("ok", "FAIL", "FAIL")
    assert "reasoning parser" in fixes(result)[0]
    assert "tool calling" in fixes(result)[1]


def test_an_empty_answer(ask: Ask, at: At, qwen_sandbox: Sandbox) -> None:
    url = qwen_sandbox.script_sequence("empty", [plain("")])
    assert states(ask("check", *at("wcode"), "--base-url", url))["call"] == "FAIL"


def test_a_broken_tool_call(ask: Ask, at: At, qwen_sandbox: Sandbox) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": '}}
    message = {"role": "assistant", "content": "", "reasoning_content": "Hm.", "tool_calls": [call]}
    broken = Reply(json.dumps({"choices": [{"message": message, "finish_reason": "tool_calls"}]}).encode())
    url = qwen_sandbox.script_sequence("broken", [plain(), plain(), broken])
    result = ask("check", *at("wcode"), "--base-url", url)
    assert states(result)["tools"] == "FAIL"
    assert "a broken call" in result.stdout


@pytest.mark.parametrize(("ahead", "way"), [(3600, "ahead"), (-3600, "behind")])
def test_a_wrong_clock(ask: Ask, at: At, monkeypatch: pytest.MonkeyPatch, ahead: int, way: str) -> None:
    shifted = SimpleNamespace(time=lambda: time.time() + ahead)
    monkeypatch.setattr("qwen_endpoints.listing.time", shifted)
    result = ask("check", *at("anyfast"))
    assert result.exit_code == 1
    assert states(result)["clock"] == "FAIL"
    assert f"s {way}" in result.stdout


def test_a_clock_is_looked_at_in_refusals_too(ask: Ask, at: At, qwen_sandbox: Sandbox) -> None:
    url = f"{qwen_sandbox.url}/nowhere/v1"
    assert "within 300 s" in ask("check", *at("anyfast"), "--base-url", url).stdout


def test_a_proxy_before_a_private_address(ask: Ask, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    options = at("anyfast")
    forget()  # a connection keeps the proxy that it was made with
    monkeypatch.setenv("HTTP_PROXY", "http://user:pass4711@127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://user:pass4711@127.0.0.1:9")
    result = ask("check", *options)
    assert (states(result)["proxy"], states(result)["address"]) == ("warn", "FAIL")
    assert "http://127.0.0.1:9 is used" in result.stdout
    assert "to NO_PROXY" in fixes(result)[0]
    assert "pass4711" not in result.output
    forget()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    result = ask("check", *options)
    assert (result.exit_code, states(result)["proxy"]) == (0, "ok")


def test_as_json(ask: Ask, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    options = at("anyfast")
    found = json.loads(ask("check", *options, "--json").stdout)
    assert [row["check"] for row in found] == ALL
    assert {row["state"] for row in found} == {"ok"}
    monkeypatch.delenv("ANYFAST_API_KEY")
    result = ask("check", *options, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)[0]["state"] == "fail"


@pytest.mark.parametrize("options", [["--provider", "wcod"], [], ["--provider", "generic", "--model", "x"]])
def test_bad_input(ask: Ask, options: list[str]) -> None:
    result = ask("check", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")


def test_every_kind_of_error_has_a_fix() -> None:
    from qwen_endpoints.cli.checks import FIXES  # noqa: PLC0415 - an extra

    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.QwenError)}
    inherited = {errors.QwenError, errors.ContextOverflowError, errors.BudgetExceededError}
    assert kinds - inherited == set(FIXES)
