from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from qwen_endpoints import Endpoint, StreamInterruptedError
from qwen_endpoints.chat_completions.think_tags import ThinkTagSplitter

from .support import chunk, decode, decode_whole, endpoint, whole

TEMPLATE_MODEL = "qwen3.6-27b"
"""Its chat template writes the opener, so raw output holds the closer alone."""


def split(pieces: Iterable[str], *, headless: bool = False, cut: bool = False) -> tuple[str, str]:
    splitter = ThinkTagSplitter(headless=headless)
    text = reasoning = ""
    for piece in pieces:
        more_text, more_reasoning = splitter.feed(piece)
        text, reasoning = text + more_text, reasoning + more_reasoning
    more_text, more_reasoning = splitter.finish(cut=cut)
    return text + more_text, reasoning + more_reasoning


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        pytest.param("Hello.", "Hello.", "", id="no tags"),
        pytest.param("", "", "", id="nothing"),
        pytest.param("<think>why</think>Hello.", "Hello.", "why", id="opener and closer"),
        pytest.param("<think>\nwhy\n</think>\n\nHello.", "Hello.", "\nwhy\n", id="the shape Groq sends"),
        pytest.param("\n\n<think>why</think>Hello.", "Hello.", "why", id="white space before the opener"),
        pytest.param("<think></think>\n\nHello.", "Hello.", "", id="empty thinking, as with thinking off"),
        pytest.param("<think>\n\n</think>\n\nHello.", "Hello.", "\n\n", id="blank thinking"),
        pytest.param("</think>\n\nHello.", "Hello.", "", id="a lone closer at the start"),
        pytest.param("<think>never closed", "", "never closed", id="cut off while thinking"),
        pytest.param("<think>almost</thi", "", "almost</thi", id="cut off inside the closer"),
        pytest.param("<think>a <think> b</think>c", "c", "a <think> b", id="an opener inside thinking is thinking"),
        pytest.param("<think>a</think>b</think>c", "b</think>c", "a", id="a second closer is the answer's"),
        pytest.param(
            "Use <think>tags</think> so.", "Use <think>tags</think> so.", "", id="tags later are the answer's"
        ),
        pytest.param("a</think>b", "a</think>b", "", id="a closer after text is the answer's"),
        pytest.param("<think>a</think><think>b</think>", "<think>b</think>", "a", id="only the first block counts"),
        pytest.param("<thinking>x", "<thinking>x", "", id="a longer tag is no tag"),
        pytest.param("<thi", "<thi", "", id="half a tag at the end is text"),
        pytest.param("<", "<", "", id="a lone bracket"),
        pytest.param("  \n", "  \n", "", id="white space alone"),
        pytest.param("\n Hello. \n", "\n Hello. \n", "", id="white space around an answer without tags stays"),
        pytest.param("<think>a</think>  ", "", "a", id="white space after the closer is the template's"),
        pytest.param("<THINK>a</THINK>", "<THINK>a</THINK>", "", id="tags are lower case"),
    ],
)
def test_tags_split_the_same_wherever_the_text_is_cut(content: str, text: str, reasoning: str) -> None:
    assert split([content]) == (text, reasoning)
    assert split(content) == (text, reasoning)
    for cut in range(len(content) + 1):
        assert split([content[:cut], "", content[cut:]]) == (text, reasoning), cut


@pytest.mark.parametrize(
    ("content", "cut", "text", "reasoning"),
    [
        pytest.param("why</think>\n\nHello.", False, "Hello.", "why", id="the closer tells what came before"),
        pytest.param("<think>why</think>Hello.", False, "Hello.", "why", id="an opener after all"),
        pytest.param("Hello.", False, "Hello.", "", id="no closer: it was the answer"),
        pytest.param("why and", True, "", "why and", id="no closer and the token limit: it was reasoning"),
        pytest.param("a</think>b</think>c", False, "b</think>c", "a", id="a second closer is the answer's"),
        pytest.param("</think>Hello.", False, "Hello.", "", id="thinking was empty"),
    ],
)
def test_without_an_opener_the_text_is_held_until_it_is_certain(
    content: str, cut: bool, text: str, reasoning: str
) -> None:
    assert split([content], headless=True, cut=cut) == (text, reasoning)
    assert split(content, headless=True, cut=cut) == (text, reasoning)


