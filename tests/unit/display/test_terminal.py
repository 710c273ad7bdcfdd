"""What goes to a terminal, a file or a pipe."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest
from qwen_endpoints.display import Shown, ShownCall, ShownMedia, ShownSource, ShownTokens
from qwen_endpoints.display.shown import Frame
from qwen_endpoints.display.terminal import Terminal
from qwen_endpoints.display.transcript import plain

CALL = ShownCall(id="a", name="get_weather", arguments='{"city": "Paris"}')
RESULT = Shown(speaker="tool", call_id="a", text="18C")


def written(*frames: tuple[Shown, ...], failure: str = "") -> list[str]:
    """What each frame adds."""
    stream = io.StringIO()
    terminal, added = Terminal(stream), list[str]()
    for place, turns in enumerate(frames):
        before = len(stream.getvalue())
        terminal.draw(Frame(turns=turns, failure=failure if place == len(frames) - 1 else ""))
        added.append(stream.getvalue()[before:])
    return added


def test_text_is_written_as_it_comes() -> None:
    assert written(
        (Shown(reasoning="Hm", growing=True),),
        (Shown(reasoning="Hm, so", growing=True),),
        (Shown(reasoning="Hm, so", text="It", growing=True),),
        (Shown(reasoning="Hm, so", text="It is 84", growing=True),),
        (Shown(reasoning="Hm, so", text="It is 84.", model="m", provider="p", finish_reason="stop"),),
    ) == ["thinking: Hm", ", so", "\nanswer: It", " is 84", ".\nm at p · tokens unknown · cost unknown · finish stop\n"]


def test_a_call_is_named_at_once_and_its_arguments_follow_whole() -> None:
    assert written(
        (Shown(text="Let me see.", calls=(ShownCall(name="get_weather", arguments='{"ci'),), growing=True),),
        (Shown(text="Let me see.", calls=(ShownCall(name="get_weather", arguments='{"city":'),), growing=True),),
        (Shown(text="Let me see.", calls=(CALL,)),),
        (Shown(text="Let me see.", calls=(CALL,)), RESULT),
    ) == [
        "Let me see.\ncalls get_weather",
        "",
        ' {"city": "Paris"}\n',
        '[tool · get_weather {"city": "Paris"}]\n18C\n',
    ]


def test_a_turn_that_comes_while_another_grows_waits() -> None:
    assert written(
        (Shown(text="one", growing=True), Shown(text="two", growing=True)),
        (Shown(text="one more", growing=True), Shown(text="two more", growing=True)),
        (Shown(text="one more"), Shown(text="two more", growing=True)),
        (Shown(text="one more"), Shown(text="two more!")),
    ) == ["one", " more", "\n[assistant]\ntwo more", "!\n"]


def test_what_changes_behind_what_was_written_is_written_again_at_the_end() -> None:
    first, changed, end = written(
        (Shown(reasoning="a", text="It", growing=True),),
        (Shown(reasoning="a b", text="It is", growing=True),),
        (Shown(reasoning="a b", text="It is so"),),
    )
    assert (first, changed, end) == ("thinking: a\nanswer: It", "", "\nthinking: a b\nanswer: It is so\n")


def test_a_failure_ends_what_came() -> None:
    assert written((Shown(text="It is", growing=True),), (Shown(text="It is so"),), failure="interrupted") == [
        "It is",
        " so\nnot finished: interrupted\n",
    ]


def test_everything_of_a_turn_is_there() -> None:
    turn = Shown(
        speaker="user",
        name="Ada",
        text="Look.",
        media=(ShownMedia(kind="image", address="https://example.com/a.png"),),
        calls=(ShownCall(name="f", arguments="{", error="no JSON"),),
        refusal="No.",
        sources=(ShownSource(label="a.md", score=0.5),),
        others=(Shown(text="Another."),),
        tokens=ShownTokens(input=1, output=2),
        notes=("Thinking is off.",),
    )
    assert plain(Frame(turns=(turn,), failure="interrupted")).splitlines() == [
        "[user · Ada]",
        "image: https://example.com/a.png",
        "Look.",
        "calls f {",
        "invalid call, not to be executed: no JSON",
        "refused: No.",
        "from a.md · score 0.5",
        "answer 2",
        "Another.",
        "tokens 1 in, 2 out",
        "note: Thinking is off.",
        "not finished: interrupted",
    ]


def test_a_stream_that_cannot_write_a_character_gets_a_question_mark() -> None:
    raw = io.BytesIO()
    terminal = Terminal(io.TextIOWrapper(raw, encoding="ascii"))
    terminal.draw(Frame(turns=(Shown(text="北京 is sunny"),)))
    assert raw.getvalue() == b"?? is sunny\n"


# A terminal of its own

SCRIPT = """
from qwen_endpoints.display import show
def pieces():
    yield "An answer \\x1b]0;x\\x07"
    yield "with [bold]marks[/bold] :smile: 北京"
show(pieces())
from qwen_endpoints.display import Shown
from qwen_endpoints.display.screens import screen
from qwen_endpoints.display.shown import Frame
screen().draw(Frame(turns=(Shown(reasoning="Hm.", text="Yes."),)))
"""


def on_a_terminal(*, without: str = "", **environment: str) -> str:
    """What the script shows on a pseudo-terminal."""
    pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
    master, slave = pty.openpty()
    hidden = f"import sys; sys.modules[{without!r}] = None\n" if without else ""
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    with subprocess.Popen(  # noqa: S603 - this Python, and a script of ours
        [sys.executable, "-c", hidden + SCRIPT], stdout=slave, env={**kept, "TERM": "xterm-256color", **environment}
    ) as process:
        os.close(slave)
        shown = b""
        try:
            while piece := os.read(master, 65_536):
                shown += piece
        except OSError:  # Linux: the other side is closed
            pass
    os.close(master)
    assert process.returncode == 0, shown
    return shown.decode()


TEXT = "An answer ]0;xwith [bold]marks[/bold] :smile: 北京\r\n"
"""As it stands there: no commands, and nothing read as markup."""


@pytest.mark.skipif(find_spec("rich") is None, reason="it is an extra")
def test_thinking_is_dimmed_on_a_terminal() -> None:
    shown = on_a_terminal()
    assert re.search(r"\x1b\[2;3mHm\.\x1b\[0m\r\nYes\.\r\n", shown)
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown).startswith(TEXT)
    assert "thinking:" not in shown


@pytest.mark.parametrize(("without", "environment"), [("rich", {}), ("", {"NO_COLOR": "1"}), ("", {"TERM": "dumb"})])
def test_without_styles_words_say_what_is_what(without: str, environment: dict[str, str]) -> None:
    assert on_a_terminal(without=without, **environment) == TEXT + "thinking: Hm.\r\nanswer: Yes.\r\n"


def test_a_pipe_gets_what_the_model_wrote() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True)  # noqa: S603 - ours
    assert done.stdout.startswith("An answer \x1b]0;x\x07with [bold]marks[/bold] :smile: 北京\n".encode())
