"""Streams: what they add up to, how they end, and what happens when they are left."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from langchain_core.exceptions import ModelError
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream
from qwen_sandbox import Sandbox

from tests.compare.replies import USAGE, Json, chunk, counted, piece, said, stream, thought, whole
from tests.compare.row import Row
from tests.compare.sides import Side, blocks_of, calls_of, merged, object_of, reasoning_of
from tests.compare.verdicts import Found, parts, raised_by

_ARGUMENTS: Final = '{"city": "Paris"}'


def _everything(side: Side) -> tuple[Any, Any]:
    """One answer with reasoning, text and a call: as a whole and as a stream."""
    field = side.peer.reasoning_field
    call = {"id": "call-1", "type": "function", "function": {"name": "get_weather", "arguments": _ARGUMENTS}}
    entire = whole({"content": "I look.", field: "Let me think.", "tool_calls": [call]}, "tool_calls")
    chunks = [
        thought(field, "Let me"),
        thought(field, " think."),
        chunk(content="I "),
        chunk(content="look."),
        piece("", name="get_weather", call_id="call-1"),
        piece(_ARGUMENTS[:6]),
        piece(_ARGUMENTS[6:]),
        chunk("tool_calls"),
        counted(),
    ]
    return entire, stream(*chunks)


def _facts(message: Any) -> dict[str, Any]:
    return {
        "text": message.text,
        "reasoning": reasoning_of(message),
        "calls": calls_of(message),
        "usage": message.usage_metadata,
        "finish": message.response_metadata.get("finish_reason"),
    }


def _equal(side: Side) -> Found:
    entire, streamed = _everything(side)
    one = _facts(side.model(entire, stream_usage=True).invoke("hi"))
    other = _facts(merged(side.model(streamed, stream_usage=True).stream("hi")))
    if not one["text"]:
        return False
    differing = [name for name in one if one[name] != other[name]]
    return f"partly: not {', '.join(differing)}" if differing else True


def _equal_blocks(side: Side) -> Found:
    entire, streamed = _everything(side)
    one = blocks_of(side.model(entire, output_version="v1").invoke("hi"))
    other = blocks_of(merged(side.model(streamed, output_version="v1").stream("hi")))
    return ("text", "I look.") in one and one == other


def _events(side: Side) -> Found:
    """Reasoning and text in one chunk, then text: two blocks of a valid event stream."""
    field = side.peer.reasoning_field
    chunks = [thought(field, "Let me"), thought(field, " think.", content="I "), chunk(content="look.")]
    run = side.model(stream(*chunks, chunk("stop"), counted())).stream_events("hi", version="v3")
    assert_valid_event_stream(list(run))
    found = blocks_of(run.output)
    if found == [("text", "I look.")]:
        return "n/a: it reads no reasoning"
    return found == [("reasoning", "Let me think."), ("text", "I look.")]


def _finish_twice(side: Side) -> Found:
    message = merged(side.model(stream(chunk(content="Hello"), chunk("stop"), chunk("stop"), counted())).stream("hi"))
    metadata = message.response_metadata
    names = [metadata[name] for name in ("model_name", "model") if name in metadata]
    doubled = [name for name in names if name[: len(name) // 2] * 2 == name]
    return metadata.get("finish_reason") == "stop" and not doubled


def _cut(side: Side) -> Found:
    half = [chunk(content="Hel"), chunk(content="lo")]

    def fails(**how: bool) -> bool:
        model = side.model(stream(*half, done=False, **how))
        return raised_by(lambda: merged(model.stream("hi"))) is not None

    return parts(broken_connection=lambda: fails(abort=True), clean_end_without_a_finish=fails)


def _typed(side: Side, reply: Any) -> Found:
    error = raised_by(lambda: merged(side.model(reply).stream("hi")))
    if error is None:
        return False
    return isinstance(error, ModelError) or f"partly: raises {type(error).__name__}, no `ModelError`"


_OVERLOADED: Final[Json] = {"error": {"message": "Upstream overloaded", "code": 502}}


def _error_frame(side: Side) -> Found:
    return _typed(side, stream(chunk(content="Hel"), _OVERLOADED))


def _error_in_chunk(side: Side) -> Found:
    """As OpenRouter writes it: beside the choices, of which the reason to finish is `error`."""
    return _typed(side, stream(chunk(content="Hel"), {**chunk("error", content=""), **_OVERLOADED}))


def _error_line(side: Side) -> Found:
    return _typed(side, stream(chunk(content="Hel"), b'error: {"message": "Upstream overloaded"}\n\n', done=False))


_PAUSE: Final = 0.2
_LONG: Final = [chunk(content="x")] * 1000
"""With the pause between them, a stream of minutes."""
_AT_ONCE: Final = 3.0
"""Seconds in which a stream that was left must have ended. To read it to its end takes longer."""


def _leaving(leave: Callable[[Side], bool]) -> Callable[[Side], Found]:
    """Whether the gateway sees the connection close when a stream is left while it waits for the next chunk."""

    def probe(side: Side) -> Found:
        with Sandbox(chunk_delay=_PAUSE) as slow:
            begun = leave(Side(side.peer, slow))
            deadline = time.monotonic() + _AT_ONCE
            while slow.open_streams and time.monotonic() < deadline:
                time.sleep(0.005)
            return begun and slow.open_streams == 0

    return probe


def _close(side: Side) -> bool:
    running = side.model(stream(*_LONG)).stream("hi")
    first = next(running, None)
    begun = side.gateway.open_streams > 0
    leaving = threading.Thread(target=running.close, daemon=True)
    leaving.start()
    leaving.join(_AT_ONCE)
    return begun and first is not None


async def _begin(side: Side) -> tuple[Any, bool]:
    running = side.model(stream(*_LONG)).astream("hi")
    await anext(running, None)
    return running, side.gateway.open_streams > 0


def _close_async(side: Side) -> bool:
    async def leave() -> bool:
        running, begun = await _begin(side)
        await asyncio.wait_for(running.aclose(), _AT_ONCE)
        return begun

    return asyncio.run(leave())


def _cancel(side: Side) -> bool:
    async def leave() -> bool:
        running, begun = await _begin(side)
        came = asyncio.Event()

        async def read() -> None:
            async for _ in running:
                came.set()

        task = asyncio.create_task(read())
        await asyncio.wait({task, asyncio.create_task(came.wait())}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(_PAUSE / 2)  # so that it is waiting; Python 3.11 may lose a cancellation beside a chunk
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=_AT_ONCE)
        return begun and task in done

    return asyncio.run(leave())


def _json_instead(side: Side) -> Found:
    return merged(side.model(said("Hello")).stream("hi")).text == "Hello"


def _keeps(service_field: str, where: str) -> Any:
    """Whether a field of the gateway's own survives, whole and streamed, anywhere in the metadata."""

    def probe(side: Side) -> Found:
        extra: dict[str, Any] = {service_field: "SPECIAL"}
        of_choice = extra if where == "choice" else None
        of_reply = extra if where == "reply" else {}
        ends = [{**chunk("stop", choice=of_choice), **of_reply}, {**counted(), **of_reply}]

        def kept(message: Any) -> bool:
            return "SPECIAL" in f"{message.response_metadata} {message.additional_kwargs}"

        entire = whole({"content": "Hello"}, choice=of_choice, **of_reply)
        streamed = stream({**chunk(content="Hello"), **of_reply}, *ends)
        return parts(
            whole=lambda: kept(side.model(entire, service="openrouter").invoke("hi")),
            streamed=lambda: kept(merged(side.model(streamed, service="openrouter").stream("hi"))),
        )

    return probe


