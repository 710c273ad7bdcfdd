"""Which provider, which key, and what is refused before a byte is sent. Addresses are in `test_addresses.py`."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from qwen_endpoints import (
    PROVIDERS,
    ConfigurationError,
    Dialect,
    Message,
    Provider,
    QwenClient,
    QwenError,
    QwenSettings,
    check_settings,
    plan_call,
    resolve,
)

from .support import KEY, Reply, Server, user

LOCAL = ("vllm", "sglang", "ollama", "llamacpp")
FOREIGN = "foreign-secret"


def settings(**given: Any) -> QwenSettings:
    values: dict[str, Any] = {"model": "qwen3-32b", **given}
    return QwenSettings(**values)


def error_of(**given: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        resolve(settings(**given))
    return str(caught.value)


# Which provider


def test_an_explicit_provider_comes_before_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_PROVIDER", "openrouter")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "k")
    place = resolve(settings(provider="anyfast-cn", api_key=KEY, base_url="https://wcode.net/api/gpt/v1"))
    assert (place.provider.name, place.base_url) == ("anyfast-cn", "https://wcode.net/api/gpt/v1")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://www.anyfast.com.cn/v1", "anyfast-cn"),
        ("https://www.anyfast.ai/v1", "anyfast"),
        ("https://anyfast.ai/v1/", "anyfast"),
        ("https://WCODE.net/api/gpt/v1", "wcode"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "dashscope"),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "dashscope-intl"),
        ("https://dashscope-us.aliyuncs.com/compatible-mode/v1", "dashscope-intl"),
        ("https://w1.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", "dashscope-intl"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://notwcode.net/v1", "generic"),
        ("https://wcode.net.example.org/v1", "generic"),
        ("https://example.org/wcode.net", "generic"),
        ("http://localhost:8000/v1", "generic"),
    ],
)
def test_then_the_host_of_the_address(url: str, name: str) -> None:
    assert resolve(settings(base_url=url, api_key=KEY)).provider.name == name


def test_the_host_comes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_PROVIDER", "openrouter")
    assert resolve(settings(base_url="https://www.anyfast.ai/v1", api_key=KEY)).provider.name == "anyfast"


def test_then_the_variable_before_the_key_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_PROVIDER", "openrouter")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "k")
    assert resolve(settings(api_key=KEY)).provider.name == "openrouter"


@pytest.mark.parametrize(
    ("variable", "model", "name"),
    [
        ("ANYFAST_CN_API_KEY", "qwen3-32b", "anyfast-cn"),
        ("ANYFAST_API_KEY", "qwen3.6-flash", "anyfast"),
        ("WCODE_API_KEY", "qwen/qwen3-235b-a22b", "wcode"),
        ("WCODE_API_KEY", "qwen/qwen3-vl-32b-instruct", "wcode"),
        ("DASHSCOPE_API_KEY", "qwen-plus", "dashscope"),
        ("OPENROUTER_API_KEY", "qwen/qwen3-32b", "openrouter"),
    ],
)
def test_then_the_one_provider_whose_key_is_set_and_who_has_the_model(
    monkeypatch: pytest.MonkeyPatch, variable: str, model: str, name: str
) -> None:
    monkeypatch.setenv(variable, "from-env")
    place = resolve(settings(model=model))
    assert place.provider.name == name
    assert place.api_key is not None
    assert place.api_key.get_secret_value() == "from-env"


def test_a_key_whose_provider_lacks_the_model_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYFAST_API_KEY", "k")
    assert "lists this model" in error_of(model="qwen3-32b")
    monkeypatch.setenv("ANYFAST_CN_API_KEY", "k")
    assert resolve(settings(model="qwen3-32b")).provider.name == "anyfast-cn"


def test_two_candidates_are_an_error_that_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "k")
    monkeypatch.setenv("ANYFAST_CN_API_KEY", "k")
    assert "keys are set for anyfast-cn, dashscope" in error_of()


def test_no_candidate_is_an_error_that_lists_the_choices() -> None:
    message = error_of()
    assert "no key variable is set" in message
    for row in PROVIDERS.values():
        assert row.name in message or row.name == "generic"
        assert all(variable in message for variable in row.key_variables)
    assert all(word in message for word in ("provider=", "base_url=", "QWEN_PROVIDER"))


def test_blank_variables_are_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "  ")
    monkeypatch.setenv("QWEN_PROVIDER", "")
    assert "no key variable is set" in error_of()


@pytest.mark.parametrize(
    ("typo", "meant"), [("anyfst", "anyfast"), ("open-router", "openrouter"), ("dashscop", "dashscope")]
)
def test_a_misspelt_provider_gets_a_suggestion(typo: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"Did you mean {meant!r}?" in error_of(provider=typo)
    assert all(name in error_of(provider="zzz") for name in PROVIDERS)
    monkeypatch.setenv("QWEN_PROVIDER", typo)
    assert "QWEN_PROVIDER" in error_of()


# Which key


def test_the_argument_comes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "from-env")
    key = resolve(settings(provider="dashscope", api_key="given")).api_key
    assert key is not None
    assert key.get_secret_value() == "given"


@pytest.mark.parametrize("provider", [name for name, row in PROVIDERS.items() if row.key_required])
def test_a_missing_key_names_the_variable(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for row in PROVIDERS.values():
        for variable in row.key_variables:
            if variable not in PROVIDERS[provider].key_variables:
                monkeypatch.setenv(variable, FOREIGN)
    monkeypatch.setenv("OPENAI_API_KEY", FOREIGN)
    for given in ({}, {"api_key": ""}, {"api_key": "  "}):
        message = error_of(provider=provider, **given)
        assert all(variable in message for variable in PROVIDERS[provider].key_variables)
        assert FOREIGN not in message


FOREIGN_HEADERS = (
    "X-Foreign: foreign-secret\nAuthorization: Bearer foreign-secret\nContent-Type: text/foreign-secret\n"
    "authorization: foreign-secret\ncontent-type: foreign-secret\nOpenAI-Organization: foreign-secret"
)


@pytest.mark.parametrize(
    ("provider", "keyed"),
    [
        ("anyfast-cn", True),
        ("dashscope", True),
        *((name, keyed) for name in (*LOCAL, "generic") for keyed in (True, False)),
    ],
)
def test_nothing_of_another_service_reaches_the_server(
    server: Server, monkeypatch: pytest.MonkeyPatch, provider: str, keyed: bool
) -> None:
    for name in ("API_KEY", "ORG_ID", "PROJECT_ID", "ADMIN_KEY", "WEBHOOK_SECRET"):
        monkeypatch.setenv(f"OPENAI_{name}", FOREIGN)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", FOREIGN_HEADERS)
    for row in PROVIDERS.values():
        for variable in row.key_variables:
            monkeypatch.setenv(variable, FOREIGN)
    given = settings(provider=provider, base_url=server.url, api_key=KEY if keyed else None, model="qwen-plus")
    fresh = QwenClient()
    fresh.complete(plan_call(given, [user()]))
    list(fresh.stream(plan_call(given, [user()])))
    fresh.close()
    assert len(server.received) == 2
    for seen in server.received:
        assert FOREIGN not in repr(seen.headers)
        assert [value for name, value in seen.headers if name.lower() == "authorization"] == [f"Bearer {KEY}"] * keyed
        assert seen.header("Content-Type") == "application/json"
        assert not [name for name, _ in seen.headers if name.lower().startswith("openai-")]


async def test_the_async_client_is_as_closed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", FOREIGN)
    monkeypatch.setenv("OPENAI_ORG_ID", FOREIGN)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", FOREIGN_HEADERS)
    fresh = QwenClient()
    await fresh.acomplete(plan_call(settings(provider="vllm", base_url=server.url), [user()]))
    await fresh.aclose()
    assert FOREIGN not in repr(server.last.headers)
    assert server.last.header("Authorization") is None


def test_the_variable_of_a_row_does_not_go_to_a_host_nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_PROVIDER", "dashscope")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "k")
    assert "No API key" in error_of(base_url="https://elsewhere.example/v1")
    assert resolve(settings(base_url="https://elsewhere.example/v1", provider="dashscope")).api_key is not None


def test_a_redirect_to_another_host_does_not_carry_the_key(server: Server) -> None:
    other = server.url.replace("127.0.0.1", "localhost")
    server.script(Reply(status=307, headers={"Location": f"{other}/chat/completions"}), Reply((b"{}",)))
    fresh = QwenClient()
    with pytest.raises(QwenError):
        fresh.complete(plan_call(settings(provider="vllm", base_url=server.url, api_key=KEY), [user()]))
    fresh.close()
    assert server.received[0].header("Authorization") is not None
    assert [seen.header("Authorization") for seen in server.received[1:]] in ([], [None])


@pytest.mark.parametrize("key", ["sk-abc\n", " sk-abc ", "sk-abc\r\n"])
def test_white_space_around_a_key_is_not_part_of_it(server: Server, client: QwenClient, key: str) -> None:
    client.complete(plan_call(settings(provider="vllm", base_url=server.url, api_key=key), [user()]))
    assert server.last.header("Authorization") == "Bearer sk-abc"


@pytest.mark.parametrize("key", ["sk-\nabc", "sk-ab\u2026", "sk-\x00abc", "\uff53k"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(key: str) -> None:
    message = error_of(provider="dashscope", api_key=key)
    assert "characters" in message
    assert "abc" not in message


def test_a_call_may_bring_its_own_authorization(server: Server, client: QwenClient) -> None:
    given = settings(provider="vllm", base_url=server.url)
    client.complete(plan_call(given, [user()], overrides={"extra_headers": {"authorization": "Basic x"}}))
    assert server.last.header("Authorization") == "Basic x"


# Own rows


def test_own_providers_and_dialects_need_no_subclass(server: Server, client: QwenClient) -> None:
    dialect = Dialect(thinking_on={"think": 1}, max_tokens="max_completion_tokens")
    mine = Provider(name="mine", base_url=server.url, dialect=dialect, key_required=False)
    client.complete(plan_call(settings(provider=mine, enable_thinking=True, max_tokens=3), [user()]))
    assert server.last.json["think"] == 1
    assert server.last.json["max_completion_tokens"] == 3
    changed = replace(
        PROVIDERS["wcode"], base_url=server.url, dialect=replace(PROVIDERS["wcode"].dialect, thinking_on={"a": 1})
    )
    client.complete(plan_call(settings(provider=changed, api_key=KEY, enable_thinking=True), [user()]))
    assert server.last.json["a"] == 1
    assert PROVIDERS["wcode"].dialect.thinking_on != {"a": 1}


@pytest.mark.parametrize("row", PROVIDERS.values(), ids=lambda row: row.name)
def test_rows_survive_copy_and_pickle_inside_settings(row: Provider) -> None:
    given = settings(provider=row, api_key=KEY)
    for again in (copy.deepcopy(given), pickle.loads(pickle.dumps(given)), given.model_copy(deep=True)):  # noqa: S301
        assert again == given
        assert again.provider == row
    assert given.model_dump()["provider"] == row.name


def test_values_are_frozen() -> None:
    place = resolve(settings(provider="wcode", api_key=KEY))
    call = plan_call(settings(provider="wcode", api_key=KEY), [user()])
    for value, name in ((place, "model"), (place.provider, "name"), (place.dialect, "json_word"), (place.profile,
        "tools"),
                        (call, "request"), (call.request, "tools"), (user(), "content")):  # fmt: skip
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, None)
    with pytest.raises(TypeError):
        PROVIDERS["x"] = place.provider  # type: ignore[index]


# Secrets


def test_a_key_shows_nowhere_but_travels_in_a_pickle_and_a_copy() -> None:
    given = settings(provider="dashscope", api_key=KEY, default_headers={"X-Api-Key": KEY})
    place = resolve(given)
    call = plan_call(given, [user()])
    shown = [repr(given), str(given), repr(given.model_dump()), given.model_dump_json(), repr(place), repr(place.scope),
             repr(call), repr(call.transport), str(given.model_json_schema())]  # fmt: skip
    assert [text for text in shown if KEY in text] == []
    for again in (pickle.loads(pickle.dumps(given)), copy.deepcopy(given), copy.copy(given)):  # noqa: S301
        assert again.api_key is not None
        assert again.api_key.get_secret_value() == KEY
        assert KEY not in repr(again)
    assert isinstance(given.api_key, SecretStr)


# Arguments


def test_an_unknown_argument_warns_and_travels_in_the_body(server: Server, client: QwenClient) -> None:
    with pytest.warns(UserWarning, match="'temprature'") as caught:
        given = settings(provider="vllm", base_url=server.url, temprature=0.5, extra_body={"a": 1})
    assert len(caught) == 1
    assert given.extra_body == {"temprature": 0.5, "a": 1}
    client.complete(plan_call(given, [user()]))
    assert (server.last.json["temprature"], server.last.json["a"]) == (0.5, 1)


@pytest.mark.parametrize(
    ("alias", "field"),
    [("model_name", "model"), ("api_base", "base_url"), ("max_completion_tokens", "max_tokens"),
     ("max_output_tokens", "max_tokens"), ("stop_sequences", "stop")],
)  # fmt: skip
def test_aliases_are_known(alias: str, field: str) -> None:
    value: Any = 5 if field == "max_tokens" else "https://x"
    values: dict[str, Any] = {**({} if field == "model" else {"model": "m"}), alias: value}
    assert getattr(QwenSettings(**values), field) == value


def test_an_unknown_model_warns_once_and_never_raises() -> None:
    with pytest.warns(UserWarning, match="context_window"):
        resolve(settings(provider="vllm", model="acme-1"))
    place = resolve(settings(provider="vllm", model="acme-1"))  # a warning would be an error here
    assert (place.profile.context_window, place.profile.thinking, place.profile.may_think) == (None, None, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reasoning_effort", "huge"),
        ("reasoning_replay", "some"),
        ("max_retries", -1),
        ("temperature", "warm"),
        ("provider", 3),
    ],
)
def test_wrong_types_are_refused_at_construction_and_per_call(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        settings(**{field: value})
    with pytest.raises(ConfigurationError, match=field):
        plan_call(settings(provider="vllm"), [user()], overrides={field: value})


def test_check_settings_judges_what_can_be_told() -> None:
    assert check_settings(settings()) is None
    place = check_settings(settings(provider="dashscope"))
    assert place is not None
    assert place.api_key is None
    for wrong in ({"provider": "nope"}, {"provider": "anyfast", "temperature": 9},
                  {"provider": "dashscope", "enable_thinking": False, "thinking_budget": 1}):  # fmt: skip
        with pytest.raises(ConfigurationError):
            check_settings(settings(**wrong))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"enable_thinking": False, "reasoning_effort": "high"}, ["enable_thinking=False", "reasoning_effort='high'"]),
        ({"enable_thinking": True, "reasoning_effort": "none"}, ["enable_thinking=True", "reasoning_effort='none'"]),
        ({"enable_thinking": False, "thinking_budget": 9}, ["enable_thinking=False", "thinking_budget=9"]),
        ({"reasoning_effort": "none", "thinking_budget": 9}, ["reasoning_effort='none'", "thinking_budget=9"]),
        ({"model": "qwen3-coder-plus", "enable_thinking": True}, ["does not reason"]),
        ({"model": "qwq-32b", "enable_thinking": False}, ["always reasons"]),
    ],
)
def test_contradictions_about_thinking_are_refused(server: Server, given: dict[str, Any], words: list[str]) -> None:
    call = plan_call(settings(provider="dashscope", api_key=KEY, base_url=server.url, **given), [user()])
    with pytest.raises(ConfigurationError) as caught:
        QwenClient().complete(call)
    assert [word for word in words if word not in str(caught.value)] == []
    assert server.received == []


def test_a_message_that_cannot_be_written_is_a_configuration_error(server: Server, client: QwenClient) -> None:
    given = settings(provider="vllm", base_url=server.url)
    for content in ("\ud800", [{"type": "text", "text": "a", "x": object()}, {"type": "text", "text": "b"}]):
        with pytest.raises(ConfigurationError):
            client.complete(plan_call(given, [Message(role="user", content=content)]))
    assert server.received == []