def test_held_text_is_free_once_reasoning_has_its_own_field() -> None:
    splitter = ThinkTagSplitter(headless=True)
    assert splitter.feed("Hel") == ("", "")
    assert splitter.leave_headless() == ("Hel", "")
    assert splitter.feed("lo</think>") == ("lo</think>", "")
    assert splitter.leave_headless() == ("", "")


def test_text_flows_as_soon_as_it_cannot_be_a_tag() -> None:
    splitter = ThinkTagSplitter()
    assert splitter.feed("<t") == ("", "")
    assert splitter.feed("able>") == ("<table>", "")
    assert splitter.feed("<think>") == ("<think>", "")


def test_reasoning_flows_up_to_what_may_be_the_closer() -> None:
    splitter = ThinkTagSplitter()
    assert splitter.feed("<think>abc</th") == ("", "abc")
    assert splitter.feed("ree") == ("", "</three")


# Which replies are read this way


def first(place: Endpoint, *contents: str, **request: Any) -> tuple[str, str]:
    """Decode streamed and whole, which must agree, and give text and reasoning."""
    streamed = decode(*(chunk({"content": piece}) for piece in contents), chunk({}, "stop"), place=place, **request)
    choice = streamed.completion.first
    assert (choice.text, choice.reasoning) == (streamed.text(), streamed.reasoning())
    one = decode_whole(whole({"content": "".join(contents)}), place, **request).first
    assert (one.text, one.reasoning) == (choice.text, choice.reasoning)
    return choice.text, choice.reasoning


@pytest.mark.parametrize("provider", ["vllm", "sglang", "llamacpp", "ollama", "generic"])
def test_self_hosted_template_models_may_lack_the_opener(provider: str) -> None:
    url = {"base_url": "http://localhost:1/v1"} if provider == "generic" else {}
    assert first(endpoint(provider, TEMPLATE_MODEL, **url), "why</th", "ink>Hi.") == ("Hi.", "why")


@pytest.mark.parametrize("provider", ["dashscope", "anyfast", "wcode", "openrouter"])
def test_gateways_parse_reasoning_so_a_lone_closer_is_the_answers(provider: str) -> None:
    assert first(endpoint(provider, TEMPLATE_MODEL), "why</th", "ink>Hi.") == ("why</think>Hi.", "")


def test_models_that_write_the_opener_are_not_held() -> None:
    decoded = decode(chunk({"content": "Hel"}), chunk({"content": "lo"}, "stop"), place=endpoint("vllm", "qwen3-32b"))
    assert [delta.text for delta in decoded.deltas if delta.text] == ["Hel", "lo"]


def test_with_thinking_off_nothing_is_held() -> None:
    place = endpoint("vllm", TEMPLATE_MODEL)
    decoded = decode(
        chunk({"content": "a</think>"}), chunk({"content": "b"}, "stop"), place=place, enable_thinking=False
    )
    assert [delta.text for delta in decoded.deltas if delta.text] == ["a</think>", "b"]


def test_reasoning_in_its_own_field_ends_the_holding() -> None:
    decoded = decode(
        chunk({"reasoning": "why"}), chunk({"content": "Hi"}), chunk({"content": "</think>"}, "stop"),
        place=endpoint("vllm", TEMPLATE_MODEL),
    )  # fmt: skip
    assert [delta.text for delta in decoded.deltas if delta.text] == ["Hi", "</think>"]
    assert decoded.reasoning() == "why"


def test_an_unfinished_held_text_is_reasoning_when_the_token_limit_cut_it() -> None:
    streamed = decode(chunk({"content": "why and"}, "length"), place=endpoint("vllm", TEMPLATE_MODEL))
    assert (streamed.text(), streamed.reasoning()) == ("", "why and")


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [("why and", "", "why and"), ("why</think>Hal", "Hal", "why"), ("<think>why</thi", "", "why</thi")],
)
def test_a_broken_stream_does_not_lose_what_is_held(content: str, text: str, reasoning: str) -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        decode(chunk({"content": content}), done=False, place=endpoint("vllm", TEMPLATE_MODEL))
    partial = caught.value.partial
    assert partial is not None
    assert (partial.first.text, partial.first.reasoning) == (text, reasoning)
