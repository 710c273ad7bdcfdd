"""What differs between the protocols: headers, how a request becomes a turn, how answers and refusals go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from starlette.responses import JSONResponse, Response

from qwen_sandbox.admission import admit
from qwen_sandbox.chunks import stream_chunks
from qwen_sandbox.keys import API_KEY, bearer_key
from qwen_sandbox.refusal import Refusal, refusal_body
from qwen_sandbox.sse import events
from qwen_sandbox.turn import Turn
from qwen_sandbox.whole import whole_reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qwen_sandbox.answer import Answer
    from qwen_sandbox.gateways import Gateway
    from qwen_sandbox.json_types import JsonObject

MAX_BODY = 64 * 1024 * 1024

TurnT = TypeVar("TurnT", bound=Turn)


class Wire(Protocol[TurnT]):
    """One protocol, spoken for one gateway."""

    @property
    def path(self) -> str:
        """Return what clients add to the base URL."""
        ...

    @property
    def max_body(self) -> int:
        """Return the most bytes of a request."""
        ...

    @property
    def lists_models(self) -> bool:
        """Return whether the base URL also has `/models`."""
        ...

    def check_headers(self, headers: Mapping[str, str]) -> None:
        """Raise a `Refusal` unless the headers are in order."""
        ...

    def admit(self, raw: bytes, headers: Mapping[str, str]) -> TurnT:
        """Return the turn in `raw`, or raise a `Refusal`."""
        ...

    def reply_headers(self) -> dict[str, str]:
        """Return the headers of a new reply."""
        ...

    def whole(self, turn: TurnT, answers: Sequence[Answer]) -> JsonObject:
        """Return the body of a reply that is not streamed."""
        ...

    def stream(self, turn: TurnT, answers: Sequence[Answer]) -> Iterable[bytes]:
        """Return the pieces of a streamed reply."""
        ...

    def refuse(self, refusal: Refusal) -> Response:
        """Return the reply that tells of a refusal."""
        ...


class ChatWire:
    """Chat Completions."""

    path = "/chat/completions"
    max_body = MAX_BODY
    lists_models = True

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def check_headers(self, headers: Mapping[str, str]) -> None:
        """Raise a `Refusal` unless the key is right."""
        authorization = headers.get("authorization")
        if authorization is None:
            message = "No API_KEY provided: send Authorization: Bearer"
            raise Refusal(401, message, "invalid_api_key", "authentication_error")
        if bearer_key(authorization) != API_KEY:
            raise Refusal(401, "Incorrect API_KEY provided", "invalid_api_key", "authentication_error")

    def admit(self, raw: bytes, headers: Mapping[str, str]) -> Turn:  # noqa: ARG002  no header says how to read it
        """Return the turn in `raw`, or raise a `Refusal`."""
        return admit(self._gateway, raw)

    def reply_headers(self) -> dict[str, str]:
        """Return no headers: these gateways have none of their own."""
        return {}

    def whole(self, turn: Turn, answers: Sequence[Answer]) -> JsonObject:
        """Return the body of a reply that is not streamed."""
        return whole_reply(turn, answers)

    def stream(self, turn: Turn, answers: Sequence[Answer]) -> Iterable[bytes]:
        """Return the pieces of a streamed reply."""
        return events(self._gateway.keep_alive, stream_chunks(turn, answers))

    def refuse(self, refusal: Refusal) -> Response:
        """Return the reply that tells of a refusal."""
        return JSONResponse(refusal_body(self._gateway, refusal), refusal.status, dict(refusal.headers))
