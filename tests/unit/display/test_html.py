"""The block of a notebook: what stands in it, what is folded, and that nothing in it can act."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.util import find_spec
from typing import Any

import pytest
from qwen_endpoints.display import Shown, ShownCall, ShownMedia, ShownSource, ShownTokens
from qwen_endpoints.display.html import page
from qwen_endpoints.display.shown import Frame
from qwen_endpoints.pricing import Cost
from typing_extensions import override

needs_markdown = pytest.mark.skipif(find_spec("markdown_it") is None, reason="it is an extra")
EVIL = '<script>alert(1)</script><img src="http://evil.example/x.png" onerror="alert(2)"></div></details>"\'&'
PIXEL = "data:image/png;base64,iVBORw0KGgo="


VOID = {"img", "br", "hr"}


class Parsed(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.said = ""
        self.feed(re.sub("<style>.*?</style>", "", html, flags=re.DOTALL))
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        self.said += data


def drawn(*turns: Shown, failure: str = "") -> str:
    return page(Frame(turns=turns, failure=failure))


def text_of(*turns: Shown, failure: str = "") -> str:
    return Parsed(drawn(*turns, failure=failure)).said


EVERYWHERE: dict[str, Any] = {
    "text": Shown(text=EVIL),
    "text in code": Shown(text=f"```{EVIL}\n{EVIL}\n```\n`{EVIL}`"),
    "a user's text": Shown(speaker="user", text=EVIL),
    "speaker": Shown(speaker=EVIL, text="x"),
    "name": Shown(name=EVIL),
    "reasoning": Shown(reasoning=EVIL),
    "call": Shown(calls=(ShownCall(name=EVIL, arguments=EVIL, error=EVIL),)),
    "long call": Shown(calls=(ShownCall(name=EVIL, arguments=EVIL * 9),)),
    "result": Shown(speaker="tool", name=EVIL, text=EVIL, failed=True),
    "image": Shown(media=(ShownMedia(kind="image", address=PIXEL + EVIL),)),
    "address": Shown(media=(ShownMedia(kind=EVIL, address=EVIL),)),
    "source": Shown(sources=(ShownSource(label=EVIL, text=EVIL),)),
    "facts": Shown(
        model=EVIL,
        provider=EVIL,
        finish_reason=EVIL,
        native_finish_reason=EVIL + "x",
        refusal=EVIL,
        notes=(EVIL,),
        cost=Cost(amount=1, currency=EVIL, origin="reported"),
    ),
    "other answers": Shown(others=(Shown(text=EVIL, reasoning=EVIL),)),
}


@pytest.mark.parametrize("turn", EVERYWHERE.values(), ids=EVERYWHERE)
def test_nothing_that_was_written_becomes_an_element(turn: Shown) -> None:
    html = Parsed(drawn(turn, failure=EVIL))
    assert "script" not in html.tags
    assert html.open == []
    fetched = [value for name, value in html.attributes if name in {"src", "srcset", "data", "poster"}]
    assert [value for value in fetched if not value.startswith("data:image/")] == []
    assert [name for name, _ in html.attributes if name.startswith("on")] == []
    assert "alert(1)" in html.said or turn.media


@needs_markdown
@pytest.mark.parametrize(
    "text",
    [
        "![x](http://evil.example/x.png)",
        "![x][1]\n\n[1]: http://evil.example/x.png",
        "[x](javascript:alert(1))",
        "<http://evil.example>",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
    ],
)
def test_markdown_fetches_and_runs_nothing(text: str) -> None:
    html = Parsed(drawn(Shown(text=text)))
    assert "img" not in html.tags
    assert [value for name, value in html.attributes if name == "href" and not value.startswith("http")] == []


@needs_markdown
def test_an_answer_is_formatted_and_a_question_is_not() -> None:
    text = "**bold**\nnext\n\n| a |\n|---|\n| 1 |\n\n```python\nx = 1\n```"
    answer, question = Parsed(drawn(Shown(text=text))), Parsed(drawn(Shown(speaker="user", text=text)))
    assert {"strong", "br", "table", "pre"} <= set(answer.tags)
    assert not {"strong", "br", "table", "pre"} & set(question.tags)
    assert text in question.said


@needs_markdown
def test_a_half_written_table_or_fence_is_drawn_all_the_same() -> None:
    for length in range(len(text := "| a | b |\n|---|---|\n| 1 | `2` |\n\n```js\nlet a\n```\n**b**")):
        assert Parsed(drawn(Shown(text=text[:length], growing=True))).open == []


@pytest.mark.parametrize(
    ("turn", "is_open"),
    [
        (Shown(reasoning="Hm.", growing=True), True),
        (Shown(reasoning="Hm.", text="Yes", growing=True), False),
        (Shown(reasoning="Hm.", calls=(ShownCall(name="f"),), growing=True), False),
        (Shown(reasoning="Hm.", text="Yes."), False),
        (Shown(reasoning="Hm.", finish_reason="length"), True),
    ],
)
def test_thinking_is_unfolded_while_there_is_nothing_else_to_see(turn: Shown, *, is_open: bool) -> None:
    assert ('<details class="thinking" open>' in drawn(turn)) is is_open
    assert "Hm." in text_of(turn)


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (Shown(text="It is", finish_reason="length"), "cut off at the token limit"),
        (Shown(text="It is", finish_reason="content_filter"), "stopped by the endpoint's moderation"),
        (Shown(refusal="I will not."), "refused: I will not."),
        (Shown(speaker="tool", text="no such city", failed=True), "the tool failed"),
        (Shown(calls=(ShownCall(name="f", arguments="{", error="no JSON"),)), "not to be executed: no JSON"),
    ],
)
def test_what_a_reader_must_not_miss_stands_in_a_box(turn: Shown, words: str) -> None:
    assert re.search(f'<div class="warn[^>]*>[^<]*{re.escape(words)}', drawn(turn).replace("&#x27;", "'"))


def test_a_failure_follows_what_came() -> None:
    said = text_of(Shown(text="It is"), failure="StreamInterruptedError: the line broke")
    assert said.index("It is") < said.index("not finished: StreamInterruptedError: the line broke")


FACTS = Shown(
    text="84",
    model="qwen3-32b",
    provider="anyfast-cn",
    finish_reason="stop",
    tokens=ShownTokens(input=19, output=41, reasoning=33, cached=5),
    cost=Cost(amount=0.00029, currency="CNY", origin="computed"),
    notes=("Thinking is off.",),
)


@pytest.mark.parametrize(
    ("turn", "line"),
    [
        (
            FACTS,
            "tokens 19 in (5 cached), 41 out (33 thinking) · cost 0.000290 CNY, computed · finish stop",
        ),
        (FACTS, "finish stopnote: Thinking is off."),
        (FACTS, "qwen3-32b at anyfast-cn · tokens 19 in"),
        (Shown(model="m", provider="p"), "m at p · tokens unknown · cost unknown · finish not stated"),
        (Shown(model="m", provider="p", finish_reason="unknown", native_finish_reason="eos"), "finish unknown (eos)"),
        (Shown(text="Hi", tokens=ShownTokens(input=1, output=2)), "Hitokens 1 in, 2 out"),
        (Shown(text="Hi"), "Hi"),
    ],
)
def test_the_line_below(turn: Shown, line: str) -> None:
    assert line in text_of(turn).replace("\n", "")


def test_a_growing_turn_has_no_such_line() -> None:
    assert "tokens" not in text_of(Shown(text="8", model="m", provider="p", growing=True))


@pytest.mark.parametrize(
    ("address", "is_drawn"),
    [
        (PIXEL, True),
        ("data:image/svg+xml;base64,AAAA", False),
        ("data:image/png;base64," + "A" * 3_000_000, False),
        ("https://example.com/a.png", False),
        ("a.png", False),
        ("", False),
    ],
)
def test_only_small_images_that_are_here_are_drawn(address: str, *, is_drawn: bool) -> None:
    html = Parsed(drawn(Shown(speaker="user", media=(ShownMedia(kind="image", address=address),))))
    assert ("img" in html.tags) is is_drawn
    assert len(html.said) < 200
    assert is_drawn or "image: " in html.said


def test_a_result_stands_below_its_call() -> None:
    calls = (ShownCall(id="a", name="f"), ShownCall(id="b", name="g"))
    said = text_of(
        Shown(calls=calls),
        Shown(speaker="tool", call_id="b", text="of b"),
        Shown(speaker="tool", call_id="a", text="of a"),
        Shown(calls=(ShownCall(id="a", name="again"),)),
        Shown(speaker="tool", call_id="a", text="the second"),
        Shown(speaker="tool", call_id="?", text="of nobody"),
    )
    order = [said.index(text) for text in ("f ", "of a", "g ", "of b", "again", "the second", "of nobody")]
    assert order == sorted(order)
    assert said.count("of a") == 1


def test_results_of_calls_with_one_id_stand_below_them_in_order() -> None:
    calls = (ShownCall(id="a", name="f"), ShownCall(id="a", name="g"))
    results = (Shown(speaker="tool", call_id="a", text=text) for text in ("first", "second"))
    said = text_of(Shown(calls=calls), *results)
    order = [said.index(text) for text in ("f ", "first", "g ", "second")]
    assert order == sorted(order)


def test_one_answer_has_no_heading_and_a_conversation_has() -> None:
    assert text_of(Shown(text="Hi")).strip() == "Hi"
    assert text_of(Shown(speaker="user", text="Hi"), Shown(name="front", text="Yes?")).startswith(
        "userHiassistant · front"
    )


def test_nothing_at_all() -> None:
    assert text_of() == "nothing came"
