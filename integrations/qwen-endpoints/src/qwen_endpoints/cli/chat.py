"""`chat`: one question, or a conversation on a terminal."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from qwen_endpoints.calls import Call, plan_call
from qwen_endpoints.cli.failures import plainly, say_error
from qwen_endpoints.cli.options import (
    AsJson,
    BaseUrl,
    Effort,
    KeyVariable,
    ModelName,
    ProviderName,
    Thinking,
    settings_for,
)
from qwen_endpoints.cli.prompts import piped, question
from qwen_endpoints.cli.terminal import Answer, say, show_json
from qwen_endpoints.client import QwenClient
from qwen_endpoints.costs import track_costs
from qwen_endpoints.display import shown_of
from qwen_endpoints.display.facts import facts, warnings
from qwen_endpoints.errors import ConfigurationError, QwenError
from qwen_endpoints.settings import QwenSettings
from qwen_endpoints.types import Completion, Message


@plainly
def chat(
    *,
    prompt: Annotated[
        str | None, typer.Argument(help="What to ask. Without it, stdin is read; on a terminal, you are asked.")
    ] = None,
    image: Annotated[
        list[str] | None, typer.Option("--image", "-i", help="A file or an address; may be repeated.")
    ] = None,
    system: Annotated[str | None, typer.Option("--system", "-s", help="The system message.")] = None,
    provider: ProviderName = None,
    model: ModelName = None,
    base_url: BaseUrl = None,
    key_variable: KeyVariable = None,
    thinking: Thinking = None,
    effort: Effort = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Most tokens of the answer, thinking included.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Sampling temperature.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a model.

    The answer goes to stdout; thinking, tokens and cost go to stderr.
    """
    settings = settings_for(
        model,
        provider,
        base_url,
        key_variable,
        enable_thinking=thinking,
        reasoning_effort=effort,
        max_tokens=max_tokens,
        temperature=temperature,
    )
    begun = [Message(role="system", content=system)] if system else []
    text = piped() if prompt is None else prompt
    if text is None:
        if as_json:
            raise ConfigurationError("--json answers one question: give it as an argument, or pipe it in.")
        _converse(settings, begun, image or [])
        return
    if not text.strip():
        raise ConfigurationError("There is nothing to ask: the prompt is empty.")
    call = plan_call(settings, [*begun, question(text, image or [])])
    if as_json:
        show_json(_as_json(QwenClient().complete(call), call))
    else:
        _say_facts(_streamed(QwenClient(), call), call)


def _converse(settings: QwenSettings, messages: list[Message], images: list[str]) -> None:
    """Ask on and on, until the end of the input. A question that failed is forgotten."""
    with suppress(ImportError):  # not on Windows
        import readline  # noqa: PLC0415  # changes `input`, so only where a person types

        readline.set_history_length(1000)
    plan_call(settings, [*messages, question("", images)])  # what cannot be sent shows before anything is typed
    say("Ctrl-D ends.", "dim")
    client = QwenClient()
    with track_costs() as costs:
        while (text := _typed()) is not None:
            if not text.strip():
                continue
            asked = [*messages, question(text, images)]
            call = plan_call(settings, asked)
            try:
                completion = _streamed(client, call)
            except ConfigurationError:
                raise
            except QwenError as error:
                say_error(error)
                continue
            _say_facts(completion, call)
            messages, images = [*asked, _answered(completion, call)], []
    if costs.calls > 1:
        say(str(costs), "dim")


def _typed() -> str | None:
    if not sys.stdout.isatty():
        sys.stderr.write("> ")
        sys.stderr.flush()
    try:
        return input("> " if sys.stdout.isatty() else "")
    except EOFError:
        sys.stderr.write("\n")
        return None


def _streamed(client: QwenClient, call: Call) -> Completion:
    answer, completion = Answer(), Completion()
    try:
        for delta in client.stream(call):
            if delta.choice == 0:
                answer.think(delta.reasoning)
                answer.write(delta.text)
            completion = delta.completion or completion
    finally:
        answer.end()
    return completion


def _answered(completion: Completion, call: Call) -> Message:
    """The answer as a part of the conversation."""
    choice = completion.first
    return Message(
        role="assistant",
        content=choice.text,
        reasoning=choice.reasoning,
        reasoning_details=choice.reasoning_details,
        reasoning_field=choice.reasoning_field,
        origin=call.endpoint.provider.name,
    )


def _say_facts(completion: Completion, call: Call) -> None:
    """Write what an answer took, below it, as a notebook has it."""
    turn = replace(shown_of(completion)[0], provider=call.endpoint.provider.name)
    say(" · ".join(facts(turn)), "dim")
    for text in (*warnings(turn), *(f"note: {note}" for note in turn.notes)):
        say(text, "yellow")


def _as_json(completion: Completion, call: Call) -> dict[str, Any]:
    choice, usage, cost = completion.first, completion.usage, completion.cost
    return {
        "provider": call.endpoint.provider.name,
        "model": completion.model or call.endpoint.model,
        "text": choice.text,
        "reasoning": choice.reasoning,
        "finish_reason": choice.finish_reason,
        "refusal": choice.refusal,
        "usage": usage and {name: count for name, count in asdict(usage).items() if name != "raw"},
        "cost": cost and cost.as_json(),
        "notes": list(completion.notes),
    }
