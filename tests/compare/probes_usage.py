"""Token counts, and what the model is known to be."""

from __future__ import annotations

from typing import Any, Final

from langchain_core.messages import HumanMessage

from tests.compare.replies import SERVED, USAGE, chunk, counted, said, spoken, stream, whole
from tests.compare.row import Row
from tests.compare.sides import Side, merged, object_of
from tests.compare.verdicts import Found, parts

_DETAILED: Final = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 60, "text_tokens": 80, "image_tokens": 20},
    "completion_tokens_details": {"reasoning_tokens": 30},
}


def _details(side: Side, kind: str, name: str) -> list[Any]:
    entire = side.model(whole({"content": "Hello"}, usage=_DETAILED)).invoke("hi")
    reply = stream(chunk(content="Hello"), chunk("stop"), counted(_DETAILED))
    streamed = merged(side.model(reply, stream_usage=True).stream("hi"))
    return [object_of(object_of(message.usage_metadata).get(kind)).get(name) for message in (entire, streamed)]


def _cached_and_reasoning(side: Side) -> Found:
    return parts(
        cached=lambda: _details(side, "input_token_details", "cache_read") == [60, 60],
        reasoning=lambda: _details(side, "output_token_details", "reasoning") == [30, 30],
    )


def _modalities(side: Side) -> Found:
    return _details(side, "input_token_details", "image") == [20, 20]


def _asked_for(side: Side) -> Found:
    message = merged(side.model(spoken("Hello")).stream("hi"))
    asked = object_of(side.body.get("stream_options")).get("include_usage") is True
    if asked and message.usage_metadata:
        return True
    merged(side.model(spoken("Hello"), stream_usage=True).stream("hi"))
    asked = object_of(side.body.get("stream_options")).get("include_usage") is True
    return "partly: with `stream_usage=True`" if asked else False


def _cumulative(side: Side) -> Found:
    counts = [{"prompt_tokens": 10, "completion_tokens": n, "total_tokens": 10 + n} for n in (1, 2)]
    chunks = [{**chunk(content="x"), "usage": count} for count in counts]
    reply = stream(*chunks, {**chunk("stop"), "usage": counts[-1]}, counted(counts[-1]))
    usage = object_of(merged(side.model(reply, stream_usage=True).stream("hi")).usage_metadata)
    return [usage.get(name) for name in ("input_tokens", "output_tokens", "total_tokens")] == [10, 2, 12]


def _offline(side: Side) -> Found:
    """Run without a network, as this whole comparison is."""
    model = side.model(said())
    short, long = ([HumanMessage("hello " * times)] for times in (1, 100))
    return 0 < model.get_num_tokens_from_messages(short) < model.get_num_tokens_from_messages(long)


def _served_name(side: Side) -> Found:
    return parts(
        whole=lambda: side.model(said()).invoke("hi").response_metadata.get("model_name") == SERVED,
        streamed=lambda: merged(side.model(spoken("x")).stream("hi")).response_metadata.get("model_name") == SERVED,
    )


def _totals(side: Side) -> Found:
    usage = object_of(side.model(said()).invoke("hi").usage_metadata)
    return usage.get("total_tokens") == USAGE["total_tokens"]


def _profile(side: Side) -> Found:
    profile = object_of(side.model(said()).profile)
    return bool(profile.get("max_input_tokens"))


def _one_name(side: Side) -> Found:
    model = side.model(said())
    provider = model._get_ls_params().get("ls_provider")
    return bool(provider) and model.invoke("hi").response_metadata.get("model_provider") == provider


ROWS: Final = (
    Row("Counts of a whole reply", _totals),
    Row("Counts in streams without being told", _asked_for),
    Row("Cached and reasoning tokens", _cached_and_reasoning),
    Row("Image tokens", _modalities),
    Row("Counts repeated in every chunk are counted once", _cumulative),
    Row("Counts a prompt's tokens offline", _offline),
    Row("Names the model that answered, not the one asked for", _served_name),
    Row("Knows the context window of a Qwen model (`profile`)", _profile),
    Row("`ls_provider` equals `model_provider`, as summarisation needs", _one_name),
)
