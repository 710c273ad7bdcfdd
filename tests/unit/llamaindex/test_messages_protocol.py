"""Qwen over Messages: eight ways to one answer, calls, failures, and what the framework is told."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.llms.qwen import Qwen
from llama_index_llm_tests import Answer, Call
from pydantic import SecretStr
from qwen_endpoints import AuthenticationError, ConfigurationError, QwenError, RateLimitError, ServerError

from tests.unit.llamaindex.calling import LOOKUP, MULTIPLY, executable
from tests.unit.llamaindex.ecosystem import WEATHER
from tests.unit.llamaindex.messages import OVER_MESSAGES, reply, told
from tests.unit.llamaindex.watching import CHATS, COMPLETIONS, EIGHT, ask, each_way

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen_sandbox import Sandbox


each_chat = pytest.mark.parametrize("way", CHATS)
BOTH: Any = [WEATHER, MULTIPLY]
CASES: dict[str, tuple[str, dict[str, Any], list[type]]] = {
    "text": ("What is 12 times 7?", {}, [TextBlock]),
    "a cut text": ("Count from 1 to 40", {"max_tokens": 9}, [TextBlock]),
    "a thought": ("What is 12 times 7?", {"enable_thinking": True}, [ThinkingBlock, TextBlock]),
    "two calls": ("Get the weather in Paris and London", {"tools": BOTH}, [ToolCallBlock] * 2),
    "a thought and two calls": (
        "Get the weather in Paris and London",
        {"tools": BOTH, "enable_thinking": True},
        [ThinkingBlock, ToolCallBlock, ToolCallBlock],
    ),
}
EVERYTHING = Answer(
    text="Let me look.",
    reasoning="It is about weather.",
    calls=[Call(), Call("get_time", '{"zone": "CET"}', "call-2")],
)


@pytest.fixture
def llm(make_llm: Callable[..., Qwen]) -> Qwen:
    return make_llm(**OVER_MESSAGES)


# One answer


@pytest.mark.parametrize("case", CASES)
async def test_every_way_gives_the_same_answer(llm: Qwen, qwen_sandbox: Sandbox, case: str) -> None:
    question, options, kinds = CASES[case]
    answers = [(await ask(llm, way, question, **options))[-1] for way in CHATS]
    assert [type(block) for block in answers[0].message.blocks] == kinds
    assert all(told(answer) == told(answers[0]) for answer in answers)
    asked = [{**request.json, "stream": None} for request in qwen_sandbox.requests]
    assert asked == [asked[0]] * 4
    assert {request.path for request in qwen_sandbox.requests} == {"/wcode/api/anthropic/v1/messages"}


@each_chat
async def test_thought_text_and_calls_are_one_answer(scripted_messages: Callable[..., Qwen], way: str) -> None:
    llm = scripted_messages(reply(way, EVERYTHING))
    frames = await ask(llm, way, "hi")
    thought, text, first, second = frames[-1].message.blocks
    assert (thought.content, text.text) == ("It is about weather.", "Let me look.")
    assert [(call.tool_call_id, call.tool_name, call.tool_kwargs) for call in (first, second)] == [
        ("call-1", "get_weather", {"city": "Paris"}),
        ("call-2", "get_time", {"zone": "CET"}),
    ]
    assert executable(llm, frames[-1]) == [
        ("call-1", "get_weather", {"city": "Paris"}),
        ("call-2", "get_time", {"zone": "CET"}),
    ]
    assert (frames[-1].additional_kwargs["finish_reason"], frames[-1].additional_kwargs["native_finish_reason"]) == (
        "tool_calls",
        "tool_use",
    )
    assert len(frames) > 6 or "stream" not in way


@each_chat
async def test_frames_add_up(llm: Qwen, way: str) -> None:
    frames = await ask(llm, way, "What is 12 times 7?", enable_thinking=True)
    thought, text = frames[-1].message.blocks
    if "stream" in way:
        assert "".join(frame.additional_kwargs.get("thinking_delta", "") for frame in frames) == thought.content
        assert "".join(frame.delta or "" for frame in frames) == text.text
        assert sum(bool(frame.delta) for frame in frames) > 2
    assert text.text == "12 * 7 = 84"


@pytest.mark.parametrize("way", COMPLETIONS)
async def test_a_completion_is_a_chat_of_one_message(llm: Qwen, qwen_sandbox: Sandbox, way: str) -> None:
    frames = await ask(llm, way, "What is 12 times 7?", enable_thinking=True)
    assert frames[-1].text == "12 * 7 = 84"
    assert "12 times 7" in frames[-1].additional_kwargs["thinking"]
    (turn,) = qwen_sandbox.last_request.json["messages"]
    assert (turn["role"], turn["content"][0]["text"]) == ("user", "What is 12 times 7?")


# Calls


@each_chat
@pytest.mark.parametrize("most", [3, 8, 12])
async def test_a_call_cut_by_length_is_not_executed(llm: Qwen, way: str, most: int) -> None:
    response = (await ask(llm, way, "What is 6 times 7?", tools=[MULTIPLY], max_tokens=most))[-1]
    (call,) = response.message.blocks
    assert (call.tool_name, response.additional_kwargs["finish_reason"]) == ("multiply", "length")
    assert isinstance(call.tool_kwargs, str)
    assert executable(llm, response) == []
    (invalid,) = response.additional_kwargs["invalid_tool_calls"]
    assert "cut off" in invalid["error"]


@pytest.mark.parametrize("way", ["chat", "achat"])
async def test_arguments_that_came_whole_may_still_be_cut(scripted_messages: Callable[..., Qwen], way: str) -> None:
    llm = scripted_messages(reply(way, Answer(calls=[Call(), Call(id="call-2")], finish="length")))
    response = (await ask(llm, way, "hi"))[-1]
    assert executable(llm, response) == [("call-1", "get_weather", {"city": "Paris"})]
    (invalid,) = response.additional_kwargs["invalid_tool_calls"]
    assert (invalid["id"], invalid["arguments"]) == ("call-2", '{"city": "Paris"')


@pytest.mark.parametrize(
    ("options", "choice"),
    [
        ({"allow_parallel_tool_calls": True}, None),
        ({}, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"tool_choice": "auto", "allow_parallel_tool_calls": True}, {"type": "auto"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_required": True, "allow_parallel_tool_calls": True}, {"type": "any"}),
        ({"tool_required": True}, {"type": "any", "disable_parallel_tool_use": True}),
        ({"tool_choice": "lookup", "allow_parallel_tool_calls": True}, {"type": "tool", "name": "lookup"}),
    ],
)
def test_tool_choices(llm: Qwen, qwen_sandbox: Sandbox, options: dict[str, Any], choice: Any) -> None:
    llm.chat_with_tools([MULTIPLY, LOOKUP], user_msg="What is 6 times 7?", **options)
    body = qwen_sandbox.last_request.json
    assert body.get("tool_choice") == choice
    assert [tool["name"] for tool in body["tools"]] == ["multiply", "lookup"]


@each_chat
async def test_one_call_where_parallel_calls_are_not_allowed(llm: Qwen, way: str) -> None:
    response = (await ask(llm, way, "Get the weather in Paris and London", tools=BOTH, parallel_tool_calls=False))[-1]
    assert [(name, given) for _, name, given in executable(llm, response)] == [("get_weather", {"city": "Paris"})]


@each_chat
async def test_a_forced_choice_switches_thinking_off_and_says_so(llm: Qwen, qwen_sandbox: Sandbox, way: str) -> None:
    options: dict[str, Any] = {"tools": [MULTIPLY], "tool_choice": "required", "enable_thinking": True}
    response = (await ask(llm, way, "hello", **options))[-1]
    assert qwen_sandbox.last_request.json["thinking"] == {"type": "disabled"}
    assert "forced tool choice" in response.additional_kwargs["notes"][0]
    assert len(executable(llm, response)) == 1


# Failures


@each_way
@pytest.mark.parametrize(
    ("token", "kind"), [("401", AuthenticationError), ("429", RateLimitError), ("529", ServerError)]
)
async def test_a_refusal_has_its_kind(
    make_llm: Callable[..., Qwen], way: str, token: str, kind: type[QwenError]
) -> None:
    llm = make_llm(**OVER_MESSAGES, max_retries=0)
    with pytest.raises(kind, match="wcode-anthropic") as caught:
        await ask(llm, way, f"[[sandbox:{token}]]")
    assert caught.value.status == int(token)
    assert caught.value.request_id


async def test_a_wrong_key_is_refused_and_not_shown(qwen_sandbox: Sandbox) -> None:
    url = qwen_sandbox.base_url("wcode-anthropic")
    llm = Qwen(base_url=url, api_key=SecretStr("sk-wrong-key"), **OVER_MESSAGES)
    for way in EIGHT:
        with pytest.raises(AuthenticationError) as caught:
            await ask(llm, way, "hi")
        assert "sk-wrong-key" not in str(caught.value)
    assert {request.headers["x-api-key"] for request in qwen_sandbox.requests} == {"sk-wrong-key"}
    assert [request for request in qwen_sandbox.requests if "authorization" in request.headers] == []
    llm.close()
    await llm.aclose()


@pytest.mark.parametrize("way", [way for way in EIGHT if "stream" in way])
async def test_an_error_in_mid_stream_holds_what_came(make_llm: Callable[..., Qwen], way: str) -> None:
    llm = make_llm(**OVER_MESSAGES)
    with pytest.raises(ServerError, match="Overloaded") as caught:
        await ask(llm, way, "Tell me a story [[sandbox:error_event]]")
    assert caught.value.retryable
    assert caught.value.partial is not None
    assert caught.value.partial.first.text.startswith("Once there was")


_BLOCKED = """
import asyncio, sys
sys.modules.update(openai=None, anthropic=None)
from llama_index.llms.qwen import Qwen

