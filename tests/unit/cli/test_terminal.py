"""On a terminal: colours, conversations, Ctrl-C and Ctrl-D, seen through a pseudo-terminal."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from qwen_endpoints import PROVIDERS
from qwen_sandbox import Reply, Sandbox

pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
At = Callable[[str], list[str]]
CTRL_C, CTRL_D = b"\x03", b"\x04"


class Screen:
    """A command on a terminal of its own, which is typed to and read from."""

    def __init__(self, *arguments: str) -> None:
        self._master, slave = os.openpty()
        self.process = subprocess.Popen(  # noqa: S603 - this Python, and our own command
            [sys.executable, "-c", _LEAD, *arguments], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.shown = ""
        self._seen = 0

    def until(self, text: str) -> None:
        """Read until `text` is shown, after what was waited for before."""
        self._read(lambda: text in self.shown[self._seen :])
        assert text in self.shown[self._seen :], f"{text!r} never came: {self.shown!r}"
        self._seen = self.shown.index(text, self._seen) + len(text)

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def end(self) -> int:
        """Read the rest; return the exit status."""
        self._read(lambda: False)
        return self.process.wait(20)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
        os.close(self._master)

    def _read(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 90  # a busy machine takes its time
        while not done():
            assert select.select([self._master], [], [], deadline - time.monotonic())[0], f"stuck: {self.shown!r}"
            try:
                piece = os.read(self._master, 65_536)
            except OSError:  # Linux: the other side is closed
                return
            if not piece:
                return
            self.shown += piece.decode("utf-8", "replace")


_LEAD = """
import fcntl, signal, sys, termios
signal.signal(signal.SIGINT, signal.default_int_handler)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
sys.argv[0] = "qwen-endpoints"
from qwen_endpoints.cli import main
sys.exit(main())
"""
"""Takes the terminal as its own, so that Ctrl-C reaches it as a signal, which a test run in the background ignores."""


@pytest.fixture
def screen() -> Iterator[Callable[..., Screen]]:
    with contextlib.ExitStack() as opened:

        def start(*arguments: str) -> Screen:
            made = Screen(*arguments)
            opened.callback(made.close)
            return made

        yield start


Open = Callable[..., Screen]


def test_thinking_is_dimmed_and_the_answer_is_not(screen: Open, at: At) -> None:
    shown = screen("chat", "What is 12 times 7?", "--thinking", *at("wcode"))
    assert shown.end() == 0
    assert "\x1b[2mThe user" in shown.shown
    assert "\r\n12 * 7 = 84\r\n" in re.sub(r"\x1b\[[0-9;]*m", "", shown.shown)
    assert "thinking:" not in shown.shown


def test_no_color(screen: Open, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    chat, check = screen("chat", "Hello", "--thinking", *at("wcode")), screen("check", *at("wcode"))
    assert (chat.end(), check.end()) == (0, 0)
    assert "\x1b" not in chat.shown + check.shown
    assert "thinking: The user" in chat.shown


def test_a_narrow_terminal_breaks_no_id(screen: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    narrow = screen("providers")
    monkeypatch.setenv("COLUMNS", "200")
    wide = screen("providers")
    assert (narrow.end(), wide.end()) == (0, 0)
    assert re.search(
        r"^  base URL +https://dashscope-intl\.aliyuncs\.com/compatible-mode/v1\r$", narrow.shown, re.MULTILINE
    )
    assert len(wide.shown.splitlines()) == 1 + len(PROVIDERS)


def test_states_are_coloured(screen: Open, at: At) -> None:
    shown = screen("check", *at("wcode"))
    assert shown.end() == 0
    assert "\x1b[32mok" in shown.shown


@pytest.mark.parametrize("piped", [False, True])
def test_an_answer_cannot_command_the_terminal(screen: Open, at: At, qwen_sandbox: Sandbox, *, piped: bool) -> None:
    event = (
        b'data: {"choices": [{"index": 0, "delta": {"content": "a\\u001b]0;x\\u0007b\\r"}, "finish_reason": "stop"}]}'
    )
    reply = Reply(event + b"\n\ndata: [DONE]\n\n", content_type="text/event-stream")
    options = [*at("anyfast"), "--base-url", qwen_sandbox.script_sequence("esc", [reply])]
    if piped:  # a file gets what the model wrote
        command = [sys.executable, "-m", "qwen_endpoints", "chat", "Hello", *options]
        done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - ours
        assert done.stdout == b"a\x1b]0;x\x07b\r\n"
        return
    shown = screen("chat", "Hello", *options)
    assert shown.end() == 0
    assert "a]0;xb\r\n" in shown.shown


def test_a_conversation(screen: Open, at: At, qwen_sandbox: Sandbox) -> None:
    shown = screen("chat", "--system", "Be brief.", *at("wcode"))
    shown.until("> ")
    shown.type(b"My name is Ada.\n")
    shown.until("finish stop")
    shown.until("> ")
    shown.type(b"\n")
    shown.until("> ")
    shown.type(b"What is my name?\n")
    shown.until("Your name is Ada")
    shown.until("> ")
    shown.type(CTRL_D)
    assert shown.end() == 0
    assert [message["role"] for message in qwen_sandbox.last_request.json["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert len(qwen_sandbox.requests) == 2
    assert re.search(r"wcode +qwen/qwen3-235b-a22b +2 ", shown.shown)


def test_a_failed_question_does_not_end_a_conversation(screen: Open, at: At, qwen_sandbox: Sandbox) -> None:
    shown = screen("chat", *at("anyfast"))
    shown.until("> ")
    shown.type(b"Hello [[sandbox:402]]\n")
    shown.until("HTTP 402")
    shown.until("> ")
    shown.type(b"What is 12 times 7?\n")
    shown.until("84")
    shown.until("> ")
    shown.type(CTRL_D)
    assert shown.end() == 0
    assert len(qwen_sandbox.last_request.json["messages"]) == 1


def test_ctrl_c_while_typing(screen: Open, at: At) -> None:
    shown = screen("chat", *at("anyfast"))
    shown.until("> ")
    time.sleep(0.5)  # a signal between readline's prompt and its waiting is only seen with the next key
    shown.type(CTRL_C)
    assert shown.end() == 130
    assert "Traceback" not in shown.shown


def test_ctrl_c_during_an_answer(screen: Open, at: At) -> None:
    with Sandbox(chunk_delay=0.3) as slow:
        shown = screen("chat", "Count from 1 to 500", *at("anyfast"), "--base-url", slow.base_url("anyfast"))
        shown.until("1")
        shown.type(CTRL_C)
        assert shown.end() == 130
    assert "Traceback" not in shown.shown
    assert "Abort" not in shown.shown


def test_bad_input_shows_before_anything_is_typed(screen: Open) -> None:
    shown = screen("chat", "--provider", "anyfast")
    assert shown.end() == 2
    assert "Set ANYFAST_API_KEY" in shown.shown
    assert "> " not in shown.shown


def test_json_wants_a_question(screen: Open, at: At) -> None:
    shown = screen("chat", "--json", *at("anyfast"))
    assert shown.end() == 2
    assert "--json answers one question" in shown.shown
