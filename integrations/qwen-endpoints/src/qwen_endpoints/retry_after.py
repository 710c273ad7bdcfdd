"""How long an endpoint asks to be left alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return what `retry-after-ms` says, else `Retry-After`, in seconds; 0 for a time that is past.

    The latter holds seconds or a date (RFC 9110, 10.2.3). `None` where neither is there, or can be read.
    """
    exact = _number(headers.get("retry-after-ms", ""))
    if exact is not None:
        return exact / 1000
    stated = headers.get("retry-after", "")
    seconds = _number(stated)
    return _until(stated) if seconds is None else seconds


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return max(0.0, value) if math.isfinite(value) else None


def _until(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        # TypeError: no date at all, on Python 3.10 and 3.11. OverflowError: a year or a zone of twenty digits.
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return max(0.0, (aware - datetime.now(timezone.utc)).total_seconds())
