"""What goes wrong in three LLMs of LlamaIndex that are not built on OpenAI's, each as a test of what happens here.

2.5 DashScope 0.7.0, 2.6 LiteLLM 0.8.0 and 2.7 Anthropic 0.12.3. The names follow the order in which the defects were
found by running them against scripted replies.
"""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
import inspect
import json
from importlib.metadata import requires
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import (
    CacheControl,
    CachePoint,
    ChatMessage,
    ChatResponse,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.qwen import Qwen
from packaging.requirements import Requirement
from pydantic import BaseModel, SecretStr
from qwen_endpoints import AuthenticationError

from tests.unit.llamaindex.ecosystem import MULTIPLY, PIXEL, WEATHER, quiet, said, sent, start
from tests.unit.llamaindex.peers import ASK, both, call, calls, made, piece, thought

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen_sandbox import Sandbox

pytestmark = quiet

SECRET = "sk-do-not-show"
ABOUT = PromptTemplate("Name a point: 3.")


class Point(BaseModel):
    """A point."""

    x: int


def go(to: Any, name: str) -> str:
    """Go to a point."""
    return f"{name} {to}"


class Move(BaseModel):
    """A move."""

    to: Point
    again: list[Point]
    name: str = "a"


# DashScope


def test_2_5_01_reasoning_is_a_block(make_llm: Callable[..., Qwen]) -> None:
    answer = make_llm(enable_thinking=True).chat(ASK)
    assert [type(block) for block in answer.message.blocks] == [ThinkingBlock, TextBlock]


def test_2_5_02_a_message_is_not_wrapped_into_itself(make_llm: Callable[..., Qwen]) -> None:
    assert make_llm(enable_thinking=True).chat(ASK).message.additional_kwargs == {}


async def test_2_5_03_reasoning_streams(make_llm: Callable[..., Qwen]) -> None:
    llm = make_llm(enable_thinking=True)
    for frames in await both(llm):
        told = "".join(frame.additional_kwargs.get("thinking_delta", "") for frame in frames)
        assert told == thought(frames[-1]) != ""


async def test_2_5_04_a_chunk_without_content_is_no_error(scripted: Callable[..., Qwen]) -> None:
    llm = scripted([piece(role="assistant", content=None), piece(content="42"), piece("stop", content=None)])
    for frames in await both(llm):
        assert frames[-1].message.content == "42"


async def test_2_5_05_calls_stream(scripted: Callable[..., Qwen]) -> None:
    llm = scripted(calls([call(0, '{"a": 1}', "f", "c0")]))
    for frames in await both(llm):
        assert made(llm, frames[-1]) == [("c0", "f", {"a": 1})]


async def test_2_5_06_spaces_between_fragments_stay(scripted: Callable[..., Qwen]) -> None:
    fragments = ['{"text": "two', " words", " \\n ", 'end "}']
    llm = scripted(calls([call(0, "", "f", "c0")], *([call(0, fragment)] for fragment in fragments)))
    for frames in await both(llm):
        assert made(llm, frames[-1]) == [("c0", "f", json.loads("".join(fragments)))]


async def test_2_5_07_an_agent_reads_every_frame(scripted: Callable[..., Qwen]) -> None:
    letters = '{"a": 6, "b": 7}'
    stream = calls([call(0, "", "multiply", "c0")], *([call(0, letter)] for letter in letters))
    llm = scripted(stream, [piece(content="42"), piece("stop")])
    handler = start(FunctionAgent(tools=[MULTIPLY], llm=llm), "What is 6 times 7?")
    ran = [event.tool_kwargs async for event in handler.stream_events() if isinstance(event, ToolCallResult)]
    assert ran == [{"a": 6, "b": 7}]
    assert str(await handler) == "42"


async def test_2_5_08_a_refusal_is_an_error(make_llm: Callable[..., Qwen]) -> None:
    llm = make_llm()
    ask = [ChatMessage("[[sandbox:401]]")]
    with pytest.raises(AuthenticationError):
        llm.chat(ask)
    with pytest.raises(AuthenticationError):
        await llm.achat(ask)
    with pytest.raises(AuthenticationError):
        list(llm.stream_chat(ask))
    with pytest.raises(AuthenticationError):
        _ = [frame async for frame in await llm.astream_chat(ask)]


def test_2_5_09_pictures_and_videos_are_sent(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    picture, video = ImageBlock(image=PIXEL.encode()), VideoBlock(url="https://example.com/a.mp4")
    llm.chat([ChatMessage(blocks=[TextBlock(text="See"), picture, video])])
    parts = sent(qwen_sandbox)[0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "video_url"]
    assert parts[1]["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"
    assert parts[2]["video_url"]["url"] == "https://example.com/a.mp4"


def test_2_5_10_a_tools_schema_arrives_whole(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm.chat(ASK, tools=[FunctionTool.from_defaults(go, fn_schema=Move)])
    parameters = qwen_sandbox.last_request.json["tools"][0]["function"]["parameters"]
    assert set(parameters["required"]) == {"to", "again"}
    inside = json.dumps(parameters)
    assert inside.count('"integer"') == (1 if "$defs" in parameters else 2)
    assert "#/$defs/" not in inside or set(parameters["$defs"]) == {"Point"}


def test_2_5_11_choice_and_parallel_calls_are_obeyed(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm.chat_with_tools([MULTIPLY, WEATHER], user_msg="hi", tool_required=True)
    assert qwen_sandbox.last_request.json["tool_choice"] == "required"
    llm.chat_with_tools([MULTIPLY, WEATHER], user_msg="hi", tool_choice="get_weather")
    assert qwen_sandbox.last_request.json["tool_choice"]["function"] == {"name": "get_weather"}
    llm.chat_with_tools([WEATHER], user_msg="hi", allow_parallel_tool_calls=True)
    assert qwen_sandbox.last_request.json["parallel_tool_calls"] is True


async def test_2_5_12_arguments_of_a_streamed_completion_are_not_nested(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    list(llm.stream_complete("hi", seed=3))
    _ = [frame async for frame in await llm.astream_complete("hi", seed=3)]
    for request in qwen_sandbox.requests:
        assert request.json["seed"] == 3
        assert "kwargs" not in request.json


async def test_2_5_13_the_frameworks_settings_are_kept(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    counter = TokenCountingHandler(tokenizer=lambda text: list(text.encode()))
    llm = make_llm(
        system_prompt="Be kind.",
        completion_to_prompt="<{}>".format,
        callback_manager=CallbackManager([counter]),
    )
    llm.predict(PromptTemplate("hi"))
    assert sent(qwen_sandbox)[0] == {"role": "system", "content": "Be kind."}
    llm.complete("hi")
    assert sent(qwen_sandbox)[-1]["content"] == "<hi>"
    assert len(counter.llm_token_counts) == 2


def test_2_5_14_each_model_has_its_own_window() -> None:
    models = (Qwen(model=model, provider="dashscope") for model in ("qwen3-32b", "qwen3.6-flash"))
    assert [model.metadata.context_window for model in models] == [131_072, 1_000_000]


def test_2_5_15_no_limit_and_no_seed_of_its_own(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm.complete("hi")
    assert set(qwen_sandbox.last_request.json) == {"model", "messages"}


def test_2_5_16_only_values_of_the_callers_are_sent(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    list(llm.stream_chat(ASK, seed=1))
    body = qwen_sandbox.last_request.json
    assert "format" not in body
    assert "<built-in" not in json.dumps(body)


def test_2_5_17_calls_are_blocks_both_ways(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    answer = llm.chat(ASK, tools=[MULTIPLY])
    (block,) = answer.message.blocks
    assert isinstance(block, ToolCallBlock)
    assert block.tool_kwargs == {"a": 6, "b": 7}
    # By the block alone, without the list beside it.
    said_so = ChatMessage(role=MessageRole.ASSISTANT, blocks=[block])
    result = ChatMessage(role=MessageRole.TOOL, content="42", additional_kwargs={"tool_call_id": block.tool_call_id})
    llm.chat([*ASK, said_so, result], tools=[MULTIPLY])
    (again,) = sent(qwen_sandbox)[1]["tool_calls"]
    assert again["id"] == block.tool_call_id
    assert json.loads(again["function"]["arguments"]) == {"a": 6, "b": 7}


def test_2_5_18_no_version_is_pinned() -> None:
    needed = [Requirement(line) for line in requires("llama-index-llms-qwen") or ()]
    assert not any(spec.operator == "==" for item in needed for spec in item.specifier)


# LiteLLM


async def test_2_6_01_reasoning_goes_in_and_out(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(enable_thinking=True)
    for answer in (llm.chat(ASK), *(frames[-1] for frames in await both(llm))):
        assert thought(answer)
    llm.chat([*ASK, llm.chat(ASK).message, ChatMessage("Thanks")], reasoning_replay="always")
    assert sent(qwen_sandbox)[1]["reasoning_content"]


def test_2_6_02_blocks_are_no_error_on_the_way_in(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    called = ToolCallBlock(tool_call_id="c1", tool_name="multiply", tool_kwargs='{"a": 6, "b": 7}')
    spoken = ChatMessage(role=MessageRole.ASSISTANT, blocks=[ThinkingBlock(content="hm"), called])
    result = ChatMessage(role=MessageRole.TOOL, content="42", additional_kwargs={"tool_call_id": "c1"})
    video = ChatMessage(blocks=[VideoBlock(url="https://example.com/a.mp4")])
    llm.chat([video, spoken, result])
    assert [message["role"] for message in sent(qwen_sandbox)] == ["user", "assistant", "tool"]


def test_2_6_03_calls_are_read_from_blocks_and_arguments_of_the_framework_are_taken(llm: Qwen) -> None:
    block = ToolCallBlock(tool_call_id="c1", tool_name="f", tool_kwargs={"a": 1})
    answer = ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, blocks=[block]))
    assert made(llm, answer) == [("c1", "f", {"a": 1})]
    taken = inspect.signature(llm.get_tool_calls_from_response).parameters.values()
    assert any(parameter.kind == inspect.Parameter.VAR_KEYWORD for parameter in taken)


def test_2_6_04_a_call_is_forced_although_no_choice_is_named(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm.chat_with_tools([MULTIPLY], user_msg="hi", tool_required=True, tool_choice=None)
    assert qwen_sandbox.last_request.json["tool_choice"] == "required"


def test_2_6_05_nothing_about_tools_goes_out_without_them(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm.chat_with_tools([], user_msg="hi", allow_parallel_tool_calls=True)
    llm.chat(ASK, parallel_tool_calls=True)
    assert [set(request.json) for request in qwen_sandbox.requests] == [{"model", "messages"}] * 2


def test_2_6_06_facts_about_an_answer_are_told(llm: Qwen) -> None:
    told = llm.chat(ASK).additional_kwargs
    assert {"prompt_tokens", "completion_tokens", "total_tokens", "finish_reason", "model"} <= set(told)


async def test_2_6_07_a_streams_token_counts_come_unasked(llm: Qwen) -> None:
    whole = llm.chat(ASK).additional_kwargs["total_tokens"]
    for frames in await both(llm):
        assert frames[-1].additional_kwargs["total_tokens"] == whole
        raw: Any = frames[-1].raw
        assert raw["usage"]["total_tokens"] == whole


@pytest.mark.filterwarnings("ignore:Model 'qwen-of-tomorrow':UserWarning")
def test_2_6_08_an_unknown_model_can_be_worked_with() -> None:
    metadata = Qwen(model="qwen-of-tomorrow", provider="vllm", base_url="http://gpu1/v1").metadata
    assert metadata.context_window == 131_072
    assert metadata.is_function_calling_model


def test_2_6_09_secrets_are_in_no_dump() -> None:
    llm = Qwen(
        model="qwen3.6-flash",
        provider="anyfast",
        api_key=SecretStr(SECRET),
        default_headers={"x-key": SECRET},
        default_query={"key": SECRET},
    )
    assert SECRET not in llm.to_json() + str(llm.to_dict()) + repr(llm)


def test_2_6_10_the_endpoint_says_how_hot_is_too_hot(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm.chat(ASK, temperature=1.5)
    assert qwen_sandbox.last_request.json["temperature"] == 1.5


def test_2_6_11_it_gives_up_after_three_tries() -> None:
    assert Qwen(model="qwen3.6-flash", provider="anyfast").max_retries == 2  # `test_2_1_14_…` counts them on the wire


def test_2_6_12_broken_arguments_are_not_an_empty_call(scripted: Callable[..., Qwen]) -> None:
    llm = scripted(said(None, "length", tool_calls=[call(0, '{"a": 6, "b"', "f", "c0")]))
    answer = llm.chat(ASK)
    assert made(llm, answer) == []
    (block,) = answer.message.blocks
    assert isinstance(block, ToolCallBlock)
    assert block.tool_kwargs == '{"a": 6, "b"'
    assert answer.additional_kwargs["invalid_tool_calls"][0]["name"] == "f"


async def test_2_6_13_a_repeated_id_and_name_are_one(scripted: Callable[..., Qwen]) -> None:
    llm = scripted(calls([call(0, "{", "f", "c0")], [call(0, "}", "f", "c0")]))
    for frames in await both(llm):
        assert made(llm, frames[-1]) == [("c0", "f", {})]


async def test_2_6_14_calls_under_one_index_are_told_apart(scripted: Callable[..., Qwen]) -> None:
    llm = scripted(calls([call(0, '{"a": 1}', "f", "c0"), call(0, '{"a": 2}', "g", "c1")]))
    for frames in await both(llm):
        assert made(llm, frames[-1]) == [("c0", "f", {"a": 1}), ("c1", "g", {"a": 2})]


# Anthropic


async def test_2_7_1_agents_get_the_thoughts(make_llm: Callable[..., Qwen]) -> None:
    llm = make_llm(enable_thinking=True)
    handler = start(FunctionAgent(tools=[MULTIPLY], llm=llm), "hi")
    shown = [event.thinking_delta async for event in handler.stream_events() if isinstance(event, AgentStream)]
    await handler
    assert any(shown)
    assert not any("thinking_delta" in frame.message.additional_kwargs for frame in llm.stream_chat(ASK))


async def test_2_7_2_a_block_is_there_while_it_grows(scripted: Callable[..., Qwen]) -> None:
    head = [piece(reasoning_content="a"), piece(reasoning_content="b"), piece(content="c")]
    llm = scripted([*head, piece(tool_calls=[call(0, "{", "f", "c0")]), piece("tool_calls")])
    for frames in await both(llm):
        assert [len(frame.message.blocks) for frame in frames] == [1, 1, 2, 3, 3]
        assert [thought(frame) for frame in frames[:3]] == ["a", "ab", "ab"]


async def test_2_7_3_a_frame_never_changes_later(scripted: Callable[..., Qwen]) -> None:
    stream = [piece(reasoning_content="a"), piece(content="b"), piece(content="c")]
    growing = calls([call(0, "{", "f", "c0")], [call(0, "}")])
    llm = scripted([*stream, *growing])
    seen = [(frame, frame.model_dump_json()) for frame in llm.stream_chat(ASK)]
    seen += [(frame, frame.model_dump_json()) async for frame in await llm.astream_chat(ASK)]
    assert [frame.model_dump_json() for frame, _ in seen] == [then for _, then in seen]
    blocks = [id(block) for frame, _ in seen for block in frame.message.blocks]
    assert len(set(blocks)) == len(blocks)


async def test_2_7_4_a_completion_is_counted_once(make_llm: Callable[..., Qwen]) -> None:
    counter = TokenCountingHandler(tokenizer=lambda text: list(text.encode()))
    llm = make_llm(callback_manager=CallbackManager([counter]))
    answers = [llm.complete("hi"), await llm.acomplete("hi"), list(llm.stream_complete("hi"))[-1]]
    assert len(counter.llm_token_counts) == 3
    told = sum(answer.additional_kwargs["total_tokens"] for answer in answers)
    assert counter.total_llm_token_count == told


async def test_2_7_5_a_question_may_be_a_message(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    question = ChatMessage(blocks=[TextBlock(text="What is 6 times 7?")])
    llm.chat_with_tools([MULTIPLY], user_msg=question, chat_history=[ChatMessage("hi")])
    await llm.achat_with_tools([MULTIPLY], user_msg=question, chat_history=[ChatMessage("hi")])
    for request in qwen_sandbox.requests:
        assert [message["content"] for message in request.json["messages"]] == ["hi", "What is 6 times 7?"]


def test_2_7_6_marks_of_a_cache_do_not_touch_the_callers_message(
    scripted: Callable[..., Qwen], qwen_sandbox: Sandbox
) -> None:
    llm = scripted(said("ok"), provider="dashscope", model="qwen-plus", api_key=SecretStr("k"))
    point = CachePoint(cache_control=CacheControl(type="ephemeral"))
    message = ChatMessage(blocks=[TextBlock(text="long"), point], additional_kwargs={"name": "ann"})
    before = copy.deepcopy(message)
    llm.chat([message])
    assert message == before
    assert sent(qwen_sandbox)[0]["content"][0]["cache_control"] == {"type": "ephemeral"}


async def test_2_7_7_the_system_prompt_holds_for_structured_answers(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox
) -> None:
    llm = make_llm(system_prompt="Be kind.")
    llm.structured_predict(Point, ABOUT)
    await llm.astructured_predict(Point, ABOUT)
    list(llm.stream_structured_predict(Point, ABOUT))
    _ = [item async for item in await llm.astream_structured_predict(Point, ABOUT)]
    llm.as_structured_llm(Point).chat([ChatMessage("3")])
    heads = [request.json["messages"][0] for request in qwen_sandbox.requests]
    assert [(head["role"], "Be kind." in head["content"]) for head in heads] == [("system", True)] * 5
