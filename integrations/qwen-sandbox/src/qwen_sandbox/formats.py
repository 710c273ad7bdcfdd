"""Strings in the formats a JSON Schema can ask for, taken from a text where it has one."""

from __future__ import annotations

import re

_FORMATS: dict[str, tuple[str, str]] = {
    # format: (how to find one in a text, what to use when there is none)
    "date": (r"\d{4}-\d{2}-\d{2}", "2026-01-31"),
    "date-time": (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})", "2026-01-31T12:00:00Z"),
    "time": (r"\b\d{2}:\d{2}:\d{2}(?:Z|[+-]\d{2}:\d{2})", "12:00:00Z"),
    "duration": (r"\bP(?:\d+[YMWD])*(?:T(?:\d+[HMS])+)?\b", "P1D"),
    "email": (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "someone@example.com"),
    "uri": (r"https?://[^\s\"'<>)]+", "https://example.com/"),
    "url": (r"https?://[^\s\"'<>)]+", "https://example.com/"),
    "uuid": (r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "00000000-0000-4000-8000-000000000000"),
    "ipv4": (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", "127.0.0.1"),
    "hostname": (r"\b[a-z0-9-]+(?:\.[a-z0-9-]+)+\b", "example.com"),
}
_LONGEST = 10_000
_PATTERN_GUESSES = ("0", "a", "A", "1", "x", "AB", "ab", "12")


def formatted(kind: str, text: str) -> str | None:
    """Return a string of format `kind`, from `text` if it has one; None for a format not known here."""
    if kind not in _FORMATS:
        return None
    pattern, sample = _FORMATS[kind]
    match = re.search(pattern, text)
    return match[0] if match else sample


def matching(pattern: str, text: str) -> str | None:
    """Return a string that matches `pattern`: one of the words of `text`, or one of a few guesses, or None."""
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError):
        return None
    words = re.findall(r"[^\s,;()\"']+", text)
    guesses = [guess * times for times in range(1, 17) for guess in _PATTERN_GUESSES]
    guesses += ["AB-12", "A-1", "ABC-123", "ABC123", "2026-01-31", "12:00", "#336699", "1.0.0", "555-0100", "a_b"]
    return next((word for word in [*words, *guesses] if compiled.search(word)), None)


def fit_length(text: str, low: int, high: int | None) -> str:
    """Return `text` cut or repeated to a length between `low` and `high`."""
    low = min(low, _LONGEST)
    if len(text) < low:
        text = (text or "x") + "x" * (low - len(text or "x"))
    return text if high is None else text[:high]
