"""`show` with LangChain's messages, streams, chains and agents."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from qwen_endpoints.display import Shown, ShownCall, ShownMedia, ashow, collector_for, show, shown_of

from tests.unit.langchain.conftest import PIXEL, Chats, call_piece, chunk, each_endpoint, facts, four_ways, merged

SUM = "What is 12 times 7?"
WEATHER = "What is the weather in Paris and in London? Use the tool."
Out = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("display_comes", "first"),
    [("before", "m"), ("after", "iter([c])"), ("after", "{'messages': [m]}"), ("after", "iter([(c, {})])")],
)
def test_whatever_is_shown_first_is_known(display_comes: str, first: str) -> None:
    """The types are registered when something is shown, so that it is tried in an interpreter of its own."""
    imported = ["import langchain_qwen", "from qwen_endpoints.display import show"]
    script = [
        *(imported if display_comes == "after" else reversed(imported)),
        "from langchain_core.messages import AIMessage, AIMessageChunk",
        "m, c = AIMessage('Hello'), AIMessageChunk('Hello')",
        f"show({first})",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(script)], check=True, capture_output=True, text=True)  # noqa: S603 - our own interpreter and script
    assert done.stdout.startswith("Hello\n")


@each_endpoint
async def test_it_gives_back_what_the_stream_adds_up_to(chats: Chats, endpoint: str, capsys: Out) -> None:
    llm = chats.at(endpoint)
    ways = await four_ways(llm, SUM)
    given = {"stream": show(llm.stream(SUM)), "astream": await ashow(llm.astream(SUM))}
    for way, answer in given.items():
        assert type(answer) is AIMessageChunk
        assert facts(answer) == facts(ways[way])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith("12 * 7 = 84")] == [lines[-2]] * 2
    assert "tokens" in lines[-1]
    assert "finish stop" in lines[-1]


def test_a_whole_answer_is_given_back_as_it_is(chats: Chats, capsys: Out) -> None:
    answer = chats.at("flash").invoke(SUM)
    before = answer.model_copy(deep=True)
    assert show(answer) is answer
    assert answer == before
    assert capsys.readouterr().out.startswith("12 * 7 = 84\nqwen3.6-flash at anyfast · tokens ")


def test_chunks_are_left_as_they_were(chats: Chats) -> None:
    chunks = list(chats.at("text").stream(SUM))
    before = [piece.model_copy(deep=True) for piece in chunks]
    assert show(iter(chunks)) == merged(before)
    assert chunks == before


def test_a_list_of_chunks_is_one_answer(chats: Chats, capsys: Out) -> None:
    chunks = list(chats.at("flash").stream(SUM))
    assert show(chunks) is chunks
    assert capsys.readouterr().out.count("12 * 7 = 84") == 1


def test_a_call_is_seen_before_it_is_whole(chats: Chats) -> None:
    llm = chats.streaming(
        call_piece(0, "", name="get_weather", id_="call-1"), call_piece(0, '{"city": '), call_piece(0, '"Paris"}')
    )
    seen: list[tuple[ShownCall, ...]] = []
    pieces = iter(llm.stream("Hi"))
    collector = collector_for(first := next(pieces))
    for piece in (first, *pieces):
        collector.add(piece)
        seen.append(collector.turns(growing=True)[0].calls)
    arguments = [call.arguments for (call,) in seen if call.name == "get_weather"]
    assert arguments[0] == ""
    assert '{"city": ' in arguments
    assert arguments[-1] == '{"city": "Paris"}'


def test_a_cut_off_call_shows_as_the_model_wrote_it(chats: Chats) -> None:
    llm = chats.streaming(call_piece(0, '{"city": "Par', name="get_weather", id_="call-1"), chunk("length"))
    (turn,) = shown_of(show(llm.stream("Hi")))
    assert [call.arguments for call in turn.calls] == ['{"city": "Par']
    assert turn.calls[0].error
    assert turn.finish_reason == "length"


@pytest.mark.parametrize("content", ["plain", "v1"])
def test_output_versions_show_the_same(chats: Chats, content: str) -> None:
    settings = {"output_version": "v1"} if content == "v1" else {}
    (turn,) = shown_of(show(chats.at("text", **settings).stream(SUM)))
    assert turn.text == "12 * 7 = 84"
    assert turn.reasoning.startswith("The user writes")


def test_text_of_a_chain(chats: Chats, capsys: Out) -> None:
    chain = ChatPromptTemplate.from_template("{question}") | chats.at("flash") | StrOutputParser()
    assert show(chain.stream({"question": SUM})) == "12 * 7 = 84"
    assert capsys.readouterr().out == "12 * 7 = 84\n"


def test_what_holds_no_message_is_shown_as_json_and_given_back(chats: Chats, capsys: Out) -> None:
    chain = chats.streaming(chunk(content='{"a": '), chunk(content="1}"), chunk("stop")) | JsonOutputParser()
    assert show(chain.stream("Hi"))[-1] == {"a": 1}
    assert capsys.readouterr().out.splitlines()[-1] == '{"a": 1}'


# Agents

MODES: list[Any] = ["messages", "updates", "values", ["messages", "updates"], ["updates", "values", "messages"]]


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("subgraphs", [False, True])
async def test_every_stream_of_an_agent_shows_the_same_turns(
    chats: Chats, mode: Any, capsys: Out, *, subgraphs: bool
) -> None:
    def weather(city: str) -> str:
        """Get the weather in a city."""
        return f"18C in {city}"

    agents: Any = pytest.importorskip("langchain.agents", reason="needs the langchain package")
    agent = agents.create_agent(chats.at("text"), [weather])
    asked = {"messages": [HumanMessage(WEATHER)]}
    options = {"stream_mode": mode, "subgraphs": subgraphs}
    given = show(agent.stream(asked, **options))
    agiven = await ashow(agent.astream(asked, **options))
    whole = agent.invoke(asked)["messages"]
    question = "values" in mode
    for messages in (given, agiven):
        assert [type(message) for message in messages] == [type(message) for message in whole[not question :]]
        assert {message.content for message in messages} == {message.content for message in whole[not question :]}
    out = capsys.readouterr().out
    assert out.count('calls weather {"city": "Paris"}') == 2
    assert out.count('[tool · weather {"city": "London"}]\n18C in London\n') == 2


def test_an_agents_result_and_its_failed_tool(capsys: Out) -> None:
    history: list[BaseMessage] = [
        SystemMessage("Be brief."),
        HumanMessage(WEATHER, name="Ada"),
        AIMessage("", tool_calls=[{"name": "get_weather", "args": {"city": "London"}, "id": "c"}]),
        ToolMessage("no such city", tool_call_id="c", status="error"),
    ]
    result = {"messages": history, "structured_response": None}
    assert show(result) is result
    assert show(history) is history
    once = capsys.readouterr().out.splitlines()
    assert once == once[: len(once) // 2] * 2
    assert once[: len(once) // 2] == [
        "[system]",
        "Be brief.",
        "[user · Ada]",
        WEATHER,
        "[assistant]",
        'calls get_weather {"city": "London"}',
        '[tool · get_weather {"city": "London"}]',
        "no such city",
        "the tool failed",
    ]


def test_answers_of_a_batch_are_shown_each_though_they_are_equal(chats: Chats, capsys: Out) -> None:
    answer = chats.at("flash").invoke(SUM)
    show([answer, answer])
    assert capsys.readouterr().out.count("12 * 7 = 84") == 2


# What other classes and people write


@pytest.mark.parametrize(
    ("block", "media"),
    [
        (
            {"type": "image", "base64": PIXEL, "mime_type": "image/png"},
            ShownMedia(kind="image", address=f"data:image/png;base64,{PIXEL}"),
        ),
        (
            {"type": "image", "url": "https://a.example/b.png"},
            ShownMedia(kind="image", address="https://a.example/b.png"),
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
            ShownMedia(kind="image", address="https://a.example/b.png"),
        ),
        (
            {"type": "video", "url": "https://a.example/b.mp4"},
            ShownMedia(kind="video", address="https://a.example/b.mp4"),
        ),
        ({"type": "image", "file_id": "file-1"}, ShownMedia(kind="image")),
    ],
)
def test_media_of_a_question(block: dict[str, Any], media: ShownMedia) -> None:
    (turn,) = shown_of(HumanMessage([{"type": "text", "text": "Look."}, block]))
    assert turn == Shown(speaker="user", text="Look.", media=(media,))


def test_another_class_of_models(capsys: Out) -> None:
    llm = GenericFakeChatModel(messages=iter([AIMessage("Hello from afar.")]))
    assert show(llm.stream("Hi")).content == "Hello from afar."
    assert capsys.readouterr().out == "Hello from afar.\n"


def test_odd_metadata_stop_nothing() -> None:
    odd = {"cost": 3, "notes": None, "finish_reason": 7, "model_name": ["m"], "other_choices": None}
    (turn,) = shown_of(AIMessage("Hi", response_metadata=odd, additional_kwargs={"refusal": 1}))
    assert turn == Shown(text="Hi")


def test_a_model_is_not_an_answer(chats: Chats) -> None:
    for thing in (chats.at("flash"), chats.at("flash") | StrOutputParser()):
        with pytest.raises(TypeError, match=r"show\(it\.stream\(\.\.\.\)\)"):
            show(thing)


def test_a_failing_stream_gives_its_own_error(chats: Chats, capsys: Out) -> None:
    def broken() -> Iterator[AIMessageChunk]:
        yield from list(chats.at("text").stream(SUM))[:3]
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        show(broken())
    assert capsys.readouterr().out.endswith("not finished: OSError: gone\n")
