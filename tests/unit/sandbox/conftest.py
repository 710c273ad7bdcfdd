"""A client for the sandbox that is itself as plain as can be: httpx, JSON and lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from qwen_sandbox.contract import request_validator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen_sandbox import Sandbox

MODELS = {
    "cn": ("anyfast-cn", "qwen3-32b"),
    "flash": ("anyfast", "qwen3.6-flash"),
    "text": ("wcode", "qwen/qwen3-235b-a22b"),
    "vision": ("wcode", "qwen/qwen3-vl-32b-instruct"),
}


class Api:
    """Calls to a sandbox by the short name of an endpoint."""

    def __init__(self, sandbox: Sandbox, client: httpx.Client) -> None:
        self.sandbox = sandbox
        self.client = client

    def body(self, endpoint: str, prompt: Any, **fields: Any) -> dict[str, Any]:
        messages: Any = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        return {"model": MODELS[endpoint][1], "messages": messages, **fields}

    def url(self, endpoint: str) -> str:
        return self.sandbox.base_url(MODELS[endpoint][0]) + "/chat/completions"  # type: ignore[arg-type]

    def post(self, endpoint: str, prompt: Any, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        return self.client.post(self.url(endpoint), json=self.body(endpoint, prompt, **fields), headers=headers)

    def reply(self, endpoint: str, prompt: Any, **fields: Any) -> dict[str, Any]:
        response = self.post(endpoint, prompt, **fields)
        assert response.status_code == 200, response.text
        return response.json()

    def text(self, endpoint: str, prompt: Any, **fields: Any) -> str:
        return self.reply(endpoint, prompt, **fields)["choices"][0]["message"]["content"]

    def calls(self, endpoint: str, prompt: Any, **fields: Any) -> list[tuple[str, Any]]:
        message = self.reply(endpoint, prompt, **fields)["choices"][0]["message"]
        functions = [call["function"] for call in message.get("tool_calls", [])]
        return [(function["name"], json.loads(function["arguments"])) for function in functions]

    def chunks(self, endpoint: str, prompt: Any, **fields: Any) -> list[dict[str, Any]]:
        response = self.post(endpoint, prompt, stream=True, **fields)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.text.startswith(": ")
        events = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
        assert events[-1] == "[DONE]"
        return [json.loads(event) for event in events[:-1]]


class MessagesApi:
    """Calls over Messages; each reply is held against the contract."""

    model = "qwen/qwen3-235b-a22b"
    contract = "wcode-anthropic.yaml"

    def __init__(self, sandbox: Sandbox, client: httpx.Client) -> None:
        self.sandbox = sandbox
        self.client = client
        self.headers = {"x-api-key": sandbox.api_key, "anthropic-version": "2023-06-01"}

    def url(self) -> str:
        return self.sandbox.base_url("wcode-anthropic") + "/v1/messages"

    def body(self, prompt: Any, **fields: Any) -> dict[str, Any]:
        messages: Any = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        return {"model": self.model, "max_tokens": 4096, "messages": messages} | fields

    def send(self, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = self.client.post(self.url(), content=content, headers=self.headers if headers is None else headers)
        assert response.headers["request-id"].startswith("req_")
        if response.status_code != 200:
            self.check("Error", response.json())
            assert response.json()["request_id"] == response.headers["request-id"]
        return response

    def post(self, prompt: Any, **fields: Any) -> httpx.Response:
        return self.send(self.body(prompt, **fields))

    def check(self, schema: str, value: Any) -> None:
        request_validator(self.contract, schema).validate(value)  # pyright: ignore[reportUnknownMemberType]

    def reply(self, prompt: Any, **fields: Any) -> dict[str, Any]:
        response = self.post(prompt, **fields)
        assert response.status_code == 200, response.text
        self.check("Message", response.json())
        return response.json()

    def events(self, prompt: Any, **fields: Any) -> list[dict[str, Any]]:
        response = self.post(prompt, stream=True, **fields)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("text/event-stream")
        events: list[dict[str, Any]] = []
        for part in response.text.removesuffix("\n\n").split("\n\n"):
            name, data = part.split("\n")
            events.append(json.loads(data.removeprefix("data: ")))
            assert name == f"event: {events[-1]['type']}"
        return events


@pytest.fixture
def messages_api(qwen_sandbox: Sandbox, _bare_client: httpx.Client) -> MessagesApi:
    return MessagesApi(qwen_sandbox, _bare_client)


@pytest.fixture(scope="session")
def _bare_client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=20) as client:
        yield client


@pytest.fixture(scope="session")
def _client(qwen_sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(headers={"authorization": f"Bearer {qwen_sandbox.api_key}"}, timeout=20) as client:
        yield client


@pytest.fixture
def api(qwen_sandbox: Sandbox, _client: httpx.Client) -> Api:
    return Api(qwen_sandbox, _client)


@pytest.fixture
def weather() -> list[dict[str, Any]]:
    parameters = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
    function = {"name": "get_weather", "description": "Get the weather at a location", "parameters": parameters}
    return [{"type": "function", "function": function}]


@pytest.fixture
def adder() -> list[dict[str, Any]]:
    numbers = {"a": {"type": "integer"}, "b": {"type": "integer"}}
    parameters = {"type": "object", "properties": numbers, "required": ["a", "b"]}
    function = {"name": "my_adder_tool", "description": "Add two integers", "parameters": parameters}
    return [{"type": "function", "function": function}]
