"""The ASGI application: gateways, canned replies and the greeting."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from qwen_sandbox.canned import Reply, ScriptedReplies, recorded_reply
from qwen_sandbox.faults import FaultCounter, status_fault
from qwen_sandbox.gateways import GATEWAYS, Gateway
from qwen_sandbox.messages.prefixes import PrefixCache
from qwen_sandbox.messages.wire import MessagesWire
from qwen_sandbox.recording import RequestLog, record_of
from qwen_sandbox.refusal import Refusal
from qwen_sandbox.script import answers_to
from qwen_sandbox.wire import MAX_BODY, ChatWire, Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from starlette.requests import Request

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass
class State:
    """What the application shares with the `Sandbox` that runs it."""

    replay: Path | None = None
    chunk_delay: float = 0.0
    log: RequestLog = field(default_factory=RequestLog)
    scripts: ScriptedReplies = field(default_factory=ScriptedReplies)
    faults: FaultCounter = field(default_factory=FaultCounter)
    prefixes: PrefixCache = field(default_factory=PrefixCache)
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

    async def not_here(request: Request, error: Exception) -> Response:
        return _not_here(state, request, error)

    return Starlette(routes=routes, exception_handlers={404: not_here, 405: not_here})


def _wire(state: State, gateway: Gateway) -> Wire[Any]:
    """Return the protocol a gateway speaks."""
    return MessagesWire(gateway, state.prefixes) if gateway.family == "anthropic" else ChatWire(gateway)


def _not_here(state: State, request: Request, error: Exception) -> Response:
    """Answer a path or method the sandbox does not serve, in JSON as clients expect of a gateway."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    message = f"the sandbox does not serve {request.method} {request.url.path}"
    near = [gateway for gateway in GATEWAYS if request.url.path.startswith(f"{gateway.base_path}/")]
    if near and near[0].family == "anthropic":
        return _wire(state, near[0]).refuse(Refusal(status, message))
    return JSONResponse({"error": {"code": "not_found", "message": message}}, status)


def _greeting() -> dict[str, object]:
    return {
        "name": "qwen-sandbox",
        "about": "The answers here are scripted. There is no model inside.",
        "base_urls": {gateway.name: gateway.base_path for gateway in GATEWAYS},
        "models": list(dict.fromkeys(model.id for gateway in GATEWAYS for model in gateway.models)),
    }


def _gateway_routes(state: State, gateway: Gateway) -> list[Route]:
    wire = _wire(state, gateway)

    async def complete(request: Request) -> Response:
        try:
            raw = await _record(state, request, wire.max_body)
            wire.check_headers(request.headers)
            _check_fault(state, gateway, request.headers.get("x-sandbox-fault"))
            turn = wire.admit(raw, request.headers)
            _check_fault(state, gateway, status_fault(turn.prompt))
        except Refusal as refusal:
            return wire.refuse(refusal)
        answers = answers_to(turn)
        headers = wire.reply_headers()
        if not turn.streamed:
            return JSONResponse(wire.whole(turn, answers), headers=headers)
        stream = _paced(state, wire.stream(turn, answers))
        return StreamingResponse(stream, headers=headers, media_type="text/event-stream")

    async def models(request: Request) -> Response:
        try:
            await _record(state, request)
            wire.check_headers(request.headers)
        except Refusal as refusal:
            return wire.refuse(refusal)
        return JSONResponse({"object": "list", "data": _model_list(gateway)})

    routes = [Route(gateway.base_path + wire.path, complete, methods=["POST"])]
    if wire.lists_models:
        routes.append(Route(f"{gateway.base_path}/models", models, methods=["GET"]))
    return routes


def _model_list(gateway: Gateway) -> list[dict[str, object]]:
    # A fixed time, as the software behind the gateways gives for every model.
    extra: dict[str, object] = {"supported_endpoint_types": ["openai"]} if gateway.family == "new-api" else {}
    return [
        {"id": model.id, "object": "model", "created": 1626777600, "owned_by": "qwen-sandbox"} | extra
        for model in gateway.models
    ]


async def _record(state: State, request: Request, max_body: int = MAX_BODY) -> bytes:
    """Read and log the request; a body over the limit is refused unread and logged empty."""
    body = bytearray()
    too_large = False
    async for piece in request.stream():
        too_large = too_large or len(body) + len(piece) > max_body
        if not too_large:
            body += piece
    raw = b"" if too_large else bytes(body)
    state.log.add(record_of(request.method, request.url.path, request.headers.items(), raw))
    if too_large:
        raise Refusal(413, "The request body (or file) is too large", "request_body_too_large")
    return raw


def _check_fault(state: State, gateway: Gateway, token: str | None) -> None:
    refusal = None if token is None else state.faults.due(gateway, token)
    if refusal is not None:
        raise refusal


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
