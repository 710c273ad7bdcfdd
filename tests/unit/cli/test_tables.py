"""`models` and `providers`: what is shown is what the tables say."""

from __future__ import annotations

import json
import re

import pytest
from qwen_endpoints import PROVIDERS, catalogue

from .conftest import Ask


def test_every_provider_is_listed(ask: Ask) -> None:
    lines = ask("providers").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(PROVIDERS)
    assert all(row.base_url in line for row, line in zip(PROVIDERS.values(), lines[1:], strict=True))


def test_a_key_is_known_to_be_set_and_not_shown(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_API_KEY", "sk-mine-4711")
    result = ask("providers")
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert "WCODE_API_KEY (set)" in lines["wcode"]
    assert "ANYFAST_API_KEY (not set)" in lines["anyfast"]
    assert "none needed" in lines["vllm"]
    assert "4711" not in result.output
    found = {row["provider"]: row for row in json.loads(ask("providers", "--json").stdout)}
    assert (found["wcode"]["key_set"], found["anyfast"]["key_set"], found["vllm"]["key_set"]) == (True, False, None)
    assert found["wcode-anthropic"]["protocol"] == "messages"


def test_models_of_one_provider(ask: Ask) -> None:
    result = ask("models", "--provider", "wcode")
    head, text, vision = result.stdout.splitlines()
    assert head.split()[:3] == ["model", "context", "output"]
    cells = ["qwen/qwen3-235b-a22b", "131,072", "16,384", "text", "on, can be off", "yes", "2.5 / 6.75 CNY"]
    assert re.split(r"  +", text) == cells
    assert "text image video" in vision
    assert "https://wcode.net/" in result.stderr


def test_models_as_json(ask: Ask) -> None:
    found = json.loads(ask("models", "--provider", "wcode", "--json").stdout)
    assert [row["model"] for row in found] == ["qwen/qwen3-235b-a22b", "qwen/qwen3-vl-32b-instruct"]
    assert found[0]["price"] == {
        "input": 2.5,
        "output": 6.75,
        "cached_input": None,
        "currency": "CNY",
        "source": "https://wcode.net/model/qwen3-235b-a22b",
        "checked": "2026-11-21",
    }
    assert found[1]["inputs"] == ["image", "text", "video"]


def test_all_models_are_the_rows_own_and_the_catalogue(ask: Ask) -> None:
    found = json.loads(ask("models", "--json").stdout)
    own = [(row["model"], *row["at"]) for row in found if len(row["at"]) == 1]
    assert ("qwen3.6-flash", "anyfast") in own
    whole = {row["model"] for row in found if row["at"] == ["dashscope", "dashscope-intl", "openrouter"]}
    assert whole == {profile.id for profile in catalogue().profiles.values()}
    assert "At openrouter, ids begin with qwen/" in ask("models").stderr


def test_ids_are_as_the_provider_spells_them(ask: Ask) -> None:
    found = json.loads(ask("models", "--provider", "openrouter", "--json").stdout)
    assert all(row["model"].startswith("qwen/") for row in found)


def test_a_server_of_ones_own_shows_the_catalogue(ask: Ask) -> None:
    result = ask("models", "--provider", "generic")
    assert result.exit_code == 0
    assert "qwen3-32b" in result.stdout
    assert "whatever is served there" in result.stderr


def test_an_unknown_provider(ask: Ask) -> None:
    result = ask("models", "--provider", "wcod")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Did you mean 'wcode'?" in result.stderr
    assert "Provider(...)" not in result.stderr
