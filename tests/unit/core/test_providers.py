"""The table of endpoints, and the documented limits of the four that are documented in full."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# ruff: noqa: PLR0917 - parameters come from the table above each test
from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from qwen_endpoints import (
    PROVIDERS,
    ConfigurationError,
    Endpoint,
    Provider,
    QwenClient,
    QwenSettings,
    catalogue,
    plan_call,
    resolve,
)
from qwen_endpoints.models import PROFILE_FIELDS
from qwen_endpoints.settings import PARAMETERS

from .support import KEY, Server, endpoint, user

E1 = ("anyfast-cn", "qwen3-32b")
E2 = ("anyfast", "qwen3.6-flash")
E3 = ("wcode", "qwen/qwen3-235b-a22b")
E4 = ("wcode", "qwen/qwen3-vl-32b-instruct")

each_row = pytest.mark.parametrize("row", PROVIDERS.values(), ids=lambda row: row.name)


@each_row
def test_a_row_says_where_and_when_it_was_read(row: Provider) -> None:
    assert row.source
    assert type(row.checked) is date
    assert PROVIDERS[row.name] is row
    assert row.key_required == bool(row.key_variables)
    assert row.key_page.startswith("https://") if row.key_required else row.key_page == ""


@each_row
def test_an_address_is_of_the_rows_own_host_and_safe_for_a_key(row: Provider) -> None:
    if row.hosts:
        assert row.owns(row.base_url)
        assert row.base_url.startswith("https://")
        assert not row.base_url.endswith("/")
        others = [other for other in PROVIDERS.values() if other is not row and other.owns(row.base_url)]
        # A host that speaks several protocols has an address for each.
        assert all(other.protocol != row.protocol and other.base_url != row.base_url for other in others)
    else:
        assert row.name == "generic" or row.base_url.startswith("http://localhost:")


@each_row
def test_overrides_name_fields_and_parameters_that_exist(row: Provider) -> None:
    neutral = {*PARAMETERS, "thinking_budget", "reasoning_effort", "enable_thinking", "preserve_thinking"}
    wire = {"response_format", "structured_outputs", "tools", "tool_choice", "chat_template_kwargs", "n"}
    for name, offer in row.models.items():
        assert set(offer.profile) <= PROFILE_FIELDS
        assert set(offer.parameters) | set(offer.dropped) <= neutral | wire
        assert name == "*" or catalogue().find(name) is not None
        price = offer.profile.get("price")
        if price is not None:
            assert price.source
            assert price.checked
    assert set(row.parameters) | set(row.dialect.dropped) <= neutral | wire
    assert all(row.dialect.dropped.values())


@each_row
def test_what_a_dialect_cannot_say_is_refused_not_lost(row: Provider) -> None:
    unsaid = {
        name
        for name in ("thinking_budget", "preserve_thinking", "reasoning_effort")
        if getattr(row.dialect, name) is None
    }
    assert unsaid <= set(row.dialect.dropped)


def test_keys_are_shared_by_the_addresses_of_one_vendor_only() -> None:
    owners: dict[str, list[str]] = {}
    for row in PROVIDERS.values():
        for variable in row.key_variables:
            owners.setdefault(variable, []).append(row.name)
    assert {tuple(names) for names in owners.values() if len(names) > 1} == {
        ("dashscope", "dashscope-intl"), ("wcode", "wcode-anthropic"),
    }  # fmt: skip
    assert set(owners) == {
        "ANYFAST_API_KEY", "ANYFAST_CN_API_KEY", "WCODE_API_KEY", "DASHSCOPE_API_KEY", "OPENROUTER_API_KEY",
    }  # fmt: skip


# The documented facts of E1 to E4


@pytest.mark.parametrize(
    ("place", "url"),
    [(E1, "https://www.anyfast.com.cn/v1"), (E2, "https://www.anyfast.ai/v1"), (E3, "https://wcode.net/api/gpt/v1"),
     (E4, "https://wcode.net/api/gpt/v1")],
)  # fmt: skip
def test_addresses(place: tuple[str, str], url: str) -> None:
    assert endpoint(*place).base_url == url


def facts(place: Endpoint, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(place.profile, name) for name in names)


def test_what_the_models_can_do_there() -> None:
    names = ("context_window", "max_output_tokens", "inputs", "thinking", "thinking_default", "thinking_streams_only")
    text, media = frozenset({"text"}), frozenset({"text", "image", "video"})
    assert facts(endpoint(*E1), *names) == (131_072, 8192, text, "hybrid", True, True)
    assert facts(endpoint(*E2), *names) == (1_000_000, 65_536, media, "hybrid", False, False)
    assert facts(endpoint(*E3), *names)[0::2] == (131_072, text, True)
    assert facts(endpoint(*E3), *names)[3::2] == ("hybrid", False)
    assert facts(endpoint(*E4), *names)[:1] == (262_144,)
    assert facts(endpoint(*E4), *names)[2:4] == (media, "none")
    assert all(endpoint(*place).profile.tools is True for place in (E1, E2, E3, E4))


def test_prices_per_million() -> None:
    for place, input_, output in ((E3, 2.5, 6.75), (E4, 4.5, 14.0)):
        price = endpoint(*place).profile.price
        assert price is not None
        assert (price.input, price.output, price.currency) == (pytest.approx(input_), pytest.approx(output), "CNY")
    assert endpoint(*E1).profile.price is None


ANYFAST_RANGES = {
    "temperature": (0, 2), "top_p": (0, 1), "frequency_penalty": (-2, 2), "presence_penalty": (-2, 2),
}  # fmt: skip
WCODE_RANGES: dict[str, tuple[float, float | None]] = {
    **ANYFAST_RANGES, "top_k": (0, None), "repetition_penalty": (0, 2), "min_p": (0, 1), "top_a": (0, 1),
    "max_tokens": (1, None), "top_logprobs": (0, 20),
}  # fmt: skip
RANGES: dict[tuple[str, str], dict[str, tuple[float, float | None]]] = {
    E1: {**ANYFAST_RANGES, "max_tokens": (1, 8192)},
    E2: {**ANYFAST_RANGES, "max_tokens": (1, 65536)},
    E3: WCODE_RANGES,
    E4: WCODE_RANGES,
}
INTEGERS = {"top_k", "max_tokens", "top_logprobs"}
WIRE_NAME = {("anyfast", "max_tokens"): "max_completion_tokens"}


def bounds() -> list[Any]:
    """Each bound of each documented parameter: the last value inside and the first outside."""
    cases: list[Any] = []
    for (provider, model), ranges in RANGES.items():
        for name, limits in ranges.items():
            for limit, direction in zip(limits, (-1, 1), strict=True):
                if limit is None:
                    continue
                outside = limit + direction * (1 if name in INTEGERS else 0.001)
                side = "least" if direction < 0 else "most"
                cases.append(
                    pytest.param(provider, model, name, limit, outside, id=f"{provider} {model} {name} {side}")
                )
    return cases


def ask(server: Server, client: QwenClient, provider: str, model: str, **given: Any) -> Any:
    overrides = given.pop("overrides", None)
    settings = QwenSettings(provider=provider, model=model, api_key=KEY, base_url=server.url, **given)
    client.complete(plan_call(settings, [user()], overrides=overrides))
    return server.last.json


def refused(server: Server, client: QwenClient, provider: str, model: str, **given: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        ask(server, client, provider, model, **given)
    assert server.received == []
    assert provider in str(caught.value)
    assert model in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("provider", "model", "name", "inside", "outside"), bounds())
def test_documented_ranges_hold_at_their_bounds(
    server: Server, client: QwenClient, provider: str, model: str, name: str, inside: float, outside: float
) -> None:
    beside = {"logprobs": True} if name == "top_logprobs" else {}
    message = refused(server, client, provider, model, **{name: outside, **beside})
    low, high = RANGES[provider, model][name]
    span = f"at least {low:g}" if high is None else f"{low:g} to {high:g}"
    assert f"{name}={outside!r}" in message
    assert span in message
    wire = WIRE_NAME.get((provider, name), name)
    assert ask(server, client, provider, model, **{name: inside, **beside})[wire] == inside
    server.received.clear()
    refused(server, client, provider, model, **beside, overrides={name: outside})
    assert ask(server, client, provider, model, **beside, extra_body={wire: outside})[wire] == outside


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_outside_every_range(server: Server, client: QwenClient, value: float) -> None:
    refused(server, client, *E2, temperature=value)


def test_words_outside_a_documented_list_are_refused(server: Server, client: QwenClient) -> None:
    message = refused(server, client, *E3, verbosity="loud")
    assert "one of low, medium, high" in message
    for word in ("low", "medium", "high"):
        assert ask(server, client, *E3, verbosity=word)["verbosity"] == word


@pytest.mark.parametrize("word", ["xhigh", "high", "medium", "low", "minimal", "none"])
def test_every_documented_effort_is_sent(server: Server, client: QwenClient, word: Any) -> None:
    assert ask(server, client, *E3, reasoning_effort=word)["reasoning"] == {"effort": word}


@pytest.mark.parametrize("beside", [{}, {"logprobs": False}])
def test_top_logprobs_need_logprobs(server: Server, client: QwenClient, beside: dict[str, Any]) -> None:
    assert "needs logprobs=True" in refused(server, client, *E3, top_logprobs=3, **beside)


DROPPED = [
    *((place, name, value) for place in (E1, E2) for name, value in (
        ("thinking_budget", 9), ("preserve_thinking", True), ("min_p", 0.1), ("top_a", 0.1), ("repetition_penalty",
            1.1),
        ("logit_bias", {"1": 1.0}),
    )),
    (E3, "thinking_budget", 9), (E3, "preserve_thinking", True),
    (("openrouter", "qwen/qwen3-32b"), "preserve_thinking", True),
    (("vllm", "qwen3-32b"), "top_a", 0.1), (("vllm", "qwen3-32b"), "verbosity", "low"),
    (("llamacpp", "qwen3-32b"), "thinking_budget", 9), (("ollama", "qwen3-32b"), "thinking_budget", 9),
]  # fmt: skip


@pytest.mark.parametrize(("place", "name", "value"), DROPPED)
def test_what_would_be_dropped_is_refused_and_extra_body_sends_it(
    server: Server, client: QwenClient, place: tuple[str, str], name: str, value: Any
) -> None:
    message = refused(server, client, *place, **{name: value})
    assert f"{name}={value!r}" in message
    assert "extra_body" in message
    assert ask(server, client, *place, extra_body={name: value})[name] == value


@pytest.mark.parametrize("name", ["top_k", "seed", "parallel_tool_calls", "verbosity", "logprobs"])
def test_what_a_page_is_silent_about_is_sent(server: Server, client: QwenClient, name: str) -> None:
    value: Any = {"verbosity": "low", "logprobs": True, "parallel_tool_calls": True}.get(name, 5)
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    settings = QwenSettings(
        provider="anyfast", model="qwen3.6-flash", api_key=KEY, base_url=server.url, **{name: value}
    )
    client.complete(plan_call(settings, [user()], tools=[tool]))
    assert server.last.json[name] == value


def test_a_budget_is_at_least_one_at_dashscope(server: Server, client: QwenClient) -> None:
    assert "at least 1" in refused(server, client, "dashscope", "qwen3-32b", thinking_budget=0)


def test_every_profile_override_of_every_row_resolves() -> None:
    for row in PROVIDERS.values():
        for name in row.models:
            if name != "*":
                place = endpoint(row.name, name)
                assert {field.name for field in fields(place.profile)} == PROFILE_FIELDS


@pytest.mark.parametrize(
    "row",
    [Provider(name="mine", base_url="http://localhost:1/v1"), replace(PROVIDERS["anyfast"], id_prefix="qwen/")],
    ids=["own", "changed"],
)
def test_a_row_of_ones_own_is_not_read_back_as_another(row: Provider) -> None:
    """A dump holds a row by name; the name of a row that no table holds is marked."""
    dumped = QwenSettings(model="qwen3.6-flash", provider=row).model_dump()["provider"]
    with pytest.raises(ConfigurationError, match=rf"provider is '{row.name}', a row of somebody's own"):
        resolve(QwenSettings(model="qwen3.6-flash", provider=dumped))


@each_row
def test_a_row_of_the_table_is_read_back(row: Provider) -> None:
    dumped = QwenSettings(model="qwen3.6-flash", provider=replace(row)).model_dump()["provider"]
    assert dumped == row.name
