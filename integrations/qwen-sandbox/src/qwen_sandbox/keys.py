"""The one key the gateways accept, and where it is looked for."""

from __future__ import annotations

API_KEY = "sk-sandbox"


def bearer_key(authorization: str) -> str | None:
    """Return the key of an `Authorization` header, or None when the header is of another kind."""
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
