"""Twenty-four things that go wrong in langchain-qwq 0.3.5, each as a test of what happens here.

The names follow the order in which the defects were found by running that package against scripted replies.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib.metadata import metadata, requires, version
from pathlib import Path
from typing import Any, TypedDict, cast

import langchain_qwen
import pytest
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.prompt_values import StringPromptValue
from langchain_core.tools import tool
from langchain_qwen import ChatQwen, ServerError
from packaging.requirements import Requirement
from pydantic import BaseModel

from tests.unit.langchain.conftest import Chats, call_piece, chunk, merged, refusal, sse, usage_chunk, whole


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"21 degrees in {city}"


class City(BaseModel):
    """A city."""

    name: str


class CityDict(TypedDict):
    """A city."""

    name: str


LATER_TYPING = {"LiteralString", "Never", "NotRequired", "Required", "Self", "Unpack", "assert_never", "override"}
"""Names that `typing` has since Python 3.11 or 3.12."""
HISTORY = [HumanMessage("hi"), ToolMessage("21", tool_call_id="c1")]
THOUGHT = {
    "content": "",
    "reasoning_content": "Look it up.",
    "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}],
}


def calling(arguments: str) -> dict[str, Any]:
    return {"content": "", "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": arguments}}]}


def test_01_strict_and_parallel_tool_calls_reach_the_wire(chats: Chats) -> None:
    chats.at("text").bind_tools([get_weather], strict=True, parallel_tool_calls=False).invoke("hi")
    assert chats.body["parallel_tool_calls"] is False
    assert chats.body["tools"][0]["function"]["strict"] is True
    chats.at("text").bind_tools([get_weather]).invoke("hi")
    assert "parallel_tool_calls" not in chats.body


@pytest.mark.parametrize("choice", ["any", "required", True])
def test_02_a_forced_choice_is_not_weakened(chats: Chats, choice: Any) -> None:
    assert chats.at("flash").bind_tools([get_weather], tool_choice=choice).invoke("hi").tool_calls
    assert chats.body["tool_choice"] == "required"


def test_03_structured_output_leaves_the_model_as_it_is(chats: Chats) -> None:
    llm = chats.at("flash", enable_thinking=True)
    before = llm.model_dump()
    llm.with_structured_output(City).invoke("hi")
    assert llm.model_dump() == before
    llm.invoke("hi")
    assert chats.body["enable_thinking"] is True


def test_04_a_json_schema_goes_out_as_one(chats: Chats) -> None:
    chats.at("flash").with_structured_output(City, method="json_schema", strict=True).invoke("hi")
    sent = chats.body["response_format"]
    assert (sent["type"], sent["json_schema"]["strict"]) == ("json_schema", True)
    assert sent["json_schema"]["schema"]["required"] == ["name"]


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
def test_05_typed_dicts_are_schemas(chats: Chats, method: Any) -> None:
    assert set(cast("Any", chats.at("flash").with_structured_output(CityDict, method=method).invoke("hi"))) == {"name"}


@pytest.mark.parametrize(
    "prompt",
    [
        [("system", "Be brief."), ("user", "hi")],
        [{"role": "system", "content": [{"type": "text", "text": "Be brief."}]}, {"role": "user", "content": "hi"}],
    ],
)
def test_06_json_mode_finds_the_system_message_in_any_form(chats: Chats, prompt: Any) -> None:
    chats.at("flash").with_structured_output(City, method="json_mode").invoke(prompt)
    system, user = chats.sent
    assert (system["role"], user) == ("system", {"role": "user", "content": "hi"})
    assert "Be brief." in json.dumps(system["content"])
    assert "'type'" not in json.dumps(system["content"])  # no Python repr of a list
    chats.at("flash").with_structured_output(City, method="json_mode").invoke(StringPromptValue(text="hi"))
    assert chats.sent[-1] == {"role": "user", "content": "hi"}


def test_07_json_mode_parses_in_output_version_v1(chats: Chats) -> None:
    llm = chats.at("flash", output_version="v1").with_structured_output(City, method="json_mode")
    assert isinstance(llm.invoke("hi"), City)


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_08_reasoning_goes_back_in_a_tool_loop(chats: Chats, version: str) -> None:
    llm = chats.answering(whole(THOUGHT, "tool_calls"), output_version=version)
    answer = llm.invoke("hi")
    llm.invoke([HISTORY[0], answer, HISTORY[1]])
    assert chats.sent[1]["reasoning_content"] == "Look it up."
    local = chats.answering(whole({"content": "ok"}), provider="vllm", model="Qwen/Qwen3.6-27B")
    local.invoke("hi", preserve_thinking=True)
    assert chats.body["chat_template_kwargs"] == {"preserve_thinking": True}


def test_09_reasoning_streams_beside_a_response_format(chats: Chats) -> None:
    pieces = [chunk(reasoning_content="a"), chunk(reasoning_content="b"), chunk(content="{}"), chunk("stop")]
    llm = chats.streaming(*pieces, usage_chunk()).bind(response_format={"type": "json_object"})
    chunks = list(llm.stream("JSON"))
    assert [piece.additional_kwargs.get("reasoning_content") for piece in chunks[:2]] == ["a", "b"]
    assert merged(cast("Any", chunks)).response_metadata["model_provider"] == "qwen"


def test_10_traces_and_messages_name_one_provider(chats: Chats) -> None:
    for endpoint in ("cn", "text"):
        llm: Any = chats.at(endpoint)
        answers = [llm.invoke("hi"), merged(llm.stream("hi"))]
        named = {answer.response_metadata["model_provider"] for answer in answers}
        assert named == {llm._get_ls_params()["ls_provider"]} == {"qwen"}


def test_11_an_agent_gets_its_structured_answer(chats: Chats) -> None:
    agents: Any = pytest.importorskip("langchain.agents", reason="langchain needs a newer langchain-core")
    for endpoint, key in (("flash", "response_format"), ("text", "tool_choice")):
        agent = agents.create_agent(chats.at(endpoint), [], response_format=City)
        state = agent.invoke({"messages": [("user", "Where is the Louvre?")]})
        assert isinstance(state["structured_response"], City)
        assert key in chats.body
        assert chats.body.get("tools") != []


def test_12_a_model_that_thinks_in_streams_only_can_be_invoked_with_streaming_disabled(chats: Chats) -> None:
    llm = chats.at("cn", enable_thinking=True, disable_streaming=True)
    answer = llm.invoke("hi")
    assert answer.text
    assert answer.additional_kwargs["reasoning_content"]
    assert "streaming" not in ChatQwen(model="qwen3-32b", provider="anyfast-cn").model_fields_set


def test_13_no_key_of_openai_leaves_the_house(chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "of-openai")
    chats.answering(whole({"content": "ok"}), provider="generic", api_key=None).invoke("hi")
    assert "of-openai" not in str(chats.sandbox.last_request.headers)


def test_14_what_a_call_says_joins_what_the_model_says(chats: Chats) -> None:
    llm = chats.at("flash", enable_thinking=True, extra_body={"user": "ann"})
    before = llm.model_dump()
    llm.invoke("hi", extra_body={"seed": 7})
    assert (chats.body["enable_thinking"], chats.body["user"], chats.body["seed"]) == (True, "ann", 7)
    llm.invoke("hi", enable_thinking=False, top_p=0.5)
    assert (chats.body["enable_thinking"], chats.body["top_p"]) == (False, 0.5)
    assert llm.model_dump() == before
    chats.answering(whole({"content": "ok"}), provider="vllm", model="Qwen/Qwen3-8B", top_k=3).invoke("hi")
    assert chats.body["top_k"] == 3


def test_15_a_reasoning_object_stays_with_chat_completions(chats: Chats) -> None:
    chats.at("text").invoke("hi", reasoning={"effort": "low"})
    assert chats.sandbox.last_request.path.endswith("/chat/completions")
    assert chats.body["reasoning"] == {"effort": "low"}


def test_16_nothing_of_a_reply_is_dropped(chats: Chats) -> None:
    detail = {"type": "reasoning.text", "text": "hm", "signature": "s"}
    message = {"content": "ok", "reasoning_content": None, "reasoning": "hm", "reasoning_details": [detail]}
    choices = [
        {"index": 0, "message": message, "finish_reason": "stop", "native_finish_reason": "eos"},
        {"index": 1, "message": {"content": "two", "reasoning": "second"}, "finish_reason": "stop"},
    ]
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8, "cost": 0.25}
    answer = chats.answering(whole(message, choices=choices, usage=usage, provider="Upstream")).invoke("hi")
    assert answer.additional_kwargs == {"reasoning_content": "hm", "reasoning_details": [detail]}
    told = answer.response_metadata
    assert (told["native_finish_reason"], told["upstream_provider"]) == ("eos", "Upstream")
    assert told["cost"]["amount"] == 0.25
    (other,) = told["other_choices"]
    assert (other["text"], other["reasoning"]) == ("two", "second")


def test_17_odd_streams_and_media_read_right(chats: Chats) -> None:
    repeated = [call_piece(0, '{"a"', name="f", id_="c1"), call_piece(0, ": 1}", name="f", id_="c1")]
    drifting = [call_piece(1, '{"a"', name="f", id_="c1"), call_piece(0, ": 1}")]
    for pieces in (repeated, drifting):
        answer = merged(chats.streaming(*pieces, chunk("tool_calls"), chunk("tool_calls"), usage_chunk()).stream("hi"))
        assert [(call["name"], call["args"]) for call in answer.tool_calls] == [("f", {"a": 1})]
        assert answer.response_metadata["finish_reason"] == "tool_calls"
    for arguments in ("[1, 2]", '"x"', "5"):
        answer = chats.answering(whole(calling(arguments), "tool_calls")).invoke("hi")
        assert [call["args"] for call in answer.invalid_tool_calls] == [arguments]
    counted = [{**chunk(content="x"), "usage": usage_chunk(3, at)["usage"]} for at in (1, 2, 5)]
    answer = merged(chats.streaming(*counted, chunk("stop"), usage_chunk(3, 5)).stream("hi"))
    assert answer.usage_metadata == {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
    chats.at("flash").invoke([HumanMessage([{"type": "video", "url": "https://example.com/a.mp4"}])])
    assert chats.sent[0]["content"][0]["type"] == "video_url"
    details = cast("Any", chats.at("flash").invoke("hi").usage_metadata)["input_token_details"]
    assert {"text", "image", "video"} <= set(details)
    sound = {"type": "audio", "url": "https://example.com/a.mp3"}
    llm = chats.answering(whole({"content": "ok"}), provider="dashscope", model="qwen3-omni-flash")
    llm.invoke([HumanMessage([sound, {"type": "text-plain", "text": "words", "mime_type": "text/plain"}])])
    assert chats.sent[0]["content"] == [
        {"type": "input_audio", "input_audio": {"data": "https://example.com/a.mp3", "format": "mp3"}},
        {"type": "text", "text": "words"},
    ]


def test_18_gateways_errors_have_kinds_and_tokens_are_counted_offline(chats: Chats) -> None:
    too_long = {"error": {"message": "Range of input length should be [1, 98304]", "code": "invalid_parameter_error"}}
    with pytest.raises(ContextOverflowError):
        chats.answering(refusal(400, too_long)).invoke("hi")
    broken = sse([chunk(content="a"), {"error": {"message": "upstream failed", "code": 502}}])
    with pytest.raises(ServerError):
        list(chats.answering(broken).stream("hi"))
    assert chats.at("flash").get_num_tokens_from_messages([HumanMessage("hello there")]) > 0


def test_19_a_piece_that_looks_like_json_is_not_repaired(chats: Chats) -> None:
    pieces = [call_piece(0, '{"a": {"b": 1', name="f", id_="c1"), call_piece(0, '}, "c": {"d": 2}'), call_piece(0, "}")]
    answer = merged(chats.streaming(*pieces, chunk("tool_calls"), usage_chunk()).stream("hi"))
    assert answer.tool_calls[0]["args"] == {"a": {"b": 1}, "c": {"d": 2}}


def test_20_construction_opens_nothing_and_gateways_do_not_share_cached_answers() -> None:
    code = (
        "import sys; from langchain_qwen import ChatQwen;"
        "ChatQwen(model='qwen3-32b', provider='anyfast-cn', api_key='k'); sys.exit('openai' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code
    models: list[Any] = [ChatQwen(model="qwen3-32b", base_url=f"http://{host}/v1") for host in ("gpu1", "gpu2")]
    assert len({llm._get_llm_string() for llm in models}) == 2
    assert ChatQwen.is_lc_serializable()


@pytest.mark.parametrize("model", ["qwen/qwen3-32b", "Qwen/Qwen3-32B", "qwen3-32b", "Qwen/Qwen3-32B-AWQ"])
def test_21_a_model_is_known_however_its_id_is_spelled(model: str) -> None:
    profile: Any = ChatQwen(model=model, provider="vllm", base_url="http://gpu1/v1").profile
    assert (profile["name"], profile["reasoning_output"]) == ("qwen3-32b", True)


def test_22_usage_is_not_asked_for_when_unwanted_and_cache_marks_stay(chats: Chats) -> None:
    list(chats.at("flash", stream_usage=False).stream("hi"))
    assert "stream_options" not in chats.body
    marked = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}
    llm = chats.answering(whole({"content": "ok"}), provider="dashscope", model="qwen-plus")
    llm.invoke([HumanMessage([marked, {"type": "text", "text": "short"}])])
    assert chats.sent[0]["content"] == [marked, {"type": "text", "text": "short"}]


def test_23_it_needs_little_and_old_pythons_do() -> None:
    needed = [Requirement(line) for line in requires("langchain-qwen") or ()]
    assert {item.name for item in needed if not (item.marker and "extra" in str(item.marker))} == {
        "qwen-endpoints",
        "langchain-core",
        "pydantic",
        "typing-extensions",
    }
    assert metadata("langchain-qwen")["Requires-Python"] == ">=3.10"
    assert langchain_qwen.__version__ == version("langchain-qwen")
    for file in Path(langchain_qwen.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "typing":
                assert not LATER_TYPING & {alias.name for alias in node.names}, file.name


def test_24_inline_thinking_is_told_from_the_answer(chats: Chats) -> None:
    llm = chats.answering(whole({"content": "<think>hm</think>ok"}), provider="vllm", model="Qwen/Qwen3-8B")
    assert llm.invoke("hi").content == "ok"
    assert llm.invoke("hi").additional_kwargs["reasoning_content"] == "hm"
    pieces = [chunk(content="<thi"), chunk(content="nk>hm</th"), chunk(content="ink>ok"), chunk("stop"), usage_chunk()]
    streaming = chats.streaming(*pieces, provider="vllm", model="Qwen/Qwen3-8B")
    answer = merged(streaming.stream("hi"))
    assert (answer.content, answer.additional_kwargs["reasoning_content"]) == ("ok", "hm")
