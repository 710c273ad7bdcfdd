"""`ChatRequest` -> the body of a Chat Completions request, in an endpoint's own spelling."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from qwen_endpoints.chat_completions.json_answers import encode_response_format, with_json_request
from qwen_endpoints.chat_completions.messages import encode_messages
from qwen_endpoints.codec import EncodedRequest, put_thinking, stop_sequences
from qwen_endpoints.limits import check_limits
from qwen_endpoints.merging import merge_deeply
from qwen_endpoints.thinking import plan_thinking
from qwen_endpoints.tools import encode_tools

if TYPE_CHECKING:
    from qwen_endpoints.dialects import Dialect
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.types import ChatRequest


def encode_request(request: ChatRequest, endpoint: Endpoint, *, stream: bool) -> EncodedRequest:
    """Spell a request for an endpoint.

    Args:
        request: What is asked. It is not changed, and nothing of it is shared with the result.
        endpoint: Who is asked.
        stream: Whether the caller wants a stream. Where the model reasons only in streams, the body asks for one
            anyway (see `EncodedRequest.body["stream"]`).

    Raises:
        ConfigurationError: The endpoint cannot take this request; nothing has been sent.
    """
    check_limits(request, endpoint)
    plan = plan_thinking(request, endpoint)
    may_think = plan.may_think(endpoint)
    under_the_hood = not stream and endpoint.profile.thinking_streams_only and may_think
    dialect = endpoint.dialect
    messages = with_json_request(encode_messages(request, endpoint), request, endpoint)
    body: dict[str, Any] = {"model": endpoint.model, "messages": messages}
    if stream or under_the_hood:
        body["stream"] = True
        if request.stream_usage or under_the_hood:  # a whole reply always has its usage
            body["stream_options"] = {"include_usage": True}
    _put_parameters(body, request, dialect)
    tooling = encode_tools(request, endpoint)
    if tooling.tools:
        body["tools"] = tooling.tools
    if tooling.choice is not None:
        body["tool_choice"] = tooling.choice
    answer_format = encode_response_format(request, endpoint)
    if answer_format is not None:
        body["response_format"] = answer_format
    put_thinking(body, plan, request, dialect)
    merge_deeply(body, request.extra_body)
    return EncodedRequest(body=body, notes=(*plan.notes, *tooling.notes), may_think=may_think)


def _put_parameters(body: dict[str, Any], request: ChatRequest, dialect: Dialect) -> None:
    for name, value in request.parameters.items():
        if value is None:
            continue
        if name == "max_tokens":
            body[dialect.max_tokens] = value
        elif name == "stop":
            sequences = stop_sequences(value)
            if sequences:
                body["stop"] = sequences
        elif name == "parallel_tool_calls":
            if request.tools:
                body[name] = value
        else:
            body[name] = deepcopy(value)
