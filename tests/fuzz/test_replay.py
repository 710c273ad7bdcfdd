"""What the fuzzer begins with, what it has found and what once failed holds what is promised; so do its own tools."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from qwen_endpoints.messages import MessagesDecoder
from qwen_endpoints.sse import SseDecoder, SseEvent

from tests.fuzz.campaign import failure_of, smallest
from tests.fuzz.mutations import mutate
from tests.fuzz.seeds import CRASHES, dictionary, seeds
from tests.fuzz.target import examine

SEEDS = dict(seeds())


@pytest.mark.parametrize("name", SEEDS)
def test_what_is_promised_of_every_reply_holds(name: str) -> None:
    examine(SEEDS[name])


@pytest.mark.parametrize("name", [path.name for path in sorted(CRASHES.iterdir())])
def test_what_once_failed_is_among_them(name: str) -> None:
    assert name in SEEDS


def test_changed_replies_hold_it_too() -> None:
    for number, data in enumerate(SEEDS.values()):
        for seed in range(3):
            changed = mutate(data, 4096, 1000 * number + seed)
            if changed is not None:
                examine(changed)


def test_a_change_is_the_same_each_time_and_leaves_json() -> None:
    reply = b'000data: {"choices": [{"delta": {"content": "Hi"}}]}\n\n'
    changed = [mutate(reply, 4096, seed) for seed in range(50)]
    assert changed == [mutate(reply, 4096, seed) for seed in range(50)]
    assert len(set(changed)) > 10
    lines = [line.removeprefix(b"data: ") for data in changed for line in (data or b"")[3:].split(b"\n") if line]
    assert all(json.loads(line) is not None for line in lines)
    assert mutate(reply, 10, 1) is None
    assert mutate(b"000nothing", 4096, 1) is None


def _forget_half_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = SseDecoder.feed

    def forgetful(decoder: SseDecoder, piece: bytes) -> list[SseEvent]:
        events = feed(decoder, piece)
        decoder._held = []  # pyright: ignore[reportPrivateUsage]
        return events

    monkeypatch.setattr(SseDecoder, "feed", forgetful)


def _raise_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: MessagesDecoder, *, done: bool) -> None:
        raise KeyError(done)

    monkeypatch.setattr(MessagesDecoder, "finish", fail)


@pytest.mark.parametrize("spoil", [_forget_half_lines, _raise_something_else])
def test_a_spoiled_decoder_is_found_out(
    monkeypatch: pytest.MonkeyPatch, spoil: Callable[[pytest.MonkeyPatch], None]
) -> None:
    spoil(monkeypatch)
    assert any(failure_of(data) for data in SEEDS.values())


def test_a_find_is_made_small() -> None:
    assert smallest(b"much before [the cause] and after", lambda data: b"cause" in data) == b"cause"


def test_words_are_written_as_libfuzzer_reads_them() -> None:
    assert '"\\x64\\x61\\x74\\x61\\x3a\\x20"' in dictionary().splitlines()
