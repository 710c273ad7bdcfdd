"""`chat`, over a real socket to the sandbox."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from qwen_sandbox import Sandbox

from .conftest import Ask

At = Callable[[str], list[str]]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_the_answer_alone_goes_to_stdout(ask: Ask, at: At) -> None:
    result = ask("chat", "What is 12 times 7?", *at("wcode"), "--thinking")
    assert result.exit_code == 0
    assert result.stdout == "12 * 7 = 84\n"
    thought, facts = result.stderr.splitlines()
    assert thought.startswith("thinking: The user writes")
    assert facts == (
        "qwen/qwen3-235b-a22b at wcode · tokens 9 in, 40 out (33 thinking) · cost 0.000293 CNY, computed · finish stop"
    )


def test_the_answer_is_streamed(ask: Ask, at: At, qwen_sandbox: Sandbox) -> None:
    ask("chat", "Hello", *at("anyfast"))
    assert qwen_sandbox.last_request.json["stream"] is True


def test_a_prompt_from_stdin(ask: Ask, at: At, qwen_sandbox: Sandbox) -> None:
    result = ask("chat", *at("anyfast"), stdin="Was ist 2+2?\nBitte.\n")
    assert result.exit_code == 0
    assert qwen_sandbox.last_request.json["messages"] == [{"role": "user", "content": "Was ist 2+2?\nBitte.\n"}]


def test_an_argument_wins_over_stdin(ask: Ask, at: At, qwen_sandbox: Sandbox) -> None:
    ask("chat", "Hello", *at("anyfast"), stdin="not this")
    assert qwen_sandbox.last_request.json["messages"] == [{"role": "user", "content": "Hello"}]


def test_options_reach_the_wire(ask: Ask, at: At, qwen_sandbox: Sandbox) -> None:
    options = ["--system", "Be brief.", "--max-tokens", "50", "--temperature", "0.5", "--no-thinking"]
    assert ask("chat", "Hello", *at("anyfast"), *options).exit_code == 0
    body = qwen_sandbox.last_request.json
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (body["max_completion_tokens"], body["temperature"], body["enable_thinking"]) == (50, 0.5, False)


def test_an_effort_reaches_the_wire(ask: Ask, at: At, qwen_sandbox: Sandbox) -> None:
    assert ask("chat", "Hello", *at("wcode"), "--effort", "low").exit_code == 0
    assert qwen_sandbox.last_request.json["reasoning"]["effort"] == "low"


def test_what_is_not_said_is_not_sent(ask: Ask, at: At, qwen_sandbox: Sandbox) -> None:
    ask("chat", "Hello", *at("anyfast"))
    assert set(qwen_sandbox.last_request.json) == {"model", "messages", "stream", "stream_options"}


def test_images_from_files_and_addresses(ask: Ask, at: At, qwen_sandbox: Sandbox, tmp_path: Path) -> None:
    picture = tmp_path / "pixel.png"
    picture.write_bytes(PIXEL)
    images = ["--image", str(picture), "--image", "https://example.com/a.jpg"]
    assert ask("chat", "What is this?", *at("anyfast"), *images).exit_code == 0
    first, second, text = qwen_sandbox.last_request.json["messages"][0]["content"]
    assert first["image_url"]["url"] == "data:image/png;base64," + base64.b64encode(PIXEL).decode()
    assert second["image_url"]["url"] == "https://example.com/a.jpg"
    assert text == {"type": "text", "text": "What is this?"}


def test_json_holds_everything(ask: Ask, at: At) -> None:
    result = ask("chat", "What is 12 times 7?", *at("wcode"), "--thinking", "--json")
    found = json.loads(result.stdout)
    assert result.stderr == ""
    assert found["text"] == "12 * 7 = 84"
    assert found["reasoning"].startswith("The user writes")
    assert (found["provider"], found["model"]) == ("wcode", "qwen/qwen3-235b-a22b")
    assert (found["finish_reason"], found["notes"], found["refusal"]) == ("stop", [], None)
    assert (found["usage"]["input_tokens"], found["usage"]["output_tokens"]) == (9, 40)
    assert found["cost"]["amount"] == pytest.approx((9 * 2.5 + 40 * 6.75) / 1e6)


def test_json_over_messages_has_the_same_fields(ask: Ask, at: At) -> None:
    one, other = (ask("chat", "Hello", *at(name), "--json").stdout for name in ("wcode", "wcode-anthropic"))
    assert json.loads(one).keys() == json.loads(other).keys()
    assert json.loads(other)["provider"] == "wcode-anthropic"


def test_an_unknown_cost_is_said_to_be_unknown(ask: Ask, at: At) -> None:
    assert "cost unknown" in ask("chat", "Hello", *at("anyfast")).stderr
    assert json.loads(ask("chat", "Hello", *at("anyfast"), "--json").stdout)["cost"] is None


def test_an_answer_that_was_cut_off_says_so(ask: Ask, at: At) -> None:
    result = ask("chat", "Hello [[sandbox:length]]", *at("anyfast"))
    assert "cut off at the token limit" in result.stderr
    assert "stopped by" in ask("chat", "Hello [[sandbox:content_filter]]", *at("anyfast")).stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--provider", "anyfas"], "Did you mean 'anyfast'?"),
        (["--model", "x"], "Cannot tell which provider"),
        ([], "Which model? Pass --model"),
        (["--provider", "wcode"], "qwen/qwen3-vl-32b-instruct"),
        (["--provider", "anyfast", "--effort", "huge"], "xhigh"),
        (["--provider", "anyfast", "--temperature", "7"], "it takes 0 to 2"),
        (["--provider", "anyfast", "--max-tokens", "0"], "max-tokens"),
        (["--provider", "anyfast", "--max-tokens", "many"], "max-tokens"),
        (["--provider", "anyfast", "--image", "/nowhere.png"], "Cannot read /nowhere.png"),
        (["--provider", "anyfast", "--image", __file__], "not known to be an image"),
        (["--provider", "anyfast-cn", "--image", "https://example.com/a.jpg"], "takes text only"),
        (["--provider", "anyfast", "--thinking", "--effort", "none"], "contradict"),
        (["--provider", "anyfast", "--base-url", "ftp://x"], "is not an http"),
        (["--provider", "anyfast", "--key-variable", "NO_SUCH_KEY"], "NO_SUCH_KEY, which is not set"),
    ],
)
def test_bad_input_is_told_and_nothing_is_sent(
    ask: Ask, at: At, qwen_sandbox: Sandbox, options: list[str], said: str
) -> None:
    at("anyfast")
    at("anyfast-cn")
    result = ask("chat", "Hello", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert qwen_sandbox.requests == []


def test_a_missing_key_names_its_variable_and_page(ask: Ask) -> None:
    result = ask("chat", "Hello", "--provider", "anyfast")
    assert result.exit_code == 2
    assert "Set ANYFAST_API_KEY, or pass --key-variable NAME. Keys are made at https://" in result.stderr


@pytest.mark.parametrize("stdin", ["", " \n"])
def test_an_empty_prompt_is_refused(ask: Ask, at: At, stdin: str) -> None:
    result = ask("chat", *at("anyfast"), stdin=stdin)
    assert result.exit_code == 2
    assert "nothing to ask" in result.stderr


def test_stdin_that_is_no_text(ask: Ask, at: At) -> None:
    result = ask("chat", *at("anyfast"), stdin=b"\xff\xfe\x00")
    assert result.exit_code == 2
    assert "not UTF-8" in result.stderr


def test_a_failure_of_the_endpoint_is_one_message(ask: Ask, at: At) -> None:
    result = ask("chat", "Hello [[sandbox:402]]", *at("anyfast"))
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert "HTTP 402" in line


def test_a_key_is_never_shown(ask: Ask, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    options = at("anyfast")
    monkeypatch.setenv("ANYFAST_API_KEY", "sk-mine-4711")
    result = ask("chat", "Hello", *options)
    assert result.exit_code == 1
    assert "4711" not in result.output


def test_a_key_from_a_named_variable(ask: Ask, at: At, qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    options = at("anyfast")
    monkeypatch.delenv("ANYFAST_API_KEY")
    monkeypatch.setenv("OUR_KEY", qwen_sandbox.api_key)
    assert ask("chat", "Hello", *options, "--key-variable", "OUR_KEY").exit_code == 0


def test_the_only_model_need_not_be_named(
    ask: Ask, at: At, qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    at("anyfast")
    url = qwen_sandbox.base_url("anyfast")
    assert ask("chat", "Hello", "--provider", "anyfast", "--base-url", url).exit_code == 0
    assert qwen_sandbox.last_request.json["model"] == "qwen3.6-flash"
    monkeypatch.setenv("QWEN_MODEL", "qwen3.6-plus")
    assert ask("chat", "Hello", "--provider", "anyfast", "--base-url", url).exit_code == 1
    assert qwen_sandbox.last_request.json["model"] == "qwen3.6-plus"


def test_a_warning_is_a_line(ask: Ask, at: At) -> None:
    options = [*at("anyfast"), "--model", "house-model-1"]
    warned = ask("chat", "Hello", *options).stderr
    assert "warning: Model 'house-model-1' is not in the catalogue" in warned
    assert "=..." not in warned  # that is how arguments in Python are spelled
