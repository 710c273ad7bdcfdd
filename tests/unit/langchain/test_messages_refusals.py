"""Over Messages: what is refused before it is sent, what the endpoint refuses, and what must not be sent at all."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import traceback
from typing import Any

import langchain_qwen
import pytest
import qwen_endpoints as core
from langchain_core.load import dumps
from langchain_core.messages import HumanMessage
from langchain_qwen import ChatQwen, ConfigurationError

from tests.unit.langchain.conftest import PIXEL, SEEING_MESSAGES, Chats, refusal, whole
from tests.unit.langchain.messages_replies import ended, event_stream, grown, opened, started, whole_message

SECRET = "sk-secret-key"
OK = whole_message({"type": "text", "text": "fine"})


# Refused before anything is sent

UNSAYABLE: dict[str, Any] = {
    "seed": 7,
    "logprobs": True,
    "top_logprobs": 2,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "repetition_penalty": 1.1,
    "logit_bias": {"1": 2.0},
    "min_p": 0.1,
    "top_a": 0.1,
    "verbosity": "low",
    "preserve_thinking": True,
}


@pytest.mark.parametrize("name", UNSAYABLE)
async def test_what_the_protocol_cannot_say(chats: Chats, name: str) -> None:
    given = {name: UNSAYABLE[name]}
    said = rf"{name}=.* would not reach qwen/qwen3-235b-a22b at wcode-anthropic: .*no such parameter"
    with pytest.raises(ConfigurationError, match=said):
        chats.at("messages", **given)
    llm: Any = chats.at("messages")
    with pytest.raises(ConfigurationError, match=said):
        llm.invoke("hi", **given)
    with pytest.raises(ConfigurationError, match=said):
        await llm.ainvoke("hi", **given)
    with pytest.raises(ConfigurationError, match=said):
        list(llm.stream("hi", **given))
    assert chats.bodies == []


def test_several_answers(chats: Chats) -> None:
    with pytest.raises(ConfigurationError, match=r"n=2 would not reach .* at wcode-anthropic"):
        chats.at("messages").invoke("hi", n=2)
    with pytest.raises(ConfigurationError, match=r"temperature=1.5 is out of range .* at wcode-anthropic: .* 0 to 1"):
        chats.at("messages").invoke("hi", temperature=1.5)
    assert chats.bodies == []


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ({"type": "video", "url": "https://example.com/clip.mp4"}, "video_url"),
        ({"type": "audio", "base64": "UklGRg==", "mime_type": "audio/wav"}, "input_audio"),
        ({"type": "file", "base64": "JVBERi0=", "mime_type": "application/pdf", "filename": "a.pdf"}, "file"),
    ],
    ids=["video", "audio", "file"],
)
def test_media_the_protocol_cannot_carry(chats: Chats, block: dict[str, Any], kind: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"user message .* type {kind}, which wcode-anthropic does not take"):
        chats.at("messages", provider=SEEING_MESSAGES).invoke([HumanMessage([block])])
    assert chats.bodies == []


def test_media_the_model_cannot_see(chats: Chats) -> None:
    image = {"type": "image", "base64": PIXEL, "mime_type": "image/png"}
    with pytest.raises(ConfigurationError, match=r"qwen/qwen3-235b-a22b takes text only"):
        chats.at("messages").invoke([HumanMessage([image])])
    assert chats.bodies == []


@pytest.mark.parametrize("prompt", ["", " \n", [HumanMessage([])]], ids=repr)
def test_nothing_said(chats: Chats, prompt: Any) -> None:
    with pytest.raises(ConfigurationError, match="wcode-anthropic takes no empty messages"):
        chats.at("messages").invoke(prompt)
    assert chats.bodies == []


# Refused by the endpoint


async def _failures(llm: ChatQwen, prompt: str = "hi") -> list[tuple[str, Any]]:
    """What a stream gave out before it failed, and the failure."""
    heard: list[str] = []

    def read() -> None:
        for piece in llm.stream(prompt):
            heard.append(piece.text)  # noqa: PERF401 - what came before the failure counts

    async def aread() -> None:
        async for piece in llm.astream(prompt):
            heard.append(piece.text)  # noqa: PERF401 - as above

    with pytest.raises(core.QwenError) as caught:
        read()
    failures = [("".join(heard), caught.value)]
    heard.clear()
    with pytest.raises(core.QwenError) as caught:
        await aread()
    return [*failures, ("".join(heard), caught.value)]


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "InvalidRequestError", "invalid_request_error"),
        (401, "AuthenticationError", "authentication_error"),
        (402, "QuotaExhaustedError", "billing_error"),
        (404, "ModelNotFoundError", "not_found_error"),
        (429, "RateLimitError", "rate_limit_error"),
        (500, "ServerError", "api_error"),
        (529, "ServerError", "overloaded_error"),
    ],
)
async def test_kinds(chats: Chats, status: int, kind: str, code: str) -> None:
    llm = chats.at("messages", max_retries=0, default_headers={"x-sandbox-fault": str(status)})
    with pytest.raises(core.QwenError) as caught:
        llm.invoke("hi")
    with pytest.raises(core.QwenError) as later:
        await llm.ainvoke("hi")
    for error in (caught.value, later.value, *(error for _, error in await _failures(llm))):
        assert type(error) is getattr(langchain_qwen, kind)
        assert (error.status, error.code, error.provider) == (status, code, "wcode-anthropic")
        assert (error.request_id or "").startswith("req_")
        assert error.partial is None
        assert error.__cause__ is None
        assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own


async def test_a_wrong_key(chats: Chats) -> None:
    llm = chats.at("messages", api_key=SECRET, max_retries=0)
    with pytest.raises(langchain_qwen.AuthenticationError) as caught:
        llm.invoke("hi")
    for error in (caught.value, *(error for _, error in await _failures(llm))):
        assert SECRET not in "".join(traceback.format_exception(error)) + repr(vars(error))
    echoed = chats.answering(
        refusal(401, {"type": "error", "error": {"type": "authentication_error", "message": f"bad key {SECRET}"}}),
        endpoint="messages",
        api_key=SECRET,
    )
    with pytest.raises(langchain_qwen.AuthenticationError, match=r"bad key \*\*\*") as caught:
        echoed.invoke("hi")
    assert SECRET not in "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))


def test_a_failure_that_passes_is_retried(chats: Chats) -> None:
    assert chats.at("messages", max_retries=1).invoke("Say exactly: x [[sandbox:529*1#lc-messages]]").text == "x"
    assert len(chats.bodies) == 2


# Streams that break


async def test_an_error_event(chats: Chats) -> None:
    llm = chats.at("messages", enable_thinking=True, max_retries=3)
    for heard, error in await _failures(llm, "Count from 1 to 90 [[sandbox:error_event]]"):
        assert type(error) is langchain_qwen.ServerError
        assert (error.code, error.retryable) == ("overloaded_error", True)
        assert error.partial is not None
        assert heard.startswith("1, 2, 3")
        assert error.partial.first.text == heard
        assert error.partial.first.reasoning.startswith("The user writes")
        assert error.partial.first.finish_reason is None
    assert len(chats.bodies) == 2, "what has begun to arrive is not asked for again"


HALF = [started(), opened(0, type="text", text=""), grown(0, "text", "one "), grown(0, "text", "two")]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (event_stream(HALF), "StreamInterruptedError"),
        (event_stream(HALF, abort=True), "StreamInterruptedError"),
        (
            event_stream([
                *HALF, {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}, *ended()
            ]),
            "RateLimitError",
        ),
    ],
    ids=["cut off", "aborted", "error"],
)  # fmt: skip
async def test_a_stream_that_breaks_keeps_what_came(chats: Chats, reply: Any, kind: str) -> None:
    for heard, error in await _failures(chats.answering(reply, endpoint="messages")):
        assert heard == error.partial.first.text == "one two"
        assert type(error) is getattr(langchain_qwen, kind)


async def test_half_a_call_in_a_broken_stream_is_invalid(chats: Chats) -> None:
    events = [started(), opened(0, type="tool_use", id="c", name="f", input={}), grown(0, "input_json", '{"a": 1')]
    for _, error in await _failures(chats.answering(event_stream(events), endpoint="messages")):
        (call,) = error.partial.first.tool_calls
        assert (call.name, call.arguments, call.parsed) == ("f", '{"a": 1', None)


def test_a_reply_of_another_protocol(chats: Chats) -> None:
    with pytest.raises(langchain_qwen.MalformedResponseError):
        chats.answering(whole({"content": "x"}), endpoint="messages").invoke("hi")


# Many calls


async def test_batches_with_failures(chats: Chats) -> None:
    llm: Any = chats.at("messages", max_retries=0)
    questions = ["Say exactly: a", "[[sandbox:429]]", "Say exactly: b", "[[sandbox:401]]"]
    for answers in (llm.batch(questions, return_exceptions=True), await llm.abatch(questions, return_exceptions=True)):
        assert [answers[0].text, answers[2].text] == ["a", "b"]
        assert type(answers[1]) is langchain_qwen.RateLimitError
        assert type(answers[3]) is langchain_qwen.AuthenticationError


# What must not be sent, or shown


FOREIGN = {
    "ANTHROPIC_API_KEY": "sk-ant-foreign",
    "ANTHROPIC_AUTH_TOKEN": "token-foreign",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9/foreign",
    "ANTHROPIC_CUSTOM_HEADERS": "X-Foreign: header-foreign\nAuthorization: Bearer other-foreign",
    "ANTHROPIC_PROFILE": "foreign",
}


@pytest.mark.parametrize("endpoint", ["messages", "flash"])
async def test_variables_of_another_service(chats: Chats, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    reply = OK if endpoint == "messages" else whole({"content": "fine"})
    llm = chats.answering(reply, endpoint=endpoint)  # at an address of its own, so that the HTTP client is new
    answers = [llm.invoke("hi"), await llm.ainvoke("hi")]
    assert [answer.text for answer in answers] == ["fine", "fine"]
    for request in chats.sandbox.requests:
        assert "foreign" not in json.dumps(request.headers).lower() + request.path + request.body.decode()
        given = request.headers.get("x-api-key") or request.headers["authorization"]
        assert given.removeprefix("Bearer ") == chats.sandbox.api_key


def test_a_key_of_another_service_is_no_key(chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-foreign")
    llm = chats.at("messages", api_key=None)
    with pytest.raises(ConfigurationError, match="Set WCODE_API_KEY"):
        llm.invoke("hi")
    monkeypatch.setenv("WCODE_API_KEY", chats.sandbox.api_key)
    assert llm.invoke("Say exactly: x").text == "x"


async def test_the_key_is_never_shown(chats: Chats) -> None:
    llm = chats.answering(OK, endpoint="messages", api_key=SECRET)
    answer = llm.invoke("hi")
    assert chats.sandbox.last_request.headers["x-api-key"] == SECRET
    shown = [repr(llm), str(llm), dumps(llm), json.dumps(llm.model_dump(), default=str), llm.model_dump_json()]
    shown += [repr(llm.bind(stop=["x"])), repr(answer), dumps(answer), str(vars(llm))]
    assert SECRET not in "".join(shown)
    assert json.loads(dumps(llm))["kwargs"]["api_key"]["id"] == ["WCODE_API_KEY"]


BLOCKED = """
import asyncio, sys

sys.modules.update(openai=None, anthropic=None)
from langchain_qwen import ChatQwen

for provider, url in {urls!r}:
    llm = ChatQwen(model="qwen/qwen3-235b-a22b", provider=provider, base_url=url, api_key={key!r})
    print(llm.invoke("Say exactly: x").text, "".join(chunk.text for chunk in llm.stream("Say exactly: y")))
    print(asyncio.run(llm.ainvoke("Say exactly: z")).text)
"""


def test_no_sdk_is_needed(chats: Chats) -> None:
    providers: tuple[Any, ...] = ("wcode", "wcode-anthropic")
    urls = [(provider, chats.sandbox.base_url(provider)) for provider in providers]
    assert _ran(BLOCKED.format(urls=urls, key=chats.sandbox.api_key)) == ["x y", "z"] * 2


def _ran(code: str) -> list[str]:
    """The lines that a fresh interpreter prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC", "COV"))}
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60, env=environment
    )
    return ran.stdout.splitlines()
