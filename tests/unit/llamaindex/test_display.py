"""`show` and `ashow` with LlamaIndex's responses, engines and agents."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import AgentOutput, FunctionAgent, ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ToolCallBlock, VideoBlock
from llama_index.core.base.response.schema import PydanticResponse, Response
from llama_index.core.chat_engine.types import ChatMode
from llama_index.core.llms import ChatResponse, CompletionResponse, MockLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.workflow import StartEvent, StopEvent, Workflow, step
from llama_index.llms.qwen import Qwen
from pydantic import BaseModel, SecretStr
from qwen_endpoints.display import Shown, ShownCall, ShownMedia, ashow, collector_for, show, shown_of
from qwen_sandbox import Sandbox

from tests.unit.llamaindex.ecosystem import BUILT, PIXEL, WEATHER, index, own_loop, quiet, start

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = quiet
the_loop = pytest.fixture(own_loop, name="own_loop")

SUM = [ChatMessage("What is 12 times 7?")]
FORECAST = "What is the weather in Paris? Use the tool."
Out = pytest.CaptureFixture[str]


@pytest.fixture
def thinker(make_llm: Callable[..., Qwen]) -> Qwen:
    return make_llm(provider="wcode", model="qwen/qwen3-235b-a22b")


async def test_every_way_shows_and_gives_the_same(thinker: Qwen, capsys: Out) -> None:
    llm, prompt = thinker, "What is 12 times 7?"
    chats = [
        show(llm.chat(SUM)),
        show(llm.stream_chat(SUM)),
        await ashow(llm.achat(SUM)),
        await ashow(llm.astream_chat(SUM)),
        await ashow(await llm.astream_chat(SUM)),
    ]
    completions = [
        show(llm.complete(prompt)),
        show(llm.stream_complete(prompt)),
        await ashow(llm.acomplete(prompt)),
        await ashow(llm.astream_complete(prompt)),
    ]
    assert {type(response) for response in chats} == {ChatResponse}
    assert {response.message.content for response in chats} == {"12 * 7 = 84"}
    assert {type(response) for response in completions} == {CompletionResponse}
    assert {response.text for response in completions} == {"12 * 7 = 84"}
    lines = capsys.readouterr().out.splitlines()
    ways = [tuple(lines[place : place + 3]) for place in range(0, len(lines), 3)]
    assert len(ways) == len(chats) + len(completions)
    assert len(set(ways)) == 1
    assert ways[0][0].startswith("thinking: The user writes")
    assert ways[0][2].startswith(
        "qwen/qwen3-235b-a22b at wcode · tokens 9 in, 40 out (33 thinking) · cost 0.000293 CNY"
    )


def test_the_last_frame_is_complete(thinker: Qwen) -> None:
    frames = list(thinker.stream_chat(SUM))
    assert show(iter(frames)) is frames[-1]
    assert show(frames) is frames


def test_a_call_is_seen_before_it_is_whole(make_llm: Callable[..., Qwen]) -> None:
    llm = make_llm(provider="wcode", model="qwen/qwen3-235b-a22b")
    frames = iter(llm.stream_chat_with_tools([WEATHER], FORECAST))
    collector = collector_for(first := next(frames))
    seen: list[tuple[ShownCall, ...]] = []
    for frame in (first, *frames):
        collector.add(frame)
        (turn,) = collector.turns(growing=True)
        seen.append(turn.calls)
        assert [call.error for call in turn.calls] == [""] * len(turn.calls)
    called = [calls[0] for calls in seen if calls]
    assert called[0].arguments != called[-1].arguments == '{"city": "Paris"}'
    assert {call.name for call in called} == {"get_weather"}


def test_a_conversation(capsys: Out) -> None:
    call = ToolCallBlock(tool_call_id="c", tool_name="get_weather", tool_kwargs={"city": "巴黎"})
    messages = [
        ChatMessage(role="user", blocks=[TextBlock(text="Look."), ImageBlock(url="https://a.example/b.png")]),
        ChatMessage(role="assistant", blocks=[call]),
        ChatMessage(role="tool", content="21", additional_kwargs={"tool_call_id": "c"}),
    ]
    assert show(messages) is messages
    assert capsys.readouterr().out.splitlines() == [
        "[user]",
        "image: https://a.example/b.png",
        "Look.",
        "[assistant]",
        'calls get_weather {"city": "巴黎"}',
        '[tool · get_weather {"city": "巴黎"}]',
        "21",
    ]


@pytest.mark.parametrize(
    ("block", "media"),
    [
        (
            ImageBlock(url=f"data:image/png;base64,{PIXEL}"),
            ShownMedia(kind="image", address=f"data:image/png;base64,{PIXEL}"),
        ),
        (
            ImageBlock(image=PIXEL.encode(), image_mimetype="image/png"),
            ShownMedia(kind="image", address=f"data:image/png;base64,{PIXEL}"),
        ),
        (VideoBlock(url="https://a.example/b.mp4"), ShownMedia(kind="video", address="https://a.example/b.mp4")),
        (VideoBlock(video=b"\x00\x00"), ShownMedia(kind="video", address="data")),
    ],
    ids=["data URL", "bytes", "address", "video bytes"],
)
def test_media_of_a_question(block: Any, media: ShownMedia) -> None:
    assert shown_of(ChatMessage(role="user", blocks=[block])) == (Shown(speaker="user", media=(media,)),)


# Engines


@pytest.mark.usefixtures("own_loop")
def test_a_query_engine_with_its_sources(thinker: Qwen, capsys: Out) -> None:
    whole = index().as_query_engine(llm=thinker).query(BUILT)
    assert show(whole) is whole
    first = capsys.readouterr().out
    streaming = index().as_query_engine(llm=thinker, streaming=True).query(BUILT)
    answer = show(streaming)
    assert capsys.readouterr().out == first
    assert type(answer) is Response
    assert answer.response == str(whole) == str(streaming)
    assert answer.source_nodes == streaming.source_nodes
    assert show(streaming) is streaming
    assert capsys.readouterr().out == first
    assert "1887" in first
    assert "from note-0 · score " in first


async def test_an_async_query_engine(thinker: Qwen, capsys: Out) -> None:
    engine = index().as_query_engine(llm=thinker, streaming=True)
    answer = await ashow(engine.aquery(BUILT))
    assert type(answer) is Response
    assert "1887" in str(answer)
    assert "from note-0 · score " in capsys.readouterr().out


async def test_a_chat_engine(thinker: Qwen, capsys: Out) -> None:
    engine = index().as_chat_engine(ChatMode.CONTEXT, llm=thinker, memory=ChatMemoryBuffer.from_defaults())
    answer = await ashow(engine.astream_chat(BUILT))
    assert "1887" in answer.response
    assert show(answer) is answer
    shown = capsys.readouterr().out.splitlines()
    assert shown == shown[: len(shown) // 2] * 2
    assert [message.role.value for message in engine.chat_history] == ["user", "assistant"]


@pytest.mark.usefixtures("own_loop")
def test_a_sync_chat_engine(thinker: Qwen, capsys: Out) -> None:
    engine = index().as_chat_engine(ChatMode.CONTEXT, llm=thinker, memory=ChatMemoryBuffer.from_defaults())
    answer = show(engine.stream_chat(BUILT))
    assert "1887" in answer.response
    assert capsys.readouterr().out.startswith(answer.response)


def test_a_typed_answer(capsys: Out) -> None:
    class City(BaseModel):
        name: str

    show(PydanticResponse(City(name="Orla")))
    assert capsys.readouterr().out == '{"name":"Orla"}\n'


# Agents


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_agents_run(thinker: Qwen, capsys: Out, *, streaming: bool) -> None:
    agent = FunctionAgent(tools=[WEATHER], llm=thinker, streaming=streaming)
    events = await ashow(start(agent, FORECAST))
    assert [type(event) for event in events if isinstance(event, (AgentOutput, ToolCallResult))] == [
        AgentOutput,
        ToolCallResult,
        AgentOutput,
    ]
    assert isinstance(events[-1], StopEvent)
    from_run = capsys.readouterr().out
    handler = start(agent, FORECAST)
    await ashow(handler.stream_events())
    await handler
    assert capsys.readouterr().out == from_run
    lines = from_run.splitlines()
    assert lines[0] == "[assistant · Agent]"
    assert lines[1].startswith("thinking: The user writes")
    assert 'calls get_weather {"city": "Paris"}' in lines
    assert '[tool · get_weather {"city": "Paris"}]\n21 degrees in Paris\n' in from_run
    assert lines[-1].startswith("qwen/qwen3-235b-a22b · tokens ")
    assert "unknown" not in from_run


async def test_calls_that_stand_in_no_message_are_shown(scripted: Callable[..., Qwen], capsys: Out) -> None:
    steps = [
        'Thought: I need it.\nAction: get_weather\nAction Input: {"city": "Paris"}',
        "Thought: I can answer without using any more tools.\nAnswer: 21 degrees.",
    ]
    replies = [{"choices": [{"message": {"role": "assistant", "content": text}}]} for text in steps]
    agent = ReActAgent(tools=[WEATHER], llm=scripted(*replies), streaming=False)
    await ashow(start(agent, FORECAST))
    assert '[tool · get_weather {"city": "Paris"}]\n21 degrees in Paris\n' in capsys.readouterr().out


async def test_a_run_that_fails_raises_and_shows_why(make_llm: Callable[..., Qwen], capsys: Out) -> None:
    agent = FunctionAgent(tools=[WEATHER], llm=make_llm(max_retries=0))
    with pytest.raises(Exception, match="HTTP 402"):
        await ashow(start(agent, "Hello [[sandbox:402]]"))
    assert "HTTP 402" in capsys.readouterr().out


async def eventually(happened: Callable[[], bool]) -> bool:
    for _ in range(100):
        if happened():
            return True
        await asyncio.sleep(0.05)
    return False


async def test_who_leaves_ends_the_run() -> None:
    with Sandbox(chunk_delay=0.05) as slow:
        llm = Qwen(
            model="qwen3.6-flash",
            provider="anyfast",
            base_url=slow.base_url("anyfast"),
            api_key=SecretStr(slow.api_key),
        )
        task = asyncio.create_task(ashow(start(FunctionAgent(tools=[WEATHER], llm=llm), "Count from 1 to 900")))
        assert await eventually(lambda: slow.open_streams == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await eventually(lambda: slow.open_streams == 0)
        await llm.aclose()


async def test_a_workflow_without_an_agent_gives_its_events(capsys: Out) -> None:
    class Adding(Workflow):
        @step
        async def add(self, event: StartEvent) -> StopEvent:
            return StopEvent(result=event.get("a") + 1)

    (stop,) = await ashow(Adding().run(a=1))
    assert stop.result == 2
    assert capsys.readouterr().out == ""


# What other classes write


def test_another_class_of_models(capsys: Out) -> None:
    show(MockLLM().stream_complete("one two"))
    assert capsys.readouterr().out == "one two\n"


def test_odd_facts_stop_nothing() -> None:
    odd = {"cost": 3, "notes": None, "finish_reason": 7, "prompt_tokens": "many", "model": ["m"]}
    response = ChatResponse(message=ChatMessage(role="assistant", content="Hi"), additional_kwargs=odd)
    assert shown_of(response) == (Shown(text="Hi"),)


def test_a_model_or_an_engine_is_not_an_answer(llm: Qwen) -> None:
    for thing, method in ((llm, "stream_chat"), (index().as_query_engine(llm=llm), "query")):
        with pytest.raises(TypeError, match=rf"show\(it\.{method}\(\.\.\.\)\)"):
            show(thing)
