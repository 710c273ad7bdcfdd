"""The real SDK over Messages: whole, streamed, sync and async, with thinking and tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen_sandbox import Sandbox

anthropic: Any = pytest.importorskip("anthropic", reason="the SDK is an extra")

MODEL = "qwen/qwen3-235b-a22b"
TOOLS = [
    {
        "name": "get_weather",
        "description": "Get the weather at a location",
        "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
    }
]
THINKING = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture
def client(qwen_sandbox: Sandbox) -> Iterator[Any]:
    url = qwen_sandbox.base_url("wcode-anthropic")
    with anthropic.Anthropic(base_url=url, api_key=qwen_sandbox.api_key, max_retries=0) as client:
        yield client


def _ask(client: Any, messages: list[Any], *, streamed: bool, **fields: Any) -> Any:
    fields = {"model": MODEL, "max_tokens": 3000, "messages": messages} | fields
    if not streamed:
        return client.messages.create(**fields)
    with client.messages.stream(**fields) as stream:
        return stream.get_final_message()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("token", ["", " [[sandbox:redacted]]"])
def test_loop_of_tools_with_thinking(client: Any, streamed: bool, token: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "weather in Paris and London" + token}]
    asked = _ask(client, messages, streamed=streamed, tools=TOOLS, thinking=THINKING)
    assert asked.stop_reason == "tool_use"
    calls = [block for block in asked.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"location": "Paris"}, {"location": "London"}]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": f"{call.id} is sunny"} for call in calls]
    messages += [{"role": "assistant", "content": asked.content}, {"role": "user", "content": results}]
    told = _ask(client, messages, streamed=streamed, tools=TOOLS, thinking=THINKING)
    assert [block.type for block in told.content] == ["redacted_thinking" if token else "thinking", "text"]
    assert all(f"According to get_weather: {call.id} is sunny" in told.content[1].text for call in calls)
    if "output_tokens_details" in anthropic.types.Usage.model_fields:  # older versions do not know of them
        assert told.usage.output_tokens > told.usage.output_tokens_details.thinking_tokens > 0


async def test_async_stream(qwen_sandbox: Sandbox) -> None:
    url = qwen_sandbox.base_url("wcode-anthropic")
    async with (
        anthropic.AsyncAnthropic(base_url=url, auth_token=qwen_sandbox.api_key, max_retries=0) as client,
        client.messages.stream(
            model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "Count from 1 to 9"}]
        ) as stream,
    ):
        texts = [text async for text in stream.text_stream]
    assert len(texts) > 3
    assert "".join(texts) == "1, 2, 3, 4, 5, 6, 7, 8, 9"


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("400", "BadRequestError"),
        ("401", "AuthenticationError"),
        ("403", "PermissionDeniedError"),
        ("404", "NotFoundError"),
        ("413", "APIStatusError"),
        ("429", "RateLimitError"),
        ("500", "InternalServerError"),
        ("529", "APIStatusError"),
    ],
)
def test_errors(client: Any, token: str, error: str) -> None:
    with pytest.raises(getattr(anthropic, error)) as caught:
        _ask(client, [{"role": "user", "content": f"[[sandbox:{token}]]"}], streamed=False)
    assert caught.value.status_code == int(token)
    assert caught.value.request_id == caught.value.body["request_id"]


def test_error_in_mid_stream(client: Any) -> None:
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        _ask(client, [{"role": "user", "content": "hello [[sandbox:error_event]]"}], streamed=True)
