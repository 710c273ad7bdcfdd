"""Failures over Messages: before the headers, inside a stream, and streams that end or stall where they should not."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from qwen_sandbox import Reply, Sandbox

if TYPE_CHECKING:
    from conftest import MessagesApi

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "content": []}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "It is "}},
]


def _event(payload: dict[str, Any]) -> bytes:
    return f"event: {payload['type']}\ndata: {json.dumps(payload)}\n\n".encode()


def _stream(url: str) -> list[str]:
    """The types of the events that arrive under a base URL, as long as they do."""
    kinds: list[str] = []
    with httpx.stream("POST", f"{url}/v1/messages", json={"stream": True}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        try:
            kinds.extend(line.removeprefix("event: ") for line in response.iter_lines() if line.startswith("event: "))
        except httpx.RemoteProtocolError:
            kinds.append("broken off")
    return kinds


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("status", "kind"), TYPES.items())
def test_status_comes_before_the_stream(messages_api: MessagesApi, status: int, kind: str, *, stream: bool) -> None:
    in_header = messages_api.headers | {"x-sandbox-fault": str(status)}
    for response in (
        messages_api.post(f"hello [[sandbox:{status}]]", stream=stream),
        messages_api.send(messages_api.body("hello", stream=stream), headers=in_header),
    ):
        assert response.status_code == status
        assert response.headers["content-type"] == "application/json"
        assert response.json()["error"]["type"] == kind
        assert ("retry-after" in response.headers) == (status in {429, 503})
        assert ("retry-after" in response.headers) == (status in {429, 503})


def test_status_for_the_first_requests_only(messages_api: MessagesApi) -> None:
    prompt = "hello [[sandbox:529*2#stream]]"
    statuses = [messages_api.post(prompt, stream=True).status_code for _ in range(3)]
    assert statuses == [529, 529, 200]


def test_error_event_ends_the_stream(messages_api: MessagesApi) -> None:
    events = messages_api.events("Count from 1 to 9 [[sandbox:error_event]]")
    assert [event["type"] for event in events].index("error") == len(events) - 1
    messages_api.check("StreamEvent", events[-1])


def test_events_are_as_the_contract_has_them(messages_api: MessagesApi) -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    for prompt in ("Count from 1 to 9", "Count from 1 to 9 [[sandbox:redacted]]"):
        for event in messages_api.events(prompt, **thinking):
            messages_api.check("StreamEvent", event)


def test_scripted_stream_is_cut(qwen_sandbox: Sandbox) -> None:
    chunks = [_event(event) for event in EVENTS]
    url = qwen_sandbox.script("messages-cut", chunks=chunks, content_type="text/event-stream", abort=True)
    assert _stream(url) == ["message_start", "content_block_start", "content_block_delta", "broken off"]


def test_scripted_stream_ends_without_message_stop(qwen_sandbox: Sandbox) -> None:
    chunks = [_event(event) for event in EVENTS]
    url = qwen_sandbox.script("messages-end", chunks=chunks, content_type="text/event-stream")
    assert _stream(url) == ["message_start", "content_block_start", "content_block_delta"]


def test_scripted_replies_follow_each_other(qwen_sandbox: Sandbox) -> None:
    url = qwen_sandbox.script_sequence("messages-retry", [Reply(b"{}", status=529), Reply(b'{"type": "message"}')])
    assert [httpx.post(f"{url}/v1/messages", json={}).status_code for _ in range(3)] == [529, 200, 200]


def test_stream_stalls() -> None:
    with Sandbox(chunk_delay=0.3) as slow:
        headers = {"x-api-key": slow.api_key, "anthropic-version": "2023-06-01"}
        messages = [{"role": "user", "content": "Count from 1 to 900"}]
        body = {"model": "qwen/qwen3-235b-a22b", "max_tokens": 100, "messages": messages, "stream": True}
        url = slow.base_url("wcode-anthropic") + "/v1/messages"
        with httpx.stream("POST", url, json=body, headers=headers) as response:
            pieces = response.iter_raw()
            assert next(pieces).startswith(b"event: message_start")
            began = time.monotonic()
            next(pieces)
            assert time.monotonic() - began > 0.2
            assert slow.open_streams == 1
        deadline = time.monotonic() + 5
        while slow.open_streams and time.monotonic() < deadline:
            time.sleep(0.01)
        assert slow.open_streams == 0
