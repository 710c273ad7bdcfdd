"""An endpoint's list of its models, without I/O: what came of asking for it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

from qwen_endpoints.errors import QwenError
from qwen_endpoints.exchange import Exchange
from qwen_endpoints.outgoing import outgoing_listing

if TYPE_CHECKING:
    from qwen_endpoints.calls import Call
    from qwen_endpoints.endpoint import Endpoint
    from qwen_endpoints.reply import Reader
    from qwen_endpoints.types import CompletionDelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What came of asking for the list. Something came: the address is reachable."""

    ids: tuple[str, ...] | None
    """`None`: the endpoint has no such list, or refused it."""
    refusal: QwenError | None
    skew: float | None
    """Seconds that this machine's clock is ahead of the endpoint's; `None` where it did not tell the time."""


class Inquiry:
    """Asks for the list: the exchange that does so, and what comes of it. It is the reader of the reply as well."""

    def __init__(self, call: Call) -> None:
        self._body = bytearray()
        self.ended = False
        self.progress = 0
        self.exchange = Exchange(call, outgoing_listing(call), self._begun)

    def given(self) -> Listing:
        """What a reply has told."""
        return Listing(ids=_ids(self._body), refusal=None, skew=self._skew())

    def refused(self, error: QwenError) -> Listing:
        """What a refusal has told; what is no answer at all is raised."""
        if error.status is None:
            raise error
        return Listing(ids=None, refusal=error, skew=self._skew())

    def feed(self, piece: bytes) -> Iterator[CompletionDelta]:
        """Take the next bytes."""
        self._body += piece
        self.progress += bool(piece.strip())
        return iter(())

    def finish(self) -> Iterator[CompletionDelta]:
        """End the body."""
        return iter(())

    def partial(self) -> None:
        """Return nothing: there is no answer, so no part of one either."""

    def _begun(self, endpoint: Endpoint, response: Any) -> Reader:  # noqa: ARG002 - a list needs neither
        self._body.clear()
        return self

    def _skew(self) -> float | None:
        try:
            told = parsedate_to_datetime(self.exchange.headers["date"])
        except (KeyError, TypeError, ValueError):
            return None
        return time.time() - (told if told.tzinfo else told.replace(tzinfo=timezone.utc)).timestamp()


def _ids(text: bytes | bytearray) -> tuple[str, ...] | None:
    try:
        body: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    data: object = cast("Mapping[str, object]", body).get("data") if isinstance(body, Mapping) else None
    if not isinstance(data, list):
        return None
    items = [cast("Mapping[str, object]", item) for item in cast("list[object]", data) if isinstance(item, Mapping)]
    return tuple(str(item["id"]) for item in items if "id" in item)
