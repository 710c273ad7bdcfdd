"""A reply whose status is no success: its body is the endpoint's words about why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from qwen_endpoints.errors import MalformedResponseError
from qwen_endpoints.redirects import is_redirect, refusal
from qwen_endpoints.reply import json_or_text
from qwen_endpoints.retry_after import seconds_to_wait

if TYPE_CHECKING:
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.errors import QwenError
    from qwen_endpoints.types import CompletionDelta

_LONGEST: Final = 1_000_000
"""Bytes of such a body that are read; what is longer is no message to anyone."""
_SUCCESS: Final = range(200, 300)


class Refusal:
    """Reads such a reply in the place of a `ReplyDecoder`; it ends with an error in any case."""

    def __init__(self, endpoint: Endpoint, response: Any) -> None:
        self._endpoint = endpoint
        self._response = response
        self._body = bytearray()
        self.progress = 0
        self.ended = False

    def feed(self, piece: bytes) -> Iterator[CompletionDelta]:
        """Take the next bytes."""
        self._body += piece
        self.progress += bool(piece.strip())
        if len(self._body) > _LONGEST:
            raise self.error()
        return iter(())

    def finish(self) -> Iterator[CompletionDelta]:
        """Raise what the endpoint has said."""
        raise self.error()

    def partial(self) -> None:
        """Return nothing: there is no answer, so no part of one either."""

    def error(self) -> QwenError:
        """What the endpoint has said so far, as an error of its kind."""
        status: int = self._response.status_code
        headers: Mapping[str, str] = self._response.headers
        scope = self._endpoint.scope
        if is_redirect(status):
            return scope.error(MalformedResponseError, refusal(self._response), status=status)
        error = scope.from_body(
            json_or_text(self._body.decode("utf-8", "replace")),
            status=status,
            headers=headers,
            retry_after=seconds_to_wait(headers),
        )
        hint = self._endpoint.provider.key_hint
        if status == 401 and hint:  # noqa: PLR2004 - HTTP unauthorised
            error.message = f"{error.message} {hint}"
        return error


def is_refusal(response: Any) -> bool:
    """Whether a reply is one."""
    return response.status_code not in _SUCCESS