def _no_stream(side: Side) -> Found:
    given = side.peer.thinking.get("on", {})
    (only,) = [piece.text for piece in side.model(said(), disable_streaming=True, **given).stream("hi")] or [""]
    return only == "Hello" and not side.body.get("stream")


def _silence_first(side: Side) -> Found:
    """Comments and empty chunks, by which gateways keep a connection alive."""
    idle: Json = {**chunk(), "choices": []}
    reply = stream(b": keep-alive\n\n", idle, chunk(content="Hello"), b": keep-alive\n\n", chunk("stop"), counted())
    message = merged(side.model(reply, stream_usage=True).stream("hi"))
    return message.text == "Hello" and object_of(message.usage_metadata).get("total_tokens") == USAGE["total_tokens"]


def _call_events(side: Side) -> Found:
    """A call that was cut off, as the events tell it."""
    chunks = [piece('{"city": "Par', name="get_weather", call_id="call-1"), chunk("length"), counted()]
    run = side.model(stream(*chunks)).stream_events("hi", version="v3")
    assert_valid_event_stream(list(run))
    return [kind for kind, _ in blocks_of(run.output)] == ["invalid_tool_call"]


def _under_invoke(side: Side) -> Found:
    """`streaming=True`: `invoke` streams, as it does inside LangGraph."""
    _, streamed = _everything(side)
    model = side.model(streamed, streaming=True)
    found = _facts(model.invoke("hi"))
    return side.body.get("stream") is True and (found["text"], found["calls"], found["finish"]) == (
        "I look.",
        [("get_weather", {"city": "Paris"})],
        "tool_calls",
    )


ROWS: Final = (
    Row("A merged stream equals the whole reply", _equal),
    Row('… also as `output_version="v1"` blocks, with tool calls', _equal_blocks),
    Row("… also under `invoke` with `streaming=True`", _under_invoke),
    Row("v3 events are right when reasoning and text share a chunk", _events),
    Row("v3 events of a call that was cut off", _call_events),
    Row("A finish reason sent twice stays one", _finish_twice),
    Row("Keep-alive comments and empty chunks are skipped", _silence_first),
    Row("One JSON object in reply to a stream request is read", _json_instead),
    Row("A stream that was cut off is an error", _cut),
    Row('`data: {"error": …}` in mid-stream is a `ModelError`', _error_frame),
    Row("… also in a chunk that finishes with `error`", _error_in_chunk),
    Row("`error: …` in mid-stream is a `ModelError`", _error_line),
    Row("Leaving a stream closes the connection", _leaving(_close)),
    Row("… also async", _leaving(_close_async)),
    Row("… also when its task is cancelled", _leaving(_cancel)),
    Row("`disable_streaming=True` is obeyed", _no_stream),
    Row("Keeps `native_finish_reason`", _keeps("native_finish_reason", "choice")),
    Row("Keeps fields of the gateway's own (`provider`)", _keeps("provider", "reply")),
)
