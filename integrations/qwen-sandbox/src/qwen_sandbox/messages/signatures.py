"""Signatures of thoughts: given with them, and checked when they come back."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

# Constant, so that a conversation can go on with another sandbox. It protects nothing.
_KEY = b"qwen-sandbox"
_DIGEST_LENGTH = 32


def signature_of(thought: str) -> str:
    """Return the signature of a thought."""
    return base64.b64encode(_digest(b"thinking", thought.encode())).decode()


def is_signed(thought: str, signature: str) -> bool:
    """Return whether `signature` was given with `thought`."""
    return hmac.compare_digest(signature_of(thought).encode(), signature.encode())


def redacted(thought: str) -> str:
    """Return opaque data in place of a thought; the thought cannot be had back."""
    hidden = hashlib.sha256(thought.encode()).digest()
    return base64.b64encode(hidden + _digest(b"redacted", hidden)).decode()


def is_redacted(data: str) -> bool:
    """Return whether `data` came from `redacted`."""
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return False
    hidden, digest = raw[:-_DIGEST_LENGTH], raw[-_DIGEST_LENGTH:]
    return hmac.compare_digest(_digest(b"redacted", hidden), digest)


def _digest(purpose: bytes, content: bytes) -> bytes:
    return hmac.digest(_KEY, purpose + b":" + content, hashlib.sha256)
