"""The frames of a stream: they grow, never change later, add up to the whole answer, and cost little."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.llms.qwen._decode import frames as frames_of
from qwen_endpoints import CompletionDelta, MalformedResponseError, QwenSettings, ToolCallDelta, plan_call
from qwen_sandbox import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

ASK = [ChatMessage("What is 2 + 3?")]
USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 34,
    "total_tokens": 46,
    "completion_tokens_details": {"reasoning_tokens": 30},
}
FACTS: dict[str, Any] = {"id": "chatcmpl-1", "created": 7, "model": "qwen3-32b-served"}


def whole(message: dict[str, Any], finish: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {**FACTS, "choices": [choice], "usage": USAGE}


def chunk(delta: dict[str, Any] | None, finish: str | None = None, index: int = 0) -> dict[str, Any]:
    return {**FACTS, "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def call(index: int, **fields: Any) -> dict[str, Any]:
    """A piece of a call, with `name` and `arguments` where they belong."""
    function = {key: fields.pop(key) for key in ("name", "arguments") if key in fields}
    return {"index": index, **fields, "function": function}


LAST: dict[str, Any] = {**FACTS, "choices": [], "usage": USAGE}
STREAM = [
    chunk({"role": "assistant", "content": None, "reasoning_content": "Add "}),
    chunk({"reasoning_content": "them."}),
    chunk({"content": "2 + 3 "}),
    chunk({"content": "= 5 😀"}),
    chunk({"tool_calls": [call(0, id="a", name="f", arguments='{"x": ')]}),
    chunk({"tool_calls": [call(0, arguments="1}"), call(1, id="b", name="g", arguments="{}")]}),
    chunk({}, "tool_calls"),
    LAST,
]


def facts(frame: ChatResponse) -> dict[str, Any]:
    return frame.additional_kwargs


def thinking(frame: ChatResponse) -> str:
    return "".join(block.content or "" for block in frame.message.blocks if isinstance(block, ThinkingBlock))


async def aframes(llm: Qwen, **kwargs: Any) -> list[ChatResponse]:
    return [frame async for frame in await llm.astream_chat(ASK, **kwargs)]


def check_growth(frames: list[ChatResponse]) -> None:
    """What holds of every stream."""
    text = thoughts = ""
    for frame in frames:
        text += frame.delta or ""
        added = facts(frame).get("thinking_delta")
        assert added != ""
        thoughts += added or ""
        assert frame.message.content == (text or None)
        assert thinking(frame) == thoughts
        kinds = [block.block_type for block in frame.message.blocks]
        assert kinds == sorted(kinds, key=["thinking", "text", "tool_call"].index)
        assert kinds.count("text") <= 1
        assert kinds.count("thinking") <= 1
        listed = frame.message.additional_kwargs.get("tool_calls", [])
        called = [block for block in frame.message.blocks if isinstance(block, ToolCallBlock)]
        assert [item["id"] for item in listed] == [block.tool_call_id for block in called]
        assert [item["function"]["name"] for item in listed] == [block.tool_name for block in called]
        json.dumps(listed)
    assert [facts(frame).get("partial") for frame in frames] == [True] * (len(frames) - 1) + [None]
    for earlier, later in itertools.pairwise(frames):
        for before, after in zip(calls_of(earlier), calls_of(later), strict=False):
            assert before[:2] == after[:2] or not before[1]
            assert after[2].startswith(before[2])


def calls_of(frame: ChatResponse) -> list[tuple[str, str, str]]:
    listed = frame.message.additional_kwargs.get("tool_calls", [])
    return [(item["id"], item["function"]["name"], item["function"]["arguments"]) for item in listed]


# What they are


def test_frames_grow_and_never_change_later(scripted: Callable[..., Qwen]) -> None:
    seen = [(frame, copy.deepcopy(frame)) for frame in scripted(STREAM).stream_chat(ASK)]
    assert all(frame == then for frame, then in seen)
    frames = [frame for frame, _ in seen]
    check_growth(frames)
    assert [frame.delta for frame in frames] == ["", "", "2 + 3 ", "= 5 😀", "", "", ""]
    assert [facts(frame).get("thinking_delta") for frame in frames] == ["Add ", "them.", *[None] * 5]
    assert [len(calls_of(frame)) for frame in frames] == [0, 0, 0, 0, 1, 2, 2]
    assert frames[4].message.blocks[-1] == ToolCallBlock(tool_call_id="a", tool_name="f", tool_kwargs='{"x": ')
    assert frames[-1].message.blocks[-1] == ToolCallBlock(tool_call_id="b", tool_name="g", tool_kwargs={})


def test_a_frame_may_be_changed_without_harm_to_others(scripted: Callable[..., Qwen]) -> None:
    """Consumers do that: the framework itself writes into `additional_kwargs`."""
    kept: list[ChatResponse] = []
    for frame in scripted(STREAM).stream_chat(ASK):
        assert len(calls_of(frame)) <= 2
        kept.append(copy.deepcopy(frame))
        for block in frame.message.blocks:
            for field in ("content", "text", "tool_name"):
                if field in type(block).model_fields:
                    setattr(block, field, "spoilt")
        for entry in frame.message.additional_kwargs.get("tool_calls", []):
            entry["function"]["name"] = "spoilt"
        frame.message.additional_kwargs.setdefault("tool_calls", []).append("spoilt")
        frame.message.blocks.clear()
        facts(frame).clear()
    assert kept == list(scripted(STREAM).stream_chat(ASK))


def test_the_last_frame_is_what_chat_returns(scripted: Callable[..., Qwen]) -> None:
    calls = [call(0, id="a", name="f", arguments='{"x": 1}'), call(1, id="b", name="g", arguments="{}")]
    message = {"content": "2 + 3 = 5 😀", "reasoning_content": "Add them.", "tool_calls": calls}
    llm = scripted(whole(message, "tool_calls"), STREAM)
    answer = llm.chat(ASK)
    last = list(llm.stream_chat(ASK))[-1]
    assert last.model_copy(update={"delta": None}) == answer
    assert answer.delta is None
    assert answer.message.blocks[:2] == [
        ThinkingBlock(content="Add them.", num_tokens=30),
        TextBlock(text="2 + 3 = 5 😀"),
    ]
    assert facts(last)["finish_reason"] == "tool_calls"
    assert (facts(last)["prompt_tokens"], facts(last)["reasoning_tokens"]) == (12, 30)


async def test_sync_and_async_frames_are_the_same(scripted: Callable[..., Qwen]) -> None:
    llm = scripted(STREAM)
    assert list(llm.stream_chat(ASK)) == await aframes(llm)
    completions = [frame async for frame in await llm.astream_complete("x")]
    assert list(llm.stream_complete("x")) == completions


def test_completions_are_the_same_frames(scripted: Callable[..., Qwen]) -> None:
    llm = scripted(STREAM)
    chat, completions = list(llm.stream_chat(ASK)), list(llm.stream_complete("What is 2 + 3?"))
    assert [(frame.text, frame.delta) for frame in completions] == [
        (frame.message.content or "", frame.delta) for frame in chat
    ]
    last = completions[-1].additional_kwargs
    assert last["thinking"] == "Add them."
    assert [item["id"] for item in last["tool_calls"]] == ["a", "b"]
    assert last["finish_reason"] == "tool_calls"
    assert completions[-1].raw == chat[-1].raw


def test_other_choices_stay_apart_and_only_the_first_grows(scripted: Callable[..., Qwen]) -> None:
    chunks = [
        chunk({"content": "one"}),
        chunk({"content": "two", "reasoning_content": "hm"}, index=1),
        chunk({"tool_calls": [call(0, id="a", name="f", arguments="{}")]}, "tool_calls", 1),
        chunk({}, "stop"),
    ]
    frames = list(scripted(chunks).stream_chat(ASK, n=2))
    check_growth(frames)
    assert [frame.message.content for frame in frames] == ["one", "one"]
    (other,) = facts(frames[-1])["other_choices"]
    assert (other["text"], other["reasoning"], other["tool_calls"][0]["id"]) == ("two", "hm", "a")


# What endpoints send

ODD_STREAMS: dict[str, tuple[list[dict[str, Any]], tuple[str | None, str, int]]] = {
    "a role only": ([chunk({"role": "assistant", "content": ""}), chunk({"content": "5"}, "stop")], ("5", "", 2)),
    "null deltas": (
        [chunk(None), chunk({"content": None}), chunk({"content": "5"}), chunk(None, "stop")],
        ("5", "", 2),
    ),
    "usage in an empty list of choices": ([chunk({"content": "5"}, "stop"), LAST], ("5", "", 2)),
    "usage beside the last choice": ([chunk({"content": "5"}), {**chunk({}, "stop"), "usage": USAGE}], ("5", "", 2)),
    "usage on every chunk": (
        [{**chunk({"content": "5"}), "usage": USAGE}, {**chunk({"content": "!"}, "stop"), "usage": USAGE}],
        ("5!", "", 3),
    ),
    "null usage": ([{**chunk({"content": "5"}), "usage": None}, chunk({}, "stop")], ("5", "", 2)),
    "null choices": ([{**FACTS, "choices": None}, chunk({"content": "5"}, "stop")], ("5", "", 2)),
    "two finish reasons": ([chunk({"content": "5"}, "stop"), chunk({}, "stop"), LAST], ("5", "", 2)),
    "reasoning after text": (
        [chunk({"content": "5"}), chunk({"reasoning_content": "sure?"}), chunk({"content": "!"}, "stop")],
        ("5!", "sure?", 4),
    ),
    "reasoning and text in one": ([chunk({"content": "5", "reasoning_content": "hm"}, "stop")], ("5", "hm", 2)),
    "tags": (
        [chunk({"content": "<thi"}), chunk({"content": "nk>hm</th"}), chunk({"content": "ink>5"}, "stop")],
        ("5", "hm", 3),
    ),
    "nothing but reasoning": ([chunk({"reasoning_content": "hm"}), chunk({}, "length")], (None, "hm", 2)),
    "nothing but a finish": ([chunk({}, "stop")], (None, "", 1)),
    "white space": ([chunk({"content": "\n\n 5"}), chunk({"content": " \n"}, "stop")], ("\n\n 5 \n", "", 3)),
}


@pytest.mark.parametrize("name", ODD_STREAMS)
async def test_chunks_of_all_kinds(scripted: Callable[..., Qwen], name: str) -> None:
    chunks, (content, thoughts, count) = ODD_STREAMS[name]
    llm = scripted(chunks)
    frames = list(llm.stream_chat(ASK))
    check_growth(frames)
    assert (frames[-1].message.content, thinking(frames[-1]), len(frames)) == (content, thoughts, count)
    assert frames == await aframes(llm)
    for frame in frames:
        assert llm.get_tool_calls_from_response(frame, error_on_no_tool_call=False) == []


async def test_a_stream_without_an_answer_is_an_error(scripted: Callable[..., Qwen]) -> None:
    for chunks in ([], [{**FACTS, "choices": []}], [LAST]):
        llm = scripted(chunks)
        with pytest.raises(MalformedResponseError, match="no answer"):
            list(llm.stream_chat(ASK))
        with pytest.raises(MalformedResponseError, match="no answer"):
            await aframes(llm)


def test_a_whole_reply_to_a_stream_is_two_frames(scripted: Callable[..., Qwen]) -> None:
    frames = list(scripted(Reply(json.dumps(whole({"content": "5"})).encode())).stream_chat(ASK))
    check_growth(frames)
    assert [frame.message.content for frame in frames] == ["5", "5"]


def test_frames_of_a_model_that_reasons_in_streams_only(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(provider="anyfast-cn", model="qwen3-32b", enable_thinking=True)
    frames = list(llm.stream_chat(ASK))
    check_growth(frames)
    answer = llm.chat(ASK)
    assert qwen_sandbox.last_request.json["stream"] is True
    assert answer.message.blocks == frames[-1].message.blocks


# Any split


@dataclass(frozen=True)
class Answer:
    """An answer, and the pieces in which it comes."""

    message: dict[str, Any]
    chunks: list[dict[str, Any]]


def pieces(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=5)))
    ends = [0, *(cut for cut in cuts if cut < len(text)), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(ends)] if text else []


letters = st.text(st.sampled_from('ab \n"\\{}é笔😀'), max_size=12)
arguments = st.dictionaries(
    letters, letters | st.integers() | st.lists(st.booleans() | st.none(), max_size=2), max_size=3
)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Reasoning and text in turns, then calls that come at the same time."""
    chunks: list[dict[str, Any]] = []
    said = {"content": "", "reasoning_content": ""}
    for field in draw(st.lists(st.sampled_from(tuple(said)), max_size=3)):
        text = draw(letters)
        said[field] += text
        chunks.extend(chunk({field: piece}) for piece in pieces(draw, text))
    written = [json.dumps(draw(arguments), ensure_ascii=draw(st.booleans())) for _ in range(draw(st.integers(0, 3)))]
    chunks.extend(
        chunk({"tool_calls": [call(place, id=f"c{place}", name=f"f{place}", arguments="")]})
        for place in range(len(written))
    )
    queues = [[call(place, arguments=piece) for piece in pieces(draw, text)] for place, text in enumerate(written)]
    while any(queues):
        queue = draw(st.sampled_from([queue for queue in queues if queue]))
        chunks.append(chunk({"tool_calls": [queue.pop(0)]}))
    calls = [call(place, id=f"c{place}", name=f"f{place}", arguments=text) for place, text in enumerate(written)]
    return Answer({**said, **({"tool_calls": calls} if calls else {})}, [*chunks, chunk({}, "stop"), LAST])


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(answer=answers())
def test_any_split_gives_the_same_answer(scripted: Callable[..., Qwen], answer: Answer) -> None:
    llm = scripted(whole(answer.message), answer.chunks)
    asked = llm.chat(ASK)

    async def gather() -> list[ChatResponse]:
        found = await aframes(llm)
        await llm.aclose()
        return found

    frames = list(llm.stream_chat(ASK))
    check_growth(frames)
    assert frames == asyncio.run(gather())
    assert frames[-1].model_copy(update={"delta": None}) == asked
    for frame in frames:
        assert len(llm.get_tool_calls_from_response(frame, error_on_no_tool_call=False)) == len(calls_of(frame))
    selected = llm.get_tool_calls_from_response(asked, error_on_no_tool_call=False)
    expected = answer.message.get("tool_calls", [])
    assert [item.tool_kwargs for item in selected] == [json.loads(item["function"]["arguments"]) for item in expected]


