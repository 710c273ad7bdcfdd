"""An endpoint's list of its models, without I/O: what came of asking for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any, cast

from qwen_endpoints.errors import QwenError


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What came of asking for the list. Something came: the address is reachable."""

    ids: tuple[str, ...] | None
    """`None`: the endpoint has no such list, or refused it."""
    refusal: QwenError | None
    skew: float | None
    """Seconds that this machine's clock is ahead of the endpoint's; `None` where it did not tell the time."""


def given(response: Any) -> Listing:
    """Read an HTTP response that gives the list."""
    return Listing(ids=_ids(response), refusal=None, skew=_skew(response.headers))


def refused(error: QwenError) -> Listing:
    """Read a refusal; what is no answer at all is raised."""
    if error.status is None:
        raise error
    answered = getattr(error.__cause__, "response", None)
    return Listing(ids=None, refusal=error, skew=_skew(getattr(answered, "headers", {})))


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
