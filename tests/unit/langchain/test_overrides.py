"""Every setting, given for one call: it reaches the wire or the transport, and the model stays as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_qwen import AuthenticationError, ChatQwen, ConfigurationError, QwenError
from pydantic import SecretStr
from qwen_endpoints import QwenSettings
from qwen_sandbox import Sandbox

from tests.unit.langchain.conftest import Chats, amerged, chunk, merged, refusal, sse, whole

GOOD = whole({"content": "x"})
TOOL: Any = {"type": "function", "function": {"name": "f", "description": "", "parameters": {"type": "object"}}}


def _has(**expected: Any) -> Callable[[dict[str, Any]], bool]:
    return lambda body: expected.items() <= body.items()


BODY: dict[str, tuple[Any, Callable[[dict[str, Any]], bool]]] = {
    "model": ("qwen3-vl-plus", _has(model="qwen3-vl-plus")),
    "temperature": (0.25, _has(temperature=0.25)),
    "top_p": (0.5, _has(top_p=0.5)),
    "top_k": (3, _has(top_k=3)),
    "min_p": (0.1, _has(min_p=0.1)),
    "top_a": (0.2, _has(top_a=0.2)),
    "max_tokens": (7, _has(max_tokens=7)),
    "stop": (["a", "b"], _has(stop=["a", "b"])),
    "seed": (0, _has(seed=0)),
    "presence_penalty": (0.3, _has(presence_penalty=0.3)),
    "frequency_penalty": (0.4, _has(frequency_penalty=0.4)),
    "repetition_penalty": (1.1, _has(repetition_penalty=1.1)),
    "logit_bias": ({"5": -1.0}, _has(logit_bias={"5": -1.0})),
    "logprobs": (True, _has(logprobs=True)),
    "top_logprobs": (2, _has(top_logprobs=2)),
    "verbosity": ("low", _has(verbosity="low")),
    "parallel_tool_calls": (False, _has(parallel_tool_calls=False)),
    "enable_thinking": (True, _has(enable_thinking=True)),
    "thinking_budget": (9, _has(thinking_budget=9)),
    "reasoning_effort": ("low", _has(reasoning_effort="low")),
    "video_fps": (4, lambda body: body["messages"][0]["content"][1].get("fps") == 4),
    "preserve_thinking": (True, _has(preserve_thinking=True)),
    "reasoning_replay": ("never", lambda body: "reasoning_content" not in body["messages"][1]),
    "stream_usage": (False, lambda body: "stream_options" not in body),
    "extra_body": ({"a": {"c": 2}}, _has(a={"b": 1, "c": 2})),
}
"""What goes into the request body: the call's value, and how it shows there."""
TRANSPORT = {
    "provider", "api_key", "base_url", "allow_insecure", "connect_timeout", "timeout", "stream_idle_timeout",
    "deadline", "max_retries", "default_headers", "default_query", "http_client", "async_http_client",
}  # fmt: skip
OTHER_NAMES = {
    "model_name": "model",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "stop_sequences": "stop",
}


def test_every_setting_is_here() -> None:
    assert BODY.keys() | TRANSPORT == QwenSettings.model_fields.keys()
    assert not BODY.keys() & TRANSPORT


def _held(llm: ChatQwen) -> dict[str, Any]:
    """Every field's value, the hidden ones too, and what was set by hand."""
    values = {name: getattr(llm, name) for name in type(llm).model_fields}
    return {**values, "set": set(llm.model_fields_set), "dumped": llm.model_dump()}


HISTORY: list[BaseMessage] = [
    HumanMessage([{"type": "text", "text": "hi"}, {"type": "video", "url": "https://example.com/a.mp4"}]),
    AIMessage(
        "",
        tool_calls=[{"name": "f", "args": {}, "id": "c", "type": "tool_call"}],
        additional_kwargs={"reasoning_content": "R"},
    ),
    ToolMessage("x", tool_call_id="c"),
]


