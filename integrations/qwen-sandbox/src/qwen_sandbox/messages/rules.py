"""What the protocol refuses although each field by itself is in order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from qwen_sandbox.json_types import JsonObject, as_list, as_object, as_text
from qwen_sandbox.messages.dialogue import THOUGHTS, Block, Side, sides_of
from qwen_sandbox.messages.prefixes import marks_of
from qwen_sandbox.messages.signatures import is_redacted, is_signed
from qwen_sandbox.refusal import Refusal
from qwen_sandbox.schema_check import is_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSIONS = ("2023-06-01", "2026-10-21")
_MOST_MARKS = 4
_LEAST_TOP_P = 0.95
_COMBINERS = ("anyOf", "oneOf", "allOf")


@dataclass(frozen=True)
class _Request:
    body: JsonObject
    version: str
    sides: Sequence[Side]

    @property
    def thinking(self) -> JsonObject:
        return as_object(self.body.get("thinking"))

    @property
    def thinks(self) -> bool:
        return self.thinking.get("type") == "enabled"


def check_rules(body: JsonObject, version: str) -> None:
    """Raise a `Refusal` for the first rule of this version that `body`, which the contract allows, breaks."""
    request = _Request(body, version, sides_of(as_object(message) for message in as_list(body.get("messages"))))
    for rule in (_sampling, _contents, _last_words, _calls_and_results, _tools, _thinking, _thoughts, _marks):
        rule(request)


def _sampling(request: _Request) -> None:
    """The parameters of sampling went with the version of 2026, whatever their values."""
    gone = [name for name in ("temperature", "top_p", "top_k") if name in request.body]
    if gone and request.version != VERSIONS[0]:
        raise Refusal(400, f"{', '.join(gone)}: removed in version {request.version}")


def _contents(request: _Request) -> None:
    """Empty is only what the assistant is to begin by itself."""
    messages = [as_object(message) for message in as_list(request.body.get("messages"))]
    for place, message in enumerate(messages[:-1]):
        if not message.get("content"):
            raise Refusal(400, f"messages[{place}].content must not be empty, but in a last message of the assistant")


def _last_words(request: _Request) -> None:
    """What the assistant has begun to say, and is to go on with."""
    last = request.sides[-1]
    if last.role != "assistant":
        return
    if request.thinks:
        raise Refusal(400, f"{last.place}: the assistant's words cannot be begun for it while thinking is enabled")
    words = last.blocks[-1] if last.blocks else None
    if words is None:
        return
    if words.kind in THOUGHTS:
        raise Refusal(400, f"{words.place}: a last message of the assistant cannot end with `{words.kind}`")
    text = as_text(words.value.get("text"))
    if text != text.rstrip():
        raise Refusal(400, f"{words.place}: final assistant content cannot end with trailing whitespace")


def _calls_and_results(request: _Request) -> None:
    seen: set[str] = set()
    for block in (block for side in request.sides for block in side.of_kind("tool_use")):
        name = as_text(block.value.get("id"))
        if name in seen:
            raise Refusal(400, f"{block.place}: `tool_use` ids must be unique")
        seen.add(name)
    nobody = Side("assistant", "", ())
    for before, side in pairwise([nobody, *request.sides]):
        _check_results(before, side)
    if request.sides[-1].of_kind("tool_use"):
        _check_results(request.sides[-1], Side("user", "the next message", ()))


def _check_results(before: Side, side: Side) -> None:
    """Refuse results that answer no call of the turn before, and calls without just one result in front."""
    called = [as_text(block.value.get("id")) for block in before.of_kind("tool_use")]
    results = side.of_kind("tool_result")
    names = [_answered(block) for block in results]
    for block, name in zip(results, names, strict=True):
        if name not in called:
            message = f"unexpected `tool_use_id` {name}: no `tool_use` of the turn before has it"
            raise Refusal(400, f"{block.place}: {message}")
        if names.count(name) > 1:
            raise Refusal(400, f"{block.place}: each `tool_use` must have a single result, {name} has several")
    leading = {_answered(block) for block in takewhile(lambda block: block.kind == "tool_result", side.blocks)}
    missing = [name for name in called if name not in leading]
    if missing:
        raise Refusal(
            400,
            f"{before.place}: `tool_use` ids were found without `tool_result` blocks immediately after:"
            f" {', '.join(missing)}; the results come first in {side.place}",
        )


def _answered(result: Block) -> str:
    """Return the id of the call that a result answers."""
    return as_text(result.value.get("tool_use_id"))


def _tools(request: _Request) -> None:
    tools = [as_object(tool) for tool in as_list(request.body.get("tools"))]
    names = [as_text(tool.get("name")) for tool in tools]
    for place, tool in enumerate(tools):
        schema = as_object(tool.get("input_schema"))
        if not is_schema(schema):
            raise Refusal(400, f"tools[{place}].input_schema is not a valid JSON Schema")
        if any(combiner in schema for combiner in _COMBINERS):
            raise Refusal(400, f"tools[{place}].input_schema does not support oneOf, allOf or anyOf at the top level")
    if len(set(names)) < len(names):
        raise Refusal(400, "tools: names must be unique")
    choice = as_object(request.body.get("tool_choice"))
    if choice.get("type") not in (None, "none") and not names:
        raise Refusal(400, "tool_choice is only accepted together with tools")
    if choice.get("type") == "tool" and choice.get("name") not in names:
        raise Refusal(400, f"tool_choice names {choice.get('name')}, which is not among tools: {', '.join(names)}")


def _thinking(request: _Request) -> None:
    """Refuse what cannot go together with thinking."""
    if not request.thinks:
        return
    body = request.body
    if request.thinking["budget_tokens"] >= body["max_tokens"]:
        raise Refusal(400, "max_tokens must be greater than thinking.budget_tokens")
    if body.get("temperature", 1) != 1:
        raise Refusal(400, "temperature may only be set to 1 when thinking is enabled")
    if "top_k" in body:
        raise Refusal(400, "top_k must not be set when thinking is enabled")
    if body.get("top_p", 1) < _LEAST_TOP_P:
        raise Refusal(400, f"top_p must be at least {_LEAST_TOP_P} when thinking is enabled")
    if as_object(body.get("tool_choice")).get("type") in {"any", "tool"}:
        raise Refusal(400, "thinking may not be enabled when tool_choice forces tool use")


def _thoughts(request: _Request) -> None:
    """Refuse thoughts that are not as they were given, and calls without the thoughts that led to them."""
    for block in (block for side in request.sides for block in side.blocks):
        value = block.value
        if block.kind == "thinking" and not is_signed(as_text(value.get("thinking")), as_text(value.get("signature"))):
            raise Refusal(400, f"{block.place}: Invalid `signature` in `thinking` block")
        if block.kind == "redacted_thinking" and not is_redacted(as_text(value.get("data"))):
            raise Refusal(400, f"{block.place}: Invalid `data` in `redacted_thinking` block")
    answers = [side for side in request.sides if side.role == "assistant"]
    if request.thinks and answers and answers[-1].of_kind("tool_use"):
        first = answers[-1].blocks[0]
        if first.kind not in THOUGHTS:
            raise Refusal(
                400,
                f"{first.place}.type: Expected `thinking` or `redacted_thinking`, but found `{first.kind}`: when"
                " thinking is enabled, the last turn with tool calls must start with its thinking",
            )


def _marks(request: _Request) -> None:
    marks = marks_of(request.body)
    if marks > _MOST_MARKS:
        raise Refusal(400, f"at most {_MOST_MARKS} blocks may have cache_control, {marks} have it")
