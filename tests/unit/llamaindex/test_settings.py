"""Construction: what is taken, what is refused, and how that is said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.types import PydanticProgramMode
from llama_index.llms.qwen import Qwen
from qwen_endpoints import PROVIDERS, ConfigurationError, Dialect, Provider

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen_sandbox import Sandbox

ASK = [ChatMessage("What is 2 + 3?")]
SECRET = "sk-do-not-show"


def test_it_is_an_llm_of_the_framework() -> None:
    assert issubclass(Qwen, FunctionCallingLLM)
    assert BaseLLM.__name__ in [base.__name__ for base in Qwen.__mro__]
    assert Qwen.class_name() == "Qwen"


def test_building_one_needs_no_key_and_a_call_does() -> None:
    llm = Qwen(model="qwen3.6-flash", provider="anyfast")
    with pytest.raises(ConfigurationError, match="ANYFAST_API_KEY"):
        llm.chat(ASK)


def test_no_key_of_another_service_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with pytest.raises(ConfigurationError, match="No API key"):
        Qwen(model="qwen3.6-flash", provider="anyfast").chat(ASK)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"provider": "anyfest"}, "Did you mean 'anyfast'"),
        ({"provider": "anyfast", "temperature": 3}, "temperature=3"),
        ({"provider": "anyfast", "thinking_budget": 5}, "thinking_budget=5"),
        ({"provider": "anyfast", "enable_thinking": False, "reasoning_effort": "high"}, "contradict"),
        ({"base_url": "not a url"}, "not a url"),
    ],
)
def test_mistakes_show_at_construction(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        Qwen(model="qwen3.6-flash", **settings)


def test_a_model_is_named() -> None:
    with pytest.raises(TypeError, match="positional"):
        Qwen("qwen3.6-flash")  # pyright: ignore[reportCallIssue] - what is refused


def test_an_unknown_argument_warns_and_is_sent() -> None:
    with pytest.warns(UserWarning, match="Qwen has no parameter 'temprature'") as caught:
        llm = Qwen(model="qwen3.6-flash", provider="anyfast", temprature=1)  # pyright: ignore[reportCallIssue] - a typo
    assert caught[0].filename == __file__, "the warning points at the caller's line"
    assert llm.extra_body == {"temprature": 1}


def test_an_unknown_argument_is_joined_with_the_body(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    message = {"role": "assistant", "content": "x"}
    with pytest.warns(UserWarning, match="'top_secret'"):
        llm = scripted({"id": "c", "choices": [{"index": 0, "message": message}]}, top_secret=1, extra_body={"a": 2})
    llm.chat(ASK)
    body = qwen_sandbox.last_request.json
    assert (body["top_secret"], body["a"]) == (1, 2)


def test_other_names_of_arguments() -> None:
    names: dict[str, Any] = {"model_name": "qwen3.6-flash", "api_base": "http://localhost:1/v1"}
    names |= {"max_completion_tokens": 5, "stop_sequences": ["x"]}
    llm = Qwen(**names)
    assert (llm.model, llm.base_url, llm.max_tokens, llm.stop) == ("qwen3.6-flash", "http://localhost:1/v1", 5, ["x"])


@pytest.mark.parametrize(
    ("argument", "advice"),
    [
        ({"is_chat_model": True}, "leave this out"),
        ({"additional_kwargs": {"top_k": 5}}, "extra_body"),
        ({"max_new_tokens": 5}, "it is max_tokens here"),
        ({"request_timeout": 5.0}, "it is timeout here"),
        ({"num_output": 5}, "follows max_tokens"),
        ({"tokenizer": len}, "text_tokenizer"),
        ({"stream": True}, "stream_chat"),
        ({"incremental_output": True}, "in delta"),
        ({"reuse_client": False}, "leave this out"),
        ({"should_use_structured_outputs": True}, "structured_output='json_schema'"),
        ({"dashscope_api_key": "sk-secret"}, "it is api_key here"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
)
def test_arguments_of_other_llms_are_named(llm: Qwen, argument: dict[str, Any], advice: str) -> None:
    """Neither swallowed nor sent to an endpoint that would refuse them in less clear words."""
    (name,) = argument
    with pytest.raises(ConfigurationError, match=f"Qwen has no argument '{name}'.*{advice}"):
        Qwen(model="qwen3.6-flash", provider="anyfast", **argument)
    for way in ("chat", "stream_chat"):
        with pytest.raises(ConfigurationError, match=advice):
            getattr(llm, way)(ASK, **argument)
    with pytest.raises(ConfigurationError, match=advice):
        llm.complete("hi", **argument)


def test_images_are_no_argument_of_a_completion(llm: Qwen) -> None:
    with pytest.raises(ConfigurationError, match="ImageBlock"):
        llm.complete("hi", image_documents=[object()])


def test_a_class_of_ones_own_may_have_such_a_field() -> None:
    class Own(Qwen):
        tokenizer: str | None = None

    assert Own(model="qwen3.6-flash", provider="anyfast", tokenizer="mine").tokenizer == "mine"


# Dumps


FULL: dict[str, Any] = {
    "model": "qwen3-32b",
    "provider": "generic",
    "base_url": "http://localhost:1/v1",
    "temperature": 0.5,
    "max_tokens": 100,
    "stop": ["END"],
    "top_p": 0.9,
    "enable_thinking": True,
    "preserve_thinking": True,
    "reasoning_replay": "always",
    "timeout": 5.0,
    "max_retries": 1,
    "extra_body": {"user": {"name": "me"}},
    "context_window": 5000,
    "is_function_calling_model": False,
    "system_prompt": "Be kind.",
    "pydantic_program_mode": PydanticProgramMode.LLM,
}


@pytest.mark.parametrize("way", ["dict", "json", "arguments"])
def test_a_dump_builds_an_equal_model(way: str) -> None:
    llm = Qwen(**FULL)
    twin = {
        "dict": lambda: Qwen.from_dict(llm.to_dict()),
        "json": lambda: Qwen.from_json(llm.to_json()),
        "arguments": lambda: Qwen(**llm.to_dict()),
    }[way]()
    assert twin.to_dict() == llm.to_dict()
    assert {name: getattr(twin, name) for name in FULL} == FULL
    assert twin.metadata == llm.metadata


def test_what_a_dump_leaves_out_is_given_again() -> None:
    hidden: dict[str, Any] = {"api_key": SECRET, "default_headers": {"x-own": "a"}, "default_query": {"v": "1"}}
    llm = Qwen(**FULL, **hidden)
    data = llm.to_dict()
    assert not set(hidden).intersection(data)
    twin = Qwen.from_dict(data, **hidden)
    assert (twin.api_key, twin.default_headers, twin.default_query) == (
        llm.api_key,
        llm.default_headers,
        llm.default_query,
    )
    assert data == llm.to_dict(), "the caller's dump is not changed"


def test_a_provider_row_is_a_name_in_dumps() -> None:
    llm = Qwen(model="qwen3.6-flash", provider=PROVIDERS["anyfast"])
    assert Qwen.from_dict(llm.to_dict()).provider == "anyfast"


@pytest.mark.parametrize(
    "row",
    [
        Provider(name="mine", base_url="http://localhost:1/v1", key_required=False),
        replace(PROVIDERS["anyfast"], dialect=Dialect()),
    ],
    ids=["own", "changed"],
)
def test_a_row_of_ones_own_is_not_taken_for_another(row: Provider) -> None:
    llm = Qwen(model="qwen3.6-flash", provider=row)
    with pytest.raises(ConfigurationError, match=rf"'{row.name}', a row of .* pass the Provider itself"):
        Qwen.from_dict(llm.to_dict())
    twin = Qwen.from_json(llm.to_json(), provider=row)
    assert twin.provider is row
    assert twin.to_dict() == llm.to_dict()
