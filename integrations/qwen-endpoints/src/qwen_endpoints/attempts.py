"""Whether a call that failed is made again, and after how long: one policy for every endpoint and protocol."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from qwen_endpoints.errors import QwenError

LONGEST_WAIT: Final = 60.0
"""Seconds. Who is asked to wait longer gets the error at once, with `retry_after`, and decides."""
_FIRST: Final = 0.5
_LONGEST: Final = 8.0


def pause_after(error: QwenError, repeated: int, max_retries: int) -> float | None:
    """Return the seconds to wait before the same request is sent again, or `None` where it is not.

    The wait doubles from half a second to eight, of which a random part of up to one half is left out, so that many
    callers who failed together do not come back together. `Retry-After` takes the place of the certain part.

    Args:
        error: How the call failed.
        repeated: How often it has been repeated.
        max_retries: How often it may be.
    """
    if repeated >= max_retries or not error.retryable:
        return None
    half = min(_FIRST * 2**repeated, _LONGEST) / 2
    stated = half if error.retry_after is None else error.retry_after
    if stated > LONGEST_WAIT:
        return None
    return stated + random.uniform(0, half)  # noqa: S311 - no secret hangs on it
