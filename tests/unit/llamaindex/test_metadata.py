"""What the framework is told about a model, and what it plans with that."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core import Settings
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import PydanticProgramMode
from llama_index.llms.qwen import Qwen
from pydantic import ValidationError
from qwen_endpoints import PROVIDERS, ModelOffer, catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen_sandbox import Sandbox


def _build(**settings: Any) -> Qwen:
    given: dict[str, Any] = {"model": "qwen3.6-flash", "provider": "anyfast", **settings}
    return Qwen(**given)


def test_metadata_from_the_catalogue() -> None:
    metadata = _build().metadata
    assert metadata.context_window == 1_000_000
    assert metadata.num_output == 8192
    assert metadata.model_name == "qwen3.6-flash"
    assert metadata.is_chat_model
    assert metadata.is_function_calling_model
    assert metadata.system_role == "system"


def test_metadata_as_the_provider_has_it() -> None:
    assert _build(model="qwen/qwen3-vl-32b-instruct", provider="wcode").metadata.context_window == 262_144


def test_metadata_of_a_row_of_ones_own() -> None:
    offer = ModelOffer(profile={"context_window": 9000, "max_output_tokens": 500, "tools": False})
    metadata = _build(provider=replace(PROVIDERS["anyfast"], models={"qwen3.6-flash": offer})).metadata
    assert (metadata.context_window, metadata.num_output) == (9000, 500)
    assert not metadata.is_function_calling_model


@pytest.mark.parametrize(
    ("settings", "context", "output"),
    [
        ({"context_window": 4096}, 4096, 1024),
        ({"max_tokens": 100}, 1_000_000, 100),
        ({"max_completion_tokens": 20_000}, 1_000_000, 20_000),
        ({"context_window": 2}, 2, 1),
        ({"context_window": 4096, "max_tokens": 4095}, 4096, 4095),
        # A limit that leaves no room for a prompt is none to plan with.
        ({"context_window": 4096, "max_tokens": 4096}, 4096, 1024),
        ({"context_window": 4096, "max_tokens": 60_000}, 4096, 1024),
    ],
)
def test_metadata_with_overrides(settings: dict[str, Any], context: int, output: int) -> None:
    metadata = _build(**settings).metadata
    assert (metadata.context_window, metadata.num_output) == (context, output)


def test_a_limit_beyond_the_window_is_sent_as_it_is(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    """Planning is ours, the limit is the caller's."""
    make_llm(context_window=4096, max_tokens=60_000).complete("hi")
    assert qwen_sandbox.last_request.json["max_completion_tokens"] == 60_000


@pytest.mark.filterwarnings("ignore:Model 'qwen-of-tomorrow':UserWarning")
def test_metadata_of_an_unknown_model() -> None:
    metadata = _build(model="qwen-of-tomorrow", provider="ollama").metadata
    assert metadata.context_window == 131_072
    assert metadata.num_output == 8192
    assert metadata.is_function_calling_model


def test_describing_an_unknown_model_leaves_nothing_to_warn_of() -> None:
    assert _build(model="qwen-of-next-week", provider="ollama", context_window=5000).metadata.context_window == 5000


def test_metadata_while_the_provider_is_unknown() -> None:
    assert Qwen(model="qwen3.6-flash").metadata.context_window == 1_000_000


def test_metadata_never_raises() -> None:
    llm = _build()
    llm.base_url = "http://[broken"
    assert llm.metadata.context_window == 1_000_000
    llm.model = "no such model"
    assert llm.metadata.context_window == 131_072


def test_function_calls_may_be_ruled_out() -> None:
    llm = _build(is_function_calling_model=False)
    assert not llm.metadata.is_function_calling_model


@pytest.mark.parametrize("value", [0, -1, "many"])
def test_a_window_must_be_positive(value: Any) -> None:
    with pytest.raises(ValidationError, match="context_window"):
        _build(context_window=value)


# What the framework does with it


def _characters(text: str) -> list[str]:
    return list(text)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_framework_can_plan_with_every_model(provider: str) -> None:
    row = PROVIDERS[provider]
    place: dict[str, Any] = {} if row.base_url else {"base_url": "http://localhost:1/v1"}
    models = {*catalogue().profiles, *(name for name in row.models if name != "*")}
    assert len(models) > 50
    packed_for: set[tuple[int, int]] = set()
    for model in models:
        llm = Qwen(model=model, provider=provider, **place)
        metadata = llm.metadata
        assert 0 < metadata.num_output <= metadata.context_window // 4, model
        limit = ChatMemoryBuffer.from_defaults(llm=llm, tokenizer_fn=_characters).token_limit
        assert 0 < limit < metadata.context_window
        if (metadata.context_window, metadata.num_output) in packed_for:
            continue
        packed_for.add((metadata.context_window, metadata.num_output))
        helper = PromptHelper.from_llm_metadata(metadata, tokenizer=_characters)
        template = PromptTemplate("Context: {context_str}")
        (packed,) = helper.repack(template, ["one", "two"], llm=llm)
        assert packed == "one\n\ntwo"


def test_a_memory_is_as_long_as_the_window(make_llm: Callable[..., Qwen]) -> None:
    assert ChatMemoryBuffer.from_defaults(llm=make_llm(context_window=10_000)).token_limit == 7500
    assert PromptHelper.from_llm_metadata(make_llm(context_window=10_000).metadata).num_output == 2500


def test_the_frameworks_settings_follow_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_llm", "_prompt_helper", "_callback_manager"):
        monkeypatch.setattr(Settings, name, None)
    Settings.llm = _build(context_window=20_000, max_tokens=300)
    assert (Settings.context_window, Settings.num_output) == (20_000, 300)


# The workflow package looks at every attribute of an agent, pydantic's deprecated ones included.
@pytest.mark.filterwarnings(
    "ignore:The `__fields:DeprecationWarning", "ignore:Accessing the 'model_:DeprecationWarning"
)
def test_agents_are_chosen_by_it(make_llm: Callable[..., Qwen]) -> None:
    def multiply(a: int, b: int) -> int:
        """Multiply two numbers."""
        return a * b

    def kind(**settings: Any) -> bool:
        workflow = AgentWorkflow.from_tools_or_functions([multiply], llm=make_llm(**settings))
        return isinstance(next(iter(workflow.agents.values())), FunctionAgent)

    assert kind()
    assert not kind(is_function_calling_model=False)


def test_it_has_the_frameworks_own_fields() -> None:
    def shout(prompt: str) -> str:
        return prompt.upper()

    llm = _build(system_prompt="Be kind.", completion_to_prompt=shout, pydantic_program_mode="llm")
    assert llm.system_prompt == "Be kind."
    assert llm.completion_to_prompt is not None
    assert llm.completion_to_prompt("hi") == "HI"
    assert llm.pydantic_program_mode is PydanticProgramMode.LLM