@pytest.mark.parametrize("name", [*BODY, *OTHER_NAMES])
async def test_what_goes_into_the_body(chats: Chats, name: str) -> None:
    value, shows = BODY[OTHER_NAMES.get(name, name)]
    llm = chats.answering(GOOD, provider="generic", extra_body={"a": {"b": 1}})
    calls: Any = llm.bind(tools=[TOOL])
    before, given = _held(llm), {name: value}
    merged(calls.stream(HISTORY))
    plain = chats.body
    assert not shows(plain)
    calls.invoke(HISTORY, **given)
    assert shows(chats.body)
    await calls.bind(**given).ainvoke(HISTORY)
    assert shows(chats.body)
    merged(calls.bind(**given).stream(HISTORY))
    assert shows(chats.body)
    await amerged(calls.astream(HISTORY, **given))
    assert shows(chats.body)
    merged(calls.stream(HISTORY, **{name: None}))  # which is "not given"
    assert chats.body == plain
    assert _held(llm) == before


@pytest.mark.parametrize("name", BODY)
def test_a_call_wins_over_the_model(chats: Chats, name: str) -> None:
    """The model has the value that calls had above; now the call says something else."""
    value, shows = BODY[name]
    settings: dict[str, Any] = {"provider": "generic", name: value}
    llm = chats.answering(GOOD, **settings)
    other: Any = {"model": "qwen3.6-flash", "stop": ["z"], "verbosity": "high", "reasoning_effort": "high",
        "logit_bias": {}, "extra_body": {"a": {"c": 3}}, "reasoning_replay": "auto"}.get(
        name, not value if isinstance(value, bool) else value + 1 if isinstance(value, (int, float)) else None
    )  # fmt: skip
    before = _held(llm)
    calls: Any = llm.bind(tools=[TOOL])
    merged(calls.stream(HISTORY, **{name: other}))
    assert not shows(chats.body)
    assert _held(llm) == before


def test_a_call_without_stop_sequences(chats: Chats) -> None:
    llm = chats.answering(GOOD, stop=["x"])
    llm.invoke("hi", stop=[])
    assert "stop" not in chats.body


def test_a_provider_and_its_spelling(chats: Chats) -> None:
    """Address and key of the model's own provider do not go to another."""
    llm = chats.answering(GOOD, enable_thinking=True)
    url = chats.sandbox.script("elsewhere", GOOD.body)
    before = _held(llm)
    there: dict[str, Any] = {"provider": "wcode", "model": "qwen/qwen3-235b-a22b", "base_url": url}
    answer = llm.invoke("hi", **there, api_key="sk-other")
    assert chats.body["reasoning"] == {"effort": "medium"}
    assert chats.sandbox.last_request.headers["authorization"] == "Bearer sk-other"
    assert chats.sandbox.last_request.path.startswith("/script/elsewhere/")
    assert answer.response_metadata["provider"] == "wcode"
    count = len(chats.bodies)
    with pytest.raises(ConfigurationError, match="WCODE_API_KEY"):
        llm.invoke("hi", **there)
    assert len(chats.bodies) == count
    llm.bind(provider=None).invoke("hi")
    assert chats.sandbox.last_request.headers["authorization"] == f"Bearer {chats.sandbox.api_key}"
    assert _held(llm) == before


@pytest.mark.parametrize("key", ["sk-other", SecretStr("sk-other")], ids=["text", "secret"])
async def test_a_key_and_an_address(chats: Chats, key: Any) -> None:
    llm: Any = chats.at("flash", max_retries=0)
    before = _held(llm)
    with pytest.raises(AuthenticationError):
        llm.invoke("hi", api_key=key)
    assert chats.sandbox.last_request.headers["authorization"] == "Bearer sk-other"
    with pytest.raises(AuthenticationError):
        await llm.bind(api_key=key).ainvoke("hi")
    for name in ("base_url", "api_base"):
        url = chats.sandbox.script(f"by-{name}", GOOD.body)
        assert (await llm.ainvoke("hi", **{name: url})).text == "x"
        assert chats.sandbox.last_request.path == f"/script/by-{name}/v1/chat/completions"
    assert llm.invoke("Say exactly: y").text == "y"
    assert _held(llm) == before


