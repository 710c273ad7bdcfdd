"""Twenty-three things that go wrong in llama-index-llms-openai, each as a test of what happens here.

OpenAILike, OpenRouter and DeepSeek are built on that class and inherit them. The names follow the order in which the
defects were found by running it (0.6.26 to 0.8.3) against scripted replies. More peers: `test_peer_defects_more.py`.
"""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import copy
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import openai
import pytest
from llama_index.core.base.llms.types import (
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.prompts import PromptTemplate
from llama_index.llms.qwen import Qwen
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel, SecretStr
from qwen_endpoints import ConfigurationError, MalformedResponseError, RateLimitError, ServerError
from qwen_sandbox import Reply
from typing_extensions import override

from tests.unit.llamaindex.ecosystem import MULTIPLY, PIXEL, said, sent
from tests.unit.llamaindex.peers import ASK, both, call, calls, made, piece, thought

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qwen_sandbox import Sandbox

SECRET = "sk-do-not-show"


class City(BaseModel):
    """A city."""

    name: str


ABOUT = PromptTemplate("Name a city.")


async def test_2_1_01_reasoning_in_the_first_chunk_is_kept(scripted: Callable[..., Qwen]) -> None:
    llm = scripted(
        [
            piece(role="assistant", content=None, reasoning_content="FIRST "),
            piece(reasoning_content="second"),
            piece("stop"),
        ]
    )
    for frames in await both(llm):
        assert [frame.additional_kwargs.get("thinking_delta") for frame in frames] == ["FIRST ", "second", None]
        assert [thought(frame) for frame in frames] == ["FIRST ", "FIRST second", "FIRST second"]


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
async def test_2_1_02_reasoning_is_read_under_each_name(scripted: Callable[..., Qwen], field: str) -> None:
    detail = {"type": "reasoning.encrypted", "data": "opaque", "index": 0}
    whole = said("42", **{field: "hm"}, reasoning_details=[detail])
    stream = [piece(**{field: "hm"}, reasoning_details=[detail]), piece(content="42"), piece("stop")]
    llm = scripted(whole, stream)
    for answer in (llm.chat(ASK), list(llm.stream_chat(ASK))[-1]):
        assert thought(answer) == "hm"
        (block,) = [block for block in answer.message.blocks if isinstance(block, ThinkingBlock)]
        assert block.additional_information["reasoning_details"] == [detail]


def test_2_1_03_reasoning_goes_back_in_a_tool_loop(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(enable_thinking=True)
    answer = llm.chat(ASK, tools=[MULTIPLY])
    ((call_id, _, _),) = made(llm, answer)
    result = ChatMessage(role=MessageRole.TOOL, content="42", additional_kwargs={"tool_call_id": call_id})
    llm.chat([*ASK, answer.message, result], tools=[MULTIPLY])
    assert sent(qwen_sandbox)[1]["reasoning_content"] == thought(answer)


def test_2_1_04_every_block_is_sent(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    cited = CitableBlock(title="Orla", source="notes", content=[TextBlock(text="Built in 1887.")])
    citation = CitationBlock(
        title="Orla", source="notes", cited_content=TextBlock(text="1887"), additional_location_info={}
    )
    video = VideoBlock(url="https://example.com/a.mp4")
    llm.chat([ChatMessage(blocks=[cited, citation, CachePoint(cache_control=CacheControl(type="ephemeral")), video])])
    content = str(sent(qwen_sandbox)[0]["content"])
    assert "Built in 1887." in content
    assert "https://example.com/a.mp4" in content


async def test_2_1_05_token_counts_of_a_stream_are_asked_for(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    for frames in await both(llm):
        assert qwen_sandbox.last_request.json["stream_options"] == {"include_usage": True}
        assert frames[-1].additional_kwargs["completion_tokens"] > 0


def test_2_1_06_what_is_known_about_an_answer_is_told(scripted: Callable[..., Qwen]) -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 8,
        "total_tokens": 17,
        "prompt_tokens_details": {"cached_tokens": 7, "image_tokens": 2, "video_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 6},
    }
    reply = said("cut", "content_filter")
    reply["choices"][0]["native_finish_reason"] = "SAFETY"
    told = scripted({**reply, "usage": usage}).chat(ASK).additional_kwargs
    assert (told["finish_reason"], told["native_finish_reason"]) == ("content_filter", "SAFETY")
    counts = {name: told[name] for name in ("reasoning_tokens", "cached_tokens", "image_tokens", "video_tokens")}
    assert counts == {"reasoning_tokens": 6, "cached_tokens": 7, "image_tokens": 2, "video_tokens": 1}


async def test_2_1_07_the_second_call_of_a_chunk_is_kept(scripted: Callable[..., Qwen]) -> None:
    llm = scripted(calls([call(0, '{"a": 1}', "f", "c0"), call(1, '{"b": 2}', "g", "c1")]))
    for frames in await both(llm):
        assert made(llm, frames[-1]) == [("c0", "f", {"a": 1}), ("c1", "g", {"b": 2})]


async def test_2_1_08_calls_may_be_written_in_turns(scripted: Callable[..., Qwen]) -> None:
    heads = [[call(0, "", "f", "c0")], [call(1, "", "g", "c1")]]
    turns = [[call(0, '{"a"')], [call(1, '{"b"')], [call(0, ": 1}")], [call(1, ": 2}")]]
    llm = scripted(calls(*heads, *turns))
    for frames in await both(llm):
        assert made(llm, frames[-1]) == [("c0", "f", {"a": 1}), ("c1", "g", {"b": 2})]


async def test_2_1_09_ids_and_names_are_set_once_and_told_apart(scripted: Callable[..., Qwen]) -> None:
    repeated = calls([call(0, '{"a"', "f", "c0")], [call(0, ": 1}", "f", "c0")])
    all_zero = calls([call(0, '{"a": 1}', "f", "c0")], [call(0, '{"a": 2}', "f", "c1")])
    llm = scripted(repeated, repeated, all_zero)
    for frames in await both(llm):
        assert made(llm, frames[-1]) == [("c0", "f", {"a": 1})]
        assert {(item[0], item[1]) for frame in frames for item in made(llm, frame)} == {("c0", "f")}
    for frames in await both(llm):
        assert made(llm, frames[-1]) == [("c0", "f", {"a": 1}), ("c1", "f", {"a": 2})]


async def test_2_1_10_a_cut_call_is_not_repaired(scripted: Callable[..., Qwen]) -> None:
    arguments = '{"path": "/home/user", "n": 1'
    whole = said(None, "length", tool_calls=[call(0, arguments, "f", "c0")])
    llm = scripted(whole, calls([call(0, arguments, "f", "c0")], finish="length"))
    answers = [llm.chat(ASK), *(frames[-1] for frames in await both(llm))]
    for answer in answers:
        assert made(llm, answer) == []
        assert answer.additional_kwargs["invalid_tool_calls"][0]["arguments"] == arguments
        with pytest.raises(ValueError, match="none can be executed"):
            llm.get_tool_calls_from_response(answer)


def test_2_1_11_a_string_that_is_being_written_is_shown(scripted: Callable[..., Qwen]) -> None:
    llm = scripted(calls([call(0, '{"a": "q', "f", "c0")], [call(0, 'u"}')]))
    frames = list(llm.stream_chat(ASK))
    assert made(llm, frames[0]) == [("c0", "f", {"a": "q"})]
    assert made(llm, frames[-1]) == [("c0", "f", {"a": "qu"})]


def test_2_1_12_a_call_has_the_last_word(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(max_tokens=100, temperature=0.9, extra_body={"user": "ann", "seed": 1})
    llm.chat(ASK, max_tokens=5, temperature=0.1, extra_body={"seed": 2})
    body = qwen_sandbox.last_request.json
    assert (body["max_completion_tokens"], body["temperature"]) == (5, 0.1)
    assert (body["user"], body["seed"]) == ("ann", 2)
    llm.chat(ASK)
    assert (qwen_sandbox.last_request.json["max_completion_tokens"], qwen_sandbox.last_request.json["seed"]) == (100, 1)


def test_2_1_13_parameters_of_qwen_need_no_envelope(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    scripted(said("ok"), provider="dashscope", model="qwen3.6-flash", api_key=SecretStr("k")).chat(
        ASK, enable_thinking=True, vl_high_resolution_images=True
    )
    body = qwen_sandbox.last_request.json
    assert (body["enable_thinking"], body["vl_high_resolution_images"]) == (True, True)


def test_2_1_14_retries_do_not_multiply(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    failing = Reply(b'{"error": {"message": "busy"}}', status=503, headers={"retry-after-ms": "1"})
    llm = scripted(failing, max_retries=2)
    counts: list[int] = []
    for attempt in (lambda: llm.chat(ASK), lambda: list(llm.stream_chat(ASK)), lambda: asyncio.run(llm.achat(ASK))):
        qwen_sandbox.clear()
        with pytest.raises(ServerError):
            attempt()
        counts.append(len(qwen_sandbox.requests))
    assert counts == [3, 3, 3]


async def test_2_1_15_an_error_says_what_it_is_whatever_its_form(scripted: Callable[..., Qwen]) -> None:
    refused = {"error": {"message": "Rate limit reached", "code": 429}}
    with pytest.raises(RateLimitError, match="Rate limit reached"):
        scripted(refused).chat(ASK)
    for reply in ({"id": "c", "choices": None}, {"id": "c", "choices": []}):
        with pytest.raises(MalformedResponseError):
            scripted(reply).chat(ASK)
    for frames in await both(scripted([{"id": "c", "choices": None}, piece(content="42"), piece("stop")])):
        assert frames[-1].message.content == "42"
    with pytest.raises(RateLimitError):
        list(scripted([piece(content="4"), refused]).stream_chat(ASK))


async def test_2_1_16_the_callers_history_stays_as_it_is(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    history = [ChatMessage("hi")]
    before = copy.deepcopy(history)
    llm.chat_with_tools([MULTIPLY], user_msg="What is 6 times 7?", chat_history=history)
    await llm.achat_with_tools([MULTIPLY], user_msg="What is 6 times 7?", chat_history=history)
    list(llm.stream_chat_with_tools([MULTIPLY], user_msg="What is 6 times 7?", chat_history=history))
    assert history == before
    assert [message["content"] for message in sent(qwen_sandbox)] == ["hi", "What is 6 times 7?"]


def test_2_1_17_a_tool_may_answer_with_a_picture(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    called = ToolCallBlock(tool_call_id="c1", tool_name="draw", tool_kwargs={})
    picture = ImageBlock(image=PIXEL.encode(), image_mimetype="image/png")
    result = ChatMessage(
        role=MessageRole.TOOL, blocks=[TextBlock(text="Here"), picture], additional_kwargs={"tool_call_id": "c1"}
    )
    llm.chat([ChatMessage("Draw"), ChatMessage(role=MessageRole.ASSISTANT, blocks=[called]), result])
    assert f"data:image/png;base64,{PIXEL}" in str(sent(qwen_sandbox)[2:])


def test_2_1_18_the_key_is_not_shown() -> None:
    llm = Qwen(model="qwen3.6-flash", provider="anyfast", api_key=SecretStr(SECRET))
    for shown in (repr(llm), str(llm), str(llm.to_dict()), llm.to_json(), llm.model_dump_json()):
        assert SECRET not in shown
    assert llm.api_key is not None
    assert llm.api_key.get_secret_value() == SECRET


def test_2_1_19_no_key_of_openai_leaves_the_house(
    scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_BASE", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, SECRET)
    scripted(said("ok")).chat(ASK)
    assert SECRET not in str(qwen_sandbox.last_request.headers)
    with pytest.raises(ConfigurationError, match="No API key"):
        Qwen(model="qwen3.6-flash", provider="anyfast").chat(ASK)


def test_2_1_20_a_schema_is_sent_as_it_is_and_its_answer_read_with_care(
    scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, heard: list[str]
) -> None:
    fenced, cut = said('```json\n{"name": "Orla"}\n```'), said('{"name": "Or', "length")
    llm = scripted(fenced, cut, structured_output="json_schema")
    assert llm.structured_predict(City, ABOUT) == City(name="Orla")
    assert heard[0] == "LLMStructuredPredictStartEvent"
    assert heard[-1] == "LLMStructuredPredictEndEvent"
    wanted = qwen_sandbox.last_request.json["response_format"]["json_schema"]
    assert "strict" not in wanted
    assert "additionalProperties" not in wanted["schema"]
    with pytest.raises(ValueError, match="token limit"):
        llm.structured_predict(City, ABOUT)


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """The names of the framework's events."""
    names: list[str] = []

    class Ear(BaseEventHandler):
        @override
        def handle(self, event: Any, **kwargs: Any) -> None:
            names.append(event.class_name())

    ear, root = Ear(), get_dispatcher()
    root.add_event_handler(ear)
    yield names
    root.event_handlers.remove(ear)


async def test_2_1_21_frames_hold_only_what_is_there(scripted: Callable[..., Qwen]) -> None:
    llm = scripted(calls([call(0, "", "f", "c0")], [call(0, "{}")]))
    for frames in await both(llm):
        assert all(isinstance(block, ToolCallBlock) for frame in frames for block in frame.message.blocks)


def test_2_1_21_frames_cost_no_more_than_the_sdk_alone(scripted: Callable[..., Qwen]) -> None:
    # Of this thread only: the sandbox has its own. The peer takes twice what the SDK does.
    count = 400
    body = b"".join(f"data: {json.dumps(piece(content='word '))}\n\n".encode() for _ in range(count))
    llm = scripted(Reply(content_type="text/event-stream", chunks=[body, b"data: [DONE]\n\n"]))
    asked: Any = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    with openai.OpenAI(base_url=llm.base_url, api_key="none", max_retries=0) as sdk:

        def seconds(stream: Callable[[], Any]) -> float:
            begun = time.thread_time()
            assert sum(1 for _ in stream()) >= count
            return time.thread_time() - begun

        spent = [
            (seconds(lambda: llm.stream_chat(ASK)), seconds(partial(cast("Any", sdk.chat.completions.create), **asked)))
            for _ in range(3)
        ]
    ours, theirs = (min(times) for times in zip(*spent, strict=True))
    assert ours < 1.5 * theirs


def test_2_1_22_it_is_copied_after_use_and_works_in_any_loop(llm: Qwen) -> None:
    llm.chat(ASK)
    answers = [asyncio.run(llm.achat(ASK)).message.content for _ in range(2)]
    hasty = copy.deepcopy(llm).model_copy(update={"max_retries": 0})
    answers += [asyncio.run(hasty.achat(ASK)).message.content for _ in range(2)]
    assert set(answers) == {"6 * 7 = 42"}
    hasty.close()


def test_2_1_23_a_null_among_the_counts_does_no_harm(scripted: Callable[..., Qwen]) -> None:
    usage = {"prompt_tokens": None, "completion_tokens": 3, "total_tokens": None}
    counter = TokenCountingHandler(tokenizer=lambda text: list(text.encode()))
    llm = scripted(
        {**said("42"), "usage": usage},
        [piece(content="42"), {**piece("stop"), "usage": usage}],
        callback_manager=CallbackManager([counter]),
    )
    assert llm.chat(ASK).message.content == "42"
    assert list(llm.stream_chat(ASK))[-1].message.content == "42"
    assert counter.completion_llm_token_count == 6
