"""Where a redirect may take a request: nowhere but to the same origin, and only as it is.

HTTP clients that follow any redirect take `Authorization` out on the way to another host, but neither `X-Api-Key` nor
a caller's own headers nor the prompt, and they turn a 301, 302 or 303 into a GET without a body (seen on httpx 0.28 and
httpx2 2.16).
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

_KEEPING: Final = frozenset({307, 308})
"""The statuses that ask for the same method and the same body (RFC 9110)."""
_MOST: Final = 3
_PORTS: Final = {"http": 80, "https": 443}


def followed(response: Any, before: int) -> str:
    """Return the address that a reply redirects to, or nothing where that is not followed.

    Args:
        response: The reply.
        before: How many redirects of this call have been followed.
    """
    target = _target(response)
    if response.status_code not in _KEEPING or before >= _MOST or not target:
        return ""
    return target if _origin(target) == _origin(str(response.url)) else ""


def refusal(response: Any) -> str:
    """Say why a redirect was not followed. Of both addresses only that part is told which holds no query."""
    here, target = _told(str(response.url)), _target(response)
    status = f"HTTP {response.status_code}"
    if not target:
        return f"The endpoint at {here} redirects ({status}) without saying where."
    if _origin(target) != _origin(str(response.url)):
        return (
            f"The endpoint at {here} redirects to another one, {_told(target)} ({status}). Nothing was sent there. If "
            "it is the right one, set base_url to it."
        )
    if response.status_code in _KEEPING:
        return f"The endpoint at {here} redirects to {_told(target)}, after {_MOST} redirects that were followed."
    return (
        f"The endpoint at {here} redirects to {_told(target)} with {status}, which asks for a request without its "
        "body. Is base_url right?"
    )


def is_redirect(status: int) -> bool:
    """Whether a status is one of redirection."""
    return 300 <= status < 400  # noqa: PLR2004 - the range of redirections


def _target(response: Any) -> str:
    """The whole address, or nothing where there is none that a request can go to."""
    location: str = response.headers.get("location", "")
    if not location:
        return ""
    try:
        target = str(response.url.join(location))
        return target if _origin(target)[1] else ""
    except Exception:  # noqa: BLE001 - httpx.InvalidURL has no base class in common with httpx2's
        return ""


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def _told(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