def test_a_key_in_clear_text(chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the permission it is sent, here to a proxy that knows no such host."""
    monkeypatch.setenv("HTTP_PROXY", chats.sandbox.url)
    monkeypatch.setenv("http_proxy", chats.sandbox.url)
    llm = chats.at("flash", max_retries=0)
    before = _held(llm)
    with pytest.raises(ConfigurationError, match="clear text"):
        llm.invoke("hi", base_url="http://qwen.example.com/v1")
    with pytest.raises(QwenError, match="sandbox does not serve"):
        llm.invoke("hi", base_url="http://qwen.example.com/v1", allow_insecure=True)
    assert _held(llm) == before


def test_headers_and_retries(chats: Chats) -> None:
    llm = chats.at("flash", default_headers={"x-team": "a", "x-own": "b"})
    before = _held(llm)
    llm.invoke("hi", default_headers={"x-team": "c"})
    headers = chats.sandbox.last_request.headers
    assert headers["x-team"] == "c"
    assert "x-own" not in headers
    merged(llm.stream("hi"))
    headers = chats.sandbox.last_request.headers
    assert (headers["x-team"], headers["x-own"]) == ("a", "b")
    assert _held(llm) == before

    failing: Any = chats.answering(
        refusal(500, {"error": {"message": "oops"}}, **{"retry-after-ms": "1"}), max_retries=1
    )
    before = _held(failing)
    for given, attempts in (({}, 2), ({"max_retries": 0}, 1), ({"max_retries": 2}, 3)):
        count = len(chats.bodies)
        with pytest.raises(QwenError):
            failing.invoke("hi", **given)
        assert len(chats.bodies) == count + attempts
    assert _held(failing) == before


async def test_patience_ends(chats: Chats) -> None:
    slow = sse([chunk(content="one"), chunk(content="two"), chunk("stop")])
    with Sandbox(chunk_delay=0.15) as sandbox:
        llm: Any = chats.at("flash", base_url=sandbox.script_sequence("slow", [slow]), max_retries=0)
        for given, told in (({"timeout": 0.05}, "timeout"), ({"stream_idle_timeout": 0.05}, "stream_idle_timeout")):
            with pytest.raises(QwenError, match=told):
                merged(llm.stream("hi", **given))
        assert merged(llm.stream("hi")).text == "onetwo"
        with pytest.raises(QwenError, match="timeout"):
            await llm.ainvoke("hi", timeout=0.05)
        await llm.aclose()
        llm.close()


@pytest_asyncio.fixture(loop_scope="session")
async def own_clients() -> AsyncIterator[dict[str, Any]]:
    """HTTP clients of one's own, which note where they were sent."""
    asked: list[str] = []

    def note(request: Any) -> None:
        asked.append(str(request.url))

    async def anote(request: Any) -> None:
        note(request)

    client = httpx2.Client(verify=False, event_hooks={"request": [note]})
    async_client = httpx2.AsyncClient(verify=False, event_hooks={"request": [anote]})
    with client:
        async with async_client:
            yield {"http_client": client, "async_http_client": async_client, "asked": asked}


async def test_clients_of_ones_own_and_a_query(chats: Chats, own_clients: dict[str, Any]) -> None:
    asked = own_clients.pop("asked")
    llm: Any = chats.at("flash", default_query={"v": "1"})
    before = _held(llm)
    llm.invoke("hi")
    assert asked == []
    assert llm.invoke("Say exactly: x", **own_clients).text == "x"
    assert merged(llm.bind(**own_clients).stream("Say exactly: y", default_query={"w": "2"})).text == "y"
    assert (await llm.ainvoke("Say exactly: z", extra_query={"w": "3"}, **own_clients)).text == "z"
    url = f"{llm.base_url}/chat/completions"
    assert asked == [f"{url}?v=1", f"{url}?w=2", f"{url}?v=1&w=3"]
    assert _held(llm) == before


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"temperature": "warm"}, "temperature"),
        ({"max_retries": -1}, "max_retries"),
        ({"connect_timeout": -1}, "connect_timeout"),
        ({"timeout": 0}, "timeout"),
        ({"stream_idle_timeout": "soon"}, "stream_idle_timeout"),
        ({"deadline": 0}, "deadline"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"provider": 5}, "provider"),
        ({"stop": 5}, "stop"),
        ({"extra_body": "text"}, "extra_body"),
        ({"default_headers": ["x"]}, "default_headers"),
        ({"extra_headers": "x"}, "extra_headers"),
        ({"extra_query": "x"}, "extra_query"),
        ({"base_url": "nowhere"}, "nowhere"),
        ({"enable_thinking": True, "reasoning_effort": "none"}, "contradict"),
    ],
    ids=str,
)
def test_nonsense_of_a_call_is_refused(chats: Chats, given: dict[str, Any], told: str) -> None:
    llm = chats.at("flash")
    before = _held(llm)
    with pytest.raises(ConfigurationError, match=told):
        llm.invoke("hi", **given)
    assert chats.bodies == []
    assert _held(llm) == before
