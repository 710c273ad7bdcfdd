"""Splits `<think>...</think>` out of answer text that arrives in arbitrary pieces."""

from __future__ import annotations

from typing import Final, Literal

_OPEN: Final = "<think>"
_CLOSE: Final = "</think>"

_State = Literal["start", "headless", "thinking", "after", "text"]


class ThinkTagSplitter:
    """Feed text, get `(text, reasoning)`; call `finish` once at the end.

    Tags count only where a model puts them: an opener before any other text, and the first closer after it. Later
    tags are the answer's own words. Cutting the input anywhere never changes what comes out in sum.

    With `headless`, the opener may be missing because the chat template wrote it into the prompt. What the text is
    can then be told only when the closer or the end arrives, so it is held until then; `leave_headless` (called when
    reasoning arrives in a field of its own, so that the server has parsed it) ends that.

    White space before the first word and after a closer is held, too: it belongs to the template, and is given out
    only in front of an answer that had no tags.
    """

    def __init__(self, *, headless: bool = False) -> None:
        self._state: _State = "headless" if headless else "start"
        self._held = ""
        self._waiting: list[str] = []
        """Pieces behind `_held` that decide nothing: joined once something does, not with each piece."""
        self._seam = ""
        """The last characters of what is held, where a closer may have begun."""
        self._worded = False
        """What is held begins with words that are no opener."""

    def feed(self, content: str) -> tuple[str, str]:
        """Take the next piece; return the text and the reasoning that are certain by now."""
        if self._state == "text":
            return content, ""
        if self._decides_nothing(content):
            self._waiting.append(content)
            return "", ""
        self._gather(content)
        text = reasoning = ""
        moved = True
        while moved:
            before = self._state
            more_text, more_reasoning = self._advance()
            text += more_text
            reasoning += more_reasoning
            moved = self._state != before
        return text, reasoning

    def leave_headless(self) -> tuple[str, str]:
        """Take note that the server parses reasoning itself; return what this sets free."""
        if self._state != "headless":
            return "", ""
        self._state = "start"
        return self.feed("")

    def finish(self, *, cut: bool) -> tuple[str, str]:
        """Return what is still held, and hold it no longer. `cut`: the answer was cut off by its token limit."""
        held = self.held(cut=cut)
        self._waiting.clear()
        self._held, self._state = "", "text"
        return held

    def held(self, *, cut: bool) -> tuple[str, str]:
        """What is held, as the text or reasoning it is if nothing follows. `cut`: as for `finish`."""
        held = "".join((self._held, *self._waiting))
        if self._state == "thinking" or (self._state == "headless" and cut):
            return "", held
        if self._state == "after":
            return "", ""  # white space behind the closer
        return held, ""

    def _decides_nothing(self, content: str) -> bool:
        """Whether a piece leaves the state as it is and sets nothing free, told without looking at all that is held."""
        if not self._held and content.isspace():
            return self._state in ("start", "headless")
        if self._state != "headless" or not self._worded:
            return False
        seam = self._seam + content
        self._seam = seam[1 - len(_CLOSE) :]
        return _CLOSE not in seam

    def _gather(self, content: str) -> None:
        self._held = "".join((self._held, *self._waiting, content))
        self._waiting.clear()

    def _advance(self) -> tuple[str, str]:
        match self._state:
            case "start":
                return self._start()
            case "headless":
                return self._headless()
            case "thinking":
                return self._thinking()
            case "after":
                return self._after()
            case "text":
                held, self._held = self._held, ""
                return held, ""

    def _start(self) -> tuple[str, str]:
        words = self._held.lstrip()
        if words.startswith(_OPEN):
            self._held = words[len(_OPEN) :]
            self._state = "thinking"
        elif words.startswith(_CLOSE):
            self._held = words[len(_CLOSE) :]
            self._state = "after"
        elif words and not _OPEN.startswith(words) and not _CLOSE.startswith(words):
            self._state = "text"
        return "", ""

    def _headless(self) -> tuple[str, str]:
        words = self._held.lstrip()
        if words.startswith(_OPEN):
            self._state = "start"
            return "", ""
        reasoning, closer, rest = self._held.partition(_CLOSE)
        if not closer:
            self._worded = bool(words) and not _OPEN.startswith(words)
            self._seam = self._held[1 - len(_CLOSE) :]
            return "", ""
        self._held = rest
        self._state = "after"
        return "", reasoning

    def _thinking(self) -> tuple[str, str]:
        reasoning, closer, rest = self._held.partition(_CLOSE)
        if closer:
            self._held = rest
            self._state = "after"
            return "", reasoning
        keep = _tail_that_may_become(_CLOSE, self._held)
        certain = len(self._held) - keep
        reasoning, self._held = self._held[:certain], self._held[certain:]
        return "", reasoning

    def _after(self) -> tuple[str, str]:
        self._held = self._held.lstrip()
        if self._held:
            self._state = "text"
        return "", ""


def _tail_that_may_become(tag: str, text: str) -> int:
    """How many characters at the end of `text` may be the beginning of `tag`."""
    longest = min(len(text), len(tag) - 1)
    return next((length for length in range(longest, 0, -1) if text.endswith(tag[:length])), 0)
