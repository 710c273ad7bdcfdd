"""Where the fuzzer begins: the replies of `tests/fixtures/replies`, the like over Messages, and words to mix in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
REPLIES: Final = HERE.parent / "fixtures" / "replies"
CORPUS: Final = HERE / "corpus"
"""Inputs that reach code which the replies do not; `python -m tests.fuzz.campaign --keep` writes them."""
CRASHES: Final = HERE / "crashes"
"""Inputs that something once failed on, as small as they still fail; never removed."""

_LONGEST: Final = 4096
_START: Final = {"type": "message_start", "message": {"id": "m", "model": "q", "usage": {"input_tokens": 3}}}
_END: Final = ({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
               {"type": "message_stop"})  # fmt: skip
_BLOCKS: Final[tuple[dict[str, Any], ...]] = (
    {"type": "text", "text": ""},
    {"type": "thinking", "thinking": "", "signature": "s1g"},
    {"type": "redacted_thinking", "data": "opaque"},
    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},
    {"type": "server_tool_use", "id": "s", "name": "search", "input": {"q": 1}},
)
_DELTAS: Final[tuple[dict[str, Any], ...]] = (
    {"type": "text_delta", "text": "Hello."},
    {"type": "thinking_delta", "thinking": "why"},
    {"type": "signature_delta", "signature": "s1g"},
    {"type": "input_json_delta", "partial_json": '{"city": "Paris"}'},
)
_WAITS: Final = (
    b"7", b"0.5", b"-3", b"1e999", b"soon", b"Wed, 21 Oct 2015 07:28:00 GMT", b"Sunday, 22-Nov-26 08:49:37 GMT",
    b"Wed, 21 Oct 2015 07:28:00 +99999999999999999999", b"http://other.example/v1", b"/v1?key=sk-fuzzed-4711",
)  # fmt: skip
"""What a refusal says of when or where to try again."""
_WORDS: Final = (
    "data: ", "error: ", "event: ", ": ", "[DONE]", "\n\n", "\r\n", "\r", "\ufeff", "null", "true", "1e999", "NaN",
    "\\ud83d", "\\ude00", "\\u0000", "<think>", "</think>", "{", "}", "[", "]", '":', '",', "{}", "[]", "-1", "99",
    *(f'"{word}":' for word in (
        "choices", "delta", "message", "content", "reasoning_content", "reasoning", "reasoning_details", "tool_calls",
        "function", "name", "arguments", "index", "id", "finish_reason", "usage", "prompt_tokens", "completion_tokens",
        "total_tokens", "cost", "error", "code", "refusal", "logprobs", "type", "text", "x_groq", "created", "model",
        "content_block", "partial_json", "thinking", "signature", "stop_reason", "input", "output_tokens", "metadata",
    )),
    *(f'"{word}"' for word in (
        "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
        "message_stop", "ping", "text_delta", "input_json_delta", "thinking_delta", "signature_delta", "tool_use",
        "stop", "length", "tool_calls", "end_turn", "max_tokens", "error", "weather", "call_1",
    )),
)  # fmt: skip


def seeds() -> Iterator[tuple[str, bytes]]:
    """Give the inputs that a run begins with, each with a name of its own."""
    for path in sorted(REPLIES.iterdir()):
        body = _body(path)
        if body is not None and len(body) <= _LONGEST:
            label = b"1" if path.suffix == ".json" else b"0"
            yield f"{path.name}-gateway", b"0" + label + b"0" + body
            yield f"{path.name}-template", b"1" + label + b"7" + body
    for number, (body, stated) in enumerate(product(_error_bodies(), _WAITS)):
        yield f"refusal-{number}", f"{number % 4}3{number % 10}".encode() + stated + b"\n" + body
    for number, (whole, streamed) in enumerate(_messages()):
        yield f"messages-whole-{number}", b"210" + whole
        yield f"messages-streamed-{number}", b"209" + streamed
        yield f"messages-unsigned-{number}", b"300" + streamed
    for path in (*sorted(CORPUS.glob("*.reply")), *sorted(CRASHES.glob("*.reply"))):
        yield path.name, path.read_bytes()


def dictionary() -> str:
    """Words for libFuzzer's `-dict`."""
    spelled = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in _WORDS)
    return "\n".join(f'"{word}"' for word in spelled) + "\n"


def _body(path: Path) -> bytes | None:
    if path.suffix == ".jsonl":
        events = [b"data: " + line for line in path.read_bytes().splitlines() if line]
        return b"\n\n".join([*events, b"data: [DONE]", b""])
    return path.read_bytes() if path.suffix in {".sse", ".json"} else None


def _error_bodies() -> Iterator[bytes]:
    for path in sorted(REPLIES.glob("error_*.json")):
        yield path.read_bytes()


def _messages() -> Iterator[tuple[bytes, bytes]]:
    """Each kind of block, whole and streamed."""
    for block in _BLOCKS:
        fitting = [delta for delta in _DELTAS if delta["type"].split("_")[0] in {block["type"].split("_")[0], "input"}]
        opened = {"type": "content_block_start", "index": 0, "content_block": block}
        grown = [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in fitting]
        events = [_START, opened, {"type": "ping"}, *grown, {"type": "content_block_stop", "index": 0}, *_END]
        whole: dict[str, Any] = {
            "type": "message",
            "id": "m",
            "content": [block],
            "stop_reason": "tool_use",
            "usage": {},
        }
        streamed = b"".join(b"event: x\ndata: " + json.dumps(event).encode() + b"\n\n" for event in events)
        yield json.dumps(whole).encode(), streamed
