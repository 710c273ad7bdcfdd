"""Construction, what the framework is told about the model, copies, dumps and secrets."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.llms.qwen import Qwen
from pydantic import SecretStr, ValidationError
from qwen_endpoints import PROVIDERS, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_a_window_must_be_positive() -> None:
    with pytest.raises(ValidationError, match="context_window"):
        Qwen(model="qwen3.6-flash", provider="anyfast", context_window=0)


def test_an_unknown_parameter_is_sent_and_said() -> None:
    with pytest.warns(UserWarning, match="temprature"):
        llm = Qwen(model="qwen3.6-flash", provider="anyfast", temprature=1)  # pyright: ignore[reportCallIssue] - a typo
    assert llm.extra_body == {"temprature": 1}


# Metadata


def test_metadata_from_the_catalogue() -> None:
    metadata = Qwen(model="qwen3.6-flash", provider="anyfast").metadata
    assert metadata.context_window == 1_000_000
    assert metadata.num_output == 8192
    assert metadata.model_name == "qwen3.6-flash"
    assert metadata.is_chat_model
    assert metadata.is_function_calling_model


def test_metadata_as_the_provider_has_it() -> None:
    assert Qwen(model="qwen/qwen3-vl-32b-instruct", provider="wcode").metadata.context_window == 262_144


@pytest.mark.parametrize(
    ("settings", "context", "output"),
    [
        ({"context_window": 4096}, 4096, 1024),
        ({"max_tokens": 100}, 1_000_000, 100),
        ({"context_window": 2}, 2, 1),
    ],
)
def test_metadata_with_overrides(settings: dict[str, Any], context: int, output: int) -> None:
    metadata = Qwen(model="qwen3.6-flash", provider="anyfast", **settings).metadata
    assert (metadata.context_window, metadata.num_output) == (context, output)


@pytest.mark.filterwarnings("ignore:Model 'qwen-of-tomorrow':UserWarning")
def test_metadata_of_an_unknown_model() -> None:
    metadata = Qwen(model="qwen-of-tomorrow", provider="ollama").metadata
    assert metadata.context_window == 131_072
    assert metadata.is_function_calling_model


def test_metadata_while_the_provider_is_unknown() -> None:
    assert Qwen(model="qwen3.6-flash").metadata.context_window == 1_000_000


def test_metadata_never_raises() -> None:
    llm = Qwen(model="qwen3.6-flash", provider="anyfast")
    llm.base_url = "http://[broken"
    assert llm.metadata.context_window == 1_000_000
    llm.model = "no such model"
    assert llm.metadata.context_window == 131_072


def test_function_calls_may_be_ruled_out() -> None:
    llm = Qwen(model="qwen3.6-flash", provider="anyfast", is_function_calling_model=False)
    assert not llm.metadata.is_function_calling_model


def test_the_framework_plans_with_it() -> None:
    llm = Qwen(model="qwen3.6-flash", provider="anyfast", context_window=10_000)
    assert PromptHelper.from_llm_metadata(llm.metadata).num_output == 2500
    assert ChatMemoryBuffer.from_defaults(llm=llm).token_limit == 7500


# Copies, dumps, secrets


COPIES: dict[str, Callable[[Qwen], Qwen]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda llm: llm.model_copy(),
    "deep model_copy": lambda llm: llm.model_copy(deep=True),
    "pickle": lambda llm: pickle.loads(pickle.dumps(llm)),  # noqa: S301 - our own bytes
    "dict": lambda llm: Qwen.from_dict(llm.to_dict(), api_key=llm.api_key),
    "json": lambda llm: Qwen.from_json(llm.to_json(), api_key=llm.api_key),
}


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
def test_a_copy_works_like_the_original(make_llm: Callable[..., Qwen], name: str, *, used: bool) -> None:
    llm = make_llm(temperature=0.5, stop=["END"], context_window=5000, extra_body={"user": "me"})
    if used:
        llm.chat(ASK)
        asyncio.run(llm.achat(ASK))
    twin = COPIES[name](llm)
    assert twin.to_dict() == llm.to_dict()
    assert twin.api_key == llm.api_key
    assert twin.metadata == llm.metadata
    assert twin.chat(ASK).message.content == "2 + 3 = 5"
    assert asyncio.run(twin.achat(ASK)).message.content == "2 + 3 = 5"
    assert llm.chat(ASK).message.content == "2 + 3 = 5"
    twin.close()


def test_secrets_are_not_shown() -> None:
    llm = Qwen(
        model="qwen3.6-flash",
        provider="anyfast",
        api_key=SecretStr(SECRET),
        default_headers={"authorization": f"Bearer {SECRET}"},
    )
    shown = [repr(llm), str(llm), str(llm.to_dict()), llm.to_json(), str(llm.metadata), json.dumps(llm.model_dump())]
    if hasattr(llm, "to_payload"):  # newer than the oldest core we support
        shown.append(str(llm.to_payload()))
    assert not any(SECRET in text for text in shown)


def test_a_provider_row_is_a_name_in_dumps() -> None:
    llm = Qwen(model="qwen3.6-flash", provider=PROVIDERS["anyfast"])
    assert Qwen.from_dict(llm.to_dict()).provider == "anyfast"


def test_settings_of_a_call_do_not_stick(llm: Qwen) -> None:
    before = llm.to_dict()
    llm.chat(ASK, temperature=0.1, enable_thinking=True, max_tokens=5, extra_body={"user": "me"})
    assert llm.to_dict() == before


def test_it_can_be_closed_and_used_again(llm: Qwen) -> None:
    llm.chat(ASK)
    llm.close()
    assert llm.chat(ASK).message.content == "2 + 3 = 5"

    async def twice() -> None:
        await llm.achat(ASK)
        await llm.aclose()
        await llm.achat(ASK)

    asyncio.run(twice())


def test_threads_share_one(llm: Qwen) -> None:
    answers: list[str | None] = []
    threads = [threading.Thread(target=lambda: answers.append(llm.chat(ASK).message.content)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["2 + 3 = 5"] * 10


def test_importing_it_does_not_import_the_sdk() -> None:
    code = "import sys; from llama_index.llms.qwen import Qwen; sys.exit('openai' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code
