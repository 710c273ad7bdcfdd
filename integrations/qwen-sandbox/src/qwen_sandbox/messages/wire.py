"""Messages as a protocol of the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from qwen_sandbox.keys import API_KEY, bearer_key
from qwen_sandbox.messages.events import message_events, named_event
from qwen_sandbox.messages.refusals import error_body, new_request_id
from qwen_sandbox.messages.reply import message_of, usage_of
from qwen_sandbox.messages.rules import VERSIONS
from qwen_sandbox.messages.turn import MessagesTurn, admit_messages
from qwen_sandbox.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qwen_sandbox.answer import Answer
    from qwen_sandbox.gateways import Gateway
    from qwen_sandbox.json_types import JsonObject
    from qwen_sandbox.messages.prefixes import PrefixCache


class MessagesWire:
    """Anthropic's Messages."""

    path = "/v1/messages"
    max_body = 32 * 1024 * 1024
    lists_models = False

    def __init__(self, gateway: Gateway, prefixes: PrefixCache) -> None:
        self._gateway = gateway
        self._prefixes = prefixes

    def check_headers(self, headers: Mapping[str, str]) -> None:
        """Raise a `Refusal` unless key and version are right; of two keys, `x-api-key` counts."""
        key, authorization = headers.get("x-api-key"), headers.get("authorization")
        if key is None and authorization is None:
            raise Refusal(401, "no key: send x-api-key or Authorization: Bearer")
        if (bearer_key(authorization or "") if key is None else key) != API_KEY:
            raise Refusal(401, "invalid x-api-key" if key is not None else "invalid bearer token")
        version = headers.get("anthropic-version")
        if version is None:
            raise Refusal(400, "anthropic-version: header is required")
        if version not in VERSIONS:
            raise Refusal(400, f"anthropic-version: {version!r:.80} is not one of {', '.join(VERSIONS)}")

    def admit(self, raw: bytes, headers: Mapping[str, str]) -> MessagesTurn:
        """Return the turn in `raw`, or raise a `Refusal`."""
        return admit_messages(self._gateway, raw, headers["anthropic-version"])

    def reply_headers(self) -> dict[str, str]:
        """Return the id of the request."""
        return {"request-id": new_request_id()}

    def whole(self, turn: MessagesTurn, answers: Sequence[Answer]) -> JsonObject:
        """Return the body of a reply that is not streamed."""
        return message_of(turn, answers[0], usage_of(turn, answers[0], self._prefixes))

    def stream(self, turn: MessagesTurn, answers: Sequence[Answer]) -> Iterable[bytes]:
        """Return the pieces of a streamed reply."""
        usage = usage_of(turn, answers[0], self._prefixes)
        return [named_event(event) for event in message_events(turn, answers[0], usage)]

    def refuse(self, refusal: Refusal) -> Response:
        """Return the reply that tells of a refusal; its id stands in the header and in the body."""
        headers = self.reply_headers()
        body = error_body(refusal.status, refusal.message) | {"request_id": headers["request-id"]}
        return JSONResponse(body, refusal.status, headers | dict(refusal.headers))
