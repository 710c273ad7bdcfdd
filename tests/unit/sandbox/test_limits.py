"""Stop sequences, token limits, log probabilities, usage and failures on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qwen_sandbox.tokens import count_tokens, split_tokens

if TYPE_CHECKING:
    from conftest import Api

ENDPOINTS = ("cn", "flash", "text", "vision")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=60), st.integers(0, 30))
def test_tokens_join_to_the_text_and_prefixes_count(text: str, count: int) -> None:
    tokens = split_tokens(text)
    assert "".join(tokens) == text
    assert count_tokens("".join(tokens[:count])) == min(count, len(tokens))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_stop_sequence_is_cut_off(api: Api, endpoint: str) -> None:
    choice = api.reply(endpoint, "Count from 1 to 9", stop=[" 7", " 4"])["choices"][0]
    assert choice["message"]["content"] == "1, 2, 3,"
    assert choice["finish_reason"] == "stop"


def test_stop_as_a_string_where_the_page_allows_it(api: Api) -> None:
    assert api.text("cn", "Count from 1 to 9", stop=", 3") == "1, 2"


@pytest.mark.parametrize(("endpoint", "field"), [("cn", "max_tokens"), ("flash", "max_completion_tokens")])
def test_limit_cuts_the_text(api: Api, endpoint: str, field: str) -> None:
    reply = api.reply(endpoint, "Count from 1 to 90", **{field: 5})
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["completion_tokens"] == 5


def test_reasoning_uses_the_budget_first(api: Api) -> None:
    reply = api.reply("text", "hello", max_tokens=4)
    message = reply["choices"][0]["message"]
    assert message["content"] == ""
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["completion_tokens_details"]["reasoning_tokens"] == 4


def test_effort_leaves_a_share_to_the_answer(api: Api) -> None:
    shares = {
        effort: api.reply("text", "Count from 1 to 90", max_tokens=20, reasoning={"effort": effort})["usage"][
            "completion_tokens_details"
        ]["reasoning_tokens"]
        for effort in ("xhigh", "high", "medium", "low", "minimal")
    }
    assert shares == {"xhigh": 19, "high": 16, "medium": 10, "low": 4, "minimal": 2}


def test_limit_cuts_arguments_in_the_middle(api: Api, weather: list[Any]) -> None:
    choice = api.reply("flash", "weather in Paris", tools=weather, max_completion_tokens=5)["choices"][0]
    arguments = choice["message"]["tool_calls"][0]["function"]["arguments"]
    assert choice["finish_reason"] == "length"
    assert arguments
    assert not arguments.endswith("}")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_usage_adds_up(api: Api, endpoint: str) -> None:
    usage = api.reply(endpoint, "Tell me a story", n=2)["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_usage_details_by_model(api: Api) -> None:
    assert "prompt_tokens_details" not in api.reply("cn", "hi")["usage"]
    assert set(api.reply("flash", "hi")["usage"]["prompt_tokens_details"]) == {
        "cached_tokens",
        "text_tokens",
        "image_tokens",
        "video_tokens",
    }
    assert api.reply("text", "hi")["usage"]["prompt_tokens_details"] is None
    assert api.reply("vision", "hi")["usage"]["prompt_tokens_details"] == {"cached_tokens": 0}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_logprobs(api: Api, endpoint: str) -> None:
    choice = api.reply(endpoint, "Say 天 hello world", logprobs=True, top_logprobs=20)["choices"][0]
    entries = choice["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == choice["message"]["content"]
    for entry in entries:
        assert bytes(entry["bytes"]).decode() == entry["token"]
        assert entry["logprob"] <= 0
        assert len(entry["top_logprobs"]) == 20
        assert entry["top_logprobs"][0]["token"] == entry["token"]
        scores = [rival["logprob"] for rival in entry["top_logprobs"]]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 413, 429, 500, 502, 503, 504, 529])
def test_fault_by_header(api: Api, endpoint: str, status: int) -> None:
    response = api.post(endpoint, "hi", headers={"x-sandbox-fault": str(status)})
    assert response.status_code == status
    assert response.json()["error"]["message"]
    assert ("retry-after" in response.headers) == (status in {429, 503})


def test_fault_by_token_in_the_prompt(api: Api) -> None:
    assert api.post("text", "please [[sandbox:429]] now").status_code == 429


def test_fault_for_the_first_requests_only(api: Api) -> None:
    statuses = [api.post("cn", "hi", headers={"x-sandbox-fault": "503*2#count"}).status_code for _ in range(4)]
    assert statuses == [503, 503, 200, 200]
    api.sandbox.clear()
    assert api.post("cn", "hi", headers={"x-sandbox-fault": "503*2#count"}).status_code == 503


@pytest.mark.parametrize("token", ["418", "nonsense", "429*", "429*x"])
def test_unknown_fault_is_told(api: Api, token: str) -> None:
    response = api.post("cn", "hi", headers={"x-sandbox-fault": token})
    assert response.status_code == 400
    assert "unknown sandbox fault" in response.json()["error"]["message"]


@pytest.mark.parametrize("reason", ["content_filter", "length"])
def test_finish_on_demand(api: Api, reason: str) -> None:
    whole = api.text("flash", "Tell me a story")
    choice = api.reply("flash", f"Tell me a story [[sandbox:{reason}]]")["choices"][0]
    assert choice["finish_reason"] == reason
    assert 0 < len(choice["message"]["content"]) < len(whole)
    assert whole.startswith(choice["message"]["content"])
