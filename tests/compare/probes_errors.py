"""Errors: each in LangChain's own kind, by which middleware decides what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from langchain_core import exceptions
from qwen_sandbox import Reply

from tests.compare.replies import Json, refused, whole
from tests.compare.row import Row
from tests.compare.sides import Side
from tests.compare.verdicts import Found, parts, raised_by

_KINDS: Final[dict[int, type[Exception]]] = {
    400: exceptions.ModelInvalidRequestError,
    401: exceptions.ModelAuthenticationError,
    403: exceptions.ModelPermissionDeniedError,
    404: exceptions.ModelNotFoundError,
    429: exceptions.ModelRateLimitError,
    500: exceptions.ModelAPIError,
}

# What the servers say when a prompt is too long: message, and further fields of the error.
_OPENROUTER_SAYS: Final = (
    "This endpoint's maximum context length is 40960 tokens. However, you requested about 50012 tokens (50000 of text "
    "input, 12 in the output). Please reduce the length of either one."
)
_VLLM_SAYS: Final = (
    "This model's maximum context length is 40960 tokens. However, you requested 50012 tokens in the messages, Please "
    "reduce the length of the messages."
)
_DASHSCOPE_SAYS: Final = "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 98304]"
_LLAMACPP_SAYS: Final = "the request exceeds the available context size, try increasing it"
_TOO_LONG: Final[dict[str, tuple[str, Json]]] = {
    "DashScope": (_DASHSCOPE_SAYS, {"type": "invalid_request_error", "code": "invalid_parameter_error"}),
    "OpenRouter": (_OPENROUTER_SAYS, {"code": 400}),
    "vLLM": (_VLLM_SAYS, {"type": "BadRequestError", "code": 400}),
    "llama.cpp": (_LLAMACPP_SAYS, {"type": "exceed_context_size_error", "n_prompt_tokens": 50012, "n_ctx": 40960}),
}


def _error(side: Side, reply: Reply) -> Any:
    model = side.model(reply)
    return raised_by(lambda: model.invoke("hi"))


def _async_error(side: Side, reply: Reply) -> Any:
    model = side.model(reply)
    return raised_by(lambda: asyncio.run(model.ainvoke("hi")))


def _kinds(raised: Callable[[Side, Reply], Any]) -> Callable[[Side], Found]:
    def probe(side: Side) -> Found:
        def right(status: int) -> Callable[[], Found]:
            return lambda: isinstance(raised(side, refused(status, "No.")), _KINDS[status])

        return parts(**{str(status): right(status) for status in _KINDS})

    return probe


def _too_long(side: Side) -> Found:
    def known(message: str, fields: Json) -> Callable[[], Found]:
        return lambda: isinstance(_error(side, refused(400, message, **fields)), exceptions.ContextOverflowError)

    return parts(**{name: known(*said) for name, said in _TOO_LONG.items()})


def _model_error(side: Side, reply: Reply) -> Found:
    error = _error(side, reply)
    if error is None:
        return False
    return isinstance(error, exceptions.ModelError) or f"partly: raises {type(error).__name__}, no `ModelError`"


def _inside_200(side: Side) -> Found:
    return _model_error(side, Reply(b'{"error": {"message": "Upstream overloaded", "code": 502}}'))


def _page(side: Side) -> Found:
    return _model_error(side, Reply(b"<html><body>Log in to this network</body></html>", content_type="text/html"))


def _no_choices(side: Side) -> Found:
    return _model_error(side, whole({"content": ""}, choices=None))


def _no_server(side: Side) -> Found:
    nowhere: Json = {side.peer.address: "http://127.0.0.1:9/v1"}  # the discard port, where nothing listens
    model = side.model(refused(500, ""), **nowhere)
    error = raised_by(lambda: model.invoke("hi"))
    return isinstance(error, exceptions.ModelConnectionError)


def _says_why(side: Side) -> Found:
    """The gateway's own words reach the user, with the status."""
    error = _error(side, refused(400, "Parameter xyz is odd."))
    status = getattr(error, "status_code", None) or getattr(error, "status", None)
    return error is not None and "xyz is odd" in str(error) and status == 400


ROWS: Final = (
    Row("HTTP statuses become `ModelError` kinds", _kinds(_error)),
    Row("… also async", _kinds(_async_error)),
    Row("A server that is not there is a `ModelConnectionError`", _no_server),
    Row("A prompt that is too long is a `ContextOverflowError`", _too_long),
    Row("An error with status 200 is a `ModelError`", _inside_200),
    Row("An HTML page with status 200 is a `ModelError`", _page),
    Row("A reply without choices is a `ModelError`", _no_choices),
    Row("The error holds the gateway's words and the status", _says_why),
)
