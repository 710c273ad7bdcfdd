"""What calls tell `logging`, and what they never tell it."""

# ruff: noqa: PLR0917 - parameters come from the tables above the tests
from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing, closing
from dataclasses import replace
from typing import Any

import pytest
from qwen_endpoints import (
    PROVIDERS,
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ModelOffer,
    Price,
    QwenClient,
    QwenError,
    RateLimitError,
    StreamInterruptedError,
    plan_call,
)

from .messages_support import stream_reply, whole_reply
from .support import (
    HELLO,
    KEY,
    SSE,
    Reply,
    Server,
    chunk,
    json_reply,
    make,
    sse_reply,
    stream_async,
    stream_sync,
    user,
    whole_async,
    whole_sync,
)

Way = Callable[[QwenClient, Any], Awaitable[Any]]
WHOLE, STREAMED = (whole_sync, whole_async), (stream_sync, stream_async)
each_way = pytest.mark.parametrize("way", [*WHOLE, *STREAMED])
each_stream = pytest.mark.parametrize("way", STREAMED)

QUESTION, ANSWER = "What is in the red folder?", "Nothing at all."
COUNTS = {
    "prompt_tokens": 12,
    "completion_tokens": 34,
    "total_tokens": 46,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 30},
}
HEADERS = {"X-Request-Id": "req-4711"}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def facts(log: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The records of ours, as handlers that write JSON see them, without what depends on the clock."""
    told = [record.__dict__["qwen"] for record in log.records if record.name == "qwen_endpoints"]
    json.dumps(told)
    assert all(entry.pop("seconds", 0) >= 0 for entry in told)
    return told


def lines(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().partition(": ")[2] for record in log.records if record.name == "qwen_endpoints"]


def answering(way: Way) -> Reply:
    if way in WHOLE:
        body = json_reply({"role": "assistant", "content": ANSWER}, usage=COUNTS).pieces
        return Reply(body, headers=HEADERS)
    pieces = sse_reply(chunk({"role": "assistant", "content": ANSWER}), chunk({}, "stop", usage=COUNTS)).pieces
    return Reply(pieces, content_type=SSE, headers=HEADERS)


# What is told


@each_way
async def test_a_call_from_its_request_to_its_end(
    server: Server, client: QwenClient, log: pytest.LogCaptureFixture, way: Way
) -> None:
    server.script(answering(way))
    await way(client, plan_call(make(server, "vllm"), [user(QUESTION)]))
    await client.aclose()
    who = {"call": facts(log)[0]["call"], "provider": "vllm", "model": "qwen3-32b"}
    usage = {
        "input_tokens": 12,
        "output_tokens": 34,
        "total_tokens": 46,
        "reasoning_tokens": 30,
        "cached_tokens": 4,
    }
    url = f"{server.url}/chat/completions"
    assert facts(log) == [
        {"event": "sent", **who, "url": url, "streamed": way in STREAMED, "max_retries": 2},
        {"event": "begun", **who, "status": 200, "request_id": "req-4711", "retries": 0},
        {"event": "ended", **who, "finish_reason": "stop", "id": "r-1", "usage": usage},
    ]
    sent, begun, ended = lines(log)
    assert sent == f"POST {url}, {'streamed' if way in STREAMED else 'whole'}"
    assert begun.startswith("HTTP 200 after 0.")
    assert begun.endswith(" s, request req-4711")
    assert ended.startswith("finished (stop), tokens 12 in (4 cached), 34 out (30 reasoning) after 0.")
    assert {record.levelname for record in log.records if record.name == "qwen_endpoints"} == {"DEBUG"}


@pytest.mark.parametrize(("way", "reply"), [(whole_sync, whole_reply()), (stream_sync, stream_reply())])
async def test_the_other_protocol(
    server: Server, client: QwenClient, log: pytest.LogCaptureFixture, way: Way, reply: Reply
) -> None:
    server.script(reply)
    await way(client, plan_call(make(server, "wcode-anthropic"), [user(QUESTION)]))
    told = facts(log)
    assert [entry["event"] for entry in told] == ["sent", "begun", "ended"]
    assert told[0]["url"].endswith("/v1/messages")
    assert told[2]["usage"]["output_tokens"] == 4


def test_cost_and_notes(server: Server, client: QwenClient, log: pytest.LogCaptureFixture) -> None:
    server.script(json_reply(usage=COUNTS))
    tool: dict[str, Any] = {
        "type": "function",
        "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
    }
    row = replace(PROVIDERS["ollama"], models={"qwen3-32b": ModelOffer(profile={"price": Price(input=1, output=2)})})
    settings = make(server, "ollama").model_copy(update={"provider": row})
    done = client.complete(plan_call(settings, [user()], tools=[tool], tool_choice="required"))
    assert done.cost is not None
    assert done.notes
    told = facts(log)[-1]
    assert (told["cost"], told["notes"]) == (done.cost.as_json(), list(done.notes))
    assert f"cost {done.cost.amount:.6g} CNY" in lines(log)[-1]
    assert done.notes[0] in lines(log)[-1]


@each_way
async def test_retries_are_counted(server: Server, client: QwenClient, log: pytest.LogCaptureFixture, way: Way) -> None:
    busy = Reply((b"{}",), status=503, headers={"retry-after-ms": "1"})
    server.script(busy, busy, answering(way))
    await way(client, plan_call(make(server, "vllm"), [user()]))
    await client.aclose()
    told = facts(log)
    assert [(entry["event"], entry.get("retries")) for entry in told] == [
        ("sent", None), ("repeated", None), ("repeated", None), ("begun", 2), ("ended", None)
    ]  # fmt: skip
    assert lines(log)[3].endswith("retries: 2")
    for entry, line in zip(told[1:3], lines(log)[1:3], strict=True):
        assert (entry["error"], entry["status"], entry["retryable"]) == ("ServerError", 503, True)
        assert 0 < entry["pause"] < 1
        said = re.fullmatch(r"ServerError, HTTP 503 after \d+\.\d+ s, again in (\d\.\d) s", line)
        assert said, line
        assert float(said[1]) == pytest.approx(entry["pause"], abs=0.06)  # both are rounded


def test_calls_at_the_same_time_are_told_apart(
    server: Server, client: QwenClient, log: pytest.LogCaptureFixture
) -> None:
    server.script(sse_reply(*HELLO))
    streams = [client.stream(plan_call(make(server, "vllm"), [user()])) for _ in range(3)]
    for _ in zip(*streams, strict=True):
        pass
    told = facts(log)
    assert [entry["event"] for entry in told] == ["sent", "begun"] * 3 + ["ended"] * 3
    assert len({entry["call"] for entry in told}) == 3


# How calls fail


@each_way
async def test_a_refusal(server: Server, client: QwenClient, log: pytest.LogCaptureFixture, way: Way) -> None:
    said = {"error": {"message": f"Too many: {QUESTION}", "code": "busy"}}
    server.script(Reply((json.dumps(said).encode(),), status=429, headers={**HEADERS, "retry-after-ms": "1"}))
    with pytest.raises(RateLimitError):
        await way(client, plan_call(make(server, "vllm", max_retries=1), [user()]))
    await client.aclose()
    *_, failed = facts(log)
    assert [entry["event"] for entry in facts(log)] == ["sent", "repeated", "failed"]
    expected = {"error": "RateLimitError", "status": 429, "code": "busy", "request_id": "req-4711", "retries": 1}
    assert expected.items() <= failed.items()
    assert failed["retryable"] is True
    assert lines(log)[-1].startswith("RateLimitError, HTTP 429, code busy after ")


@each_stream
async def test_a_stream_that_breaks(
    server: Server, client: QwenClient, log: pytest.LogCaptureFixture, way: Way
) -> None:
    server.script(sse_reply(*HELLO[:1], done=False, after="drop"))
    with pytest.raises(StreamInterruptedError):
        await way(client, plan_call(make(server, "vllm"), [user()]))
    await client.aclose()
    assert [entry["event"] for entry in facts(log)] == ["sent", "begun", "failed"]
    assert facts(log)[-1]["error"] == "StreamInterruptedError"


@pytest.mark.parametrize(
    ("settings", "kind", "events"),
    [
        ({"base_url": "http://127.0.0.1:1/v1", "max_retries": 0}, ConnectionFailedError, ["sent", "failed"]),
        ({"default_headers": {"X-Name": "wörld"}}, ConfigurationError, []),
        ({"temperature": 99}, ConfigurationError, []),
    ],
    ids=["nobody there", "unwritable", "refused here"],
)
def test_what_never_arrives(
    server: Server,
    client: QwenClient,
    log: pytest.LogCaptureFixture,
    settings: dict[str, Any],
    kind: type[QwenError],
    events: list[str],
) -> None:
    with pytest.raises(kind):
        client.complete(plan_call(make(server, "anyfast", **settings), [user()]))
    assert [entry["event"] for entry in facts(log)] == events


async def test_a_stream_that_is_left(server: Server, client: QwenClient, log: pytest.LogCaptureFixture) -> None:
    server.script(sse_reply(*HELLO[:2], done=False, after="hold"))
    call = plan_call(make(server, "vllm"), [user()])
    with closing(client.stream(call)) as deltas:
        next(deltas)
    async with aclosing(client.astream(call)) as more:
        await anext(more)
    await client.aclose()
    assert [entry["event"] for entry in facts(log)] == ["sent", "begun", "left"] * 2
    assert lines(log)[-1].startswith("left unfinished after 0.")


def test_a_stream_that_is_left_at_its_end_has_ended(
    server: Server, client: QwenClient, log: pytest.LogCaptureFixture
) -> None:
    server.script(sse_reply(*HELLO))
    with closing(client.stream(plan_call(make(server, "vllm"), [user()]))) as deltas:
        while next(deltas).completion is None:
            pass
    assert [entry["event"] for entry in facts(log)] == ["sent", "begun", "ended"]


async def test_a_call_that_is_cancelled(server: Server, client: QwenClient, log: pytest.LogCaptureFixture) -> None:
    server.script(sse_reply(*HELLO[:1], done=False, after="hold"))
    task = asyncio.ensure_future(stream_async(client, plan_call(make(server, "vllm"), [user()])))
    for _ in range(500):
        if len(facts(log)) == 2:
            break
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await client.aclose()
    assert [entry["event"] for entry in facts(log)] == ["sent", "begun", "left"]


# What is not told


@each_way
async def test_no_content_and_no_secret(
    server: Server, client: QwenClient, log: pytest.LogCaptureFixture, way: Way
) -> None:
    server.script(
        answering(way),
        Reply((json.dumps({"error": {"message": f"{QUESTION} {KEY}", "code": KEY}}).encode(),), status=400),
    )
    address = f"{server.url}/{KEY}"
    settings = make(
        server, "vllm", base_url=address, default_headers={"X-Token": "head-4711"}, default_query={"sig": "query-4711"}
    )
    await way(client, plan_call(settings, [user(QUESTION)]))
    with pytest.raises(QwenError):
        await way(client, plan_call(settings, [user(QUESTION)]))
    await client.aclose()
    assert server.last.path.endswith("?sig=query-4711")
    told = [*lines(log), json.dumps(facts(log))]
    assert f'"{server.url}/***/chat/completions"' in told[-1]
    hidden = (KEY, QUESTION, ANSWER, "head-4711", "query-4711")
    assert [(secret, line) for secret in hidden for line in told if secret in line] == []


@pytest.mark.parametrize("protocol", ["vllm", "vllm-anthropic"])
async def test_no_key_from_any_logger(
    server: Server, client: QwenClient, log: pytest.LogCaptureFixture, protocol: str
) -> None:
    """The transport logs as well, more than we do."""
    server.script(Reply((json.dumps({"error": {"message": f"bad key {KEY}", "type": "x"}}).encode(),), status=401))
    settings = make(server, protocol, default_headers={"Api-Key": "head-4711"})
    for way in (*WHOLE, *STREAMED):
        with pytest.raises(AuthenticationError):
            await way(client, plan_call(settings, [user(QUESTION)]))
    await client.aclose()
    assert {"qwen_endpoints"} < {record.name for record in log.records}
    shown = log.text + "".join(str(record.__dict__) for record in log.records)
    assert "head-4711" not in shown
    assert KEY not in shown


def test_nothing_above_debug(server: Server, client: QwenClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server.script(json_reply(), Reply((b"{}",), status=400))
    call = plan_call(make(server, "vllm"), [user()])
    client.complete(call)
    with pytest.raises(QwenError):
        client.complete(call)
    assert facts(caplog) == []
