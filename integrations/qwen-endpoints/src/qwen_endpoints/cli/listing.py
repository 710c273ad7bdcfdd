"""`GET /models`, asked over the same connection as calls are: same proxy, same certificates, same headers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, cast

from qwen_endpoints.connections import Address, connection_for
from qwen_endpoints.errors import QwenError
from qwen_endpoints.exchange import Exchange
from qwen_endpoints.protocols import PROTOCOLS

if TYPE_CHECKING:
    from qwen_endpoints.calls import Call

_PATHS: Final[Mapping[str, str]] = {"chat_completions": "/models", "messages": "/v1/models"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What came of asking for the list of models. Something came: the address is reachable."""

    ids: tuple[str, ...] | None
    """`None`: the endpoint has no such list, or refused it."""
    refusal: QwenError | None
    skew: float | None
    """Seconds that this machine's clock is ahead of the endpoint's; `None` where it did not tell the time."""


def list_models(call: Call) -> Listing:
    """Ask the endpoint for its models.

    Raises:
        QwenError: There was no answer at all.
    """
    sdk = PROTOCOLS[call.endpoint.provider.protocol].sdk.load()
    exchange = Exchange(call, stream=False)
    path = _PATHS[call.endpoint.provider.protocol]
    try:
        with exchange.naming_errors():
            client = connection_for(Address.of(call)).sync()
            options = exchange.arguments()["options"]
            response = client.get(path, cast_to=sdk.APIResponse[bytes], options=options).http_response
    except QwenError as error:
        if error.status is None:
            raise
        answered = getattr(error.__cause__, "response", None)
        return Listing(ids=None, refusal=error, skew=_skew(getattr(answered, "headers", {})))
    return Listing(ids=_ids(response), refusal=None, skew=_skew(response.headers))


def _ids(response: Any) -> tuple[str, ...] | None:
    try:
        body: object = response.json()
    except ValueError:
        return None
    data: object = cast("Mapping[str, object]", body).get("data") if isinstance(body, Mapping) else None
    if not isinstance(data, list):
        return None
    items = [cast("Mapping[str, object]", item) for item in cast("list[object]", data) if isinstance(item, Mapping)]
    return tuple(str(item["id"]) for item in items if "id" in item)


def _skew(headers: Mapping[str, str]) -> float | None:
    try:
        told = parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return time.time() - (told if told.tzinfo else told.replace(tzinfo=timezone.utc)).timestamp()
