"""Tokens of a whole prompt: messages and tools as the model's chat template writes them out.

All of Qwen's templates are ChatML: `<|im_start|>role`, a line break, the text, `<|im_end|>`, a line break. What stands
between two control tokens is counted as one text, so that with a vocabulary nothing is lost at the joints.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from qwen_endpoints.media_tokens import count_part, part_as_text
from qwen_endpoints.tokenizers import tokenizer_row
from qwen_endpoints.tokens import count_tokens

if TYPE_CHECKING:
    from qwen_endpoints.models import ModelProfile
    from qwen_endpoints.tokenizers import Tokenizer
    from qwen_endpoints.types import ChatRequest, Message, ToolCall
    from qwen_endpoints.words import Json

_TURN: Final = 4
"""`<|im_start|>`, the role, `<|im_end|>` and the line break after it. The one after the role belongs to the text."""
_ANSWER: Final = 3
"""`<|im_start|>`, `assistant` and a line break, where the answer begins."""
_THOUGHTS_OPENED: Final = 2
"""`<think>` and a line break."""
_THOUGHTS_EMPTY: Final = 4
"""`<think>`, `</think>` and two blank lines: how templates switch thinking off."""
_THOUGHTS: Final = 4
"""The line break after the role, `<think>`, `</think>` and a blank line."""
_TAGS: Final = 2
"""A pair of tags that are one token each."""


def count_prompt_tokens(request: ChatRequest, profile: ModelProfile) -> int:
    """Count the prompt tokens of a request, the beginning of the answer included.

    Exact as `count_tokens` is, but for what only the host knows: its own template, texts it adds, how it writes tools
    (a token more or less for each) and how large it makes pictures. Media of unknown size counts as
    `media_tokens` says.

    Raises:
        ConfigurationError: The profile names a tokenizer that does not exist.
    """
    if not request.messages and not request.tools:
        return 0
    return _answer_opener(request, profile) + sum(
        count_tokens(piece, profile.tokenizer) if isinstance(piece, str) else piece
        for piece in _Prompt(request, profile).pieces()
    )


def _answer_opener(request: ChatRequest, profile: ModelProfile) -> int:
    asked = request.enable_thinking
    if asked is None and request.reasoning_effort is not None:
        asked = request.reasoning_effort != "none"
    if asked is None:
        asked = True if request.thinking_budget is not None else profile.thinking_default
    if profile.thinking == "hybrid" and asked is False:
        return _ANSWER + _THOUGHTS_EMPTY
    return _ANSWER + (_THOUGHTS_OPENED if profile.think_opener == "template" else 0)


class _Prompt:
    """A request as pieces: texts, and numbers of tokens for what is the same in every prompt."""

    def __init__(self, request: ChatRequest, profile: ModelProfile) -> None:
        self._request = request
        self._tokenizer = tokenizer_row(profile.tokenizer)
        users = [position for position, message in enumerate(request.messages) if message.role == "user"]
        self._asked_at = users[-1] if users else -1
        self._keep_thoughts_from = _keep_thoughts_from(request, profile, self._asked_at)

    def pieces(self) -> Iterator[str | int]:
        messages = self._request.messages
        first = messages[0] if messages and messages[0].role == "system" else None
        yield from self._system(first)
        before = None
        for position, message in enumerate(messages):
            if position == 0 and first is not None:
                continue
            # Results in a row share one turn.
            if not (message.role == before == "tool"):
                yield _TURN
            yield from self._message(message, position)
            before = message.role

    def _system(self, message: Message | None) -> Iterator[str | int]:
        """Write the first turn, which holds the tools; without a system message it may hold a text of the template."""
        tools = self._request.tools
        default = self._tokenizer.tools_system if tools else self._tokenizer.default_system
        if message is None and not tools and not default:
            return
        yield _TURN
        if message is not None:
            yield from self._content(message, after="\n\n" if tools else "")
        else:
            yield default + 1
        if tools:
            yield self._tokenizer.tools
            yield from (json.dumps(tool, ensure_ascii=False, default=str) + "\n" for tool in tools)

    def _message(self, message: Message, position: int) -> Iterator[str | int]:
        if message.role == "tool":
            yield self._tokenizer.tool_response
            yield from self._content(message, after="\n")
            return
        thoughts = message.reasoning.strip() if position >= self._keep_thoughts_from else ""
        if thoughts or (self._tokenizer.empty_thoughts and message.role == "assistant" and position > self._asked_at):
            yield _THOUGHTS
            yield f"\n{thoughts}\n"
            yield from self._answer(message, before="")
        else:
            yield from self._answer(message, before="\n")

    def _answer(self, message: Message, *, before: str) -> Iterator[str | int]:
        joint = "\n" if self._tokenizer.calls == "json" else "\n\n"
        yield from self._content(message, before=before, after=joint if message.content and message.tool_calls else "")
        for number, call in enumerate(message.tool_calls):
            yield _TAGS + min(number, 1)
            yield _written(call, self._tokenizer)

    def _content(self, message: Message, *, before: str = "\n", after: str = "") -> Iterator[str | int]:
        """Write content, its texts joined as far as no media stands between them."""
        text = before
        for part in _parts(message.content):
            tokens = count_part(part, self._tokenizer) if part.get("type") != "text" else None
            if tokens is not None:
                yield text
                yield tokens
                text = ""
            else:
                text += str(part.get("text") or "") if part.get("type") == "text" else part_as_text(part)
        yield text + after


def _parts(content: str | Sequence[Json]) -> Sequence[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _written(call: ToolCall, tokenizer: Tokenizer) -> str:
    """Write what stands between the tags of a replayed call. An invalid one is replayed without arguments."""
    arguments: Mapping[str, Any] = call.parsed or {}
    if tokenizer.calls == "xml":
        values = "".join(f"<parameter={name}>\n{_value(value)}\n</parameter>\n" for name, value in arguments.items())
        return f"\n<function={call.name}>\n{values}</function>\n"
    return f'\n{{"name": "{call.name}", "arguments": {call.arguments if arguments else "{}"}}}\n'


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _keep_thoughts_from(request: ChatRequest, profile: ModelProfile, asked_at: int) -> int:
    """From which message on the prompt holds earlier reasoning.

    Templates drop what is older than the last user message, unless they were told to preserve it.
    """
    if request.reasoning_replay == "never":
        return len(request.messages)
    preserved = profile.preserves_thinking if request.preserve_thinking is None else request.preserve_thinking
    if preserved and request.reasoning_replay != "tool_turns":
        return 0
    return asked_at + 1
