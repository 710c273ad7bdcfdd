from __future__ import annotations

import pytest
from qwen_endpoints.sse import SseDecoder, SseEvent


def events(*pieces: bytes) -> list[SseEvent]:
    decoder = SseDecoder()
    found = [event for piece in pieces for event in decoder.feed(piece)]
    return found + decoder.finish()


def data(*pieces: bytes) -> list[str]:
    return [event.data for event in events(*pieces)]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        pytest.param(b"data: a\n\ndata: b\n\n", ["a", "b"], id="LF"),
        pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"], id="CRLF"),
        pytest.param(b"data: a\r\rdata: b\r\r", ["a", "b"], id="CR"),
        pytest.param(b"data: a\r\n\ndata: b\n\r\n", ["a", "b"], id="mixed line ends"),
        pytest.param(b"data: a\n\n\n\n\ndata: b\n\n", ["a", "b"], id="extra blank lines"),
        pytest.param(b"\n\ndata: a\n\n", ["a"], id="blank lines first"),
        pytest.param(b"data:a\n\n", ["a"], id="no space after the colon"),
        pytest.param(b"data:  a\n\n", [" a"], id="only one space belongs to the field"),
        pytest.param(b"data: a\ndata: b\n\n", ["a\nb"], id="several data lines are one event"),
        pytest.param(b"data:\ndata:\n\n", ["\n"], id="empty data lines count"),
        pytest.param(b": hello\n\ndata: a\n: PING\n\n", ["a"], id="comments"),
        pytest.param(b"event: x\nid: 7\nretry: 9\ndata: a\n\n", ["a"], id="other fields"),
        pytest.param(b"whatever\ndata: a\n\n", ["a"], id="unknown lines"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", ["a"], id="byte order mark"),
        pytest.param(b"data: a\n\ndata: \xef\xbb\xbfb\n\n", ["a", "\ufeffb"], id="byte order mark only at the start"),
        pytest.param(b"data: a\n\ndata: b", ["a", "b"], id="last line without its end"),
        pytest.param(b"data: a\n\ndata: b\n", ["a", "b"], id="last event without its blank line"),
        pytest.param(b"data: a\n\ndata: b\r", ["a", "b"], id="last line ends in a lone CR"),
        pytest.param(b"data: \xe4\xbd\xa0\n\n", ["\u4f60"], id="UTF-8"),
        pytest.param(b"data: \xe4\xbd-\n\n", ["\ufffd-"], id="broken UTF-8 is replaced, not raised"),
        pytest.param("data: a\u2028b\x0bc\x0cd\x85e\n\n".encode(), ["a\u2028b\x0bc\x0cd\x85e"], id="not line ends"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\n\n\n", [], id="blank lines only"),
        pytest.param(b'{"error": 1}\n\n', ['{"error": 1}'], id="a bare JSON line"),
        pytest.param(b': PING\n\n{"error": 1}', ['{"error": 1}'], id="a bare JSON line at the end"),
    ],
)
def test_events_whole_and_cut_at_every_byte(stream: bytes, expected: list[str]) -> None:
    assert data(stream) == expected
    assert data(*(stream[i : i + 1] for i in range(len(stream)))) == expected
    for cut in range(len(stream) + 1):
        assert data(stream[:cut], b"", stream[cut:]) == expected, cut


def test_a_complete_event_is_given_at_once() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\n") == []
    assert [event.data for event in decoder.feed(b"\n")] == ["a"]
    assert [event.data for event in decoder.feed(b"data: b\n\ndata: c\n\nda")] == ["b", "c"]
    assert decoder.finish() == []


def test_an_error_line_is_an_event_of_its_own() -> None:
    assert events(b'data: a\n\nerror: {"code": 500}\n\n') == [SseEvent("a"), SseEvent("", '{"code": 500}')]
    assert events(b"error: broken") == [SseEvent("", "broken")]


def test_an_error_line_beside_data_is_kept() -> None:
    assert events(b"data: a\nerror: no\n\n") == [SseEvent("a", "no")]


def test_a_long_line_in_many_pieces_is_linear() -> None:
    pieces = [b"data: ", *([b"x" * 64] * 20_000), b"\n\n"]
    assert [len(text) for text in data(*pieces)] == [64 * 20_000]