# What they cost


def cost_of_a_frame(
    count: int, delta: Callable[[int], CompletionDelta], look: Callable[[ChatResponse], object]
) -> float:
    """CPU seconds; the least of several runs, so that it does not matter what else the machine does."""
    call = plan_call(QwenSettings(model="qwen3-32b", provider="generic", base_url="http://localhost"), ())

    def deltas() -> Generator[CompletionDelta, None, None]:
        yield from map(delta, range(count))

    def run() -> float:
        start = time.process_time()
        for frame in frames_of(deltas(), call):
            look(frame)
        return (time.process_time() - start) / count

    return min(run() for _ in range(5))


def _text_piece(_place: int) -> CompletionDelta:
    return CompletionDelta(text="wörd 😀 ")


def _reasoning_piece(_place: int) -> CompletionDelta:
    return CompletionDelta(reasoning="word ")


def _argument_piece(place: int) -> CompletionDelta:
    opening = ("c", "f") if place == 0 else (None, None)
    return CompletionDelta(tool_calls=(ToolCallDelta(0, *opening, "word "),))


def _delta_of(frame: ChatResponse) -> object:
    return frame.delta


def _message_of(frame: ChatResponse) -> object:
    return frame.message.blocks


@pytest.mark.parametrize(
    "delta",
    [
        _text_piece,
        _reasoning_piece,
        _argument_piece,
    ],
    ids=["text", "reasoning", "arguments"],
)
@pytest.mark.parametrize("look", [_delta_of, _message_of], ids=["delta", "message"])
def test_a_frame_costs_the_same_late_in_a_long_answer(
    delta: Callable[[int], CompletionDelta], look: Callable[[ChatResponse], object]
) -> None:
    """Measured are 2 us, and 10 to 15 where the message is looked at, early and late; frames that were built from all
    pieces again would cost 16 times.
    """
    cost_of_a_frame(200, delta, look)
    assert cost_of_a_frame(8000, delta, look) <= 3 * cost_of_a_frame(500, delta, look)


def _piece_of(calls: int) -> Callable[[int], CompletionDelta]:
    def piece(place: int) -> CompletionDelta:
        opening = (f"c{place}", "f") if place < calls else (None, None)
        return CompletionDelta(tool_calls=(ToolCallDelta(place % calls, *opening, "word "),))

    return piece


def test_a_frame_costs_the_same_beside_many_calls() -> None:
    """Messages that were written out would cost 10 times."""
    one, many = (cost_of_a_frame(2000, _piece_of(calls), _delta_of) for calls in (1, 64))
    assert many <= 3 * one
