"""The ASGI application: gateways, canned replies and the greeting."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from qwen_sandbox.admission import admit
from qwen_sandbox.canned import Reply, ScriptedReplies, recorded_reply
from qwen_sandbox.chunks import stream_chunks
from qwen_sandbox.faults import FaultCounter, status_fault
from qwen_sandbox.gateways import GATEWAYS, Gateway
from qwen_sandbox.recording import RequestLog, record_of
from qwen_sandbox.refusal import Refusal, refusal_body
from qwen_sandbox.script import answers_to
from qwen_sandbox.sse import events
from qwen_sandbox.whole import whole_reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from starlette.requests import Request

API_KEY = "sk-sandbox"
MAX_BODY = 64 * 1024 * 1024
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass
class State:
    """What the application shares with the `Sandbox` that runs it."""

    replay: Path | None = None
    chunk_delay: float = 0.0
    log: RequestLog = field(default_factory=RequestLog)
    scripts: ScriptedReplies = field(default_factory=ScriptedReplies)
    faults: FaultCounter = field(default_factory=FaultCounter)
    open_streams: int = 0


def build_app(state: State) -> Starlette:
    """Return the application around `state`."""

    async def greet(request: Request) -> Response:
        await _record(state, request)
        return JSONResponse(_greeting())

    routes = [Route("/", greet)]
    for gateway in GATEWAYS:
        routes += _gateway_routes(state, gateway)

    async def scripted(request: Request) -> Response:
        await _record(state, request)
        reply = state.scripts.take(request.path_params["name"])
        return _canned(state, request, reply)

    async def replayed(request: Request) -> Response:
        await _record(state, request)
        name = request.path_params["name"]
        return _canned(state, request, recorded_reply(state.replay, name) if state.replay else None)

    routes.append(Route("/script/{name}/v1/{rest:path}", scripted, methods=_METHODS))
    routes.append(Route("/replay/{name}/v1/{rest:path}", replayed, methods=_METHODS))
    return Starlette(routes=routes, exception_handlers={404: _not_here, 405: _not_here})


async def _not_here(request: Request, error: Exception) -> Response:
    """Answer a path or method the sandbox does not serve, in JSON as clients expect of a gateway."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    message = f"the sandbox does not serve {request.method} {request.url.path}"
    return JSONResponse({"error": {"code": "not_found", "message": message}}, status)


def _greeting() -> dict[str, object]:
    return {
        "name": "qwen-sandbox",
        "about": "The answers here are scripted. There is no model inside.",
        "base_urls": {gateway.name: gateway.base_path for gateway in GATEWAYS},
        "models": [model.id for gateway in GATEWAYS for model in gateway.models],
    }


def _gateway_routes(state: State, gateway: Gateway) -> list[Route]:
    async def complete(request: Request) -> Response:
        try:
            raw = await _record(state, request)
            _check_key(request)
            _check_fault(state, gateway, request.headers.get("x-sandbox-fault"))
            turn = admit(gateway, raw)
            _check_fault(state, gateway, status_fault(turn.prompt))
        except Refusal as refusal:
            return _refused(gateway, refusal)
        answers = answers_to(turn)
        if not turn.streamed:
            return JSONResponse(whole_reply(turn, answers))
        stream = events(gateway.keep_alive, stream_chunks(turn, answers))
        return StreamingResponse(_paced(state, stream), media_type="text/event-stream")

    async def models(request: Request) -> Response:
        try:
            await _record(state, request)
            _check_key(request)
        except Refusal as refusal:
            return _refused(gateway, refusal)
        return JSONResponse({"object": "list", "data": _model_list(gateway)})

    return [
        Route(f"{gateway.base_path}/chat/completions", complete, methods=["POST"]),
        Route(f"{gateway.base_path}/models", models, methods=["GET"]),
    ]


def _model_list(gateway: Gateway) -> list[dict[str, object]]:
    # A fixed time, as the software behind the gateways gives for every model.
    extra: dict[str, object] = {"supported_endpoint_types": ["openai"]} if gateway.family == "new-api" else {}
    return [
        {"id": model.id, "object": "model", "created": 1626777600, "owned_by": "qwen-sandbox"} | extra
        for model in gateway.models
    ]


async def _record(state: State, request: Request) -> bytes:
    """Read and log the request; a body over the limit is refused unread and logged empty."""
    body = bytearray()
    too_large = False
    async for piece in request.stream():
        too_large = too_large or len(body) + len(piece) > MAX_BODY
        if not too_large:
            body += piece
    raw = b"" if too_large else bytes(body)
    state.log.add(record_of(request.method, request.url.path, request.headers.items(), raw))
    if too_large:
        raise Refusal(413, "The request body (or file) is too large", "request_body_too_large")
    return raw


def _check_key(request: Request) -> None:
    authorization = request.headers.get("authorization")
    if authorization is None:
        raise Refusal(401, "No API_KEY provided: send Authorization: Bearer", "invalid_api_key", "authentication_error")
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or key.strip() != API_KEY:
        raise Refusal(401, "Incorrect API_KEY provided", "invalid_api_key", "authentication_error")


def _check_fault(state: State, gateway: Gateway, token: str | None) -> None:
    refusal = None if token is None else state.faults.due(gateway, token)
    if refusal is not None:
        raise refusal


def _refused(gateway: Gateway, refusal: Refusal) -> Response:
    return JSONResponse(refusal_body(gateway, refusal), refusal.status, dict(refusal.headers))


async def _paced(state: State, pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    state.open_streams += 1
    try:
        for piece in pieces:
            yield piece
            # Even without a delay the loop gets its turn, which is when a client that left is noticed.
            await asyncio.sleep(state.chunk_delay)
    finally:
        state.open_streams -= 1


def _canned(state: State, request: Request, reply: Reply | None) -> Response:
    if reply is None:
        return JSONResponse({"error": {"message": "the sandbox has no reply under this name"}}, 404)
    cut = request.headers.get("x-sandbox-chunk") or request.query_params.get("x-sandbox-chunk")
    size = int(cut) if cut and cut.isdecimal() and int(cut) > 0 else None
    if reply.chunks is None and size is None and not reply.abort:
        return Response(reply.body, reply.status, dict(reply.headers), reply.content_type)
    pieces = _canned_pieces(state, reply, size)
    return StreamingResponse(pieces, reply.status, dict(reply.headers), reply.content_type)


async def _canned_pieces(state: State, reply: Reply, size: int | None) -> AsyncIterator[bytes]:
    async for piece in _paced(state, reply.pieces(size)):
        yield piece
    if reply.abort:
        # An error after the headers makes the server drop the connection without the end of the body.
        raise ConnectionAbortedError("the script ends here on purpose")