for provider, url in {urls!r}:
    llm = Qwen(model="qwen/qwen3-235b-a22b", provider=provider, base_url=url, api_key={key!r})
    print(llm.complete("Say exactly: x").text, [*llm.stream_complete("Say exactly: y")][-1].text)
    print(asyncio.run(llm.acomplete("Say exactly: z")).text)
"""


def test_no_sdk_is_needed(qwen_sandbox: Sandbox) -> None:
    providers: tuple[Any, ...] = ("wcode", "wcode-anthropic")
    urls = [(provider, qwen_sandbox.base_url(provider)) for provider in providers]
    script = _BLOCKED.format(urls=urls, key=qwen_sandbox.api_key)
    done = subprocess.run(  # noqa: S603 - this Python, and the script above
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["x", "y", "z"] * 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seed": 7}, "seed=7"),
        ({"frequency_penalty": 0.5}, "frequency_penalty=0.5"),
        ({"logprobs": True}, "logprobs=True"),
        ({"n": 2}, "n=2"),
        ({"temperature": 1.5}, "it takes 0 to 1"),
        ({"enable_thinking": True, "temperature": 0.5}, "cannot stand beside thinking"),
        ({"enable_thinking": True, "top_k": 5}, "cannot stand beside thinking"),
        ({"thinking_budget": 100}, "at least 1024"),
        ({"thinking_budget": 2048, "max_tokens": 2048}, "leaves no room"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
    ],
    ids=lambda case: "+".join(case) if isinstance(case, dict) else None,
)
async def test_what_the_protocol_cannot_say_is_refused_here(
    llm: Qwen, qwen_sandbox: Sandbox, settings: dict[str, Any], words: str
) -> None:
    for way in EIGHT:
        with pytest.raises(ConfigurationError) as caught:
            await ask(llm, way, "hi", **settings)
        assert words in str(caught.value)
        assert "wcode-anthropic" in str(caught.value)
    assert not qwen_sandbox.requests


@each_chat
async def test_a_later_system_message_is_the_users(llm: Qwen, qwen_sandbox: Sandbox, way: str) -> None:
    later = [ChatMessage("hi"), ChatMessage(role=MessageRole.SYSTEM, content="Be brief.")]
    answer = (await ask(llm, way, later))[-1]
    (turn,) = qwen_sandbox.last_request.json["messages"]
    assert (turn["role"], [block["text"] for block in turn["content"]]) == ("user", ["hi", "Be brief."])
    assert "a later system message went as the user's" in str(answer.additional_kwargs["notes"])


# What the framework is told


def test_metadata(llm: Qwen) -> None:
    told = llm.metadata
    assert (told.context_window, told.num_output, told.model_name) == (131_072, 8192, "qwen/qwen3-235b-a22b")
    assert (told.is_chat_model, told.is_function_calling_model) == (True, True)


async def test_a_dump_restores_the_model_without_its_secrets(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm = llm.model_copy(update={"thinking_budget": 2048, "default_headers": {"x-team": "header-secret"}})
    dumps = [str(llm.to_dict()), llm.to_json(), repr(llm)]
    assert [secret for secret in (qwen_sandbox.api_key, "header-secret") if secret in "".join(dumps)] == []
    key = {"api_key": SecretStr(qwen_sandbox.api_key)}
    for again in (Qwen.from_dict(llm.to_dict(), **key), Qwen.from_json(llm.to_json(), **key)):
        assert again.provider == "wcode-anthropic"
        for way in ("chat", "astream_chat"):
            assert (await ask(again, way, "What is 2 + 3?"))[-1].message.content == "2 + 3 = 5"
            assert qwen_sandbox.last_request.json["thinking"] == {"type": "enabled", "budget_tokens": 2048}
        again.close()
        await again.aclose()
