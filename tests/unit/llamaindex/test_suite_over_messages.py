"""The conformance suite's scripted answers in the words of Messages: the protocol's own SDK reads and writes them."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pytest
from llama_index_llm_tests import Answer, Call
from llama_index_llm_tests.answers import SERVED, argued, chunk, counted, failed, opened, stream, thought
from llama_index_llm_tests.messages import replies, requests
from llama_index_llm_tests.messages.words import UnsayableError, signature_of
from llama_index_llm_tests.protocols import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qwen_sandbox import Reply, Sandbox

anthropic: Any = pytest.importorskip("anthropic", reason="the SDK judges; nothing of ours needs it")

_SCRIPTS = count()
_CALLS: Final = (Call(), Call("get_time", '{"zone": "CET"}', "call-2"))
_DETAILED: Final = {
    "prompt_tokens": 50,
    "completion_tokens": 20,
    "prompt_tokens_details": {"cached_tokens": 30},
    "completion_tokens_details": {"reasoning_tokens": 6},
}
_THOUGHT: Final = {"type": "thinking", "thinking": "It is about weather.", "signature": "sig"}
_USES: Final = [
    {"type": "tool_use", "id": "call-1", "name": "get_weather", "input": {"city": "Paris"}},
    {"type": "tool_use", "id": "call-2", "name": "get_time", "input": {"zone": "CET"}},
]
_ANSWERS: Final[dict[str, tuple[Answer, list[dict[str, Any]], str]]] = {
    "text": (Answer(text="Good day."), [{"type": "text", "text": "Good day."}], "end_turn"),
    "everything": (
        Answer(text="Let me look.", reasoning=_THOUGHT["thinking"], calls=_CALLS),
        [_THOUGHT, {"type": "text", "text": "Let me look."}, *_USES],
        "tool_use",
    ),
    "a cut thought": (Answer(reasoning=_THOUGHT["thinking"], finish="length"), [_THOUGHT], "max_tokens"),
    "a refusal": (
        Answer(message={"refusal": "I must not."}),
        [{"type": "text", "text": "I must not."}],
        "refusal",
    ),
}


@pytest.fixture
def ask(qwen_sandbox: Sandbox) -> Iterator[Callable[..., Any]]:
    """Have the SDK ask a server that gives a reply of the suite; returns the message it reads."""
    clients: list[Any] = []

    def asked(reply: Reply, *, streamed: bool = False, **fields: Any) -> Any:
        url = qwen_sandbox.script_sequence(f"suite-{next(_SCRIPTS)}", [replies.spelled(reply)])
        address = PROTOCOLS["messages"].address(url)
        client = anthropic.Anthropic(base_url=address, api_key="sk-suite", max_retries=0)
        clients.append(client)
        given = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], **fields}
        if not streamed:
            return client.messages.create(**given)
        with client.messages.stream(**given) as events:
            return events.get_final_message()

    yield asked
    for client in clients:
        client.close()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", _ANSWERS)
def test_answers_are_messages(ask: Callable[..., Any], name: str, *, streamed: bool) -> None:
    answer, blocks, reason = _ANSWERS[name]
    message = ask(answer.streamed() if streamed else answer.whole(), streamed=streamed)
    told = [block.model_dump(exclude_none=True) for block in message.content]
    signed = [
        {**block, "signature": signature_of(block["thinking"])} if block is _THOUGHT else block for block in blocks
    ]
    assert told == signed
    assert (message.stop_reason, message.model) == (reason, SERVED)
    assert (message.usage.input_tokens, message.usage.output_tokens) == (11, 7)


@pytest.mark.parametrize("streamed", [False, True])
def test_token_counts_are_told_apart(ask: Callable[..., Any], *, streamed: bool) -> None:
    answer = Answer(text="ok", usage=_DETAILED)
    usage = ask(answer.streamed() if streamed else answer.whole(), streamed=streamed).usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (20, 30, 20)
    assert usage.model_dump()["output_tokens_details"]["thinking_tokens"] == 6


def test_each_piece_is_sent_when_it_comes() -> None:
    pieces = replies.spelled(Answer(text="One two three").streamed()).chunks or ()
    assert [b"text_delta" in piece for piece in pieces] == [False, True, True, True, False, False]
    kinds = [json.loads(line[6:])["type"] for line in b"".join(pieces).splitlines() if line.startswith(b"data: ")]
    deltas = ["content_block_start", *["content_block_delta"] * 3, "content_block_stop"]
    assert kinds == ["message_start", "ping", *deltas, "message_delta", "message_stop"]


def test_pieces_of_calls_in_turns_stay_with_their_calls(ask: Callable[..., Any]) -> None:
    said = [opened(_CALLS[0]), opened(_CALLS[1], 1), argued('{"city": ', 0), argued('{"zone": "CET"}', 1)]
    message = ask(stream(*said, argued('"Paris"}', 0), chunk(finish="tool_calls"), counted()), streamed=True)
    assert [block.model_dump(exclude_none=True) for block in message.content] == _USES


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "BadRequestError"), (401, "AuthenticationError"), (429, "RateLimitError"), (503, "InternalServerError")],
)
def test_errors_are_errors(ask: Callable[..., Any], status: int, kind: str) -> None:
    with pytest.raises(getattr(anthropic, kind), match="the flux is out") as caught:
        ask(failed(status, "the flux is out"))
    assert caught.value.body["type"] == "error"


def test_an_error_in_mid_stream_is_an_event(ask: Callable[..., Any]) -> None:
    with pytest.raises(anthropic.APIStatusError, match="the flux is out"):
        ask(stream(chunk(content="One"), {"error": {"message": "the flux is out"}}), streamed=True)


_TWICE: Final = {"index": 0, "id": "call-9", "function": {"name": "f", "arguments": "{}"}}
_OTHER: Final = {**chunk(), "choices": [{"index": 1, "delta": {"content": "No."}, "finish_reason": None}]}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (lambda: Answer(calls=[Call(arguments='{"city": "Par')]).whole(), "arguments of a call are an object"),
        (lambda: stream(opened(_CALLS[0]), chunk(tool_calls=[_TWICE])), "repeat neither its id"),
        (lambda: stream(chunk(tool_calls=[{"id": "call-1", "function": {"name": "f"}}])), "numbered"),
        (lambda: stream(_OTHER), "one answer"),
        (lambda: stream(chunk(reasoning="Hm.", reasoning_content="Hm.")), "one place"),
        (lambda: stream(chunk(reasoning_details=[{"text": "Hm."}])), "one place"),
    ],
)
def test_what_has_no_words_is_told(reply: Callable[[], Reply], reason: str) -> None:
    with pytest.raises(UnsayableError, match=reason):
        replies.spelled(reply())


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        (chunk(), "ping"),
        ({**chunk(), "choices": []}, "ping"),
        (chunk(content=""), "content_block_delta"),
        (chunk(weather={"is": "mild"}), "weather"),
    ],
)
def test_a_chunk_that_says_nothing_is_an_event_that_says_nothing(odd: dict[str, Any], kind: str) -> None:
    _, said, *_ = list(replies.spelled(stream(chunk(content="One"), odd, chunk(content=" two"))).chunks or ())
    assert said.startswith(f"event: {kind}\n".encode())
    assert b"One" not in said


def test_bytes_that_are_no_chunk_stay_as_they_are() -> None:
    pieces = replies.spelled(
        stream(b": hi\n\n", b"id: 7\ndata: " + json.dumps(thought("Hm.")).encode() + b"\n\n")
    ).chunks
    assert pieces is not None
    assert pieces[0] == b": hi\n\n"
    assert pieces[1].startswith(b"id: 7\nevent: message_start\n")


def test_requests_are_read_back(ask: Callable[..., Any], qwen_sandbox: Sandbox) -> None:
    signed = {"type": "thinking", "thinking": "Hm.", "signature": signature_of("Hm.")}
    foreign = {"type": "thinking", "thinking": "Oh.", "signature": "c2lnbmVk"}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    results = [
        {"type": "tool_result", "tool_use_id": "call-1", "content": "21 degrees"},
        {"type": "tool_result", "tool_use_id": "call-2", "content": [{"type": "text", "text": "noon"}]},
    ]
    ask(
        Answer(text="ok").whole(),
        system=[{"type": "text", "text": "Be brief."}],
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "hi"}, image]},
            {"role": "assistant", "content": [signed, foreign, {"type": "text", "text": "Let me see."}, *_USES]},
            {"role": "user", "content": [*results, {"type": "text", "text": "And?"}]},
        ],
        tools=[{"name": "get_time", "description": "Time.", "input_schema": {"type": "object"}}],
        tool_choice={"type": "tool", "name": "get_time", "disable_parallel_tool_use": True},
        stop_sequences=["."],
        extra_body={"temperature": 0.25},
    )
    body = requests.read(qwen_sandbox.last_request.json)
    system, user, assistant, first, second, last = body.pop("messages")
    assert (system, last) == ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "And?"})
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert user == {"role": "user", "content": [{"type": "text", "text": "hi"}, picture]}
    assert (assistant["content"], assistant["reasoning_content"]) == ("Let me see.", "Hm.")
    assert assistant["refused_thinking"] == [foreign]
    functions = [
        (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in assistant["tool_calls"]
    ]
    assert functions == [(use["id"], use["name"], use["input"]) for use in _USES]
    assert first == {"role": "tool", "tool_call_id": "call-1", "content": "21 degrees"}
    assert second == {"role": "tool", "tool_call_id": "call-2", "content": "noon"}
    function = {"name": "get_time", "description": "Time.", "parameters": {"type": "object"}}
    assert body == {
        "model": "m",
        "max_tokens": 9,
        "stop": ["."],
        "temperature": 0.25,
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "get_time"}},
        "parallel_tool_calls": False,
    }


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"max_tokens": None}, "max_tokens"), ({"messages": [{"role": "tool", "content": "21"}]}, "no role tool")],
)
def test_a_request_of_another_protocol_is_no_request(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        requests.read({"model": "m", "max_tokens": 9, "messages": [], **fields})
