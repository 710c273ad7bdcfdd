"""The string a property wants, found in a text or written about its subject."""

from __future__ import annotations

import re

from qwen_sandbox.formats import fit_length, formatted, matching
from qwen_sandbox.json_types import JsonObject, as_text
from qwen_sandbox.values import labelled_text, names_in, numbers_in, quoted_in, words_after_preposition
from qwen_sandbox.words import name_words, topics

_WHOLE_TEXT = frozenset(
    "query question text input prompt message content description body sentence request task".split()
)
_ENTITY = frozenset(
    (
        "name location city country place town region person author company customer user title subject recipient "
        "product item symbol ticker destination origin style language animal food color colour id"
    ).split()
)
_SUBJECT = re.compile(r"\b(?:about|of|on)\s+([^.?!,;\n]{1,60})", re.IGNORECASE)
_TOPICS = 3


class Source:
    """A text whose values are used up: each number, quotation and name serves one property."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.numbers = numbers_in(text)
        self._texts = [*quoted_in(text), *names_in(text)]

    def use_number(self, number: float) -> None:
        """Take a number out of the pool, if it is still there."""
        if number in self.numbers:
            self.numbers.remove(number)

    def labelled(self, name: str) -> str | None:
        """Return the text the message gives for `name`, or None."""
        return labelled_text(self.text, name)

    def has_labelled(self, name: str) -> bool:
        """Return whether the message gives a text for `name`."""
        return self.labelled(name) is not None

    def take_text(self) -> str | None:
        """Return the next quotation or name and use it up."""
        return self._texts.pop(0) if self._texts else None

    def take_all_texts(self, name: str) -> list[str]:
        """Return every quotation and name left, or the list given after `name`, and use them up."""
        texts, self._texts = self._texts, []
        match = (
            re.search(rf"\b{re.escape(name)}\b\s*(?:are|is|:|=)\s*([^.\n]+)", self.text, re.IGNORECASE)
            if name
            else None
        )
        if match:
            return [part.strip(" '\"") for part in re.split(r",|\band\b", match[1]) if part.strip(" '\"")]
        return texts or topics(self.text, _TOPICS)

    def subject(self) -> str | None:
        """Return what the text is about, or None for an empty text."""
        match = _SUBJECT.search(self.text)
        if match:
            return match[1].strip()
        return words_after_preposition(self.text) or " ".join(self.text.split()[:8]) or None


def find_string(source: Source, schema: JsonObject, name: str) -> str:
    """Return the string for property `name`: in its format or pattern, and within its lengths."""
    fixed = formatted(as_text(schema.get("format")), source.text)
    if fixed is not None:
        return fixed
    default = as_text(schema.get("default"))
    value = _labelled_or_found(source, name) or default or _written(source, name)
    pattern = as_text(schema.get("pattern"))
    if pattern:
        value = value if _matches(pattern, value) else matching(pattern, source.text) or value
    return fit_length(value, int(schema.get("minLength", 0)), _maximum(schema))


def _maximum(schema: JsonObject) -> int | None:
    return int(schema["maxLength"]) if "maxLength" in schema else None


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except (re.error, RecursionError):
        return True


def _labelled_or_found(source: Source, name: str) -> str | None:
    labelled = source.labelled(name)
    if labelled is not None:
        return labelled
    words = set(name_words(name))
    if words & _WHOLE_TEXT:
        return source.text.strip() or None
    taken = source.take_text()
    if taken is not None:
        return taken
    if words & _ENTITY:
        return words_after_preposition(source.text)
    if words <= {"expression", "formula", "equation"} and words:
        match = re.search(r"[\d(][\d\s.()+*/^-]*[\d)]", source.text)
        return match[0] if match else None
    return None


def _written(source: Source, name: str) -> str:
    """Return a short text about the subject, for properties that describe rather than name."""
    words = " ".join(name_words(name)) or "text"
    subject = source.subject()
    return f"A {words} about {subject}" if subject else f"sample {words}"
